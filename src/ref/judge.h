/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule by which a result passes (tests/golden/README.md, "Passing"), for one output of one call. `clxlstm check`
 * and the tests share it. */
#ifndef CLXI_REF_JUDGE_H
#define CLXI_REF_JUDGE_H

#include <clxlstm/dtype.h>
#include <stdbool.h>

/* What is judged. NaN or infinity anywhere in `ours` fails.
 *
 *   op, output    names as in the golden files: "mlstm_parallel", "h"
 *   out_dtype     what ours is stored in; CLX_DTYPE_DEFAULT counts as f32, here and below
 *   qkv_dtype     what q, k and v are computed in (`qkv_dtype` where given, a cell's `dtype`)
 *   gate_dtype    what the gates are computed in; matters for gate statistics only
 *   state_dtype   what C, n and m are kept in; matters for these outputs only
 *   ours, ref64   (count)
 *   cond          (count), or NULL where none is known: then the rule for whole tensors applies
 *   ref           (count), what the original gives, or NULL; matters where cond is NULL
 *   few_terms     h is made of sums of few terms: the rule for the mean, which counts on errors that cancel, is left out */
typedef struct clxi_judge {
    const char *op;
    const char *output;
    clx_dtype out_dtype;
    clx_dtype qkv_dtype;
    clx_dtype gate_dtype;
    clx_dtype state_dtype;
    size_t count;
    const double *ours;
    const double *ref64;
    const double *cond;
    const double *ref;
    bool few_terms;
} clxi_judge;

typedef struct clxi_verdict {
    bool pass;
    double worst; /* the largest error in units of what is allowed there: up to 1 passes; infinite for NaN in ours */
    size_t index; /* where that is */
    double rms;   /* root mean square of error / (tol * cond) where cond > 0; 0 where the rule has no cond */
    double rms_limit; /* what rms may be; infinite where the rule does not bound it */
} clxi_verdict;

clxi_verdict clxi_judge_output(const clxi_judge *j);

#endif
