/* SPDX-License-Identifier: Apache-2.0
 *
 * A tensor is a view: a cl_mem, where it starts, its dtype, and a size and stride per dimension. Nothing is copied. */
#ifndef CLXLSTM_TENSOR_H
#define CLXLSTM_TENSOR_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300 /* as cl.h itself chooses, though not silently; a program defines it first */
#endif
#include <CL/cl.h>
#include <clxlstm/dtype.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLX_MAX_RANK 4

/* Sizes, strides and the offset count elements, in 64 bits. Dimensions are in the logical order that each operator
 * documents, (B, NH, S, D) for q, k, v and h, whatever the order in memory; strides say where they are. A stride of 0
 * repeats an input; outputs must not write an element twice. The view does not own `mem`.
 * The struct is fixed for the ABI: views are made and copied by the thousand. */
typedef struct clx_tensor {
    cl_mem mem;
    uint64_t offset;
    clx_dtype dtype;
    uint32_t rank;
    uint64_t size[CLX_MAX_RANK];
    int64_t stride[CLX_MAX_RANK];
} clx_tensor;

/* A dense view in the order of `size`: the last dimension is contiguous. Ranks outside 1..4 give rank 0, which every
 * operator refuses. */
CLX_API clx_tensor clx_tensor_dense(cl_mem mem, clx_dtype dtype, uint32_t rank, const uint64_t *size);

/* The two layouts in daily use, both seen as (B, NH, S, D): memory in the order (B, NH, S, D), and memory in the order
 * (B, S, NH, D), which is how projections (B, S, NH * D) hold their heads. */
CLX_API clx_tensor clx_tensor_bhsd(cl_mem mem, clx_dtype dtype, uint64_t B, uint64_t NH, uint64_t S, uint64_t D);
CLX_API clx_tensor clx_tensor_bshd(cl_mem mem, clx_dtype dtype, uint64_t B, uint64_t NH, uint64_t S, uint64_t D);

#ifdef __cplusplus
}
#endif
#endif
