/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of the caller's tensors against what an operator expects and against their buffers. */
#ifndef CLXI_RUNTIME_VIEW_H
#define CLXI_RUNTIME_VIEW_H

#include "runtime/context.h"

/* |stride|. A dimension of one element may have any. */
static inline uint64_t clxi_abs_stride(int64_t stride)
{
    return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* What an argument must be. */
typedef struct clxi_expect {
    const char *name; /* the argument's name in messages */
    clx_dtype dtype;
    uint32_t rank;
    uint64_t size[CLX_MAX_RANK];
    const char *match;     /* what the size must agree with, for the message ("q"), or NULL */
    bool inner_contiguous; /* the last dimension must have stride 1 (sizes of 0 and 1 always pass) */
    bool output;           /* no element may be written twice, the buffer must be writable */
} clxi_expect;

/* Where a checked tensor lies: bytes [begin, end) of its root buffer. */
typedef struct clxi_extent {
    const char *name;
    const clx_tensor *tensor;
    cl_mem root;
    uint64_t begin;
    uint64_t end;
} clxi_extent;

/* Handle, context, rank, dtype, shape, strides and bounds, in this order. Tensors without elements need no buffer. */
clx_status clxi_view_check(const clx_context *context, const clx_tensor *tensor, const clxi_expect *expect,
                           clxi_extent *extent, clx_error *error);

/* Do the elements of two tensors meet? Exact, whatever their layouts and dtypes (such as q, k, v and h packed side by
 * side in one buffer), but for strides so entangled that the search is given up: then yes. */
bool clxi_extent_overlaps(const clxi_extent *a, const clxi_extent *b);

/* CLX_ERR_OVERLAP where `output` meets one of `others` (entries without a tensor are passed over). */
clx_status clxi_extent_check(const clxi_extent *output, const clxi_extent *others, size_t count, clx_error *error);

/* Is a cl_mem a live buffer of this context? `name` is for the message. Gives its size and its root (sub-buffers). */
clx_status clxi_buffer_check(const clx_context *context, cl_mem mem, const char *name, cl_mem *root,
                             uint64_t *root_offset, uint64_t *size_bytes, clx_error *error);

#endif
