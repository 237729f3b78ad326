/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM cell: gates, norm of q and k, backend, norm of the output, in one call. */
#ifndef CLXLSTM_CELL_H
#define CLXLSTM_CELL_H

#include <clxlstm/cell_config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLX_MLSTM_CELL_MAX_GATE_INPUTS 8

typedef struct clx_mlstm_cell clx_mlstm_cell;

/* What decides the code of the cell. Start from CLX_MLSTM_CELL_DESC_INIT and set config, DHQK and DHV. B and S come
 * with the tensors of each call; NH is config.num_heads (over tp_size, where the heads are split).
 *
 *   config       the configuration, copied
 *   DHQK, DHV    head dimension of q and k, and of v and h
 *   gate_inputs  0 (default): the gates see q, k and v as they are passed; else how many tensors a call brings instead,
 *                up to CLX_MLSTM_CELL_MAX_GATE_INPUTS
 *   input_dtype  what q, k and v are stored in; default: config.dtype, which they are rounded to. With add_qk_norm the
 *                normalised q and k are kept in it, too
 *   gate_input_dtype  what the gate inputs are stored in; default: input_dtype
 *   param_dtype  what the parameters are stored in: f32 (default), f16, bf16
 *   out_dtype    what h is stored in: config.dtype (default) or f32
 *   state_dtype  what C, n and m are stored in: f32 (default), f16, bf16
 *   return_state  not 0: calls also give the state after the last token; `parallel_stabilized` and `recurrent` only */
typedef struct clx_mlstm_cell_desc {
    size_t struct_size;
    const clx_mlstm_cell_config *config;
    uint64_t DHQK;
    uint64_t DHV;
    uint32_t gate_inputs;
    clx_dtype input_dtype;
    clx_dtype gate_input_dtype;
    clx_dtype param_dtype;
    clx_dtype out_dtype;
    clx_dtype state_dtype;
    int32_t return_state;
} clx_mlstm_cell_desc;

/* clang-format off */
#define CLX_MLSTM_CELL_DESC_INIT {sizeof(clx_mlstm_cell_desc), NULL, 0, 0, 0, CLX_DTYPE_DEFAULT, CLX_DTYPE_DEFAULT, \
                                  CLX_F32, CLX_DTYPE_DEFAULT, CLX_F32, 0}
/* clang-format on */

/* Gate statistics, as elements of one tensor. The first six are over all tokens and heads, after soft cap and reset;
 * the last two are the means of the biases. */
typedef enum clx_gate_statistic {
    CLX_MAX_IGATE_PREACT = 0,
    CLX_MIN_IGATE_PREACT = 1,
    CLX_MEAN_IGATE_PREACT = 2,
    CLX_MAX_FGATE_PREACT = 3,
    CLX_MIN_FGATE_PREACT = 4,
    CLX_MEAN_FGATE_PREACT = 5,
    CLX_IGATE_BIAS = 6,
    CLX_FGATE_BIAS = 7,
    CLX_GATE_STATISTIC_COUNT = 8
} clx_gate_statistic;

/* The tensors of one call. Features are contiguous everywhere, other strides are any.
 *
 *   q, k              in   (B, S, NH * DHQK)   input_dtype
 *   v                 in   (B, S, NH * DHV)    input_dtype
 *   gate_input[]      in   (B, S, features)    gate_input_dtype; the descriptor's gate_inputs of them, else NULL
 *   document_borders  in   (B, S)              bool; not looked at unless reset_at_document_boundaries; NULL: none
 *   igate_kernel, fgate_kernel  in  (features, NH), headwise (NH, 1, features / NH): features of all gate inputs together
 *   igate_bias, fgate_bias      in  (NH)
 *   outnorm_scale               in  (NH, DHV)
 *   q_norm_scale, k_norm_scale  in  (DHQK)     with add_qk_norm, else NULL. All parameters: param_dtype
 *   C, n, m           in   (B, NH, DHQK, DHV), (B, NH, DHQK), (B, NH)  state_dtype; DHV contiguous, other strides any.
 *                          The state to start from, of `recurrent` only; NULL, all three: zeros
 *   C_out, n_out, m_out  out  the same          with return_state, else NULL; each may be the very view of C, n, m
 *   h                 out  (B, S, NH * DHV)    out_dtype; overlaps nothing
 *   statistics        out  (8)                 f32, any stride, see clx_gate_statistic; NULL: not wanted */
typedef struct clx_mlstm_cell_args {
    size_t struct_size;
    const clx_tensor *q;
    const clx_tensor *k;
    const clx_tensor *v;
    const clx_tensor *gate_input[CLX_MLSTM_CELL_MAX_GATE_INPUTS];
    const clx_tensor *document_borders;
    const clx_tensor *igate_kernel;
    const clx_tensor *igate_bias;
    const clx_tensor *fgate_kernel;
    const clx_tensor *fgate_bias;
    const clx_tensor *outnorm_scale;
    const clx_tensor *q_norm_scale;
    const clx_tensor *k_norm_scale;
    const clx_tensor *C;
    const clx_tensor *n;
    const clx_tensor *m;
    const clx_tensor *C_out;
    const clx_tensor *n_out;
    const clx_tensor *m_out;
    const clx_tensor *h;
    const clx_tensor *statistics;
} clx_mlstm_cell_args;

/* clang-format off */
#define CLX_MLSTM_CELL_ARGS_INIT {sizeof(clx_mlstm_cell_args), NULL, NULL, NULL, {NULL}, NULL, NULL, NULL, NULL, NULL, \
                                  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL}
/* clang-format on */

/* Makes the cell: checks the descriptor and its configuration, and makes the operators it consists of.
 *
 * Blocks; on a first start it compiles. May run on any thread. The cell keeps the context alive. `*out` is NULL on
 * failure.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_BUILD (the log is in `error->detail`),
 * CLX_ERR_UNSUPPORTED (also: backend `chunkwise` is not built yet), CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_mlstm_cell_create(clx_context *context, const clx_mlstm_cell_desc *desc, clx_mlstm_cell **out,
                                         clx_error *error);

/* Frees the cell; calls it has enqueued complete all the same. NULL is legal. */
CLX_API void clx_mlstm_cell_destroy(clx_mlstm_cell *cell);

/* Bytes of workspace that a call of these sizes needs: the gates, with add_qk_norm q and k, and the backend's own.
 * Errors: CLX_ERR_NULL, CLX_ERR_OVERFLOW. */
CLX_API clx_status clx_mlstm_cell_workspace_size(const clx_mlstm_cell *cell, uint64_t B, uint64_t S,
                                                 uint64_t *size_bytes, clx_error *error);

/* The variants of the gates and of the backend, such as "simt_gates_bf16_4x8+simt_mlstm_bf16_64x64"; valid as long as
 * the cell. */
CLX_API const char *clx_mlstm_cell_variant(const clx_mlstm_cell *cell);

/* Run the cell, for every batch b, token s and head n, with x the gate inputs side by side:
 *
 *     igate = cap(x W_i + b_i),  fgate = cap(x W_f + b_f)      cap(y) = c tanh(y / c) with gate_soft_cap c
 *     fgate = reset_fgate_value                                 at document borders
 *     q, k  = norm(q) q_norm_scale, norm(k) k_norm_scale        over DHQK, with add_qk_norm
 *     y     = backend(q, k, v, igate, fgate)                    clx_mlstm, clx_recurrent or causal clx_attention
 *     h     = norm(y) outnorm_scale                             over DHV
 *
 * Headwise, head n sees features n F / NH .. of each gate input of F features. All sums are f32; the gates are rounded
 * once, to gate_dtype; y is rounded to out_dtype. With the attention backend the gates matter for the statistics only.
 * A backend's eps is 1e-6. The recurrent backend starts, without a state, at m = 0, the parallel one at m = -inf: the two
 * differ by how eps is scaled.
 * Source: xLSTM, arXiv:2405.04517; docs/math.md.
 *
 * Enqueues and returns: does not wait, compile or read a file; nothing comes back to the host between the stages. One
 * token with a state (`recurrent`, S = 1, return_state) is 3 launches; add_qk_norm adds 2, statistics 1 (2 for many
 * tokens). Device memory is allocated only where `launch->workspace` is NULL and the pool has no room. One thread at a
 * time per cell; any number of cells in parallel. S = 0 hands the state through; B = 0 launches nothing.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_SHAPE (also: S beyond context_length), CLX_ERR_STRIDE, CLX_ERR_DTYPE,
 * CLX_ERR_BOUNDS, CLX_ERR_OVERLAP, CLX_ERR_OVERFLOW, CLX_ERR_CONTEXT, CLX_ERR_WORKSPACE, CLX_ERR_DEVICE_MEMORY,
 * CLX_ERR_UNSUPPORTED (a state to start from that the backend does not take): nothing was enqueued, the outputs are
 * untouched. CLX_ERR_OPENCL: the driver refused a launch; they are undefined. */
CLX_API clx_status clx_mlstm_cell_enqueue(clx_mlstm_cell *cell, const clx_launch *launch,
                                          const clx_mlstm_cell_args *args, clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
