/* SPDX-License-Identifier: Apache-2.0
 *
 * Layernorm and rmsnorm over the last dimension. */
#ifndef CLXLSTM_NORM_H
#define CLXLSTM_NORM_H

#include <clxlstm/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clx_norm_type { CLX_LAYERNORM = 0, CLX_RMSNORM = 1 } clx_norm_type;

typedef struct clx_norm clx_norm;

/* What decides the code of the operator. Start from CLX_NORM_DESC_INIT and set D.
 *
 *   D             elements of a row, 1 or more
 *   type          CLX_LAYERNORM (default) or CLX_RMSNORM
 *   dtype         of x: f32 (default), f16, bf16
 *   weight_dtype  of the weight: f32 (default), f16, bf16
 *   out_dtype     of y: f32, f16, bf16; default: dtype
 *   eps           added to the variance or mean square; 0 or more, default 1e-6 */
typedef struct clx_norm_desc {
    size_t struct_size;
    uint64_t D;
    clx_norm_type type;
    clx_dtype dtype;
    clx_dtype weight_dtype;
    clx_dtype out_dtype;
    float eps;
} clx_norm_desc;

/* clang-format off */
#define CLX_NORM_DESC_INIT {sizeof(clx_norm_desc), 0, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_DTYPE_DEFAULT, 1e-6f}
/* clang-format on */

/* The tensors of one call.
 *
 *   x       in    (B, NH, S, D)        dtype; D contiguous, other strides any
 *   weight  in    (D) or (NH, D)       weight_dtype; D contiguous: one for all heads, or one per head. NULL: ones
 *   y       out   (B, NH, S, D)        out_dtype; D contiguous; may be x's own view, else overlaps nothing */
typedef struct clx_norm_args {
    size_t struct_size;
    const clx_tensor *x;
    const clx_tensor *weight;
    const clx_tensor *y;
} clx_norm_args;

/* clang-format off */
#define CLX_NORM_ARGS_INIT {sizeof(clx_norm_args), NULL, NULL, NULL}
/* clang-format on */

/* Makes the operator: checks the descriptor and builds or loads the kernels.
 *
 * Blocks; on a first start it compiles. May run on any thread. The operator keeps the context alive. `*out` is NULL on
 * failure.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_BUILD (the log is in `error->detail`),
 * CLX_ERR_UNSUPPORTED, CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_norm_create(clx_context *context, const clx_norm_desc *desc, clx_norm **out, clx_error *error);

/* Frees the operator; calls it has enqueued complete all the same. NULL is legal. */
CLX_API void clx_norm_destroy(clx_norm *op);

/* The kernel variant that the operator uses, such as "simt_rmsnorm_bf16"; valid as long as the operator. */
CLX_API const char *clx_norm_variant(const clx_norm *op);

/* Normalise every row of D elements:
 *
 *     layernorm   y = (x - mean) / sqrt(var + eps) * weight,   var = mean((x - mean)^2)
 *     rmsnorm     y = x / sqrt(mean(x^2) + eps) * weight
 *
 * Statistics are f32 in two passes, whatever the dtypes. With eps = 0 a row of equal elements (rmsnorm: of zeros) is
 * 0 / 0 and comes out as NaN.
 * Source: arXiv:1607.06450, arXiv:1910.07467; docs/math.md.
 *
 * Enqueues one launch and returns; needs no workspace and no device memory. One thread at a time per operator; any
 * number of operators in parallel. S = 0, B = 0 or NH = 0 succeeds and launches nothing.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_SHAPE, CLX_ERR_STRIDE, CLX_ERR_DTYPE, CLX_ERR_BOUNDS, CLX_ERR_OVERLAP,
 * CLX_ERR_OVERFLOW, CLX_ERR_CONTEXT: nothing was enqueued, y is untouched. CLX_ERR_OPENCL: the driver refused a
 * launch; y is undefined. */
CLX_API clx_status clx_norm_enqueue(clx_norm *op, const clx_launch *launch, const clx_norm_args *args,
                                    clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
