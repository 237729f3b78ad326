/* SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of a measurement: random values, in as many copies as no cache holds. */
#include "base/arith.h"
#include "base/fail.h"
#include "bench.h"
#include "element.h"
#include "progress.h"
#include "tool_random.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t tool_bench_add(tool_bench *bench, const char *name, tool_fill fill, clx_dtype dtype, uint32_t rank,
                      const uint64_t *size)
{
    assert(bench->tensor_count < TOOL_BENCH_TENSORS_MAX && rank <= CLX_MAX_RANK);
    tool_bench_tensor *tensor = &bench->tensors[bench->tensor_count];
    *tensor = (tool_bench_tensor){.name = name, .fill = fill, .dtype = dtype, .rank = rank};
    for (uint32_t index = 0; index < rank; ++index) {
        tensor->size[index] = size[index];
    }
    return bench->tensor_count++;
}

/* A standard normal number (Box and Muller). */
static float normal(tool_random *random)
{
    double u = ((double)(tool_random_bits(random) >> 11) + 0.5) * 0x1p-53;
    double angle = 6.283185307179586 * ((double)(tool_random_bits(random) >> 11) * 0x1p-53);
    return (float)(sqrt(-2.0 * log(u)) * cos(angle));
}

static float fgate(const tool_bench *bench, tool_random *random)
{
    switch (bench->gates) {
    case TOOL_GATES_UNIT:
        return normal(random);
    case TOOL_GATES_TRAINED:
        return 3.0f + normal(random);
    default:
        return 20.0f;
    }
}

/* Random numbers up to a period that no tile and no row divides, and then the same again: making billions of them would take
 * longer than what is measured with them. */
static void fill_periodic(tool_bench_tensor *tensor, tool_random *random, float deviation)
{
    enum { PERIOD = 1000003 };
    const size_t count = (size_t)tensor->count, element = clx_dtype_size_bytes(tensor->dtype);
    tool_random_fill(random, tensor->host, tensor->dtype, count < PERIOD ? count : PERIOD, 0.0f, deviation);
    for (size_t done = PERIOD; done < count; done += PERIOD) {
        const size_t more = count - done < PERIOD ? count - done : PERIOD;
        memcpy((char *)tensor->host + done * element, tensor->host, more * element);
    }
}

static void fill(const tool_bench *bench, tool_bench_tensor *tensor, tool_random *random)
{
    if (tensor->fill == TOOL_FILL_VALUES) {
        fill_periodic(tensor, random, 1.0f);
    } else if (tensor->fill == TOOL_FILL_WEIGHTS) {
        fill_periodic(tensor, random, 0.01f);
    } else if (tensor->fill != TOOL_FILL_ZEROS) {
        for (size_t index = 0; index < (size_t)tensor->count; ++index) {
            float value = tensor->fill == TOOL_FILL_FGATE ? fgate(bench, random) : normal(random);
            tool_element_set(tensor->host, tensor->dtype, index, value);
        }
    }
}

/* The tensor's elements and bytes; false where they overflow. */
static bool measure_size(tool_bench *bench, tool_bench_tensor *tensor)
{
    uint64_t bytes;
    tensor->count = 1;
    for (uint32_t index = 0; index < tensor->rank; ++index) {
        if (!clxi_mul_u64(tensor->count, tensor->size[index], &tensor->count)) return false;
    }
    if (!clxi_mul_u64(tensor->count, clx_dtype_size_bytes(tensor->dtype), &bytes) || bytes > SIZE_MAX / 2) return false;
    tensor->size_bytes = (size_t)bytes;
    return clxi_add_u64(bench->tensor_bytes, bytes, &bench->tensor_bytes);
}

clx_status tool_bench_restore(const tool_bench *bench, size_t set, size_t tensor, clx_error *error)
{
    const tool_bench_tensor *t = &bench->tensors[tensor];
    cl_int code =
        clEnqueueWriteBuffer(bench->session->queue, t->mem[set], CL_TRUE, 0, t->size_bytes, t->host, 0, NULL, NULL);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "%s: writing it", t->name);
}

static clx_status make_buffers(tool_bench *bench, size_t index, clx_error *error)
{
    clx_status status = CLX_OK;
    tool_bench_tensor *tensor = &bench->tensors[index];
    for (size_t set = 0; set < bench->sets; ++set) {
        cl_int code = CL_SUCCESS;
        cl_context context = clx_context_cl_context(bench->session->context);
        tensor->mem[set] = clCreateBuffer(context, CL_MEM_READ_WRITE, tensor->size_bytes, NULL, &code);
        if (code != CL_SUCCESS) {
            return clxi_fail_cl(error, code, "%s: a buffer of %zu bytes", tensor->name, tensor->size_bytes);
        }
        CLXI_TRY(tool_bench_restore(bench, set, index, error));
    }
fail:
    return status;
}

clx_status tool_bench_upload(tool_bench *bench, clx_error *error)
{
    clx_status status = CLX_OK;
    tool_random random = {1};
    const double began_s = tool_seconds();
    for (size_t index = 0; index < bench->tensor_count; ++index) {
        const tool_bench_tensor *tensor = &bench->tensors[index];
        if (!measure_size(bench, &bench->tensors[index])) {
            return clxi_fail(error, CLX_ERR_OVERFLOW, "%s: the shape is too large", tensor->name);
        }
        if (tensor->size_bytes > bench->session->info.max_alloc_bytes) {
            return clxi_fail(error, CLX_ERR_DEVICE_MEMORY,
                             "%s: %zu bytes, and the device allows %" PRIu64 " in a buffer", tensor->name,
                             tensor->size_bytes, bench->session->info.max_alloc_bytes);
        }
    }
    if (bench->tensor_bytes > bench->session->info.global_bytes) {
        return clxi_fail(error, CLX_ERR_DEVICE_MEMORY, "the tensors have %" PRIu64 " bytes, the device %" PRIu64,
                         bench->tensor_bytes, bench->session->info.global_bytes);
    }
    /* as many sets as fill the footprint, but not more than half the device */
    uint64_t wanted = clxi_ceil_div(bench->footprint_bytes, bench->tensor_bytes);
    uint64_t room = clxi_max_u64(1, bench->session->info.global_bytes / 2 / bench->tensor_bytes);
    bench->sets = (size_t)clxi_min_u64(clxi_min_u64(wanted, room), TOOL_BENCH_SETS_MAX);
    for (size_t index = 0; index < bench->tensor_count; ++index) {
        tool_bench_tensor *tensor = &bench->tensors[index];
        tensor->host = calloc((size_t)tensor->count, clx_dtype_size_bytes(tensor->dtype));
        if (!tensor->host) CLXI_TRY(clxi_fail_memory(error, tensor->name));
        fill(bench, tensor, &random);
        CLXI_TRY(make_buffers(bench, index, error));
    }
    bench->upload_s = tool_seconds() - began_s;
fail:
    return status;
}

clx_tensor tool_bench_view(const tool_bench *bench, size_t set, size_t tensor)
{
    const tool_bench_tensor *t = &bench->tensors[tensor];
    return clx_tensor_dense(t->mem[set], t->dtype, t->rank, t->size);
}

clx_status tool_bench_fetch(tool_bench *bench, size_t set, size_t tensor, clx_error *error)
{
    tool_bench_tensor *t = &bench->tensors[tensor];
    cl_int code =
        clEnqueueReadBuffer(bench->session->queue, t->mem[set], CL_TRUE, 0, t->size_bytes, t->host, 0, NULL, NULL);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "%s: reading it", t->name);
}

clx_status tool_bench_workspace(const tool_bench *bench, cl_mem *out, clx_error *error)
{
    cl_int code = CL_SUCCESS;
    *out = NULL;
    if (bench->extra_bytes == 0) return CLX_OK;
    *out = clCreateBuffer(clx_context_cl_context(bench->session->context), CL_MEM_READ_WRITE,
                          (size_t)bench->extra_bytes, NULL, &code);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "the workspace");
}

double *tool_bench_doubles(const tool_bench *bench, size_t tensor, uint64_t first, uint64_t count)
{
    const tool_bench_tensor *t = &bench->tensors[tensor];
    double *values = malloc((size_t)count * sizeof *values);
    for (uint64_t index = 0; values && index < count; ++index) {
        values[index] = tool_element_get(t->host, t->dtype, (size_t)(first + index));
    }
    return values;
}

void tool_bench_free(tool_bench *bench)
{
    for (size_t index = 0; index < bench->tensor_count; ++index) {
        free(bench->tensors[index].host);
        for (size_t set = 0; set < TOOL_BENCH_SETS_MAX; ++set) {
            if (bench->tensors[index].mem[set]) clReleaseMemObject(bench->tensors[index].mem[set]);
        }
    }
    bench->tensor_count = 0;
}
