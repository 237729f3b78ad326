/* SPDX-License-Identifier: Apache-2.0
 *
 * One problem on one device, measured and judged, as a record of a report. */
#ifndef CLXLSTM_TOOLS_BENCH_RUN_H
#define CLXLSTM_TOOLS_BENCH_RUN_H

#include "bench_list.h"
#include "bench_measure.h"
#include "bench_sheet.h"

/* Appends the result, for number `device` of the report; its ceilings are there already. A failure is a result too.
 * `lenient`: what the device has no memory for is skipped, not failed. NULL where host memory is short. */
const tool_sheet_result *tool_problem_run(tool_session *session, const tool_problem *problem,
                                          const tool_measure_options *options, bool lenient, tool_sheet *sheet,
                                          size_t device);

/* Seconds that it will take, to compare with others: nobody knows before. */
double tool_problem_cost(const tool_problem *problem, const clx_device_info *info);

/* Fills what a speed and its share of the ceiling need from median_ms, flops, bytes, work and unit. */
void tool_result_rate(const tool_sheet *sheet, tool_sheet_result *result, double work, bool is_traffic);

#endif
