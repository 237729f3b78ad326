/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of the mLSTM, parallel form. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"
#include <stdlib.h>

/* One (batch, head): its inputs, the running sums of its gates, and scratch for one row. */
typedef struct head {
    const clxi_ref_mlstm *p;
    const double *q, *k, *v, *igate, *fgate;
    double *h, *cond;
    double *high, *low;  /* F[t] over the finite lf, as an unevaluated sum of two doubles */
    size_t *resets;      /* how many lf[0..t] are -inf */
    size_t *nans;        /* how many lf[0..t] are NaN */
    double *logD;        /* (S), one row; -inf where the column is not seen */
    double *num, *sized; /* (DHV), sum_s A v and sum_s a w |v| */
} head;

/* Prefix sums in twice the precision, so that F[t] - F[s] keeps its digits however far the text goes on. -inf and NaN
 * are counted instead of added: they concern only the pairs on either side of them. */
static void sum_gates(head *g)
{
    double high = 0, low = 0;
    size_t resets = 0, nans = 0;
    for (size_t t = 0; t < g->p->S; t++) {
        double lf = clxi_ref_log_sigmoid(g->fgate[t]);
        if (isnan(lf)) {
            nans++;
        } else if (isinf(lf)) {
            resets++;
        } else {
            double sum = high + lf;
            double moved = sum - high;
            low += (high - (sum - moved)) + (lf - moved);
            high = sum;
        }
        g->high[t] = high;
        g->low[t] = low;
        g->resets[t] = resets;
        g->nans[t] = nans;
    }
}

static double log_weight(const head *g, size_t t, size_t s)
{
    if (g->resets[t] != g->resets[s] || g->igate[s] == -INFINITY) return -INFINITY;
    if (g->nans[t] != g->nans[s]) return NAN;
    return (g->high[t] - g->high[s]) + (g->low[t] - g->low[s]) + g->igate[s];
}

/* Fills logD with row t and returns its maximum, NaN ignored; *seen tells whether any column is seen. */
static double weigh_row(head *g, size_t t, bool *seen)
{
    const clxi_ref_mlstm *p = g->p;
    double m = -INFINITY;
    *seen = false;
    for (size_t s = 0; s < p->S; s++) {
        bool keep = p->mask ? p->mask[t * p->S + s] != 0 : s <= t;
        g->logD[s] = keep ? log_weight(g, t, s) : -INFINITY;
        if (g->logD[s] == -INFINITY) continue;
        *seen = true;
        if (g->logD[s] > m) m = g->logD[s];
    }
    return m;
}

/* `at` is the row's place in the outputs. */
static void write_row(head *g, size_t at, double m, double sum, double sized_sum)
{
    const clxi_ref_mlstm *p = g->p;
    double floor = exp(-m);
    double N = fabs(sum) < floor ? floor : fabs(sum); /* a NaN sum stays NaN */
    double floor_sized = floor >= fabs(sum) ? floor * (1 + fabs(m)) : 0;
    for (size_t j = 0; j < p->DHV; j++) {
        double h = g->num[j] / (N + p->eps);
        double cond = (g->sized[j] + fabs(h) * (sized_sum + floor_sized)) / (N + p->eps);
        if (N + p->eps == 0 && !isnan(g->num[j])) h = cond = 0; /* 0/0 is 0 here */
        if (isinf(N)) cond = 0;                                 /* and so is 0 * inf */
        if (g->h) g->h[at * p->DHV + j] = h;
        if (g->cond) g->cond[at * p->DHV + j] = clxi_ref_at_least(cond, h);
    }
}

static void empty_row(head *g, size_t at)
{
    for (size_t j = 0; j < g->p->DHV; j++) {
        if (g->h) g->h[at * g->p->DHV + j] = 0;
        if (g->cond) g->cond[at * g->p->DHV + j] = 0;
    }
}

/* Row t from logD and m. */
static void add_row(head *g, size_t t, size_t at, double m)
{
    const clxi_ref_mlstm *p = g->p;
    double scale = 1 / sqrt((double)p->DHQK);
    double sum = 0, sized_sum = 0;
    for (size_t j = 0; j < p->DHV; j++)
        g->num[j] = g->sized[j] = 0;
    for (size_t s = 0; s < p->S; s++) {
        double L = g->logD[s];
        if (L == -INFINITY) continue;
        double weight = exp(L - m) * scale;
        if (weight == 0) continue;
        const double *q = g->q + t * p->DHQK, *k = g->k + s * p->DHQK, *v = g->v + s * p->DHV;
        double A = clxi_ref_dot(q, k, p->DHQK) * weight;
        double aw = clxi_ref_abs_dot(q, k, p->DHQK) * weight * (1 + fabs(L) + fabs(L - m));
        sum += A;
        sized_sum += aw;
        for (size_t j = 0; j < p->DHV; j++) {
            g->num[j] += A * v[j];
            g->sized[j] += aw * fabs(v[j]);
        }
    }
    write_row(g, at, m, sum, sized_sum);
}

static size_t count_rows(const clxi_ref_mlstm *p)
{
    return p->rows ? p->row_count : p->S;
}

static void run_head(head *g)
{
    bool seen;
    double global = -INFINITY;
    sum_gates(g);
    for (size_t t = 0; t < g->p->S && !g->p->stabilize_rowwise; t++) {
        double m = weigh_row(g, t, &seen);
        if (m > global) global = m;
    }
    for (size_t at = 0; at < count_rows(g->p); at++) {
        size_t t = g->p->rows ? g->p->rows[at] : at;
        double m = weigh_row(g, t, &seen);
        if (!g->p->stabilize_rowwise) m = global;
        if (seen)
            add_row(g, t, at, m);
        else
            empty_row(g, at);
    }
}

bool clxi_ref_mlstm_parallel(const clxi_ref_mlstm *p)
{
    if (p->B * p->NH * p->S == 0) return true;
    head g = {.p = p};
    double *scratch = malloc((3 * p->S + 2 * p->DHV) * sizeof *scratch);
    size_t *counts = malloc(2 * p->S * sizeof *counts);
    if (scratch && counts) {
        g.high = scratch;
        g.low = g.high + p->S;
        g.logD = g.low + p->S;
        g.num = g.logD + p->S;
        g.sized = g.num + p->DHV;
        g.resets = counts;
        g.nans = counts + p->S;
        for (size_t bh = 0; bh < p->B * p->NH; bh++) {
            g.q = p->q + bh * p->S * p->DHQK;
            g.k = p->k + bh * p->S * p->DHQK;
            g.v = p->v + bh * p->S * p->DHV;
            g.igate = p->igate + bh * p->S;
            g.fgate = p->fgate + bh * p->S;
            g.h = p->h ? p->h + bh * count_rows(p) * p->DHV : NULL;
            g.cond = p->cond ? p->cond + bh * count_rows(p) * p->DHV : NULL;
            run_head(&g);
        }
    }
    bool done = scratch && counts;
    free(scratch);
    free(counts);
    return done;
}
