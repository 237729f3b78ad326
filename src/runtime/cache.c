/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk cache. An entry, in a file or in a blob:
 *
 *     0   magic          8 bytes
 *     8   checksum      16 bytes, over all that follows
 *    24   format         8 bytes
 *    32   key bytes      8 bytes
 *    40   payload bytes  8 bytes
 *    48   key, payload
 *
 * Numbers are in the machine's own byte order: entries of another kind of machine do not fit it anyway. */
#include "runtime/cache.h"

#include "base/arith.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/trusted.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAGIC_BYTES 8
#define SUM_BEGIN 8
#define BODY_BEGIN 24
#define HEADER_BYTES 48
#define ENTRY_LIMIT_BYTES ((size_t)1 << 30)
#define SUFFIX ".clx"
#define STALE_S 3600 /* a temporary file of this age belongs to a writer that died */

static const char magic[MAGIC_BYTES] = {'c', 'l', 'x', 'c', 'a', 'c', 'h', 'e'};

bool clxi_cache_encode(const void *key, size_t key_bytes, const void *payload, size_t payload_bytes, void **entry,
                       size_t *entry_bytes)
{
    uint64_t size;
    if (!clxi_add_u64(key_bytes, payload_bytes, &size) || size > ENTRY_LIMIT_BYTES - HEADER_BYTES) return false;
    size_t total = HEADER_BYTES + (size_t)size;
    unsigned char *bytes = malloc(total);
    if (bytes == NULL) return false;
    const uint64_t numbers[3] = {CLXI_CACHE_FORMAT, key_bytes, payload_bytes};
    memcpy(bytes, magic, MAGIC_BYTES);
    memcpy(bytes + BODY_BEGIN, numbers, sizeof numbers);
    memcpy(bytes + HEADER_BYTES, key, key_bytes);
    memcpy(bytes + HEADER_BYTES + key_bytes, payload, payload_bytes);
    clxi_hash sum = clxi_hash_bytes(bytes + BODY_BEGIN, total - BODY_BEGIN);
    memcpy(bytes + SUM_BEGIN, &sum, sizeof sum);
    *entry = bytes;
    *entry_bytes = total;
    return true;
}

bool clxi_cache_decode(const void *entry, size_t entry_bytes, const void **key, size_t *key_bytes, const void **payload,
                       size_t *payload_bytes, size_t *used_bytes)
{
    const unsigned char *bytes = entry;
    uint64_t numbers[3];
    clxi_hash stored;
    if (entry_bytes < HEADER_BYTES || memcmp(bytes, magic, MAGIC_BYTES) != 0) return false;
    memcpy(numbers, bytes + BODY_BEGIN, sizeof numbers);
    if (numbers[0] != CLXI_CACHE_FORMAT) return false;
    uint64_t room = entry_bytes - HEADER_BYTES;
    if (numbers[1] > room || numbers[2] > room - numbers[1]) return false;
    size_t total = HEADER_BYTES + (size_t)(numbers[1] + numbers[2]);
    memcpy(&stored, bytes + SUM_BEGIN, sizeof stored);
    clxi_hash sum = clxi_hash_bytes(bytes + BODY_BEGIN, total - BODY_BEGIN);
    if (sum.high != stored.high || sum.low != stored.low) return false;
    *key = bytes + HEADER_BYTES;
    *key_bytes = (size_t)numbers[1];
    *payload = bytes + HEADER_BYTES + numbers[1];
    *payload_bytes = (size_t)numbers[2];
    *used_bytes = total;
    return true;
}

#define NAME_BYTES 48

static void entry_name(char *name, const void *key, size_t key_bytes)
{
    clxi_hash hash = clxi_hash_bytes(key, key_bytes);
    snprintf(name, NAME_BYTES, "%016llx%016llx" SUFFIX, (unsigned long long)hash.high, (unsigned long long)hash.low);
}

/* The payload of an entry that is whole and has this very key, as a copy. */
static bool copy_payload(const char *entry, size_t entry_bytes, const void *key, size_t key_bytes, void **payload,
                         size_t *payload_bytes)
{
    const void *stored_key;
    const void *stored_payload;
    size_t stored_key_bytes;
    size_t used;
    if (!clxi_cache_decode(entry, entry_bytes, &stored_key, &stored_key_bytes, &stored_payload, payload_bytes, &used)) {
        return false;
    }
    if (used != entry_bytes || stored_key_bytes != key_bytes || memcmp(stored_key, key, key_bytes) != 0) return false;
    *payload = malloc(*payload_bytes + 1);
    if (*payload == NULL) return false;
    memcpy(*payload, stored_payload, *payload_bytes);
    return true;
}

bool clxi_cache_load(const char *folder, const void *key, size_t key_bytes, void **payload, size_t *payload_bytes)
{
    char name[NAME_BYTES];
    char *entry = NULL;
    size_t entry_bytes = 0;
    const char *reason;
    clxi_trusted *trusted = clxi_trusted_open(folder, false, &reason);
    if (trusted == NULL) return false;
    entry_name(name, key, key_bytes);
    const bool good = clxi_trusted_read(trusted, name, ENTRY_LIMIT_BYTES, &entry, &entry_bytes) &&
                      copy_payload(entry, entry_bytes, key, key_bytes, payload, payload_bytes);
    if (good) clxi_trusted_touch(trusted, name);
    clxi_trusted_close(trusted);
    free(entry);
    return good;
}

bool clxi_cache_usable(const char *folder, const char **reason)
{
    clxi_trusted *trusted = clxi_trusted_open(folder, false, reason);
    clxi_trusted_close(trusted);
    return trusted != NULL || *reason == NULL;
}

typedef struct cached_file {
    char *name;
    uint64_t size_bytes;
    int64_t changed_s;
    bool newest; /* the one just stored: the last to go */
} cached_file;

typedef struct survey {
    const clxi_trusted *folder;
    const char *stored_name;
    int64_t now_s;
    cached_file *files;
    size_t count;
    size_t room;
    uint64_t total_bytes;
} survey;

static bool ends_with(const char *name, const char *end)
{
    size_t name_length = strlen(name);
    size_t end_length = strlen(end);
    return name_length >= end_length && strcmp(name + name_length - end_length, end) == 0;
}

static bool is_temporary(const char *name)
{
    return strncmp(name, CLXI_TEMPORARY_PREFIX, strlen(CLXI_TEMPORARY_PREFIX)) == 0 &&
           ends_with(name, CLXI_TEMPORARY_SUFFIX);
}

/* Notes our files only: the folder may hold other people's. Where memory is short a file is not noted, and stays. */
static void note_file(void *user, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    survey *s = user;
    if (is_temporary(name) && s->now_s - changed_s > STALE_S) {
        clxi_trusted_remove(s->folder, name);
        return;
    }
    if (!ends_with(name, SUFFIX)) return;
    if (s->count == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : 64;
        cached_file *files = realloc(s->files, room * sizeof *files);
        if (files == NULL) return;
        s->files = files;
        s->room = room;
    }
    char *copy = clxi_strdup(name);
    if (copy == NULL) return;
    s->files[s->count++] = (cached_file){copy, size_bytes, changed_s, strcmp(name, s->stored_name) == 0};
    s->total_bytes += size_bytes;
}

static int oldest_first(const void *a, const void *b)
{
    const cached_file *x = a;
    const cached_file *y = b;
    if (x->newest != y->newest) return x->newest ? 1 : -1;
    if (x->changed_s != y->changed_s) return x->changed_s > y->changed_s ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Another process may be doing the same: a file that is gone already counts as removed. */
static void limit_folder(const clxi_trusted *folder, const char *stored_name, uint64_t limit_bytes)
{
    survey s = {folder, stored_name, (int64_t)time(NULL), NULL, 0, 0, 0};
    clxi_trusted_visit(folder, note_file, &s);
    if (s.total_bytes > limit_bytes) qsort(s.files, s.count, sizeof *s.files, oldest_first);
    for (size_t i = 0; i < s.count && s.total_bytes > limit_bytes; i++) {
        clxi_trusted_remove(folder, s.files[i].name);
        s.total_bytes -= s.files[i].size_bytes;
    }
    for (size_t i = 0; i < s.count; i++) {
        free(s.files[i].name);
    }
    free(s.files);
}

bool clxi_cache_store(const char *folder, const void *key, size_t key_bytes, const void *payload, size_t payload_bytes,
                      uint64_t limit_bytes)
{
    char name[NAME_BYTES];
    void *entry = NULL;
    size_t entry_bytes = 0;
    const char *reason;
    clxi_trusted *trusted = clxi_trusted_open(folder, true, &reason);
    if (trusted == NULL) return false;
    entry_name(name, key, key_bytes);
    const bool good = clxi_cache_encode(key, key_bytes, payload, payload_bytes, &entry, &entry_bytes) &&
                      clxi_trusted_write(trusted, name, entry, entry_bytes);
    if (good) limit_folder(trusted, name, limit_bytes);
    clxi_trusted_close(trusted);
    free(entry);
    return good;
}
