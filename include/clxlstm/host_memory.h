/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller's own memory as a buffer, without a copy, on devices that share their memory with the host: CPUs, and GPUs that
 * are part of one. */
#ifndef CLXLSTM_HOST_MEMORY_H
#define CLXLSTM_HOST_MEMORY_H

#include <clxlstm/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What host memory must be like. Start from CLX_HOST_MEMORY_INFO_INIT.
 *
 *   unified          not 0: device and host have one memory; else clx_host_buffer_create refuses, since the driver would
 *                    copy behind the caller's back
 *   alignment_bytes  what a pointer must be a multiple of (and aligned_alloc gives)
 *   multiple_bytes   what a size must be a multiple of */
typedef struct clx_host_memory_info {
    size_t struct_size;
    int32_t unified;
    uint64_t alignment_bytes;
    uint64_t multiple_bytes;
} clx_host_memory_info;

/* clang-format off */
#define CLX_HOST_MEMORY_INFO_INIT {sizeof(clx_host_memory_info), 0, 0, 0}
/* clang-format on */

/* Errors: CLX_ERR_NULL, CLX_ERR_VALUE (struct_size), CLX_ERR_OPENCL. */
CLX_API clx_status clx_context_host_memory(const clx_context *context, clx_host_memory_info *info, clx_error *error);

/* A buffer that is the caller's memory. It can be in every tensor; release it by clReleaseMemObject, once the calls that use
 * it are complete, and only then free the memory.
 *
 * While the buffer is not mapped, host and device must not look at the memory at the same time: between what the host does
 * and what the device does there is a map and an unmap. On a driver that keeps a copy all the same, these two keep both
 * alike, so that results are right on every device that lets the buffer be made.
 *
 *   data  in   aligned as clx_context_host_memory says
 *   out   out  CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR
 *
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE (alignment, size), CLX_ERR_UNSUPPORTED (memory is not unified), CLX_ERR_OPENCL,
 * CLX_ERR_DEVICE_MEMORY, CLX_ERR_HOST_MEMORY: `*out` is NULL. */
CLX_API clx_status clx_host_buffer_create(const clx_context *context, void *data, size_t size_bytes, cl_mem *out,
                                          clx_error *error);

/* What the host does with mapped memory. WRITE alone means that all of it is written and nothing of what was there matters. */
typedef enum clx_host_access { CLX_HOST_READ = 1, CLX_HOST_WRITE = 2, CLX_HOST_READ_WRITE = 3 } clx_host_access;

/* Hand the whole buffer to the host, behind the launch's wait list (`workspace` is not looked at), and back to the device.
 * The host may use its memory when map's event is complete, and no longer once unmap was called; the device may when unmap's
 * event is complete, or on the same in-order queue. Both enqueue and return.
 *
 *   mem  in   of clx_host_buffer_create, or any other buffer of the context made with CL_MEM_USE_HOST_PTR
 *
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE (access, mem has no host memory), CLX_ERR_CONTEXT, CLX_ERR_OPENCL: nothing was
 * enqueued. */
CLX_API clx_status clx_host_buffer_map_enqueue(clx_context *context, const clx_launch *launch, cl_mem mem,
                                               clx_host_access access, clx_error *error);
CLX_API clx_status clx_host_buffer_unmap_enqueue(clx_context *context, const clx_launch *launch, cl_mem mem,
                                                 clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
