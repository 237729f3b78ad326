/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend by name: an operator made with the cell's dtypes, called with the cell's tensors. */
#include "cell/cell_op.h"

static clx_status create_parallel(clx_mlstm_cell *cell, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = cell->desc.DHQK;
    desc.DHV = cell->desc.DHV;
    desc.input_dtype = cell->desc.input_dtype;
    desc.qkv_dtype = cell->config.dtype;
    desc.gate_input_dtype = cell->config.gate_dtype;
    desc.out_dtype = cell->desc.out_dtype;
    desc.return_state = cell->desc.return_state;
    desc.state_dtype = cell->desc.state_dtype;
    return clx_mlstm_create(cell->context, &desc, &cell->parallel, error);
}

static clx_status create_recurrent(clx_mlstm_cell *cell, clx_error *error)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.DHQK = cell->desc.DHQK;
    desc.DHV = cell->desc.DHV;
    desc.input_dtype = cell->desc.input_dtype;
    desc.qkv_dtype = cell->config.dtype;
    desc.gate_input_dtype = cell->config.gate_dtype;
    desc.out_dtype = cell->desc.out_dtype;
    desc.state_dtype = cell->desc.state_dtype;
    return clx_recurrent_create(cell->context, &desc, &cell->recurrent, error);
}

/* Causal, with rotary embeddings, as the original's backend. */
static clx_status create_attention(clx_mlstm_cell *cell, clx_error *error)
{
    const clx_mlstm_backend_config *backend = &cell->config.backend;
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = cell->desc.DHQK;
    desc.DHV = cell->desc.DHV;
    desc.input_dtype = cell->desc.input_dtype;
    desc.qkv_dtype = cell->config.dtype;
    desc.out_dtype = cell->desc.out_dtype;
    desc.activation_function = backend->activation_function;
    desc.qk_pre_activation_function = backend->qk_pre_activation_function;
    desc.theta = backend->theta;
    desc.bias_length = backend->context_length > 0 ? (uint64_t)backend->context_length : 0;
    return clx_attention_create(cell->context, &desc, &cell->attention, error);
}

clx_status clxi_cell_backend_create(clx_mlstm_cell *cell, clx_error *error)
{
    switch (cell->config.backend.name) {
    case CLX_BACKEND_PARALLEL_STABILIZED:
        return create_parallel(cell, error);
    case CLX_BACKEND_RECURRENT:
        return create_recurrent(cell, error);
    case CLX_BACKEND_ATTENTION:
        return create_attention(cell, error);
    case CLX_BACKEND_CHUNKWISE:
        break; /* the configuration's check refuses it */
    }
    return clxi_fail(error, CLX_ERR_INTERNAL, "backend: %d has passed the check", (int)cell->config.backend.name);
}

const char *clxi_cell_backend_variant(const clx_mlstm_cell *cell)
{
    if (cell->parallel) return clx_mlstm_variant(cell->parallel);
    return cell->attention ? clx_attention_variant(cell->attention) : clx_recurrent_variant(cell->recurrent);
}

/* One token of the recurrent backend, from a state to a state. */
static bool is_step(const clx_mlstm_cell *cell, uint64_t S)
{
    return S == 1 && cell->desc.return_state;
}

clx_status clxi_cell_backend_workspace_size(const clx_mlstm_cell *cell, uint64_t B, uint64_t S, uint64_t *size_bytes,
                                            clx_error *error)
{
    if (cell->parallel) return clx_mlstm_workspace_size(cell->parallel, B, cell->NH, S, size_bytes, error);
    const clx_attention_sizes sizes = {B, cell->NH, cell->NH, S, S};
    if (cell->attention) return clx_attention_workspace_size(cell->attention, &sizes, size_bytes, error);
    if (is_step(cell, S)) {
        *size_bytes = 0;
        return CLX_OK;
    }
    return clx_recurrent_workspace_size(cell->recurrent, B, cell->NH, size_bytes, error);
}

static clx_status enqueue_parallel(clx_mlstm_cell *cell, const clx_launch *launch, const clxi_cell_heads_view *x,
                                   const clx_mlstm_cell_args *args, clx_error *error)
{
    clx_mlstm_args inner = CLX_MLSTM_ARGS_INIT;
    inner.q = &x->q, inner.k = &x->k, inner.v = &x->v;
    inner.igate = &x->igate, inner.fgate = &x->fgate;
    inner.h = &x->h;
    inner.C = args->C_out, inner.n = args->n_out, inner.m = args->m_out;
    return clx_mlstm_enqueue(cell->parallel, launch, &inner, error);
}

static clx_status enqueue_attention(clx_mlstm_cell *cell, const clx_launch *launch, const clxi_cell_heads_view *x,
                                    clx_error *error)
{
    clx_attention_args inner = CLX_ATTENTION_ARGS_INIT;
    inner.q = &x->q, inner.k = &x->k, inner.v = &x->v;
    inner.h = &x->h;
    return clx_attention_enqueue(cell->attention, launch, &inner, error);
}

/* A text of one token without its dimension S. */
static clx_tensor drop_time(const clx_tensor *tensor)
{
    clx_tensor step = *tensor;
    for (uint32_t d = 2; d + 1 < tensor->rank; d++) {
        step.size[d] = step.size[d + 1];
        step.stride[d] = step.stride[d + 1];
    }
    step.rank--;
    return step;
}

static clx_status enqueue_recurrent(clx_mlstm_cell *cell, const clx_launch *launch, const clxi_cell_heads_view *x,
                                    const clx_mlstm_cell_args *args, clx_error *error)
{
    clx_recurrent_args inner = CLX_RECURRENT_ARGS_INIT;
    const bool step = is_step(cell, x->q.size[2]);
    const clxi_cell_heads_view token = {drop_time(&x->q),     drop_time(&x->k),     drop_time(&x->v),
                                        drop_time(&x->igate), drop_time(&x->fgate), drop_time(&x->h)};
    if (step) x = &token;
    inner.q = &x->q, inner.k = &x->k, inner.v = &x->v;
    inner.igate = &x->igate, inner.fgate = &x->fgate;
    inner.h = &x->h;
    inner.C = args->C, inner.n = args->n, inner.m = args->m;
    inner.C_out = args->C_out, inner.n_out = args->n_out, inner.m_out = args->m_out;
    return step ? clx_recurrent_step_enqueue(cell->recurrent, launch, &inner, error)
                : clx_recurrent_enqueue(cell->recurrent, launch, &inner, error);
}

clx_status clxi_cell_backend_enqueue(clx_mlstm_cell *cell, const clx_launch *launch, const clxi_cell_heads_view *x,
                                     const clx_mlstm_cell_args *args, clx_error *error)
{
    if (cell->parallel) return enqueue_parallel(cell, launch, x, args, error);
    if (cell->attention) return enqueue_attention(cell, launch, x, error);
    return enqueue_recurrent(cell, launch, x, args, error);
}
