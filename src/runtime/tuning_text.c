/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of tuning texts; see tuning.h for what they look like. Nothing is believed of a text: it may hold any bytes. */
#include "runtime/tuning_text.h"

#include "base/hash.h"
#include <stdio.h>
#include <string.h>

#define SUM_LENGTH 32

static void render_sum(const char *data, size_t length, char sum[SUM_LENGTH + 1])
{
    const clxi_hash hash = clxi_hash_bytes(data, length);
    snprintf(sum, SUM_LENGTH + 1, "%016llx%016llx", (unsigned long long)hash.high, (unsigned long long)hash.low);
}

/* Where `mark` begins in `length` characters; NULL where it does not. */
static const char *find_mark(const char *data, size_t length, const char *mark)
{
    const size_t size = strlen(mark);
    for (size_t i = 0; i + size <= length; i++) {
        if (memcmp(data + i, mark, size) == 0) return data + i;
    }
    return NULL;
}

static bool printable(const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] < ' ' || data[i] > '~') return false;
    }
    return true;
}

static bool take_apart(const char *line, size_t length, clxi_tuning_view *view)
{
    char sum[SUM_LENGTH + 1];
    const size_t head = SUM_LENGTH + 1 + CLXI_TUNING_DEVICE_LENGTH + 1;
    if (length <= head || line[SUM_LENGTH] != ' ' || line[head - 1] != ' ' || !printable(line, length)) return false;
    render_sum(line + SUM_LENGTH + 1, length - SUM_LENGTH - 1, sum);
    if (memcmp(line, sum, SUM_LENGTH) != 0) return false;
    const char *end = line + length, *subject = line + head;
    const char *equals = find_mark(subject, length - head, " = ");
    if (equals == NULL) return false;
    const char *value = equals + 3, *note = find_mark(value, (size_t)(end - value), " ; ");
    if (note == NULL) return false;
    *view = (clxi_tuning_view){
        line, length, line + SUM_LENGTH + 1, subject, (size_t)(equals - subject), value, (size_t)(note - value)};
    return view->subject_length < CLXI_TUNING_SUBJECT_SIZE && view->value_length < CLXI_TUNING_VALUE_SIZE;
}

bool clxi_tuning_next(const char *text, size_t size_bytes, size_t *at, clxi_tuning_view *view, size_t *damaged)
{
    while (*at < size_bytes) {
        const char *line = text + *at;
        const char *end = memchr(line, '\n', size_bytes - *at);
        const size_t length = end != NULL ? (size_t)(end - line) : size_bytes - *at;
        *at += length + 1;
        if (length == 0) continue;
        if (take_apart(line, length, view)) return true;
        ++*damaged;
    }
    return false;
}

static void append_words(const char *words, size_t room, clxi_text *out)
{
    for (size_t i = 0; words[i] != '\0' && i + 1 < room; i++) {
        const bool mark = words[i] == '=' && i > 0 && words[i - 1] == ' '; /* would end the subject */
        const bool belongs = words[i] >= ' ' && words[i] <= '~' && !mark;
        clxi_text_append(out, belongs ? &words[i] : "_", 1);
    }
}

void clxi_tuning_append(const char *device, const char *subject, const char *value, const char *note, clxi_text *out)
{
    char sum[SUM_LENGTH + 1];
    clxi_text body = CLXI_TEXT_INIT;
    clxi_text_printf(&body, "%.*s ", CLXI_TUNING_DEVICE_LENGTH, device);
    append_words(subject, CLXI_TUNING_SUBJECT_SIZE, &body);
    clxi_text_printf(&body, " = %.*s ; ", CLXI_TUNING_VALUE_SIZE - 1, value);
    append_words(note, CLXI_TUNING_NOTE_SIZE, &body);
    if (body.failed) {
        out->failed = true;
    } else {
        render_sum(body.data, body.count, sum);
        clxi_text_printf(out, "%s %s\n", sum, body.data);
    }
    clxi_text_free(&body);
}
