/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts the OpenCL calls that enqueue, allocate or compile, by standing before the loader's functions of these names.
 * Defines them: include it in one file of a program, first of all. */
#ifndef TEST_SUPPORT_COUNTED_CALLS_H
#define TEST_SUPPORT_COUNTED_CALLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdatomic.h>

typedef struct call_counts {
    atomic_int kernels;
    atomic_int others; /* other commands that the library might enqueue */
    atomic_int buffers;
    atomic_int builds;
} call_counts;
static call_counts calls;

/* `name`'s function behind this program's own. POSIX has the pointer pass through a void *. */
#define NEXT_CALL(type, name)                                                                                          \
    type next;                                                                                                         \
    *(void **)&next = dlsym(RTLD_NEXT, name)

typedef cl_int (*enqueue_kernel_fn)(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *,
                                    const size_t *, cl_uint, const cl_event *, cl_event *);
typedef cl_int (*enqueue_marker_fn)(cl_command_queue, cl_uint, const cl_event *, cl_event *);
typedef cl_mem (*create_buffer_fn)(cl_context, cl_mem_flags, size_t, void *, cl_int *);
typedef cl_int (*build_program_fn)(cl_program, cl_uint, const cl_device_id *, const char *,
                                   void(CL_CALLBACK *)(cl_program, void *), void *);

/* Seen by whoever asks the process for a name, as the library does. */
#pragma GCC visibility push(default)

cl_int CL_API_CALL clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                                          const size_t *offset, const size_t *global, const size_t *local,
                                          cl_uint wait_count, const cl_event *wait_list, cl_event *event)
{
    NEXT_CALL(enqueue_kernel_fn, "clEnqueueNDRangeKernel");
    calls.kernels++;
    return next(queue, kernel, dimensions, offset, global, local, wait_count, wait_list, event);
}

cl_int CL_API_CALL clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint wait_count, const cl_event *wait_list,
                                               cl_event *event)
{
    NEXT_CALL(enqueue_marker_fn, "clEnqueueMarkerWithWaitList");
    calls.others++;
    return next(queue, wait_count, wait_list, event);
}

cl_mem CL_API_CALL clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    NEXT_CALL(create_buffer_fn, "clCreateBuffer");
    calls.buffers++;
    return next(context, flags, size, host, code);
}

cl_int CL_API_CALL clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                                  void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    NEXT_CALL(build_program_fn, "clBuildProgram");
    calls.builds++;
    return next(program, count, devices, options, notify, user);
}

#pragma GCC visibility pop

#endif
