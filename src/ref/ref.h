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

/* The mLSTM in its parallel, stabilised form:
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

/* The mLSTM in its recurrent form:
 *
 *     m' = max(lf + m, i)      a = exp(lf + m - m')      b = exp(i - m')
 *     C' = a C + b k v^T       n' = a n + b k
 *     h  = (C'^T q) / sqrt(DHQK) / (max(|n' . q| / sqrt(DHQK), exp(-m')) + eps)
 *
 * With w[t] = 1 + max |m'| over the steps up to t, and C^, n^ the same recurrence over absolute values:
 *
 *     cond_h = w [C^^T |q| / sqrt(DHQK) + |h| (n^ . |q| / sqrt(DHQK) + exp(-m'))] / (N + eps)
 *     cond_C = w[S] C^,   cond_n = w[S] n^,   cond_m = w[S]
 *
 * fgate = -inf clears the state, even of NaN; igate = -inf ignores the token; m' = -inf gives h = 0.
 * Source: xLSTM, arXiv:2405.04517, stabilised mLSTM cell. */
typedef struct clxi_ref_recurrent {
    size_t B, NH, S, DHQK, DHV;
    const double *q, *k;         /* (B, NH, S, DHQK) */
    const double *v;             /* (B, NH, S, DHV) */
    const double *igate, *fgate; /* (B, NH, S), pre-activations */
    const double *C0, *n0, *m0;  /* (B, NH, DHQK, DHV), (B, NH, DHQK), (B, NH); NULL: zeros, each on its own */
    double eps;
    double *h, *cond_h; /* (B, NH, S, DHV) */
    double *C, *cond_C; /* (B, NH, DHQK, DHV), after the last step */
    double *n, *cond_n; /* (B, NH, DHQK) */
    double *m, *cond_m; /* (B, NH) */
} clxi_ref_recurrent;

bool clxi_ref_mlstm_recurrent(const clxi_ref_recurrent *p);

/* Tables of rotary embeddings: sin and cos of t theta^(-2j / feat_dim) for t = start, start + 1, ...
 * and j = 0 .. feat_dim / 2 - 1, each (max_length, feat_dim / 2). Right to about |t| 2e-16.
 * Source: RoFormer, arXiv:2104.09864. */
void clxi_ref_precompute_freqs(size_t feat_dim, size_t max_length, double theta, int64_t start, double *sin_table,
                               double *cos_table);

/* Rotary embedding of one tensor: the pair (x0, x1) number j at token t becomes
 *
 *     y0 = x0 cos - x1 sin      y1 = x0 sin + x1 cos      of the angle (t, j); `inverse` negates sin
 *
 * Pairs are (x[2j], x[2j+1]), or (x[j], x[j + rotary_dim / 2]) where `half` is set; what lies beyond rotary_dim is
 * copied. cond is the largest of the pair and of the result. y may be x. */
typedef struct clxi_ref_rotary {
    size_t B, NH, S, D;
    size_t rotary_dim; /* 0: D */
    bool half, inverse;
    double theta;
    const double *sin_table, *cos_table; /* (S, rotary_dim / 2), or NULL: made from theta */
    int64_t start;                       /* the first token's position */
    const int64_t *positions;            /* (B, S), or NULL: start + t */
    const double *x;                     /* (B, NH, S, D) */
    double *y, *cond;                    /* (B, NH, S, D) */
} clxi_ref_rotary;

void clxi_ref_apply_rotary(const clxi_ref_rotary *p);

typedef enum clxi_ref_activation { CLXI_REF_SOFTMAX, CLXI_REF_SIGMOID, CLXI_REF_NONE } clxi_ref_activation;

/* Attention: pre-activation of q and k, their rotary embedding, and with L = q[t] . k[s] / sqrt(DHQK)
 *
 *     h[t] = sum_s W[t,s] v[s]      softmax  W = exp(L) / sum_s exp(L)
 *                                   sigmoid  W = 1 / (1 + exp(-(L - log(bias_length))))
 *                                   none     W = L
 *
 * over the keys that row t sees. With a = sum_d |q_d| |k_d| / sqrt(DHQK):
 *
 *     cond: softmax sum_s W (1 + a) (|v| + |h|), sigmoid sum_s W (1 + a) |v|, none sum_s a |v|
 *
 * Row t stands at position start + t and key s at s. It sees s <= start + t where `causal` is set, what `mask` keeps
 * where there is one, and with a window W only s > start + t - W. A row that sees nothing gives 0. Query head h uses
 * key/value head floor(h NH_kv / NH). */
typedef struct clxi_ref_attention {
    size_t B, NH, NH_kv, S_q, S_kv, DHQK, DHV;
    const double *q;           /* (B, NH, S_q, DHQK) */
    const double *k;           /* (B, NH_kv, S_kv, DHQK) */
    const double *v;           /* (B, NH_kv, S_kv, DHV) */
    const unsigned char *mask; /* (S_q, S_kv), not 0 = keep, or NULL */
    bool causal;
    bool silu;   /* the pre-activation x / (1 + exp(-x)) */
    bool rotary; /* with theta, interleaved pairs, over the whole head */
    double theta;
    clxi_ref_activation activation;
    double bias_length; /* sigmoid; 0: S_kv */
    uint64_t window;    /* 0: none */
    int64_t start;      /* S_kv - S_q where nothing else is said */
    double *h, *cond;   /* (B, NH, S_q, DHV) */
} clxi_ref_attention;

bool clxi_ref_run_attention(const clxi_ref_attention *p);

/* Layer norm and RMS norm over the last dimension:
 *
 *     layernorm  y = (x - mean) / sqrt(mean((x - mean)^2) + eps) w      rmsnorm  y = x / sqrt(mean(x^2) + eps) w
 *
 * x is (rows, width); row r has the weights of r modulo weight_rows, as (tokens, heads) with a weight per head.
 * cond = |y| + (layernorm) (|x| + mean(|x|)) / sqrt(...) |w|. y may be x. */
typedef struct clxi_ref_norm {
    size_t rows, width;
    bool rms;
    double eps;
    const double *weight; /* (weight_rows, width), or NULL: ones */
    size_t weight_rows;
    const double *x;
    double *y, *cond;
} clxi_ref_norm;

void clxi_ref_run_norm(const clxi_ref_norm *p);

typedef enum clxi_ref_backend { CLXI_REF_PARALLEL_STABILIZED, CLXI_REF_ATTENTION, CLXI_REF_RECURRENT } clxi_ref_backend;

/* Gate statistics, in this order. The first six are over all tokens and heads, after soft cap and reset. */
typedef enum clxi_ref_statistic {
    CLXI_REF_MAX_IGATE_PREACT,
    CLXI_REF_MIN_IGATE_PREACT,
    CLXI_REF_MEAN_IGATE_PREACT,
    CLXI_REF_MAX_FGATE_PREACT,
    CLXI_REF_MIN_FGATE_PREACT,
    CLXI_REF_MEAN_FGATE_PREACT,
    CLXI_REF_IGATE_BIAS,
    CLXI_REF_FGATE_BIAS,
    CLXI_REF_STATISTIC_COUNT
} clxi_ref_statistic;

#define CLXI_REF_MAX_GATE_INPUTS 16

/* The mLSTM cell: gate projections of the gate input (by default q, k and v), soft cap,
 * reset at document borders, norm of q and k, backend (eps 1e-6), norm of the output per head.
 *
 * Dense gates: gate[n] = sum_x input[x] kernel[x,n] + bias[n] over the inputs' concatenated features. Headwise: head n
 * sees only its slice [n F / NH, (n + 1) F / NH) of each input, and kernel is (NH, features per head). */
typedef struct clxi_ref_cell {
    size_t B, S, NH, DHQK, DHV;
    const double *q, *k, *v;                            /* (B, S, NH DHQK), the same, (B, S, NH DHV) */
    size_t gate_input_count;                            /* 0: q, k and v */
    const double *gate_input[CLXI_REF_MAX_GATE_INPUTS]; /* (B, S, gate_features) each */
    size_t gate_features[CLXI_REF_MAX_GATE_INPUTS];
    bool headwise;
    const double *igate_kernel, *igate_bias, *fgate_kernel, *fgate_bias; /* biases (NH) */
    double gate_soft_cap;                                                /* 0: none */
    const unsigned char *document_borders;                               /* (B, S); NULL, or not 0 = a reset */
    double reset_fgate_value;
    const double *q_norm, *k_norm; /* (DHQK), or NULL: no norm of q and k */
    const double *outnorm;         /* (NH, DHV) */
    bool rms;
    double norm_eps;
    clxi_ref_backend backend;
    clxi_ref_activation activation; /* of the attention backend, as the next three */
    bool silu;
    double theta;
    double bias_length;
    const double *C0, *n0, *m0; /* as in clxi_ref_recurrent, of the recurrent backend */
    const size_t *rows;         /* (row_count): only these rows of h, of the parallel backend; NULL: all S */
    size_t row_count;
    double shake; /* moves each element of the backend's result by up to this share of its cond: 0, or to see what the
                   * output norm makes of an honest error */
    double *h;    /* (B, S, NH DHV), or (B, row_count, NH DHV) in the order of rows */
    double *statistic; /* (CLXI_REF_STATISTIC_COUNT) */
    double *C, *n, *m; /* of the recurrent backend */
} clxi_ref_cell;

bool clxi_ref_mlstm_cell(const clxi_ref_cell *p);

#endif
