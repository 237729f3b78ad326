/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM cell: a chain of operators in one call, on one workspace.
 *
 *     gates, statistics   x -> igate, fgate in the workspace
 *     norm of q and k     -> the workspace; only with add_qk_norm
 *     backend             -> h, where the caller wants it
 *     norm of the output  h in place */
#include "base/arith.h"
#include "cell/cell_op.h"
#include "ops/op_check.h"
#include <stdlib.h>

#define ALIGNMENT 64 /* of the parts of a workspace */

static clx_status create_gates(clx_mlstm_cell *cell, clx_error *error)
{
    const clx_mlstm_cell_config *config = &cell->config;
    clxi_gates_problem problem = {0};
    problem.NH = (uint32_t)cell->NH;
    problem.sources = cell->desc.gate_inputs ? cell->desc.gate_inputs : 3;
    problem.headwise = config->gate_linear_headwise != 0;
    problem.input_dtype = cell->desc.gate_inputs ? cell->desc.gate_input_dtype : cell->desc.input_dtype;
    problem.param_dtype = cell->desc.param_dtype;
    problem.gate_dtype = config->gate_dtype;
    problem.soft_cap = config->gate_soft_cap.given ? (float)config->gate_soft_cap.value : 0.0f;
    problem.reset_fgate_value = (float)config->reset_fgate_value;
    return clxi_gates_create(cell->context, &problem, &cell->gates, error);
}

static clx_status create_norms(clx_mlstm_cell *cell, clx_error *error)
{
    clx_status status = CLX_OK;
    const clx_mlstm_cell_config *config = &cell->config;
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    desc.type = config->layer_type_v1 ? config->norm_type_v1 : config->norm_type;
    desc.eps = (float)config->norm_eps;
    desc.weight_dtype = cell->desc.param_dtype;
    desc.D = cell->desc.DHV;
    desc.dtype = cell->desc.out_dtype;
    CLXI_TRY(clx_norm_create(cell->context, &desc, &cell->outnorm, error));
    desc.D = cell->desc.DHQK;
    desc.dtype = cell->desc.input_dtype;
    if (config->add_qk_norm) CLXI_TRY(clx_norm_create(cell->context, &desc, &cell->qk_norm, error));
fail:
    return status;
}

clx_status clx_mlstm_cell_create(clx_context *context, const clx_mlstm_cell_desc *desc, clx_mlstm_cell **out,
                                 clx_error *error)
{
    clxi_text name = CLXI_TEXT_INIT;
    if (out) *out = NULL;
    clx_status status = clxi_check_create(context, desc, out, error);
    if (status != CLX_OK) return status;
    clx_mlstm_cell *cell = calloc(1, sizeof *cell);
    if (!cell) return clxi_fail_memory(error, "an mLSTM cell");
    clxi_context_retain(context);
    cell->context = context;
    CLXI_TRY(clxi_cell_check_desc(desc, cell, error));
    CLXI_TRY(create_gates(cell, error));
    CLXI_TRY(clxi_cell_backend_create(cell, error));
    CLXI_TRY(create_norms(cell, error));
    clxi_text_printf(&name, "%s+%s", clxi_gates_variant(cell->gates), clxi_cell_backend_variant(cell));
    cell->name = name.data;
    if (name.failed) {
        status = clxi_fail_memory(error, "a variant's name");
        goto fail;
    }
    *out = cell;
    return CLX_OK;
fail:
    clx_mlstm_cell_destroy(cell);
    return status;
}

void clx_mlstm_cell_destroy(clx_mlstm_cell *cell)
{
    if (!cell || clxi_context_is_foreign(cell->context)) return;
    clxi_gates_destroy(cell->gates);
    clx_norm_destroy(cell->qk_norm);
    clx_norm_destroy(cell->outnorm);
    clx_mlstm_destroy(cell->parallel);
    clx_attention_destroy(cell->attention);
    clx_recurrent_destroy(cell->recurrent);
    clxi_context_release(cell->context);
    free(cell->name);
    free(cell);
}

const char *clx_mlstm_cell_variant(const clx_mlstm_cell *cell)
{
    return cell ? cell->name : NULL;
}

/* The workspace's parts, in bytes from its start. */
typedef struct cell_layout {
    uint64_t igate; /* (B, NH, S) of gate_dtype */
    uint64_t fgate;
    uint64_t q; /* (B, S, NH * DHQK) of input_dtype, normalised; only with add_qk_norm */
    uint64_t k;
    uint64_t rest; /* the statistics' and, after them, the backend's */
    uint64_t total;
} cell_layout;

/* Appends a part; checked sizes do not overflow. */
static uint64_t add_part(uint64_t *end, uint64_t count, clx_dtype dtype)
{
    const uint64_t begin = *end;
    *end += clxi_ceil_div(count * clx_dtype_size_bytes(dtype), ALIGNMENT) * ALIGNMENT;
    return begin;
}

static clx_status make_layout(const clx_mlstm_cell *cell, uint64_t B, uint64_t S, cell_layout *out, clx_error *error)
{
    clx_status status = CLX_OK;
    const uint64_t gates = B * cell->NH * S, features = cell->qk_norm ? gates * cell->desc.DHQK : 0;
    uint64_t rest = 0, end = 0;
    CLXI_TRY(clxi_cell_backend_workspace_size(cell, B, S, &rest, error));
    out->igate = add_part(&end, gates, cell->config.gate_dtype);
    out->fgate = add_part(&end, gates, cell->config.gate_dtype);
    out->q = add_part(&end, features, cell->desc.input_dtype);
    out->k = add_part(&end, features, cell->desc.input_dtype);
    out->rest = end;
    rest = clxi_max_u64(rest, CLXI_GATES_STATISTICS_BYTES);
    if (!clxi_add_u64(end, rest, &out->total))
        return clxi_fail(error, CLX_ERR_OVERFLOW, "workspace: its size overflows");
fail:
    return status;
}

clx_status clx_mlstm_cell_workspace_size(const clx_mlstm_cell *cell, uint64_t B, uint64_t S, uint64_t *size_bytes,
                                         clx_error *error)
{
    clx_status status = CLX_OK;
    cell_layout layout;
    if (!cell) return clxi_fail(error, CLX_ERR_NULL, "cell: NULL, expected a cell");
    if (!size_bytes) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: NULL, expected where to put the size");
    CLXI_TRY(clxi_cell_check_sizes(cell, B, S, error));
    CLXI_TRY(make_layout(cell, B, S, &layout, error));
    *size_bytes = layout.total;
fail:
    return status;
}

/* (B, S, NH * D) as (B, NH, S, D). */
static clx_tensor split_heads(const clx_tensor *flat, uint64_t NH, uint64_t D)
{
    clx_tensor heads = *flat;
    heads.rank = 4;
    heads.size[1] = NH;
    heads.size[2] = flat->size[1];
    heads.size[3] = D;
    heads.stride[1] = (int64_t)D;
    heads.stride[2] = flat->stride[1];
    heads.stride[3] = 1;
    return heads;
}

/* A dense tensor at a byte of the call's workspace. */
static clx_tensor workspace_tensor(const clxi_call *call, uint64_t bytes, clx_dtype dtype, uint32_t rank,
                                   const uint64_t *size)
{
    clx_tensor tensor = clx_tensor_dense(call->workspace, dtype, rank, size);
    tensor.offset = (call->workspace_offset + bytes) / clx_dtype_size_bytes(dtype);
    return tensor;
}

static clxi_cell_heads_view make_view(const clx_mlstm_cell *cell, const clxi_call *call, const cell_layout *layout,
                                      const clx_mlstm_cell_args *args)
{
    const uint64_t size[3] = {args->q->size[0], cell->NH, args->q->size[1]};
    clxi_cell_heads_view x;
    x.q = split_heads(args->q, cell->NH, cell->desc.DHQK);
    x.k = split_heads(args->k, cell->NH, cell->desc.DHQK);
    x.v = split_heads(args->v, cell->NH, cell->desc.DHV);
    x.h = split_heads(args->h, cell->NH, cell->desc.DHV);
    x.igate = workspace_tensor(call, layout->igate, cell->config.gate_dtype, 3, size);
    x.fgate = workspace_tensor(call, layout->fgate, cell->config.gate_dtype, 3, size);
    return x;
}

static void run_gates(clxi_call *call, const clx_mlstm_cell *cell, const cell_layout *layout,
                      const clxi_cell_heads_view *x, const clx_mlstm_cell_args *args)
{
    clxi_gates_args gates = {0};
    gates.x[0] = args->q;
    gates.x[1] = args->k;
    gates.x[2] = args->v;
    for (uint32_t i = 0; i < cell->desc.gate_inputs; i++)
        gates.x[i] = args->gate_input[i];
    gates.igate_kernel = args->igate_kernel;
    gates.igate_bias = args->igate_bias;
    gates.fgate_kernel = args->fgate_kernel;
    gates.fgate_bias = args->fgate_bias;
    gates.document_borders = cell->config.reset_at_document_boundaries ? args->document_borders : NULL;
    gates.igate = &x->igate;
    gates.fgate = &x->fgate;
    gates.statistics = args->statistics;
    clxi_gates_run(call, cell->gates, &gates);
    if (args->statistics) clxi_gates_run_statistics(call, cell->gates, &gates, layout->rest);
}

static void run_norm(clxi_call *call, clx_norm *norm, const clx_tensor *x, const clx_tensor *weight,
                     const clx_tensor *y)
{
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    cl_event event = NULL;
    if (call->status != CLX_OK) return;
    args.x = x;
    args.weight = weight;
    args.y = y;
    const clx_launch launch = clxi_call_part_begin(call, 0, &event);
    const clx_status status = clx_norm_enqueue(norm, &launch, &args, call->error);
    clxi_call_part_end(call, status, event);
}

/* Puts the normalised q and k in the places of q and k. */
static void run_qk_norm(clxi_call *call, const clx_mlstm_cell *cell, const cell_layout *layout, clxi_cell_heads_view *x,
                        const clx_mlstm_cell_args *args)
{
    const uint64_t size[3] = {args->q->size[0], args->q->size[1], cell->NH * cell->desc.DHQK};
    const clx_tensor q = workspace_tensor(call, layout->q, cell->desc.input_dtype, 3, size);
    const clx_tensor k = workspace_tensor(call, layout->k, cell->desc.input_dtype, 3, size);
    const clx_tensor q_heads = split_heads(&q, cell->NH, cell->desc.DHQK);
    const clx_tensor k_heads = split_heads(&k, cell->NH, cell->desc.DHQK);
    run_norm(call, cell->qk_norm, &x->q, args->q_norm_scale, &q_heads);
    run_norm(call, cell->qk_norm, &x->k, args->k_norm_scale, &k_heads);
    x->q = q_heads;
    x->k = k_heads;
}

static void run_backend(clxi_call *call, clx_mlstm_cell *cell, const cell_layout *layout, const clxi_cell_heads_view *x,
                        const clx_mlstm_cell_args *args)
{
    cl_event event = NULL;
    if (call->status != CLX_OK) return;
    const clx_launch launch = clxi_call_part_begin(call, layout->rest, &event);
    const clx_status status = clxi_cell_backend_enqueue(cell, &launch, x, args, call->error);
    clxi_call_part_end(call, status, event);
}

clx_status clx_mlstm_cell_enqueue(clx_mlstm_cell *cell, const clx_launch *launch, const clx_mlstm_cell_args *args,
                                  clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    cell_layout layout;
    clxi_extent extents[CLXI_CELL_EXTENTS];
    if (!cell) return clxi_fail(error, CLX_ERR_NULL, "cell: NULL, expected a cell");
    CLXI_TRY(clxi_context_check(cell->context, error));
    CLXI_TRY(clxi_cell_check_args(cell, args, extents, error));
    CLXI_TRY(make_layout(cell, args->q->size[0], args->q->size[1], &layout, error));
    CLXI_TRY(clxi_call_begin(&call, cell->context, launch, layout.total, extents, CLXI_CELL_EXTENTS, error));
    clxi_cell_heads_view x = make_view(cell, &call, &layout, args);
    clxi_call_more(&call, true);
    run_gates(&call, cell, &layout, &x, args);
    if (cell->qk_norm) run_qk_norm(&call, cell, &layout, &x, args);
    run_backend(&call, cell, &layout, &x, args);
    clxi_call_more(&call, false);
    run_norm(&call, cell->outnorm, &x.h, args->outnorm_scale, &x.h);
    return clxi_call_end(&call);
fail:
    return status;
}
