/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm bench`: measures an operator and checks the numbers that it measured. */
#include "bench_measure.h"
#include "json.h"
#include "progress.h"
#include "tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "8x16x2048x128x256" */
static bool parse_shape(const char *text, tool_bench *bench)
{
    uint64_t *const sizes[] = {&bench->B, &bench->NH, &bench->S, &bench->DHQK, &bench->DHV};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; ++index) {
        char *end = NULL;
        if (*text < '1' || *text > '9') return false;
        *sizes[index] = strtoull(text, &end, 10);
        if (*sizes[index] > UINT32_MAX || *end != (index < 4 ? 'x' : '\0')) return false;
        text = end + 1;
    }
    return true;
}

static bool parse_gates(const char *text, tool_gates *gates)
{
    static const char *const names[] = {"keep", "unit", "trained"};
    for (size_t index = 0; index < sizeof names / sizeof *names; ++index) {
        if (!strcmp(text, names[index])) return *gates = (tool_gates)index, true;
    }
    return false;
}

typedef struct request {
    const char *op, *device, *variants, *shape, *dtype, *gates;
    uint64_t repeat, warmup;
    bool json;
} request;

/* In the largest unit that leaves a digit before the point. */
static void print_speed(const tool_bench *bench, double middle_ms)
{
    double giga = bench->work / middle_ms * 1e-6;
    bool tera = giga >= 1000.0;
    printf("speed    %.2f %s%s (%s / median)\n", tera ? giga * 1e-3 : giga, tera ? "T" : "G",
           bench->work_is_traffic ? "B/s" : "FLOP/s, useful", bench->work_text);
}

static void print_text(const request *wanted, const tool_bench *bench, const tool_timing *t)
{
    const clx_device_info *info = &bench->session->info;
    double middle_ms = tool_quantile(t->device_ms, t->repeat, 0.5);
    printf("device   %s (%s), driver %s\n", info->name, info->platform, info->driver);
    printf("case     %s %s %s, gates %s, variant %s\n", wanted->op, wanted->shape, clx_dtype_name(bench->dtype),
           wanted->gates, bench->variant);
    printf("time     median %.4f ms, min %.4f, max %.4f; %zu calls in a row, from end to end by profiling events, "
           "%zu sets of buffers in turn\n",
           middle_ms, t->device_ms[0], t->device_ms[t->repeat - 1], t->repeat, bench->sets);
    print_speed(bench, middle_ms);
    printf("host     median %.1f us until the enqueue returns, max %.1f; %.1f us a call in a row without events\n",
           tool_quantile(t->host_us, t->row_repeat, 0.5), t->host_us[t->row_repeat - 1], t->row_us);
    printf("clock    all calls %.2f ms by profiling events, %.2f by the host's clock: %s\n", t->events_ms, t->wall_ms,
           tool_clock_name(t->clock));
    printf("memory   %" PRIu64 " bytes beyond the %" PRIu64 " of inputs and outputs\n", bench->extra_bytes,
           bench->tensor_bytes);
    printf("check    %s: %zu rows against float64, largest error %.3f of the tolerance, rms %.4f",
           bench->verdict.pass ? "PASS" : "FAIL", bench->judged_rows, bench->verdict.worst, bench->verdict.rms);
    if (isfinite(bench->verdict.rms_limit)) printf(" (limit %.2f)", bench->verdict.rms_limit);
    putchar('\n');
}

static cJSON *report(const request *wanted, const tool_bench *bench, const tool_timing *t)
{
    const clx_device_info *info = &bench->session->info;
    double middle_ms = tool_quantile(t->device_ms, t->repeat, 0.5);
    cJSON *object = cJSON_CreateObject();
    tool_json_text(object, "clxlstm", clx_version());
    tool_json_text(object, "device", info->name);
    tool_json_text(object, "platform", info->platform);
    tool_json_text(object, "driver", info->driver);
    tool_json_text(object, "op", wanted->op);
    tool_json_text(object, "shape", wanted->shape);
    tool_json_text(object, "dtype", clx_dtype_name(bench->dtype));
    tool_json_text(object, "gates", wanted->gates);
    tool_json_text(object, "variant", bench->variant);
    tool_json_text(object, "method", "profiling events, end to end of calls in a row");
    tool_json_number(object, "repeat", (double)t->repeat);
    tool_json_number(object, "buffer_sets", (double)bench->sets);
    tool_json_number(object, "median_ms", middle_ms);
    tool_json_number(object, "min_ms", t->device_ms[0]);
    tool_json_number(object, "max_ms", t->device_ms[t->repeat - 1]);
    tool_json_number(object, bench->work_is_traffic ? "terabytes_per_s" : "useful_tflops",
                     bench->work / middle_ms * 1e-9);
    tool_json_number(object, "events_ms", t->events_ms);
    tool_json_number(object, "wall_ms", t->wall_ms);
    tool_json_text(object, "clock", tool_clock_name(t->clock));
    tool_json_number(object, "host_us", tool_quantile(t->host_us, t->row_repeat, 0.5));
    tool_json_number(object, "host_max_us", t->host_us[t->row_repeat - 1]);
    tool_json_number(object, "row_us", t->row_us);
    tool_json_number(object, "extra_bytes", (double)bench->extra_bytes);
    tool_json_number(object, "tensor_bytes", (double)bench->tensor_bytes);
    tool_json_number(object, "judged_rows", (double)bench->judged_rows);
    tool_json_number(object, "worst_ratio", bench->verdict.worst);
    tool_json_number(object, "rms_ratio", bench->verdict.rms);
    tool_json_flag(object, "passed", bench->verdict.pass);
    return object;
}

/* Measures on one device; with `list`, the report goes there instead of to stdout. */
static int bench_device(const tool_bench_operator *family, const request *wanted, const char *selector,
                        tool_bench bench, cJSON *list)
{
    clx_status status;
    clx_error error = CLX_ERROR_INIT;
    tool_session session;
    tool_timing t = {0};
    const tool_measure_options how = {.repeat = wanted->repeat, .warmup = wanted->warmup};
    tool_session_options options = {.selector = selector, .variants = wanted->variants, .profiling = true};
    bench.op = family->op;
    bench.session = &session;
    CLXI_TRY(tool_session_open(&session, &options, &error));
    CLXI_TRY(family->prepare(&bench, &error));
    tool_progress_begin(1);
    tool_progress_step(0, "measuring");
    CLXI_TRY(tool_measure_device(family, &bench, &how, &t, &error));
    CLXI_TRY(tool_measure_host(family, &bench, &t, &error));
    CLXI_TRY(family->judge(&bench, (t.warmup + t.repeat - 1) % bench.sets, &error));
    if (list) {
        cJSON_AddItemToArray(list, report(wanted, &bench, &t));
    } else {
        print_text(wanted, &bench, &t);
    }
fail:
    tool_progress_hide();
    family->release(&bench);
    tool_bench_free(&bench);
    tool_timing_free(&t);
    tool_session_close(&session);
    if (status != CLX_OK) return tool_fail_error(wanted->op, &error);
    return bench.verdict.pass ? TOOL_OK : TOOL_FAILED;
}

static int bench_devices(const tool_bench_operator *family, const request *wanted, const tool_bench *bench)
{
    static char selectors[TOOL_DEVICES_MAX][TOOL_SELECTOR_SIZE];
    clx_error error = CLX_ERROR_INIT;
    size_t count = 0;
    int result = TOOL_OK;
    if (tool_devices_of(wanted->device, selectors, &count, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    cJSON *list = wanted->json ? cJSON_CreateArray() : NULL;
    for (size_t index = 0; index < count; ++index) {
        if (index > 0 && !list) putchar('\n');
        if (bench_device(family, wanted, selectors[index], *bench, list) != TOOL_OK) result = TOOL_FAILED;
    }
    if (list && tool_json_print(list) != TOOL_OK) result = TOOL_FAILED;
    return result;
}

/* Reads the request's texts into `bench`; a TOOL_ status. */
static int parse_request(const request *wanted, tool_bench *bench)
{
    if (!parse_shape(wanted->shape, bench)) {
        return tool_usage("bench", "--shape: '%s' is not BxNHxSxDHQKxDHV", wanted->shape);
    }
    bench->dtype = clx_dtype_parse(wanted->dtype);
    if (bench->dtype != CLX_F32 && bench->dtype != CLX_F16 && bench->dtype != CLX_BF16) {
        return tool_usage("bench", "--dtype: '%s' is not f32, f16 or bf16", wanted->dtype);
    }
    if (!parse_gates(wanted->gates, &bench->gates)) {
        return tool_usage("bench", "--gates: '%s' is not keep, unit or trained", wanted->gates);
    }
    if (wanted->repeat > TOOL_RUNS_MAX) return tool_usage("bench", "--repeat: expected 0 to %d", TOOL_RUNS_MAX);
    if (wanted->warmup < TOOL_WARMUP_MIN || wanted->warmup > TOOL_RUNS_MAX) {
        return tool_usage("bench", "--warmup: expected %d to %d", TOOL_WARMUP_MIN, TOOL_RUNS_MAX);
    }
    return TOOL_OK;
}

static const char help[] =
    "Measures OP and checks the numbers in the same run, on rows chosen at random.\n"
    "\n"
    "The gates decide how much of the work an operator may skip without any change in the result:\n"
    "  keep     fgate = 20: nothing decays, nothing is skipped (default)\n"
    "  unit     igate, fgate ~ N(0, 1): what others benchmark with\n"
    "  trained  igate ~ N(0, 1), fgate ~ N(3, 1): nearer to trained models\n"
    "\n"
    "OP is one of\n"
    "  mlstm_parallel, attention  causal; attention with softmax, without rotary embedding\n"
    "  mlstm_recurrent            S = 1: one decoding step; else the sequence form, from a state to a state\n"
    "  mlstm_cell                 the whole cell, its configuration's defaults but for --dtype: S = 1: one decoding\n"
    "                             step of the recurrent backend; else parallel_stabilized, with the state after it\n"
    "  rotary                     q and k, (B, NH, S, DHQK)\n"
    "  layernorm, rmsnorm         (B, NH, S, DHV)\n";

int tool_command_bench(int argc, char **argv)
{
    request wanted = {.shape = "1x4x1024x64x64", .dtype = "f32", .gates = "keep", .warmup = TOOL_WARMUP_MIN};
    const tool_option options[] = {
        {"device", 0, TOOL_TEXT, &wanted.device, "D", "the device, or all"},
        {"shape", 0, TOOL_TEXT, &wanted.shape, "BxNHxSxDHQKxDHV", "sizes (1x4x1024x64x64)"},
        {"dtype", 0, TOOL_TEXT, &wanted.dtype, "T", "f32 (default), f16 or bf16"},
        {"gates", 0, TOOL_TEXT, &wanted.gates, "G", "keep, unit or trained"},
        {"repeat", 0, TOOL_COUNT, &wanted.repeat, "N", "measured calls (0: at least 20, more of short ones)"},
        {"warmup", 0, TOOL_COUNT, &wanted.warmup, "N", "calls before them, at least (3)"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "LIST", "kernel families, such as simt or !cpu"},
        {"json", 0, TOOL_FLAG, &wanted.json, NULL, "prints JSON instead of text"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "log lines to standard error"},
    };
    const tool_syntax syntax = {"bench", "OP [OPTIONS]", help, options, sizeof options / sizeof *options, 1, 1};
    size_t operands;
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;

    tool_bench bench = {.footprint_bytes = (uint64_t)256 << 20};
    int result = parse_request(&wanted, &bench);
    if (result != TOOL_OK) return result;
    wanted.op = argv[0];
    const tool_bench_operator *family = tool_bench_find(wanted.op);
    if (family) return bench_devices(family, &wanted, &bench);
    return tool_usage("bench", "'%s' is no operator that can be measured", wanted.op);
}
