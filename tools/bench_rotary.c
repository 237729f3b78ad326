/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring rotary embeddings of q and k, (B, NH, S, DHQK) each, from theta. */
#include "base/fail.h"
#include "bench.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

/* In the order in which prepare adds them. */
enum { Q, K, Q_OUT, K_OUT };

static clx_status prepare(tool_bench *bench, clx_error *error)
{
    clx_status status;
    clx_rotary *op = NULL;
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    const uint64_t size[4] = {bench->B, bench->NH, bench->S, bench->DHQK};
    tool_bench_add(bench, "q", TOOL_FILL_VALUES, bench->dtype, 4, size);
    tool_bench_add(bench, "k", TOOL_FILL_VALUES, bench->dtype, 4, size);
    tool_bench_add(bench, "q_out", TOOL_FILL_ZEROS, bench->dtype, 4, size);
    tool_bench_add(bench, "k_out", TOOL_FILL_ZEROS, bench->dtype, 4, size);
    desc.D = bench->DHQK;
    desc.dtype = bench->dtype;
    CLXI_TRY(clx_rotary_create(bench->session->context, &desc, &op, error));
    bench->state = op;
    CLXI_TRY(tool_bench_upload(bench, error));
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_rotary_variant(op));
    bench->work = (double)bench->tensor_bytes;
    bench->work_text = "q and k read and written";
    bench->work_is_traffic = true;
    bench->flops = 3.0 * 2.0 * (double)bench->tensors[Q].count; /* a pair takes six */
    bench->bytes = bench->work;
fail:
    return status;
}

static clx_status enqueue(tool_bench *bench, size_t set, cl_event *event, clx_error *error)
{
    const clx_tensor q = tool_bench_view(bench, set, Q), k = tool_bench_view(bench, set, K);
    const clx_tensor q_out = tool_bench_view(bench, set, Q_OUT), k_out = tool_bench_view(bench, set, K_OUT);
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    args.q = &q;
    args.k = &k;
    args.q_out = &q_out;
    args.k_out = &k_out;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = bench->session->queue;
    launch.event = event;
    return clx_rotary_enqueue(bench->state, &launch, &args, error);
}

static bool reference(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count, double *values,
                      double *cond)
{
    const uint64_t D = bench->DHQK;
    for (size_t index = 0; index < row_count; ++index) {
        double *x = tool_bench_doubles(bench, K, (head * bench->S + rows[index]) * D, D);
        if (!x) return false;
        clxi_ref_rotary p = {.B = 1, .NH = 1, .S = 1, .D = (size_t)D, .x = x, .theta = 10000.0};
        p.start = (int64_t)rows[index];
        p.y = values + index * D;
        p.cond = cond + index * D;
        clxi_ref_apply_rotary(&p);
        free(x);
    }
    return true;
}

static clx_status judge(tool_bench *bench, size_t set, clx_error *error)
{
    return tool_bench_judge_rows(bench, set, K_OUT, "rotary", "k_out", reference, error);
}

static void release(tool_bench *bench)
{
    clx_rotary_destroy(bench->state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_rotary = {"rotary", prepare, enqueue, judge, release, false};
