/* SPDX-License-Identifier: Apache-2.0
 *
 * A report on the terminal. */
#include "bench_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Brings a value below a thousand and gives the letter for that. */
static char take_prefix(double *value)
{
    static const char prefixes[] = {'\0', 'k', 'M', 'G', 'T', 'P'};
    size_t prefix = 0;
    while (fabs(*value) >= 999.5 && prefix + 1 < sizeof prefixes) {
        *value *= 1e-3;
        ++prefix;
    }
    return prefixes[prefix];
}

const char *tool_text_amount(char text[TOOL_AMOUNT_SIZE], double value, const char *unit)
{
    if (!isfinite(value)) return snprintf(text, TOOL_AMOUNT_SIZE, "-"), text;
    const char prefix[2] = {take_prefix(&value), '\0'};
    int digits = fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    if (*prefix == '\0' && floor(value) >= value) digits = 0;
    snprintf(text, TOOL_AMOUNT_SIZE, "%.*f %s%s", digits, value, prefix, unit);
    return text;
}

const char *tool_text_round(char text[TOOL_AMOUNT_SIZE], double value, const char *unit)
{
    const char prefix[2] = {take_prefix(&value), '\0'};
    snprintf(text, TOOL_AMOUNT_SIZE, "%.4g %s%s", value, prefix, unit);
    return text;
}

const char *tool_text_remark(const tool_sheet_result *result)
{
    if (strcmp(result->clock, "differs") == 0) return "the device's clock and the host's differ: do not trust the time";
    if (result->runs < 20.0) return "fewer than 20 runs";
    return "";
}

void tool_text_device(const tool_sheet *sheet, size_t device)
{
    char text[TOOL_AMOUNT_SIZE];
    const tool_sheet_device *d = tool_sheet_device_at(sheet, device);
    printf("device   %s (%s), driver %s\n", d->name, d->platform, d->driver);
    for (size_t index = 0; index < sheet->count[TOOL_CEILINGS]; ++index) {
        const tool_sheet_ceiling *c = tool_sheet_ceiling_at(sheet, index);
        if ((size_t)c->device != device) continue;
        printf("ceiling  %-16s %-12s %s\n", c->name, tool_text_amount(text, c->value, c->unit), c->note);
    }
}

static void print_times(const tool_sheet_result *r)
{
    printf(
        "time     median %.4f ms, min %.4f, 80%% between %.4f and %.4f, max %.4f; %.0f calls in a row, from end to end "
        "by profiling events, %.0f sets of buffers in turn\n",
        r->median_ms, r->min_ms, r->p10_ms, r->p90_ms, r->max_ms, r->runs, r->buffer_sets);
    printf("clock    all calls %.2f ms by profiling events, %.2f by the host's clock: %s\n", r->events_ms, r->wall_ms,
           strcmp(r->clock, "short") == 0 ? "too short to compare" : r->clock);
}

void tool_text_result(const tool_sheet_result *r)
{
    char speed[TOOL_AMOUNT_SIZE];
    const bool traffic = strcmp(r->unit, "B/s") == 0;
    printf("case     %s %s %s%s%s, variant %s\n", r->op, r->shape, r->dtype, *r->gates ? ", gates " : "", r->gates,
           r->variant);
    if (strcmp(r->status, "failed") == 0 || strcmp(r->status, "skipped") == 0) {
        printf("check    %s: %s\n", r->status, r->message);
        return;
    }
    print_times(r);
    printf("speed    %s%s (%s / median)\n", tool_text_amount(speed, r->speed, r->unit), traffic ? "" : ", useful",
           r->work);
    if (isfinite(r->ceiling_percent)) {
        printf("ceiling  %.1f%% of what %s allows; %.4g useful operations for each byte of inputs and outputs\n",
               r->ceiling_percent, r->ceiling, r->flops / r->bytes);
    }
    printf("host     median %.1f us until the enqueue returns, max %.1f; %.1f us a call in a row without events\n",
           r->host_us, r->host_max_us, r->row_us);
    printf("memory   %.0f bytes beyond the %.0f of inputs and outputs\n", r->extra_bytes, r->tensor_bytes);
    printf("check    %s: %.0f rows against float64, largest error %.3f of the tolerance, rms %.4f",
           tool_sheet_passed(r) ? "PASS" : "FAIL", r->judged_rows, r->worst_ratio, r->rms_ratio);
    if (isfinite(r->rms_limit)) printf(" (limit %.2f)", r->rms_limit);
    putchar('\n');
    if (*tool_text_remark(r)) printf("remark   %s\n", tool_text_remark(r));
}

tool_table tool_text_results_begin(void)
{
    static const tool_column columns[] = {
        {"operator", 15, 0},  {"shape", 21, 0},      {"dtype", 5, 0},    {"gates", 7, 0},
        {"median ms", 10, 1}, {"80% within", 11, 1}, {"speed", 12, 1},   {"ceiling", 8, 1},
        {"host us", 7, 1},    {"check", 7, 0},       {"variant", 24, 0},
    };
    return tool_table_begin(columns, sizeof columns / sizeof *columns);
}

/* Half the width of the middle 80 % of the times, of the median. */
static double spread_percent(const tool_sheet_result *r)
{
    return 50.0 * (r->p90_ms - r->p10_ms) / r->median_ms;
}

static void number_cell(tool_table *table, const char *format, double value)
{
    char text[TOOL_AMOUNT_SIZE];
    snprintf(text, sizeof text, isfinite(value) ? format : "-", value);
    tool_table_cell(table, "%s", text);
}

void tool_text_results_row(tool_table *table, const tool_sheet_result *r)
{
    char speed[TOOL_AMOUNT_SIZE];
    const char *remark = *r->message ? r->message : tool_text_remark(r);
    tool_table_cell(table, "%s", r->op);
    tool_table_cell(table, "%s", r->shape);
    tool_table_cell(table, "%s", r->dtype);
    tool_table_cell(table, "%s", *r->gates ? r->gates : "-");
    number_cell(table, "%.4f", r->median_ms);
    number_cell(table, "+-%.1f%%", spread_percent(r));
    tool_table_cell(table, "%s", tool_text_amount(speed, r->speed, r->unit));
    number_cell(table, "%.1f%%", r->ceiling_percent);
    number_cell(table, "%.1f", r->host_us);
    tool_table_cell(table, "%s", r->status);
    tool_table_cell(table, "%s%s%s", strcmp(r->engine, "clxlstm") ? r->engine : "",
                    strcmp(r->engine, "clxlstm") && *r->variant ? ", " : "", r->variant);
    if (*remark) printf("    %s\n", remark);
}

void tool_text_starts(const tool_sheet *sheet)
{
    static const tool_column columns[] = {
        {"operator", 15, 0},   {"shape", 21, 0},       {"dtype", 5, 0},          {"caches", 8, 0},
        {"context ms", 10, 1}, {"operator ms", 11, 1}, {"first call ms", 13, 1}, {"all ms", 9, 1},
        {"compiled", 8, 1},    {"loaded", 6, 1},       {"check", 8, 0},
    };
    tool_table table;
    for (size_t index = 0; index < sheet->count[TOOL_STARTS]; ++index) {
        const tool_sheet_start *s = tool_sheet_start_at(sheet, index);
        if (index == 0) table = tool_table_begin(columns, sizeof columns / sizeof *columns);
        tool_table_cell(&table, "%s", s->op);
        tool_table_cell(&table, "%s", s->shape);
        tool_table_cell(&table, "%s", s->dtype);
        tool_table_cell(&table, "%s", s->caches);
        number_cell(&table, "%.1f", s->context_ms);
        number_cell(&table, "%.1f", s->operator_ms);
        number_cell(&table, "%.1f", s->call_ms);
        number_cell(&table, "%.1f", s->total_ms);
        number_cell(&table, "%.0f", s->compiled);
        number_cell(&table, "%.0f", s->loaded);
        tool_table_cell(&table, "%s", s->status);
        if (*s->message) printf("    %s\n", s->message);
    }
}
