/* SPDX-License-Identifier: Apache-2.0
 *
 * A string that grows. Appending after a failed allocation does nothing, so only the end must be checked. */
#ifndef CLXI_BASE_TEXT_H
#define CLXI_BASE_TEXT_H

#include "base/fail.h"
#include <stdbool.h>

typedef struct clxi_text {
    char *data; /* NUL-terminated, or NULL while nothing was appended */
    size_t count;
    size_t room;
    bool failed;
} clxi_text;

/* clang-format off */
#define CLXI_TEXT_INIT {NULL, 0, 0, false}
/* clang-format on */

void clxi_text_append(clxi_text *text, const char *data, size_t count);
void clxi_text_printf(clxi_text *text, const char *format, ...) CLXI_PRINTF(2, 3);
void clxi_text_free(clxi_text *text);

/* Copies a string; NULL where memory is short (or for NULL). */
char *clxi_strdup(const char *string);

/* Is `needle` part of `haystack`, whatever the case? */
bool clxi_contains_nocase(const char *haystack, const char *needle);

#endif
