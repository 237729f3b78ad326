/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: files of the cache's folder, of a program and of a verdict. The first byte of an input says of which, and
 * whether the rest is the file or the payload of a good one. */
#include "fuzz.h"

#include "base/trusted.h"
#include "runtime/cache.h"
#include "runtime/verdict.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char key[] = "the key";
static const clxi_hash verdict_key = {1, 2};
static char folder[64];
static char program_name[64]; /* of the file */
static char verdict_name[64];

static void note_name(void *user, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)size_bytes;
    (void)changed_s;
    snprintf(user, 64, "%s", name);
}

static void remove_folder(void)
{
    const char *reason;
    clxi_trusted *open = clxi_trusted_open(folder, false, &reason);
    if (open != NULL) {
        clxi_trusted_remove(open, program_name);
        clxi_trusted_remove(open, verdict_name);
    }
    clxi_trusted_close(open);
    rmdir(folder);
}

static clxi_trusted *trusted(void)
{
    const char *reason;
    clxi_trusted *open = clxi_trusted_open(folder, true, &reason);
    demand(open != NULL);
    return open;
}

/* The names that the cache gives its files. */
static void learn_names(clx_context *context)
{
    snprintf(folder, sizeof folder, "/tmp/clxlstm-fuzz-XXXXXX");
    demand(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    context->cache_dir = folder;
    clxi_trusted *open = trusted();
    demand(clxi_cache_store(folder, key, sizeof key, "x", 1, UINT64_MAX));
    clxi_trusted_visit(open, note_name, program_name);
    clxi_trusted_remove(open, program_name);
    clxi_verdict_set(context, verdict_key, CLXI_VERDICT_GOOD);
    clxi_trusted_visit(open, note_name, verdict_name);
    clxi_trusted_close(open);
}

/* Whatever is in the file, a load gives the payload of a whole entry of this key, or nothing. */
static void load_program(const uint8_t *wanted, size_t wanted_bytes)
{
    void *payload = NULL;
    size_t bytes = 0;
    if (!clxi_cache_load(folder, key, sizeof key, &payload, &bytes)) {
        demand(wanted == NULL);
        return;
    }
    demand(wanted == NULL || (bytes == wanted_bytes && memcmp(payload, wanted, bytes) == 0));
    free(payload);
}

static void load_verdict(clx_context *context, const uint8_t *payload, size_t bytes)
{
    clxi_verdicts_free(context);
    context->bad_verdicts = 0;
    const clxi_verdict verdict = clxi_verdict_get(context, verdict_key);
    clxi_verdict expected = CLXI_VERDICT_UNKNOWN;
    if (payload == NULL) return;
    if (bytes == 1 && payload[0] == 'g') expected = CLXI_VERDICT_GOOD;
    if (bytes == 1 && payload[0] == 'b') expected = CLXI_VERDICT_BAD;
    demand(verdict == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static clx_context context;
    char text[64];
    if (folder[0] == '\0') {
        blank_context_make(&context);
        learn_names(&context);
    }
    if (size == 0) return 0;
    const bool verdict = data[0] & 1, whole_file = data[0] & 2;
    data++;
    size--;
    if (whole_file) {
        clxi_trusted *open = trusted();
        demand(clxi_trusted_write(open, verdict ? verdict_name : program_name, data, size));
        clxi_trusted_close(open);
    } else if (verdict) {
        const int length = snprintf(text, sizeof text, "clxlstm verdict %016llx%016llx",
                                    (unsigned long long)verdict_key.high, (unsigned long long)verdict_key.low);
        demand(clxi_cache_store(folder, text, (size_t)length, data, size, UINT64_MAX));
    } else {
        demand(clxi_cache_store(folder, key, sizeof key, data, size, UINT64_MAX));
    }
    if (verdict) {
        load_verdict(&context, whole_file ? NULL : data, size);
    } else {
        load_program(whole_file ? NULL : data, size);
    }
    return 0;
}
