/* SPDX-License-Identifier: Apache-2.0
 *
 * The usual views. */
#include <clxlstm/tensor.h>

#include <string.h>

/* Strides wrap where sizes overflow; such shapes are refused by every operator before strides are looked at. */
clx_tensor clx_tensor_dense(cl_mem mem, clx_dtype dtype, uint32_t rank, const uint64_t *size)
{
    clx_tensor tensor;
    memset(&tensor, 0, sizeof tensor);
    tensor.mem = mem;
    tensor.dtype = dtype;
    if (rank < 1 || rank > CLX_MAX_RANK || size == NULL) return tensor;
    tensor.rank = rank;
    uint64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        tensor.size[i] = size[i];
        tensor.stride[i] = (int64_t)stride;
        stride *= size[i];
    }
    return tensor;
}

clx_tensor clx_tensor_bhsd(cl_mem mem, clx_dtype dtype, uint64_t B, uint64_t NH, uint64_t S, uint64_t D)
{
    const uint64_t size[4] = {B, NH, S, D};
    return clx_tensor_dense(mem, dtype, 4, size);
}

clx_tensor clx_tensor_bshd(cl_mem mem, clx_dtype dtype, uint64_t B, uint64_t NH, uint64_t S, uint64_t D)
{
    const uint64_t in_memory[4] = {B, S, NH, D};
    clx_tensor tensor = clx_tensor_dense(mem, dtype, 4, in_memory);
    int64_t of_s = tensor.stride[1];
    tensor.size[1] = NH;
    tensor.size[2] = S;
    tensor.stride[1] = tensor.stride[2];
    tensor.stride[2] = of_s;
    return tensor;
}
