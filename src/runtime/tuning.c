/* SPDX-License-Identifier: Apache-2.0
 *
 * What tuning has found, in memory and in the cache folder. */
#include "runtime/tuning.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/trusted.h"
#include "runtime/program_list.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 1024 }; /* in memory: a hostile text must not make every creation of an operator slow */

struct clxi_tuning_entry {
    clxi_tuning_entry *next;
    char subject[CLXI_TUNING_SUBJECT_SIZE];
    char value[CLXI_TUNING_VALUE_SIZE];
    char *line;
};

/* Hash of all that a result holds for: the device as in the keys of programs. */
bool clxi_tuning_device(const clx_context *context, char device[CLXI_TUNING_DEVICE_LENGTH + 1])
{
    clxi_text key = CLXI_TEXT_INIT;
    clxi_key_device(context, &key);
    const bool good = !key.failed;
    if (good) {
        const clxi_hash hash = clxi_hash_bytes(key.data, key.count);
        snprintf(device, CLXI_TUNING_DEVICE_LENGTH + 1, "%016llx%016llx", (unsigned long long)hash.high,
                 (unsigned long long)hash.low);
    }
    clxi_text_free(&key);
    return good;
}

/* The caller holds the mutex. */
static clxi_tuning_entry *find(const clx_context *context, const char *subject, size_t length)
{
    for (clxi_tuning_entry *e = context->tunings; e != NULL; e = e->next) {
        if (strlen(e->subject) == length && memcmp(e->subject, subject, length) == 0) return e;
    }
    return NULL;
}

static clxi_tuning_entry *add_entry(clx_context *context, const clxi_tuning_view *view)
{
    clxi_tuning_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return NULL;
    memcpy(entry->subject, view->subject, view->subject_length);
    entry->next = context->tunings;
    context->tunings = entry;
    return entry;
}

static size_t count_entries(const clx_context *context)
{
    size_t count = 0;
    for (const clxi_tuning_entry *e = context->tunings; e != NULL; e = e->next) {
        count++;
    }
    return count;
}

/* The caller holds the mutex. */
static clx_status put_entry(clx_context *context, const clxi_tuning_view *view, clx_error *error)
{
    char *line = malloc(view->length + 1);
    clxi_tuning_entry *entry = NULL;
    if (line != NULL) entry = find(context, view->subject, view->subject_length);
    if (line != NULL && entry == NULL) entry = add_entry(context, view);
    if (entry == NULL) {
        free(line);
        return clxi_fail_memory(error, "tuning results");
    }
    memcpy(line, view->line, view->length);
    line[view->length] = '\0';
    free(entry->line);
    entry->line = line;
    memcpy(entry->value, view->value, view->value_length);
    entry->value[view->value_length] = '\0';
    return CLX_OK;
}

clx_status clxi_tuning_add(clx_context *context, const char *text, size_t size_bytes, size_t *accepted,
                           clx_error *error)
{
    clx_status status = CLX_OK;
    char device[CLXI_TUNING_DEVICE_LENGTH + 1];
    size_t at = 0, damaged = 0, passed = 0;
    clxi_tuning_view view;
    *accepted = 0;
    if (!clxi_tuning_device(context, device)) return clxi_fail_memory(error, "tuning results");
    clxi_mutex_lock(&context->mutex);
    size_t room = ENTRIES_MAX - count_entries(context);
    while (status == CLX_OK && room > 0 && clxi_tuning_next(text, size_bytes, &at, &view, &damaged)) {
        if (memcmp(view.device, device, CLXI_TUNING_DEVICE_LENGTH) != 0) {
            passed++;
            continue;
        }
        status = put_entry(context, &view, error);
        if (status == CLX_OK) ++*accepted;
        room--;
    }
    clxi_mutex_unlock(&context->mutex);
    clxi_log_line(&context->log, damaged > 0 || room == 0 ? CLXI_LOG_WARNING : CLXI_LOG_INFO,
                  "tuning: %zu results taken, %zu of other devices or versions, %zu damaged lines%s", *accepted, passed,
                  damaged, room == 0 ? "; no room for more" : "");
    return status;
}

bool clxi_tuning_find(clx_context *context, const char *subject, char value[CLXI_TUNING_VALUE_SIZE])
{
    clxi_mutex_lock(&context->mutex);
    const clxi_tuning_entry *entry = find(context, subject, strlen(subject));
    if (entry != NULL) memcpy(value, entry->value, CLXI_TUNING_VALUE_SIZE);
    clxi_mutex_unlock(&context->mutex);
    return entry != NULL;
}

void clxi_tuning_line(const clx_context *context, const char *subject, const char *value, const char *note,
                      clxi_text *out)
{
    char device[CLXI_TUNING_DEVICE_LENGTH + 1];
    if (clxi_tuning_device(context, device))
        clxi_tuning_append(device, subject, value, note, out);
    else
        out->failed = true;
}

static bool same_subject(const clxi_tuning_view *a, const clxi_tuning_view *b)
{
    return memcmp(a->device, b->device, CLXI_TUNING_DEVICE_LENGTH) == 0 && a->subject_length == b->subject_length &&
           memcmp(a->subject, b->subject, a->subject_length) == 0;
}

/* The whole lines of a text, behind those that are there. */
static bool collect(const char *text, size_t size_bytes, clxi_tuning_view **views, size_t *count)
{
    clxi_tuning_view view;
    size_t damaged = 0;
    for (size_t at = 0; clxi_tuning_next(text, size_bytes, &at, &view, &damaged);) {
        if ((*count & (*count - 1)) == 0) { /* at 0 and powers of two */
            clxi_tuning_view *more = realloc(*views, (*count > 0 ? 2 * *count : 1) * sizeof *more);
            if (more == NULL) return false;
            *views = more;
        }
        (*views)[(*count)++] = view;
    }
    return true;
}

void clxi_tuning_merge(const char *text, size_t size_bytes, const char *more, size_t more_bytes, clxi_text *out)
{
    clxi_tuning_view *views = NULL;
    size_t count = 0;
    if (!collect(text, size_bytes, &views, &count) || !collect(more, more_bytes, &views, &count)) out->failed = true;
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        for (size_t j = i + 1; j < count && !replaced; j++)
            replaced = same_subject(&views[i], &views[j]);
        if (replaced) continue;
        clxi_text_append(out, views[i].line, views[i].length);
        clxi_text_append(out, "\n", 1);
    }
    free(views);
}

clx_status clxi_tuning_store(const clx_context *context, const char *file, const char *lines, size_t size_bytes,
                             clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text all = CLXI_TEXT_INIT;
    char *old = NULL;
    size_t old_bytes = 0;
    const char *reason = NULL;
    if (context->cache_dir == NULL) return clxi_fail(error, CLX_ERR_IO, "tuning results: no cache folder to keep them");
    clxi_trusted *folder = clxi_trusted_open(context->cache_dir, true, &reason);
    if (folder == NULL)
        return clxi_fail(error, CLX_ERR_IO, "%s: %s", context->cache_dir, reason ? reason : "cannot be made");
    if (!clxi_trusted_read(folder, file, CLXI_TUNING_LIMIT_BYTES, &old, &old_bytes)) old_bytes = 0;
    clxi_tuning_merge(old, old_bytes, lines, size_bytes, &all);
    if (all.failed)
        status = clxi_fail_memory(error, "tuning results");
    else if (!clxi_trusted_write(folder, file, all.data != NULL ? all.data : "", all.count))
        status = clxi_fail(error, CLX_ERR_IO, "%s/%s: cannot be written", context->cache_dir, file);
    clxi_trusted_close(folder);
    clxi_text_free(&all);
    free(old);
    return status;
}

bool clxi_tuning_read(const clx_context *context, const char *file, char **text, size_t *size_bytes)
{
    const char *reason;
    if (context->cache_dir == NULL) return false;
    clxi_trusted *folder = clxi_trusted_open(context->cache_dir, false, &reason);
    if (folder == NULL) return false;
    const bool good = clxi_trusted_read(folder, file, CLXI_TUNING_LIMIT_BYTES, text, size_bytes);
    clxi_trusted_close(folder);
    return good;
}

void clxi_tuning_load(clx_context *context)
{
    clx_error error = CLX_ERROR_INIT;
    clx_status status = CLX_OK;
    char *text = NULL;
    size_t size_bytes = 0, accepted = 0;
    if (context->tuning_off) return;
    if (context->tuning_path != NULL)
        status = clxi_file_read(context->tuning_path, CLXI_TUNING_LIMIT_BYTES, &text, &size_bytes, &error);
    else if (!clxi_tuning_read(context, CLXI_TUNING_FILE, &text, &size_bytes))
        return;
    if (status == CLX_OK) status = clxi_tuning_add(context, text, size_bytes, &accepted, &error);
    if (status != CLX_OK)
        clxi_log_line(&context->log, CLXI_LOG_WARNING, "tuning: results are not used: %s", error.message);
    clx_error_clear(&error);
    free(text);
}

static clx_status copy_out(const clxi_text *all, char *text, size_t *size_bytes, clx_error *error)
{
    if (all->failed) return clxi_fail_memory(error, "tuning results");
    if (text != NULL && *size_bytes < all->count)
        return clxi_fail(error, CLX_ERR_VALUE, "size_bytes: %zu, expected at least %zu", *size_bytes, all->count);
    if (text != NULL && all->count > 0) memcpy(text, all->data, all->count);
    *size_bytes = all->count;
    return CLX_OK;
}

clx_status clx_context_tuning_get(clx_context *context, char *text, size_t *size_bytes, clx_error *error)
{
    clxi_text all = CLXI_TEXT_INIT;
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (size_bytes == NULL) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: null");
    clxi_mutex_lock(&context->mutex);
    for (const clxi_tuning_entry *e = context->tunings; e != NULL; e = e->next) {
        clxi_text_printf(&all, "%s\n", e->line);
    }
    clxi_mutex_unlock(&context->mutex);
    status = copy_out(&all, text, size_bytes, error);
    clxi_text_free(&all);
    return status;
}

clx_status clx_context_tuning_set(clx_context *context, const char *text, size_t size_bytes, size_t *accepted,
                                  clx_error *error)
{
    size_t count = 0;
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (text == NULL && size_bytes > 0)
        return clxi_fail(error, CLX_ERR_NULL, "text: null, expected %zu bytes", size_bytes);
    if (size_bytes > CLXI_TUNING_LIMIT_BYTES)
        return clxi_fail(error, CLX_ERR_VALUE, "size_bytes: %zu, expected at most %zu", size_bytes,
                         CLXI_TUNING_LIMIT_BYTES);
    status = clxi_tuning_add(context, text, size_bytes, &count, error);
    if (accepted != NULL) *accepted = count;
    return status;
}

void clxi_tunings_free(clx_context *context)
{
    while (context->tunings != NULL) {
        clxi_tuning_entry *entry = context->tunings;
        context->tunings = entry->next;
        free(entry->line);
        free(entry);
    }
}
