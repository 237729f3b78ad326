/* SPDX-License-Identifier: Apache-2.0
 *
 * One problem on one device. */
#include "bench_run.h"
#include "base/fail.h"
#include "bench_ceiling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Tensors of all sets together fill at least this, so that no cache holds them. */
static const uint64_t footprint_bytes = (uint64_t)256 << 20;

double tool_problem_cost(const tool_problem *problem, const clx_device_info *info)
{
    enum { CALLS = 30 };
    const double share = 0.2, start_s = 1.0; /* of the peak that is reached; what building takes */
    const double heads = (double)problem->B * (double)problem->NH, S = (double)problem->S;
    const double DHQK = (double)problem->DHQK, DHV = (double)problem->DHV;
    const double flops = problem->S > 1 ? heads * S * S * (DHQK + DHV) : heads * DHQK * DHV;
    return start_s + CALLS * flops / fmax(1e9 * share * info->peak_gflops, 1e9);
}

void tool_result_rate(const tool_sheet *sheet, tool_sheet_result *result, double work, bool is_traffic)
{
    const double seconds = 1e-3 * result->median_ms;
    const tool_sheet_ceiling *compute = tool_ceiling_of(sheet, (size_t)result->device, result->dtype);
    const tool_sheet_ceiling *traffic = tool_ceiling_of_traffic(sheet, (size_t)result->device);
    const double compute_s = compute ? result->flops / compute->value : 0.0;
    const double traffic_s = traffic ? result->bytes / traffic->value : 0.0;
    snprintf(result->unit, sizeof result->unit, "%s", is_traffic ? "B/s" : "FLOP/s");
    result->speed = work / seconds;
    if (!compute || !traffic) return;
    snprintf(result->ceiling, sizeof result->ceiling, "%s", compute_s > traffic_s ? compute->name : traffic->name);
    result->ceiling_percent = 100.0 * fmax(compute_s, traffic_s) / seconds;
}

static void record_problem(const tool_problem *problem, size_t device, tool_sheet_result *result)
{
    result->device = (double)device;
    snprintf(result->engine, sizeof result->engine, "clxlstm");
    snprintf(result->op, sizeof result->op, "%s", problem->family->op);
    tool_problem_shape(problem, result->shape);
    snprintf(result->dtype, sizeof result->dtype, "%s", clx_dtype_name(problem->dtype));
    snprintf(result->gates, sizeof result->gates, "%s", tool_problem_gates(problem));
}

static void record_timing(const tool_timing *timing, tool_sheet_result *result)
{
    const double *ms = timing->device_ms, *us = timing->host_us;
    result->runs = (double)timing->repeat;
    result->warmup = (double)timing->warmup;
    result->median_ms = tool_quantile(ms, timing->repeat, 0.5);
    result->min_ms = ms[0];
    result->p10_ms = tool_quantile(ms, timing->repeat, 0.1);
    result->p90_ms = tool_quantile(ms, timing->repeat, 0.9);
    result->max_ms = ms[timing->repeat - 1];
    result->events_ms = timing->events_ms;
    result->wall_ms = timing->wall_ms;
    snprintf(result->clock, sizeof result->clock, "%s", tool_clock_name(timing->clock));
    result->host_us = tool_quantile(us, timing->row_repeat, 0.5);
    result->host_max_us = us[timing->row_repeat - 1];
    result->row_us = timing->row_us;
}

static void record_bench(const tool_bench *bench, tool_sheet_result *result)
{
    snprintf(result->variant, sizeof result->variant, "%s", bench->variant);
    snprintf(result->status, sizeof result->status, "%s", bench->verdict.pass ? "passed" : "wrong");
    result->buffer_sets = (double)bench->sets;
    result->flops = bench->flops;
    result->bytes = bench->bytes;
    snprintf(result->work, sizeof result->work, "%s", bench->work_text);
    result->extra_bytes = (double)bench->extra_bytes;
    result->tensor_bytes = (double)bench->tensor_bytes;
    result->judged_rows = (double)bench->judged_rows;
    result->worst_ratio = bench->verdict.worst;
    result->rms_ratio = bench->verdict.rms;
    result->rms_limit = bench->verdict.rms_limit;
}

const tool_sheet_result *tool_problem_run(tool_session *session, const tool_problem *problem,
                                          const tool_measure_options *options, bool lenient, tool_sheet *sheet,
                                          size_t device)
{
    const tool_bench_operator *family = problem->family;
    clx_status status;
    clx_error error = CLX_ERROR_INIT;
    tool_timing timing = {0};
    tool_bench bench = {.op = family->op,
                        .session = session,
                        .B = problem->B,
                        .NH = problem->NH,
                        .S = problem->S,
                        .DHQK = problem->DHQK,
                        .DHV = problem->DHV,
                        .dtype = problem->dtype,
                        .gates = problem->gates,
                        .footprint_bytes = footprint_bytes};
    tool_sheet_result *result = tool_sheet_add(sheet, TOOL_RESULTS);
    if (!result) return NULL;
    record_problem(problem, device, result);
    CLXI_TRY(family->prepare(&bench, &error));
    CLXI_TRY(tool_measure_device(family, &bench, options, &timing, &error));
    CLXI_TRY(tool_measure_host(family, &bench, &timing, &error));
    CLXI_TRY(family->judge(&bench, (timing.warmup + timing.repeat - 1) % bench.sets, &error));
    record_timing(&timing, result);
    record_bench(&bench, result);
    tool_result_rate(sheet, result, bench.work, bench.work_is_traffic);
fail:
    if (status != CLX_OK) {
        const bool skip = lenient && (status == CLX_ERR_DEVICE_MEMORY || status == CLX_ERR_HOST_MEMORY);
        snprintf(result->status, sizeof result->status, "%s", skip ? "skipped" : "failed");
        snprintf(result->message, sizeof result->message, "%.255s", error.message);
    }
    family->release(&bench);
    tool_bench_free(&bench);
    tool_timing_free(&timing);
    clx_error_clear(&error);
    return result;
}
