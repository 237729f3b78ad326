/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring the mLSTM, parallel form, causal. */
#include "base/arith.h"
#include "base/fail.h"
#include "bench.h"
#include "element.h"
#include "ref/judge.h"
#include "ref/ref.h"
#include "tool_random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q, K, V, IGATE, FGATE, H, TENSORS, SETS_MAX = 8, HEADS_JUDGED = 8, ROWS_JUDGED = 8 };

typedef struct bench_state {
    clx_mlstm *op;
    cl_mem workspace;
    void *host[TENSORS]; /* H: room for one set's output */
    uint64_t count[TENSORS];
    clx_dtype dtype[TENSORS];
    cl_mem mem[SETS_MAX][TENSORS];
} bench_state;

static clx_tensor view(const tool_bench *bench, size_t set, int which)
{
    const bench_state *state = bench->state;
    uint64_t size[4] = {bench->B, bench->NH, bench->S, which == V || which == H ? bench->DHV : bench->DHQK};
    return clx_tensor_dense(state->mem[set][which], state->dtype[which], which == IGATE || which == FGATE ? 3 : 4,
                            size);
}

/* Sizes of the tensors; false where they overflow. */
static bool plan(tool_bench *bench, bench_state *state)
{
    uint64_t rows;
    if (!clxi_mul_u64(bench->B, bench->NH, &rows) || !clxi_mul_u64(rows, bench->S, &rows)) return false;
    for (int which = 0; which < TENSORS; ++which) {
        bool gate = which == IGATE || which == FGATE;
        uint64_t D = gate ? 1 : which == V || which == H ? bench->DHV : bench->DHQK, bytes;
        state->dtype[which] = gate ? CLX_F32 : bench->dtype;
        if (!clxi_mul_u64(rows, D, &state->count[which])) return false;
        if (!clxi_mul_u64(state->count[which], clx_dtype_size_bytes(state->dtype[which]), &bytes)) return false;
        if (bytes > SIZE_MAX / 2 || !clxi_add_u64(bench->tensor_bytes, bytes, &bench->tensor_bytes)) return false;
    }
    /* as many sets as no cache holds, but not more than half the device */
    uint64_t wanted = clxi_ceil_div(bench->set_bytes_wanted, bench->tensor_bytes);
    uint64_t room = clxi_max_u64(1, bench->session->info.global_bytes / 2 / bench->tensor_bytes);
    bench->sets = (size_t)clxi_min_u64(clxi_min_u64(wanted, room), SETS_MAX);
    return true;
}

/* A standard normal number (Box and Muller). */
static float normal(tool_random *random)
{
    double u = ((double)(tool_random_bits(random) >> 11) + 0.5) * 0x1p-53;
    double angle = 6.283185307179586 * ((double)(tool_random_bits(random) >> 11) * 0x1p-53);
    return (float)(sqrt(-2.0 * log(u)) * cos(angle));
}

static void fill_gates(const tool_bench *bench, bench_state *state, tool_random *random)
{
    for (uint64_t index = 0; index < state->count[IGATE]; ++index) {
        float fgate = 20.0f;
        if (bench->gates == TOOL_GATES_UNIT) fgate = normal(random);
        if (bench->gates == TOOL_GATES_TRAINED) fgate = 3.0f + normal(random);
        ((float *)state->host[IGATE])[index] = normal(random);
        ((float *)state->host[FGATE])[index] = fgate;
    }
}

static clx_status fill_host(const tool_bench *bench, bench_state *state, clx_error *error)
{
    tool_random random = {1};
    for (int which = 0; which < TENSORS; ++which) {
        size_t count = (size_t)state->count[which];
        state->host[which] = calloc(count, clx_dtype_size_bytes(state->dtype[which]));
        if (!state->host[which]) return clxi_fail_memory(error, "the inputs");
        if (which <= V) tool_random_fill(&random, state->host[which], state->dtype[which], count, 0.0f, 1.0f);
    }
    fill_gates(bench, state, &random);
    return CLX_OK;
}

static clx_status upload(const tool_bench *bench, bench_state *state, clx_error *error)
{
    for (size_t set = 0; set < bench->sets; ++set) {
        for (int which = 0; which < TENSORS; ++which) {
            cl_int code = CL_SUCCESS;
            size_t bytes = (size_t)state->count[which] * clx_dtype_size_bytes(state->dtype[which]);
            cl_mem_flags flags = which == H ? CL_MEM_READ_WRITE : CL_MEM_READ_ONLY;
            cl_context context = clx_context_cl_context(bench->session->context);
            state->mem[set][which] = clCreateBuffer(context, flags, bytes, NULL, &code);
            if (code == CL_SUCCESS) {
                code = clEnqueueWriteBuffer(bench->session->queue, state->mem[set][which], CL_TRUE, 0, bytes,
                                            state->host[which], 0, NULL, NULL);
            }
            if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "a tensor of %zu bytes", bytes);
        }
    }
    return CLX_OK;
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
    if (bench->extra_bytes > 0) {
        cl_int code = CL_SUCCESS;
        state->workspace = clCreateBuffer(clx_context_cl_context(bench->session->context), CL_MEM_READ_WRITE,
                                          (size_t)bench->extra_bytes, NULL, &code);
        if (code != CL_SUCCESS) CLXI_TRY(clxi_fail_cl(error, code, "the workspace"));
    }
    snprintf(bench->variant, sizeof bench->variant, "%s", clx_mlstm_variant(state->op));
    return CLX_OK;
fail:
    return status;
}

static clx_status prepare(tool_bench *bench, clx_error *error)
{
    clx_status status;
    bench_state *state = bench->state = calloc(1, sizeof *state);
    if (!state) return clxi_fail_memory(error, "the measurement");
    if (!plan(bench, state)) return clxi_fail(error, CLX_ERR_OVERFLOW, "shape: its tensors are too large");
    CLXI_TRY(create_operator(bench, state, error));
    CLXI_TRY(fill_host(bench, state, error));
    CLXI_TRY(upload(bench, state, error));
    bench->flops =
        (double)bench->B * (double)bench->NH * (double)bench->S * (double)bench->S * (double)(bench->DHQK + bench->DHV);
    bench->flops_text = "B*NH*S^2*(DHQK+DHV)";
    return CLX_OK;
fail:
    return status;
}

static clx_status enqueue(tool_bench *bench, size_t set, cl_event *event, clx_error *error)
{
    bench_state *state = bench->state;
    clx_tensor tensors[TENSORS];
    for (int which = 0; which < TENSORS; ++which) {
        tensors[which] = view(bench, set, which);
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

/* The rows of one head to judge: the first, the last, and others by chance, in no order. */
static void choose_rows(const tool_bench *bench, tool_random *random, size_t *rows)
{
    for (size_t index = 0; index < ROWS_JUDGED; ++index) {
        rows[index] = (size_t)tool_random_below(random, bench->S);
    }
    rows[0] = 0;
    rows[1] = (size_t)bench->S - 1;
}

static double *doubles_of(const bench_state *state, int which, uint64_t first, uint64_t count)
{
    double *values = malloc((size_t)count * sizeof *values);
    for (uint64_t index = 0; values && index < count; ++index) {
        values[index] = tool_element_get(state->host[which], state->dtype[which], (size_t)(first + index));
    }
    return values;
}

/* What is judged: HEADS_JUDGED * ROWS_JUDGED rows of h. */
typedef struct sample {
    double *ours, *ref64, *cond;
    size_t rows;
} sample;

/* Adds rows of one head to the sample. */
static clx_status sample_head(const tool_bench *bench, uint64_t head, const size_t *rows, sample *s, clx_error *error)
{
    clx_status status = CLX_OK;
    const bench_state *state = bench->state;
    double *inputs[H] = {NULL};
    size_t DHV = (size_t)bench->DHV, first = s->rows * DHV;
    bool whole = true;
    for (int which = 0; which < H; ++which) {
        uint64_t count = state->count[which] / (bench->B * bench->NH);
        inputs[which] = doubles_of(state, which, head * count, count);
        whole = whole && inputs[which];
    }
    clxi_ref_mlstm p = {.B = 1,
                        .NH = 1,
                        .S = (size_t)bench->S,
                        .DHQK = (size_t)bench->DHQK,
                        .DHV = DHV,
                        .q = inputs[Q],
                        .k = inputs[K],
                        .v = inputs[V],
                        .igate = inputs[IGATE],
                        .fgate = inputs[FGATE],
                        .stabilize_rowwise = true,
                        .eps = 1e-6f,
                        .rows = rows,
                        .row_count = ROWS_JUDGED,
                        .h = s->ref64 + first,
                        .cond = s->cond + first};
    if (!whole || !clxi_ref_mlstm_parallel(&p)) CLXI_TRY(clxi_fail_memory(error, "the reference"));
    for (size_t index = 0; index < ROWS_JUDGED * DHV; ++index) {
        size_t place = ((size_t)head * (size_t)bench->S + rows[index / DHV]) * DHV + index % DHV;
        s->ours[first + index] = tool_element_get(state->host[H], state->dtype[H], place);
    }
    s->rows += ROWS_JUDGED;
fail:
    for (int which = 0; which < H; ++which) {
        free(inputs[which]);
    }
    return status;
}

static clx_status judge(tool_bench *bench, size_t set, clx_error *error)
{
    clx_status status;
    bench_state *state = bench->state;
    tool_random random = {2};
    size_t bytes = (size_t)state->count[H] * clx_dtype_size_bytes(state->dtype[H]);
    size_t elements = HEADS_JUDGED * ROWS_JUDGED * (size_t)bench->DHV;
    sample s = {.ours = malloc(3 * elements * sizeof *s.ours)};
    cl_int code = clEnqueueReadBuffer(bench->session->queue, state->mem[set][H], CL_TRUE, 0, bytes, state->host[H], 0,
                                      NULL, NULL);
    if (code != CL_SUCCESS) CLXI_TRY(clxi_fail_cl(error, code, "reading h"));
    if (!s.ours) CLXI_TRY(clxi_fail_memory(error, "the reference"));
    s.ref64 = s.ours + elements;
    s.cond = s.ref64 + elements;
    for (size_t index = 0; index < HEADS_JUDGED; ++index) {
        size_t rows[ROWS_JUDGED];
        choose_rows(bench, &random, rows);
        CLXI_TRY(sample_head(bench, tool_random_below(&random, bench->B * bench->NH), rows, &s, error));
    }
    const clxi_judge question = {.op = "mlstm_parallel",
                                 .output = "h",
                                 .out_dtype = bench->dtype,
                                 .qkv_dtype = bench->dtype,
                                 .count = elements,
                                 .ours = s.ours,
                                 .ref64 = s.ref64,
                                 .cond = s.cond};
    bench->verdict = clxi_judge_output(&question);
    bench->judged_rows = s.rows;
fail:
    free(s.ours);
    return status;
}

static void release(tool_bench *bench)
{
    bench_state *state = bench->state;
    if (!state) return;
    for (int which = 0; which < TENSORS; ++which) {
        free(state->host[which]);
        for (size_t set = 0; set < SETS_MAX; ++set) {
            if (state->mem[set][which]) clReleaseMemObject(state->mem[set][which]);
        }
    }
    if (state->workspace) clReleaseMemObject(state->workspace);
    clx_mlstm_destroy(state->op);
    free(state);
    bench->state = NULL;
}

const tool_bench_operator tool_bench_mlstm = {"mlstm_parallel", prepare, enqueue, judge, release};
