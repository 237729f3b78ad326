/* SPDX-License-Identifier: Apache-2.0
 *
 * The cell's gate pre-activations and their statistics: launches that the cell adds to its call. (CLBlast is not used:
 * its products are of one tensor in f32, while here both gates come from one pass over several tensors, in 16 bits too,
 * and end in bias, cap and reset; nor is it the faster one, see results/.) */
#ifndef CLXI_OPS_GATES_H
#define CLXI_OPS_GATES_H

#include "base/text.h"
#include "runtime/launch.h"

enum { CLXI_GATES_MAX_SOURCES = 8 };

typedef struct clxi_gates_problem {
    uint32_t NH;
    uint32_t sources; /* tensors of the gate input, 1 to CLXI_GATES_MAX_SOURCES */
    bool headwise;
    clx_dtype input_dtype;
    clx_dtype param_dtype;
    clx_dtype gate_dtype;
    float soft_cap; /* 0: none */
    float reset_fgate_value;
} clxi_gates_problem;

/* How a group of the projection shares its work; the names are those of cl/gates_projection.cl. */
typedef struct clxi_gates_shape {
    uint32_t items;
    uint32_t tokens;
    uint32_t heads;
    uint32_t tile; /* 0: no tiles */
    uint32_t block;
    bool unroll;
} clxi_gates_shape;

/* For many tokens, or for few. `items_limit` is what a work-group may have. */
clxi_gates_shape clxi_gates_plan(const clxi_gates_problem *problem, bool is_cpu, uint64_t items_limit, bool few);

/* Compile options of gates_projection.cl and gates_statistics.cl. */
void clxi_gates_options(const clxi_gates_problem *problem, const clxi_gates_shape *shape, clxi_text *out);
void clxi_gates_statistics_options(const clxi_gates_problem *problem, uint32_t items, clxi_text *out);

typedef struct clxi_gates clxi_gates;

clx_status clxi_gates_create(clx_context *context, const clxi_gates_problem *problem, clxi_gates **out,
                             clx_error *error);
void clxi_gates_destroy(clxi_gates *op); /* NULL is legal */

/* "simt_gates_bf16_4x8": tokens and heads of a group. */
const char *clxi_gates_variant(const clxi_gates *op);

/* Checked tensors of one call. */
typedef struct clxi_gates_args {
    const clx_tensor *x[CLXI_GATES_MAX_SOURCES]; /* (B, S, features), features contiguous */
    const clx_tensor *igate_kernel;              /* (features, NH) or (NH, 1, features / NH) */
    const clx_tensor *igate_bias;                /* (NH) */
    const clx_tensor *fgate_kernel;
    const clx_tensor *fgate_bias;
    const clx_tensor *document_borders; /* (B, S), or NULL: no resets */
    const clx_tensor *igate;            /* out, dense (B, NH, S), both in one buffer */
    const clx_tensor *fgate;
    const clx_tensor *statistics; /* out, (8), or NULL */
} clxi_gates_args;

/* One launch. */
void clxi_gates_run(clxi_call *call, const clxi_gates *op, const clxi_gates_args *args);

/* One launch, two for many tokens. `workspace_bytes_offset` is where the call's workspace has room. */
void clxi_gates_run_statistics(clxi_call *call, const clxi_gates *op, const clxi_gates_args *args,
                               uint64_t workspace_bytes_offset);

/* Workspace of the statistics, whatever the sizes. */
enum { CLXI_GATES_STATISTICS_BYTES = 1024 * 6 * 4 };

#endif
