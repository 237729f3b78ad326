/* SPDX-License-Identifier: Apache-2.0
 *
 * What a page is about: engines on devices, problems, and which of those are points of one line. */
#include "page_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t series_of(page_source *source, const tool_sheet_result *result)
{
    for (size_t index = 0; index < source->series_count; ++index) {
        const page_series *s = &source->series[index];
        if (s->device == (size_t)result->device && strcmp(s->engine, result->engine) == 0) return index;
    }
    if (source->series_count == PAGE_SERIES_MAX) return PAGE_SERIES_MAX;
    page_series *s = &source->series[source->series_count];
    s->device = (size_t)result->device;
    s->engine = result->engine;
    return source->series_count++;
}

/* Devices are named where one engine ran on several. */
static void name_series(page_source *source)
{
    for (size_t index = 0; index < source->series_count; ++index) {
        page_series *s = &source->series[index];
        size_t homes = 0;
        for (size_t other = 0; other < source->series_count; ++other) {
            homes += strcmp(source->series[other].engine, s->engine) == 0;
        }
        const char *device = tool_sheet_device_at(source->sheet, s->device)->name;
        snprintf(s->name, sizeof s->name, "%s%s%s", s->engine, homes > 1 ? " on " : "", homes > 1 ? device : "");
    }
}

static bool same_problem(const tool_sheet_result *a, const tool_sheet_result *b)
{
    return strcmp(a->op, b->op) == 0 && strcmp(a->shape, b->shape) == 0 && strcmp(a->dtype, b->dtype) == 0 &&
           strcmp(a->gates, b->gates) == 0;
}

/* Alike but for S, which rises? */
static bool follows_in_sweep(const tool_sheet_result *a, const tool_sheet_result *b)
{
    double x[5] = {0}, y[5] = {0};
    if (strcmp(a->op, b->op) != 0 || strcmp(a->dtype, b->dtype) != 0 || strcmp(a->gates, b->gates) != 0) return false;
    if ((size_t)a->device != (size_t)b->device || strcmp(a->engine, b->engine) != 0) return false;
    tool_sheet_sizes(a->shape, x);
    tool_sheet_sizes(b->shape, y);
    return x[0] == y[0] && x[1] == y[1] && x[3] == y[3] && x[4] == y[4] && x[2] < y[2];
}

size_t page_sweep_length(const tool_sheet *sheet, size_t index)
{
    size_t length = 1;
    for (; index + length < sheet->count[TOOL_RESULTS]; ++length) {
        const tool_sheet_result *last = tool_sheet_result_at(sheet, index + length - 1);
        if (!follows_in_sweep(last, tool_sheet_result_at(sheet, index + length))) break;
    }
    return length;
}

static void mark_sweeps(page_source *source)
{
    enum { LEAST = 4 };
    const size_t count = source->sheet->count[TOOL_RESULTS];
    for (size_t index = 0; index < count;) {
        const size_t length = page_sweep_length(source->sheet, index);
        for (const size_t end = index + length; index < end; ++index) {
            source->grows[index] = length >= LEAST;
        }
    }
}

static void relate(page_source *source, size_t index)
{
    const tool_sheet_result *result = tool_sheet_result_at(source->sheet, index);
    size_t first = 0;
    while (!same_problem(tool_sheet_result_at(source->sheet, first), result)) {
        ++first;
    }
    source->problem[index] = first;
    source->series_of[index] = series_of(source, result);
}

bool page_source_begin(page_source *source, clxi_text *page, const tool_sheet *sheet)
{
    const size_t count = sheet->count[TOOL_RESULTS];
    *source = (page_source){.page = page, .sheet = sheet};
    source->series_of = calloc(count + 1, sizeof *source->series_of);
    source->problem = calloc(count + 1, sizeof *source->problem);
    source->grows = calloc(count + 1, sizeof *source->grows);
    if (!source->series_of || !source->problem || !source->grows) return false;
    for (size_t index = 0; index < count; ++index) {
        relate(source, index);
    }
    mark_sweeps(source);
    name_series(source);
    return true;
}

void page_source_end(page_source *source)
{
    free(source->series_of);
    free(source->problem);
    free(source->grows);
}

const tool_sheet_result *page_best_peer(const page_source *source, size_t ours)
{
    const tool_sheet *sheet = source->sheet;
    const tool_sheet_result *own = tool_sheet_result_at(sheet, ours), *best = NULL;
    const char *type = tool_sheet_device_at(sheet, (size_t)own->device)->type;
    for (size_t index = 0; index < sheet->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(sheet, index);
        if (source->problem[index] != source->problem[ours] || !tool_sheet_passed(r) || !(r->median_ms > 0.0)) continue;
        if (strcmp(r->engine, own->engine) == 0) continue;
        if (strcmp(tool_sheet_device_at(sheet, (size_t)r->device)->type, type) != 0) continue;
        if (!best || r->median_ms < best->median_ms) best = r;
    }
    return best;
}

const char *page_against(const page_source *source, size_t index, char *text, size_t room)
{
    const tool_sheet_result *ours = tool_sheet_result_at(source->sheet, index);
    const bool ask = strcmp(ours->engine, "clxlstm") == 0 && tool_sheet_passed(ours);
    const tool_sheet_result *peer = ask ? page_best_peer(source, index) : NULL;
    text[0] = '\0';
    if (!peer) return NULL;
    const double ratio = peer->median_ms / ours->median_ms;
    if (ratio >= 1.0) {
        snprintf(text, room, "%.2f x the speed of %s", ratio, peer->engine);
        return "good";
    }
    snprintf(text, room, "lost: %.2f x the time of %s", 1.0 / ratio, peer->engine);
    return "bad";
}
