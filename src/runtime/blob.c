/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled programs as one blob: cache entries (cache.h) one after another. */
#include "base/arith.h"
#include "runtime/cache.h"
#include "runtime/program_list.h"

#include <stdlib.h>
#include <string.h>

/* Fetches an entry's binary once; the bytes stay with the entry, so that size and contents agree between calls. */
static bool fetch_binary(const clx_context *context, clxi_program_entry *entry)
{
    if (entry->binary != NULL) return true;
    return entry->program != NULL && clxi_program_binary(context, entry->program, &entry->binary, &entry->binary_bytes);
}

/* Appends every program that has a binary; a driver that gives none for one of them costs that one. */
static clx_status append_programs(clx_context *context, clxi_text *out, clx_error *error)
{
    for (clxi_program_entry *e = context->programs; e != NULL; e = e->next) {
        void *bytes = NULL;
        size_t count = 0;
        if (!fetch_binary(context, e)) continue;
        if (!clxi_cache_encode(e->key.data, e->key.count, e->binary, e->binary_bytes, &bytes, &count)) {
            return clxi_fail_memory(error, "the blob");
        }
        clxi_text_append(out, bytes, count);
        free(bytes);
    }
    return out->failed ? clxi_fail_memory(error, "the blob") : CLX_OK;
}

clx_status clx_context_blob_get(clx_context *context, void *blob, size_t *size_bytes, clx_error *error)
{
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (size_bytes == NULL) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: null");
    clxi_text all = CLXI_TEXT_INIT;
    clxi_mutex_lock(&context->mutex);
    status = append_programs(context, &all, error);
    clxi_mutex_unlock(&context->mutex);
    if (status == CLX_OK && blob != NULL && *size_bytes < all.count) {
        status = clxi_fail(error, CLX_ERR_VALUE, "size_bytes: %zu, expected at least %zu", *size_bytes, all.count);
    }
    if (status == CLX_OK) {
        if (blob != NULL && all.count > 0) memcpy(blob, all.data, all.count);
        *size_bytes = all.count;
    }
    clxi_text_free(&all);
    return status;
}

/* Adds one binary to the context's memory, unless its program is known. */
static clx_status add_binary(clx_context *context, const void *key, size_t key_bytes, const void *binary,
                             size_t binary_bytes, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text copy = CLXI_TEXT_INIT;
    void *bytes = malloc(binary_bytes + 1);
    clxi_text_append(&copy, key, key_bytes);
    if (bytes != NULL) memcpy(bytes, binary, binary_bytes);
    clxi_mutex_lock(&context->mutex);
    clxi_program_entry *entry = NULL;
    if (bytes != NULL && !copy.failed) {
        entry = clxi_program_find(context, &copy);
        if (entry == NULL) entry = clxi_program_add(context, &copy);
    }
    if (entry == NULL) {
        status = clxi_fail_memory(error, "the blob's programs");
    } else if (entry->binary == NULL) {
        entry->binary = bytes;
        entry->binary_bytes = binary_bytes;
        bytes = NULL;
    }
    clxi_mutex_unlock(&context->mutex);
    free(bytes);
    clxi_text_free(&copy);
    return status;
}

/* Adds the entries that are whole and made for this device; behind a damaged one the search goes on byte by byte. */
static clx_status add_entries(clx_context *context, const unsigned char *blob, size_t size_bytes,
                              const clxi_text *device, size_t *accepted, clx_error *error)
{
    size_t at = 0;
    while (at < size_bytes) {
        const void *key;
        const void *binary;
        size_t key_bytes;
        size_t binary_bytes;
        size_t used = 1;
        if (clxi_cache_decode(blob + at, size_bytes - at, &key, &key_bytes, &binary, &binary_bytes, &used) &&
            key_bytes > device->count && memcmp(key, device->data, device->count) == 0) {
            clx_status status = add_binary(context, key, key_bytes, binary, binary_bytes, error);
            if (status != CLX_OK) return status;
            ++*accepted;
        }
        at += used;
    }
    return CLX_OK;
}

clx_status clx_context_blob_set(clx_context *context, const void *blob, size_t size_bytes, size_t *accepted,
                                clx_error *error)
{
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (blob == NULL && size_bytes > 0)
        return clxi_fail(error, CLX_ERR_NULL, "blob: null, expected %zu bytes", size_bytes);
    size_t count = 0;
    clxi_text device = CLXI_TEXT_INIT;
    clxi_key_device(context, &device);
    status = device.failed ? clxi_fail_memory(error, "a program's key")
                           : add_entries(context, blob, size_bytes, &device, &count, error);
    clxi_text_free(&device);
    if (accepted != NULL) *accepted = count;
    return status;
}
