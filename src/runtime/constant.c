/* SPDX-License-Identifier: Apache-2.0
 *
 * Read-only buffers; see the header. */
#include "runtime/constant.h"

clx_status clxi_constant_create(const clx_context *context, const void *data, size_t size_bytes, cl_mem *out,
                                clx_error *error)
{
    cl_int code = CL_SUCCESS;
    *out = NULL;
    if (context->listing != NULL) return CLX_OK;
    /* COPY_HOST_PTR only reads, but its pointer is not const. */
    *out = clCreateBuffer(context->cl, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, size_bytes, (void *)(uintptr_t)data,
                          &code);
    if (code == CL_SUCCESS) return CLX_OK;
    *out = NULL;
    return clxi_fail_cl(error, code, "%zu bytes of constants", size_bytes);
}

void clxi_constant_release(cl_mem mem)
{
    if (mem != NULL) clReleaseMemObject(mem);
}
