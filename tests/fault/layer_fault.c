/* SPDX-License-Identifier: Apache-2.0
 *
 * An OpenCL layer: spoils a chosen call, and counts the objects that are alive and the bytes of buffers. Releases are
 * never spoilt, since nobody could do anything about it. tests/lint/test_fault_layer.sh sees to it that everything the
 * library calls is here. */
#define _DEFAULT_SOURCE
#include "layer.h"

#undef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

fault_state fault_control;

static const cl_icd_dispatch *next; /* the driver, or another layer */
static cl_icd_dispatch ours;

/* Counts a call; is it the one? */
static bool hits(const char *function)
{
    fault_state *f = &fault_control;
    const char *none = NULL;
    const int number = atomic_fetch_add(&f->seen, 1) + 1;
    if (f->at == 0 || !(number == f->at || (f->sticky && number > f->at))) return false;
    atomic_fetch_add(&f->hits, 1);
    atomic_compare_exchange_strong(&f->hit, &none, function);
    return true;
}

/* CL_SUCCESS, or the code to fail with. */
static cl_int fault(const char *function)
{
    fault_state *f = &fault_control;
    if (!f->armed || (f->mode != FAULT_CODE && f->mode != FAULT_DELAY) || !hits(function)) return CL_SUCCESS;
    if (f->mode == FAULT_CODE) return f->code;
    usleep(f->delay_us);
    return CL_SUCCESS;
}

/* Does a query answer 0? */
static bool says_nothing(const char *function, size_t room, void *value, size_t *size)
{
    if (!fault_control.armed || fault_control.mode != FAULT_ZEROS || !hits(function)) return false;
    if (value != NULL) memset(value, 0, room);
    if (size != NULL) *size = 0;
    return true;
}

static cl_int counted(cl_int code, const void *object)
{
    if (code == CL_SUCCESS && object != NULL) atomic_fetch_add(&fault_control.live, 1);
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

/* Those that fill `size` bytes at `value`, or say in `*needed` how many there are. */
#define QUERIES(name, parameters, arguments)                                                                           \
    static cl_int CL_API_CALL layer_##name parameters                                                                  \
    {                                                                                                                  \
        cl_int fails = fault(#name);                                                                                   \
        if (fails != CL_SUCCESS) return fails;                                                                         \
        return says_nothing(#name, size, value, needed) ? CL_SUCCESS : next->name arguments;                           \
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
        atomic_fetch_sub(&fault_control.live, 1);                                                                      \
        return next->clRelease##object(it);                                                                            \
    }

typedef void(CL_CALLBACK *notify_context)(const char *, const void *, size_t, void *);
typedef void(CL_CALLBACK *notify_program)(cl_program, void *);
typedef void(CL_CALLBACK *notify_event)(cl_event, cl_int, void *);
typedef const cl_event *events;

/* ---- Buffers, with their bytes. */

typedef struct buffer {
    struct buffer *next;
    cl_mem mem;
    long long bytes;
    int holds;
} buffer;

static buffer *buffers;
static pthread_mutex_t buffers_mutex = PTHREAD_MUTEX_INITIALIZER;

static void note_buffer(cl_mem mem, size_t bytes)
{
    buffer *b = malloc(sizeof *b);
    if (b == NULL) return;
    pthread_mutex_lock(&buffers_mutex);
    *b = (buffer){buffers, mem, (long long)bytes, 1};
    buffers = b;
    pthread_mutex_unlock(&buffers_mutex);
    atomic_fetch_add(&fault_control.live_bytes, b->bytes);
}

/* One hold more, or one less. */
static void hold_buffer(cl_mem mem, int change)
{
    pthread_mutex_lock(&buffers_mutex);
    buffer **link = &buffers;
    while (*link != NULL && (*link)->mem != mem) {
        link = &(*link)->next;
    }
    buffer *b = *link;
    if (b != NULL) b->holds += change;
    if (b != NULL && b->holds == 0) {
        atomic_fetch_sub(&fault_control.live_bytes, b->bytes);
        *link = b->next;
        free(b);
    }
    pthread_mutex_unlock(&buffers_mutex);
}

static cl_mem CL_API_CALL layer_clCreateBuffer(cl_context c, cl_mem_flags f, size_t s, void *h, cl_int *code)
{
    cl_int fails = fault("clCreateBuffer");
    fault_state *state = &fault_control;
    if (state->armed && state->mode == FAULT_MEMORY && (size_t)state->live_bytes + s > state->budget_bytes) {
        const char *none = NULL;
        atomic_fetch_add(&state->hits, 1);
        atomic_compare_exchange_strong(&state->hit, &none, "clCreateBuffer");
        fails = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    }
    if (fails != CL_SUCCESS) {
        if (code != NULL) *code = fails;
        return NULL;
    }
    cl_mem made = next->clCreateBuffer(c, f, s, h, code);
    counted(CL_SUCCESS, made);
    if (made != NULL) note_buffer(made, s);
    return made;
}

static cl_int CL_API_CALL layer_clRetainMemObject(cl_mem mem)
{
    cl_int fails = fault("clRetainMemObject");
    if (fails != CL_SUCCESS) return fails;
    hold_buffer(mem, 1);
    return counted(next->clRetainMemObject(mem), mem);
}

static cl_int CL_API_CALL layer_clReleaseMemObject(cl_mem mem)
{
    atomic_fetch_sub(&fault_control.live, 1);
    hold_buffer(mem, -1);
    return next->clReleaseMemObject(mem);
}

/* ---- Binaries. */

static bool spoils_binaries(const char *what)
{
    const fault_mode mode = fault_control.mode;
    return fault_control.armed && (mode == FAULT_SHORT || mode == FAULT_GARBLED) && hits(what);
}

/* The program's binary of each device, whole; freed by the caller. */
static unsigned char **whole_binaries(cl_program program, size_t *sizes, size_t count)
{
    unsigned char **all = calloc(count, sizeof *all);
    for (size_t i = 0; all != NULL && i < count; i++) {
        all[i] = malloc(sizes[i] + 1);
    }
    if (all != NULL) next->clGetProgramInfo(program, CL_PROGRAM_BINARIES, count * sizeof *all, all, NULL);
    return all;
}

/* What was handed over. No driver can be expected to work with it, and PoCL 3.1 was seen to crash: the layer refuses it in
 * the driver's place, at once or when it is built. */
typedef struct spoilt {
    struct spoilt *next;
    size_t bytes;
    unsigned char data[];
} spoilt;

static spoilt *spoilt_list;

static void keep_spoilt(const unsigned char *data, size_t bytes)
{
    spoilt *s = malloc(sizeof *s + bytes);
    if (s == NULL) return;
    memcpy(s->data, data, bytes);
    s->bytes = bytes;
    s->next = spoilt_list;
    spoilt_list = s;
}

static bool is_spoilt(const unsigned char *data, size_t bytes)
{
    for (const spoilt *s = spoilt_list; s != NULL; s = s->next) {
        if (s->bytes == bytes && memcmp(s->data, data, bytes) == 0) return true;
    }
    return false;
}

static cl_int spoilt_binaries(cl_program program, size_t room, unsigned char **places)
{
    const bool cut = fault_control.mode == FAULT_SHORT;
    const size_t count = room / sizeof *places;
    size_t sizes[16] = {0};
    next->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof sizes, sizes, NULL);
    unsigned char **all = count <= 16 ? whole_binaries(program, sizes, count) : NULL;
    if (all == NULL) return CL_OUT_OF_HOST_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const size_t bytes = cut ? sizes[i] / 2 : sizes[i];
        for (size_t b = sizes[i] / 2; !cut && b < sizes[i]; b++) {
            all[i][b] = (unsigned char)(all[i][b] + 85);
        }
        if (places[i] != NULL) memcpy(places[i], all[i], bytes);
        keep_spoilt(all[i], bytes);
        free(all[i]);
    }
    free(all);
    return CL_SUCCESS;
}

static cl_program CL_API_CALL layer_clCreateProgramWithBinary(cl_context c, cl_uint n, const cl_device_id *d,
                                                              const size_t *l, const unsigned char **b, cl_int *s,
                                                              cl_int *code)
{
    const char *none = "no program";
    const cl_int fails = fault("clCreateProgramWithBinary");
    const bool bad = n == 1 && is_spoilt(b[0], l[0]);
    const bool at_once = bad && l[0] % 2 == 0;
    if (at_once && s != NULL) s[0] = CL_INVALID_BINARY;
    if (fails != CL_SUCCESS || at_once) {
        if (code != NULL) *code = fails != CL_SUCCESS ? fails : CL_INVALID_BINARY;
        return NULL;
    }
    if (bad && s != NULL) s[0] = CL_SUCCESS;
    cl_program made = bad ? next->clCreateProgramWithSource(c, 1, &none, NULL, code)
                          : next->clCreateProgramWithBinary(c, n, d, l, b, s, code);
    counted(CL_SUCCESS, made);
    return made;
}

/* A short binary is short from its size on, so both queries are spoilt; only the second counts. */
static cl_int CL_API_CALL layer_clGetProgramInfo(cl_program p, cl_program_info what, size_t size, void *value,
                                                 size_t *needed)
{
    const bool cut = fault_control.armed && fault_control.mode == FAULT_SHORT;
    cl_int fails = fault("clGetProgramInfo");
    if (fails != CL_SUCCESS) return fails;
    if (says_nothing("clGetProgramInfo", size, value, needed)) return CL_SUCCESS;
    if (what == CL_PROGRAM_BINARIES && value != NULL && spoils_binaries("clGetProgramInfo(CL_PROGRAM_BINARIES)")) {
        return spoilt_binaries(p, size, value);
    }
    cl_int code = next->clGetProgramInfo(p, what, size, value, needed);
    const int number = fault_control.seen + 1;
    const bool next_is_hit = number == fault_control.at || (fault_control.sticky && number > fault_control.at);
    for (size_t i = 0;
         cut && next_is_hit && what == CL_PROGRAM_BINARY_SIZES && value != NULL && i < size / sizeof(size_t); i++) {
        ((size_t *)value)[i] /= 2;
    }
    return code;
}

/* ---- Launches. */

static cl_int CL_API_CALL layer_clEnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o,
                                                       const size_t *g, const size_t *l, cl_uint n, events e,
                                                       cl_event *event)
{
    cl_int fails = fault("clEnqueueNDRangeKernel");
    if (fails != CL_SUCCESS) return fails;
    atomic_fetch_add(&fault_control.launches, 1);
    if (fault_control.dry) return counted(next->clEnqueueMarkerWithWaitList(q, n, e, event), event);
    return counted(next->clEnqueueNDRangeKernel(q, k, d, o, g, l, n, e, event), event);
}

/* ---- All others. */

MAKES(cl_context, clCreateContext,
      (const cl_context_properties *p, cl_uint n, const cl_device_id *d, notify_context f, void *u, cl_int *code),
      (p, n, d, f, u, code))
MAKES(cl_command_queue, clCreateCommandQueue,
      (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), (c, d, p, code))
MAKES(cl_mem, clCreateImage,
      (cl_context c, cl_mem_flags f, const cl_image_format *i, const cl_image_desc *d, void *h, cl_int *code),
      (c, f, i, d, h, code))
MAKES(cl_mem, clCreateSubBuffer, (cl_mem m, cl_mem_flags f, cl_buffer_create_type t, const void *i, cl_int *code),
      (m, f, t, i, code))
MAKES(cl_program, clCreateProgramWithSource, (cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *code),
      (c, n, s, l, code))
MAKES(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *code), (p, name, code))
MAKES(cl_event, clCreateUserEvent, (cl_context c, cl_int *code), (c, code))

static cl_int CL_API_CALL layer_clCreateSubDevices(cl_device_id d, const cl_device_partition_property *p, cl_uint n,
                                                   cl_device_id *out, cl_uint *r)
{
    cl_int code = fault("clCreateSubDevices");
    if (code != CL_SUCCESS) return code;
    code = next->clCreateSubDevices(d, p, n, out, r);
    for (cl_uint i = 0; code == CL_SUCCESS && i < n; i++)
        counted(CL_SUCCESS, out[i]);
    return code;
}

RETURNS(clGetPlatformIDs, (cl_uint n, cl_platform_id *p, cl_uint *r), (n, p, r))
RETURNS(clGetDeviceIDs, (cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *d, cl_uint *r), (p, t, n, d, r))
RETURNS(clBuildProgram, (cl_program p, cl_uint n, const cl_device_id *d, const char *o, notify_program f, void *u),
        (p, n, d, o, f, u))
RETURNS(clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *v), (k, i, n, v))
RETURNS(clFlush, (cl_command_queue q), (q))
RETURNS(clFinish, (cl_command_queue q), (q))
RETURNS(clWaitForEvents, (cl_uint n, events e), (n, e))
RETURNS(clSetEventCallback, (cl_event e, cl_int s, notify_event f, void *u), (e, s, f, u))
RETURNS(clSetUserEventStatus, (cl_event e, cl_int s), (e, s))

QUERIES(clGetPlatformInfo, (cl_platform_id o, cl_platform_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetDeviceInfo, (cl_device_id o, cl_device_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetContextInfo, (cl_context o, cl_context_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetCommandQueueInfo, (cl_command_queue o, cl_command_queue_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetMemObjectInfo, (cl_mem o, cl_mem_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetProgramBuildInfo,
        (cl_program o, cl_device_id d, cl_program_build_info i, size_t size, void *value, size_t *needed),
        (o, d, i, size, value, needed))
QUERIES(clGetKernelInfo, (cl_kernel o, cl_kernel_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetKernelWorkGroupInfo,
        (cl_kernel o, cl_device_id d, cl_kernel_work_group_info i, size_t size, void *value, size_t *needed),
        (o, d, i, size, value, needed))
QUERIES(clGetEventInfo, (cl_event o, cl_event_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))
QUERIES(clGetEventProfilingInfo, (cl_event o, cl_profiling_info i, size_t size, void *value, size_t *needed),
        (o, i, size, value, needed))

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
ENQUEUES(clEnqueueCopyBuffer,
         (cl_command_queue q, cl_mem a, cl_mem b, size_t i, size_t o, size_t s, cl_uint n, events e, cl_event *event),
         (q, a, b, i, o, s, n, e, event))
ENQUEUES(clEnqueueUnmapMemObject, (cl_command_queue q, cl_mem m, void *p, cl_uint n, events e, cl_event *event),
         (q, m, p, n, e, event))

HOLDS(Context, cl_context)
HOLDS(Device, cl_device_id)
HOLDS(CommandQueue, cl_command_queue)
HOLDS(Program, cl_program)
HOLDS(Kernel, cl_kernel)
HOLDS(Event, cl_event)

static void *CL_API_CALL layer_clEnqueueMapBuffer(cl_command_queue q, cl_mem m, cl_bool b, cl_map_flags f, size_t o,
                                                  size_t s, cl_uint n, events e, cl_event *event, cl_int *code)
{
    cl_int result = fault("clEnqueueMapBuffer");
    void *mapped = NULL;
    if (result == CL_SUCCESS) {
        mapped = next->clEnqueueMapBuffer(q, m, b, f, o, s, n, e, event, &result);
        counted(result, event);
    }
    if (code != NULL) *code = result;
    return mapped;
}

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
    HOOK(clCreateContext), HOOK(clCreateCommandQueue), HOOK(clCreateBuffer), HOOK(clCreateSubBuffer),
        HOOK(clCreateImage);
    HOOK(clCreateProgramWithSource), HOOK(clCreateProgramWithBinary), HOOK(clCreateKernel), HOOK(clCreateUserEvent);
    HOOK(clGetPlatformIDs), HOOK(clGetPlatformInfo), HOOK(clGetDeviceIDs), HOOK(clGetDeviceInfo);
    HOOK(clGetContextInfo), HOOK(clGetCommandQueueInfo), HOOK(clGetMemObjectInfo), HOOK(clGetProgramInfo);
    HOOK(clGetProgramBuildInfo), HOOK(clGetKernelInfo), HOOK(clGetKernelWorkGroupInfo), HOOK(clGetEventInfo);
    HOOK(clGetEventProfilingInfo), HOOK(clBuildProgram), HOOK(clSetKernelArg), HOOK(clFlush), HOOK(clFinish);
    HOOK(clWaitForEvents), HOOK(clSetEventCallback), HOOK(clSetUserEventStatus);
    HOOK(clEnqueueNDRangeKernel), HOOK(clEnqueueMarkerWithWaitList), HOOK(clEnqueueReadBuffer);
    HOOK(clEnqueueWriteBuffer), HOOK(clEnqueueFillBuffer), HOOK(clEnqueueCopyBuffer), HOOK(clEnqueueMapBuffer);
    HOOK(clEnqueueUnmapMemObject);
    HOOK(clRetainContext), HOOK(clRetainCommandQueue), HOOK(clRetainMemObject), HOOK(clRetainProgram);
    HOOK(clRetainKernel), HOOK(clRetainEvent), HOOK(clRetainDevice);
    HOOK(clReleaseContext), HOOK(clReleaseCommandQueue), HOOK(clReleaseMemObject), HOOK(clReleaseProgram);
    HOOK(clReleaseKernel), HOOK(clReleaseEvent), HOOK(clReleaseDevice), HOOK(clCreateSubDevices);
    *our_count = sizeof ours / sizeof ours.clGetPlatformIDs;
    *out = &ours;
    return CL_SUCCESS;
}
