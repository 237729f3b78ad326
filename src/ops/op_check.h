/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks that several operators share: of descriptors, and of views that may be updated in place. */
#ifndef CLXI_OPS_OP_CHECK_H
#define CLXI_OPS_OP_CHECK_H

#include "runtime/view.h"

/* Head dimensions beyond any model's; keeps products of sizes far from overflow. */
#define CLXI_DIMENSION_LIMIT 65536

/* The arguments of a creator: none may be NULL. */
clx_status clxi_check_create(const clx_context *context, const void *desc, const void *out, clx_error *error);

/* struct_size of what `name` points to. */
clx_status clxi_check_struct(const char *name, size_t size, size_t expected, clx_error *error);

clx_status clxi_check_float_dtype(const char *name, clx_dtype dtype, clx_error *error);
clx_status clxi_check_dimension(const char *name, uint64_t value, uint64_t limit, clx_error *error);
clx_status clxi_check_eps(float eps, clx_error *error);

/* out_dtype: f32, or the one that the inputs are computed in. */
clx_status clxi_check_out_dtype(clx_dtype out_dtype, clx_dtype qkv_dtype, clx_error *error);

/* `dtype`, or `fallback` where it is CLX_DTYPE_DEFAULT. */
clx_dtype clxi_dtype_or(clx_dtype dtype, clx_dtype fallback);

/* Sizes of a call whose kernels count groups and positions in 32 bits. */
clx_status clxi_check_count(const char *name, uint64_t count, clx_error *error);

/* A tensor that must be there, of this rank. `dims` names its dimensions: "(B, NH, S, D)". */
clx_status clxi_check_rank(const clx_tensor *tensor, const char *name, uint32_t rank, const char *dims,
                           clx_error *error);

/* Are the two the very same view: buffer, offset, dtype, sizes, strides? */
bool clxi_view_same(const clx_tensor *a, const clx_tensor *b);

/* clxi_extent_check, where `output` may be the same view as `own`, one of the others. */
clx_status clxi_extent_check_inplace(const clxi_extent *output, const clxi_extent *own, const clxi_extent *others,
                                     size_t count, clx_error *error);

#endif
