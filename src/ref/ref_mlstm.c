/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of the mLSTM, parallel form. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"
#include <stdlib.h>

/* One (batch, head): its inputs, the decay of each position, and scratch for one row. */
typedef struct head {
    const clxi_ref_mlstm *p;
    const double *q, *k, *v, *igate;
    double *h, *cond;
    double *lf;          /* (S), log_sigmoid(fgate) */
    double *logD;        /* (S), one row; -inf where the column is not seen */
    double *num, *sized; /* (DHV), sum_s A v and sum_s a w |v| */
} head;

/* -inf wherever a reset or an ignored token parts row and column, be the rest NaN or not. */
static double log_weight(double decay, double igate)
{
    return decay == -INFINITY || igate == -INFINITY ? -INFINITY : decay + igate;
}

/* F[t] - F[s] into logD[s], for all s: summed outwards from the row, where all terms have one sign, so that no digit is
 * lost however long the text or however far its gates lie apart. */
static void sum_decay(head *g, size_t t)
{
    double decay = 0;
    bool reset = false;
    for (size_t s = t; s != (size_t)-1; s--) {
        g->logD[s] = reset ? -INFINITY : decay;
        reset = reset || g->lf[s] == -INFINITY;
        decay += g->lf[s];
    }
    decay = 0;
    reset = false;
    for (size_t s = t + 1; s < g->p->S; s++) {
        reset = reset || g->lf[s] == -INFINITY;
        decay -= g->lf[s];
        g->logD[s] = reset ? -INFINITY : decay;
    }
}

/* Fills logD with row t and returns its maximum, NaN ignored; *seen tells whether any column is seen. */
static double weigh_row(head *g, size_t t, bool *seen)
{
    const clxi_ref_mlstm *p = g->p;
    double m = -INFINITY;
    *seen = false;
    sum_decay(g, t);
    for (size_t s = 0; s < p->S; s++) {
        bool keep = p->mask ? p->mask[t * p->S + s] != 0 : s <= t;
        g->logD[s] = keep ? log_weight(g->logD[s], g->igate[s]) : -INFINITY;
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
    double *scratch = malloc((2 * p->S + 2 * p->DHV) * sizeof *scratch);
    if (scratch) {
        g.lf = scratch;
        g.logD = g.lf + p->S;
        g.num = g.logD + p->S;
        g.sized = g.num + p->DHV;
        for (size_t bh = 0; bh < p->B * p->NH; bh++) {
            g.q = p->q + bh * p->S * p->DHQK;
            g.k = p->k + bh * p->S * p->DHQK;
            g.v = p->v + bh * p->S * p->DHV;
            g.igate = p->igate + bh * p->S;
            for (size_t t = 0; t < p->S; t++)
                g.lf[t] = clxi_ref_log_sigmoid(p->fgate[bh * p->S + t]);
            g.h = p->h ? p->h + bh * count_rows(p) * p->DHV : NULL;
            g.cond = p->cond ? p->cond + bh * count_rows(p) * p->DHV : NULL;
            run_head(&g);
        }
    }
    free(scratch);
    return scratch != NULL;
}
