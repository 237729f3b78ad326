/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts on variants. The key is a fingerprint of sources, options, device and driver, so that a verdict dies with
 * any of them. */
#include "runtime/verdict.h"

#include "runtime/cache.h"
#include <stdio.h>
#include <stdlib.h>

struct clxi_verdict_entry {
    clxi_verdict_entry *next;
    clxi_hash key;
    clxi_verdict verdict;
};

#define DISK_KEY_BYTES 64

static size_t disk_key(clxi_hash key, char *out)
{
    return (size_t)snprintf(out, DISK_KEY_BYTES, "clxlstm verdict %016llx%016llx", (unsigned long long)key.high,
                            (unsigned long long)key.low);
}

/* The caller holds the mutex. */
static clxi_verdict_entry *find(clx_context *context, clxi_hash key)
{
    for (clxi_verdict_entry *e = context->verdicts; e != NULL; e = e->next) {
        if (e->key.high == key.high && e->key.low == key.low) return e;
    }
    return NULL;
}

/* Where memory is short the verdict is forgotten, and the variant is tried again. */
static void remember(clx_context *context, clxi_hash key, clxi_verdict verdict)
{
    clxi_mutex_lock(&context->mutex);
    clxi_verdict_entry *entry = find(context, key);
    if (entry == NULL) {
        entry = calloc(1, sizeof *entry);
        if (entry != NULL) {
            entry->key = key;
            entry->next = context->verdicts;
            context->verdicts = entry;
        }
    }
    if (entry != NULL) entry->verdict = verdict;
    if (verdict == CLXI_VERDICT_BAD) context->bad_verdicts++;
    clxi_mutex_unlock(&context->mutex);
}

static clxi_verdict read_from_disk(const clx_context *context, clxi_hash key)
{
    char name[DISK_KEY_BYTES];
    void *payload = NULL;
    size_t size = 0;
    clxi_verdict verdict = CLXI_VERDICT_UNKNOWN;
    if (context->cache_dir == NULL) return verdict;
    if (!clxi_cache_load(context->cache_dir, name, disk_key(key, name), &payload, &size)) return verdict;
    if (size == 1 && *(const char *)payload == 'g') verdict = CLXI_VERDICT_GOOD;
    if (size == 1 && *(const char *)payload == 'b') verdict = CLXI_VERDICT_BAD;
    free(payload);
    return verdict;
}

clxi_verdict clxi_verdict_get(clx_context *context, clxi_hash key)
{
    clxi_mutex_lock(&context->mutex);
    const clxi_verdict_entry *entry = find(context, key);
    clxi_verdict verdict = entry != NULL ? entry->verdict : CLXI_VERDICT_UNKNOWN;
    if (verdict == CLXI_VERDICT_BAD) context->bad_verdicts++;
    clxi_mutex_unlock(&context->mutex);
    if (verdict != CLXI_VERDICT_UNKNOWN) return verdict;
    verdict = read_from_disk(context, key);
    if (verdict != CLXI_VERDICT_UNKNOWN) remember(context, key, verdict);
    return verdict;
}

void clxi_verdict_set(clx_context *context, clxi_hash key, clxi_verdict verdict)
{
    char name[DISK_KEY_BYTES];
    remember(context, key, verdict);
    if (context->cache_dir == NULL) return;
    clxi_cache_store(context->cache_dir, name, disk_key(key, name), verdict == CLXI_VERDICT_GOOD ? "g" : "b", 1,
                     context->cache_limit_bytes);
}

size_t clxi_verdict_bad_count(clx_context *context)
{
    clxi_mutex_lock(&context->mutex);
    const size_t count = context->bad_verdicts;
    clxi_mutex_unlock(&context->mutex);
    return count;
}

void clxi_verdicts_free(clx_context *context)
{
    while (context->verdicts != NULL) {
        clxi_verdict_entry *entry = context->verdicts;
        context->verdicts = entry->next;
        free(entry);
    }
}
