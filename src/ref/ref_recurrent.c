/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of the mLSTM, recurrent form. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"
#include <stdlib.h>

/* One (batch, head): the state, the same recurrence over absolute values, and the largest |m'| so far. */
typedef struct state {
    size_t DHQK, DHV;
    double *C, *n;         /* (DHQK, DHV), (DHQK) */
    double *abs_C, *abs_n; /* likewise */
    double m, largest_m;
} state;

static void load_state(const clxi_ref_recurrent *p, size_t bh, state *x)
{
    size_t cells = p->DHQK * p->DHV;
    for (size_t j = 0; j < cells; j++) {
        x->C[j] = p->C0 ? p->C0[bh * cells + j] : 0;
        x->abs_C[j] = fabs(x->C[j]);
    }
    for (size_t d = 0; d < p->DHQK; d++) {
        x->n[d] = p->n0 ? p->n0[bh * p->DHQK + d] : 0;
        x->abs_n[d] = fabs(x->n[d]);
    }
    x->m = p->m0 ? p->m0[bh] : 0;
    x->largest_m = 0;
}

/* a x + b y, where a factor of 0 drops its term, NaN or not. */
static double blend(double a, double x, double b, double y)
{
    return (a == 0 ? 0 : a * x) + (b == 0 ? 0 : b * y);
}

static void advance(state *x, const double *k, const double *v, double igate, double fgate)
{
    double lf = clxi_ref_log_sigmoid(fgate);
    double kept = lf == -INFINITY ? -INFINITY : lf + x->m;
    double m = kept > igate || isnan(kept) ? kept : igate;
    double a = kept == -INFINITY ? 0 : exp(kept - m);
    double b = igate == -INFINITY ? 0 : exp(igate - m);
    for (size_t d = 0; d < x->DHQK; d++) {
        for (size_t j = 0; j < x->DHV; j++) {
            size_t at = d * x->DHV + j;
            x->C[at] = blend(a, x->C[at], b, k[d] * v[j]);
            x->abs_C[at] = blend(a, x->abs_C[at], b, fabs(k[d] * v[j]));
        }
        x->n[d] = blend(a, x->n[d], b, k[d]);
        x->abs_n[d] = blend(a, x->abs_n[d], b, fabs(k[d]));
    }
    x->m = m;
    if (isfinite(m) && fabs(m) > x->largest_m) x->largest_m = fabs(m);
}

/* One row of h and its cond; either may be NULL. */
static void read_out(const state *x, const double *q, double eps, double *h, double *cond)
{
    double scale = 1 / sqrt((double)x->DHQK), w = 1 + x->largest_m;
    double floor = exp(-x->m);
    double sum = clxi_ref_dot(x->n, q, x->DHQK) * scale;
    double sized_sum = clxi_ref_abs_dot(x->abs_n, q, x->DHQK) * scale;
    double divisor = (fabs(sum) < floor ? floor : fabs(sum)) + eps;
    for (size_t j = 0; j < x->DHV; j++) {
        double num = 0, sized = 0;
        for (size_t d = 0; d < x->DHQK; d++) {
            num += x->C[d * x->DHV + j] * q[d];
            sized += x->abs_C[d * x->DHV + j] * fabs(q[d]);
        }
        double value = num * scale / divisor;
        double size = w * (sized * scale + fabs(value) * (sized_sum + floor)) / divisor;
        if (divisor == 0 && !isnan(num)) value = size = 0; /* 0/0 is 0 here */
        if (x->m == -INFINITY) value = 0;
        if (isinf(divisor)) size = 0; /* and so is 0 * inf */
        if (h) h[j] = value;
        if (cond) cond[j] = clxi_ref_at_least(size, value);
    }
}

static void store_state(const clxi_ref_recurrent *p, size_t bh, const state *x)
{
    size_t cells = p->DHQK * p->DHV;
    double w = 1 + x->largest_m;
    for (size_t j = 0; j < cells; j++) {
        if (p->C) p->C[bh * cells + j] = x->C[j];
        if (p->cond_C) p->cond_C[bh * cells + j] = clxi_ref_at_least(w * x->abs_C[j], x->C[j]);
    }
    for (size_t d = 0; d < p->DHQK; d++) {
        if (p->n) p->n[bh * p->DHQK + d] = x->n[d];
        if (p->cond_n) p->cond_n[bh * p->DHQK + d] = clxi_ref_at_least(w * x->abs_n[d], x->n[d]);
    }
    if (p->m) p->m[bh] = x->m;
    if (p->cond_m) p->cond_m[bh] = clxi_ref_at_least(w, x->m);
}

bool clxi_ref_mlstm_recurrent(const clxi_ref_recurrent *p)
{
    size_t cells = p->DHQK * p->DHV;
    double *memory = malloc(2 * (cells + p->DHQK) * sizeof *memory + 1);
    if (!memory) return false;
    state x = {.DHQK = p->DHQK, .DHV = p->DHV};
    x.C = memory;
    x.abs_C = x.C + cells;
    x.n = x.abs_C + cells;
    x.abs_n = x.n + p->DHQK;
    for (size_t bh = 0; bh < p->B * p->NH; bh++) {
        load_state(p, bh, &x);
        for (size_t t = bh * p->S; t < (bh + 1) * p->S; t++) {
            advance(&x, p->k + t * p->DHQK, p->v + t * p->DHV, p->igate[t], p->fgate[t]);
            read_out(&x, p->q + t * p->DHQK, p->eps, p->h ? p->h + t * p->DHV : NULL,
                     p->cond_h ? p->cond_h + t * p->DHV : NULL);
        }
        store_state(p, bh, &x);
    }
    free(memory);
    return true;
}
