/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary position embeddings: the tables, and their application to q and k. */
#ifndef CLXLSTM_ROTARY_H
#define CLXLSTM_ROTARY_H

#include <clxlstm/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which elements of a row turn together, R being the rotary dimension: neighbours (2j, 2j + 1), as in the original, or
 * (j, j + R / 2), as in most checkpoints. */
typedef enum clx_rotary_pairing { CLX_PAIRS_INTERLEAVED = 0, CLX_PAIRS_HALF = 1 } clx_rotary_pairing;

typedef struct clx_rotary clx_rotary;

/* What decides the code of the operator. Start from CLX_ROTARY_DESC_INIT and set D.
 *
 *   D            elements of a row of q and k, 1 or more
 *   rotary_dim   how many of them turn, from the first on; even, at most D. 0 (default): all, so D must be even
 *   theta        base of the frequencies, above 0; default 10000
 *   dtype        of q, k and the outputs: f32 (default), f16, bf16
 *   table_dtype  of sin and cos: f32 (default), f16, bf16
 *   pairing      CLX_PAIRS_INTERLEAVED (default) or CLX_PAIRS_HALF
 *   inverse      not 0: turn back, which is also the gradient of turning */
typedef struct clx_rotary_desc {
    size_t struct_size;
    uint64_t D;
    uint64_t rotary_dim;
    double theta;
    clx_dtype dtype;
    clx_dtype table_dtype;
    clx_rotary_pairing pairing;
    int32_t inverse;
} clx_rotary_desc;

/* clang-format off */
#define CLX_ROTARY_DESC_INIT {sizeof(clx_rotary_desc), 0, 0, 10000.0, CLX_F32, CLX_F32, CLX_PAIRS_INTERLEAVED, 0}
/* clang-format on */

/* The tensors of one call. R is the rotary dimension.
 *
 *   q          in    (B, NH, S, D)       dtype; D contiguous, other strides any
 *   k          in    (B, NH_k, S, D)     dtype; NH_k need not be NH. NULL: only q is turned
 *   q_out      out   like q              dtype; may be q's own view, else overlaps nothing
 *   k_out      out   like k              dtype; may be k's own view, else overlaps nothing; NULL where k is
 *   sin, cos   in    (L, R / 2)          table_dtype; row p is position p. Both NULL: from theta, at any position
 *   positions  in    (B, S)              i32 or i64, any strides (0 over B: the same in each batch). NULL: start + t
 *   start      in    the position of token 0; must be 0 where positions are given
 *
 * With tables, start and start + S - 1 must lie in 0 .. L - 1; tokens whose `positions` do not come out as NaN. */
typedef struct clx_rotary_args {
    size_t struct_size;
    const clx_tensor *q;
    const clx_tensor *k;
    const clx_tensor *q_out;
    const clx_tensor *k_out;
    const clx_tensor *sin;
    const clx_tensor *cos;
    const clx_tensor *positions;
    int64_t start;
} clx_rotary_args;

/* clang-format off */
#define CLX_ROTARY_ARGS_INIT {sizeof(clx_rotary_args), NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0}
/* clang-format on */

/* Makes the operator: checks the descriptor, computes the frequencies, and builds or loads the kernels.
 *
 * Blocks; on a first start it compiles. May run on any thread. The operator keeps the context alive and holds 8 * R
 * bytes of device memory. `*out` is NULL on failure.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_BUILD (the log is in `error->detail`),
 * CLX_ERR_UNSUPPORTED, CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY, CLX_ERR_DEVICE_MEMORY. */
CLX_API clx_status clx_rotary_create(clx_context *context, const clx_rotary_desc *desc, clx_rotary **out,
                                     clx_error *error);

/* Frees the operator; calls it has enqueued complete all the same. NULL is legal. */
CLX_API void clx_rotary_destroy(clx_rotary *op);

/* The kernel variant that the operator uses, such as "rotary_f32" (one serves all families); valid as long as the
 * operator. */
CLX_API const char *clx_rotary_variant(const clx_rotary *op);

/* Compute the tables, for t = 0 .. L - 1 and j = 0 .. R / 2 - 1:
 *
 *     sin[t,j] = sin((start + t) * theta^(-2j / R)),   cos[t,j] = cos((start + t) * theta^(-2j / R))
 *
 * Right to 1.5e-7 absolute at every 64-bit position: the angle is reduced in exact integer arithmetic.
 * Source: RoFormer, arXiv:2104.09864; docs/math.md. Known elsewhere as precompute_freqs(feat_dim = R, max_length = L).
 *
 *   start      in    the position of row 0; start + L must fit 63 bits
 *   sin, cos   out   (L, R / 2)   table_dtype; any strides; overlap nothing
 *
 * Enqueues and returns; needs no workspace; one thread at a time per operator. L = 0 launches nothing.
 * Errors: those of clx_rotary_enqueue; nothing was enqueued, the tables are untouched. */
CLX_API clx_status clx_rotary_tables_enqueue(clx_rotary *op, const clx_launch *launch, int64_t start,
                                             const clx_tensor *sin, const clx_tensor *cos, clx_error *error);

/* Turn q and k, for every batch b, head, token t at position p, and pair j of elements (x, y):
 *
 *     x' = x cos(p, j) - y sin(p, j),   y' = x sin(p, j) + y cos(p, j)
 *
 * with -sin where the operator is inverse. Elements from R on are copied. All arithmetic is f32, rounded once.
 * Source: RoFormer, arXiv:2104.09864; docs/math.md.
 *
 * Enqueues one launch and returns; needs no workspace and no device memory. One thread at a time per operator; any
 * number of operators in parallel. Nothing to do (S = 0, B = 0 or no heads) succeeds and launches nothing.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_SHAPE, CLX_ERR_STRIDE, CLX_ERR_DTYPE, CLX_ERR_BOUNDS, CLX_ERR_OVERLAP,
 * CLX_ERR_OVERFLOW, CLX_ERR_CONTEXT: nothing was enqueued, the outputs are untouched. CLX_ERR_OPENCL: the driver
 * refused a launch; the outputs are undefined. */
CLX_API clx_status clx_rotary_enqueue(clx_rotary *op, const clx_launch *launch, const clx_rotary_args *args,
                                      clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
