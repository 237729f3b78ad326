/* SPDX-License-Identifier: Apache-2.0
 *
 * Writer of safetensors files. */
#include "base/arith.h"
#include "base/file.h"
#include "io/safetensors.h"
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* Both orders are total over distinct names, so the file does not depend on the order of the caller's arrays. */
static int by_size_then_name(const void *left, const void *right)
{
    const clxi_st_tensor *a = *(const clxi_st_tensor *const *)left, *b = *(const clxi_st_tensor *const *)right;
    size_t x = clxi_st_dtype_size(a->dtype), y = clxi_st_dtype_size(b->dtype);
    return x != y ? (x > y ? -1 : 1) : strcmp(a->name, b->name);
}

static int by_key(const void *left, const void *right)
{
    return strcmp((*(const clxi_st_pair *const *)left)->key, (*(const clxi_st_pair *const *)right)->key);
}

static clx_status check_pairs(const clxi_st_pair **pairs, size_t count, clx_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!pairs[i]->value) return clxi_fail(error, CLX_ERR_NULL, "metadata '%s': no value", pairs[i]->key);
        if (i && strcmp(pairs[i - 1]->key, pairs[i]->key) == 0)
            return clxi_fail(error, CLX_ERR_VALUE, "metadata '%s': given twice", pairs[i]->key);
    }
    return CLX_OK;
}

static clx_status tensor_bytes(const clxi_st_tensor *tensor, uint64_t *out, clx_error *error)
{
    uint64_t bytes = clxi_st_dtype_size(tensor->dtype);
    if (bytes == 0) return clxi_fail(error, CLX_ERR_DTYPE, "tensor '%s': unknown dtype", tensor->name);
    if (*tensor->name == '\0' || strcmp(tensor->name, "__metadata__") == 0)
        return clxi_fail(error, CLX_ERR_VALUE, "tensor '%s': not a name a file may hold", tensor->name);
    if (tensor->rank > CLXI_ST_MAX_RANK)
        return clxi_fail(error, CLX_ERR_SHAPE, "tensor '%s': %u dimensions, expected at most %d", tensor->name,
                         (unsigned)tensor->rank, CLXI_ST_MAX_RANK);
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (!clxi_mul_u64(bytes, tensor->size[i], &bytes))
            return clxi_fail(error, CLX_ERR_OVERFLOW, "tensor '%s': its shape overflows", tensor->name);
    if (bytes && !tensor->data) return clxi_fail(error, CLX_ERR_NULL, "tensor '%s': no data", tensor->name);
    *out = bytes;
    return CLX_OK;
}

static bool add_metadata(cJSON *header, const clxi_st_pair **pairs, size_t count)
{
    cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
    bool ok = object != NULL;
    for (size_t i = 0; i < count && ok; i++)
        ok = cJSON_AddStringToObject(object, pairs[i]->key, pairs[i]->value);
    return ok;
}

static bool add_number(cJSON *array, uint64_t value)
{
    cJSON *number = cJSON_CreateNumber((double)value);
    return number && cJSON_AddItemToArray(array, number);
}

static bool add_tensor(cJSON *header, const clxi_st_tensor *tensor, uint64_t begin, uint64_t end)
{
    cJSON *entry = cJSON_AddObjectToObject(header, tensor->name);
    bool ok = entry && cJSON_AddStringToObject(entry, "dtype", clxi_st_dtype_name(tensor->dtype));
    cJSON *shape = ok ? cJSON_AddArrayToObject(entry, "shape") : NULL;
    cJSON *offsets = shape ? cJSON_AddArrayToObject(entry, "data_offsets") : NULL;
    for (uint32_t i = 0; i < tensor->rank && offsets && ok; i++)
        ok = add_number(shape, tensor->size[i]);
    return offsets && ok && add_number(offsets, begin) && add_number(offsets, end);
}

/* The header's text, malloc'ed by cJSON, for tensors that are sorted already. */
static clx_status make_header(const clxi_st_pair **pairs, size_t pair_count, const clxi_st_tensor **tensors,
                              size_t tensor_count, char **out, clx_error *error)
{
    const uint64_t limit = 1000000000000000; /* below this, cJSON prints every digit of a number */
    uint64_t begin = 0, bytes = 0;
    clx_status status = CLX_OK;
    cJSON *header = cJSON_CreateObject();
    bool ok = header != NULL;
    if (ok && pair_count) ok = add_metadata(header, pairs, pair_count);
    for (size_t i = 0; i < tensor_count && ok; i++) {
        CLXI_TRY(tensor_bytes(tensors[i], &bytes, error));
        if (cJSON_GetObjectItemCaseSensitive(header, tensors[i]->name)) {
            status = clxi_fail(error, CLX_ERR_VALUE, "tensor '%s': given twice", tensors[i]->name);
            goto fail;
        }
        if (bytes >= limit || begin + bytes >= limit) {
            status = clxi_fail(error, CLX_ERR_OVERFLOW, "tensor '%s': ends beyond 10^15 bytes", tensors[i]->name);
            goto fail;
        }
        ok = add_tensor(header, tensors[i], begin, begin + bytes);
        begin += bytes;
    }
    *out = ok ? cJSON_PrintUnformatted(header) : NULL;
    if (!*out) status = clxi_fail_memory(error, "a safetensors header");
fail:
    cJSON_Delete(header);
    return status;
}

static clx_status append_all(clxi_writer *writer, const char *header, const clxi_st_tensor **tensors,
                             size_t tensor_count, clx_error *error)
{
    static const char spaces[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    clx_status status = CLX_OK;
    size_t length = strlen(header), padding = (8 - length % 8) % 8;
    unsigned char prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)((uint64_t)(length + padding) >> (8 * i));
    CLXI_TRY(clxi_writer_append(writer, prefix, sizeof prefix, error));
    CLXI_TRY(clxi_writer_append(writer, header, length, error));
    CLXI_TRY(clxi_writer_append(writer, spaces, padding, error));
    for (size_t i = 0; i < tensor_count; i++) {
        uint64_t bytes;
        CLXI_TRY(tensor_bytes(tensors[i], &bytes, error));
        if (bytes) CLXI_TRY(clxi_writer_append(writer, tensors[i]->data, (size_t)bytes, error));
    }
fail:
    return status;
}

clx_status clxi_safetensors_write(const char *path, const clxi_st_pair *pairs, size_t pair_count,
                                  const clxi_st_tensor *tensors, size_t tensor_count, clx_error *error)
{
    clx_status status = CLX_OK;
    char *header = NULL;
    clxi_writer *writer = NULL;
    const clxi_st_tensor **sorted = malloc((tensor_count + 1) * sizeof *sorted);
    const clxi_st_pair **sorted_pairs = malloc((pair_count + 1) * sizeof *sorted_pairs);
    if (!sorted || !sorted_pairs) {
        status = clxi_fail_memory(error, "a safetensors file");
        goto fail;
    }
    for (size_t i = 0; i < tensor_count; i++)
        sorted[i] = &tensors[i];
    for (size_t i = 0; i < pair_count; i++)
        sorted_pairs[i] = &pairs[i];
    qsort(sorted, tensor_count, sizeof *sorted, by_size_then_name);
    qsort(sorted_pairs, pair_count, sizeof *sorted_pairs, by_key);
    CLXI_TRY(check_pairs(sorted_pairs, pair_count, error));
    CLXI_TRY(make_header(sorted_pairs, pair_count, sorted, tensor_count, &header, error));
    CLXI_TRY(clxi_writer_open(path, &writer, error));
    CLXI_TRY(append_all(writer, header, sorted, tensor_count, error));
    status = clxi_writer_commit(writer, error); /* frees the writer either way */
    writer = NULL;
fail:
    if (writer) clxi_writer_abandon(writer);
    cJSON_free(header);
    free(sorted);
    free(sorted_pairs);
    return status;
}
