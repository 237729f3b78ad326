/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: entries of the cache, one after another as in a blob. The first byte of an input says whether the entry
 * behind it gets a right checksum, which no search would find; then the sizes, the key and the payload are what is
 * attacked. */
#include "fuzz.h"

#include "base/hash.h"
#include "runtime/cache.h"
#include "runtime/program_list.h"
#include <string.h>

enum { SUM_BEGIN = 8, BODY_BEGIN = 24 }; /* as at the top of src/runtime/cache.c */

static void seal(unsigned char *entry, size_t size)
{
    if (size < BODY_BEGIN) return;
    const clxi_hash sum = clxi_hash_bytes(entry + BODY_BEGIN, size - BODY_BEGIN);
    memcpy(entry, "clxcache", SUM_BEGIN);
    memcpy(entry + SUM_BEGIN, &sum, sizeof sum);
}

/* What is taken out lies within the entry. */
static void check_decode(const unsigned char *entry, size_t size)
{
    const void *key, *payload;
    size_t key_bytes, payload_bytes, used;
    if (!clxi_cache_decode(entry, size, &key, &key_bytes, &payload, &payload_bytes, &used)) return;
    const unsigned char *k = key, *p = payload;
    demand(used <= size && k >= entry && p == k + key_bytes && p + payload_bytes == entry + used);
}

/* What a context takes from a blob it gives back, and takes again. */
static void check_blob(const unsigned char *blob, size_t size)
{
    clx_context first, second;
    size_t accepted = 0, again = 0, bytes = 0, programs = 0;
    blank_context_make(&first);
    blank_context_make(&second);
    demand(clx_context_blob_set(&first, blob, size, &accepted, NULL) == CLX_OK);
    for (const clxi_program_entry *e = first.programs; e != NULL; e = e->next)
        programs++;
    demand(programs <= accepted);
    demand(clx_context_blob_get(&first, NULL, &bytes, NULL) == CLX_OK);
    unsigned char *copy = malloc(bytes + 1);
    demand(copy != NULL);
    demand(clx_context_blob_get(&first, copy, &bytes, NULL) == CLX_OK);
    demand(clx_context_blob_set(&second, copy, bytes, &again, NULL) == CLX_OK);
    demand(again == programs);
    free(copy);
    clxi_programs_free(&first);
    clxi_programs_free(&second);
    clxi_mutex_destroy(&first.mutex);
    clxi_mutex_destroy(&second.mutex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    unsigned char *entry = malloc(size - 1);
    demand(entry != NULL);
    memcpy(entry, data + 1, size - 1);
    if (data[0] % 2 == 1) seal(entry, size - 1);
    check_decode(entry, size - 1);
    check_blob(entry, size - 1);
    free(entry);
    return 0;
}
