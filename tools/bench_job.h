/* SPDX-License-Identifier: Apache-2.0
 *
 * What one `clxlstm bench` measures, device by device. */
#ifndef CLXLSTM_TOOLS_BENCH_JOB_H
#define CLXLSTM_TOOLS_BENCH_JOB_H

#include "bench_list.h"
#include "bench_measure.h"
#include "bench_sheet.h"

typedef struct tool_bench_job {
    const char *device;   /* a selector, "all", or NULL */
    const char *variants; /* kernel families, or NULL */
    const char *suite;    /* NULL: the problems below */
    const char *ops;      /* with a suite: only these operators, in a list with commas; or NULL */
    tool_problems problems;
    tool_measure_options how;
    bool ceilings; /* measure them first? */
    bool show;     /* on standard output, as results come */
} tool_bench_job;

/* Appends devices, ceilings and results to the report, which has one run. A TOOL_ status: TOOL_FAILED where a device could
 * not be opened or a result is not right. */
int tool_bench_measure_devices(const tool_bench_job *job, tool_sheet *sheet);

/* Appends first calls of the job's problems, each in processes of their own. */
int tool_bench_measure_starts(const tool_bench_job *job, tool_sheet *sheet);

#endif
