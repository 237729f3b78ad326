/* SPDX-License-Identifier: Apache-2.0
 *
 * The chain of launches of one call. */
#include "runtime/launch.h"

#include "base/arith.h"
#include "runtime/workspace.h"
#include <math.h>
#include <string.h>

#define WORKSPACE_ALIGNMENT 64

static clx_status check_queue(clxi_call *call, clx_error *error)
{
    cl_context owner = NULL;
    cl_device_id device = NULL;
    cl_command_queue_properties properties = 0;
    cl_command_queue queue = call->queue;
    if (queue == NULL) return clxi_fail(error, CLX_ERR_NULL, "launch.queue: null");
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof owner, &owner, NULL);
    if (code == CL_SUCCESS) code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL);
    if (code == CL_SUCCESS) {
        code = clGetCommandQueueInfo(queue, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL);
    }
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "launch.queue: not a live queue");
    if (owner != call->context->cl) {
        return clxi_fail(error, CLX_ERR_CONTEXT, "launch.queue: of another context, expected the operator's");
    }
    if (device != call->context->caps.device) {
        return clxi_fail(error, CLX_ERR_CONTEXT, "launch.queue: of another device, expected %s",
                         call->context->caps.name);
    }
    call->in_order = (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0;
    return CLX_OK;
}

static clx_status check_wait_list(const clxi_call *call, clx_error *error)
{
    if (call->wait_count > 0 && call->wait_list == NULL) {
        return clxi_fail(error, CLX_ERR_NULL, "launch.wait_list: null, expected %u events", call->wait_count);
    }
    for (cl_uint i = 0; i < call->wait_count; i++) {
        cl_context owner = NULL;
        if (call->wait_list[i] == NULL) return clxi_fail(error, CLX_ERR_NULL, "launch.wait_list[%u]: null", i);
        cl_int code = clGetEventInfo(call->wait_list[i], CL_EVENT_CONTEXT, sizeof owner, &owner, NULL);
        if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "launch.wait_list[%u]: not a live event", i);
        if (owner != call->context->cl) {
            return clxi_fail(error, CLX_ERR_CONTEXT,
                             "launch.wait_list[%u]: of another context, expected the operator's", i);
        }
    }
    return CLX_OK;
}

/* The caller's workspace: large enough, writable, and apart from every tensor of the call. */
static clx_status check_workspace(const clxi_call *call, uint64_t needed, const clxi_extent *extents, size_t count,
                                  clx_error *error)
{
    cl_mem root = NULL;
    cl_mem_flags flags = 0;
    uint64_t root_offset = 0;
    uint64_t size = 0;
    uint64_t offset = call->workspace_offset;
    clx_status status =
        clxi_buffer_check(call->context, call->workspace, "launch.workspace", &root, &root_offset, &size, error);
    if (status != CLX_OK) return status;
    cl_int code = clGetMemObjectInfo(call->workspace, CL_MEM_FLAGS, sizeof flags, &flags, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "launch.workspace: its buffer cannot be queried");
    if ((flags & (CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY)) != 0) {
        return clxi_fail(error, CLX_ERR_VALUE, "launch.workspace: read-only or write-only, expected CL_MEM_READ_WRITE");
    }
    if (offset % WORKSPACE_ALIGNMENT != 0) {
        return clxi_fail(error, CLX_ERR_VALUE, "launch.workspace_offset: %llu, expected a multiple of %d",
                         (unsigned long long)offset, WORKSPACE_ALIGNMENT);
    }
    if (offset > size || needed > size - offset) {
        return clxi_fail(error, CLX_ERR_WORKSPACE,
                         "launch.workspace: %llu bytes at offset %llu, expected at least %llu",
                         (unsigned long long)(offset > size ? 0 : size - offset), (unsigned long long)offset,
                         (unsigned long long)needed);
    }
    uint64_t begin = root_offset + offset;
    for (size_t i = 0; i < count && needed > 0; i++) {
        const clxi_extent *e = &extents[i];
        if (e->tensor != NULL && e->root == root && e->begin < begin + needed && begin < e->end) {
            return clxi_fail(error, CLX_ERR_OVERLAP, "launch.workspace: overlaps %s, expected memory of its own",
                             e->name);
        }
    }
    return CLX_OK;
}

clx_status clxi_call_begin(clxi_call *call, clx_context *context, const clx_launch *launch, uint64_t workspace_bytes,
                           const clxi_extent *extents, size_t extent_count, clx_error *error)
{
    clx_status status = CLX_OK;
    memset(call, 0, sizeof *call);
    call->context = context;
    call->error = error;
    if (launch == NULL) return clxi_fail(error, CLX_ERR_NULL, "launch: null");
    if (launch->struct_size != sizeof *launch) {
        return clxi_fail(error, CLX_ERR_VALUE, "launch.struct_size: %zu, expected %zu (CLX_LAUNCH_INIT)",
                         launch->struct_size, sizeof *launch);
    }
    call->queue = launch->queue;
    call->wait_count = launch->wait_count;
    call->wait_list = launch->wait_list;
    call->event = launch->event;
    call->workspace = launch->workspace;
    call->workspace_offset = launch->workspace_offset;
    CLXI_TRY(check_queue(call, error));
    CLXI_TRY(check_wait_list(call, error));
    if (launch->workspace != NULL) {
        CLXI_TRY(check_workspace(call, workspace_bytes, extents, extent_count, error));
    } else if (workspace_bytes > 0) {
        CLXI_TRY(clxi_pool_take(context, workspace_bytes, call->in_order ? call->queue : NULL, &call->block, error));
        call->workspace = clxi_pool_mem(call->block);
        call->workspace_offset = 0;
    }
    if (call->event != NULL) *call->event = NULL;
fail:
    return status;
}

clxi_bind clxi_bind_begin(cl_kernel kernel)
{
    return (clxi_bind){kernel, 0, CL_SUCCESS};
}

static void bind_bytes(clxi_bind *bind, size_t size, const void *value)
{
    if (bind->code != CL_SUCCESS) return; /* the index stays at the one that failed */
    bind->code = clSetKernelArg(bind->kernel, bind->index, size, value);
    if (bind->code == CL_SUCCESS) bind->index++;
}

void clxi_bind_mem(clxi_bind *bind, cl_mem mem)
{
    bind_bytes(bind, sizeof mem, mem != NULL ? (const void *)&mem : NULL);
}

void clxi_bind_u64(clxi_bind *bind, uint64_t value)
{
    bind_bytes(bind, sizeof value, &value);
}

void clxi_bind_i64(clxi_bind *bind, int64_t value)
{
    bind_bytes(bind, sizeof value, &value);
}

void clxi_bind_u32(clxi_bind *bind, uint32_t value)
{
    bind_bytes(bind, sizeof value, &value);
}

void clxi_bind_struct(clxi_bind *bind, const void *value, size_t size)
{
    bind_bytes(bind, size, value);
}

void clxi_bind_f32(clxi_bind *bind, float value)
{
    bind_bytes(bind, sizeof value, &value);
}

void clxi_bind_view(clxi_bind *bind, const clx_tensor *tensor, uint32_t strides)
{
    clxi_bind_mem(bind, tensor != NULL ? tensor->mem : NULL);
    clxi_bind_u64(bind, tensor != NULL ? tensor->offset : 0);
    for (uint32_t i = 0; i < strides; i++) {
        clxi_bind_i64(bind, tensor != NULL ? tensor->stride[i] : 0);
    }
}

void clxi_bind_workspace(clxi_bind *bind, const clxi_call *call)
{
    clxi_bind_mem(bind, call->workspace);
    clxi_bind_u64(bind, call->workspace_offset / sizeof(float));
}

/* What the next launch waits for: the caller's list, then the launch before it where the queue does not see to that. */
static const cl_event *next_wait_list(const clxi_call *call, cl_uint *count)
{
    *count = call->launches == 0 ? call->wait_count : !call->in_order && call->last != NULL;
    if (*count == 0) return NULL;
    return call->launches == 0 ? call->wait_list : &call->last;
}

/* Does anybody wait for the end of the call? */
static bool end_matters(const clxi_call *call)
{
    return call->event != NULL || call->block != NULL;
}

void clxi_call_more(clxi_call *call, bool more)
{
    call->more = more;
}

void clxi_call_uneven(clxi_call *call, double ratio)
{
    call->uneven = ratio;
}

static void set_last(clxi_call *call, cl_event event)
{
    if (call->last != NULL) clReleaseEvent(call->last);
    call->last = event;
    call->launches++;
}

/* Does anybody take the time of each launch? */
static bool is_watched(const clxi_call *call)
{
    return call->context->watch.launched != NULL || (call->paces != NULL && call->paces->laps != NULL);
}

/* Enqueues one slice of a grid behind what came before it. */
static cl_int enqueue(clxi_call *call, cl_kernel kernel, size_t first, size_t items, size_t group_size, bool last)
{
    cl_event event = NULL;
    cl_uint wait_count = 0;
    const cl_event *wait_list = next_wait_list(call, &wait_count);
    const bool wanted = !call->in_order || (last && end_matters(call)) || is_watched(call);
    cl_int code = clEnqueueNDRangeKernel(call->queue, kernel, 1, &first, &items, &group_size, wait_count, wait_list,
                                         wanted ? &event : NULL);
    if (code == CL_SUCCESS) set_last(call, event);
    return code;
}

clx_launch clxi_call_part_begin(const clxi_call *call, uint64_t workspace_bytes_offset, cl_event *event)
{
    clx_launch part = CLX_LAUNCH_INIT;
    part.queue = call->queue;
    part.wait_list = next_wait_list(call, &part.wait_count);
    part.event = !call->in_order || (!call->more && end_matters(call)) ? event : NULL;
    part.workspace = call->workspace;
    part.workspace_offset = call->workspace_offset + workspace_bytes_offset;
    *event = NULL;
    return part;
}

void clxi_call_part_end(clxi_call *call, clx_status status, cl_event event)
{
    /* No event after a failure, which may have launched something all the same; other failures than the driver's have
     * not. */
    if (status == CLX_OK || status == CLX_ERR_OPENCL) set_last(call, event);
    if (call->status == CLX_OK) call->status = status; /* the operator has written the message */
}

/* Groups of one launch: as many as fit its time, yet enough to give every part of the device one (Intel counts its eighths
 * of a core as units), since fewer would take as long as one. */
static uint64_t groups_at_once(const clxi_call *call, const char *name, uint64_t groups, double flops_per_group)
{
    const clx_context *context = call->context;
    const double pace = clxi_pace_of(call->paces, name);
    const double limit = context->launch_ms * (pace > 0 ? pace : context->flops_per_ms);
    if (!(flops_per_group > 0) || !(limit < (double)groups * flops_per_group)) return groups;
    if (call->paces != NULL && call->paces->laps != NULL) return groups;
    const uint64_t units = context->caps.compute_units;
    const uint64_t parts = context->caps.is_cpu ? units : units / 8 + 1;
    const double share = floor(limit / (flops_per_group * fmax(call->uneven, 1)));
    if (share < (double)parts) return parts;
    return (uint64_t)share - (context->caps.is_cpu ? (uint64_t)share % units : 0); /* no core idle in the last round */
}

/* Tells those who take times of the launch that was just made. */
static void tell(const clxi_call *call, const char *name, double flops)
{
    const clxi_watch *watch = &call->context->watch;
    if (call->last == NULL) return;
    if (call->paces != NULL && call->paces->laps != NULL) clxi_laps_note(call->paces->laps, name, flops, call->last);
    if (watch->launched != NULL) watch->launched(watch->user, name, call->last);
}

static void launch_all(clxi_call *call, const clxi_bind *bind, const char *name, uint64_t groups, size_t group_size,
                       double flops_per_group)
{
    uint64_t share = groups_at_once(call, name, groups, flops_per_group);
    for (uint64_t first = 0; first < groups; first += share) {
        uint64_t count = clxi_min_u64(share, groups - first);
        const bool last = !call->more && count == groups - first;
        cl_int code =
            enqueue(call, bind->kernel, (size_t)first * group_size, (size_t)count * group_size, group_size, last);
        if (code != CL_SUCCESS) {
            call->status = clxi_fail_cl(call->error, code, "%s: launch of %llu groups of %zu items", name,
                                        (unsigned long long)count, group_size);
            return;
        }
        tell(call, name, (double)count * flops_per_group);
    }
}

void clxi_call_kernel(clxi_call *call, const clxi_bind *bind, const char *name, uint64_t groups, size_t group_size,
                      double flops_per_group)
{
    uint64_t items;
    if (call->status != CLX_OK || groups == 0) return;
    if (bind->code != CL_SUCCESS) {
        call->status = clxi_fail_cl(call->error, bind->code, "%s: argument %u", name, bind->index);
        return;
    }
    if (!clxi_mul_u64(groups, group_size, &items) || items > SIZE_MAX) {
        call->status = clxi_fail(call->error, CLX_ERR_OVERFLOW, "%s: %llu groups of %zu items", name,
                                 (unsigned long long)groups, group_size);
        return;
    }
    launch_all(call, bind, name, groups, group_size, flops_per_group);
    call->uneven = 1;
}

/* A marker, where no launch has given the event of the end: nothing was launched, or not all that should have been. */
static void mark_end(clxi_call *call)
{
    const bool failed = call->status != CLX_OK;
    const bool unused = call->launches == 0 && (failed || call->event == NULL);
    cl_uint wait_count = 0;
    const cl_event *wait_list = next_wait_list(call, &wait_count);
    if (call->last != NULL || unused || !end_matters(call)) return;
    cl_int code = clEnqueueMarkerWithWaitList(call->queue, wait_count, wait_list, &call->last);
    if (code == CL_SUCCESS || failed) return; /* the first failure is the one to tell */
    call->status = clxi_fail_cl(call->error, code, "launch.event: marker");
}

/* Other statuses promise that nothing was enqueued: not so where it was a later launch that failed, for want of memory,
 * say. */
static void tell_of_launches(clxi_call *call)
{
    if (call->status == CLX_OK || call->status == CLX_ERR_OPENCL || call->launches == 0) return;
    call->status = clxi_fail_also(call->error, CLX_ERR_OPENCL, " (behind other launches: the outputs are undefined)");
}

clx_status clxi_call_end(clxi_call *call)
{
    mark_end(call);
    tell_of_launches(call);
    clxi_pool_give(call->context, call->block, call->launches > 0, call->last);
    call->block = NULL;
    if (call->status == CLX_OK && call->event != NULL) {
        *call->event = call->last;
    } else if (call->last != NULL) {
        clReleaseEvent(call->last);
    }
    call->last = NULL;
    return call->status;
}
