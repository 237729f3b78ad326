/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM in its parallel, stabilised form. */
#ifndef CLXLSTM_MLSTM_H
#define CLXLSTM_MLSTM_H

#include <clxlstm/context.h>
#include <clxlstm/mask.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clx_mlstm clx_mlstm;

/* What decides the code of the operator. Start from CLX_MLSTM_DESC_INIT and set DHQK and DHV. B, NH and S come with
 * the tensors of each call, so one operator serves texts of any length.
 *
 *   DHQK, DHV          head dimension of q and k, and of v and h; 1 or more
 *   input_dtype        what q, k and v are stored in: f32 (default), f16, bf16
 *   qkv_dtype          what they are rounded to on load; default: input_dtype
 *   gate_input_dtype   what igate and fgate are stored in: f32 (default), f16, bf16
 *   gate_dtype         what they are rounded to on load; default: gate_input_dtype
 *   out_dtype          what h is stored in: qkv_dtype (default) or f32
 *   mask               CLX_MASK_CAUSAL (default), or CLX_MASK_EXPLICIT: `mask` of the call replaces it
 *   stabilize_rowwise  not 0 (default): one stabiliser m per row; 0: one per (batch, head)
 *   eps                added to the normaliser; 0 or more, default 1e-6
 *   return_state       not 0: calls also give the state after the last token; causal only; default 0
 *   state_dtype        what C, n and m are stored in: f32 (default), f16, bf16
 *   chunk_size         causal only. Variants with chunks (nv_wgmma) let a row of a long text read what is before its own
 *                      chunk of so many tokens as a state, which makes the time linear in S and changes results by roundings
 *                      only. 0 (default): as pays; more: this many, rounded up to a multiple of the variant's tile;
 *                      negative: never. Other variants take no notice. */
typedef struct clx_mlstm_desc {
    size_t struct_size;
    uint64_t DHQK;
    uint64_t DHV;
    clx_dtype input_dtype;
    clx_dtype qkv_dtype;
    clx_dtype gate_input_dtype;
    clx_dtype gate_dtype;
    clx_dtype out_dtype;
    clx_mask_kind mask;
    int32_t stabilize_rowwise;
    float eps;
    int32_t return_state;
    clx_dtype state_dtype;
    int32_t chunk_size;
} clx_mlstm_desc;

/* clang-format off */
#define CLX_MLSTM_DESC_INIT {sizeof(clx_mlstm_desc), 0, 0, CLX_F32, CLX_DTYPE_DEFAULT, CLX_F32, CLX_DTYPE_DEFAULT, \
                             CLX_DTYPE_DEFAULT, CLX_MASK_CAUSAL, 1, 1e-6f, 0, CLX_F32, 0}
/* clang-format on */

/* The tensors of one call.
 *
 *   q, k          in    (B, NH, S, DHQK)   input_dtype; DHQK contiguous, other strides any
 *   v             in    (B, NH, S, DHV)    input_dtype; DHV contiguous
 *   igate, fgate  in    (B, NH, S)         gate_input_dtype, pre-activations (logits); any strides
 *   mask          in    (S, S)             bool, any strides; only with CLX_MASK_EXPLICIT, else NULL
 *   h             out   (B, NH, S, DHV)    out_dtype; DHV contiguous; may overlap no input
 *   C             out   (B, NH, DHQK, DHV) state_dtype; DHV contiguous   \
 *   n             out   (B, NH, DHQK)      state_dtype; any strides       } only with return_state, else NULL
 *   m             out   (B, NH)            state_dtype; any strides      /  */
typedef struct clx_mlstm_args {
    size_t struct_size;
    const clx_tensor *q;
    const clx_tensor *k;
    const clx_tensor *v;
    const clx_tensor *igate;
    const clx_tensor *fgate;
    const clx_tensor *mask;
    const clx_tensor *h;
    const clx_tensor *C;
    const clx_tensor *n;
    const clx_tensor *m;
} clx_mlstm_args;

/* clang-format off */
#define CLX_MLSTM_ARGS_INIT {sizeof(clx_mlstm_args), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL}
/* clang-format on */

/* Makes the operator: checks the descriptor, chooses the kernels for the device, and builds or loads them.
 *
 * Blocks; on a first start it compiles, and tries every variant but `simt` on a small fixed problem before trusting it.
 * May run on any thread, also ahead of time. The operator keeps the context alive. `*out` is NULL on failure.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_BUILD (the log is in `error->detail`),
 * CLX_ERR_UNSUPPORTED (no allowed variant fits the device), CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_mlstm_create(clx_context *context, const clx_mlstm_desc *desc, clx_mlstm **out,
                                    clx_error *error);

/* Frees the operator; calls it has enqueued complete all the same. NULL is legal. */
CLX_API void clx_mlstm_destroy(clx_mlstm *op);

/* Bytes of workspace that a call of these sizes needs: O(B * NH * S). Asks no device.
 * Errors: CLX_ERR_NULL, CLX_ERR_OVERFLOW. */
CLX_API clx_status clx_mlstm_workspace_size(const clx_mlstm *op, uint64_t B, uint64_t NH, uint64_t S,
                                            uint64_t *size_bytes, clx_error *error);

/* The kernel variant that the operator uses, such as "simt_mlstm_f32_64x64"; valid as long as the operator. */
CLX_API const char *clx_mlstm_variant(const clx_mlstm *op);

/* Compute h, for every batch b and head:
 *
 *     lf[t]     = log_sigmoid(fgate[t]),   F[t] = lf[0] + ... + lf[t]
 *     logD[t,s] = F[t] - F[s] + igate[s]   where the mask is true, else -inf
 *     m[t]      = max_s logD[t,s]          (over all rows where stabilize_rowwise is 0)
 *     A[t,s]    = (q[t] . k[s]) / sqrt(DHQK) * exp(logD[t,s] - m[t])
 *     h[t]      = sum_s A[t,s] v[s] / (max(|sum_s A[t,s]|, exp(-m[t])) + eps)
 *
 * With return_state also what the recurrent form would hold after the last token when started at m = -inf, so that a
 * prompt is read in parallel and continued token by token:
 *
 *     C = sum_s w[s] k[s] v[s]^T     n = sum_s w[s] k[s]     w[s] = exp(logD[S-1,s] - m)     m = m[S-1]
 *
 * (S = 0 leaves C, n and m untouched.) A row that sees no column gives 0, and so does one whose normaliser is 0
 * (eps = 0) or infinite. fgate = -inf is a hard reset. All arithmetic accumulates in f32.
 * Source: xLSTM, arXiv:2405.04517, appendix A; docs/math.md has the corner cases and how they are met.
 *
 * Enqueues and returns: does not wait, compile or read a file. Device memory is allocated only where
 * `launch->workspace` is NULL and the pool has no room. One thread at a time per operator; any number of operators in
 * parallel. S = 0, B = 0 or NH = 0 succeeds and launches nothing.
 * Errors: CLX_ERR_NULL, CLX_ERR_SHAPE, CLX_ERR_STRIDE, CLX_ERR_DTYPE, CLX_ERR_BOUNDS, CLX_ERR_OVERLAP,
 * CLX_ERR_OVERFLOW, CLX_ERR_CONTEXT, CLX_ERR_WORKSPACE, CLX_ERR_DEVICE_MEMORY: nothing was enqueued, h is untouched.
 * CLX_ERR_OPENCL: the driver refused a launch; h is undefined. */
CLX_API clx_status clx_mlstm_enqueue(clx_mlstm *op, const clx_launch *launch, const clx_mlstm_args *args,
                                     clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
