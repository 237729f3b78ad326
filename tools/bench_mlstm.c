/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring the mLSTM, parallel form, causal. */
#include "base/fail.h"
#include "bench.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

/* In the order in which prepare adds them. */
enum { Q, K, V, IGATE, FGATE, H, INPUTS = H };

typedef struct bench_state {
    clx_mlstm *op;
    cl_mem workspace;
} bench_state;

static void add_tensors(tool_bench *bench)
{
    const uint64_t qk[4] = {bench->B, bench->NH, bench->S, bench->DHQK};
    const uint64_t vh[4] = {bench->B, bench->NH, bench->S, bench->DHV};
    tool_bench_add(bench, "q", TOOL_FILL_VALUES, bench->dtype, 4, qk);
    tool_bench_add(bench, "k", TOOL_FILL_VALUES, bench->dtype, 4, qk);
    tool_bench_add(bench, "v", TOOL_FILL_VALUES, bench->dtype, 4, vh);
    tool_bench_add(bench, "igate", TOOL_FILL_IGATE, CLX_F32, 3, qk);
    tool_bench_add(bench, "fgate", TOOL_FILL_FGATE, CLX_F32, 3, qk);
    tool_bench_add(bench, "h", TOOL_FILL_ZEROS, bench->dtype, 4, vh);
}

static clx_status create_operator(tool_bench *bench, bench_state *state, clx_error *error)
{
    clx_status status;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = bench->DHQK;
    desc.DHV = bench->DHV;
    desc.input_dtype = bench->dtype;
    CLXI_TRY(clx_mlstm_create(bench->session->context, &desc, &state->op, error));
    CLXI_TRY(clx_mlstm_workspace_size(state->op, bench->B, bench->NH, bench->S, &bench->extra_bytes, error));
    CLXI_TRY(tool_bench_workspace(bench, &state->workspace, error));
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_mlstm_variant(state->op));
fail:
    return status;
}

static clx_status prepare(tool_bench *bench, clx_error *error)
{
    clx_status status;
    bench_state *state = bench->state = calloc(1, sizeof *state);
    if (!state) return clxi_fail_memory(error, "the measurement");
    add_tensors(bench);
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
    clx_tensor tensors[H + 1];
    for (size_t index = 0; index <= H; ++index) {
        tensors[index] = tool_bench_view(bench, set, index);
    }
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    args.q = &tensors[Q];
    args.k = &tensors[K];
    args.v = &tensors[V];
    args.igate = &tensors[IGATE];
    args.fgate = &tensors[FGATE];
    args.h = &tensors[H];
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = bench->session->queue;
    launch.event = event;
    launch.workspace = state->workspace;
    return clx_mlstm_enqueue(state->op, &launch, &args, error);
}

static bool reference(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count, double *values,
                      double *cond)
{
    double *inputs[INPUTS] = {NULL};
    bool whole = true;
    for (size_t index = 0; index < INPUTS; ++index) {
        uint64_t count = bench->tensors[index].count / (bench->B * bench->NH);
        inputs[index] = tool_bench_doubles(bench, index, head * count, count);
        whole = whole && inputs[index];
    }
    clxi_ref_mlstm p = {.B = 1,
                        .NH = 1,
                        .S = (size_t)bench->S,
                        .DHQK = (size_t)bench->DHQK,
                        .DHV = (size_t)bench->DHV,
                        .q = inputs[Q],
                        .k = inputs[K],
                        .v = inputs[V],
                        .igate = inputs[IGATE],
                        .fgate = inputs[FGATE],
                        .stabilize_rowwise = true,
                        .eps = 1e-6f,
                        .rows = rows,
                        .row_count = row_count,
                        .h = values,
                        .cond = cond};
    whole = whole && clxi_ref_mlstm_parallel(&p);
    for (size_t index = 0; index < INPUTS; ++index) {
        free(inputs[index]);
    }
    return whole;
}

static clx_status judge(tool_bench *bench, size_t set, clx_error *error)
{
    return tool_bench_judge_rows(bench, set, H, "mlstm_parallel", "h", reference, error);
}

static void release(tool_bench *bench)
{
    bench_state *state = bench->state;
    if (!state) return;
    if (state->workspace) clReleaseMemObject(state->workspace);
    clx_mlstm_destroy(state->op);
    free(state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_mlstm = {"mlstm_parallel", prepare, enqueue, judge, release, true};
