/* SPDX-License-Identifier: Apache-2.0
 *
 * An OpenCL layer: makes a chosen call fail without passing it on, and counts the objects that are alive. Releases are
 * never made to fail, since nobody could do anything about it. */
#include "layer.h"

#undef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <CL/cl_layer.h>
#include <string.h>

fault_state fault_control;

static const cl_icd_dispatch *next; /* the driver, or another layer */
static cl_icd_dispatch ours;

/* Counts a call; CL_SUCCESS, or the code to fail with. */
static cl_int fault(const char *function)
{
    fault_state *f = &fault_control;
    if (!f->armed) return CL_SUCCESS;
    f->seen++;
    bool hit = f->at > 0 && (f->seen == f->at || (f->sticky && f->seen > f->at));
    if (!hit) return CL_SUCCESS;
    if (f->hit == NULL) f->hit = function;
    return f->code;
}

static cl_int counted(cl_int code, const void *object)
{
    if (code == CL_SUCCESS && object != NULL) fault_control.live++;
    return code;
}

/* The functions that make something: failing, they give NULL and a code. */
#define MAKES(type, name, parameters, arguments)                                                                       \
    static type CL_API_CALL layer_##name parameters                                                                    \
    {                                                                                                                  \
        cl_int fails = fault(#name);                                                                                   \
        if (fails != CL_SUCCESS) {                                                                                     \
            if (code != NULL) *code = fails;                                                                           \
            return NULL;                                                                                               \
        }                                                                                                              \
        type made = next->name arguments;                                                                              \
        counted(CL_SUCCESS, made);                                                                                     \
        return made;                                                                                                   \
    }

/* Those that return a code. */
#define RETURNS(name, parameters, arguments)                                                                           \
    static cl_int CL_API_CALL layer_##name parameters                                                                  \
    {                                                                                                                  \
        cl_int fails = fault(#name);                                                                                   \
        return fails != CL_SUCCESS ? fails : next->name arguments;                                                     \
    }

/* Those that return a code and may make an event. */
#define ENQUEUES(name, parameters, arguments)                                                                          \
    static cl_int CL_API_CALL layer_##name parameters                                                                  \
    {                                                                                                                  \
        cl_int fails = fault(#name);                                                                                   \
        if (fails != CL_SUCCESS) return fails;                                                                         \
        return counted(next->name arguments, event);                                                                   \
    }

#define HOLDS(object, type)                                                                                            \
    static cl_int CL_API_CALL layer_clRetain##object(type it)                                                          \
    {                                                                                                                  \
        cl_int fails = fault("clRetain" #object);                                                                      \
        return fails != CL_SUCCESS ? fails : counted(next->clRetain##object(it), it);                                  \
    }                                                                                                                  \
    static cl_int CL_API_CALL layer_clRelease##object(type it)                                                         \
    {                                                                                                                  \
        fault_control.live--;                                                                                          \
        return next->clRelease##object(it);                                                                            \
    }

typedef void(CL_CALLBACK *notify_context)(const char *, const void *, size_t, void *);
typedef void(CL_CALLBACK *notify_program)(cl_program, void *);
typedef const cl_event *events;

MAKES(cl_context, clCreateContext,
      (const cl_context_properties *p, cl_uint n, const cl_device_id *d, notify_context f, void *u, cl_int *code),
      (p, n, d, f, u, code))
MAKES(cl_command_queue, clCreateCommandQueue,
      (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), (c, d, p, code))
MAKES(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags f, size_t s, void *h, cl_int *code), (c, f, s, h, code))
MAKES(cl_program, clCreateProgramWithSource, (cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *code),
      (c, n, s, l, code))
MAKES(cl_program, clCreateProgramWithBinary,
      (cl_context c, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b, cl_int *s,
       cl_int *code),
      (c, n, d, l, b, s, code))
MAKES(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *code), (p, name, code))

RETURNS(clGetPlatformIDs, (cl_uint n, cl_platform_id *p, cl_uint *r), (n, p, r))
RETURNS(clGetPlatformInfo, (cl_platform_id o, cl_platform_info i, size_t n, void *v, size_t *r), (o, i, n, v, r))
RETURNS(clGetDeviceIDs, (cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *d, cl_uint *r), (p, t, n, d, r))
RETURNS(clGetDeviceInfo, (cl_device_id o, cl_device_info i, size_t n, void *v, size_t *r), (o, i, n, v, r))
RETURNS(clGetContextInfo, (cl_context o, cl_context_info i, size_t n, void *v, size_t *r), (o, i, n, v, r))
RETURNS(clGetCommandQueueInfo, (cl_command_queue o, cl_command_queue_info i, size_t n, void *v, size_t *r),
        (o, i, n, v, r))
RETURNS(clGetMemObjectInfo, (cl_mem o, cl_mem_info i, size_t n, void *v, size_t *r), (o, i, n, v, r))
RETURNS(clGetProgramInfo, (cl_program o, cl_program_info i, size_t n, void *v, size_t *r), (o, i, n, v, r))
RETURNS(clGetProgramBuildInfo, (cl_program o, cl_device_id d, cl_program_build_info i, size_t n, void *v, size_t *r),
        (o, d, i, n, v, r))
RETURNS(clGetKernelWorkGroupInfo,
        (cl_kernel o, cl_device_id d, cl_kernel_work_group_info i, size_t n, void *v, size_t *r), (o, d, i, n, v, r))
RETURNS(clGetEventInfo, (cl_event o, cl_event_info i, size_t n, void *v, size_t *r), (o, i, n, v, r))
RETURNS(clBuildProgram, (cl_program p, cl_uint n, const cl_device_id *d, const char *o, notify_program f, void *u),
        (p, n, d, o, f, u))
RETURNS(clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *v), (k, i, n, v))
RETURNS(clFinish, (cl_command_queue q), (q))
RETURNS(clWaitForEvents, (cl_uint n, events e), (n, e))

ENQUEUES(clEnqueueNDRangeKernel,
         (cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o, const size_t *g, const size_t *l, cl_uint n,
          events e, cl_event *event),
         (q, k, d, o, g, l, n, e, event))
ENQUEUES(clEnqueueMarkerWithWaitList, (cl_command_queue q, cl_uint n, events e, cl_event *event), (q, n, e, event))
ENQUEUES(clEnqueueReadBuffer,
         (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p, cl_uint n, events e, cl_event *event),
         (q, m, b, o, s, p, n, e, event))
ENQUEUES(clEnqueueWriteBuffer,
         (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, const void *p, cl_uint n, events e,
          cl_event *event),
         (q, m, b, o, s, p, n, e, event))
ENQUEUES(clEnqueueFillBuffer,
         (cl_command_queue q, cl_mem m, const void *p, size_t ps, size_t o, size_t s, cl_uint n, events e,
          cl_event *event),
         (q, m, p, ps, o, s, n, e, event))

HOLDS(Context, cl_context)
HOLDS(CommandQueue, cl_command_queue)
HOLDS(MemObject, cl_mem)
HOLDS(Program, cl_program)
HOLDS(Kernel, cl_kernel)
HOLDS(Event, cl_event)

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void *value, size_t *size)
{
    static const char name[] = "clxlstm fault injection";
    const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    const void *answer = what == CL_LAYER_NAME ? (const void *)name : (const void *)&version;
    size_t bytes = what == CL_LAYER_NAME ? sizeof name : sizeof version;
    if (what != CL_LAYER_NAME && what != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
    if (value != NULL && room < bytes) return CL_INVALID_VALUE;
    if (value != NULL) memcpy(value, answer, bytes);
    if (size != NULL) *size = bytes;
    return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch *target, cl_uint *our_count,
                                            const cl_icd_dispatch **out)
{
    if (target == NULL || our_count == NULL || out == NULL) return CL_INVALID_VALUE;
    if (count < sizeof ours / sizeof ours.clGetPlatformIDs) return CL_INVALID_VALUE;
    next = target;
    memcpy(&ours, target, sizeof ours);
#define HOOK(name) ours.name = layer_##name
    HOOK(clCreateContext), HOOK(clCreateCommandQueue), HOOK(clCreateBuffer), HOOK(clCreateProgramWithSource);
    HOOK(clCreateProgramWithBinary), HOOK(clCreateKernel);
    HOOK(clGetPlatformIDs), HOOK(clGetPlatformInfo), HOOK(clGetDeviceIDs), HOOK(clGetDeviceInfo);
    HOOK(clGetContextInfo), HOOK(clGetCommandQueueInfo), HOOK(clGetMemObjectInfo), HOOK(clGetProgramInfo);
    HOOK(clGetProgramBuildInfo), HOOK(clGetKernelWorkGroupInfo), HOOK(clGetEventInfo);
    HOOK(clBuildProgram), HOOK(clSetKernelArg), HOOK(clFinish), HOOK(clWaitForEvents);
    HOOK(clEnqueueNDRangeKernel), HOOK(clEnqueueMarkerWithWaitList), HOOK(clEnqueueReadBuffer);
    HOOK(clEnqueueWriteBuffer), HOOK(clEnqueueFillBuffer);
    HOOK(clRetainContext), HOOK(clRetainCommandQueue), HOOK(clRetainMemObject), HOOK(clRetainProgram);
    HOOK(clRetainKernel), HOOK(clRetainEvent);
    HOOK(clReleaseContext), HOOK(clReleaseCommandQueue), HOOK(clReleaseMemObject), HOOK(clReleaseProgram);
    HOOK(clReleaseKernel), HOOK(clReleaseEvent);
    *our_count = sizeof ours / sizeof ours.clGetPlatformIDs;
    *out = &ours;
    return CL_SUCCESS;
}
