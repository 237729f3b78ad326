/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of the mLSTM cell: composes the other references. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"
#include <stdlib.h>
#include <string.h>

/* Everything between inputs and output, per head: (B, NH, S, D) and (B, NH, S). */
typedef struct stages {
    double *q, *k, *v, *h, *cond; /* cond: of h */
    double *igate, *fgate;
} stages;

/* Rows of h per head. */
static size_t count_rows(const clxi_ref_cell *p)
{
    return p->rows ? p->row_count : p->S;
}

/* One allocation, freed through `q`. */
static bool stages_create(const clxi_ref_cell *p, stages *x)
{
    size_t tokens = p->B * p->NH * p->S, rows = p->B * p->NH * count_rows(p);
    double *memory = calloc(tokens * (2 * p->DHQK + p->DHV + 2) + rows * 2 * p->DHV + 1, sizeof *memory);
    if (!memory) return false;
    x->q = memory;
    x->k = x->q + tokens * p->DHQK;
    x->v = x->k + tokens * p->DHQK;
    x->h = x->v + tokens * p->DHV;
    x->cond = x->h + rows * p->DHV;
    x->igate = x->cond + rows * p->DHV;
    x->fgate = x->igate + tokens;
    return true;
}

/* (B, S, NH D) to (B, NH, S, D); and back, with NH for S and S for NH. */
static void exchange(size_t B, size_t S, size_t NH, size_t D, const double *from, double *to)
{
    for (size_t b = 0; b < B; b++)
        for (size_t t = 0; t < S; t++)
            for (size_t n = 0; n < NH; n++)
                memcpy(to + ((b * NH + n) * S + t) * D, from + ((b * S + t) * NH + n) * D, D * sizeof *from);
}

/* One gate of one token (b, t) and head, with the soft cap. */
static double project(const clxi_ref_cell *p, const double *kernel, const double *bias, size_t token, size_t n)
{
    size_t per_head = 0, row = 0;
    double sum = bias[n];
    for (size_t i = 0; i < p->gate_input_count; i++)
        per_head += p->gate_features[i] / p->NH;
    for (size_t i = 0; i < p->gate_input_count; i++) {
        size_t features = p->gate_features[i], slice = features / p->NH;
        const double *x = p->gate_input[i] + token * features;
        if (p->headwise) {
            sum += clxi_ref_dot(x + n * slice, kernel + n * per_head + row, slice);
            row += slice;
        } else {
            for (size_t d = 0; d < features; d++)
                sum += x[d] * kernel[(row + d) * p->NH + n];
            row += features;
        }
    }
    return p->gate_soft_cap > 0 ? p->gate_soft_cap * tanh(sum / p->gate_soft_cap) : sum;
}

static void make_gates(const clxi_ref_cell *p, stages *x)
{
    for (size_t token = 0; token < p->B * p->S; token++)
        for (size_t n = 0; n < p->NH; n++) {
            size_t at = (token / p->S * p->NH + n) * p->S + token % p->S;
            bool border = p->document_borders && p->document_borders[token];
            x->igate[at] = project(p, p->igate_kernel, p->igate_bias, token, n);
            x->fgate[at] = border ? p->reset_fgate_value : project(p, p->fgate_kernel, p->fgate_bias, token, n);
        }
}

/* max, min, mean of a gate. */
static void gather(const double *gate, size_t count, double *out)
{
    out[0] = -INFINITY;
    out[1] = INFINITY;
    out[2] = 0;
    for (size_t i = 0; i < count; i++) {
        if (gate[i] > out[0]) out[0] = gate[i];
        if (gate[i] < out[1]) out[1] = gate[i];
        out[2] += gate[i] / (double)count;
    }
}

static double mean(const double *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i] / (double)count;
    return sum;
}

static void make_statistics(const clxi_ref_cell *p, const stages *x)
{
    size_t count = p->B * p->NH * p->S;
    gather(x->igate, count, p->statistic + CLXI_REF_MAX_IGATE_PREACT);
    gather(x->fgate, count, p->statistic + CLXI_REF_MAX_FGATE_PREACT);
    p->statistic[CLXI_REF_IGATE_BIAS] = mean(p->igate_bias, p->NH);
    p->statistic[CLXI_REF_FGATE_BIAS] = mean(p->fgate_bias, p->NH);
}

static void norm_qk(const clxi_ref_cell *p, double *x, const double *weight)
{
    clxi_ref_norm norm = {.rows = p->B * p->NH * p->S, .width = p->DHQK, .rms = p->rms, .eps = p->norm_eps};
    norm.weight = weight;
    norm.weight_rows = 1;
    norm.x = norm.y = x;
    if (weight) clxi_ref_run_norm(&norm);
}

static bool run_backend(const clxi_ref_cell *p, const stages *x)
{
    const double eps = 1e-6;
    clxi_ref_mlstm parallel = {p->B, p->NH, p->S, p->DHQK, p->DHV, .stabilize_rowwise = true, .eps = eps};
    clxi_ref_recurrent recurrent = {p->B, p->NH, p->S, p->DHQK, p->DHV, .eps = eps};
    clxi_ref_attention attention = {p->B, p->NH, p->NH, p->S, p->S, p->DHQK, p->DHV, .causal = true, .rotary = true};
    switch (p->backend) {
    case CLXI_REF_PARALLEL_STABILIZED:
        parallel.q = x->q, parallel.k = x->k, parallel.v = x->v;
        parallel.igate = x->igate, parallel.fgate = x->fgate;
        parallel.rows = p->rows, parallel.row_count = p->row_count;
        parallel.h = x->h, parallel.cond = x->cond;
        return clxi_ref_mlstm_parallel(&parallel);
    case CLXI_REF_RECURRENT:
        recurrent.q = x->q, recurrent.k = x->k, recurrent.v = x->v;
        recurrent.igate = x->igate, recurrent.fgate = x->fgate;
        recurrent.C0 = p->C0, recurrent.n0 = p->n0, recurrent.m0 = p->m0;
        recurrent.h = x->h, recurrent.cond_h = x->cond;
        recurrent.C = p->C, recurrent.n = p->n, recurrent.m = p->m;
        return clxi_ref_mlstm_recurrent(&recurrent);
    case CLXI_REF_ATTENTION:
        attention.q = x->q, attention.k = x->k, attention.v = x->v;
        attention.silu = p->silu, attention.theta = p->theta;
        attention.activation = p->activation, attention.bias_length = p->bias_length;
        attention.h = x->h, attention.cond = x->cond;
        return clxi_ref_run_attention(&attention);
    }
    return false;
}

/* Always by the same shares: a linear congruence's upper bits (Numerical Recipes). */
static void shake(const clxi_ref_cell *p, const stages *x)
{
    uint32_t state = 1;
    for (size_t i = 0; p->shake > 0 && i < p->B * p->NH * count_rows(p) * p->DHV; i++) {
        state = state * 1664525u + 1013904223u;
        x->h[i] += p->shake * x->cond[i] * (double)(int32_t)state / 2147483648.0;
    }
}

bool clxi_ref_mlstm_cell(const clxi_ref_cell *given)
{
    clxi_ref_cell with_inputs = *given;
    const clxi_ref_cell *p = &with_inputs;
    stages x;
    if (given->gate_input_count == 0) {
        const double *inputs[] = {p->q, p->k, p->v};
        for (size_t i = 0; i < 3; i++) {
            with_inputs.gate_input[i] = inputs[i];
            with_inputs.gate_features[i] = p->NH * (i < 2 ? p->DHQK : p->DHV);
        }
        with_inputs.gate_input_count = 3;
    }
    if (!stages_create(p, &x)) return false;
    make_gates(p, &x);
    if (p->statistic) make_statistics(p, &x);
    exchange(p->B, p->S, p->NH, p->DHQK, p->q, x.q);
    exchange(p->B, p->S, p->NH, p->DHQK, p->k, x.k);
    exchange(p->B, p->S, p->NH, p->DHV, p->v, x.v);
    norm_qk(p, x.q, p->q_norm);
    norm_qk(p, x.k, p->k_norm);
    bool done = run_backend(p, &x);
    shake(p, &x);
    if (done && p->h) {
        size_t S = count_rows(p);
        exchange(p->B, p->NH, S, p->DHV, x.h, p->h);
        clxi_ref_norm norm = {.rows = p->B * S * p->NH, .width = p->DHV, .rms = p->rms, .eps = p->norm_eps};
        norm.weight = p->outnorm;
        norm.weight_rows = p->NH;
        norm.x = norm.y = p->h;
        clxi_ref_run_norm(&norm);
    }
    free(x.q);
    return done;
}
