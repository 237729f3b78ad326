/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM operator's insides, shared by its files only:
 *
 *     mlstm.c        create, destroy, enqueue
 *     mlstm_plan.c   which kernels
 *     mlstm_chunks.c the chunkwise way, where a variant has one
 *     mlstm_check.c  what is refused
 *     mlstm_trial.c  is a variant to be trusted on this device? */
#ifndef CLXI_OPS_MLSTM_OP_H
#define CLXI_OPS_MLSTM_OP_H

#include "ops/mlstm_plan.h"
#include "runtime/launch.h"

struct clx_mlstm {
    clx_context *context;
    clxi_mlstm_problem problem;
    clxi_mlstm_plan plan;
    float eps;
    int32_t chunk_size;    /* of the descriptor */
    uint64_t trial_tokens; /* of the problem that it is tried on */
    clxi_paces paces;
    char *name;
    cl_kernel gates;
    cl_kernel mask_rows;   /* explicit masks only */
    cl_kernel mask_global; /* explicit masks with one stabiliser per head only */
    cl_kernel forward;
    cl_kernel state;  /* return_state only */
    cl_kernel chunks; /* plans with chunks only */
    cl_kernel scan;
};

/* The sizes of one call. */
typedef struct clxi_mlstm_sizes {
    uint64_t B;
    uint64_t NH;
    uint64_t S;
    uint64_t heads; /* B * NH */
} clxi_mlstm_sizes;

enum { CLXI_MLSTM_EXTENTS = 10 };

/* Checks a descriptor and resolves its defaults. */
clx_status clxi_mlstm_check_desc(const clx_mlstm_desc *desc, clxi_mlstm_problem *problem, clx_error *error);

/* B, NH and S against each other's products and the kernels' index types. */
clx_status clxi_mlstm_check_sizes(uint64_t B, uint64_t NH, uint64_t S, clxi_mlstm_sizes *sizes, clx_error *error);

/* Checks the tensors of a call; `extents` gets q, k, v, igate, fgate, mask, h, C, n, m. */
clx_status clxi_mlstm_check_args(const clx_mlstm *op, const clx_mlstm_args *args, clxi_mlstm_sizes *sizes,
                                 clxi_extent extents[CLXI_MLSTM_EXTENTS], clx_error *error);

/* Floats of workspace before the states of chunks; the same sum as in cl/mlstm_workspace.clh. */
clx_status clxi_mlstm_workspace_floats(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint64_t *floats,
                                       clx_error *error);

/* Builds the operator of one plan; the caller has checked the problem. */
clx_status clxi_mlstm_build(clx_context *context, const clxi_mlstm_problem *problem, const clxi_mlstm_plan *plan,
                            float eps, clx_mlstm **out, clx_error *error);

/* Builds the best plan that can be trusted on the context's device. */
clx_status clxi_mlstm_choose(clx_context *context, const clxi_mlstm_problem *problem, float eps, clx_mlstm **out,
                             clx_error *error);

#endif
