/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule for passing: what must fail does, and each tolerance is where the golden README puts it. */
#include "support/support.h"
#include "tools/case_reference.h"

#include "ref/judge.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN CLX_TEST_SOURCE_DIR "/tests/golden/"

/* A golden case's h as something to be judged, with a copy of ref64 to spoil. */
typedef struct fixture {
    clxi_case *c;
    double *ours, *ref64, *cond, *ref;
    size_t count, row;
    clxi_judge j;
} fixture;

static fixture open_golden(const char *path)
{
    fixture x = {.c = NULL};
    expect_ok(clxi_case_read(path, &x.c, &test_error));
    x.ours = case_load(x.c, "ref64.h", CLX_DTYPE_DEFAULT);
    x.ref64 = case_load(x.c, "ref64.h", CLX_DTYPE_DEFAULT);
    x.cond = case_load(x.c, "cond.h", CLX_DTYPE_DEFAULT);
    x.ref = case_load(x.c, "ref.h", CLX_DTYPE_DEFAULT);
    const clxi_st_tensor *h = clxi_case_tensor(x.c, "ref64.h");
    x.count = (size_t)clxi_st_count(h);
    x.row = (size_t)h->size[h->rank - 1];
    x.j = (clxi_judge){.op = x.c->row->name, .output = "h", .count = x.count};
    x.j.ours = x.ours, x.j.ref64 = x.ref64, x.j.cond = x.cond, x.j.ref = x.ref;
    x.j.qkv_dtype = x.j.out_dtype = clxi_case_qkv_dtype(x.c);
    return x;
}

static void close_golden(fixture *x)
{
    free(x->ours);
    free(x->ref64);
    free(x->cond);
    free(x->ref);
    clxi_case_destroy(x->c);
}

/* One file for each rule that h can fall under. */
static const char *const files[] = {
    GOLDEN "mlstm_parallel.default.safetensors",   GOLDEN "mlstm_parallel.bf16.safetensors",
    GOLDEN "mlstm_recurrent.default.safetensors",  GOLDEN "attention.softmax_none.safetensors",
    GOLDEN "mlstm_cell.default_f32.safetensors",   GOLDEN "mlstm_cell.bf16.safetensors",
    GOLDEN "mlstm_parallel_grad.grad.safetensors",
};
enum { FILE_COUNT = sizeof files / sizeof *files };

START_TEST(exact_passes)
{
    fixture x = open_golden(files[_i]);
    clxi_verdict verdict = clxi_judge_output(&x.j);
    ck_assert(verdict.pass && verdict.worst == 0 && verdict.rms == 0);
    close_golden(&x);
}
END_TEST

START_TEST(not_finite_fails)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    fixture x = open_golden(files[_i]);
    for (size_t i = 0; i < 3; i++) {
        memcpy(x.ours, x.ref64, x.count * sizeof *x.ours);
        x.ours[x.count - 1] = bad[i];
        clxi_verdict verdict = clxi_judge_output(&x.j);
        ck_assert(!verdict.pass && isinf(verdict.worst) && verdict.index == x.count - 1);
    }
    close_golden(&x);
}
END_TEST

START_TEST(zeros_fail)
{
    fixture x = open_golden(files[_i]);
    memset(x.ours, 0, x.count * sizeof *x.ours);
    ck_assert(!clxi_judge_output(&x.j).pass);
    close_golden(&x);
}
END_TEST

START_TEST(off_by_one_row_fails)
{
    fixture x = open_golden(files[_i]);
    memmove(x.ours + x.row, x.ref64, (x.count - x.row) * sizeof *x.ours);
    ck_assert(!clxi_judge_output(&x.j).pass);
    close_golden(&x);
}
END_TEST

START_TEST(wrong_scale_fails)
{
    fixture x = open_golden(files[_i]);
    for (size_t i = 0; i < x.count; i++)
        x.ours[i] = -x.ref64[i];
    ck_assert(!clxi_judge_output(&x.j).pass);
    close_golden(&x);
}
END_TEST

/* Errors that every element may have, but not all of them at once. */
START_TEST(mean_rule_fails_where_elements_pass)
{
    fixture x = open_golden(GOLDEN "mlstm_parallel.default.safetensors");
    for (size_t i = 0; i < x.count; i++)
        x.ours[i] = x.ref64[i] + 0.2e-6 * x.cond[i];
    clxi_verdict verdict = clxi_judge_output(&x.j);
    ck_assert(!verdict.pass);
    ck_assert_double_eq_tol(verdict.worst, 0.2, 1e-6);
    ck_assert_double_eq_tol(verdict.rms, 0.2, 1e-6);
    x.j.few_terms = true;
    verdict = clxi_judge_output(&x.j);
    ck_assert(verdict.pass && isinf(verdict.rms_limit));
    x.j.few_terms = false;
    x.j.op = "mlstm_recurrent"; /* has no such rule */
    ck_assert(clxi_judge_output(&x.j).pass);
    close_golden(&x);
}
END_TEST

START_TEST(worst_element_is_named)
{
    fixture x = open_golden(GOLDEN "mlstm_recurrent.default.safetensors");
    x.ours[7] += 0.5e-6 * x.cond[7];
    x.ours[11] -= 3e-6 * x.cond[11];
    clxi_verdict verdict = clxi_judge_output(&x.j);
    ck_assert(!verdict.pass && verdict.index == 11);
    ck_assert_double_eq_tol(verdict.worst, 3, 1e-3);
    close_golden(&x);
}
END_TEST

typedef struct limit_row {
    const char *op, *output;
    clx_dtype out, qkv, gate, state;
    bool with_cond;
    double limit; /* of an error where ref64 and cond are 1 */
} limit_row;

#define POWER(n) (1.0 / (double)(1 << (n)))
static const limit_row limits[] = {
    {"mlstm_recurrent", "h", CLX_F32, CLX_F32, CLX_F32, CLX_F32, true, 1e-6},
    {"mlstm_recurrent", "h", CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, true, POWER(8)},
    {"mlstm_recurrent", "h", CLX_F16, CLX_F16, CLX_F32, CLX_F32, true, POWER(10)},
    {"mlstm_recurrent", "h", CLX_F32, CLX_BF16, CLX_F32, CLX_F32, true, POWER(8)}, /* the coarsest counts */
    {"mlstm_recurrent", "h", CLX_F16, CLX_BF16, CLX_F32, CLX_F32, true, POWER(8)}, /* bf16 is coarser than f16 */
    {"mlstm_recurrent", "C", CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, true, 1e-6},    /* states have their own */
    {"mlstm_recurrent", "m", CLX_F32, CLX_F32, CLX_F32, CLX_F16, true, POWER(10)},
    {"mlstm_recurrent", "n", CLX_F32, CLX_F32, CLX_F32, CLX_DTYPE_DEFAULT, true, 1e-6},
    {"attention", "h", CLX_F32, CLX_F32, CLX_F32, CLX_F32, true, 1e-6},
    {"attention", "h", CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, true, POWER(7)},
    {"attention", "h", CLX_F16, CLX_F16, CLX_F32, CLX_F32, true, POWER(10)},
    {"rotary", "q_out", CLX_F32, CLX_F32, CLX_F32, CLX_F32, true, 4e-7},
    {"rotary", "k_out", CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, true, POWER(7)},
    {"rotary", "k_out", CLX_F16, CLX_F16, CLX_F32, CLX_F32, true, POWER(10)},
    {"precompute_freqs", "sin", CLX_F32, CLX_F32, CLX_F32, CLX_F32, true, 1.5e-7},
    {"precompute_freqs", "cos", CLX_F32, CLX_F32, CLX_F32, CLX_F32, false, 1.5e-7},
    {"mlstm_cell", "h", CLX_F32, CLX_F32, CLX_F32, CLX_F32, false, 5e-6},
    {"mlstm_cell", "h", CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, false, POWER(7)},
    {"mlstm_cell", "h", CLX_F16, CLX_F16, CLX_F32, CLX_F32, false, POWER(10)},
    {"mlstm_parallel_grad", "dq", CLX_F32, CLX_F32, CLX_F32, CLX_F32, false, 5e-6},
    {"mlstm_cell", "igate_bias", CLX_F32, CLX_BF16, CLX_F32, CLX_F32, false, 2e-5}, /* t (1 + |ref64|) */
    {"mlstm_cell", "max_fgate_preact", CLX_F32, CLX_F32, CLX_BF16, CLX_F32, false, 2 * POWER(7)},
    {"mlstm_cell", "mean_igate_preact", CLX_F32, CLX_F32, CLX_F16, CLX_F32, false, 2 * POWER(7)},
};

START_TEST(limits_are_where_they_should_be)
{
    const limit_row *row = &limits[_i];
    double ref64[] = {1, 1}, cond[] = {1, 1}, ours[] = {1, 1};
    clxi_judge j = {row->op, row->output, row->out, row->qkv, row->gate, row->state, 2, ours, ref64, NULL, NULL, false};
    if (row->with_cond) j.cond = cond;
    ours[1] = 1 + row->limit * 0.999;
    ck_assert(clxi_judge_output(&j).pass);
    ours[1] = 1 - row->limit * 1.01 - (row->out == CLX_F16 ? POWER(25) : 0);
    ck_assert(!clxi_judge_output(&j).pass);
}
END_TEST

/* Without cond, the original's own error may be larger than the constant; where it is not finite it does not count. */
START_TEST(the_original_sets_the_bar)
{
    double ref64[] = {2, 1}, ref[] = {2, 1.00004}, ours[] = {2, 1.00007};
    clxi_judge j = {"mlstm_cell", "h", CLX_F32, CLX_F32, CLX_F32, CLX_F32, 2, ours, ref64, NULL, ref, false};
    ck_assert(clxi_judge_output(&j).pass); /* 2 e(ref) in F32 */
    ours[1] = 1.00009;
    ck_assert(!clxi_judge_output(&j).pass);
    ref[0] = NAN;
    ours[1] = 1.00007;
    ck_assert(!clxi_judge_output(&j).pass);
    ours[1] = 1.000009;
    ck_assert(clxi_judge_output(&j).pass);
    j.qkv_dtype = CLX_BF16, ref[0] = 2, ref[1] = 1.05, ours[1] = 0.951;
    ck_assert(clxi_judge_output(&j).pass); /* e(ref) once in 16 bits */
    ours[1] = 0.949;
    ck_assert(!clxi_judge_output(&j).pass);
}
END_TEST

START_TEST(edges)
{
    double zero[] = {0}, small[] = {1e-31}, larger[] = {1e-29}, nan[] = {NAN}, half_tiny[] = {POWER(25)};
    clxi_judge j = {"attention", "h", CLX_F32, CLX_F32, CLX_F32, CLX_F32, 1, small, zero, zero, NULL, false};
    ck_assert(clxi_judge_output(&j).pass); /* tiny */
    j.ours = larger;
    ck_assert(!clxi_judge_output(&j).pass);
    j.ours = half_tiny, j.out_dtype = CLX_F16;
    ck_assert(clxi_judge_output(&j).pass);
    j.ours = zero, j.cond = nan;
    ck_assert(!clxi_judge_output(&j).pass);
    j.cond = zero, j.ref64 = nan;
    ck_assert(!clxi_judge_output(&j).pass);
    j.ref64 = zero, j.cond = NULL;
    ck_assert(clxi_judge_output(&j).pass); /* a tensor of zeros */
    j.count = 0, j.ours = j.ref64 = NULL;
    ck_assert(clxi_judge_output(&j).pass);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("judge");
    TCase *golden = suite_case(suite, "golden", 30);
    tcase_add_loop_test(golden, exact_passes, 0, FILE_COUNT);
    tcase_add_loop_test(golden, not_finite_fails, 0, FILE_COUNT);
    tcase_add_loop_test(golden, zeros_fail, 0, FILE_COUNT);
    tcase_add_loop_test(golden, off_by_one_row_fails, 0, FILE_COUNT);
    tcase_add_loop_test(golden, wrong_scale_fails, 0, FILE_COUNT);
    tcase_add_test(golden, mean_rule_fails_where_elements_pass);
    tcase_add_test(golden, worst_element_is_named);
    TCase *rules = suite_case(suite, "rules", 30);
    tcase_add_loop_test(rules, limits_are_where_they_should_be, 0, sizeof limits / sizeof *limits);
    tcase_add_test(rules, the_original_sets_the_bar);
    tcase_add_test(rules, edges);
    return suite_run(suite);
}
