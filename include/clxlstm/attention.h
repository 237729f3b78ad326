/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention with softmax, sigmoid or no activation; also with a key/value cache. */
#ifndef CLXLSTM_ATTENTION_H
#define CLXLSTM_ATTENTION_H

#include <clxlstm/context.h>
#include <clxlstm/mask.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What makes weights W of a row's logits L. */
typedef enum clx_attention_activation {
    CLX_ATTENTION_SOFTMAX = 0, /* exp(L) / sum_s exp(L) */
    CLX_ATTENTION_SIGMOID = 1, /* 1 / (1 + exp(-(L - log(bias_length)))) */
    CLX_ATTENTION_NONE = 2     /* L */
} clx_attention_activation;

/* What happens to q and k before everything else. */
typedef enum clx_attention_pre_activation {
    CLX_PRE_ACTIVATION_NONE = 0,
    CLX_PRE_ACTIVATION_SILU = 1, /* x / (1 + exp(-x)) */
    CLX_PRE_ACTIVATION_SWISH = 1 /* another name of it */
} clx_attention_pre_activation;

typedef struct clx_attention clx_attention;

/* What decides the code of the operator. Start from CLX_ATTENTION_DESC_INIT and set DHQK and DHV. B, the heads and the
 * lengths come with the tensors of each call.
 *
 *   DHQK, DHV     head dimension of q and k (even with rotary), and of v and h; 1 or more
 *   input_dtype   what q, k and v are stored in: f32 (default), f16, bf16
 *   qkv_dtype     what they are rounded to, q and k after pre-activation and rotation too; default: input_dtype
 *   out_dtype     what h is stored in: qkv_dtype (default) or f32
 *   activation_function          CLX_ATTENTION_SOFTMAX (default), _SIGMOID or _NONE
 *   qk_pre_activation_function   CLX_PRE_ACTIVATION_NONE (default) or _SILU
 *   rotary        not 0 (default): rotary embedding of q and k, pairs (2j, 2j + 1), base `theta`
 *   theta         above 0; default 10000
 *   prepare_q, prepare_k   0: the tensor of the call has been pre-activated and rotated already, as keys of a cache
 *                 have been (clx_attention_keys_enqueue); default 1
 *   mask          CLX_MASK_CAUSAL (default); CLX_MASK_EXPLICIT: `mask` of the call in its place; CLX_MASK_NONE
 *   window        a row sees only this many positions up to its own, under any mask; 0 (default): all
 *   bias_length   the length in sigmoid's bias; 0 (default): the number of keys of the call */
typedef struct clx_attention_desc {
    size_t struct_size;
    uint64_t DHQK;
    uint64_t DHV;
    clx_dtype input_dtype;
    clx_dtype qkv_dtype;
    clx_dtype out_dtype;
    clx_attention_activation activation_function;
    clx_attention_pre_activation qk_pre_activation_function;
    int32_t rotary;
    double theta;
    int32_t prepare_q;
    int32_t prepare_k;
    clx_mask_kind mask;
    uint64_t window;
    uint64_t bias_length;
} clx_attention_desc;

/* clang-format off */
#define CLX_ATTENTION_DESC_INIT {sizeof(clx_attention_desc), 0, 0, CLX_F32, CLX_DTYPE_DEFAULT, CLX_DTYPE_DEFAULT, \
                                 CLX_ATTENTION_SOFTMAX, CLX_PRE_ACTIVATION_NONE, 1, 10000.0, 1, 1, CLX_MASK_CAUSAL, 0, 0}
/* clang-format on */

/* `start` of a call whose last query stands at the last key: S_kv - S_q. */
#define CLX_ATTENTION_START_AT_END INT64_MIN

/* The tensors of one call. Key s stands at position s, row t at position start + t.
 *
 *   q      in    (B, NH, S_q, DHQK)      input_dtype; DHQK contiguous, other strides any
 *   k      in    (B, NH_kv, S_kv, DHQK)  input_dtype; NH_kv from 1 to NH: query head n uses head floor(n NH_kv / NH)
 *   v      in    (B, NH_kv, S_kv, DHV)   input_dtype; DHV contiguous
 *   mask   in    (S_q, S_kv)             bool (not 0 = keep), any strides; only with CLX_MASK_EXPLICIT, else NULL
 *   h      out   (B, NH, S_q, DHV)       out_dtype; DHV contiguous; may overlap no input
 *   start  in    CLX_ATTENTION_START_AT_END (default), or any position within 2^62 */
typedef struct clx_attention_args {
    size_t struct_size;
    const clx_tensor *q;
    const clx_tensor *k;
    const clx_tensor *v;
    const clx_tensor *mask;
    const clx_tensor *h;
    int64_t start;
} clx_attention_args;

/* clang-format off */
#define CLX_ATTENTION_ARGS_INIT {sizeof(clx_attention_args), NULL, NULL, NULL, NULL, NULL, CLX_ATTENTION_START_AT_END}
/* clang-format on */

/* The sizes of a call, as its tensors have them. Fixed for the ABI. */
typedef struct clx_attention_sizes {
    uint64_t B;
    uint64_t NH;
    uint64_t NH_kv;
    uint64_t S_q;
    uint64_t S_kv;
} clx_attention_sizes;

/* Makes the operator: checks the descriptor, chooses the kernels for the device, and builds or loads them.
 *
 * Blocks; on a first start it compiles, and tries every variant but `simt` on a small fixed problem before trusting it.
 * May run on any thread, also ahead of time. The operator keeps the context alive, and with rotary holds 8 * DHQK bytes
 * of device memory. `*out` is NULL on failure.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_BUILD (the log is in `error->detail`),
 * CLX_ERR_UNSUPPORTED (no allowed variant fits the device), CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY,
 * CLX_ERR_DEVICE_MEMORY. */
CLX_API clx_status clx_attention_create(clx_context *context, const clx_attention_desc *desc, clx_attention **out,
                                        clx_error *error);

/* Frees the operator; calls it has enqueued complete all the same. NULL is legal. */
CLX_API void clx_attention_destroy(clx_attention *op);

/* Bytes of workspace that a call of these sizes needs: room for q and k as they enter the product, 0 where they are
 * taken as they come. Asks no device. Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_OVERFLOW. */
CLX_API clx_status clx_attention_workspace_size(const clx_attention *op, const clx_attention_sizes *sizes,
                                                uint64_t *size_bytes, clx_error *error);

/* The kernel variant that the operator uses, such as "simt_attention_f32_64x64"; valid as long as the operator. */
CLX_API const char *clx_attention_variant(const clx_attention *op);

/* Compute h, for every batch b, query head n and row t, over the keys s that the row sees:
 *
 *     L[t,s] = (q[t] . k[s]) / sqrt(DHQK)     q and k pre-activated, then rotated
 *     h[t]   = sum_s W[t,s] v[s]              W from L by the activation function
 *
 * Under the causal mask row t sees s <= start + t; with a window also only s > start + t - window. A row that sees
 * nothing gives 0. All arithmetic accumulates in f32. Memory grows with S_q + S_kv.
 * Source: "Attention Is All You Need", arXiv:1706.03762; the online softmax is arXiv:1805.02867; docs/math.md.
 *
 * Enqueues and returns: does not wait, compile or read a file. Device memory is allocated only where
 * `launch->workspace` is NULL and the pool has no room. One thread at a time per operator; any number of operators in
 * parallel. S_q = 0, B = 0 or NH = 0 succeeds and launches nothing; S_kv = 0 gives zeros.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_SHAPE, CLX_ERR_STRIDE, CLX_ERR_DTYPE, CLX_ERR_BOUNDS, CLX_ERR_OVERLAP,
 * CLX_ERR_OVERFLOW, CLX_ERR_CONTEXT, CLX_ERR_WORKSPACE, CLX_ERR_DEVICE_MEMORY: nothing was enqueued, h is untouched.
 * CLX_ERR_OPENCL: the driver refused a launch; h is undefined. */
CLX_API clx_status clx_attention_enqueue(clx_attention *op, const clx_launch *launch, const clx_attention_args *args,
                                         clx_error *error);

/* Pre-activate and rotate new keys into a cache, from which an operator with prepare_k = 0 reads them:
 *
 *     cache[t] = rotate(pre_activate(k[t]), position start + t)
 *
 *   k      in    (B, NH_kv, S, DHQK)   input_dtype; DHQK contiguous
 *   cache  out   like k                the part of the cache for these tokens; may be k's own view, else no overlap
 *   start  in    the position of the first of them, within 2^62
 *
 * The descriptor's prepare_k does not matter here. Values of v go to their cache as they are. Enqueues one launch and
 * returns; needs no workspace. Threads and errors as clx_attention_enqueue; cache is untouched where it is refused. */
CLX_API clx_status clx_attention_keys_enqueue(clx_attention *op, const clx_launch *launch, const clx_tensor *k,
                                              const clx_tensor *cache, int64_t start, clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
