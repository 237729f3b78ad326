/* SPDX-License-Identifier: Apache-2.0
 *
 * The same call again: the library promises the same bits. */
#ifndef CLXLSTM_TOOLS_CASE_REPEAT_H
#define CLXLSTM_TOOLS_CASE_REPEAT_H

#include "case_run.h"

/* Runs the case of a finished call `count` times more, each time with an operator and buffers of its own, and compares every
 * output bit by bit. Errors: CLX_ERR_INTERNAL where one differs, naming the element; what a run gives. */
clx_status tool_case_repeat(const tool_call *first, uint64_t count, clx_error *error);

#endif
