/* SPDX-License-Identifier: Apache-2.0
 *
 * Alignment of views; see the header. */
#include "runtime/align.h"

/* Device allocations start at CL_DEVICE_MEM_BASE_ADDR_ALIGN, and so do sub-buffers; memory that the caller brought
 * (CL_MEM_USE_HOST_PTR) may start anywhere. */
static bool host_memory_aligned(cl_mem mem, size_t bytes)
{
    void *host = NULL;
    if (clGetMemObjectInfo(mem, CL_MEM_HOST_PTR, sizeof host, &host, NULL) != CL_SUCCESS) return false;
    return (uintptr_t)host % bytes == 0;
}

bool clxi_view_aligned(const clx_tensor *tensor, uint32_t count)
{
    if (tensor->offset % count != 0) return false;
    for (uint32_t d = 0; d + 1 < tensor->rank; d++)
        if (tensor->size[d] > 1 && tensor->stride[d] % (int64_t)count != 0) return false;
    return host_memory_aligned(tensor->mem, count * clx_dtype_size_bytes(tensor->dtype));
}
