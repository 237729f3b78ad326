/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring causal softmax attention, without rotary embedding, as others measure it. */
#include "base/fail.h"
#include "bench.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

/* In the order in which prepare adds them. */
enum { Q, K, V, H };

typedef struct bench_state {
    clx_attention *op;
    cl_mem workspace;
} bench_state;

static clx_status create_operator(tool_bench *bench, bench_state *state, clx_error *error)
{
    clx_status status;
    const clx_attention_sizes sizes = {bench->B, bench->NH, bench->NH, bench->S, bench->S};
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = bench->DHQK;
    desc.DHV = bench->DHV;
    desc.input_dtype = bench->dtype;
    desc.rotary = 0;
    CLXI_TRY(clx_attention_create(bench->session->context, &desc, &state->op, error));
    CLXI_TRY(clx_attention_workspace_size(state->op, &sizes, &bench->extra_bytes, error));
    CLXI_TRY(tool_bench_workspace(bench, &state->workspace, error));
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_attention_variant(state->op));
fail:
    return status;
}

static clx_status prepare(tool_bench *bench, clx_error *error)
{
    clx_status status;
    const uint64_t qk[4] = {bench->B, bench->NH, bench->S, bench->DHQK};
    const uint64_t vh[4] = {bench->B, bench->NH, bench->S, bench->DHV};
    bench_state *state = bench->state = calloc(1, sizeof *state);
    if (!state) return clxi_fail_memory(error, "the measurement");
    tool_bench_add(bench, "q", TOOL_FILL_VALUES, bench->dtype, 4, qk);
    tool_bench_add(bench, "k", TOOL_FILL_VALUES, bench->dtype, 4, qk);
    tool_bench_add(bench, "v", TOOL_FILL_VALUES, bench->dtype, 4, vh);
    tool_bench_add(bench, "h", TOOL_FILL_ZEROS, bench->dtype, 4, vh);
    CLXI_TRY(create_operator(bench, state, error));
    CLXI_TRY(tool_bench_upload(bench, error));
    bench->work =
        (double)bench->B * (double)bench->NH * (double)bench->S * (double)bench->S * (double)(bench->DHQK + bench->DHV);
    bench->work_text = "B*NH*S^2*(DHQK+DHV)";
    bench->flops = bench->work;
    bench->bytes = (double)bench->tensor_bytes;
fail:
    return status;
}

static clx_status enqueue(tool_bench *bench, size_t set, cl_event *event, clx_error *error)
{
    bench_state *state = bench->state;
    const clx_tensor q = tool_bench_view(bench, set, Q), k = tool_bench_view(bench, set, K);
    const clx_tensor v = tool_bench_view(bench, set, V), h = tool_bench_view(bench, set, H);
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    args.q = &q;
    args.k = &k;
    args.v = &v;
    args.h = &h;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = bench->session->queue;
    launch.event = event;
    launch.workspace = state->workspace;
    return clx_attention_enqueue(state->op, &launch, &args, error);
}

static bool reference(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count, double *values,
                      double *cond)
{
    const uint64_t S = bench->S, DHQK = bench->DHQK, DHV = bench->DHV;
    double *q = tool_bench_doubles(bench, Q, head * S * DHQK, S * DHQK);
    double *k = tool_bench_doubles(bench, K, head * S * DHQK, S * DHQK);
    double *v = tool_bench_doubles(bench, V, head * S * DHV, S * DHV);
    bool whole = q && k && v;
    for (size_t index = 0; whole && index < row_count; ++index) {
        /* one query among all keys */
        clxi_ref_attention p = {.B = 1, .NH = 1, .NH_kv = 1, .S_q = 1, .S_kv = (size_t)S};
        p.DHQK = (size_t)DHQK;
        p.DHV = (size_t)DHV;
        p.q = q + rows[index] * DHQK;
        p.k = k;
        p.v = v;
        p.causal = true;
        p.start = (int64_t)rows[index];
        p.h = values + index * DHV;
        p.cond = cond + index * DHV;
        whole = clxi_ref_run_attention(&p);
    }
    free(q);
    free(k);
    free(v);
    return whole;
}

static clx_status judge(tool_bench *bench, size_t set, clx_error *error)
{
    return tool_bench_judge_rows(bench, set, H, "attention", "h", reference, error);
}

static void release(tool_bench *bench)
{
    bench_state *state = bench->state;
    if (!state) return;
    if (state->workspace) clReleaseMemObject(state->workspace);
    clx_attention_destroy(state->op);
    free(state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_attention = {"attention", prepare, enqueue, judge, release, false};
