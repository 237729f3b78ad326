/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing calls of an operator.
 *
 * All calls are enqueued in a row, so that the host's cost of a call hides behind the work of the one before, and a
 * call's time on the device is that from the end of the previous call to its own end, by the profiling events.
 *
 * The host's cost is the time until the enqueue returns, in a second row on an ordinary queue and without events: a
 * driver may take longer to note the times for a profiling event than for the launch itself. */
#include "bench_measure.h"
#include "base/fail.h"
#include "progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Calls are repeated until they fill this time, so that clocks have come up and one disturbance does not decide. */
static const double warmup_s = 0.02, fill_s = 0.1;
enum { RUNS_LEAST = 20, RUNS_FILL = 2000, RUNS_LIMITED = 3 };

/* The row for the host's cost need not be longer than this, though of some calls. */
static const double row_s = 1.0;
enum { ROW_LEAST = 5 };

/* What the clocks may differ by: a share of the time, and what it takes to notice that a device is done. */
static const double clock_share = 0.05, clock_ms = 2.0, clock_short_ms = 20.0;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tool_quantile(const double *sorted, size_t count, double part)
{
    double at = part * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

const char *tool_clock_name(tool_clock clock)
{
    static const char *const names[] = {"agrees", "differs", "short"};
    return names[clock];
}

void tool_timing_free(tool_timing *timing)
{
    free(timing->device_ms);
    free(timing->host_us);
    memset(timing, 0, sizeof *timing);
}

static clx_status end_of(cl_event event, cl_ulong *end_ns, clx_error *error)
{
    cl_int code = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof *end_ns, end_ns, NULL);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "profiling of an event");
}

/* One call by itself; its end by the device's clock, and the seconds until the host knew. */
static clx_status call_once(const tool_bench_operator *family, tool_bench *bench, size_t set, cl_ulong *end_ns,
                            double *taken_s, clx_error *error)
{
    clx_status status;
    cl_event event = NULL;
    double began_s = tool_seconds();
    CLXI_TRY(family->enqueue(bench, set, &event, error));
    CLXI_TRY(tool_session_wait(bench->session, event, error));
    *taken_s = tool_seconds() - began_s;
    CLXI_TRY(end_of(event, end_ns, error));
fail:
    if (event) clReleaseEvent(event);
    return status;
}

/* How many calls of `call_s` fill `seconds`. */
static size_t calls_in(double seconds, double call_s, size_t least, size_t most)
{
    double count = ceil(seconds / fmax(call_s, 1e-7));
    if (!(count > (double)least)) return least;
    return count < (double)most ? (size_t)count : most;
}

static void choose_counts(const tool_measure_options *options, double call_s, tool_timing *timing)
{
    timing->warmup = calls_in(warmup_s, call_s, (size_t)options->warmup, RUNS_FILL);
    timing->repeat = (size_t)options->repeat;
    if (options->repeat == 0) {
        timing->repeat = calls_in(fill_s, call_s, RUNS_LEAST, RUNS_FILL);
        if (options->limit_s > 0.0) {
            timing->repeat = calls_in(options->limit_s, call_s, RUNS_LIMITED, timing->repeat);
        }
    }
    timing->row_repeat =
        calls_in(row_s, call_s, ROW_LEAST < timing->repeat ? ROW_LEAST : timing->repeat, timing->repeat);
}

/* Waits for the events in turn; times are differences of the ends. `end_ns` is that of the call before. */
static clx_status collect(const tool_bench *bench, const cl_event *events, size_t begin, tool_timing *timing,
                          cl_ulong *end_ns, clx_error *error)
{
    clx_status status = CLX_OK;
    const size_t total = timing->warmup + timing->repeat;
    for (size_t index = begin; index < total; ++index) {
        cl_ulong before_ns = *end_ns;
        tool_progress_part((double)index / (double)total);
        CLXI_TRY(tool_session_wait(bench->session, events[index], error));
        CLXI_TRY(end_of(events[index], end_ns, error));
        /* (a clock that goes backwards gives a negative time, and is one that differs) */
        if (index >= timing->warmup)
            timing->device_ms[index - timing->warmup] = 1e-6 * ((double)*end_ns - (double)before_ns);
    }
fail:
    return status;
}

static void compare_clocks(tool_timing *timing)
{
    double larger_ms = fmax(timing->events_ms, timing->wall_ms);
    double apart_ms = fabs(timing->events_ms - timing->wall_ms);
    timing->clock = TOOL_CLOCK_DIFFERS;
    if (apart_ms <= clock_share * larger_ms + clock_ms) timing->clock = TOOL_CLOCK_AGREES;
    if (larger_ms < clock_short_ms) timing->clock = TOOL_CLOCK_SHORT;
}

/* A row of calls with events, timed by both clocks. `end_ns` is that of the call before, which the host has just seen. */
static clx_status time_row(const tool_bench_operator *family, tool_bench *bench, size_t begin, tool_timing *timing,
                           cl_ulong end_ns, clx_error *error)
{
    clx_status status = CLX_OK;
    const double began_s = tool_seconds();
    const cl_ulong began_ns = end_ns;
    const size_t total = timing->warmup + timing->repeat;
    cl_event *events = calloc(total, sizeof *events);
    if (!events) return clxi_fail_memory(error, "the times");
    for (size_t index = begin; index < total; ++index) {
        CLXI_TRY(family->enqueue(bench, index % bench->sets, &events[index], error));
    }
    CLXI_TRY(collect(bench, events, begin, timing, &end_ns, error));
    timing->wall_ms = 1e3 * (tool_seconds() - began_s);
    timing->events_ms = 1e-6 * ((double)end_ns - (double)began_ns);
    compare_clocks(timing);
fail:
    for (size_t index = begin; index < total; ++index) {
        if (events[index]) clReleaseEvent(events[index]);
    }
    free(events);
    return status;
}

clx_status tool_measure_device(const tool_bench_operator *family, tool_bench *bench,
                               const tool_measure_options *options, tool_timing *timing, clx_error *error)
{
    enum { ALONE = 2, ATTEMPTS = 3 }; /* the first calls, each waited for; rows until the clocks agree */
    clx_status status;
    cl_ulong end_ns = 0;
    double call_s = 0.0;
    for (size_t index = 0; index < ALONE; ++index) {
        CLXI_TRY(call_once(family, bench, index % bench->sets, &end_ns, &call_s, error));
    }
    choose_counts(options, call_s, timing);
    timing->device_ms = calloc(timing->repeat, sizeof *timing->device_ms);
    if (!timing->device_ms) CLXI_TRY(clxi_fail_memory(error, "the times"));
    /* on a busy machine the host may notice late that a row is done: then another one tells */
    for (int attempt = 0; attempt < ATTEMPTS; ++attempt) {
        if (attempt > 0) CLXI_TRY(call_once(family, bench, 0, &end_ns, &call_s, error));
        CLXI_TRY(time_row(family, bench, ALONE, timing, end_ns, error));
        if (timing->clock != TOOL_CLOCK_DIFFERS) break;
    }
    qsort(timing->device_ms, timing->repeat, sizeof *timing->device_ms, compare_doubles);
fail:
    return status;
}

static clx_status wait_for_all(const tool_bench *bench, clx_error *error)
{
    cl_int code = clFinish(bench->session->queue);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "a call failed on %s", bench->session->info.name);
}

static clx_status measure_row(const tool_bench_operator *family, tool_bench *bench, tool_timing *timing,
                              clx_error *error)
{
    enum { BEFORE = 2 }; /* calls on the new queue that do not count */
    clx_status status = CLX_OK;
    double row_began_s = 0.0;
    timing->host_us = calloc(timing->row_repeat, sizeof *timing->host_us);
    if (!timing->host_us) return clxi_fail_memory(error, "the times");
    for (size_t index = 0; index < BEFORE + timing->row_repeat; ++index) {
        if (index == BEFORE) CLXI_TRY(wait_for_all(bench, error));
        double began_s = tool_seconds();
        CLXI_TRY(family->enqueue(bench, index % bench->sets, NULL, error));
        if (index == BEFORE) row_began_s = began_s;
        if (index >= BEFORE) timing->host_us[index - BEFORE] = 1e6 * (tool_seconds() - began_s);
    }
    CLXI_TRY(wait_for_all(bench, error));
    timing->row_us = 1e6 * (tool_seconds() - row_began_s) / (double)timing->row_repeat;
    qsort(timing->host_us, timing->row_repeat, sizeof *timing->host_us, compare_doubles);
fail:
    return status;
}

clx_status tool_measure_host(const tool_bench_operator *family, tool_bench *bench, tool_timing *timing,
                             clx_error *error)
{
    clx_context *context = bench->session->context;
    cl_command_queue profiling = bench->session->queue;
    cl_int code = CL_SUCCESS;
    cl_command_queue queue =
        clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, &code);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "queue of %s", bench->session->info.name);
    bench->session->queue = queue;
    clx_status status = measure_row(family, bench, timing, error);
    bench->session->queue = profiling;
    clReleaseCommandQueue(queue);
    return status;
}
