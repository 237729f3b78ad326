/* SPDX-License-Identifier: Apache-2.0
 *
 * Two reports side by side: versions of the library, drivers, or devices. */
#ifndef CLXLSTM_TOOLS_BENCH_COMPARE_H
#define CLXLSTM_TOOLS_BENCH_COMPARE_H

#include "bench_sheet.h"

/* Prints what both have measured. TOOL_FAILED where `after` is slower by more than `percent`, where it is wrong or fails
 * and `before` was right, or where they have nothing in common. */
int tool_compare(const tool_sheet *before, const char *before_name, const tool_sheet *after, const char *after_name,
                 double percent);

#endif
