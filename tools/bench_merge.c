/* SPDX-License-Identifier: Apache-2.0
 *
 * One device of several reports. */
#include "bench_sheet.h"

#include <string.h>

static bool same_device(const tool_sheet *sheet, const tool_sheet_device *a, const tool_sheet_device *b)
{
    const tool_sheet_run *run_a = tool_sheet_run_at(sheet, (size_t)a->run);
    const tool_sheet_run *run_b = tool_sheet_run_at(sheet, (size_t)b->run);
    return strcmp(a->name, b->name) == 0 && strcmp(a->platform, b->platform) == 0 &&
           strcmp(a->driver, b->driver) == 0 && strcmp(a->version, b->version) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(run_a->cpu, run_b->cpu) == 0 && strcmp(run_a->version, run_b->version) == 0;
}

/* Every reference to device `from` becomes one to `to`; those behind `from` move up by one. */
static double moved(double device, size_t from, size_t to)
{
    if ((size_t)device == from) return (double)to;
    return (size_t)device > from ? device - 1.0 : device;
}

static void remove_device(tool_sheet *sheet, size_t from, size_t to)
{
    for (size_t index = 0; index < sheet->count[TOOL_CEILINGS]; ++index) {
        tool_sheet_ceiling *c = tool_sheet_ceiling_at(sheet, index);
        c->device = moved(c->device, from, to);
    }
    for (size_t index = 0; index < sheet->count[TOOL_RESULTS]; ++index) {
        tool_sheet_result *r = tool_sheet_result_at(sheet, index);
        r->device = moved(r->device, from, to);
    }
    for (size_t index = 0; index < sheet->count[TOOL_STARTS]; ++index) {
        tool_sheet_start *s = tool_sheet_start_at(sheet, index);
        s->device = moved(s->device, from, to);
    }
    const size_t behind = --sheet->count[TOOL_DEVICES] - from;
    memmove(tool_sheet_device_at(sheet, from), tool_sheet_device_at(sheet, from + 1),
            behind * sizeof(tool_sheet_device));
}

/* Of two ceilings with one name on one device, the higher one. */
static void join_ceilings(tool_sheet *sheet)
{
    size_t kept = 0;
    for (size_t index = 0; index < sheet->count[TOOL_CEILINGS]; ++index) {
        const tool_sheet_ceiling *c = tool_sheet_ceiling_at(sheet, index);
        size_t twin = 0;
        for (; twin < kept; ++twin) {
            const tool_sheet_ceiling *k = tool_sheet_ceiling_at(sheet, twin);
            if ((size_t)k->device == (size_t)c->device && strcmp(k->name, c->name) == 0) break;
        }
        tool_sheet_ceiling *place = tool_sheet_ceiling_at(sheet, twin);
        if (twin == kept) {
            if (place != c) *place = *c;
            ++kept;
        } else if (c->value > place->value || !(place->value > 0.0)) {
            *place = *c;
        }
    }
    sheet->count[TOOL_CEILINGS] = kept;
}

void tool_sheet_join_devices(tool_sheet *sheet)
{
    for (size_t index = 1; index < sheet->count[TOOL_DEVICES];) {
        const tool_sheet_device *device = tool_sheet_device_at(sheet, index);
        size_t twin = 0;
        while (twin < index && !same_device(sheet, tool_sheet_device_at(sheet, twin), device)) {
            ++twin;
        }
        if (twin < index) {
            remove_device(sheet, index, twin);
        } else {
            ++index;
        }
    }
    join_ceilings(sheet);
}
