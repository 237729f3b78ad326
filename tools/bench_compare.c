/* SPDX-License-Identifier: Apache-2.0
 *
 * Two reports side by side. */
#include "bench_compare.h"
#include "bench_text.h"
#include "tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counts {
    size_t compared, slower, faster, broken, mended, unclear, only_before, only_after;
} counts;

/* Devices are told apart only where a report has several. */
static bool same_device(const tool_sheet *before, const tool_sheet_result *a, const tool_sheet *after,
                        const tool_sheet_result *b)
{
    if (before->count[TOOL_DEVICES] == 1 && after->count[TOOL_DEVICES] == 1) return true;
    return strcmp(tool_sheet_device_at(before, (size_t)a->device)->name,
                  tool_sheet_device_at(after, (size_t)b->device)->name) == 0;
}

static bool same_problem(const tool_sheet_result *a, const tool_sheet_result *b)
{
    return strcmp(a->engine, b->engine) == 0 && strcmp(a->op, b->op) == 0 && strcmp(a->shape, b->shape) == 0 &&
           strcmp(a->dtype, b->dtype) == 0 && strcmp(a->gates, b->gates) == 0;
}

/* The first result of `after` for the same problem that no other has taken; NULL where there is none. */
static const tool_sheet_result *counterpart(const tool_sheet *before, const tool_sheet_result *a,
                                            const tool_sheet *after, bool *taken)
{
    for (size_t index = 0; index < after->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *b = tool_sheet_result_at(after, index);
        if (taken[index] || !same_problem(a, b) || !same_device(before, a, after, b)) continue;
        taken[index] = true;
        return b;
    }
    return NULL;
}

static void print_side(const char *letter, const char *name, const tool_sheet *sheet)
{
    printf("%s  %s", letter, name);
    for (size_t index = 0; index < sheet->count[TOOL_DEVICES]; ++index) {
        const tool_sheet_device *device = tool_sheet_device_at(sheet, index);
        const tool_sheet_run *run = tool_sheet_run_at(sheet, (size_t)device->run);
        printf("%s %s, driver %s, %s %s, %s", index ? ";" : ":", device->name, device->driver, run->generator,
               run->version, run->date);
    }
    putchar('\n');
}

static const char *verdict_of(const tool_sheet_result *a, const tool_sheet_result *b, double change, double percent,
                              counts *c)
{
    if (!b) return ++c->only_before, "only in A";
    ++c->compared;
    if (tool_sheet_passed(a) && !tool_sheet_passed(b)) return ++c->broken, b->status;
    if (!tool_sheet_passed(a) && tool_sheet_passed(b)) return ++c->mended, "passes now";
    if (!tool_sheet_passed(a)) return b->status;
    if (strcmp(a->clock, "differs") == 0 || strcmp(b->clock, "differs") == 0) return ++c->unclear, "clocks differ";
    if (!(change <= percent)) return ++c->slower, "SLOWER";
    if (change < -percent) return ++c->faster, "faster";
    return "same";
}

static void ms_cells(tool_table *table, const tool_sheet_result *r)
{
    if (!r || !isfinite(r->median_ms)) {
        tool_table_cell(table, "-");
        tool_table_cell(table, "-");
        return;
    }
    tool_table_cell(table, "%.4f", r->median_ms);
    if (isfinite(r->p90_ms - r->p10_ms)) {
        tool_table_cell(table, "+-%.1f%%", 50.0 * (r->p90_ms - r->p10_ms) / r->median_ms);
    } else {
        tool_table_cell(table, "-");
    }
}

static void print_row(tool_table *table, const tool_sheet_result *a, const tool_sheet_result *b, double percent,
                      counts *c)
{
    const tool_sheet_result *any = a ? a : b;
    const double change = a && b ? 100.0 * (b->median_ms - a->median_ms) / a->median_ms : (double)NAN;
    const bool ours = strcmp(any->engine, "clxlstm") == 0;
    const char *verdict = a ? verdict_of(a, b, change, percent, c) : "only in B";
    if (!a) ++c->only_after;
    tool_table_cell(table, "%s%s%s", ours ? "" : any->engine, ours ? "" : " ", any->op);
    tool_table_cell(table, "%s", any->shape);
    tool_table_cell(table, "%s", any->dtype);
    tool_table_cell(table, "%s", *any->gates ? any->gates : "-");
    ms_cells(table, a);
    ms_cells(table, b);
    tool_table_cell(table, isfinite(change) ? "%+.1f%%" : "-", change);
    tool_table_cell(table, "%s", verdict);
}

static int finish(const counts *c, double percent)
{
    printf("\n%zu compared: %zu slower and %zu faster by more than %.4g%%", c->compared, c->slower, c->faster, percent);
    if (c->broken || c->mended) printf(", %zu no longer right, %zu right now", c->broken, c->mended);
    if (c->unclear) printf(", %zu not to be told because clocks differ", c->unclear);
    if (c->only_before || c->only_after) printf("; %zu only in A, %zu only in B", c->only_before, c->only_after);
    putchar('\n');
    if (c->compared == 0) return tool_fail("bench: the reports have no problem in common");
    if (c->broken) return tool_fail("bench: %zu of %zu results are no longer right", c->broken, c->compared);
    if (c->slower)
        return tool_fail("bench: %zu of %zu results are slower by more than %.4g%%", c->slower, c->compared, percent);
    return TOOL_OK;
}

int tool_compare(const tool_sheet *before, const char *before_name, const tool_sheet *after, const char *after_name,
                 double percent)
{
    static const tool_column columns[] = {
        {"operator", 15, 0},   {"shape", 21, 0}, {"dtype", 5, 0},       {"gates", 7, 0},  {"A ms", 10, 1},
        {"80% within", 10, 1}, {"B ms", 10, 1},  {"80% within", 10, 1}, {"change", 8, 1}, {"verdict", 9, 0},
    };
    counts c = {0};
    bool *taken = calloc(after->count[TOOL_RESULTS] + 1, sizeof *taken);
    if (!taken) return tool_fail("out of host memory for the comparison");
    print_side("A", before_name, before);
    print_side("B", after_name, after);
    putchar('\n');
    tool_table table = tool_table_begin(columns, sizeof columns / sizeof *columns);
    for (size_t index = 0; index < before->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *a = tool_sheet_result_at(before, index);
        print_row(&table, a, counterpart(before, a, after, taken), percent, &c);
    }
    for (size_t index = 0; index < after->count[TOOL_RESULTS]; ++index) {
        if (!taken[index]) print_row(&table, NULL, tool_sheet_result_at(after, index), percent, &c);
    }
    free(taken);
    return finish(&c, percent);
}
