/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring the recurrent mLSTM, from a state to a state: a decoding step where S is 1, else a sequence. C is updated in
 * place, n and m go from one buffer to another, as the library advises for steps. */
#include "base/fail.h"
#include "bench.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

/* In the order in which prepare adds them; all with a dimension S, so that h is judged like any other. */
enum { Q, K, V, IGATE, FGATE, C, N, M, N_OTHER, M_OTHER, H };

typedef struct bench_state {
    clx_recurrent *op;
    cl_mem workspace;
    bool swapped[TOOL_BENCH_SETS_MAX]; /* the state is in N_OTHER, M_OTHER */
} bench_state;

static void add_tensors(tool_bench *bench)
{
    const uint64_t qk[4] = {bench->B, bench->NH, bench->S, bench->DHQK};
    const uint64_t vh[4] = {bench->B, bench->NH, bench->S, bench->DHV};
    const uint64_t C_size[4] = {bench->B, bench->NH, bench->DHQK, bench->DHV};
    const uint64_t n_size[3] = {bench->B, bench->NH, bench->DHQK};
    tool_bench_add(bench, "q", TOOL_FILL_VALUES, bench->dtype, 4, qk);
    tool_bench_add(bench, "k", TOOL_FILL_VALUES, bench->dtype, 4, qk);
    tool_bench_add(bench, "v", TOOL_FILL_VALUES, bench->dtype, 4, vh);
    tool_bench_add(bench, "igate", TOOL_FILL_IGATE, CLX_F32, 3, qk);
    tool_bench_add(bench, "fgate", TOOL_FILL_FGATE, CLX_F32, 3, qk);
    tool_bench_add(bench, "C", TOOL_FILL_VALUES, CLX_F32, 4, C_size);
    tool_bench_add(bench, "n", TOOL_FILL_VALUES, CLX_F32, 3, n_size);
    tool_bench_add(bench, "m", TOOL_FILL_VALUES, CLX_F32, 2, n_size);
    tool_bench_add(bench, "n", TOOL_FILL_ZEROS, CLX_F32, 3, n_size);
    tool_bench_add(bench, "m", TOOL_FILL_ZEROS, CLX_F32, 2, n_size);
    tool_bench_add(bench, "h", TOOL_FILL_ZEROS, bench->dtype, 4, vh);
}

static bool is_step(const tool_bench *bench)
{
    return bench->S == 1;
}

static void count_work(tool_bench *bench)
{
    const double cells = (double)bench->tensors[C].count;
    bench->work_is_traffic = is_step(bench);
    bench->flops = 5.0 * (double)bench->S * cells;
    bench->bytes = (double)bench->tensor_bytes + 4.0 * cells; /* C is read and written */
    bench->work = is_step(bench) ? 2.0 * 4.0 * cells : bench->flops;
    bench->work_text = is_step(bench) ? "C read and written, 8*B*NH*DHQK*DHV" : "C updated and read, 5*B*NH*S*DHQK*DHV";
}

static clx_status prepare(tool_bench *bench, clx_error *error)
{
    clx_status status;
    bench_state *state = bench->state = calloc(1, sizeof *state);
    if (!state) return clxi_fail_memory(error, "the measurement");
    add_tensors(bench);
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.DHQK = bench->DHQK;
    desc.DHV = bench->DHV;
    desc.input_dtype = bench->dtype;
    CLXI_TRY(clx_recurrent_create(bench->session->context, &desc, &state->op, error));
    if (!is_step(bench)) {
        CLXI_TRY(clx_recurrent_workspace_size(state->op, bench->B, bench->NH, &bench->extra_bytes, error));
    }
    CLXI_TRY(tool_bench_workspace(bench, &state->workspace, error));
    CLXI_TRY(tool_bench_upload(bench, error));
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_recurrent_variant(state->op));
    count_work(bench);
fail:
    return status;
}

/* A view with a dimension S; of a step (B, NH, 1, ...) becomes (B, NH, ...). */
static clx_tensor over_time(const tool_bench *bench, size_t set, size_t tensor)
{
    clx_tensor view = tool_bench_view(bench, set, tensor);
    if (!is_step(bench)) return view;
    view.size[2] = view.size[3];
    view.stride[2] = view.stride[3];
    view.rank--;
    return view;
}

static clx_status enqueue(tool_bench *bench, size_t set, cl_event *event, clx_error *error)
{
    bench_state *state = bench->state;
    const clx_tensor q = over_time(bench, set, Q), k = over_time(bench, set, K);
    const clx_tensor v = over_time(bench, set, V), h = over_time(bench, set, H);
    const clx_tensor igate = over_time(bench, set, IGATE), fgate = over_time(bench, set, FGATE);
    const clx_tensor memory = tool_bench_view(bench, set, C);
    const clx_tensor n[2] = {tool_bench_view(bench, set, N), tool_bench_view(bench, set, N_OTHER)};
    const clx_tensor m[2] = {tool_bench_view(bench, set, M), tool_bench_view(bench, set, M_OTHER)};
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    args.q = &q;
    args.k = &k;
    args.v = &v;
    args.igate = &igate;
    args.fgate = &fgate;
    args.C = args.C_out = &memory;
    args.n = &n[state->swapped[set]];
    args.m = &m[state->swapped[set]];
    state->swapped[set] = !state->swapped[set];
    args.n_out = &n[state->swapped[set]];
    args.m_out = &m[state->swapped[set]];
    args.h = &h;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = bench->session->queue;
    launch.event = event;
    launch.workspace = state->workspace;
    return is_step(bench) ? clx_recurrent_step_enqueue(state->op, &launch, &args, error)
                          : clx_recurrent_enqueue(state->op, &launch, &args, error);
}

/* Two calls on the same tokens, from the state that the host still has: the second shows what the first has stored. */
enum { CALLS_JUDGED = 2 };

static bool reference(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count, double *values,
                      double *cond)
{
    double *inputs[H] = {NULL};
    const size_t DHV = (size_t)bench->DHV, S = CALLS_JUDGED * (size_t)bench->S;
    double *h = malloc(2 * S * DHV * sizeof *h);
    bool whole = h != NULL;
    for (size_t index = 0; index < H; ++index) {
        const uint64_t count = bench->tensors[index].count / (bench->B * bench->NH);
        double *one = tool_bench_doubles(bench, index, head * count, count);
        inputs[index] = malloc(CALLS_JUDGED * (size_t)count * sizeof *one);
        whole = whole && one && inputs[index];
        for (size_t at = 0; one && inputs[index] && at < CALLS_JUDGED * count; ++at) {
            inputs[index][at] = one[at % count];
        }
        free(one);
    }
    clxi_ref_recurrent p = {.B = 1, .NH = 1, .S = S, .DHQK = (size_t)bench->DHQK, .DHV = DHV};
    p.q = inputs[Q];
    p.k = inputs[K];
    p.v = inputs[V];
    p.igate = inputs[IGATE];
    p.fgate = inputs[FGATE];
    p.C0 = inputs[C];
    p.n0 = inputs[N];
    p.m0 = inputs[M];
    p.eps = 1e-6f;
    p.h = h;
    p.cond_h = h ? h + S * DHV : NULL;
    whole = whole && clxi_ref_mlstm_recurrent(&p);
    for (size_t at = 0; whole && at < row_count * DHV; ++at) {
        const size_t row = S - (size_t)bench->S + rows[at / DHV];
        values[at] = p.h[row * DHV + at % DHV];
        cond[at] = p.cond_h[row * DHV + at % DHV];
    }
    for (size_t index = 0; index < H; ++index) {
        free(inputs[index]);
    }
    free(h);
    return whole;
}

static clx_status judge(tool_bench *bench, size_t set, clx_error *error)
{
    clx_status status = CLX_OK;
    bench_state *state = bench->state;
    for (size_t tensor = C; tensor <= M; ++tensor) {
        CLXI_TRY(tool_bench_restore(bench, set, tensor, error));
    }
    state->swapped[set] = false;
    for (int call = 0; call < CALLS_JUDGED; ++call) {
        CLXI_TRY(enqueue(bench, set, NULL, error));
    }
    CLXI_TRY(tool_bench_judge_rows(bench, set, H, "mlstm_recurrent", "h", reference, error));
fail:
    return status;
}

static void release(tool_bench *bench)
{
    bench_state *state = bench->state;
    if (!state) return;
    if (state->workspace) clReleaseMemObject(state->workspace);
    clx_recurrent_destroy(state->op);
    free(state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_recurrent = {"mlstm_recurrent", prepare, enqueue, judge, release, true};
