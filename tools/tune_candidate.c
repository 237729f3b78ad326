/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm tune-candidate`, for `clxlstm tune`: one tile on one problem, in a process that may hang or die. What came of it
 * is one line on stdout:
 *
 *     good MILLISECONDS | slow MILLISECONDS | refused REASON | wrong REASON */
#include "base/fail.h"
#include "bench_measure.h"
#include "tool.h"
#include "tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <unistd.h>
#endif

enum { SLOW_FACTOR = 3 };                /* so many times the default's time are not worth more calls ... */
static const double slow_ms_more = 20.0; /* ... and this: short calls cost little, and their times say little */
static const double measured_s = 0.5;    /* of calls, about */
static const uint64_t footprint_bytes = (uint64_t)64 << 20; /* of the tensors: as much as large caches hold */

typedef struct request {
    const char *op, *shape, *dtype, *gates, *device, *variants, *tile, *cache, *fast;
    uint64_t limit;
} request;

/* The last warning says why a tile was not taken. */
static void keep_warning(void *user, clx_log_level level, const char *message)
{
    if (level == CLX_LOG_WARNING) snprintf(user, CLXI_TUNING_NOTE_SIZE, "%s", message);
    if (tool_verbose) fprintf(stderr, "clxlstm: %s\n", message);
}

static clx_status propose(const request *wanted, const tool_problem *problem, clx_context *context, clx_error *error)
{
    char subject[CLXI_TUNING_SUBJECT_SIZE];
    const clxi_tile_problem tiles = {problem->DHQK, problem->DHV, problem->dtype, false};
    clxi_text line = CLXI_TEXT_INIT;
    clxi_tile_subject(tune_operator(problem), problem->dtype, &tiles, subject);
    clxi_tuning_line(context, subject, wanted->tile, "a candidate", &line);
    clx_status status = line.failed ? clxi_fail_memory(error, "a line")
                                    : clx_context_tuning_set(context, line.data, line.count, NULL, error);
    clxi_text_free(&line);
    return status;
}

/* Is a call much slower than `fast_ms`, by the host's clock, several times in a row? The first one does not count: it pays
 * for what drivers put off. */
static clx_status time_calls(const tool_problem *problem, tool_bench *bench, double fast_ms, double *slow_ms,
                             clx_error *error)
{
    enum { TRIES = 4 };
    clx_status status = CLX_OK;
    *slow_ms = INFINITY;
    for (int index = 0; index < TRIES; ++index) {
        cl_event event = NULL;
        const double began_s = tool_seconds();
        CLXI_TRY(problem->family->enqueue(bench, 0, &event, error));
        status = tool_session_wait(bench->session, event, error);
        const double ms = 1e3 * (tool_seconds() - began_s);
        clReleaseEvent(event);
        if (status != CLX_OK) break;
        if (index == 0) continue;
        *slow_ms = fmin(*slow_ms, ms);
        if (!(*slow_ms > SLOW_FACTOR * fast_ms + slow_ms_more)) {
            *slow_ms = 0.0;
            break;
        }
    }
fail:
    return status;
}

static clx_status measure(const request *wanted, const tool_problem *problem, tool_bench *bench, clx_error *error)
{
    clx_status status;
    tool_timing timing = {0};
    const tool_measure_options how = {.warmup = TOOL_WARMUP_MIN, .limit_s = measured_s};
    const double fast_ms = wanted->fast ? strtod(wanted->fast, NULL) : 0.0;
    double slow_ms = 0.0;
    if (fast_ms > 0.0) CLXI_TRY(time_calls(problem, bench, fast_ms, &slow_ms, error));
    if (slow_ms > 0.0) {
        printf("slow %.6g\n", slow_ms);
        return CLX_OK;
    }
    CLXI_TRY(tool_measure_device(problem->family, bench, &how, &timing, error));
    CLXI_TRY(problem->family->judge(bench, (timing.warmup + timing.repeat - 1) % bench->sets, error));
    if (bench->verdict.pass)
        printf("good %.6g\n", tool_quantile(timing.device_ms, timing.repeat, 0.25));
    else
        printf("wrong its largest error is %.3g of the tolerance, the mean square %.3g\n", bench->verdict.worst,
               bench->verdict.rms);
fail:
    tool_timing_free(&timing);
    return status;
}

static int run(const request *wanted, const tool_problem *problem)
{
    clx_status status;
    clx_error error = CLX_ERROR_INIT;
    char warning[CLXI_TUNING_NOTE_SIZE] = "no reason is known";
    tool_session session;
    tool_session_options options = {.selector = wanted->device, .variants = wanted->variants, .profiling = true};
    tool_bench bench = {.op = problem->family->op, .session = &session, .footprint_bytes = footprint_bytes};
    options.cache_dir = wanted->cache;
    options.tuning_off = true;
    options.log = keep_warning;
    options.log_user = warning;
    bench.B = problem->B;
    bench.NH = problem->NH;
    bench.S = problem->S;
    bench.DHQK = problem->DHQK;
    bench.DHV = problem->DHV;
    bench.dtype = problem->dtype;
    bench.gates = problem->gates;
    CLXI_TRY(tool_session_open(&session, &options, &error));
    if (wanted->tile) CLXI_TRY(propose(wanted, problem, session.context, &error));
    CLXI_TRY(problem->family->prepare(&bench, &error));
    if (wanted->tile && !strstr(bench.variant, "_tuned"))
        printf("refused %s\n", warning);
    else
        CLXI_TRY(measure(wanted, problem, &bench, &error));
fail:
    if (status != CLX_OK) printf("refused %s\n", error.message);
    problem->family->release(&bench);
    tool_bench_free(&bench);
    tool_session_close(&session);
    clx_error_clear(&error);
    return TOOL_OK;
}

int tool_command_tune_candidate(int argc, char **argv)
{
    request wanted = {.gates = "keep", .dtype = "f32", .shape = "1x4x1024x64x64"};
    const tool_option options[] = {
        {"device", 0, TOOL_TEXT, &wanted.device, "D", "the device"},
        {"shape", 0, TOOL_TEXT, &wanted.shape, "BxNHxSxDHQKxDHV", "sizes"},
        {"dtype", 0, TOOL_TEXT, &wanted.dtype, "T", "f32, f16 or bf16"},
        {"gates", 0, TOOL_TEXT, &wanted.gates, "G", "keep, unit or trained"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "LIST", "kernel families"},
        {"tile", 0, TOOL_TEXT, &wanted.tile, "TEXT", "the tile (the default's)"},
        {"cache", 0, TOOL_TEXT, &wanted.cache, "FOLDER", "where compiled programs are kept"},
        {"fast", 0, TOOL_TEXT, &wanted.fast, "MS", "gives up where a call takes several times as long"},
        {"limit", 0, TOOL_COUNT, &wanted.limit, "S", "ends after so many seconds, whatever happens"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "log lines to standard error"},
    };
    const tool_syntax syntax = {"tune-candidate",
                                "OP [OPTIONS]",
                                "For `clxlstm tune`: tries one tile.\n",
                                options,
                                sizeof options / sizeof *options,
                                1,
                                1};
    size_t operands;
    tool_problems problems = {0};
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
#ifndef _WIN32
    if (wanted.limit > 0) alarm((unsigned)wanted.limit); /* for where the caller is no more */
#endif
    const tool_problem_lists lists = {wanted.shape, wanted.dtype, wanted.gates, NULL, "tune-candidate"};
    int result = tool_problems_product(&problems, argv[0], &lists);
    if (result == TOOL_OK && (problems.count != 1 || !tune_operator(&problems.items[0])))
        result = tool_usage("tune-candidate", "expected one problem of an operator with tiles");
    if (result == TOOL_OK) result = run(&wanted, &problems.items[0]);
    tool_problems_free(&problems);
    return result;
}
