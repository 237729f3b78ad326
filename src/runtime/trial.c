/* SPDX-License-Identifier: Apache-2.0
 *
 * Trials; see the header. */
#include "runtime/trial.h"

#include "base/arith.h"

#define MOST_COPIES 32

static clx_status begin(clxi_trial *trial, clx_context *context, cl_command_queue_properties properties,
                        uint64_t copies, clx_error *error)
{
    cl_int code = CL_SUCCESS;
    *trial = (clxi_trial){.context = context, .copies = copies};
    trial->queue = clCreateCommandQueue(context->cl, context->caps.device, properties, &code);
    if (code != CL_SUCCESS) {
        trial->queue = NULL;
        return clxi_fail_cl(error, code, "a queue for trying a kernel");
    }
    return CLX_OK;
}

clx_status clxi_trial_begin(clxi_trial *trial, clx_context *context, clx_error *error)
{
    return begin(trial, context, 0, 1, error);
}

/* A copy is six groups at least, of which a unit takes two (and Intel's are eighths of a core). */
uint64_t clxi_trial_copies_timed(const clx_context *context)
{
    return clxi_min_u64(clxi_ceil_div(context->caps.compute_units, 3), MOST_COPIES);
}

clx_status clxi_trial_begin_timed(clxi_trial *trial, clx_context *context, clx_error *error)
{
    return begin(trial, context, CL_QUEUE_PROFILING_ENABLE, clxi_trial_copies_timed(context), error);
}

clx_status clxi_trial_wait(clxi_trial *trial, clx_error *error)
{
    const cl_int code = clFinish(trial->queue);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "waiting for a kernel that is tried");
}

clx_status clxi_trial_buffer(clxi_trial *trial, const void *data, size_t size_bytes, cl_mem *out, clx_error *error)
{
    cl_int code = CL_SUCCESS;
    if (trial->buffer_count == CLXI_TRIAL_BUFFERS)
        return clxi_fail(error, CLX_ERR_INTERNAL, "a trial holds %d buffers at most", CLXI_TRIAL_BUFFERS);
    cl_mem mem = clCreateBuffer(trial->context->cl, CL_MEM_READ_WRITE, size_bytes, NULL, &code);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "a buffer of %zu bytes for trying a kernel", size_bytes);
    trial->buffers[trial->buffer_count++] = mem;
    code = clEnqueueWriteBuffer(trial->queue, mem, CL_TRUE, 0, size_bytes, data, 0, NULL, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "writing a buffer for trying a kernel");
    *out = mem;
    return CLX_OK;
}

clx_status clxi_trial_read(clxi_trial *trial, cl_mem mem, void *data, size_t size_bytes, clx_error *error)
{
    const cl_int code = clEnqueueReadBuffer(trial->queue, mem, CL_TRUE, 0, size_bytes, data, 0, NULL, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "reading the result of a trial");
    return CLX_OK;
}

void clxi_trial_end(clxi_trial *trial)
{
    if (trial->queue) {
        clFinish(trial->queue);
        clReleaseCommandQueue(trial->queue);
    }
    for (size_t i = 0; i < trial->buffer_count; i++)
        clReleaseMemObject(trial->buffers[i]);
    *trial = (clxi_trial){0};
}
