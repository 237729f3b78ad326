/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule for passing. Every comparison is written so that NaN fails it. */
#include "ref/judge.h"
#include <math.h>
#include <string.h>

/* Unit errors of the 16-bit dtypes are powers of two, as their rounding is. */
#define TWO_TO_MINUS(n) (1.0 / (double)((uint64_t)1 << (n)))

typedef struct tolerance {
    double f32, bf16, f16;
} tolerance;

static double pick(const tolerance *t, clx_dtype dtype)
{
    return dtype == CLX_BF16 ? t->bf16 : dtype == CLX_F16 ? t->f16 : t->f32;
}

/* bf16 has the fewest digits, then f16. */
static clx_dtype coarsest(clx_dtype a, clx_dtype b)
{
    if (a == CLX_BF16 || b == CLX_BF16) return CLX_BF16;
    return a == CLX_F16 || b == CLX_F16 ? CLX_F16 : CLX_F32;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static bool is_state(const char *output)
{
    static const char *const names[] = {"C", "n", "m"};
    return is_one_of(output, names, sizeof names / sizeof *names);
}

static bool is_statistic(const char *output)
{
    static const char *const names[] = {"max_igate_preact", "min_igate_preact", "mean_igate_preact",
                                        "max_fgate_preact", "min_fgate_preact", "mean_fgate_preact",
                                        "igate_bias",       "fgate_bias"};
    return is_one_of(output, names, sizeof names / sizeof *names);
}

/* The dtype whose tolerance counts. */
static clx_dtype judged_dtype(const clxi_judge *j)
{
    return is_state(j->output) ? coarsest(j->state_dtype, CLX_F32) : coarsest(j->out_dtype, j->qkv_dtype);
}

/* tol of the rule with cond. */
static double element_tolerance(const clxi_judge *j)
{
    static const tolerance mlstm = {1e-6, TWO_TO_MINUS(8), TWO_TO_MINUS(10)};
    static const tolerance attention = {1e-6, TWO_TO_MINUS(7), TWO_TO_MINUS(10)};
    static const tolerance rotary = {4e-7, TWO_TO_MINUS(7), TWO_TO_MINUS(10)};
    const tolerance *t = strcmp(j->op, "attention") == 0 ? &attention : strcmp(j->op, "rotary") == 0 ? &rotary : &mlstm;
    return pick(t, judged_dtype(j));
}

/* Takes one more element into the verdict. */
static void see(clxi_verdict *verdict, size_t index, double err, double allowed)
{
    double ratio = err == 0 ? 0 : err / allowed;
    if (isnan(ratio) || isnan(allowed)) ratio = INFINITY;
    if (ratio > verdict->worst) {
        verdict->worst = ratio;
        verdict->index = index;
    }
}

static void judge_elements(const clxi_judge *j, clxi_verdict *verdict)
{
    double tol = element_tolerance(j);
    double tiny = j->out_dtype == CLX_F16 ? TWO_TO_MINUS(25) : 1e-30;
    double squares = 0;
    size_t conditioned = 0;
    for (size_t i = 0; i < j->count; i++) {
        double err = fabs(j->ours[i] - j->ref64[i]);
        see(verdict, i, err, tol * j->cond[i] + tiny);
        if (!(j->cond[i] > 0)) continue;
        double ratio = err / (tol * j->cond[i]);
        squares += ratio * ratio;
        conditioned++;
    }
    if (conditioned) verdict->rms = sqrt(squares / (double)conditioned);
    if (strcmp(j->op, "mlstm_parallel") == 0 && strcmp(j->output, "h") == 0 && !j->few_terms) verdict->rms_limit = 0.05;
}

/* max |x - ref64| / max |ref64|; infinite where x is not finite. A ref64 of zeros counts as 1. */
static double tensor_error(const clxi_judge *j, const double *x, double scale)
{
    double largest = 0;
    for (size_t i = 0; i < j->count; i++) {
        double err = fabs(x[i] - j->ref64[i]);
        if (!isfinite(err)) return INFINITY;
        if (err > largest) largest = err;
    }
    return largest / scale;
}

static void judge_tensor(const clxi_judge *j, clxi_verdict *verdict)
{
    static const tolerance least = {5e-6, TWO_TO_MINUS(7), TWO_TO_MINUS(10)};
    clx_dtype dtype = judged_dtype(j);
    double scale = 0;
    for (size_t i = 0; i < j->count; i++)
        if (fabs(j->ref64[i]) > scale) scale = fabs(j->ref64[i]);
    if (scale == 0) scale = 1;
    double allowed = pick(&least, dtype);
    double theirs = j->ref ? tensor_error(j, j->ref, scale) : INFINITY;
    if (isfinite(theirs)) allowed = fmax(allowed, dtype == CLX_F32 ? 2 * theirs : theirs);
    for (size_t i = 0; i < j->count; i++)
        see(verdict, i, fabs(j->ours[i] - j->ref64[i]), allowed * scale);
}

static void judge_statistic(const clxi_judge *j, clxi_verdict *verdict)
{
    double t = coarsest(j->gate_dtype, CLX_F32) == CLX_F32 ? 1e-5 : TWO_TO_MINUS(7);
    for (size_t i = 0; i < j->count; i++)
        see(verdict, i, fabs(j->ours[i] - j->ref64[i]), t * (1 + fabs(j->ref64[i])));
}

static void judge_table(const clxi_judge *j, clxi_verdict *verdict)
{
    for (size_t i = 0; i < j->count; i++)
        see(verdict, i, fabs(j->ours[i] - j->ref64[i]), 1.5e-7);
}

clxi_verdict clxi_judge_output(const clxi_judge *j)
{
    clxi_verdict verdict = {.rms_limit = INFINITY};
    for (size_t i = 0; i < j->count; i++) {
        if (isfinite(j->ours[i])) continue;
        verdict.worst = verdict.rms = INFINITY;
        verdict.index = i;
        return verdict;
    }
    if (strcmp(j->op, "precompute_freqs") == 0)
        judge_table(j, &verdict);
    else if (is_statistic(j->output))
        judge_statistic(j, &verdict);
    else if (j->cond)
        judge_elements(j, &verdict);
    else
        judge_tensor(j, &verdict);
    verdict.pass = verdict.worst <= 1 && (isinf(verdict.rms_limit) || verdict.rms <= verdict.rms_limit);
    return verdict;
}
