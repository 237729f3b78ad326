/* SPDX-License-Identifier: Apache-2.0
 *
 * Small read-only buffers that an operator owns from its creation on. */
#ifndef CLXI_RUNTIME_CONSTANT_H
#define CLXI_RUNTIME_CONSTANT_H

#include "runtime/context.h"

/* A buffer with a copy of `data`. */
clx_status clxi_constant_create(const clx_context *context, const void *data, size_t size_bytes, cl_mem *out,
                                clx_error *error);

/* NULL is legal. Calls that were enqueued with it complete all the same. */
void clxi_constant_release(cl_mem mem);

#endif
