/* SPDX-License-Identifier: Apache-2.0
 *
 * The attention operator's insides, shared by its files only:
 *
 *     attention.c        create, destroy, enqueue
 *     attention_plan.c   which kernels
 *     attention_check.c  what is refused
 *     attention_trial.c  choosing a variant to trust on this device */
#ifndef CLXI_OPS_ATTENTION_OP_H
#define CLXI_OPS_ATTENTION_OP_H

#include "ops/attention_plan.h"
#include "runtime/launch.h"

struct clx_attention {
    clx_context *context;
    clxi_attention_problem problem;
    clxi_attention_plan plan;
    char *name;
    cl_mem turns;      /* with rotary only */
    cl_kernel prepare; /* to the workspace, in qkv_dtype; where q or k is staged only */
    cl_kernel keys;    /* to a cache, in input_dtype */
    cl_kernel forward;
    clxi_paces paces;
};

/* What a call works on. Offsets are in bytes of the workspace. */
typedef struct clxi_attention_call {
    clx_attention_sizes sizes;
    int64_t start;
    int32_t low; /* row t sees the columns s with low < s - t <= high */
    int32_t high;
    uint64_t k_offset; /* of the staged k; the staged q is at 0 */
    uint64_t workspace_bytes;
} clxi_attention_call;

enum { CLXI_ATTENTION_EXTENTS = 5 };

/* Checks a descriptor and resolves its defaults. */
clx_status clxi_attention_check_desc(const clx_attention_desc *desc, clxi_attention_problem *problem, clx_error *error);

/* The sizes against each other, their products and the kernels' index types; fills all but start, low and high. */
clx_status clxi_attention_check_sizes(const clx_attention *op, const clx_attention_sizes *sizes,
                                      clxi_attention_call *out, clx_error *error);

/* Checks the tensors of a call; `extents` gets q, k, v, mask, h. */
clx_status clxi_attention_check_args(const clx_attention *op, const clx_attention_args *args, clxi_attention_call *out,
                                     clxi_extent extents[CLXI_ATTENTION_EXTENTS], clx_error *error);

/* Checks the tensors of a call that stores keys; `extents` gets k and cache. */
clx_status clxi_attention_check_keys(const clx_attention *op, const clx_tensor *k, const clx_tensor *cache,
                                     int64_t start, clxi_extent extents[2], clx_error *error);

/* Builds the operator of one plan; the caller has checked the problem. */
clx_status clxi_attention_build(clx_context *context, const clxi_attention_problem *problem,
                                const clxi_attention_plan *plan, clx_attention **out, clx_error *error);

/* Builds the best plan that can be trusted on the context's device. */
clx_status clxi_attention_choose(clx_context *context, const clxi_attention_problem *problem, clx_attention **out,
                                 clx_error *error);

#endif
