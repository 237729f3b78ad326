/* SPDX-License-Identifier: Apache-2.0
 *
 * Problems of the mLSTM operator, made and judged. */
#include "support/mlstm_problem.h"

#include "ref/judge.h"
#include "ref/ref.h"
#include "support/views.h"
#include "tools/case_reference.h"
#include <math.h>
#include <stdlib.h>

/* Where cond is smaller, the rule's `tiny` is all that an error is held to: f32 itself runs out of digits there. */
#define FAINT 1e-24

static clx_dtype or_default(clx_dtype dtype, clx_dtype fallback)
{
    return dtype == CLX_DTYPE_DEFAULT ? fallback : dtype;
}

static clx_dtype qkv_dtype(const clx_mlstm_desc *desc)
{
    return or_default(desc->qkv_dtype, desc->input_dtype);
}

clx_tensor mlstm_view(const mlstm_problem *p, int tensor)
{
    const clx_mlstm_desc *d = &p->desc;
    const uint64_t qk[] = {p->B, p->NH, p->S, d->DHQK}, v[] = {p->B, p->NH, p->S, d->DHV}, mask[] = {p->S, p->S};
    switch (tensor) {
    case MLSTM_Q:
    case MLSTM_K:
        return clx_tensor_dense(NULL, d->input_dtype, 4, qk);
    case MLSTM_V:
        return clx_tensor_dense(NULL, d->input_dtype, 4, v);
    case MLSTM_H:
        return clx_tensor_dense(NULL, or_default(d->out_dtype, qkv_dtype(d)), 4, v);
    case MLSTM_MASK:
        return clx_tensor_dense(NULL, CLX_BOOL, 2, mask);
    default:
        return clx_tensor_dense(NULL, d->gate_input_dtype, 3, v);
    }
}

size_t mlstm_at(const mlstm_problem *p, int tensor, uint64_t b, uint64_t head, uint64_t t)
{
    const clx_tensor view = mlstm_view(p, tensor);
    return (size_t)((((b * p->NH) + head) * p->S + t) * (view.rank == 4 ? view.size[3] : 1));
}

static double *doubles(size_t count)
{
    double *data = calloc(count + 1, sizeof *data);
    ck_assert_ptr_nonnull(data);
    return data;
}

static double draw_igate(mlstm_gates gates, uint64_t t, random_state *random)
{
    const double x = random_normal(random);
    switch (gates) {
    case GATES_IGNORE_SOME:
        return t == 0 || random_below(random, 3) == 0 ? -INFINITY : x;
    case GATES_IGNORE_ALL:
        return -INFINITY;
    case GATES_FAINT:
        return x - 100;
    case GATES_SPIKES:
        return random_below(random, 8) == 0 ? random_uniform(random, 10, 60) : x;
    default:
        return x;
    }
}

static double draw_fgate(mlstm_gates gates, uint64_t t, random_state *random)
{
    static const double huge[] = {-1e30, 1e30, -3e38, 3e38}, border[] = {-1e9, -65504, -25};
    const double x = random_normal(random);
    const uint64_t dice = random_below(random, 12);
    switch (gates) {
    case GATES_KEEP:
        return x + 8;
    case GATES_DECAY:
        return x - 4;
    case GATES_RESETS:
        return t == 0 || t == 4 || t == 5 || dice == 0 ? -INFINITY : x + 2;
    case GATES_INFINITE:
        return INFINITY;
    case GATES_HUGE:
        return dice < 4 ? huge[dice] : x + 2;
    case GATES_BORDERS:
        return t % 8 == 5 ? border[dice % 3] : x + 2;
    default:
        return x + 2;
    }
}

static bool draw_mask(mlstm_mask mask, uint64_t t, uint64_t s, const bool *kept, random_state *random)
{
    const bool coin = random_below(random, 2) == 0;
    switch (mask) {
    case MASK_RANDOM:
        return coin;
    case MASK_HOLES:
        return coin && t % 3 != 1;
    case MASK_FALSE:
        return false;
    case MASK_UPPER:
        return s >= t;
    case MASK_BAND:
        return (t > s ? t - s : s - t) < 5;
    case MASK_PAST:
        return s + 3 <= t;
    case MASK_SAME_ROWS:
        return kept[s];
    case MASK_SAME_COLUMNS:
        return kept[t];
    default:
        return true;
    }
}

static double *make_mask(mlstm_mask mask, uint64_t S, random_state *random)
{
    double *value = doubles((size_t)(S * S));
    bool *kept = calloc((size_t)S + 1, sizeof *kept);
    ck_assert_ptr_nonnull(kept);
    for (uint64_t s = 0; s < S; s++)
        kept[s] = random_below(random, 3) != 0;
    for (uint64_t t = 0; t < S; t++)
        for (uint64_t s = 0; s < S; s++)
            if (draw_mask(mask, t, s, kept, random)) value[t * S + s] = mask >= MASK_SAME_ROWS ? 1 : 1 + 127 * (t % 3);
    free(kept);
    return value;
}

void mlstm_problem_make(mlstm_problem *p, const clx_mlstm_desc *desc, uint64_t B, uint64_t NH, uint64_t S,
                        mlstm_gates gates, mlstm_mask mask, random_state *random)
{
    *p = (mlstm_problem){.B = B, .NH = NH, .S = S, .desc = *desc};
    p->desc.mask = mask == MASK_NONE ? CLX_MASK_CAUSAL : CLX_MASK_EXPLICIT;
    for (int i = MLSTM_Q; i <= MLSTM_F; i++) {
        const clx_tensor view = mlstm_view(p, i);
        const size_t count = view_count(&view);
        p->value[i] = doubles(count);
        for (size_t e = 0; e < count; e++) {
            const uint64_t t = S ? e % S : 0;
            const double x = i == MLSTM_I   ? draw_igate(gates, t, random)
                             : i == MLSTM_F ? draw_fgate(gates, t, random)
                                            : (double)random_normal(random);
            p->value[i][e] = round_to(x, view.dtype);
        }
    }
    if (mask != MASK_NONE) p->value[MLSTM_MASK] = make_mask(mask, S, random);
}

void mlstm_problem_free(mlstm_problem *p)
{
    for (int i = 0; i < MLSTM_INPUTS; i++)
        free(p->value[i]);
    *p = (mlstm_problem){0};
}

static double *rounded(const mlstm_problem *p, int tensor, clx_dtype dtype)
{
    const clx_tensor view = mlstm_view(p, tensor);
    double *out = doubles(view_count(&view));
    for (size_t i = 0; i < view_count(&view); i++)
        out[i] = round_to(p->value[tensor][i], dtype);
    return out;
}

static unsigned char *flags(const double *mask, size_t count)
{
    unsigned char *out = malloc(count + 1);
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < count; i++)
        out[i] = mask[i] != 0;
    return out;
}

mlstm_reference mlstm_refer(const mlstm_problem *p)
{
    const clx_mlstm_desc *d = &p->desc;
    const clx_dtype gate_dtype = or_default(d->gate_dtype, d->gate_input_dtype);
    const size_t count = (size_t)(p->B * p->NH * p->S * d->DHV);
    double *value[MLSTM_MASK];
    unsigned char *mask = NULL;
    mlstm_reference out = {doubles(count), doubles(count)};
    for (int i = MLSTM_Q; i <= MLSTM_F; i++)
        value[i] = rounded(p, i, i < MLSTM_I ? qkv_dtype(d) : gate_dtype);
    if (p->value[MLSTM_MASK] != NULL) mask = flags(p->value[MLSTM_MASK], (size_t)(p->S * p->S));
    const clxi_ref_mlstm call = {.B = (size_t)p->B,
                                 .NH = (size_t)p->NH,
                                 .S = (size_t)p->S,
                                 .DHQK = (size_t)d->DHQK,
                                 .DHV = (size_t)d->DHV,
                                 .q = value[MLSTM_Q],
                                 .k = value[MLSTM_K],
                                 .v = value[MLSTM_V],
                                 .igate = value[MLSTM_I],
                                 .fgate = value[MLSTM_F],
                                 .mask = mask,
                                 .stabilize_rowwise = d->stabilize_rowwise != 0,
                                 .eps = (double)d->eps,
                                 .h = out.h,
                                 .cond = out.cond};
    ck_assert(clxi_ref_mlstm_parallel(&call));
    for (int i = MLSTM_Q; i <= MLSTM_F; i++)
        free(value[i]);
    free(mask);
    return out;
}

void mlstm_reference_free(mlstm_reference *reference)
{
    free(reference->h);
    free(reference->cond);
}

void mlstm_judge(const mlstm_problem *p, const mlstm_reference *reference, const double *h, const char *what)
{
    const clx_mlstm_desc *d = &p->desc;
    const size_t count = (size_t)(p->B * p->NH * p->S * d->DHV);
    double *cond = doubles(count);
    for (size_t i = 0; i < count; i++)
        cond[i] = reference->cond[i] < FAINT ? 0 : reference->cond[i];
    const clxi_judge judge = {.op = "mlstm_parallel",
                              .output = "h",
                              .out_dtype = or_default(d->out_dtype, qkv_dtype(d)),
                              .qkv_dtype = qkv_dtype(d),
                              .count = count,
                              .ours = h,
                              .ref64 = reference->h,
                              .cond = cond};
    const clxi_verdict verdict = clxi_judge_output(&judge);
    free(cond);
    const bool many = judge.count >= 1000 && d->DHQK >= 8;
    const size_t i = verdict.index;
    if (verdict.worst <= 1 && (!many || verdict.rms <= verdict.rms_limit)) return;
    ck_abort_msg("%s: (%llu,%llu,%llu,%llu|%llu): worst %.3g of the tolerance at %zu (row %llu): %.9g, expected %.9g; "
                 "rms %.3g, expected at most %.3g",
                 what, (unsigned long long)p->B, (unsigned long long)p->NH, (unsigned long long)p->S,
                 (unsigned long long)d->DHQK, (unsigned long long)d->DHV, verdict.worst, i,
                 (unsigned long long)(i / d->DHV % p->S), h[i], reference->h[i], verdict.rms, verdict.rms_limit);
}
