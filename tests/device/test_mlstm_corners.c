/* SPDX-License-Identifier: Apache-2.0
 *
 * Corner cases of the mLSTM operator that a tolerance cannot judge: NaN and where it may go, infinite gates, normalisers
 * that underflow. */
#include "support/mlstm_problem.h"
#include "support/views.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A bad number is put into one head at one position. Rows far before it, and other heads, must not change. */
enum { HEADS_B = 2, HEADS_N = 2, LENGTH = 300, BAD_B = 1, BAD_N = 0, BAD_AT = 260, FAR = 128 };

static mlstm_problem make(mlstm_gates gates, mlstm_mask mask, int rowwise, float eps, uint64_t S, random_state *random)
{
    mlstm_problem p;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 20;
    desc.DHV = 24;
    desc.eps = eps;
    desc.stabilize_rowwise = rowwise;
    mlstm_problem_make(&p, &desc, HEADS_B, HEADS_N, S, gates, mask, random);
    return p;
}

static double *run(const mlstm_problem *p)
{
    const mlstm_layout layout = mlstm_layout_bshd(p);
    clx_mlstm *op = mlstm_make(p);
    double *h = mlstm_run(op, p, &layout, NULL);
    clx_mlstm_destroy(op);
    return h;
}

static bool is_close(const mlstm_reference *reference, const double *h, size_t at)
{
    return fabs(h[at] - reference->h[at]) <= 1e-6 * reference->cond[at] + 1e-30;
}

/* What row t of the bad head may hold. */
typedef enum rule { RIGHT, NAN_WHERE_REFERENCE, EITHER } rule;

static void expect_row(const mlstm_problem *p, const mlstm_reference *reference, const double *h, uint64_t b,
                       uint64_t head, uint64_t t, rule rule)
{
    for (uint64_t j = 0; j < p->desc.DHV; j++) {
        const size_t at = mlstm_at(p, MLSTM_H, b, head, t) + j;
        const bool want_nan = rule == NAN_WHERE_REFERENCE && isnan(reference->h[at]);
        if (want_nan ? isnan(h[at]) : is_close(reference, h, at) || (rule == EITHER && isnan(h[at]))) continue;
        ck_abort_msg("row %llu of head (%llu,%llu), column %llu: %g, expected %g (rule %d)", (unsigned long long)t,
                     (unsigned long long)b, (unsigned long long)head, (unsigned long long)j, h[at], reference->h[at],
                     rule);
    }
}

static void expect_other_heads(const mlstm_problem *p, const mlstm_reference *reference, const double *h)
{
    for (uint64_t b = 0; b < p->B; b++)
        for (uint64_t head = 0; head < p->NH; head++)
            for (uint64_t t = 0; t < p->S && !(b == BAD_B && head == BAD_N); t++)
                expect_row(p, reference, h, b, head, t, RIGHT);
}

static void drop(mlstm_problem *p, mlstm_reference *reference, double *h)
{
    free(h);
    if (reference != NULL) mlstm_reference_free(reference);
    mlstm_problem_free(p);
}

/* Element 3 of a row of q, k or v; the gate itself. */
static void put(mlstm_problem *p, int tensor, uint64_t t, double value)
{
    p->value[tensor][mlstm_at(p, tensor, BAD_B, BAD_N, t) + (tensor <= MLSTM_V ? 3 : 0)] = value;
}

START_TEST(nan_goes_where_it_is_seen)
{
    static const char *const names[] = {"q", "k", "v", "igate", "fgate"};
    random_state random = random_start(10 + (uint64_t)_i);
    for (int rowwise = 1; rowwise >= 0; rowwise--) {
        mlstm_problem p = make(GATES_KEEP, MASK_NONE, rowwise, 1e-6f, LENGTH, &random);
        put(&p, _i, BAD_AT, NAN);
        mlstm_reference reference = mlstm_refer(&p);
        double *h = run(&p);
        printf("%s, rowwise %d\n", names[_i], rowwise);
        expect_other_heads(&p, &reference, h);
        for (uint64_t t = 0; t < LENGTH; t++) {
            /* zero times NaN: k and v may reach rows of the same tile */
            const bool same_tile = (_i == MLSTM_K || _i == MLSTM_V) && t < BAD_AT && t + FAR >= BAD_AT;
            /* the reference leaves the gate out of the sum of its own row; nothing before it is in that row's memory */
            const bool own = _i == MLSTM_F && t >= BAD_AT;
            expect_row(&p, &reference, h, BAD_B, BAD_N, t, same_tile ? EITHER : NAN_WHERE_REFERENCE);
            ck_assert(!own || isnan(h[mlstm_at(&p, MLSTM_H, BAD_B, BAD_N, t)]));
        }
        drop(&p, &reference, h);
    }
}
END_TEST

/* Only column 3 of h comes from a NaN in column 3 of v; the others stay right. */
START_TEST(nan_in_v_keeps_its_column)
{
    random_state random = random_start(20);
    mlstm_problem p = make(GATES_KEEP, MASK_NONE, 1, 1e-6f, 70, &random);
    put(&p, MLSTM_V, 40, NAN);
    mlstm_reference reference = mlstm_refer(&p);
    double *h = run(&p);
    for (uint64_t t = 0; t < p.S; t++)
        for (uint64_t j = 0; j < p.desc.DHV; j++)
            if (j != 3) ck_assert(is_close(&reference, h, mlstm_at(&p, MLSTM_H, BAD_B, BAD_N, t) + j));
    drop(&p, &reference, h);
}
END_TEST

/* A hard reset parts the text: what was NaN before it is not seen after it, beyond the tile of k and v that both lie in. */
START_TEST(reset_clears_nan)
{
    enum { AT = 20, RESET = AT + FAR + 5 };
    random_state random = random_start(30 + (uint64_t)_i);
    for (int rowwise = 1; rowwise >= 0; rowwise--) {
        mlstm_problem p = make(GATES_KEEP, MASK_NONE, rowwise, 1e-6f, LENGTH, &random);
        put(&p, _i, AT, NAN);
        put(&p, MLSTM_F, RESET, -INFINITY);
        mlstm_reference reference = mlstm_refer(&p);
        double *h = run(&p);
        expect_other_heads(&p, &reference, h);
        for (uint64_t t = 0; t < LENGTH; t++) {
            const bool same_tile = (_i == MLSTM_K || _i == MLSTM_V) && (t < AT || (t >= RESET && t < RESET + FAR));
            expect_row(&p, &reference, h, BAD_B, BAD_N, t, same_tile ? EITHER : NAN_WHERE_REFERENCE);
        }
        drop(&p, &reference, h);
    }
}
END_TEST

/* A NaN in the very gate that a reset follows at once, and in the first gate, which cancels. */
START_TEST(nan_in_first_fgate)
{
    random_state random = random_start(40);
    mlstm_problem p = make(GATES_KEEP, MASK_NONE, 1, 1e-6f, 70, &random);
    put(&p, MLSTM_F, 0, NAN);
    put(&p, MLSTM_F, 30, -INFINITY);
    mlstm_reference reference = mlstm_refer(&p);
    double *h = run(&p);
    expect_other_heads(&p, &reference, h);
    for (uint64_t t = 0; t < p.S; t++)
        expect_row(&p, &reference, h, BAD_B, BAD_N, t, t < 30 ? EITHER : RIGHT);
    drop(&p, &reference, h);
}
END_TEST

/* Explicit masks show columns on both sides of a row. NaN in a gate is in every pair that it lies between. */
START_TEST(nan_under_a_mask)
{
    enum { AT = 30, S = 70 };
    static const mlstm_mask masks[] = {MASK_FULL, MASK_UPPER, MASK_BAND, MASK_PAST};
    const int tensor = _i / 4 == 0 ? MLSTM_F : _i / 4 == 1 ? MLSTM_I : MLSTM_Q;
    random_state random = random_start(50 + (uint64_t)_i);
    for (int rowwise = 1; rowwise >= 0; rowwise--) {
        mlstm_problem p = make(GATES_KEEP, masks[_i % 4], rowwise, 1e-6f, S, &random);
        put(&p, tensor, AT, NAN);
        mlstm_reference reference = mlstm_refer(&p);
        double *h = run(&p);
        expect_other_heads(&p, &reference, h);
        for (uint64_t t = 0; t < S; t++) {
            /* F is NaN from the gate on, so rows and columns behind it may be NaN although their difference is not */
            const bool unclear = tensor == MLSTM_F && !isnan(reference.h[mlstm_at(&p, MLSTM_H, BAD_B, BAD_N, t)]);
            expect_row(&p, &reference, h, BAD_B, BAD_N, t, unclear ? EITHER : NAN_WHERE_REFERENCE);
        }
        drop(&p, &reference, h);
    }
}
END_TEST

/* igate = +inf is the caller's error: no crash, no harm to rows before it or to other heads. */
START_TEST(infinite_igate)
{
    random_state random = random_start(60);
    mlstm_problem p = make(GATES_PLAIN, MASK_NONE, 1, 1e-6f, 70, &random);
    put(&p, MLSTM_I, 40, INFINITY);
    mlstm_reference reference = mlstm_refer(&p);
    double *h = run(&p);
    expect_other_heads(&p, &reference, h);
    for (uint64_t t = 0; t < 40; t++)
        expect_row(&p, &reference, h, BAD_B, BAD_N, t, RIGHT);
    free(h);
    p.desc.stabilize_rowwise = 0;
    h = run(&p);
    mlstm_reference_free(&reference);
    reference = mlstm_refer(&p);
    expect_other_heads(&p, &reference, h);
    drop(&p, &reference, h);
}
END_TEST

static void expect_zero_rows(const mlstm_problem *p, const double *h, uint64_t first, uint64_t end)
{
    for (uint64_t head = 0; head < p->B * p->NH; head++)
        for (uint64_t t = first; t < end; t++)
            for (uint64_t j = 0; j < p->desc.DHV; j++) {
                const double x = h[mlstm_at(p, MLSTM_H, 0, head, t) + j];
                if (!(x == 0))
                    ck_abort_msg("row %llu, column %llu: %g, expected 0", (unsigned long long)t, (unsigned long long)j,
                                 x);
            }
}

static void set_all(mlstm_problem *p, int tensor, uint64_t t, double value)
{
    const size_t length = mlstm_at(p, tensor, 0, 0, 1);
    for (uint64_t head = 0; head < p->B * p->NH; head++)
        for (size_t e = 0; e < length; e++)
            p->value[tensor][mlstm_at(p, tensor, 0, head, t) + e] = value;
}

/* eps = 0 and nothing left of the normaliser in f32: exp(-m) = 0 for m > 104, and q = 0 makes the sum 0 too. */
START_TEST(zero_normaliser)
{
    random_state random = random_start(70);
    mlstm_problem p = make(GATES_KEEP, (mlstm_mask)_i, 1, 0.0f, 70, &random);
    set_all(&p, MLSTM_I, 2, 200);
    set_all(&p, MLSTM_Q, 9, 0);
    set_all(&p, MLSTM_Q, 69, 0);
    double *h = run(&p);
    expect_zero_rows(&p, h, 9, 10);
    expect_zero_rows(&p, h, 69, 70);
    drop(&p, NULL, h);
}
END_TEST

/* One stabiliser of 300 for all rows, although most see nothing of that size: their weights are 0 in f32. */
START_TEST(far_global_stabiliser)
{
    random_state random = random_start(80);
    mlstm_problem p = make(GATES_KEEP, MASK_NONE, 0, 0.0f, 70, &random);
    set_all(&p, MLSTM_I, 60, 300);
    mlstm_reference reference = mlstm_refer(&p);
    double *h = run(&p);
    expect_zero_rows(&p, h, 0, 60);
    for (uint64_t t = 60; t < 70; t++)
        expect_row(&p, &reference, h, BAD_B, BAD_N, t, RIGHT);
    drop(&p, &reference, h);
}
END_TEST

/* m < -88: exp(-m) is infinite in f32. With eps = 0 as well. */
START_TEST(faint_rows)
{
    random_state random = random_start(90);
    for (int rowwise = 1; rowwise >= 0; rowwise--) {
        mlstm_problem p = make(GATES_DECAY, _i == 0 ? MASK_NONE : MASK_RANDOM, rowwise, 0.0f, 70, &random);
        for (uint64_t t = 0; t < p.S; t++)
            set_all(&p, MLSTM_I, t, -300 - (double)t);
        double *h = run(&p);
        if (_i == 0) expect_zero_rows(&p, h, 0, p.S); /* a mask also shows what is not faint */
        for (size_t i = 0; i < mlstm_at(&p, MLSTM_H, p.B, 0, 0); i++)
            if (!isfinite(h[i])) ck_abort_msg("element %zu: %g", i, h[i]);
        drop(&p, NULL, h);
    }
}
END_TEST

/* Weights that f16 has no room for, though q and k are f16: matrix units round them to it. */
START_TEST(weights_beyond_f16)
{
    static const int exponents[] = {10, -10};
    random_state random = random_start(1200 + (uint64_t)_i);
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    mlstm_problem p;
    desc.DHQK = 20;
    desc.DHV = 24;
    desc.qkv_dtype = CLX_F16;
    desc.out_dtype = CLX_F32;
    mlstm_problem_make(&p, &desc, 1, 2, 70, GATES_KEEP, MASK_NONE, &random);
    for (int tensor = MLSTM_Q; tensor <= MLSTM_K; tensor++)
        for (size_t e = 0; e < 2 * 70 * 20; e++)
            p.value[tensor][e] = ldexp(p.value[tensor][e], exponents[_i]);
    const mlstm_layout layout = mlstm_layout_bhsd(&p);
    clx_mlstm *op = mlstm_make(&p);
    mlstm_check(op, &p, &layout, _i == 0 ? "weights around 2^20" : "weights around 2^-20");
    clx_mlstm_destroy(op);
    mlstm_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_corners");
    TCase *tcase = suite_shared_device_case(suite, "corners", 120);
    tcase_add_loop_test(tcase, nan_goes_where_it_is_seen, MLSTM_Q, MLSTM_F + 1);
    tcase_add_test(tcase, nan_in_v_keeps_its_column);
    tcase_add_loop_test(tcase, reset_clears_nan, MLSTM_Q, MLSTM_F + 1);
    tcase_add_test(tcase, nan_in_first_fgate);
    tcase_add_loop_test(tcase, nan_under_a_mask, 0, 12);
    tcase_add_test(tcase, infinite_igate);
    tcase_add_loop_test(tcase, zero_normaliser, MASK_NONE, MASK_RANDOM + 1);
    tcase_add_test(tcase, far_global_stabiliser);
    tcase_add_loop_test(tcase, faint_rows, 0, 2);
    TCase *f16 = suite_shared_device_case(suite, "f16", 120);
    tcase_add_loop_test(f16, weights_beyond_f16, 0, 2);
    return suite_run_together(suite);
}
