/* SPDX-License-Identifier: Apache-2.0
 *
 * A report on the terminal. */
#ifndef CLXLSTM_TOOLS_BENCH_TEXT_H
#define CLXLSTM_TOOLS_BENCH_TEXT_H

#include "bench_sheet.h"
#include "table.h"

/* The device, its driver, and what it can do at most. */
void tool_text_device(const tool_sheet *sheet, size_t device);

/* All that is known of one result, a line each. */
void tool_text_result(const tool_sheet_result *result);

/* Results in a table, row by row; what a row cannot say stands below it. */
tool_table tool_text_results_begin(void);
void tool_text_results_row(tool_table *table, const tool_sheet_result *result);

/* First calls. */
void tool_text_starts(const tool_sheet *sheet);

/* A number with a unit, in thousands: "418 TFLOP/s". `text` is returned. */
enum { TOOL_AMOUNT_SIZE = 32 };
const char *tool_text_amount(char text[TOOL_AMOUNT_SIZE], double value, const char *unit);

/* The same without digits that say nothing, for the marks of an axis: "500 TFLOP/s". */
const char *tool_text_round(char text[TOOL_AMOUNT_SIZE], double value, const char *unit);

/* What is to be said beside a result, such as that clocks differ; empty where all is well. */
const char *tool_text_remark(const tool_sheet_result *result);

#endif
