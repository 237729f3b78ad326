/* SPDX-License-Identifier: Apache-2.0
 *
 * The context's pool of device memory: blocks that are reused once the call that held them has completed. */
#ifndef CLXI_RUNTIME_WORKSPACE_H
#define CLXI_RUNTIME_WORKSPACE_H

#include "runtime/context.h"

/* A block of at least `size_bytes` that no running call uses; or one whose call runs on this very in-order queue, which
 * keeps the two apart. `in_order_queue` is NULL for queues that are out-of-order. */
clx_status clxi_pool_take(clx_context *context, uint64_t size_bytes, cl_command_queue in_order_queue,
                          clxi_pool_block **out, clx_error *error);
cl_mem clxi_pool_mem(const clxi_pool_block *block);

/* Gives a block back; one that is `used` by what was enqueued can be taken again when `event` (retained here) has
 * completed, and is given up where that is NULL. */
void clxi_pool_give(clx_context *context, clxi_pool_block *block, bool used, cl_event event);

void clxi_pool_free(clx_context *context);

#endif
