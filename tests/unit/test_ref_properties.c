/* SPDX-License-Identifier: Apache-2.0
 *
 * The float64 reference where no golden case reaches: corner cases of the mLSTM, options of attention and rotary
 * embeddings, states. Each is compared with another way to the same numbers. */
#include "support/support.h"

#include "ref/ref.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NH = 2, S = 12, K = 4, V = 3 };

/* Inputs of one call, B = 1, and room for its outputs. */
typedef struct call {
    double q[NH * S * K], k[NH * S * K], v[NH * S * V], igate[NH * S], fgate[NH * S];
    double h[NH * S * V], cond[NH * S * V];
} call;

static void fill(random_state *random, double *x, size_t count, double scale)
{
    for (size_t i = 0; i < count; i++)
        x[i] = scale * (double)random_normal(random);
}

static call make_call(uint64_t seed)
{
    call x;
    random_state random = random_start(seed);
    fill(&random, x.q, NH * S * K, 1);
    fill(&random, x.k, NH * S * K, 1);
    fill(&random, x.v, NH * S * V, 1);
    fill(&random, x.igate, NH * S, 2);
    fill(&random, x.fgate, NH * S, 3);
    return x;
}

static clxi_ref_mlstm parallel_of(call *x)
{
    clxi_ref_mlstm p = {.B = 1, .NH = NH, .S = S, .DHQK = K, .DHV = V, .stabilize_rowwise = true, .eps = 1e-6};
    p.q = x->q, p.k = x->k, p.v = x->v, p.igate = x->igate, p.fgate = x->fgate, p.h = x->h, p.cond = x->cond;
    return p;
}

static void run_parallel(call *x)
{
    clxi_ref_mlstm p = parallel_of(x);
    ck_assert(clxi_ref_mlstm_parallel(&p));
}

static clxi_ref_recurrent recurrent_of(call *x)
{
    clxi_ref_recurrent p = {.B = 1, .NH = NH, .S = S, .DHQK = K, .DHV = V, .eps = 1e-6};
    p.q = x->q, p.k = x->k, p.v = x->v, p.igate = x->igate, p.fgate = x->fgate, p.h = x->h, p.cond_h = x->cond;
    return p;
}

static void expect_near(const double *x, const double *y, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs(x[i] - y[i]) <= 1e-11 * (1 + fabs(y[i])), "%s[%zu]: %.17g, expected %.17g", what, i, x[i],
                      y[i]);
}

/* Row t of head n: all NaN (1), none (0), or some (-1). */
static int nan_row(const double *h, size_t n, size_t t)
{
    size_t count = 0;
    for (size_t j = 0; j < V; j++)
        count += isnan(h[(n * S + t) * V + j]) != 0;
    return count == V ? 1 : count == 0 ? 0 : -1;
}

/* ---- mLSTM, parallel -------------------------------------------------------------------------------------------- */

/* In k and q, in a gate, and past a reset: NaN reaches the rows that see it, and no other head. */
START_TEST(nan_reaches_who_sees_it)
{
    double *places[4];
    for (int i = 0; i < 4; i++) {
        call x = make_call(1);
        places[0] = &x.k[5 * K + 1], places[1] = &x.v[5 * V + 1], places[2] = &x.igate[5], places[3] = &x.fgate[5];
        *places[i] = NAN;
        x.fgate[9] = -INFINITY;
        run_parallel(&x);
        for (size_t t = 0; t < S; t++) {
            int expected = t < 5 || t >= 9 ? 0 : i == 1 ? -1 : 1;
            ck_assert_msg(nan_row(x.h, 0, t) == expected, "place %d, row %zu: %d", i, t, nan_row(x.h, 0, t));
            ck_assert_int_eq(nan_row(x.h, 1, t), 0);
        }
    }
}
END_TEST

START_TEST(nan_in_q_and_f0)
{
    call x = make_call(2);
    x.q[5 * K] = NAN;
    x.fgate[0] = NAN; /* cancels */
    run_parallel(&x);
    for (size_t t = 0; t < S; t++)
        ck_assert_int_eq(nan_row(x.h, 0, t), t == 5);
}
END_TEST

/* A global m ignores NaN. */
START_TEST(nan_and_global_m)
{
    call x = make_call(3);
    clxi_ref_mlstm p = parallel_of(&x);
    p.stabilize_rowwise = false;
    x.igate[5] = NAN;
    ck_assert(clxi_ref_mlstm_parallel(&p));
    for (size_t t = 0; t < S; t++)
        ck_assert_int_eq(nan_row(x.h, 0, t), t >= 5);
}
END_TEST

/* fgate = -inf at 7: the rows from there on are those of the text's second part alone. */
START_TEST(reset_parts_the_text)
{
    call x = make_call(4);
    double alone[(S - 7) * V];
    x.fgate[7] = -INFINITY;
    clxi_ref_mlstm p = parallel_of(&x);
    p.NH = 1;
    ck_assert(clxi_ref_mlstm_parallel(&p));
    p.S = S - 7, p.q += 7 * K, p.k += 7 * K, p.v += 7 * V, p.igate += 7, p.fgate += 7, p.h = alone, p.cond = NULL;
    ck_assert(clxi_ref_mlstm_parallel(&p));
    expect_near(x.h + 7 * V, alone, (S - 7) * V, "h");
}
END_TEST

/* Under a mask that keeps everything, no pair across the reset is seen, in either direction. */
START_TEST(reset_under_a_mask)
{
    call x = make_call(5), y;
    unsigned char full[S * S], block[S * S];
    x.fgate[7] = -INFINITY;
    y = x;
    y.fgate[7] = 0.5; /* any value: the mask does what the reset did */
    for (size_t t = 0; t < S; t++)
        for (size_t s = 0; s < S; s++)
            full[t * S + s] = 1, block[t * S + s] = (t < 7) == (s < 7);
    clxi_ref_mlstm p = parallel_of(&x), r = parallel_of(&y);
    p.NH = r.NH = 1, p.mask = full, r.mask = block;
    ck_assert(clxi_ref_mlstm_parallel(&p) && clxi_ref_mlstm_parallel(&r));
    expect_near(x.h, y.h, S * V, "h");
    expect_near(x.cond, y.cond, S * V, "cond");
}
END_TEST

/* fgate = +inf and igate = -inf: the token might as well not be there. Its k and v may be anything. */
START_TEST(ignored_token)
{
    call x = make_call(6), y = x;
    x.fgate[4] = INFINITY, x.igate[4] = -INFINITY, x.k[4 * K] = x.v[4 * V] = NAN;
    clxi_ref_mlstm p = parallel_of(&x), r = parallel_of(&y);
    p.NH = r.NH = 1, r.S = S - 1;
    memmove(y.q + 4 * K, y.q + 5 * K, (S - 5) * K * sizeof(double));
    memmove(y.k + 4 * K, y.k + 5 * K, (S - 5) * K * sizeof(double));
    memmove(y.v + 4 * V, y.v + 5 * V, (S - 5) * V * sizeof(double));
    memmove(y.igate + 4, y.igate + 5, (S - 5) * sizeof(double));
    memmove(y.fgate + 4, y.fgate + 5, (S - 5) * sizeof(double));
    ck_assert(clxi_ref_mlstm_parallel(&p) && clxi_ref_mlstm_parallel(&r));
    expect_near(x.h, y.h, 4 * V, "h before");
    expect_near(x.h + 5 * V, y.h + 4 * V, (S - 5) * V, "h after");
    ck_assert_int_eq(nan_row(x.h, 0, 4), 0);
}
END_TEST

START_TEST(rows_that_are_zero)
{
    call x = make_call(7);
    clxi_ref_mlstm p = parallel_of(&x);
    unsigned char mask[S * S] = {0};
    p.mask = mask;
    memset(x.h, 1, sizeof x.h);
    ck_assert(clxi_ref_mlstm_parallel(&p)); /* nothing is kept */
    for (size_t i = 0; i < NH * S * V; i++)
        ck_assert(x.h[i] == 0 && x.cond[i] == 0);
    p.mask = NULL, p.eps = 0;
    memset(x.q, 0, sizeof x.q);
    for (size_t t = 0; t < NH * S; t++)
        x.igate[t] = 2000;
    ck_assert(clxi_ref_mlstm_parallel(&p)); /* exp(-m) underflows: 0/0 */
    for (size_t i = 0; i < NH * S * V; i++)
        ck_assert(x.h[i] == 0 && x.cond[i] == 0);
    x = make_call(7);
    for (size_t t = 0; t < NH * S; t++)
        x.igate[t] = -2000;
    ck_assert(clxi_ref_mlstm_parallel(&p)); /* exp(-m) overflows */
    for (size_t i = 0; i < NH * S * V; i++)
        ck_assert(x.h[i] == 0 && x.cond[i] == 0);
}
END_TEST

START_TEST(chosen_rows)
{
    static const size_t rows[] = {11, 0, 6};
    call x = make_call(8);
    double h[NH * 3 * V], cond[NH * 3 * V];
    run_parallel(&x);
    clxi_ref_mlstm p = parallel_of(&x);
    p.rows = rows, p.row_count = 3, p.h = h, p.cond = cond;
    ck_assert(clxi_ref_mlstm_parallel(&p));
    for (size_t n = 0; n < NH; n++)
        for (size_t i = 0; i < 3; i++)
            expect_near(h + (n * 3 + i) * V, x.h + (n * S + rows[i]) * V, V, "h");
    for (size_t i = 0; i < NH * S * V; i++)
        ck_assert(x.cond[i] >= fabs(x.h[i]));
}
END_TEST

/* ---- mLSTM, recurrent ------------------------------------------------------------------------------------------- */

START_TEST(recurrent_is_parallel)
{
    static const double start[NH] = {-INFINITY, -INFINITY};
    call x = make_call(9), y = x;
    clxi_ref_mlstm p = parallel_of(&x);
    clxi_ref_recurrent r = recurrent_of(&y);
    r.m0 = start;
    x.fgate[7] = y.fgate[7] = -INFINITY;
    ck_assert(clxi_ref_mlstm_parallel(&p) && clxi_ref_mlstm_recurrent(&r));
    expect_near(y.h, x.h, NH * S * V, "h");
    p.eps = r.eps = 0, r.m0 = NULL; /* without eps the start of m does not matter */
    ck_assert(clxi_ref_mlstm_parallel(&p) && clxi_ref_mlstm_recurrent(&r));
    expect_near(y.h, x.h, NH * S * V, "h");
}
END_TEST

START_TEST(pieces_are_the_whole)
{
    call x = make_call(10), y = x;
    double C[2][K * V], n[2][K], m[2][1];
    clxi_ref_recurrent whole = recurrent_of(&x), piece = recurrent_of(&y);
    whole.NH = piece.NH = 1;
    whole.C = C[0], whole.n = n[0], whole.m = m[0];
    ck_assert(clxi_ref_mlstm_recurrent(&whole));
    piece.S = 5, piece.C = C[1], piece.n = n[1], piece.m = m[1];
    ck_assert(clxi_ref_mlstm_recurrent(&piece));
    piece.C0 = C[1], piece.n0 = n[1], piece.m0 = m[1], piece.S = S - 5;
    piece.q += 5 * K, piece.k += 5 * K, piece.v += 5 * V, piece.igate += 5, piece.fgate += 5, piece.h += 5 * V;
    piece.cond_h = NULL;
    ck_assert(clxi_ref_mlstm_recurrent(&piece));
    expect_near(y.h, x.h, S * V, "h");
    expect_near(C[1], C[0], K * V, "C");
    expect_near(n[1], n[0], K, "n");
    expect_near(m[1], m[0], 1, "m");
}
END_TEST

/* A reset clears even NaN; a state at m = -inf that is fed nothing gives 0. */
START_TEST(recurrent_corners)
{
    static const double nothing[NH] = {-INFINITY, -INFINITY};
    call x = make_call(11);
    double C0[NH * K * V], n0[NH * K];
    for (size_t i = 0; i < NH * K * V; i++)
        C0[i] = NAN;
    for (size_t i = 0; i < NH * K; i++)
        n0[i] = NAN;
    clxi_ref_recurrent r = recurrent_of(&x);
    r.C0 = C0, r.n0 = n0;
    x.fgate[3] = -INFINITY;
    ck_assert(clxi_ref_mlstm_recurrent(&r));
    for (size_t t = 0; t < S; t++)
        ck_assert_int_eq(nan_row(x.h, 0, t), t < 3);
    r.C0 = r.n0 = NULL, r.m0 = nothing;
    for (size_t t = 0; t < NH * S; t++)
        x.igate[t] = -INFINITY;
    ck_assert(clxi_ref_mlstm_recurrent(&r));
    for (size_t i = 0; i < NH * S * V; i++)
        ck_assert(x.h[i] == 0);
}
END_TEST

/* ---- attention -------------------------------------------------------------------------------------------------- */

static clxi_ref_attention attention_of(call *x)
{
    clxi_ref_attention p = {.B = 1, .NH = NH, .NH_kv = NH, .S_q = S, .S_kv = S, .DHQK = K, .DHV = V, .causal = true};
    p.q = x->q, p.k = x->k, p.v = x->v, p.h = x->h, p.cond = x->cond, p.rotary = true, p.theta = 100;
    return p;
}

/* The last queries alone, against all keys, give the last rows; so does a start said aloud. */
START_TEST(fewer_queries)
{
    call x = make_call(12);
    double h[4 * V];
    clxi_ref_attention p = attention_of(&x);
    p.NH = p.NH_kv = 1;
    ck_assert(clxi_ref_run_attention(&p));
    p.S_q = 4, p.start = S - 4, p.q += (S - 4) * K, p.h = h, p.cond = NULL;
    ck_assert(clxi_ref_run_attention(&p));
    expect_near(h, x.h + (S - 4) * V, 4 * V, "h");
}
END_TEST

/* Four query heads on two key/value heads, in the same buffers: 0 and 1 use the first, 2 and 3 the second. */
START_TEST(grouped_heads)
{
    enum { HALF = S / 2 };
    call x = make_call(13), y = x;
    for (size_t n = 0; n < 4; n++) {
        memcpy(y.k + n * HALF * K, x.k + n / 2 * HALF * K, HALF * K * sizeof(double));
        memcpy(y.v + n * HALF * V, x.v + n / 2 * HALF * V, HALF * V * sizeof(double));
    }
    clxi_ref_attention grouped = attention_of(&x), repeated = attention_of(&y);
    grouped.NH = repeated.NH = repeated.NH_kv = 4, grouped.NH_kv = 2;
    grouped.S_q = grouped.S_kv = repeated.S_q = repeated.S_kv = HALF;
    ck_assert(clxi_ref_run_attention(&grouped) && clxi_ref_run_attention(&repeated));
    expect_near(x.h, y.h, NH * S * V, "h");
}
END_TEST

START_TEST(window_is_a_mask)
{
    call x = make_call(14), y = x;
    unsigned char mask[S * S];
    for (size_t t = 0; t < S; t++)
        for (size_t s = 0; s < S; s++)
            mask[t * S + s] = s <= t && s + 3 > t;
    clxi_ref_attention window = attention_of(&x), masked = attention_of(&y);
    window.window = 3;
    masked.mask = mask, masked.causal = false;
    ck_assert(clxi_ref_run_attention(&window) && clxi_ref_run_attention(&masked));
    expect_near(x.h, y.h, NH * S * V, "h");
    expect_near(x.cond, y.cond, NH * S * V, "cond");
}
END_TEST

/* Written out for one row, without rotation: weights, their sum, and what a masked row gives. */
START_TEST(activations)
{
    for (int i = 0; i < 3; i++) {
        call x = make_call(15);
        unsigned char mask[S * S] = {[3 * S + 1] = 1, [3 * S + 8] = 1};
        clxi_ref_attention p = attention_of(&x);
        p.activation = (clxi_ref_activation)i;
        p.rotary = false, p.causal = false, p.mask = mask, p.bias_length = 5;
        ck_assert(clxi_ref_run_attention(&p));
        double L1 = 0, L8 = 0;
        for (size_t d = 0; d < K; d++)
            L1 += x.q[3 * K + d] * x.k[K + d] / 2, L8 += x.q[3 * K + d] * x.k[8 * K + d] / 2;
        double w1 = i == 0 ? 1 / (1 + exp(L8 - L1)) : i == 1 ? 1 / (1 + 5 * exp(-L1)) : L1;
        double w8 = i == 0 ? 1 / (1 + exp(L1 - L8)) : i == 1 ? 1 / (1 + 5 * exp(-L8)) : L8;
        for (size_t j = 0; j < V; j++) {
            double expected = w1 * x.v[V + j] + w8 * x.v[8 * V + j], zero = 0;
            expect_near(&x.h[3 * V + j], &expected, 1, "h");
            expect_near(&x.h[4 * V + j], &zero, 1, "masked row");
        }
    }
}
END_TEST

START_TEST(huge_logits)
{
    call x = make_call(16);
    clxi_ref_attention p = attention_of(&x);
    for (size_t i = 0; i < NH * S * K; i++)
        x.q[i] *= 1e4;
    ck_assert(clxi_ref_run_attention(&p));
    for (size_t n = 0; n < NH; n++)
        for (size_t t = 0; t < S; t++)
            for (size_t j = 0; j < V; j++) {
                double low = INFINITY, high = -INFINITY, h = x.h[(n * S + t) * V + j];
                for (size_t s = 0; s <= t; s++) {
                    low = fmin(low, x.v[(n * S + s) * V + j]);
                    high = fmax(high, x.v[(n * S + s) * V + j]);
                }
                ck_assert(h >= low - 1e-12 && h <= high + 1e-12); /* in the hull of v */
            }
}
END_TEST

/* ---- rotary embeddings, norms ----------------------------------------------------------------------------------- */

static clxi_ref_rotary rotary_of(const double *x, double *y)
{
    return (clxi_ref_rotary){.B = 1, .NH = NH, .S = S, .D = K, .theta = 100, .x = x, .y = y};
}

START_TEST(inverse_undoes)
{
    call x = make_call(17);
    double y[NH * S * K];
    clxi_ref_rotary p = rotary_of(x.q, y);
    p.start = 1000, p.half = true;
    clxi_ref_apply_rotary(&p);
    double moved = 0;
    for (size_t i = 0; i < NH * S * K; i++)
        moved += fabs(y[i] - x.q[i]);
    ck_assert(moved > 1);
    p.inverse = true, p.x = y;
    clxi_ref_apply_rotary(&p); /* in place */
    expect_near(y, x.q, NH * S * K, "y");
}
END_TEST

/* Pairs (0,2), (1,3) of the half-split form are pairs (0,1), (2,3) of the interleaved one. */
START_TEST(half_is_a_permutation)
{
    static const size_t swap[K] = {0, 2, 1, 3};
    call x = make_call(18);
    double turned[NH * S * K], y[NH * S * K], expected[NH * S * K];
    for (size_t i = 0; i < NH * S * K; i++)
        turned[i] = x.q[i / K * K + swap[i % K]];
    clxi_ref_rotary p = rotary_of(turned, expected), half = rotary_of(x.q, y);
    half.half = true;
    clxi_ref_apply_rotary(&p);
    clxi_ref_apply_rotary(&half);
    for (size_t i = 0; i < NH * S * K; i++)
        turned[i] = y[i / K * K + swap[i % K]];
    expect_near(turned, expected, NH * S * K, "y");
}
END_TEST

START_TEST(positions_tables_and_partial)
{
    call x = make_call(19);
    double y[NH * S * K], z[NH * S * K], sines[S * 1], cosines[S * 1];
    int64_t positions[S];
    for (size_t t = 0; t < S; t++)
        positions[t] = 40 + (int64_t)t;
    clxi_ref_precompute_freqs(2, S, 100, 40, sines, cosines);
    clxi_ref_rotary p = rotary_of(x.q, y), r = rotary_of(x.q, z);
    p.rotary_dim = r.rotary_dim = 2;
    p.start = 40;
    r.positions = positions;
    clxi_ref_apply_rotary(&p);
    clxi_ref_apply_rotary(&r);
    expect_near(z, y, NH * S * K, "positions");
    r.positions = NULL, r.sin_table = sines, r.cos_table = cosines;
    clxi_ref_apply_rotary(&r);
    expect_near(z, y, NH * S * K, "tables");
    for (size_t i = 0; i < NH * S * K; i++)
        if (i % K >= 2) ck_assert_double_eq(y[i], x.q[i]);
    ck_assert_double_eq_tol(y[0], x.q[0] * cos(40) - x.q[1] * sin(40), 1e-12);
}
END_TEST

/* A mean of 1e6 must not cost the variance its digits; weights go round by rows. */
START_TEST(norms)
{
    double x[4][8], y[4][8], weight[2][8];
    random_state random = random_start(20);
    for (size_t i = 0; i < 32; i++)
        x[i / 8][i % 8] = 1e6 + (double)(i % 8);
    fill(&random, weight[0], 16, 1);
    clxi_ref_norm p = {4, 8, .eps = 0, .weight = weight[0], .weight_rows = 2, .x = x[0], .y = y[0]};
    clxi_ref_run_norm(&p);
    for (size_t i = 0; i < 32; i++) /* 0..7 has mean 3.5 and variance 5.25 */
        ck_assert_double_eq_tol(y[i / 8][i % 8], ((double)(i % 8) - 3.5) / sqrt(5.25) * weight[i / 8 % 2][i % 8], 1e-9);
    p.rms = true, p.weight = NULL, p.eps = 1;
    for (size_t i = 0; i < 32; i++)
        x[i / 8][i % 8] = i % 2 ? 2 : -2;
    clxi_ref_run_norm(&p);
    for (size_t i = 0; i < 32; i++)
        ck_assert_double_eq_tol(y[i / 8][i % 8], (i % 2 ? 2 : -2) / sqrt(5), 1e-12);
}
END_TEST

/* ---- the cell --------------------------------------------------------------------------------------------------- */

/* Two pieces with the state handed over give what one call gives. */
START_TEST(cell_in_pieces)
{
    enum { F = NH * (2 * K + V) };
    call x = make_call(21);
    random_state random = random_start(22);
    double kernel[2][F * NH], bias[2][NH], scale[NH * V], whole[S * NH * V], pieces[S * NH * V];
    double C[NH * K * V], n[NH * K], m[NH];
    fill(&random, kernel[0], 2 * F * NH, 0.3);
    fill(&random, bias[0], 2 * NH, 1);
    fill(&random, scale, NH * V, 1);
    clxi_ref_cell p = {.B = 1, .S = S, .NH = NH, .DHQK = K, .DHV = V, .backend = CLXI_REF_RECURRENT};
    p.q = x.q, p.k = x.k, p.v = x.v, p.outnorm = scale, p.norm_eps = 1e-6, p.h = whole;
    p.igate_kernel = kernel[0], p.fgate_kernel = kernel[1], p.igate_bias = bias[0], p.fgate_bias = bias[1];
    ck_assert(clxi_ref_mlstm_cell(&p));
    p.S = 5, p.h = pieces, p.C = C, p.n = n, p.m = m;
    ck_assert(clxi_ref_mlstm_cell(&p));
    p.C0 = C, p.n0 = n, p.m0 = m, p.C = p.n = p.m = NULL, p.S = S - 5;
    p.q += 5 * NH * K, p.k += 5 * NH * K, p.v += 5 * NH * V, p.h += 5 * NH * V;
    ck_assert(clxi_ref_mlstm_cell(&p));
    expect_near(pieces, whole, S * NH * V, "h");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ref_properties");
    TCase *mlstm = suite_case(suite, "mlstm", 30);
    tcase_add_test(mlstm, nan_reaches_who_sees_it);
    tcase_add_test(mlstm, nan_in_q_and_f0);
    tcase_add_test(mlstm, nan_and_global_m);
    tcase_add_test(mlstm, reset_parts_the_text);
    tcase_add_test(mlstm, reset_under_a_mask);
    tcase_add_test(mlstm, ignored_token);
    tcase_add_test(mlstm, rows_that_are_zero);
    tcase_add_test(mlstm, chosen_rows);
    TCase *recurrent = suite_case(suite, "recurrent", 30);
    tcase_add_test(recurrent, recurrent_is_parallel);
    tcase_add_test(recurrent, pieces_are_the_whole);
    tcase_add_test(recurrent, recurrent_corners);
    TCase *attention = suite_case(suite, "attention", 30);
    tcase_add_test(attention, fewer_queries);
    tcase_add_test(attention, grouped_heads);
    tcase_add_test(attention, window_is_a_mask);
    tcase_add_test(attention, activations);
    tcase_add_test(attention, huge_logits);
    TCase *others = suite_case(suite, "others", 30);
    tcase_add_test(others, inverse_undoes);
    tcase_add_test(others, half_is_a_permutation);
    tcase_add_test(others, positions_tables_and_partial);
    tcase_add_test(others, norms);
    tcase_add_test(others, cell_in_pieces);
    return suite_run(suite);
}
