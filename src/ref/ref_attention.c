/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of attention. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"
#include <stdlib.h>
#include <string.h>

/* One (batch, head) with q and k as they enter the products, and scratch for one row. */
typedef struct head {
    const clxi_ref_attention *p;
    const double *q, *k, *v;
    double *h, *cond;
    double *L; /* (S_kv) logits, NaN included */
    bool *keep;
} head;

/* A copy of x after pre-activation and rotation; NULL where memory ran out. */
static double *prepare(const clxi_ref_attention *p, const double *x, size_t heads, size_t S, int64_t start)
{
    size_t count = p->B * heads * S * p->DHQK;
    double *y = malloc(count * sizeof *y + 1);
    if (!y) return NULL;
    for (size_t i = 0; i < count; i++)
        y[i] = p->silu ? x[i] / (1 + exp(-x[i])) : x[i];
    clxi_ref_rotary r = {.B = p->B, .NH = heads, .S = S, .D = p->DHQK, .theta = p->theta, .start = start};
    r.x = r.y = y;
    if (p->rotary) clxi_ref_apply_rotary(&r);
    return y;
}

static bool sees(const clxi_ref_attention *p, size_t t, size_t s)
{
    int64_t position = p->start + (int64_t)t, key = (int64_t)s;
    if (p->mask && !p->mask[t * p->S_kv + s]) return false;
    if (p->causal && key > position) return false;
    return p->window == 0 || key > position || (uint64_t)(position - key) < p->window;
}

/* Logits of row t and their maximum; false where the row sees nothing. */
static bool weigh_row(head *g, size_t t, double *maximum)
{
    const clxi_ref_attention *p = g->p;
    double scale = 1 / sqrt((double)p->DHQK);
    bool any = false;
    *maximum = -INFINITY;
    for (size_t s = 0; s < p->S_kv; s++) {
        g->keep[s] = sees(p, t, s);
        if (!g->keep[s]) continue;
        any = true;
        g->L[s] = clxi_ref_dot(g->q + t * p->DHQK, g->k + s * p->DHQK, p->DHQK) * scale;
        if (g->L[s] > *maximum) *maximum = g->L[s];
    }
    return any;
}

/* W before softmax's division. */
static double activate(const clxi_ref_attention *p, double L, double maximum)
{
    double length = p->bias_length > 0 ? p->bias_length : (double)p->S_kv;
    switch (p->activation) {
    case CLXI_REF_SOFTMAX:
        return exp(L - maximum);
    case CLXI_REF_SIGMOID:
        return 1 / (1 + exp(-(L - log(length))));
    case CLXI_REF_NONE:
        break;
    }
    return L;
}

/* Adds up row t; `size` holds sum_s W (1 + a) |v|, or sum_s a |v| for `none`. */
static void add_row(head *g, size_t t, double maximum, double *num, double *size)
{
    const clxi_ref_attention *p = g->p;
    bool softmax = p->activation == CLXI_REF_SOFTMAX;
    double scale = 1 / sqrt((double)p->DHQK);
    double total = 0, total_size = 0;
    memset(num, 0, p->DHV * sizeof *num);
    memset(size, 0, p->DHV * sizeof *size);
    for (size_t s = 0; s < p->S_kv; s++) {
        if (!g->keep[s]) continue;
        double W = activate(p, g->L[s], maximum);
        if (W == 0 && softmax) continue;
        double a = clxi_ref_abs_dot(g->q + t * p->DHQK, g->k + s * p->DHQK, p->DHQK) * scale;
        double unit = p->activation == CLXI_REF_NONE ? a : W * (1 + a);
        total += W;
        total_size += unit;
        for (size_t j = 0; j < p->DHV; j++) {
            num[j] += W * g->v[s * p->DHV + j];
            size[j] += unit * fabs(g->v[s * p->DHV + j]);
        }
    }
    for (size_t j = 0; j < p->DHV; j++) {
        double h = softmax ? num[j] / total : num[j];
        double cond = softmax ? (size[j] + total_size * fabs(h)) / total : size[j];
        if (g->h) g->h[t * p->DHV + j] = h;
        if (g->cond) g->cond[t * p->DHV + j] = clxi_ref_at_least(cond, h);
    }
}

static void run_head(head *g, double *num, double *size)
{
    const clxi_ref_attention *p = g->p;
    double maximum;
    for (size_t t = 0; t < p->S_q; t++) {
        if (weigh_row(g, t, &maximum)) {
            add_row(g, t, maximum, num, size);
            continue;
        }
        for (size_t j = 0; j < p->DHV; j++) {
            if (g->h) g->h[t * p->DHV + j] = 0;
            if (g->cond) g->cond[t * p->DHV + j] = 0;
        }
    }
}

bool clxi_ref_run_attention(const clxi_ref_attention *p)
{
    double *q = prepare(p, p->q, p->NH, p->S_q, p->start);
    double *k = prepare(p, p->k, p->NH_kv, p->S_kv, 0);
    double *L = malloc((p->S_kv + 2 * p->DHV) * sizeof *L + 1);
    bool *keep = malloc(p->S_kv * sizeof *keep + 1);
    bool done = q && k && L && keep;
    for (size_t bh = 0; bh < p->B * p->NH && done; bh++) {
        size_t kv = bh / p->NH * p->NH_kv + bh % p->NH * p->NH_kv / p->NH;
        head g = {.p = p, .L = L, .keep = keep};
        g.q = q + bh * p->S_q * p->DHQK;
        g.k = k + kv * p->S_kv * p->DHQK;
        g.v = p->v + kv * p->S_kv * p->DHV;
        g.h = p->h ? p->h + bh * p->S_q * p->DHV : NULL;
        g.cond = p->cond ? p->cond + bh * p->S_q * p->DHV : NULL;
        run_head(&g, L + p->S_kv, L + p->S_kv + p->DHV);
    }
    free(q);
    free(k);
    free(L);
    free(keep);
    return done;
}
