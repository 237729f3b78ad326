/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM in its recurrent, stabilised form: a sequence, or one token at a time. */
#ifndef CLXLSTM_RECURRENT_H
#define CLXLSTM_RECURRENT_H

#include <clxlstm/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The state where none is given. C and n are 0 either way; m is 0, as in the original's recurrent form, or -inf, as in
 * the parallel form. The two differ only by how eps is scaled. */
typedef enum clx_recurrent_start { CLX_START_ZERO = 0, CLX_START_EMPTY = 1 } clx_recurrent_start;

typedef struct clx_recurrent clx_recurrent;

/* What decides the code of the operator. Start from CLX_RECURRENT_DESC_INIT and set DHQK and DHV. B, NH and S come with
 * the tensors of each call.
 *
 *   DHQK, DHV          head dimension of q and k (1 to 2048), and of v and h (1 or more)
 *   input_dtype        what q, k and v are stored in: f32 (default), f16, bf16
 *   qkv_dtype          what they are rounded to on load; default: input_dtype
 *   gate_input_dtype   what igate and fgate are stored in: f32 (default), f16, bf16
 *   gate_dtype         what they are rounded to on load; default: gate_input_dtype
 *   out_dtype          what h is stored in: qkv_dtype (default) or f32
 *   state_dtype        what C, n and m are stored in: f32 (default), f16, bf16
 *   start              the state where none is given: CLX_START_ZERO (default) or CLX_START_EMPTY
 *   eps                added to the normaliser; 0 or more, default 1e-6 */
typedef struct clx_recurrent_desc {
    size_t struct_size;
    uint64_t DHQK;
    uint64_t DHV;
    clx_dtype input_dtype;
    clx_dtype qkv_dtype;
    clx_dtype gate_input_dtype;
    clx_dtype gate_dtype;
    clx_dtype out_dtype;
    clx_dtype state_dtype;
    clx_recurrent_start start;
    float eps;
} clx_recurrent_desc;

/* clang-format off */
#define CLX_RECURRENT_DESC_INIT {sizeof(clx_recurrent_desc), 0, 0, CLX_F32, CLX_DTYPE_DEFAULT, CLX_F32, \
                                 CLX_DTYPE_DEFAULT, CLX_DTYPE_DEFAULT, CLX_F32, CLX_START_ZERO, 1e-6f}
/* clang-format on */

/* The tensors of one call: of a sequence, or of a step, where the dimension S is left out.
 *
 *                        sequence              step
 *   q, k          in     (B, NH, S, DHQK)      (B, NH, DHQK)   input_dtype; DHQK contiguous, other strides any
 *   v             in     (B, NH, S, DHV)       (B, NH, DHV)    input_dtype; DHV contiguous
 *   igate, fgate  in     (B, NH, S)            (B, NH)         gate_input_dtype, pre-activations; any strides
 *   h             out    (B, NH, S, DHV)       (B, NH, DHV)    out_dtype; DHV contiguous; overlaps nothing
 *   C             in     (B, NH, DHQK, DHV)    state_dtype; DHV contiguous \
 *   n             in     (B, NH, DHQK)         state_dtype; any strides     } the state before; NULL, all three: the
 *   m             in     (B, NH)               state_dtype; any strides    /  descriptor's start
 *   C_out, n_out, m_out  out   like C, n, m    the state after. A step needs them; a sequence may do without (NULL)
 *
 * C_out, n_out and m_out may each be the very view of C, n, m (an update in place), else they overlap nothing.
 *
 * A step with few heads is quicker when n_out and m_out are other buffers than n and m: then several work-groups share
 * a head. (All of them read n and m, and nothing in one launch tells them when one of them may write.) A decoding loop
 * keeps C in place and swaps two pairs (n, m), a few KiB; where that is unwelcome, all three in place is as right. */
typedef struct clx_recurrent_args {
    size_t struct_size;
    const clx_tensor *q;
    const clx_tensor *k;
    const clx_tensor *v;
    const clx_tensor *igate;
    const clx_tensor *fgate;
    const clx_tensor *C;
    const clx_tensor *n;
    const clx_tensor *m;
    const clx_tensor *C_out;
    const clx_tensor *n_out;
    const clx_tensor *m_out;
    const clx_tensor *h;
} clx_recurrent_args;

/* clang-format off */
#define CLX_RECURRENT_ARGS_INIT {sizeof(clx_recurrent_args), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
                                 NULL, NULL, NULL}
/* clang-format on */

/* Makes the operator: checks the descriptor and builds or loads the kernels of both calls.
 *
 * Blocks; on a first start it compiles. May run on any thread. The operator keeps the context alive. `*out` is NULL on
 * failure.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_BUILD (the log is in `error->detail`),
 * CLX_ERR_UNSUPPORTED, CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_recurrent_create(clx_context *context, const clx_recurrent_desc *desc, clx_recurrent **out,
                                        clx_error *error);

/* Frees the operator; calls it has enqueued complete all the same. NULL is legal. */
CLX_API void clx_recurrent_destroy(clx_recurrent *op);

/* The kernel variant that the operator uses, such as "simt_recurrent_bf16"; valid as long as the operator. */
CLX_API const char *clx_recurrent_variant(const clx_recurrent *op);

/* Bytes of workspace of a sequence call: the state in f32, n and m twice; whatever S is. A step needs none.
 * Errors: CLX_ERR_NULL, CLX_ERR_OVERFLOW. */
CLX_API clx_status clx_recurrent_workspace_size(const clx_recurrent *op, uint64_t B, uint64_t NH, uint64_t *size_bytes,
                                                clx_error *error);

/* Run the recurrence over S tokens, for every batch b and head:
 *
 *     m' = max(lf + m, igate)       lf = log_sigmoid(fgate)
 *     C' = a C + b k v^T            a = exp(lf + m - m'),  b = exp(igate - m')
 *     n' = a n + b k
 *     h  = (C'^T q) / sqrt(DHQK) / (max(|n' . q| / sqrt(DHQK), exp(-m')) + eps)
 *
 * Where m' = -inf nothing was seen: a = b = 0 and h = 0. a = 0 clears the state even if it holds NaN; b = 0 ignores the
 * token. h = 0 where the normaliser is 0 (eps = 0) or infinite. The state is kept in f32 between the tokens and
 * rounded once, at the end; m keeps more digits than f32 on the way.
 * Source: xLSTM, arXiv:2405.04517, stabilised mLSTM cell; docs/math.md.
 *
 * Enqueues and returns: does not wait, compile or read a file. Device memory is allocated only where
 * `launch->workspace` is NULL and the pool has no room. One thread at a time per operator; any number of operators in
 * parallel. S = 0 copies the state; B = 0 or NH = 0 launches nothing.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_SHAPE, CLX_ERR_STRIDE, CLX_ERR_DTYPE, CLX_ERR_BOUNDS, CLX_ERR_OVERLAP,
 * CLX_ERR_OVERFLOW, CLX_ERR_CONTEXT, CLX_ERR_WORKSPACE, CLX_ERR_DEVICE_MEMORY: nothing was enqueued, h and the state
 * are untouched. CLX_ERR_OPENCL: the driver refused a launch; they are undefined. */
CLX_API clx_status clx_recurrent_enqueue(clx_recurrent *op, const clx_launch *launch, const clx_recurrent_args *args,
                                         clx_error *error);

/* The same for one token, in one launch, without workspace or device memory. Errors: as above. */
CLX_API clx_status clx_recurrent_step_enqueue(clx_recurrent *op, const clx_launch *launch,
                                              const clx_recurrent_args *args, clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
