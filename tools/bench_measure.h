/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing calls of an operator: what `clxlstm bench` reports, and what anything may use that has to know which of two ways
 * is faster. */
#ifndef CLXLSTM_TOOLS_BENCH_MEASURE_H
#define CLXLSTM_TOOLS_BENCH_MEASURE_H

#include "bench.h"

/* The first call pays for what drivers put off until then, the second says how long a call takes, and one more precedes
 * the first that is measured. */
enum { TOOL_WARMUP_MIN = 3, TOOL_RUNS_MAX = 100000 };

typedef struct tool_measure_options {
    uint64_t repeat; /* measured calls; 0: at least 20, and more of short ones */
    uint64_t warmup; /* calls before them, at least; not below TOOL_WARMUP_MIN */
    double
        limit_s; /* fewer calls, though at least 3, where they would take longer; 0: no limit. Not for a given repeat */
} tool_measure_options;

/* Does the device's clock agree with the host's about how long the measured calls took together? */
typedef enum tool_clock {
    TOOL_CLOCK_AGREES,
    TOOL_CLOCK_DIFFERS,
    TOOL_CLOCK_SHORT, /* too short a time to tell */
} tool_clock;

typedef struct tool_timing {
    size_t repeat;
    size_t warmup;
    double *device_ms; /* of `repeat` calls, from the end of the previous call to its own end; sorted */
    double events_ms;  /* from the end of the first warm-up to the end of the last call, by its events */
    double wall_ms;    /* the same by the host's clock */
    tool_clock clock;

    size_t row_repeat; /* tool_measure_host: a row of its own, without events */
    double *host_us;   /* until the enqueue returned; sorted */
    double row_us;     /* a call's share of the row, from its begin until the device is done */
} tool_timing;

/* Enqueues calls in a row and takes their times from profiling events. The session's queue must have profiling. */
clx_status tool_measure_device(const tool_bench_operator *family, tool_bench *bench,
                               const tool_measure_options *options, tool_timing *timing, clx_error *error);

/* After it: the host's cost of a call, on an ordinary queue. */
clx_status tool_measure_host(const tool_bench_operator *family, tool_bench *bench, tool_timing *timing,
                             clx_error *error);

/* Frees and zeroes; accepts what a failed measurement has left, and a zeroed one. */
void tool_timing_free(tool_timing *timing);

/* The value below which the share `part` of the sorted numbers lies, between two of them where it falls between:
 * 0.5 is the median. */
double tool_quantile(const double *sorted, size_t count, double part);

const char *tool_clock_name(tool_clock clock);

#endif
