/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenCL's library, loaded when it is first needed, so that a program with clxlstm in it also starts where there is none.
 * Where CLXI_LOAD_OPENCL is defined, its functions are called through a table that clxi_opencl_load fills, and nothing
 * links them; else they are linked as usual.
 *
 * The table is the one thing that all contexts of a process share: it is written once, under a lock, and never again. */
#ifndef CLXI_RUNTIME_OPENCL_H
#define CLXI_RUNTIME_OPENCL_H

#include "base/fail.h"
#include <clxlstm/tensor.h> /* cl.h, and which version of it */

/* Every function that the library or its program calls; each has a line further below, too. */
#define CLXI_OPENCL_MAP(XX)                                                                                            \
    XX(clBuildProgram)                                                                                                 \
    XX(clCreateBuffer)                                                                                                 \
    XX(clCreateCommandQueue)                                                                                           \
    XX(clCreateContext)                                                                                                \
    XX(clCreateKernel)                                                                                                 \
    XX(clCreateProgramWithBinary)                                                                                      \
    XX(clCreateProgramWithSource)                                                                                      \
    XX(clCreateSubDevices)                                                                                             \
    XX(clEnqueueCopyBuffer)                                                                                            \
    XX(clEnqueueMapBuffer)                                                                                             \
    XX(clEnqueueMarkerWithWaitList)                                                                                    \
    XX(clEnqueueNDRangeKernel)                                                                                         \
    XX(clEnqueueReadBuffer)                                                                                            \
    XX(clEnqueueUnmapMemObject)                                                                                        \
    XX(clEnqueueWriteBuffer)                                                                                           \
    XX(clFinish)                                                                                                       \
    XX(clFlush)                                                                                                        \
    XX(clGetCommandQueueInfo)                                                                                          \
    XX(clGetContextInfo)                                                                                               \
    XX(clGetDeviceIDs)                                                                                                 \
    XX(clGetDeviceInfo)                                                                                                \
    XX(clGetEventInfo)                                                                                                 \
    XX(clGetEventProfilingInfo)                                                                                        \
    XX(clGetKernelWorkGroupInfo)                                                                                       \
    XX(clGetMemObjectInfo)                                                                                             \
    XX(clGetPlatformIDs)                                                                                               \
    XX(clGetPlatformInfo)                                                                                              \
    XX(clGetProgramBuildInfo)                                                                                          \
    XX(clGetProgramInfo)                                                                                               \
    XX(clReleaseCommandQueue)                                                                                          \
    XX(clReleaseContext)                                                                                               \
    XX(clReleaseDevice)                                                                                                \
    XX(clReleaseEvent)                                                                                                 \
    XX(clReleaseKernel)                                                                                                \
    XX(clReleaseMemObject)                                                                                             \
    XX(clReleaseProgram)                                                                                               \
    XX(clRetainContext)                                                                                                \
    XX(clRetainEvent)                                                                                                  \
    XX(clRetainMemObject)                                                                                              \
    XX(clRetainProgram)                                                                                                \
    XX(clSetEventCallback)                                                                                             \
    XX(clSetKernelArg)                                                                                                 \
    XX(clWaitForEvents)

typedef struct clxi_opencl_table {
#define CLXI_OPENCL_POINTER(name) __typeof__(name) *name;
    CLXI_OPENCL_MAP(CLXI_OPENCL_POINTER)
#undef CLXI_OPENCL_POINTER
} clxi_opencl_table;

extern clxi_opencl_table clxi_opencl;

/* Fills the table; cheap when that was done. Whatever may be a process's first call of OpenCL asks for it: contexts and
 * lists of devices, since all else takes an object that one of them, or the caller's own OpenCL, has made. After a
 * failure the next call tries again. Threads: any. */
clx_status clxi_opencl_load(clx_error *error);

#ifdef CLXI_LOAD_OPENCL
#define clBuildProgram clxi_opencl.clBuildProgram
#define clCreateBuffer clxi_opencl.clCreateBuffer
#define clCreateCommandQueue clxi_opencl.clCreateCommandQueue
#define clCreateContext clxi_opencl.clCreateContext
#define clCreateKernel clxi_opencl.clCreateKernel
#define clCreateProgramWithBinary clxi_opencl.clCreateProgramWithBinary
#define clCreateProgramWithSource clxi_opencl.clCreateProgramWithSource
#define clCreateSubDevices clxi_opencl.clCreateSubDevices
#define clEnqueueCopyBuffer clxi_opencl.clEnqueueCopyBuffer
#define clEnqueueMapBuffer clxi_opencl.clEnqueueMapBuffer
#define clEnqueueMarkerWithWaitList clxi_opencl.clEnqueueMarkerWithWaitList
#define clEnqueueNDRangeKernel clxi_opencl.clEnqueueNDRangeKernel
#define clEnqueueReadBuffer clxi_opencl.clEnqueueReadBuffer
#define clEnqueueUnmapMemObject clxi_opencl.clEnqueueUnmapMemObject
#define clEnqueueWriteBuffer clxi_opencl.clEnqueueWriteBuffer
#define clFinish clxi_opencl.clFinish
#define clFlush clxi_opencl.clFlush
#define clGetCommandQueueInfo clxi_opencl.clGetCommandQueueInfo
#define clGetContextInfo clxi_opencl.clGetContextInfo
#define clGetDeviceIDs clxi_opencl.clGetDeviceIDs
#define clGetDeviceInfo clxi_opencl.clGetDeviceInfo
#define clGetEventInfo clxi_opencl.clGetEventInfo
#define clGetEventProfilingInfo clxi_opencl.clGetEventProfilingInfo
#define clGetKernelWorkGroupInfo clxi_opencl.clGetKernelWorkGroupInfo
#define clGetMemObjectInfo clxi_opencl.clGetMemObjectInfo
#define clGetPlatformIDs clxi_opencl.clGetPlatformIDs
#define clGetPlatformInfo clxi_opencl.clGetPlatformInfo
#define clGetProgramBuildInfo clxi_opencl.clGetProgramBuildInfo
#define clGetProgramInfo clxi_opencl.clGetProgramInfo
#define clReleaseCommandQueue clxi_opencl.clReleaseCommandQueue
#define clReleaseContext clxi_opencl.clReleaseContext
#define clReleaseDevice clxi_opencl.clReleaseDevice
#define clReleaseEvent clxi_opencl.clReleaseEvent
#define clReleaseKernel clxi_opencl.clReleaseKernel
#define clReleaseMemObject clxi_opencl.clReleaseMemObject
#define clReleaseProgram clxi_opencl.clReleaseProgram
#define clRetainContext clxi_opencl.clRetainContext
#define clRetainEvent clxi_opencl.clRetainEvent
#define clRetainMemObject clxi_opencl.clRetainMemObject
#define clRetainProgram clxi_opencl.clRetainProgram
#define clSetEventCallback clxi_opencl.clSetEventCallback
#define clSetKernelArg clxi_opencl.clSetKernelArg
#define clWaitForEvents clxi_opencl.clWaitForEvents
#endif

#endif
