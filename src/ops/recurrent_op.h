/* SPDX-License-Identifier: Apache-2.0
 *
 * The recurrent mLSTM operator's insides, shared by its files only:
 *
 *     recurrent.c        create, destroy, enqueue
 *     recurrent_plan.c   which kernels, of which sizes
 *     recurrent_check.c  what is refused */
#ifndef CLXI_OPS_RECURRENT_OP_H
#define CLXI_OPS_RECURRENT_OP_H

#include "base/text.h"
#include "runtime/launch.h"
#include <clxlstm/recurrent.h>

/* DHQK at most: q and k of a token must fit 32 KiB of local memory beside the rest. */
#define CLXI_RECURRENT_DHQK_LIMIT 2048

/* How a kernel shares out C; the names are those of cl/recurrent_step.cl and cl/recurrent_sequence.cl. */
typedef struct clxi_recurrent_shape {
    uint32_t items; /* of a group */
    uint32_t width; /* columns of a group's block */
    uint32_t rows;  /* simt: rows of items, R */
    uint32_t held;  /* simt: rows of C in an item */
} clxi_recurrent_shape;

enum { CLXI_STEP_NARROW, CLXI_STEP_WIDE, CLXI_STEP_SHAPES };

typedef struct clxi_recurrent_plan {
    bool cpu;
    bool unroll; /* see cl/unroll.clh */
    clxi_recurrent_shape sequence;
    uint32_t tokens; /* simt: tokens at a time in the sequence kernel */
    /* narrow blocks: more groups, for few heads; wide ones: longer rows, for many. A CPU has the first only. */
    clxi_recurrent_shape step[CLXI_STEP_SHAPES];
} clxi_recurrent_plan;

struct clx_recurrent {
    clx_context *context;
    clx_recurrent_desc desc; /* with its defaults resolved */
    clxi_recurrent_plan plan;
    char *name;
    cl_kernel begin;
    cl_kernel end;
    cl_kernel sequence;
    clxi_paces paces;
    cl_kernel step[CLXI_STEP_SHAPES][2]; /* [1]: for aligned views; simt, where DHV is a multiple of 4 */
};

/* The plan for groups of at most `items`, a power of two. */
clxi_recurrent_plan clxi_recurrent_plan_make(const clxi_caps *caps, const clx_recurrent_desc *desc, bool cpu,
                                             uint64_t items);

/* Finds out how fast the sequence's kernel is. */
void clxi_recurrent_find_paces(clx_recurrent *op);

/* The heads that it took them with: fewer are no faster. */
uint64_t clxi_recurrent_heads_timed(const clx_recurrent *op);

/* Appends the compile options of the kernels of one shape; `aligned` is of its views. */
void clxi_recurrent_shape_options(const clx_recurrent *op, const clxi_recurrent_shape *shape, bool aligned,
                                  clxi_text *out);

/* Appends the compile options that all kernels of the plan share. */
void clxi_recurrent_options(const clxi_recurrent_plan *plan, const clx_recurrent_desc *desc, clxi_text *out);

/* How a step is launched. */
typedef struct clxi_recurrent_step {
    int shape;
    uint64_t slices; /* groups that share a head */
} clxi_recurrent_step;

/* `inplace`: n or m is updated where it is read, so one group must have the whole head. */
clxi_recurrent_step clxi_recurrent_step_choose(const clxi_recurrent_plan *plan, const clxi_caps *caps, uint64_t DHV,
                                               uint64_t heads, bool inplace);

enum {
    CLXI_REC_Q,
    CLXI_REC_K,
    CLXI_REC_V,
    CLXI_REC_IGATE,
    CLXI_REC_FGATE,
    CLXI_REC_C,
    CLXI_REC_N,
    CLXI_REC_M,
    CLXI_REC_C_OUT,
    CLXI_REC_N_OUT,
    CLXI_REC_M_OUT,
    CLXI_REC_H,
    CLXI_REC_EXTENTS
};

/* The sizes of one call; S is 1 for a step. */
typedef struct clxi_recurrent_sizes {
    uint64_t B;
    uint64_t NH;
    uint64_t S;
    uint64_t heads; /* B * NH */
} clxi_recurrent_sizes;

/* Checks a descriptor and resolves its defaults. */
clx_status clxi_recurrent_check_desc(clx_recurrent_desc *desc, clx_error *error);

clx_status clxi_recurrent_check_sizes(uint64_t B, uint64_t NH, uint64_t S, clxi_recurrent_sizes *sizes,
                                      clx_error *error);

/* Checks the tensors of a call. */
clx_status clxi_recurrent_check_args(const clx_recurrent *op, const clx_recurrent_args *args, bool step,
                                     clxi_recurrent_sizes *sizes, clxi_extent extents[CLXI_REC_EXTENTS],
                                     clx_error *error);

/* Floats of the workspace of a sequence call; the same sum as in cl/recurrent_carry.clh. */
clx_status clxi_recurrent_workspace_floats(const clx_recurrent *op, uint64_t heads, uint64_t *floats, clx_error *error);

#endif
