/* SPDX-License-Identifier: Apache-2.0
 *
 * Line by line from the driver's PTX to the one that is loaded. */
#include "runtime/reload.h"
#include <stdlib.h>
#include <string.h>

#define MARK "//@"
#define ENLARGE MARK ".enlarge "
#define ARRAY "clx_enlarged["
#define TARGET ".target sm_90"

bool clxi_reload_wanted(const char *source)
{
    return strstr(source, MARK) != NULL;
}

/* A line of the text, without its end. */
typedef struct line {
    const char *begin;
    size_t count;
} line;

static bool next_line(const char **at, const char *end, line *out)
{
    if (*at >= end || **at == '\0') return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    if (stop == NULL) stop = memchr(*at, '\0', (size_t)(end - *at));
    if (stop == NULL) stop = end;
    *out = (line){*at, (size_t)(stop - *at)};
    *at = stop < end ? stop + 1 : end;
    return true;
}

/* Where `word` begins in the line; the line's count where it is not there. */
static size_t find(line l, const char *word)
{
    const size_t count = strlen(word);
    for (size_t i = 0; i + count <= l.count; i++)
        if (memcmp(l.begin + i, word, count) == 0) return i;
    return l.count;
}

static bool has(line l, const char *word)
{
    return find(l, word) < l.count;
}

/* The number behind `word`, or 0. */
static unsigned long number_behind(line l, const char *word)
{
    const size_t at = find(l, word);
    unsigned long value = 0;
    for (size_t i = at + strlen(word); at < l.count && i < l.count && l.begin[i] >= '0' && l.begin[i] <= '9'; i++)
        value = value * 10 + (unsigned long)(l.begin[i] - '0');
    return value;
}

static void append_without_marks(line l, clxi_text *out)
{
    const size_t at = find(l, MARK);
    clxi_text_append(out, l.begin, at);
    if (at < l.count) append_without_marks((line){l.begin + at + strlen(MARK), l.count - at - strlen(MARK)}, out);
}

/* ".target sm_90, ..." becomes ".target sm_90a, ..."; a target that has its letter keeps it. */
static void append_target(line l, clxi_text *out)
{
    const size_t behind = find(l, TARGET) + strlen(TARGET);
    clxi_text_append(out, l.begin, behind);
    if (behind >= l.count || l.begin[behind] != 'a') clxi_text_printf(out, "a");
    clxi_text_append(out, l.begin + behind, l.count - behind);
}

static void append_enlarged(line l, unsigned long bytes, clxi_text *out)
{
    const size_t size = find(l, ARRAY) + strlen(ARRAY);
    size_t behind = size;
    while (behind < l.count && l.begin[behind] != ']')
        behind++;
    clxi_text_append(out, l.begin, size);
    clxi_text_printf(out, "%lu", bytes);
    clxi_text_append(out, l.begin + behind, l.count - behind);
}

/* The array is declared before the line that says how large it is to be. */
static unsigned long bytes_wanted(const char *ptx, size_t size)
{
    const char *at = ptx;
    line l;
    while (next_line(&at, ptx + size, &l))
        if (has(l, ENLARGE)) return number_behind(l, ENLARGE);
    return 0;
}

bool clxi_reload_edit(const char *ptx, size_t size, clxi_text *out, const char **reason)
{
    const unsigned long bytes = bytes_wanted(ptx, size);
    const char *at = ptx;
    bool target = false;
    line l;
    while (next_line(&at, ptx + size, &l)) {
        if (has(l, TARGET)) {
            append_target(l, out);
            target = true;
        } else if (bytes > 0 && has(l, ".shared") && has(l, ARRAY)) {
            append_enlarged(l, bytes, out);
        } else if (!has(l, ENLARGE)) {
            append_without_marks(l, out);
        }
        clxi_text_append(out, "\n", 1);
    }
    *reason = out->failed ? "memory is short" : "its binary is no PTX for sm_90";
    return target && !out->failed;
}
