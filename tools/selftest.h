/* SPDX-License-Identifier: Apache-2.0
 *
 * Small fixed problems for the self-test: each becomes a case in memory and goes the way of any case file without
 * expected values. One file per operator family. */
#ifndef CLXLSTM_TOOLS_SELFTEST_H
#define CLXLSTM_TOOLS_SELFTEST_H

#include "io/case.h"

typedef struct tool_selftest_family {
    size_t count;
    const char *(*name)(size_t index); /* "mlstm_parallel odd f32" */
    clx_status (*make)(size_t index, clxi_case **out, clx_error *error);
} tool_selftest_family;

extern const tool_selftest_family tool_selftest_mlstm;
extern const tool_selftest_family tool_selftest_recurrent;
extern const tool_selftest_family tool_selftest_rotary;
extern const tool_selftest_family tool_selftest_freqs;
extern const tool_selftest_family tool_selftest_attention;
extern const tool_selftest_family tool_selftest_cell;

#endif
