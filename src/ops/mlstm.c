/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM in parallel form: an operator is a set of kernels, a call is two to five launches.
 *
 *     mlstm_gates      per (batch, head): weights of columns, stabilisers of rows
 *     mlstm_mask_*     explicit masks only: stabilisers under the mask
 *     mlstm_chunks, .. variants with chunks, long texts only: the state before each chunk
 *     mlstm_forward    per (batch, head, tile of rows, slice of DHV): h
 *     mlstm_state      return_state only: C, n and m after the last token */
#include "base/arith.h"
#include "ops/mlstm_chunks.h"
#include "ops/mlstm_op.h"
#include "runtime/align.h"
#include "runtime/program.h"
#include <math.h>
#include <stdlib.h>

/* Compile options of an operator's programs. */
typedef struct program_options {
    clxi_text gates;
    clxi_text forward;
    clxi_text state;
} program_options;

static clx_status build_kernels(clx_mlstm *op, const program_options *options, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_kernel_get(op->context, "mlstm_gates.cl", options->gates.data, "mlstm_gates", &op->gates, error));
    if (op->problem.explicit_mask) {
        CLXI_TRY(clxi_kernel_get(op->context, "mlstm_mask.cl", options->gates.data, "mlstm_mask_rows", &op->mask_rows,
                                 error));
        if (!op->problem.rowwise)
            CLXI_TRY(clxi_kernel_get(op->context, "mlstm_mask.cl", options->gates.data, "mlstm_mask_global",
                                     &op->mask_global, error));
    }
    if (op->plan.once)
        CLXI_TRY(clxi_kernel_get_once(op->context, op->plan.forward_source, options->forward.data, "mlstm_forward",
                                      &op->forward, error));
    else
        CLXI_TRY(clxi_kernel_get(op->context, op->plan.forward_source, options->forward.data, "mlstm_forward",
                                 &op->forward, error));
    CLXI_TRY(clxi_mlstm_chunks_build(op, error));
    if (op->problem.return_state)
        CLXI_TRY(clxi_kernel_get(op->context, clxi_mlstm_plan_state(&op->plan, &op->problem).source,
                                 options->state.data, "mlstm_state", &op->state, error));
fail:
    return status;
}

/* Drivers may allow a kernel fewer items than the device's limit, once its registers are known. */
static clx_status check_fit(const clx_mlstm *op, clx_error *error)
{
    const clx_context *context = op->context;
    if (clxi_kernel_fits(context, op->gates, op->plan.gates_items) &&
        clxi_kernel_fits(context, op->forward, op->plan.tile.fit_items) &&
        (!op->mask_rows || clxi_kernel_fits(context, op->mask_rows, op->plan.gates_items)) &&
        (!op->state || clxi_kernel_fits(context, op->state, op->plan.gates_items)) &&
        (!op->chunks || clxi_kernel_fits(context, op->chunks, op->plan.tile.fit_items)) &&
        (!op->mask_global || clxi_kernel_fits(context, op->mask_global, op->plan.gates_items)))
        return CLX_OK;
    return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: its kernels do not fit the device's work-groups", op->name);
}

clx_status clxi_mlstm_build(clx_context *context, const clxi_mlstm_problem *problem, const clxi_mlstm_plan *plan,
                            float eps, clx_mlstm **out, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text name = CLXI_TEXT_INIT;
    program_options options = {CLXI_TEXT_INIT, CLXI_TEXT_INIT, CLXI_TEXT_INIT};
    clx_mlstm *op = calloc(1, sizeof *op);
    if (!op) return clxi_fail_memory(error, "an mLSTM operator");
    clxi_context_retain(context);
    op->context = context;
    op->problem = *problem;
    op->plan = *plan;
    op->eps = eps;
    clxi_mlstm_plan_name(plan, problem, &name);
    clxi_mlstm_gate_options(plan, problem, &options.gates);
    clxi_mlstm_forward_options(plan, problem, &options.forward);
    clxi_mlstm_state_options(plan, problem, &options.state);
    op->name = clxi_strdup(name.data);
    if (!op->name || options.gates.failed || options.forward.failed || options.state.failed) {
        status = clxi_fail_memory(error, "compile options");
        goto fail;
    }
    CLXI_TRY(build_kernels(op, &options, error));
    CLXI_TRY(check_fit(op, error));
    *out = op;
    op = NULL;
fail:
    clx_mlstm_destroy(op);
    clxi_text_free(&name);
    clxi_text_free(&options.gates);
    clxi_text_free(&options.forward);
    clxi_text_free(&options.state);
    return status;
}

clx_status clx_mlstm_create(clx_context *context, const clx_mlstm_desc *desc, clx_mlstm **out, clx_error *error)
{
    clxi_mlstm_problem problem;
    if (!out) return clxi_fail(error, CLX_ERR_NULL, "out: NULL, expected where to put the operator");
    *out = NULL;
    if (!context) return clxi_fail(error, CLX_ERR_NULL, "context: NULL, expected a clx_context");
    clx_status status = clxi_context_check(context, error);
    if (status == CLX_OK) status = clxi_mlstm_check_desc(desc, &problem, error);
    if (status != CLX_OK) return status;
    const clx_status chosen = clxi_mlstm_choose(context, &problem, desc->eps, out, error);
    if (*out) (*out)->chunk_size = desc->chunk_size; /* none in a listing */
    return chosen;
}

void clx_mlstm_destroy(clx_mlstm *op)
{
    if (!op || clxi_context_is_foreign(op->context)) return;
    clxi_kernel_release(op->gates);
    clxi_kernel_release(op->mask_rows);
    clxi_kernel_release(op->mask_global);
    clxi_kernel_release(op->forward);
    clxi_kernel_release(op->state);
    clxi_kernel_release(op->chunks);
    clxi_kernel_release(op->scan);
    clxi_context_release(op->context);
    free(op->name);
    free(op);
}

const char *clx_mlstm_variant(const clx_mlstm *op)
{
    return op ? op->name : NULL;
}

clx_status clx_mlstm_workspace_size(const clx_mlstm *op, uint64_t B, uint64_t NH, uint64_t S, uint64_t *size_bytes,
                                    clx_error *error)
{
    clxi_mlstm_sizes sizes;
    uint64_t floats = 0;
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    if (!size_bytes) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: NULL, expected where to put the size");
    clx_status status = clxi_mlstm_check_sizes(B, NH, S, &sizes, error);
    if (status == CLX_OK) status = clxi_mlstm_workspace_floats(op, &sizes, &floats, error);
    if (status == CLX_OK) status = clxi_mlstm_chunks_floats(op, &sizes, clxi_mlstm_chunk(op, &sizes), &floats, error);
    if (status == CLX_OK) *size_bytes = floats * 4;
    return status;
}

static void run_gates(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args, const clxi_mlstm_sizes *sizes)
{
    clxi_bind bind = clxi_bind_begin(op->gates);
    clxi_bind_view(&bind, args->igate, 3);
    clxi_bind_view(&bind, args->fgate, 3);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u64(&bind, sizes->NH);
    clxi_bind_u32(&bind, (uint32_t)sizes->S);
    clxi_bind_u32(&bind, op->plan.tile.columns);
    clxi_call_kernel(call, &bind, "mlstm_gates", sizes->heads, op->plan.gates_items, 100.0 * (double)sizes->S);
}

static void run_mask(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args, const clxi_mlstm_sizes *sizes)
{
    clxi_bind rows = clxi_bind_begin(op->mask_rows);
    clxi_bind_view(&rows, args->mask, 2);
    clxi_bind_workspace(&rows, call);
    clxi_bind_u64(&rows, sizes->heads);
    clxi_bind_u32(&rows, (uint32_t)sizes->S);
    clxi_bind_u32(&rows, op->plan.tile.columns);
    clxi_call_kernel(call, &rows, "mlstm_mask_rows", sizes->heads * sizes->S, op->plan.gates_items,
                     20.0 * (double)sizes->S);
    if (!op->mask_global) return;
    clxi_bind global = clxi_bind_begin(op->mask_global);
    clxi_bind_workspace(&global, call);
    clxi_bind_u64(&global, sizes->heads);
    clxi_bind_u32(&global, (uint32_t)sizes->S);
    clxi_bind_u32(&global, op->plan.tile.columns);
    clxi_call_kernel(call, &global, "mlstm_mask_global", sizes->heads, op->plan.gates_items, 20.0 * (double)sizes->S);
}

static void run_forward(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args, const clxi_mlstm_sizes *sizes,
                        uint32_t chunk)
{
    const clxi_tile_params *tile = &op->plan.tile;
    const uint64_t groups =
        sizes->heads * clxi_ceil_div(sizes->S, tile->rows) * clxi_ceil_div(op->problem.DHV, tile->slice);
    /* columns that a row tile walks, in whole tiles: at most, and on average */
    const double most = (double)(clxi_ceil_div(sizes->S, tile->columns) * tile->columns);
    const double columns = op->problem.explicit_mask ? most
                           : chunk > 0               ? 0.5 * chunk + (double)op->problem.DHQK
                                                     : 0.5 * (most + tile->columns);
    const bool aligned = clxi_view_aligned(args->q, tile->vector) && clxi_view_aligned(args->k, tile->vector) &&
                         clxi_view_aligned(args->v, tile->vector) && clxi_view_aligned(args->h, tile->vector);
    clxi_bind bind = clxi_bind_begin(op->forward);
    clxi_bind_view(&bind, args->q, 3);
    clxi_bind_view(&bind, args->k, 3);
    clxi_bind_view(&bind, args->v, 3);
    clxi_bind_view(&bind, args->mask, 2);
    clxi_bind_view(&bind, args->h, 3);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u64(&bind, sizes->NH);
    clxi_bind_u32(&bind, (uint32_t)sizes->S);
    clxi_bind_f32(&bind, (float)(1.0 / sqrt((double)op->problem.DHQK)));
    clxi_bind_f32(&bind, op->eps);
    clxi_bind_u32(&bind, aligned);
    if (op->plan.chunks) {
        clxi_bind_u32(&bind, chunk);
        clxi_bind_u32(&bind, op->problem.rowwise);
    }
    if (chunk == 0) clxi_call_uneven(call, most / columns);
    clxi_call_kernel(call, &bind, "mlstm_forward", groups, tile->items,
                     2.0 * tile->rows * columns * (double)(op->problem.DHQK + tile->slice) / tile->lead);
}

static void run_state(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args, const clxi_mlstm_sizes *sizes)
{
    const clxi_mlstm_state_tile tile = clxi_mlstm_plan_state(&op->plan, &op->problem);
    const uint64_t groups =
        sizes->heads * clxi_ceil_div(op->problem.DHQK, tile.rows) * clxi_ceil_div(op->problem.DHV, tile.columns);
    const bool aligned =
        clxi_view_aligned(args->k, 4) && clxi_view_aligned(args->v, 4) && clxi_view_aligned(args->C, 4);
    clxi_bind bind = clxi_bind_begin(op->state);
    clxi_bind_view(&bind, args->k, 3);
    clxi_bind_view(&bind, args->v, 3);
    clxi_bind_view(&bind, args->C, 3);
    clxi_bind_view(&bind, args->n, 3);
    clxi_bind_view(&bind, args->m, 2);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u64(&bind, sizes->NH);
    clxi_bind_u32(&bind, (uint32_t)sizes->S);
    clxi_bind_u32(&bind, op->plan.tile.columns);
    clxi_bind_u32(&bind, aligned);
    clxi_call_kernel(call, &bind, "mlstm_state", groups, op->plan.gates_items,
                     2.0 * tile.rows * tile.columns * (double)sizes->S);
}

clx_status clx_mlstm_enqueue(clx_mlstm *op, const clx_launch *launch, const clx_mlstm_args *args, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_mlstm_sizes sizes;
    clxi_extent extents[CLXI_MLSTM_EXTENTS];
    uint64_t floats = 0;
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(clxi_mlstm_check_args(op, args, &sizes, extents, error));
    CLXI_TRY(clxi_mlstm_workspace_floats(op, &sizes, &floats, error));
    const uint32_t chunk = clxi_mlstm_chunk(op, &sizes);
    CLXI_TRY(clxi_mlstm_chunks_floats(op, &sizes, chunk, &floats, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, floats * 4, extents, CLXI_MLSTM_EXTENTS, error));
    call.paces = &op->paces;
    if (sizes.heads > 0 && sizes.S > 0) {
        clxi_call_more(&call, true);
        run_gates(&call, op, args, &sizes);
        if (op->problem.explicit_mask) run_mask(&call, op, args, &sizes);
        if (chunk > 0) clxi_mlstm_chunks_run(&call, op, args, &sizes, chunk);
        clxi_call_more(&call, op->problem.return_state);
        run_forward(&call, op, args, &sizes, chunk);
        clxi_call_more(&call, false);
        if (op->problem.return_state) run_state(&call, op, args, &sizes);
    }
    return clxi_call_end(&call);
fail:
    return status;
}
