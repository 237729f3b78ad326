/* SPDX-License-Identifier: Apache-2.0
 *
 * Random cells and their reference. */
#include "cell_fixture.h"

#include "base/half.h"
#include "ref/judge.h"
#include "ref/ref.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

cell_problem cell_problem_plain(void)
{
    cell_problem p = {.B = 2, .S = 9, .NH = 2};
    p.config = (clx_mlstm_cell_config)CLX_MLSTM_CELL_CONFIG_INIT;
    p.config.num_heads = 2;
    p.config.dtype = CLX_F32;
    p.desc = (clx_mlstm_cell_desc)CLX_MLSTM_CELL_DESC_INIT;
    p.desc.DHQK = 6;
    p.desc.DHV = 10;
    p.args = (clx_mlstm_cell_args)CLX_MLSTM_CELL_ARGS_INIT;
    return p;
}

static void put(void *data, size_t i, clx_dtype dtype, float x)
{
    if (dtype == CLX_F32) ((float *)data)[i] = x;
    if (dtype == CLX_F16) ((uint16_t *)data)[i] = clxi_f32_to_f16(x);
    if (dtype == CLX_BF16) ((uint16_t *)data)[i] = clxi_f32_to_bf16(x);
    if (dtype == CLX_BOOL) ((uint8_t *)data)[i] = x != 0;
}

static double get(const void *data, size_t i, clx_dtype dtype)
{
    if (dtype == CLX_F16) return clxi_f16_to_f32(((const uint16_t *)data)[i]);
    if (dtype == CLX_BF16) return clxi_bf16_to_f32(((const uint16_t *)data)[i]);
    if (dtype == CLX_BOOL) return ((const uint8_t *)data)[i];
    return ((const float *)data)[i];
}

/* The place of element i, in logical order, in the view. */
static size_t place(const clx_tensor *view, size_t i)
{
    int64_t at = (int64_t)view->offset;
    for (uint32_t d = view->rank; d-- > 0; i /= view->size[d])
        at += (int64_t)(i % view->size[d]) * view->stride[d];
    return (size_t)at;
}

/* A tensor whose rows (of the last dimension) lie `padding` elements apart. `scale` 0: an output. */
static void make(cell_problem *p, int which, clx_dtype dtype, uint32_t rank, const uint64_t *size, uint64_t padding,
                 random_state *random, float mean, float scale)
{
    cell_tensor *t = &p->tensor[which];
    uint64_t room = 1;
    t->given = true;
    t->view = clx_tensor_dense(NULL, dtype, rank, size);
    t->count = 1;
    for (uint32_t d = rank; d-- > 0;) {
        t->view.stride[d] = (int64_t)room;
        room = room * size[d] + (d + 1 == rank ? padding : 0);
        t->count *= size[d];
    }
    t->view.offset = padding;
    const size_t elements = (size_t)(room + padding + 1), bytes = elements * clx_dtype_size_bytes(dtype);
    void *data = malloc(bytes);
    t->value = calloc(t->count + 1, sizeof *t->value);
    memset(data, 0xff, bytes);
    for (size_t i = 0; scale != 0 && i < t->count; i++) {
        const float x =
            dtype == CLX_BOOL ? (float)(random_below(random, 6) == 0) : mean + scale * random_normal(random);
        put(data, place(&t->view, i), dtype, x);
        t->value[i] = get(data, place(&t->view, i), dtype);
    }
    t->view.mem = buffer_make(bytes, data);
    free(data);
}

static const clx_tensor *given(const cell_problem *p, int which)
{
    return p->tensor[which].given ? &p->tensor[which].view : NULL;
}

static void make_parameters(cell_problem *p, random_state *random)
{
    const clx_dtype dtype = p->desc.param_dtype;
    uint64_t features = p->NH * (2 * p->desc.DHQK + p->desc.DHV);
    if (p->desc.gate_inputs) features = 0;
    for (uint32_t i = 0; i < p->desc.gate_inputs; i++)
        features += p->features[i];
    const uint64_t dense[2] = {features, p->NH}, headwise[3] = {p->NH, 1, features / p->NH};
    const bool is_headwise = p->config.gate_linear_headwise != 0;
    const float scale = 1.0f / sqrtf((float)(is_headwise ? headwise[2] : features) + 1);
    for (int gate = 0; gate < 2; gate++) {
        make(p, gate ? CELL_FGATE_KERNEL : CELL_IGATE_KERNEL, dtype, is_headwise ? 3 : 2,
             is_headwise ? headwise : dense, p->row_padding, random, 0, scale);
        make(p, gate ? CELL_FGATE_BIAS : CELL_IGATE_BIAS, dtype, 1, &p->NH, 0, random, gate ? 4.0f : 0.0f, 0.5f);
    }
    const uint64_t outnorm[2] = {p->NH, p->desc.DHV};
    make(p, CELL_OUTNORM, dtype, 2, outnorm, p->row_padding, random, 1, 0.2f);
    if (!p->config.add_qk_norm) return;
    make(p, CELL_Q_NORM, dtype, 1, &p->desc.DHQK, 0, random, 1, 0.2f);
    make(p, CELL_K_NORM, dtype, 1, &p->desc.DHQK, 0, random, 1, 0.2f);
}

static void make_states(cell_problem *p, random_state *random)
{
    const uint64_t C[4] = {p->B, p->NH, p->desc.DHQK, p->desc.DHV};
    for (int out = 0; out < 2; out++) {
        if (out ? !p->desc.return_state : !p->start_state) continue;
        for (int i = 0; i < 3; i++)
            make(p, (out ? CELL_C_OUT : CELL_C) + i, p->desc.state_dtype, 4 - (uint32_t)i, C, 0, random, 0,
                 out ? 0 : 0.5f);
    }
}

static void bind(cell_problem *p)
{
    clx_mlstm_cell_args *a = &p->args;
    a->q = given(p, CELL_Q), a->k = given(p, CELL_K), a->v = given(p, CELL_V);
    for (uint32_t i = 0; i < CLX_MLSTM_CELL_MAX_GATE_INPUTS; i++)
        a->gate_input[i] = given(p, CELL_GATE_INPUT + (int)i);
    a->document_borders = given(p, CELL_BORDERS);
    a->igate_kernel = given(p, CELL_IGATE_KERNEL), a->igate_bias = given(p, CELL_IGATE_BIAS);
    a->fgate_kernel = given(p, CELL_FGATE_KERNEL), a->fgate_bias = given(p, CELL_FGATE_BIAS);
    a->outnorm_scale = given(p, CELL_OUTNORM);
    a->q_norm_scale = given(p, CELL_Q_NORM), a->k_norm_scale = given(p, CELL_K_NORM);
    a->C = given(p, CELL_C), a->n = given(p, CELL_N), a->m = given(p, CELL_M);
    a->C_out = given(p, CELL_C_OUT), a->n_out = given(p, CELL_N_OUT), a->m_out = given(p, CELL_M_OUT);
    a->h = given(p, CELL_H);
    a->statistics = given(p, CELL_STATISTICS);
}

void cell_problem_fill(cell_problem *p, random_state *random)
{
    const clx_dtype dtype = p->desc.input_dtype ? p->desc.input_dtype : p->config.dtype;
    const clx_dtype gate_dtype = p->desc.gate_input_dtype ? p->desc.gate_input_dtype : dtype;
    const clx_dtype out_dtype = p->desc.out_dtype ? p->desc.out_dtype : p->config.dtype;
    const uint64_t qk[3] = {p->B, p->S, p->NH * p->desc.DHQK}, v[3] = {p->B, p->S, p->NH * p->desc.DHV};
    const uint64_t eight = CLX_GATE_STATISTIC_COUNT;
    make(p, CELL_Q, dtype, 3, qk, p->row_padding, random, 0, 1);
    make(p, CELL_K, dtype, 3, qk, p->row_padding, random, 0, 1);
    make(p, CELL_V, dtype, 3, v, p->row_padding, random, 0, 1);
    for (uint32_t i = 0; i < p->desc.gate_inputs; i++) {
        const uint64_t size[3] = {p->B, p->S, p->features[i]};
        make(p, CELL_GATE_INPUT + (int)i, gate_dtype, 3, size, p->row_padding, random, 0, 1);
    }
    if (p->config.reset_at_document_boundaries) make(p, CELL_BORDERS, CLX_BOOL, 2, qk, 0, random, 0, 1);
    make_parameters(p, random);
    make_states(p, random);
    make(p, CELL_H, out_dtype, 3, v, p->row_padding, random, 0, 0);
    if (p->statistics) make(p, CELL_STATISTICS, CLX_F32, 1, &eight, 0, random, 0, 0);
    bind(p);
}

void cell_problem_free(cell_problem *p)
{
    for (int i = 0; i < CELL_TENSORS; i++) {
        if (p->tensor[i].given) buffer_free(p->tensor[i].view.mem);
        free(p->tensor[i].value);
        p->tensor[i] = (cell_tensor){0};
    }
}

void cell_problem_read(cell_problem *p, int which)
{
    cell_tensor *t = &p->tensor[which];
    size_t bytes = 0;
    ck_assert_int_eq(clGetMemObjectInfo(t->view.mem, CL_MEM_SIZE, sizeof bytes, &bytes, NULL), CL_SUCCESS);
    void *data = malloc(bytes);
    buffer_read(t->view.mem, 0, bytes, data);
    for (size_t i = 0; i < t->count; i++)
        t->value[i] = get(data, place(&t->view, i), t->view.dtype);
    free(data);
}

void cell_problem_run(cell_problem *p, clx_mlstm_cell *cell)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_cell_enqueue(cell, &launch, &p->args, &test_error));
    ck_assert_int_eq(clFinish(device.queue), CL_SUCCESS);
}

/* q, k and v as they are computed in. */
static double *rounded(const cell_tensor *t, clx_dtype dtype)
{
    double *x = malloc((t->count + 1) * sizeof *x);
    for (size_t i = 0; i < t->count; i++) {
        float room = 0; /* of any dtype */
        put(&room, 0, dtype, (float)t->value[i]);
        x[i] = get(&room, 0, dtype);
    }
    return x;
}

static clxi_ref_cell reference_of(const cell_problem *p)
{
    const clx_mlstm_cell_config *c = &p->config;
    const int64_t length = c->backend.context_length < 0 ? c->context_length : c->backend.context_length;
    clxi_ref_cell r = {.B = (size_t)p->B, .S = (size_t)p->S, .NH = (size_t)p->NH};
    r.DHQK = (size_t)p->desc.DHQK, r.DHV = (size_t)p->desc.DHV;
    r.q = rounded(&p->tensor[CELL_Q], c->dtype);
    r.k = rounded(&p->tensor[CELL_K], c->dtype);
    r.v = rounded(&p->tensor[CELL_V], c->dtype);
    r.gate_input_count = p->desc.gate_inputs ? p->desc.gate_inputs : 3; /* q, k and v as they are passed */
    for (uint32_t i = 0; i < r.gate_input_count; i++) {
        const cell_tensor *t = &p->tensor[p->desc.gate_inputs ? CELL_GATE_INPUT + (int)i : CELL_Q + (int)i];
        r.gate_input[i] = t->value;
        r.gate_features[i] = (size_t)t->view.size[2];
    }
    r.headwise = c->gate_linear_headwise != 0;
    r.igate_kernel = p->tensor[CELL_IGATE_KERNEL].value, r.igate_bias = p->tensor[CELL_IGATE_BIAS].value;
    r.fgate_kernel = p->tensor[CELL_FGATE_KERNEL].value, r.fgate_bias = p->tensor[CELL_FGATE_BIAS].value;
    r.gate_soft_cap = c->gate_soft_cap.given ? c->gate_soft_cap.value : 0;
    r.reset_fgate_value = c->reset_fgate_value;
    r.q_norm = p->tensor[CELL_Q_NORM].value, r.k_norm = p->tensor[CELL_K_NORM].value;
    r.outnorm = p->tensor[CELL_OUTNORM].value;
    r.rms = (c->layer_type_v1 ? c->norm_type_v1 : c->norm_type) == CLX_RMSNORM;
    r.norm_eps = c->norm_eps;
    r.backend = (clxi_ref_backend)c->backend.name;
    r.activation = (clxi_ref_activation)c->backend.activation_function;
    r.silu = c->backend.qk_pre_activation_function != CLX_PRE_ACTIVATION_NONE;
    r.theta = c->backend.theta;
    r.bias_length = length > 0 ? (double)length : 0;
    r.C0 = p->tensor[CELL_C].value, r.n0 = p->tensor[CELL_N].value, r.m0 = p->tensor[CELL_M].value;
    return r;
}

/* The coarsest of two dtypes. */
static clx_dtype coarsest(clx_dtype a, clx_dtype b)
{
    if (a == CLX_BF16 || b == CLX_BF16) return CLX_BF16;
    return a == CLX_F16 || b == CLX_F16 ? CLX_F16 : CLX_F32;
}

/* `ref` is what stands for the original's own result. */
static void judge(cell_problem *p, int which, const char *name, size_t at, size_t count, const double *ref64,
                  const double *ref, double slack)
{
    const clx_mlstm_cell_config *c = &p->config;
    clxi_judge j = {.op = "mlstm_cell", .output = name, .ref64 = ref64, .ref = ref, .count = count};
    j.ours = p->tensor[which].value + at;
    j.out_dtype = which == CELL_STATISTICS ? CLX_F32 : p->tensor[CELL_H].view.dtype;
    j.qkv_dtype = coarsest(coarsest(c->dtype, p->tensor[CELL_Q].view.dtype), c->gate_dtype);
    j.gate_dtype = c->gate_dtype;
    j.state_dtype = coarsest(p->desc.state_dtype, j.qkv_dtype);
    const clxi_verdict verdict = clxi_judge_output(&j);
    if (!(verdict.worst <= slack))
        ck_abort_msg("%s: %g of the tolerance at %zu: %.9g, expected %.9g", name, verdict.worst, verdict.index,
                     j.ours[verdict.index], ref64[verdict.index]);
}

/* x, each element moved by up to one unit in the last place of the dtype. */
static void shake(const double *x, size_t count, clx_dtype dtype)
{
    const double unit = dtype == CLX_BF16 ? 0x1p-8 : dtype == CLX_F16 ? 0x1p-11 : 0x1p-23;
    random_state random = {42};
    for (size_t i = 0; i < count; i++)
        ((double *)x)[i] *= 1 + unit * (double)random_uniform(&random, -1, 1);
}

/* h of inputs that are a little off: how much of an error the problem makes of a rounding. Where a row nearly cancels
 * before it is normalised, that is a lot, and nobody can do better. */
static double *make_rival(const cell_problem *p, const clxi_ref_cell *reference)
{
    clxi_ref_cell r = reference_of(p);
    const clx_dtype dtype = coarsest(p->config.dtype, p->tensor[CELL_Q].view.dtype);
    shake(r.q, p->tensor[CELL_Q].count, dtype);
    shake(r.k, p->tensor[CELL_K].count, dtype);
    shake(r.v, p->tensor[CELL_V].count, dtype);
    r.document_borders = reference->document_borders;
    r.h = calloc(p->tensor[CELL_H].count + 1, sizeof *r.h);
    ck_assert(clxi_ref_mlstm_cell(&r));
    free((void *)r.q), free((void *)r.k), free((void *)r.v);
    return r.h;
}

void cell_problem_expect(cell_problem *p, double slack)
{
    static const char *const statistics[CLX_GATE_STATISTIC_COUNT] = {
        "max_igate_preact", "min_igate_preact",  "mean_igate_preact", "max_fgate_preact",
        "min_fgate_preact", "mean_fgate_preact", "igate_bias",        "fgate_bias"};
    static const char *const states[3] = {"C", "n", "m"};
    clxi_ref_cell r = reference_of(p);
    unsigned char *borders = calloc(p->tensor[CELL_BORDERS].count + 1, 1);
    double values[CLXI_REF_STATISTIC_COUNT], *state[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < p->tensor[CELL_BORDERS].count; i++)
        borders[i] = p->tensor[CELL_BORDERS].value[i] != 0;
    if (p->tensor[CELL_BORDERS].given) r.document_borders = borders;
    r.h = calloc(p->tensor[CELL_H].count + 1, sizeof *r.h);
    r.statistic = values;
    const bool with_state = p->desc.return_state && p->config.backend.name == CLX_BACKEND_RECURRENT;
    for (int i = 0; i < 3 && with_state; i++)
        state[i] = calloc(p->tensor[CELL_C_OUT + i].count + 1, sizeof(double));
    r.C = state[0], r.n = state[1], r.m = state[2];
    ck_assert(clxi_ref_mlstm_cell(&r));

    cell_problem_read(p, CELL_H);
    double *rival = make_rival(p, &r);
    judge(p, CELL_H, "h", 0, p->tensor[CELL_H].count, r.h, rival, slack);
    free(rival);
    if (p->statistics) cell_problem_read(p, CELL_STATISTICS);
    for (size_t i = 0; p->statistics && i < CLX_GATE_STATISTIC_COUNT; i++)
        judge(p, CELL_STATISTICS, statistics[i], i, 1, &values[i], NULL, 1);
    for (int i = 0; i < 3 && with_state; i++) {
        cell_problem_read(p, CELL_C_OUT + i);
        judge(p, CELL_C_OUT + i, states[i], 0, p->tensor[CELL_C_OUT + i].count, state[i], NULL, slack);
        free(state[i]);
    }
    free((void *)r.q), free((void *)r.k), free((void *)r.v), free(r.h), free(borders);
}
