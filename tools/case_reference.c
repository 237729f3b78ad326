/* SPDX-License-Identifier: Apache-2.0
 *
 * From a case to its reference. */
#include "case_reference.h"
#include "base/half.h"
#include "ref/ref.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double round_to(double value, clx_dtype dtype)
{
    switch (dtype) {
    case CLX_F32:
        return (float)value;
    case CLX_F16:
        return clxi_f16_to_f32(clxi_f32_to_f16((float)value));
    case CLX_BF16:
        return clxi_bf16_to_f32(clxi_f32_to_bf16((float)value));
    default:
        return value;
    }
}

double *case_load(const clxi_case *c, const char *name, clx_dtype rounded_to)
{
    const clxi_st_tensor *tensor = clxi_case_tensor(c, name);
    if (tensor == NULL) return NULL;
    size_t count = (size_t)clxi_st_count(tensor);
    double *data = malloc((count + 1) * sizeof *data);
    if (data == NULL) return NULL;
    clxi_st_to_f64(tensor, data);
    for (size_t i = 0; i < count; i++)
        data[i] = round_to(data[i], rounded_to);
    return data;
}

/* case_load, noting when memory was short. */
static double *load(case_reference *out, const clxi_case *c, const char *name, clx_dtype rounded_to)
{
    double *data = case_load(c, name, rounded_to);
    if (data == NULL && clxi_case_tensor(c, name) != NULL) out->failed = true;
    return data;
}

static unsigned char *load_flags(case_reference *out, const clxi_case *c, const char *name)
{
    const clxi_st_tensor *tensor = clxi_case_tensor(c, name);
    if (tensor == NULL) return NULL;
    size_t count = (size_t)clxi_st_count(tensor);
    unsigned char *flags = malloc(count + 1);
    for (size_t i = 0; flags != NULL && i < count; i++)
        flags[i] = clxi_st_get(tensor, i) != 0;
    if (flags == NULL) out->failed = true;
    return flags;
}

static size_t size(const clxi_case *c, char letter)
{
    return (size_t)clxi_case_size(c, letter);
}

static reference_output *add(case_reference *out, const char *name, size_t count, bool with_cond)
{
    assert(out->count < REFERENCE_MAX_OUTPUTS);
    reference_output *output = &out->output[out->count++];
    *output = (reference_output){name, count, calloc(count + 1, sizeof(double)), NULL, NULL};
    if (with_cond) output->cond = calloc(count + 1, sizeof(double));
    if (output->value == NULL || (with_cond && output->cond == NULL)) out->failed = true;
    return output;
}

/* The inputs that most operators have; freed as one. */
typedef struct inputs {
    double *q, *k, *v, *igate, *fgate, *C0, *n0, *m0;
    unsigned char *mask;
} inputs;

static inputs load_inputs(case_reference *out, const clxi_case *c, clx_dtype gate_dtype)
{
    clx_dtype dtype = clxi_case_qkv_dtype(c);
    inputs x = {load(out, c, "q", dtype),
                load(out, c, "k", dtype),
                load(out, c, "v", dtype),
                load(out, c, "i", gate_dtype),
                load(out, c, "f", gate_dtype),
                load(out, c, "C0", CLX_DTYPE_DEFAULT),
                load(out, c, "n0", CLX_DTYPE_DEFAULT),
                load(out, c, "m0", CLX_DTYPE_DEFAULT),
                load_flags(out, c, "mask")};
    return x;
}

static void free_inputs(inputs *x)
{
    double *all[] = {x->q, x->k, x->v, x->igate, x->fgate, x->C0, x->n0, x->m0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(x->mask);
}

static void run_parallel(const clxi_case *c, case_reference *out)
{
    inputs x = load_inputs(out, c, clxi_case_dtype(c, "gate_dtype"));
    clxi_ref_mlstm p = {size(c, 'B'), size(c, 'H'), size(c, 'S'), size(c, 'K'), size(c, 'V'), .q = x.q};
    reference_output *h = add(out, "h", p.B * p.NH * p.S * p.DHV, true);
    p.k = x.k, p.v = x.v, p.igate = x.igate, p.fgate = x.fgate, p.mask = x.mask;
    p.stabilize_rowwise = clxi_case_bool(c, "stabilize_rowwise");
    p.eps = clxi_case_float(c, "eps");
    p.h = h->value, p.cond = h->cond;
    if (!out->failed && !clxi_ref_mlstm_parallel(&p)) out->failed = true;
    free_inputs(&x);
}

static void run_recurrent(const clxi_case *c, case_reference *out)
{
    inputs x = load_inputs(out, c, CLX_DTYPE_DEFAULT);
    clxi_ref_recurrent p = {size(c, 'B'), size(c, 'H'), size(c, 'S'), size(c, 'K'), size(c, 'V'), .q = x.q};
    size_t heads = p.B * p.NH;
    reference_output *h = add(out, "h", heads * p.S * p.DHV, true);
    reference_output *C = add(out, "C", heads * p.DHQK * p.DHV, true);
    reference_output *n = add(out, "n", heads * p.DHQK, true);
    reference_output *m = add(out, "m", heads, true);
    p.k = x.k, p.v = x.v, p.igate = x.igate, p.fgate = x.fgate;
    p.C0 = x.C0, p.n0 = x.n0, p.m0 = x.m0;
    p.eps = clxi_case_float(c, "eps");
    p.h = h->value, p.C = C->value, p.n = n->value, p.m = m->value;
    p.cond_h = h->cond, p.cond_C = C->cond, p.cond_n = n->cond, p.cond_m = m->cond;
    if (!out->failed && !clxi_ref_mlstm_recurrent(&p)) out->failed = true;
    free_inputs(&x);
}

static void run_freqs(const clxi_case *c, case_reference *out)
{
    size_t rows = size(c, 'L'), half = size(c, 'R');
    reference_output *sin_table = add(out, "sin", rows * half, false), *cos_table = add(out, "cos", rows * half, false);
    if (out->failed) return;
    clxi_ref_precompute_freqs(2 * half, rows, clxi_case_float(c, "theta"), clxi_case_int(c, "start"), sin_table->value,
                              cos_table->value);
}

static int64_t *load_positions(case_reference *out, const clxi_case *c)
{
    const clxi_st_tensor *tensor = clxi_case_tensor(c, "positions");
    if (tensor == NULL) return NULL;
    size_t B = size(c, 'B'), S = size(c, 'S');
    int64_t *positions = malloc((B * S + 1) * sizeof *positions);
    if (positions == NULL) out->failed = true;
    for (size_t i = 0; positions != NULL && i < B * S; i++)
        positions[i] = clxi_st_get_i64(tensor, tensor->rank == 2 ? i : i % S);
    return positions;
}

static void run_rotary(const clxi_case *c, case_reference *out)
{
    inputs x = load_inputs(out, c, CLX_DTYPE_DEFAULT);
    double *sin_table = load(out, c, "sin", CLX_DTYPE_DEFAULT), *cos_table = load(out, c, "cos", CLX_DTYPE_DEFAULT);
    int64_t *positions = load_positions(out, c);
    for (int i = 0; i < 2; i++) {
        clxi_ref_rotary p = {size(c, 'B'), size(c, i ? 'G' : 'H'), size(c, 'S'), size(c, 'K'), .x = i ? x.k : x.q};
        reference_output *y = add(out, i ? "k_out" : "q_out", p.B * p.NH * p.S * p.D, true);
        p.rotary_dim = (size_t)clxi_case_int(c, "rotary_dim");
        p.half = clxi_case_choice(c, "pairing") == CLXI_HALF;
        p.inverse = clxi_case_bool(c, "inverse");
        p.theta = clxi_case_float(c, "theta");
        p.start = clxi_case_int(c, "start");
        p.sin_table = sin_table, p.cos_table = cos_table, p.positions = positions;
        p.y = y->value, p.cond = y->cond;
        if (!out->failed) clxi_ref_apply_rotary(&p);
    }
    free(sin_table);
    free(cos_table);
    free(positions);
    free_inputs(&x);
}

static void run_attention(const clxi_case *c, case_reference *out)
{
    inputs x = load_inputs(out, c, CLX_DTYPE_DEFAULT);
    clxi_ref_attention p = {size(c, 'B'), size(c, 'H'), size(c, 'G'), size(c, 'S'),
                            size(c, 'T'), size(c, 'K'), size(c, 'V'), .q = x.q};
    reference_output *h = add(out, "h", p.B * p.NH * p.S_q * p.DHV, true);
    p.k = x.k, p.v = x.v, p.mask = x.mask;
    p.causal = clxi_case_bool(c, "causal");
    p.silu = clxi_case_choice(c, "qk_pre_activation_function") != CLXI_PRE_NONE;
    p.rotary = clxi_case_bool(c, "rotary");
    p.theta = clxi_case_float(c, "theta");
    p.activation = (clxi_ref_activation)clxi_case_choice(c, "activation_function");
    p.window = (uint64_t)clxi_case_int(c, "window");
    p.start = clxi_case_given(c, "start") ? clxi_case_int(c, "start") : (int64_t)p.S_kv - (int64_t)p.S_q;
    p.h = h->value, p.cond = h->cond;
    if (!out->failed && !clxi_ref_run_attention(&p)) out->failed = true;
    free_inputs(&x);
}

/* The gate inputs that the case gives; none means q, k and v. */
static void load_gate_inputs(case_reference *out, const clxi_case *c, clxi_ref_cell *p)
{
    for (size_t i = 0; i < CLXI_REF_MAX_GATE_INPUTS; i++) {
        char name[32] = "gate_input";
        if (!clxi_case_tensor(c, name)) snprintf(name, sizeof name, "gate_input.%zu", i);
        const clxi_st_tensor *tensor = clxi_case_tensor(c, name);
        if (tensor == NULL || (i > 0 && strcmp(name, "gate_input") == 0)) return;
        p->gate_input[i] = load(out, c, name, CLX_DTYPE_DEFAULT);
        p->gate_features[i] = (size_t)tensor->size[2];
        p->gate_input_count = i + 1;
    }
}

static void run_cell(const clxi_case *c, case_reference *out)
{
    static const char *const statistics[CLXI_REF_STATISTIC_COUNT] = {
        "max_igate_preact", "min_igate_preact",  "mean_igate_preact", "max_fgate_preact",
        "min_fgate_preact", "mean_fgate_preact", "igate_bias",        "fgate_bias"};
    static const char *const names[] = {"igate.kernel",  "igate.bias",   "fgate.kernel", "fgate.bias",
                                        "outnorm.scale", "q_norm.scale", "k_norm.scale"};
    enum { WEIGHTS = sizeof names / sizeof *names };
    double *weight[WEIGHTS], statistic[CLXI_REF_STATISTIC_COUNT];
    inputs x = load_inputs(out, c, CLX_DTYPE_DEFAULT);
    unsigned char *borders = load_flags(out, c, "document_borders");
    for (int i = 0; i < WEIGHTS; i++)
        weight[i] = load(out, c, names[i], CLX_DTYPE_DEFAULT);

    clxi_ref_cell p = {size(c, 'B'), size(c, 'S'), size(c, 'N'), size(c, 'P'), size(c, 'D'), .q = x.q};
    p.k = x.k, p.v = x.v;
    load_gate_inputs(out, c, &p);
    p.headwise = clxi_case_bool(c, "gate_linear_headwise");
    p.igate_kernel = weight[0], p.igate_bias = weight[1], p.fgate_kernel = weight[2], p.fgate_bias = weight[3];
    p.outnorm = weight[4], p.q_norm = weight[5], p.k_norm = weight[6];
    p.gate_soft_cap = clxi_case_float(c, "gate_soft_cap");
    p.document_borders = clxi_case_bool(c, "reset_at_document_boundaries") ? borders : NULL;
    p.reset_fgate_value = clxi_case_float(c, "reset_fgate_value");
    p.rms = clxi_case_choice(c, clxi_case_bool(c, "layer_type_v1") ? "norm_type_v1" : "norm_type") == CLXI_RMSNORM;
    p.norm_eps = clxi_case_float(c, "norm_eps");
    p.backend = (clxi_ref_backend)clxi_case_choice(c, "backend");
    p.activation = (clxi_ref_activation)clxi_case_choice(c, "backend.activation_function");
    p.silu = clxi_case_choice(c, "backend.qk_pre_activation_function") != CLXI_PRE_NONE;
    p.theta = clxi_case_float(c, "backend.theta");
    int64_t length = clxi_case_int(c, "backend.context_length");
    if (length < 0) length = clxi_case_int(c, "context_length");
    p.bias_length = length > 0 ? (double)length : 0;
    p.C0 = x.C0, p.n0 = x.n0, p.m0 = x.m0;

    p.shake = out->shake;
    p.h = add(out, "h", p.B * p.S * p.NH * p.DHV, false)->value;
    p.statistic = statistic;
    if (p.backend == CLXI_REF_RECURRENT) {
        p.C = add(out, "C", p.B * p.NH * p.DHQK * p.DHV, false)->value;
        p.n = add(out, "n", p.B * p.NH * p.DHQK, false)->value;
        p.m = add(out, "m", p.B * p.NH, false)->value;
    }
    if (!out->failed && !clxi_ref_mlstm_cell(&p)) out->failed = true;
    for (int i = 0; i < CLXI_REF_STATISTIC_COUNT; i++) {
        reference_output *output = add(out, statistics[i], 1, false);
        if (!out->failed) *output->value = statistic[i];
    }

    for (size_t i = 0; i < p.gate_input_count; i++)
        free((void *)p.gate_input[i]);
    for (int i = 0; i < WEIGHTS; i++)
        free(weight[i]);
    free(borders);
    free_inputs(&x);
}

/* The cell's h where its backend errs as an honest one does, by a quarter of the last digit of what it adds up. (A first
 * token with q . k near 0 has few digits left, and the output norm makes them the whole result.) */
static void add_rival(const clxi_case *c, case_reference *out)
{
    const clx_dtype dtype = clxi_case_qkv_dtype(c);
    case_reference other = {.shake = dtype == CLX_BF16 ? 0x1p-10 : dtype == CLX_F16 ? 0x1p-13 : 0x1p-25};
    run_cell(c, &other);
    out->output[0].rival = other.output[0].value;
    other.output[0].value = NULL;
    out->failed |= other.failed;
    case_reference_free(&other);
}

bool case_reference_make(const clxi_case *c, case_reference *out)
{
    memset(out, 0, sizeof *out);
    switch (c->op) {
    case CLXI_OP_MLSTM_PARALLEL:
        run_parallel(c, out);
        break;
    case CLXI_OP_MLSTM_RECURRENT:
        run_recurrent(c, out);
        break;
    case CLXI_OP_PRECOMPUTE_FREQS:
        run_freqs(c, out);
        break;
    case CLXI_OP_ROTARY:
        run_rotary(c, out);
        break;
    case CLXI_OP_ATTENTION:
        run_attention(c, out);
        break;
    case CLXI_OP_MLSTM_CELL:
        run_cell(c, out);
        add_rival(c, out);
        break;
    default:
        break;
    }
    return !out->failed;
}

void case_reference_free(case_reference *reference)
{
    for (size_t i = 0; i < reference->count; i++) {
        free(reference->output[i].value);
        free(reference->output[i].cond);
        free(reference->output[i].rival);
    }
    reference->count = 0;
}

const reference_output *case_reference_find(const case_reference *reference, const char *name)
{
    for (size_t i = 0; i < reference->count; i++)
        if (strcmp(reference->output[i].name, name) == 0) return &reference->output[i];
    return NULL;
}
