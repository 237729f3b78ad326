/* SPDX-License-Identifier: Apache-2.0
 *
 * A string that grows. */
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `count` more characters and the NUL. Doubling keeps appending linear. */
static bool reserve(clxi_text *text, size_t count)
{
    if (text->failed) return false;
    if (count >= SIZE_MAX / 2 - text->count) {
        text->failed = true;
        return false;
    }
    size_t need = text->count + count + 1;
    if (need <= text->room) return true;
    size_t room = text->room * 2 > need ? text->room * 2 : need;
    char *data = realloc(text->data, room);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

void clxi_text_append(clxi_text *text, const char *data, size_t count)
{
    if (!reserve(text, count)) return;
    if (count > 0) memcpy(text->data + text->count, data, count);
    text->count += count;
    text->data[text->count] = '\0';
}

void clxi_text_printf(clxi_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int count = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (count < 0) {
        text->failed = true;
        return;
    }
    if (!reserve(text, (size_t)count)) return;
    va_start(args, format);
    vsnprintf(text->data + text->count, (size_t)count + 1, format, args);
    va_end(args);
    text->count += (size_t)count;
}

void clxi_text_free(clxi_text *text)
{
    free(text->data);
    memset(text, 0, sizeof *text);
}

char *clxi_strdup(const char *string)
{
    if (string == NULL) return NULL;
    size_t size = strlen(string) + 1;
    char *copy = malloc(size);
    if (copy != NULL) memcpy(copy, string, size);
    return copy;
}

static bool starts_nocase(const char *string, const char *start)
{
    for (; *start != '\0'; string++, start++) {
        if (tolower((unsigned char)*string) != tolower((unsigned char)*start)) return false;
    }
    return true;
}

bool clxi_contains_nocase(const char *haystack, const char *needle)
{
    do {
        if (starts_nocase(haystack, needle)) return true;
    } while (*haystack++ != '\0');
    return false;
}
