/* SPDX-License-Identifier: Apache-2.0
 *
 * The float64 reference of every operator, in plain loops: what the tests and `clxlstm check` judge by.
 *
 * Tensors are dense doubles, last dimension fastest, in the order given at each field. A caller with 16-bit data, or
 * with a `qkv_dtype`, passes doubles that are already rounded. Every output may be NULL where it is not wanted, and
 * overlaps no input. `cond` is the size of what is added up to make each output element: the unit in which an honest
 * implementation errs, so that |ours - reference| <= tolerance * cond is a fair rule for any input. It is never below
 * |output|, and 0 where the output is 0 by definition.
 *
 * Every function returns false only where memory ran out; arguments are not checked. */
#ifndef CLXI_REF_REF_H
#define CLXI_REF_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct clxi_ref_mlstm {
    size_t B, NH, S, DHQK, DHV;
    const double *q, *k;         /* (B, NH, S, DHQK) */
    const double *v;             /* (B, NH, S, DHV) */
    const double *igate, *fgate; /* (B, NH, S), pre-activations */
    const unsigned char *mask;   /* (S, S), not 0 = keep; NULL: causal */
    bool stabilize_rowwise;      /* false: one m per (b, head) */
    double eps;
    const size_t *rows; /* (row_count): compute only these rows t; NULL: all S */
    size_t row_count;
    double *h, *cond; /* (B, NH, S, DHV), or (B, NH, row_count, DHV) in the order of rows */
} clxi_ref_mlstm;

/* The mLSTM in its parallel, stabilised form, spec section 1:
 *
 *     lf[t]     = log_sigmoid(fgate[t]),   F[t] = lf[0] + ... + lf[t]
 *     logD[t,s] = F[t] - F[s] + igate[s]   where the mask is true, else -inf
 *     m[t]      = max_s logD[t,s]          (over all rows where stabilize_rowwise is false; NaN ignored)
 *     A[t,s]    = (q[t] . k[s]) / sqrt(DHQK) * exp(logD[t,s] - m[t])
 *     N[t]      = max(|sum_s A[t,s]|, exp(-m[t]))
 *     h[t]      = sum_s A[t,s] v[s] / (N[t] + eps)
 *
 * and with w = 1 + |logD| + |logD - m|, a = sum_d |q_d| |k_d| / sqrt(DHQK) * exp(logD - m):
 *
 *     cond = [sum_s a w |v| + |h| (sum_s a w + [exp(-m) >= |sum A|] exp(-m) (1 + |m|))] / (N + eps)
 *
 * A row that sees no column gives 0. fgate = -inf parts the text: no pair across it is seen, in either direction. NaN
 * in a column gives NaN in the rows that see it; NaN in fgate[u] in the pairs whose sum contains lf[u].
 * Source: xLSTM, arXiv:2405.04517, appendix A; O(S (DHQK + DHV)) per row. */
bool clxi_ref_mlstm_parallel(const clxi_ref_mlstm *p);

#endif
