/* SPDX-License-Identifier: Apache-2.0
 *
 * Problems of the attention operator: inputs on the host, how they lie on the device, one call, and a verdict by the
 * float64 reference. */
#ifndef TEST_SUPPORT_ATTENTION_PROBLEM_H
#define TEST_SUPPORT_ATTENTION_PROBLEM_H

#include "support/support.h"
#include <clxlstm/attention.h>

/* Inputs are dense, last dimension fastest, and hold what their dtype can. */
typedef struct attention_problem {
    clx_attention_desc desc;
    clx_attention_sizes sizes;
    int64_t start; /* as in clx_attention_args */
    double *q;     /* (B, NH, S_q, DHQK) */
    double *k;     /* (B, NH_kv, S_kv, DHQK) */
    double *v;     /* (B, NH_kv, S_kv, DHV) */
    double *mask;  /* (S_q, S_kv); NULL where desc.mask is not CLX_MASK_EXPLICIT */
} attention_problem;

/* Draws the inputs: q and k normal times `scale`, v normal, a mask that keeps about 60 % and leaves every seventh row
 * empty. */
void attention_problem_make(attention_problem *p, const clx_attention_desc *desc, const clx_attention_sizes *sizes,
                            double scale, random_state *random);
void attention_problem_free(attention_problem *p);

/* Elements of q, k, v, h. */
size_t attention_q_count(const attention_problem *p);
size_t attention_k_count(const attention_problem *p);
size_t attention_v_count(const attention_problem *p);
size_t attention_h_count(const attention_problem *p);

/* How tensors lie in memory. */
typedef enum attention_layout {
    ATTENTION_BHSD,
    ATTENTION_BSHD,
    ATTENTION_STRIDED, /* (S, B, NH, D) with gaps behind the rows, an offset, and S walked backwards */
    ATTENTION_LAYOUTS
} attention_layout;

/* Device tensors of a problem, made by attention_place: `h` holds NaN. */
typedef struct attention_tensors {
    clx_tensor q, k, v, mask, h;
    clx_attention_args args;
} attention_tensors;

void attention_place(const attention_problem *p, attention_layout layout, attention_tensors *t);
void attention_tensors_free(attention_tensors *t);

/* The operator of a problem's descriptor. */
clx_attention *attention_make(const attention_problem *p);

/* Runs it; h dense, to be freed. Also checks that nothing but h's elements was written in its buffer. */
double *attention_run(clx_attention *op, const attention_problem *p, attention_layout layout);

/* The elements of a placed h. */
double *attention_read(const clx_tensor *h);

/* Fails the test where h does not pass the golden rule against the reference. prepare_q and prepare_k must be 1. */
void attention_judge(const attention_problem *p, const double *h, const char *what);

#endif
