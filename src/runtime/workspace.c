/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of device memory. A block is in one of three states: held by a call that is being enqueued, running (its
 * event is not complete), free. */
#include "runtime/workspace.h"

#include "base/arith.h"
#include <stdlib.h>

#define GRAIN_BYTES ((uint64_t)1 << 16) /* sizes are rounded up to it, so that near sizes share blocks */

struct clxi_pool_block {
    clxi_pool_block *next;
    cl_mem mem;
    uint64_t size_bytes;
    bool held;
    cl_event event; /* of the call that used it last, or NULL */
};

static void block_free(clxi_pool_block *block)
{
    if (block->event != NULL) clReleaseEvent(block->event);
    if (block->mem != NULL) clReleaseMemObject(block->mem);
    free(block);
}

/* Has the last call completed (a failed one has, too)? Forgets its event then. */
static bool is_free(clxi_pool_block *block)
{
    if (block->held) return false;
    if (block->event == NULL) return true;
    cl_int state = CL_QUEUED;
    cl_int code = clGetEventInfo(block->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code != CL_SUCCESS || state > CL_COMPLETE) return false;
    clReleaseEvent(block->event);
    block->event = NULL;
    return true;
}

static bool runs_on(const clxi_pool_block *block, cl_command_queue queue)
{
    cl_command_queue used = NULL;
    if (queue == NULL || block->held || block->event == NULL) return false;
    cl_int code = clGetEventInfo(block->event, CL_EVENT_COMMAND_QUEUE, sizeof used, &used, NULL);
    return code == CL_SUCCESS && used == queue;
}

/* Unlinks and frees the free blocks. The caller holds the mutex. */
static void trim(clx_context *context)
{
    clxi_pool_block **link = &context->pool;
    while (*link != NULL) {
        clxi_pool_block *block = *link;
        if (is_free(block)) {
            *link = block->next;
            block_free(block);
        } else {
            link = &block->next;
        }
    }
}

/* The smallest block that fits. The caller holds the mutex. */
static clxi_pool_block *find(clx_context *context, uint64_t size_bytes, cl_command_queue queue)
{
    clxi_pool_block *best = NULL;
    for (clxi_pool_block *b = context->pool; b != NULL; b = b->next) {
        if (b->size_bytes < size_bytes || (best != NULL && b->size_bytes >= best->size_bytes)) continue;
        if (is_free(b) || runs_on(b, queue)) best = b;
    }
    return best;
}

/* Where the device is short of memory, the free blocks are given up for one more try. The caller holds the mutex. */
static cl_mem allocate(clx_context *context, uint64_t size_bytes, cl_int *code)
{
    cl_mem mem = clCreateBuffer(context->cl, CL_MEM_READ_WRITE, (size_t)size_bytes, NULL, code);
    if (mem != NULL) return mem;
    trim(context);
    return clCreateBuffer(context->cl, CL_MEM_READ_WRITE, (size_t)size_bytes, NULL, code);
}

static clx_status add(clx_context *context, uint64_t size_bytes, clxi_pool_block **out, clx_error *error)
{
    cl_int code = CL_SUCCESS;
    clxi_pool_block *block = calloc(1, sizeof *block);
    if (block == NULL) return clxi_fail_memory(error, "a block of the pool");
    block->mem = allocate(context, size_bytes, &code);
    if (block->mem == NULL) {
        block_free(block);
        return clxi_fail_cl(error, code, "workspace: %llu bytes of the pool", (unsigned long long)size_bytes);
    }
    block->size_bytes = size_bytes;
    block->next = context->pool;
    context->pool = block;
    *out = block;
    return CLX_OK;
}

clx_status clxi_pool_take(clx_context *context, uint64_t size_bytes, cl_command_queue in_order_queue,
                          clxi_pool_block **out, clx_error *error)
{
    clx_status status = CLX_OK;
    uint64_t limit = context->caps.max_alloc_bytes;
    *out = NULL;
    if (size_bytes > limit || size_bytes > SIZE_MAX) {
        return clxi_fail(error, CLX_ERR_DEVICE_MEMORY, "workspace: %llu bytes, the device allocates at most %llu",
                         (unsigned long long)size_bytes, (unsigned long long)limit);
    }
    uint64_t rounded = clxi_ceil_div(size_bytes, GRAIN_BYTES) * GRAIN_BYTES;
    clxi_mutex_lock(&context->mutex);
    clxi_pool_block *block = find(context, size_bytes, in_order_queue);
    if (block == NULL) status = add(context, clxi_min_u64(rounded, limit), &block, error);
    if (block != NULL) block->held = true;
    clxi_mutex_unlock(&context->mutex);
    *out = block;
    return status;
}

cl_mem clxi_pool_mem(const clxi_pool_block *block)
{
    return block->mem;
}

/* Unlinks a block and frees it; OpenCL keeps the memory until the commands that use it are done. */
static void drop(clx_context *context, clxi_pool_block *block)
{
    clxi_pool_block **link = &context->pool;
    while (*link != block) {
        link = &(*link)->next;
    }
    *link = block->next;
    block_free(block);
}

void clxi_pool_give(clx_context *context, clxi_pool_block *block, bool used, cl_event event)
{
    if (block == NULL) return;
    clxi_mutex_lock(&context->mutex);
    block->held = false;
    if (used && (event == NULL || clRetainEvent(event) != CL_SUCCESS)) {
        drop(context, block); /* nothing would tell when it is free */
    } else if (used) {
        if (block->event != NULL) clReleaseEvent(block->event);
        block->event = event;
    }
    clxi_mutex_unlock(&context->mutex);
}

void clxi_pool_free(clx_context *context)
{
    while (context->pool != NULL) {
        clxi_pool_block *block = context->pool;
        context->pool = block->next;
        block_free(block);
    }
}

clx_status clx_context_pool_trim(clx_context *context, clx_error *error)
{
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    clxi_mutex_lock(&context->mutex);
    trim(context);
    clxi_mutex_unlock(&context->mutex);
    return CLX_OK;
}

uint64_t clx_context_pool_bytes(const clx_context *context)
{
    uint64_t total = 0;
    if (context == NULL || clxi_context_is_foreign(context)) return 0;
    clx_context *locked = (clx_context *)context; /* the mutex alone changes */
    clxi_mutex_lock(&locked->mutex);
    for (const clxi_pool_block *b = locked->pool; b != NULL; b = b->next) {
        total += b->size_bytes;
    }
    clxi_mutex_unlock(&locked->mutex);
    return total;
}
