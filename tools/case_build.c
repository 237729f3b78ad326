/* SPDX-License-Identifier: Apache-2.0
 *
 * Building a case in memory. */
#include "case_build.h"
#include "base/arith.h"

#include <stdlib.h>
#include <string.h>

/* Room for one small problem. */
enum { TENSORS_MAX = 24, PARAMS_MAX = 24, ALIGNMENT = 64 };
static const size_t data_bytes = (size_t)8 << 20;

void tool_builder_begin(tool_builder *builder)
{
    memset(builder, 0, sizeof *builder);
    clxi_safetensors *file = builder->file = calloc(1, sizeof *file);
    if (file) {
        file->tensors = calloc(TENSORS_MAX, sizeof *file->tensors);
        file->pairs = calloc(PARAMS_MAX, sizeof *file->pairs);
        file->bytes = calloc(data_bytes, 1);
    }
    builder->failed = !file || !file->tensors || !file->pairs || !file->bytes;
}

void tool_builder_param(tool_builder *builder, const char *key, const char *value)
{
    if (builder->failed || !value) return;
    if (builder->file->pair_count == PARAMS_MAX) {
        builder->failed = true;
        return;
    }
    builder->file->pairs[builder->file->pair_count++] = (clxi_st_pair){key, value};
}

void *tool_builder_tensor(tool_builder *builder, const char *name, clxi_st_dtype dtype, uint32_t rank,
                          const uint64_t *size)
{
    if (builder->failed || rank > CLXI_ST_MAX_RANK) return NULL;
    clxi_st_tensor tensor = {.name = name, .dtype = dtype, .rank = rank};
    uint64_t bytes = clxi_st_dtype_size(dtype);
    for (uint32_t index = 0; index < rank; ++index) {
        tensor.size[index] = size[index];
        if (!clxi_mul_u64(bytes, size[index], &bytes)) bytes = UINT64_MAX;
    }
    if (builder->file->tensor_count == TENSORS_MAX || bytes > data_bytes - builder->used_bytes) {
        builder->failed = true;
        return NULL;
    }
    void *data = builder->file->bytes + builder->used_bytes;
    tensor.data = data;
    builder->used_bytes +=
        (size_t)clxi_min_u64(clxi_ceil_div(bytes, ALIGNMENT) * ALIGNMENT, data_bytes - builder->used_bytes);
    builder->file->tensors[builder->file->tensor_count++] = tensor;
    return data;
}

void tool_builder_random(tool_builder *builder, tool_random *random, const char *name, clx_dtype dtype, uint32_t rank,
                         const uint64_t *size, float mean, float deviation)
{
    void *data = tool_builder_tensor(builder, name, clxi_st_from_dtype(dtype), rank, size);
    size_t count = 1;
    for (uint32_t index = 0; index < rank; ++index) {
        count *= (size_t)size[index];
    }
    if (data) tool_random_fill(random, data, dtype, count, mean, deviation);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const clxi_st_tensor *)a)->name, ((const clxi_st_tensor *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const clxi_st_pair *)a)->key, ((const clxi_st_pair *)b)->key);
}

clx_status tool_builder_end(tool_builder *builder, const char *label, clxi_case **out, clx_error *error)
{
    clxi_safetensors *file = builder->file;
    builder->file = NULL;
    *out = NULL;
    if (builder->failed) {
        clxi_safetensors_destroy(file);
        return clxi_fail_memory(error, label);
    }
    qsort(file->tensors, file->tensor_count, sizeof *file->tensors, by_name);
    qsort(file->pairs, file->pair_count, sizeof *file->pairs, by_key);
    return clxi_case_make(label, file, out, error);
}
