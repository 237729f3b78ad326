/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device can do at most, measured by kernels that do nothing else. */
#ifndef CLXLSTM_TOOLS_BENCH_CEILING_H
#define CLXLSTM_TOOLS_BENCH_CEILING_H

#include "bench_sheet.h"
#include "session.h"

/* Appends the ceilings of the session's device, which is number `device` of the report. What cannot be measured, or gives
 * wrong numbers, has no value and a note that says why. The session's queue must have profiling. */
void tool_ceilings_measure(const tool_session *session, tool_sheet *sheet, size_t device);

/* The highest ceiling for operations on operands of this dtype, or for memory traffic; NULL where none was measured. */
const tool_sheet_ceiling *tool_ceiling_of(const tool_sheet *sheet, size_t device, const char *dtype);
const tool_sheet_ceiling *tool_ceiling_of_traffic(const tool_sheet *sheet, size_t device);

#endif
