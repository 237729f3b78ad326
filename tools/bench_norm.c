/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring the norms of (B, NH, S, DHV), with a weight per head. */
#include "base/fail.h"
#include "bench.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

/* In the order in which prepare adds them. */
enum { X, WEIGHT, Y };

static clx_status prepare(tool_bench *bench, clx_norm_type type, clx_error *error)
{
    clx_status status;
    clx_norm *op = NULL;
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    const uint64_t size[4] = {bench->B, bench->NH, bench->S, bench->DHV}, weight_size[2] = {bench->NH, bench->DHV};
    tool_bench_add(bench, "x", TOOL_FILL_VALUES, bench->dtype, 4, size);
    tool_bench_add(bench, "weight", TOOL_FILL_VALUES, CLX_F32, 2, weight_size);
    tool_bench_add(bench, "y", TOOL_FILL_ZEROS, bench->dtype, 4, size);
    desc.D = bench->DHV;
    desc.type = type;
    desc.dtype = bench->dtype;
    CLXI_TRY(clx_norm_create(bench->session->context, &desc, &op, error));
    bench->state = op;
    CLXI_TRY(tool_bench_upload(bench, error));
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_norm_variant(op));
    bench->work = (double)bench->tensors[X].size_bytes + (double)bench->tensors[Y].size_bytes;
    bench->work_text = "x read, y written";
    bench->work_is_traffic = true;
    bench->flops = (type == CLX_LAYERNORM ? 7.0 : 4.0) * (double)bench->tensors[X].count;
    bench->bytes = bench->work;
fail:
    return status;
}

static clx_status prepare_layernorm(tool_bench *bench, clx_error *error)
{
    return prepare(bench, CLX_LAYERNORM, error);
}

static clx_status prepare_rmsnorm(tool_bench *bench, clx_error *error)
{
    return prepare(bench, CLX_RMSNORM, error);
}

static clx_status enqueue(tool_bench *bench, size_t set, cl_event *event, clx_error *error)
{
    const clx_tensor x = tool_bench_view(bench, set, X), weight = tool_bench_view(bench, set, WEIGHT);
    const clx_tensor y = tool_bench_view(bench, set, Y);
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    args.x = &x;
    args.weight = &weight;
    args.y = &y;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = bench->session->queue;
    launch.event = event;
    return clx_norm_enqueue(bench->state, &launch, &args, error);
}

static bool reference(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count, double *values,
                      double *cond)
{
    const uint64_t D = bench->DHV;
    double *weight = tool_bench_doubles(bench, WEIGHT, head % bench->NH * D, D);
    bool whole = weight != NULL;
    for (size_t index = 0; whole && index < row_count; ++index) {
        double *x = tool_bench_doubles(bench, X, (head * bench->S + rows[index]) * D, D);
        clxi_ref_norm p = {.rows = 1, .width = (size_t)D, .eps = 1e-6f, .weight = weight, .weight_rows = 1, .x = x};
        p.rms = bench->op == tool_bench_rmsnorm.op;
        p.y = values + index * D;
        p.cond = cond + index * D;
        whole = x != NULL;
        if (whole) clxi_ref_run_norm(&p);
        free(x);
    }
    free(weight);
    return whole;
}

static clx_status judge(tool_bench *bench, size_t set, clx_error *error)
{
    return tool_bench_judge_rows(bench, set, Y, bench->op, "y", reference, error);
}

static void release(tool_bench *bench)
{
    clx_norm_destroy(bench->state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_layernorm = {"layernorm", prepare_layernorm, enqueue, judge, release, false};
const tool_bench_operator tool_bench_rmsnorm = {"rmsnorm", prepare_rmsnorm, enqueue, judge, release, false};
