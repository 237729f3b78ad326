/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring the whole cell with the defaults of its configuration: a decoding step of the recurrent backend where S is 1,
 * else a prefill of the parallel one, which leaves the state that decoding goes on from. */
#include "base/fail.h"
#include "bench.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>

/* In the order in which prepare adds them. */
enum { Q, K, V, IGATE_KERNEL, IGATE_BIAS, FGATE_KERNEL, FGATE_BIAS, NORM, C, N, M, N_OTHER, M_OTHER, H };

typedef struct bench_state {
    clx_mlstm_cell *cell;
    cl_mem workspace;
    bool swapped[TOOL_BENCH_SETS_MAX]; /* the state is in N_OTHER, M_OTHER */
} bench_state;

static bool is_step(const tool_bench *bench)
{
    return bench->S == 1;
}

static uint64_t gate_features(const tool_bench *bench)
{
    return bench->NH * (2 * bench->DHQK + bench->DHV);
}

static void add_tensors(tool_bench *bench)
{
    const uint64_t qk[3] = {bench->B, bench->S, bench->NH * bench->DHQK};
    const uint64_t vh[3] = {bench->B, bench->S, bench->NH * bench->DHV};
    const uint64_t kernel[2] = {gate_features(bench), bench->NH}, norm[2] = {bench->NH, bench->DHV};
    const uint64_t C_size[4] = {bench->B, bench->NH, bench->DHQK, bench->DHV};
    const tool_fill before = is_step(bench) ? TOOL_FILL_VALUES : TOOL_FILL_ZEROS;
    tool_bench_add(bench, "q", TOOL_FILL_VALUES, bench->dtype, 3, qk);
    tool_bench_add(bench, "k", TOOL_FILL_VALUES, bench->dtype, 3, qk);
    tool_bench_add(bench, "v", TOOL_FILL_VALUES, bench->dtype, 3, vh);
    tool_bench_add(bench, "igate_kernel", TOOL_FILL_WEIGHTS, CLX_F32, 2, kernel);
    tool_bench_add(bench, "igate_bias", TOOL_FILL_IGATE, CLX_F32, 1, norm);
    tool_bench_add(bench, "fgate_kernel", TOOL_FILL_WEIGHTS, CLX_F32, 2, kernel);
    tool_bench_add(bench, "fgate_bias", TOOL_FILL_FGATE, CLX_F32, 1, norm);
    tool_bench_add(bench, "outnorm_scale", TOOL_FILL_VALUES, CLX_F32, 2, norm);
    tool_bench_add(bench, "C", before, CLX_F32, 4, C_size);
    tool_bench_add(bench, "n", before, CLX_F32, 3, C_size);
    tool_bench_add(bench, "m", before, CLX_F32, 2, C_size);
    tool_bench_add(bench, "n", TOOL_FILL_ZEROS, CLX_F32, 3, C_size);
    tool_bench_add(bench, "m", TOOL_FILL_ZEROS, CLX_F32, 2, C_size);
    tool_bench_add(bench, "h", TOOL_FILL_ZEROS, bench->dtype, 3, vh);
}

static clx_status create_cell(tool_bench *bench, bench_state *state, clx_error *error)
{
    clx_status status;
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    config.num_heads = (int64_t)bench->NH;
    config.dtype = bench->dtype;
    if (is_step(bench)) config.backend.name = CLX_BACKEND_RECURRENT;
    desc.config = &config;
    desc.DHQK = bench->DHQK;
    desc.DHV = bench->DHV;
    desc.return_state = 1;
    CLXI_TRY(clx_mlstm_cell_create(bench->session->context, &desc, &state->cell, error));
    CLXI_TRY(clx_mlstm_cell_workspace_size(state->cell, bench->B, bench->S, &bench->extra_bytes, error));
    CLXI_TRY(tool_bench_workspace(bench, &state->workspace, error));
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_mlstm_cell_variant(state->cell));
fail:
    return status;
}

static void count_work(tool_bench *bench)
{
    const double heads = (double)bench->B * (double)bench->NH, S = (double)bench->S;
    const double cells = (double)bench->tensors[C].count;
    const double projection = 2.0 * 2.0 * heads * S * (double)gate_features(bench);
    bench->work_is_traffic = is_step(bench);
    bench->bytes = (double)bench->tensor_bytes + (is_step(bench) ? 4.0 * cells : 0.0); /* a step reads C too */
    if (is_step(bench)) {
        bench->work = 2.0 * 4.0 * cells;
        bench->flops = 5.0 * cells + projection;
        bench->work_text = "C read and written, 8*B*NH*DHQK*DHV";
    } else {
        bench->work = heads * S * S * (double)(bench->DHQK + bench->DHV);
        bench->work_text = "the mLSTM's B*NH*S^2*(DHQK+DHV)";
        bench->flops = bench->work + projection;
    }
}

static clx_status prepare(tool_bench *bench, clx_error *error)
{
    clx_status status;
    bench_state *state = bench->state = calloc(1, sizeof *state);
    if (!state) return clxi_fail_memory(error, "the measurement");
    add_tensors(bench);
    CLXI_TRY(create_cell(bench, state, error));
    CLXI_TRY(tool_bench_upload(bench, error));
    count_work(bench);
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
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    args.q = &tensors[Q];
    args.k = &tensors[K];
    args.v = &tensors[V];
    args.igate_kernel = &tensors[IGATE_KERNEL];
    args.igate_bias = &tensors[IGATE_BIAS];
    args.fgate_kernel = &tensors[FGATE_KERNEL];
    args.fgate_bias = &tensors[FGATE_BIAS];
    args.outnorm_scale = &tensors[NORM];
    args.C_out = &tensors[C];
    args.n_out = &tensors[state->swapped[set] ? N : N_OTHER];
    args.m_out = &tensors[state->swapped[set] ? M : M_OTHER];
    if (is_step(bench)) {
        args.C = args.C_out;
        args.n = &tensors[state->swapped[set] ? N_OTHER : N];
        args.m = &tensors[state->swapped[set] ? M_OTHER : M];
        state->swapped[set] = !state->swapped[set];
    }
    args.h = &tensors[H];
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = bench->session->queue;
    launch.event = event;
    launch.workspace = state->workspace;
    return clx_mlstm_cell_enqueue(state->cell, &launch, &args, error);
}

/* Steps are judged by the second of two calls on the same token, from the state that the host still has. */
static size_t calls_judged(const tool_bench *bench)
{
    return is_step(bench) ? 2 : 1;
}

/* Elements of tensor `index` as doubles, `width` from `first` on in each of `rows` rows of `stride`; all that again for
 * every judged call. */
static double *take(const tool_bench *bench, size_t index, uint64_t rows, uint64_t stride, uint64_t first,
                    uint64_t width, size_t times)
{
    const size_t count = (size_t)(rows * width);
    double *out = malloc(times * count * sizeof *out);
    for (uint64_t row = 0; out && row < rows; ++row) {
        double *one = tool_bench_doubles(bench, index, row * stride + first, width);
        for (size_t at = 0; one && at < times * width; ++at) {
            out[at / width * count + (size_t)row * width + at % width] = one[at % width];
        }
        if (!one) {
            free(out);
            out = NULL;
        }
        free(one);
    }
    return out;
}

enum { INPUTS = M + 1, GATE_INPUTS = 3 };

/* What a cell of this one head is made from: its own features and parameters, and the gate inputs of all heads. */
static void take_head(const tool_bench *bench, uint64_t head, double *own[INPUTS], double *gate_inputs[GATE_INPUTS])
{
    const uint64_t b = head / bench->NH, n = head % bench->NH, NH = bench->NH, S = bench->S;
    const size_t times = calls_judged(bench);
    for (size_t index = Q; index <= V; ++index) {
        const uint64_t width = index == V ? bench->DHV : bench->DHQK, all = NH * width;
        own[index] = take(bench, index, S, all, b * S * all + n * width, width, times);
        gate_inputs[index] = take(bench, index, S, all, b * S * all, all, times);
    }
    for (size_t index = IGATE_KERNEL; index <= FGATE_BIAS; ++index) {
        own[index] = take(bench, index, bench->tensors[index].count / NH, NH, n, 1, 1);
    }
    own[NORM] = take(bench, NORM, 1, 0, n * bench->DHV, bench->DHV, 1);
    for (size_t index = C; index <= M; ++index) {
        const uint64_t count = bench->tensors[index].count / (bench->B * NH);
        own[index] = take(bench, index, 1, 0, head * count, count, 1);
    }
}

static bool run_reference(const tool_bench *bench, double *const own[INPUTS], double *const gate_inputs[GATE_INPUTS],
                          const size_t *rows, size_t row_count, double *h)
{
    const size_t S = calls_judged(bench) * (size_t)bench->S;
    clxi_ref_cell p = {.B = 1, .S = S, .NH = 1, .DHQK = (size_t)bench->DHQK, .DHV = (size_t)bench->DHV};
    p.q = own[Q];
    p.k = own[K];
    p.v = own[V];
    p.gate_input_count = GATE_INPUTS;
    for (size_t index = 0; index < GATE_INPUTS; ++index) {
        p.gate_input[index] = gate_inputs[index];
        p.gate_features[index] = (size_t)(bench->NH * (index == V ? bench->DHV : bench->DHQK));
    }
    p.igate_kernel = own[IGATE_KERNEL];
    p.igate_bias = own[IGATE_BIAS];
    p.fgate_kernel = own[FGATE_KERNEL];
    p.fgate_bias = own[FGATE_BIAS];
    p.outnorm = own[NORM];
    p.norm_eps = 1e-6;
    p.backend = is_step(bench) ? CLXI_REF_RECURRENT : CLXI_REF_PARALLEL_STABILIZED;
    if (is_step(bench)) {
        p.C0 = own[C];
        p.n0 = own[N];
        p.m0 = own[M];
    } else {
        p.rows = rows;
        p.row_count = row_count;
    }
    p.h = h;
    return clxi_ref_mlstm_cell(&p);
}

static bool reference(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count, double *values,
                      double *cond)
{
    double *own[INPUTS] = {NULL}, *gate_inputs[GATE_INPUTS] = {NULL};
    const size_t DHV = (size_t)bench->DHV, count = is_step(bench) ? calls_judged(bench) : row_count;
    double *h = malloc(count * DHV * sizeof *h);
    bool whole = h != NULL;
    (void)cond; /* the rule for cells has none */
    take_head(bench, head, own, gate_inputs);
    for (size_t index = 0; index < INPUTS; ++index) {
        whole = whole && own[index] && (index >= GATE_INPUTS || gate_inputs[index]);
    }
    whole = whole && run_reference(bench, own, gate_inputs, rows, row_count, h);
    for (size_t at = 0; whole && at < row_count * DHV; ++at) {
        values[at] = h[is_step(bench) ? (count - 1) * DHV + at % DHV : at];
    }
    for (size_t index = 0; index < INPUTS; ++index) {
        free(own[index]);
        if (index < GATE_INPUTS) free(gate_inputs[index]);
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
    for (size_t call = 0; call < calls_judged(bench); ++call) {
        CLXI_TRY(enqueue(bench, set, NULL, error));
    }
    CLXI_TRY(tool_bench_judge_rows(bench, set, H, "mlstm_cell", "h", reference, error));
fail:
    return status;
}

static void release(tool_bench *bench)
{
    bench_state *state = bench->state;
    if (!state) return;
    if (state->workspace) clReleaseMemObject(state->workspace);
    clx_mlstm_cell_destroy(state->cell);
    free(state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_cell = {"mlstm_cell", prepare, enqueue, judge, release, true};
