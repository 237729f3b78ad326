/* SPDX-License-Identifier: Apache-2.0
 *
 * A queue and buffers of the library's own, for trying a kernel on a small problem while an operator is created. The
 * only place that blocks, and never part of an enqueue. */
#ifndef CLXI_RUNTIME_TRIAL_H
#define CLXI_RUNTIME_TRIAL_H

#include "runtime/context.h"

#define CLXI_TRIAL_BUFFERS 32

typedef struct clxi_trial {
    clx_context *context;
    cl_command_queue queue;
    cl_mem buffers[CLXI_TRIAL_BUFFERS];
    size_t buffer_count;
    uint64_t copies; /* of the problem, side by side; 1 but where it is timed */
} clxi_trial;

clx_status clxi_trial_begin(clxi_trial *trial, clx_context *context, clx_error *error);

/* The same for taking times: its queue notes them, and there are copies enough to keep the device busy. */
clx_status clxi_trial_begin_timed(clxi_trial *trial, clx_context *context, clx_error *error);

/* How many copies that is. */
uint64_t clxi_trial_copies_timed(const clx_context *context);

/* Waits for what was enqueued. */
clx_status clxi_trial_wait(clxi_trial *trial, clx_error *error);

/* A buffer that lives as long as the trial, filled with `data`. */
clx_status clxi_trial_buffer(clxi_trial *trial, const void *data, size_t size_bytes, cl_mem *out, clx_error *error);

/* Waits for what was enqueued, and reads. */
clx_status clxi_trial_read(clxi_trial *trial, cl_mem mem, void *data, size_t size_bytes, clx_error *error);

/* Frees what the trial holds; a half-begun one too. */
void clxi_trial_end(clxi_trial *trial);

#endif
