/* SPDX-License-Identifier: Apache-2.0
 *
 * One call of an operator on the caller's queue: a chain of launches behind the wait list, with one event at the end.
 *
 *     begin   checks the launch and takes the workspace; nothing is enqueued
 *     kernel  any number of times; each runs behind the one before it, on in-order and out-of-order queues alike
 *     part    any number of times: what other operators enqueue
 *     end     the event, the pool, the first error of the chain
 *
 * All kernels have a one-dimensional grid and find their group as get_global_id(0) / group size, so that a grid can be
 * cut into several launches by the global offset. */
#ifndef CLXI_RUNTIME_LAUNCH_H
#define CLXI_RUNTIME_LAUNCH_H

#include "runtime/pace.h"
#include "runtime/view.h"

typedef struct clxi_call {
    clx_context *context;
    cl_command_queue queue;
    bool in_order;
    cl_uint wait_count;
    const cl_event *wait_list;
    cl_event last;   /* of the newest launch, where it was asked for */
    cl_event *event; /* the caller's, or NULL */
    cl_mem workspace;
    uint64_t workspace_offset; /* bytes */
    clxi_pool_block *block;    /* of the pool, or NULL */
    uint32_t launches;
    bool more;               /* the next launch is not the last: see clxi_call_more */
    double uneven;           /* of the next kernel: see clxi_call_uneven */
    const clxi_paces *paces; /* the operator's, set behind clxi_call_begin; NULL: estimates */
    clx_status status;       /* the first failure */
    clx_error *error;
} clxi_call;

/* Checks `launch`: struct_size, queue (its context and device), wait list (NULL events, other contexts), workspace
 * (NULL, or size and offset). With `workspace_bytes` > 0 and no workspace given, takes a block of the pool. `extents`
 * are the call's checked tensors: the workspace may meet none of them. */
clx_status clxi_call_begin(clxi_call *call, clx_context *context, const clx_launch *launch, uint64_t workspace_bytes,
                           const clxi_extent *extents, size_t extent_count, clx_error *error);

/* Arguments of a kernel, in order; the first failure sticks. */
typedef struct clxi_bind {
    cl_kernel kernel;
    cl_uint index;
    cl_int code;
} clxi_bind;

clxi_bind clxi_bind_begin(cl_kernel kernel);
void clxi_bind_mem(clxi_bind *bind, cl_mem mem);
void clxi_bind_u64(clxi_bind *bind, uint64_t value);
void clxi_bind_i64(clxi_bind *bind, int64_t value);
void clxi_bind_u32(clxi_bind *bind, uint32_t value);
void clxi_bind_f32(clxi_bind *bind, float value);
/* A struct by value: one call of the driver for what would be many. Only fields of 4 and 8 bytes, larger ones first. */
void clxi_bind_struct(clxi_bind *bind, const void *value, size_t size);
/* mem, offset (ulong, elements) and the strides (long) of the first `strides` dimensions. NULL binds a null buffer and
 * zeros. */
void clxi_bind_view(clxi_bind *bind, const clx_tensor *tensor, uint32_t strides);
/* the call's workspace as a buffer and an offset in floats */
void clxi_bind_workspace(clxi_bind *bind, const clxi_call *call);

/* Enqueues `groups` groups of `group_size` items. `flops_per_group` (counted as it is easy, yet always the same way; 0: never
 * cut) and the kernel's pace decide how many launches of the context's launch_ms at most that takes. `name` is the
 * kernel's, for messages and paces. Does nothing after a failure. */
void clxi_call_kernel(clxi_call *call, const clxi_bind *bind, const char *name, uint64_t groups, size_t group_size,
                      double flops_per_group);

/* Of the next kernel only: groups cost up to `ratio` times as much as flops_per_group, which is the mean, and expensive ones
 * may come one after another. */
void clxi_call_uneven(clxi_call *call, double ratio);

/* Says whether launches follow the next ones; at first none do. Only the last launch on an in-order queue needs an event,
 * and one more costs the host a fifth of a launch, with a profiling queue as much as the launch. */
void clxi_call_more(clxi_call *call, bool more);

/* A part of the call that another operator enqueues: its launch, behind what came before, with the call's workspace from
 * `workspace_bytes_offset` on (a multiple of 64). What the operator returned, and the event that it left in `*event`,
 * must go to clxi_call_part_end before anything else is enqueued. */
clx_launch clxi_call_part_begin(const clxi_call *call, uint64_t workspace_bytes_offset, cl_event *event);
void clxi_call_part_end(clxi_call *call, clx_status status, cl_event event);

/* Hands out the event (a marker's where no launch gave one) and returns the first failure. */
clx_status clxi_call_end(clxi_call *call);

#endif
