/* SPDX-License-Identifier: Apache-2.0
 *
 * From a case to calls of the library and back. */
#include "case_run.h"
#include "base/arith.h"
#include "base/fail.h"
#include "element.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The operators that are built. */
static clx_status (*const families[CLXI_OP_COUNT])(tool_call *call) = {
    [CLXI_OP_MLSTM_PARALLEL] = tool_case_mlstm,   [CLXI_OP_MLSTM_RECURRENT] = tool_case_recurrent,
    [CLXI_OP_PRECOMPUTE_FREQS] = tool_case_freqs, [CLXI_OP_ROTARY] = tool_case_rotary,
    [CLXI_OP_ATTENTION] = tool_case_attention,    [CLXI_OP_MLSTM_CELL] = tool_case_cell,
};

bool tool_layout_parse(const char *text, tool_layout *layout)
{
    if (!strcmp(text, "bhsd")) return *layout = TOOL_LAYOUT_BHSD, true;
    if (!strcmp(text, "bshd")) return *layout = TOOL_LAYOUT_BSHD, true;
    return false;
}

clx_status tool_case_run(tool_call *call, const tool_session *session, const clxi_case *input, tool_layout layout,
                         clx_error *error)
{
    memset(call, 0, sizeof *call);
    call->session = session;
    call->input = input;
    call->layout = layout;
    call->error = error;
    if (families[input->op]) return families[input->op](call);
    return clxi_fail(error, CLX_ERR_UNSUPPORTED, "op: %s is not built yet", input->row->name);
}

void tool_call_free(tool_call *call)
{
    for (size_t index = 0; index < call->count; ++index) {
        if (call->tensors[index].view.mem) clReleaseMemObject(call->tensors[index].view.mem);
        free(call->tensors[index].data);
    }
    call->count = 0;
}

const tool_call_tensor *tool_call_find(const tool_call *call, const char *name)
{
    for (size_t index = 0; index < call->count; ++index) {
        if (call->tensors[index].output && !strcmp(call->tensors[index].name, name)) return &call->tensors[index];
    }
    return NULL;
}

/* Is the tensor laid out as (B, S, NH, D)? */
static bool heads_move(const tool_call *call, tool_role role, uint32_t rank)
{
    return call->layout == TOOL_LAYOUT_BSHD && role != TOOL_PLAIN && rank >= 3;
}

/* Swaps the dimensions 1 and 2 of a dense array: (n0, n1, n2, rest) -> (n0, n2, n1, rest). */
static void swap_heads(const char *from, char *to, const uint64_t *size, uint32_t rank, bool back, size_t element_bytes)
{
    uint64_t n1 = back ? size[2] : size[1], n2 = back ? size[1] : size[2];
    size_t row = element_bytes * (size_t)(rank == 4 ? size[3] : 1);
    for (uint64_t a = 0; a < size[0]; ++a) {
        for (uint64_t b = 0; b < n1; ++b) {
            for (uint64_t c = 0; c < n2; ++c) {
                memcpy(to + row * (size_t)((a * n2 + c) * n1 + b), from + row * (size_t)((a * n1 + b) * n2 + c), row);
            }
        }
    }
}

/* Intel's runtime for CPUs returns from a blocking write to an out-of-order queue before other commands see the data, so
 * the queue is emptied each time. */
static bool write_tensor(tool_call *call, const tool_call_tensor *tensor, const void *data)
{
    if (tensor->size_bytes == 0) return true;
    cl_int code = clEnqueueWriteBuffer(call->session->queue, tensor->view.mem, CL_TRUE, 0, tensor->size_bytes, data, 0,
                                       NULL, NULL);
    if (code == CL_SUCCESS) code = clFinish(call->session->queue);
    if (code == CL_SUCCESS) return true;
    call->status = clxi_fail_cl(call->error, code, "%s: writing it to the device", tensor->name);
    return false;
}

/* A tensor of the call with its buffer, which is filled from `data` (dense, logical order) where that is not NULL. */
static tool_call_tensor *add_tensor(tool_call *call, const char *name, tool_role role, clx_dtype dtype, uint32_t rank,
                                    const uint64_t *size, const void *data)
{
    clx_status status;
    char *moved = NULL;
    cl_int code = CL_SUCCESS;
    uint64_t bytes = clx_dtype_size_bytes(dtype);
    if (call->status != CLX_OK) return NULL;
    if (call->count == TOOL_TENSORS_MAX) CLXI_TRY(clxi_fail(call->error, CLX_ERR_INTERNAL, "%s: no room", name));
    for (uint32_t index = 0; index < rank; ++index) {
        if (clxi_mul_u64(bytes, size[index], &bytes) && bytes <= SIZE_MAX) continue;
        CLXI_TRY(clxi_fail(call->error, CLX_ERR_OVERFLOW, "%s: its size overflows", name));
    }

    tool_call_tensor *tensor = &call->tensors[call->count++];
    bool move = tensor->moved = heads_move(call, role, rank);
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->size_bytes = (size_t)bytes;
    tensor->view = clx_tensor_dense(NULL, dtype, rank, size);
    if (move && rank == 3) {
        int64_t stride[3] = {tensor->view.stride[0], 1, (int64_t)size[1]};
        memcpy(tensor->view.stride, stride, sizeof stride);
    } else if (move) {
        tensor->view = clx_tensor_bshd(NULL, dtype, size[0], size[1], size[2], size[3]);
    }
    if (bytes == 0) return tensor;

    tensor->view.mem =
        clCreateBuffer(clx_context_cl_context(call->session->context), CL_MEM_READ_WRITE, (size_t)bytes, NULL, &code);
    if (code != CL_SUCCESS) {
        CLXI_TRY(clxi_fail_cl(call->error, code, "%s: a buffer of %llu bytes", name, (unsigned long long)bytes));
    }
    if (data && move) {
        moved = malloc((size_t)bytes);
        if (!moved) CLXI_TRY(clxi_fail_memory(call->error, name));
        swap_heads(data, moved, size, rank, false, clx_dtype_size_bytes(dtype));
        data = moved;
    }
    bool written = !data || write_tensor(call, tensor, data);
    free(moved);
    return written ? tensor : NULL;
fail:
    free(moved);
    call->status = status;
    return NULL;
}

const clx_tensor *tool_call_input(tool_call *call, const char *name, tool_role role)
{
    const clxi_st_tensor *source = clxi_case_tensor(call->input, name);
    if (!source || call->status != CLX_OK) return NULL;
    clx_dtype dtype = clxi_st_to_dtype(source->dtype);
    uint32_t rank = source->rank;
    if (role == TOOL_GATE && rank == 4 && source->size[3] == 1) rank = 3;
    if (dtype == CLX_DTYPE_DEFAULT) {
        call->status = clxi_fail(call->error, CLX_ERR_DTYPE, "%s: dtype %s, expected F32, F16, BF16 or BOOL", name,
                                 clxi_st_dtype_name(source->dtype));
        return NULL;
    }
    if (rank < 1 || rank > CLX_MAX_RANK) {
        call->status = clxi_fail(call->error, CLX_ERR_SHAPE, "%s: %u dimensions, expected 1 to %d", name,
                                 (unsigned)rank, CLX_MAX_RANK);
        return NULL;
    }
    tool_call_tensor *tensor = add_tensor(call, name, role, dtype, rank, source->size, source->data);
    return tensor ? &tensor->view : NULL;
}

const clx_tensor *tool_call_need(tool_call *call, const char *name, tool_role role)
{
    const clx_tensor *view = tool_call_input(call, name, role);
    if (!view && call->status == CLX_OK) {
        call->status = clxi_fail(call->error, CLX_ERR_FORMAT, "%s: missing, %s needs it", name, call->input->row->name);
    }
    return view;
}

static const clx_tensor *add_output(tool_call *call, const char *name, tool_role role, clx_dtype dtype, uint32_t rank,
                                    const uint64_t *size, int fill)
{
    tool_call_tensor *tensor = add_tensor(call, name, role, dtype, rank, size, NULL);
    if (!tensor) return NULL;
    tensor->output = true;
    tensor->data = malloc(tensor->size_bytes ? tensor->size_bytes : 1);
    if (!tensor->data) {
        call->status = clxi_fail_memory(call->error, name);
        return NULL;
    }
    memset(tensor->data, fill, tensor->size_bytes);
    return write_tensor(call, tensor, tensor->data) ? &tensor->view : NULL;
}

const clx_tensor *tool_call_output(tool_call *call, const char *name, tool_role role, clx_dtype dtype, uint32_t rank,
                                   const uint64_t *size)
{
    return add_output(call, name, role, dtype, rank, size, 0xff); /* a NaN in every float dtype */
}

const clx_tensor *tool_call_state(tool_call *call, const char *name, const char *from, clx_dtype dtype, uint32_t rank,
                                  const uint64_t *size)
{
    const clx_tensor *view = add_output(call, name, TOOL_PLAIN, dtype, rank, size, 0);
    const clxi_st_tensor *source = clxi_case_tensor(call->input, from);
    if (!view || !source) return view;
    tool_call_tensor *tensor = &call->tensors[call->count - 1];
    size_t count = tensor->size_bytes / clx_dtype_size_bytes(dtype);
    if (clxi_st_count(source) != count) {
        call->status =
            clxi_fail(call->error, CLX_ERR_SHAPE, "%s: expected %zu elements to match %s", from, count, name);
        return NULL;
    }
    for (size_t index = 0; index < count; ++index) {
        tool_element_set(tensor->data, dtype, index, (float)clxi_st_get(source, index));
    }
    return write_tensor(call, tensor, tensor->data) ? view : NULL;
}

clx_status tool_call_ready(const tool_call *call)
{
    return call->status;
}

clx_launch tool_call_launch(tool_call *call, cl_event *event)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = call->session->queue;
    launch.event = event;
    call->began_s = tool_seconds();
    return launch;
}

static clx_status fetch(tool_call *call, tool_call_tensor *tensor)
{
    cl_int code = clEnqueueReadBuffer(call->session->queue, tensor->view.mem, CL_TRUE, 0, tensor->size_bytes,
                                      tensor->data, 0, NULL, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(call->error, code, "%s: reading it from the device", tensor->name);
    return CLX_OK;
}

clx_status tool_call_finish(tool_call *call, cl_event event, const char *variant)
{
    clx_status status;
    char *moved = NULL;
    CLXI_TRY(tool_session_wait(call->session, event, call->error));
    call->wall_ms = 1e3 * (tool_seconds() - call->began_s);
    snprintf(call->variant, sizeof call->variant, "%s", variant ? variant : "");
    for (size_t index = 0; index < call->count; ++index) {
        tool_call_tensor *tensor = &call->tensors[index];
        if (!tensor->output || tensor->size_bytes == 0) continue;
        CLXI_TRY(fetch(call, tensor));
        if (!tensor->moved) continue;
        moved = malloc(tensor->size_bytes);
        if (!moved) CLXI_TRY(clxi_fail_memory(call->error, tensor->name));
        swap_heads(tensor->data, moved, tensor->view.size, tensor->view.rank, true,
                   clx_dtype_size_bytes(tensor->view.dtype));
        free(tensor->data);
        tensor->data = moved;
    }
    clReleaseEvent(event);
    return CLX_OK;
fail:
    clReleaseEvent(event);
    return status;
}
