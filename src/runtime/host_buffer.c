/* SPDX-License-Identifier: Apache-2.0
 *
 * Host memory as buffers; see the header. */
#include <clxlstm/host_memory.h>

#include "base/arith.h"
#include "runtime/launch.h"

/* Integrated GPUs map whole pages and cache lines, or else copy; CPUs take what their vector loads like, which is less. */
#define PAGE_BYTES 4096
#define LINE_BYTES 64

static clx_status query(const clx_context *context, clx_host_memory_info *out, clx_error *error)
{
    cl_bool unified = CL_FALSE;
    cl_uint align_bits = 0;
    cl_uint line = 0;
    cl_device_id device = context->caps.device;
    cl_int code = clGetDeviceInfo(device, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof unified, &unified, NULL);
    if (code == CL_SUCCESS)
        code = clGetDeviceInfo(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits, &align_bits, NULL);
    if (code == CL_SUCCESS)
        code = clGetDeviceInfo(device, CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE, sizeof line, &line, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "what the device says of host memory");
    out->unified = unified != CL_FALSE;
    out->alignment_bytes = clxi_max_u64(context->caps.is_cpu ? LINE_BYTES : PAGE_BYTES, align_bits / 8);
    out->multiple_bytes = clxi_max_u64(LINE_BYTES, line);
    return CLX_OK;
}

clx_status clx_context_host_memory(const clx_context *context, clx_host_memory_info *info, clx_error *error)
{
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (info == NULL) return clxi_fail(error, CLX_ERR_NULL, "info: null");
    if (info->struct_size != sizeof *info)
        return clxi_fail(error, CLX_ERR_VALUE, "info.struct_size: %zu, expected %zu (CLX_HOST_MEMORY_INFO_INIT)",
                         info->struct_size, sizeof *info);
    return query(context, info, error);
}

static clx_status check_memory(const clx_context *context, const void *data, size_t size_bytes, clx_error *error)
{
    clx_host_memory_info info = CLX_HOST_MEMORY_INFO_INIT;
    clx_status status = query(context, &info, error);
    if (status != CLX_OK) return status;
    if (!info.unified)
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s has a memory of its own, so host memory would be copied",
                         context->caps.name);
    if ((uintptr_t)data % info.alignment_bytes != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "data: at %p, expected a multiple of %llu", data,
                         (unsigned long long)info.alignment_bytes);
    if (size_bytes == 0 || size_bytes % info.multiple_bytes != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "size_bytes: %zu, expected a multiple of %llu above 0", size_bytes,
                         (unsigned long long)info.multiple_bytes);
    return CLX_OK;
}

clx_status clx_host_buffer_create(const clx_context *context, void *data, size_t size_bytes, cl_mem *out,
                                  clx_error *error)
{
    cl_int code = CL_SUCCESS;
    if (out == NULL) return clxi_fail(error, CLX_ERR_NULL, "out: null");
    *out = NULL;
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (data == NULL) return clxi_fail(error, CLX_ERR_NULL, "data: null");
    status = check_memory(context, data, size_bytes, error);
    if (status != CLX_OK) return status;
    *out = clCreateBuffer(context->cl, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, size_bytes, data, &code);
    if (*out == NULL) return clxi_fail_cl(error, code, "a buffer over %zu bytes of host memory", size_bytes);
    return CLX_OK;
}

/* What both directions check: the launch, and the buffer with its memory. */
static clx_status begin(clxi_call *call, clx_context *context, const clx_launch *launch, cl_mem mem, void **host,
                        uint64_t *size_bytes, clx_error *error)
{
    clx_status status = CLX_OK;
    clx_launch plain;
    cl_mem root = NULL;
    uint64_t offset = 0;
    CLXI_TRY(clxi_context_check(context, error));
    if (launch == NULL) return clxi_fail(error, CLX_ERR_NULL, "launch: null");
    CLXI_TRY(clxi_buffer_check(context, mem, "mem", &root, &offset, size_bytes, error));
    const cl_int code = clGetMemObjectInfo(mem, CL_MEM_HOST_PTR, sizeof *host, host, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "mem: its buffer cannot be queried");
    if (*host == NULL) return clxi_fail(error, CLX_ERR_VALUE, "mem: without host memory, expected CL_MEM_USE_HOST_PTR");
    plain = *launch;
    plain.workspace = NULL;
    CLXI_TRY(clxi_call_begin(call, context, &plain, 0, NULL, 0, error));
fail:
    return status;
}

clx_status clx_host_buffer_map_enqueue(clx_context *context, const clx_launch *launch, cl_mem mem,
                                       clx_host_access access, clx_error *error)
{
    clxi_call call;
    void *host = NULL;
    uint64_t size_bytes = 0;
    cl_int code = CL_SUCCESS;
    static const cl_map_flags flags[] = {0, CL_MAP_READ, CL_MAP_WRITE_INVALIDATE_REGION, CL_MAP_READ | CL_MAP_WRITE};
    if (access < CLX_HOST_READ || access > CLX_HOST_READ_WRITE)
        return clxi_fail(error, CLX_ERR_VALUE, "access: %d, expected CLX_HOST_READ, _WRITE or _READ_WRITE",
                         (int)access);
    clx_status status = begin(&call, context, launch, mem, &host, &size_bytes, error);
    if (status != CLX_OK) return status;
    const void *mapped = clEnqueueMapBuffer(call.queue, mem, CL_FALSE, flags[access], 0, (size_t)size_bytes,
                                            call.wait_count, call.wait_list, call.event, &code);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "mem: map");
    if (mapped != host) return clxi_fail(error, CLX_ERR_INTERNAL, "mem: mapped at %p, expected %p", mapped, host);
    return CLX_OK;
}

clx_status clx_host_buffer_unmap_enqueue(clx_context *context, const clx_launch *launch, cl_mem mem, clx_error *error)
{
    clxi_call call;
    void *host = NULL;
    uint64_t size_bytes = 0;
    clx_status status = begin(&call, context, launch, mem, &host, &size_bytes, error);
    if (status != CLX_OK) return status;
    const cl_int code = clEnqueueUnmapMemObject(call.queue, mem, host, call.wait_count, call.wait_list, call.event);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "mem: unmap");
}
