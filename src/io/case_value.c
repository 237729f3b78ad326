/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters of a case: from text to typed values. A value parses whole or not at all. */
#include "io/case.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number, or inf with or without a sign. strtod alone would take white space, hexadecimals and NaN, and turn
 * 1e999 into infinity. */
static bool parse_number(const char *text, double *out)
{
    char *end;
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    if (strcmp(digits, "inf") == 0) {
        *out = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (*text == '\0' || strspn(text, "0123456789+-.eE") != strlen(text)) return false;
    *out = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*out);
}

static bool parse_integer(const char *text, int64_t *out)
{
    char *end;
    const char *digits = *text == '-' ? text + 1 : text;
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits)) return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno == ERANGE) return false;
    *out = value;
    return true;
}

static bool parse_word(const char *words, const char *text, int64_t *out)
{
    size_t length = strlen(text);
    int64_t position = 0;
    for (const char *word = words; word; position++) {
        const char *bar = strchr(word, '|');
        size_t size = bar ? (size_t)(bar - word) : strlen(word);
        if (size == length && memcmp(word, text, size) == 0) {
            *out = position;
            return true;
        }
        word = bar ? bar + 1 : NULL;
    }
    return false;
}

/* "3.0,6.0" | "3.0" | "none" */
static bool parse_range(const char *text, clxi_value *out)
{
    char first[64];
    const char *comma = strchr(text, ',');
    if (strcmp(text, "none") == 0) {
        out->count = 0;
        return true;
    }
    out->count = comma ? 2 : 1;
    if (!comma) return parse_number(text, &out->number[0]) && isfinite(out->number[0]);
    size_t size = (size_t)(comma - text);
    if (size >= sizeof first) return false;
    memcpy(first, text, size);
    first[size] = '\0';
    return parse_number(first, &out->number[0]) && parse_number(comma + 1, &out->number[1]) &&
           isfinite(out->number[0]) && isfinite(out->number[1]);
}

bool clxi_value_parse(const clxi_param_row *row, const char *text, clxi_value *out)
{
    switch (row->kind) {
    case CLXI_KIND_BOOL:
        out->flag = strcmp(text, "true") == 0;
        return out->flag || strcmp(text, "false") == 0;
    case CLXI_KIND_INT:
        return parse_integer(text, &out->integer) && out->integer >= row->minimum;
    case CLXI_KIND_FLOAT:
        return parse_number(text, &out->number[0]);
    case CLXI_KIND_NOT_NEGATIVE:
        return parse_number(text, &out->number[0]) && out->number[0] >= 0 && isfinite(out->number[0]);
    case CLXI_KIND_POSITIVE:
        return parse_number(text, &out->number[0]) && out->number[0] > 0 && isfinite(out->number[0]);
    case CLXI_KIND_DTYPE:
        out->dtype = clx_dtype_parse(text);
        return out->dtype == CLX_F32 || out->dtype == CLX_F16 || out->dtype == CLX_BF16;
    case CLXI_KIND_CHOICE:
        return parse_word(row->words, text, &out->integer);
    case CLXI_KIND_RANGE:
        return parse_range(text, out);
    }
    return false;
}

const char *clxi_value_expects(const clxi_param_row *row, char *text, size_t room)
{
    switch (row->kind) {
    case CLXI_KIND_BOOL:
        return "true or false";
    case CLXI_KIND_INT:
        snprintf(text, room, "a whole number >= %lld", (long long)row->minimum);
        return text;
    case CLXI_KIND_FLOAT:
        return "a number";
    case CLXI_KIND_NOT_NEGATIVE:
        return "a finite number >= 0";
    case CLXI_KIND_POSITIVE:
        return "a finite number > 0";
    case CLXI_KIND_DTYPE:
        return "f32, f16 or bf16";
    case CLXI_KIND_CHOICE:
        snprintf(text, room, "one of %s", row->words);
        return text;
    case CLXI_KIND_RANGE:
        return "a pair of numbers such as 3.0,6.0, one number, or none";
    }
    return "?";
}
