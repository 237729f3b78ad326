/* SPDX-License-Identifier: Apache-2.0
 *
 * Speeds as bars: a chart for each operator and unit, a group for each problem, a bar for each engine.
 *
 *     shape, dtype, gates                                       of ceiling   against the best other
 *
 *     8x16x2048x128x256    ############|#|  418 TFLOP/s             43%      2.10 x the speed of ...
 *     bf16, keep           #####|#|         199 TFLOP/s
 *
 * The mark at a bar's end spans the middle 80% of the calls. */
#include "bench_text.h"
#include "page_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double label_width = 180, bars_from = 190, bars_to = 450, percent_at = 605, verdict_at = 622;
static const double bar_height = 15, bar_step = 19, group_gap = 12;
static const double label_height = 31; /* of the two lines beside a group */
enum { WHISKER_ROOM = 30 };
static const double axis_height = 30, top = 26;

typedef struct bars {
    const page_source *source;
    clxi_text *page;
    const tool_sheet *sheet;
    const char *op, *unit;
    page_axis axis;
} bars;

static bool belongs(const bars *b, size_t index)
{
    const tool_sheet_result *r = tool_sheet_result_at(b->sheet, index);
    if (strcmp(r->op, b->op) != 0 || b->source->grows[index]) return false;
    return strcmp(r->unit, b->unit) == 0 || *r->unit == '\0'; /* failures have none */
}

/* The first of this chart's results for a problem: has it no other before it? */
static bool leads(const bars *b, size_t index)
{
    if (!belongs(b, index)) return false;
    for (size_t other = b->source->problem[index]; other < index; ++other) {
        if (b->source->problem[other] == b->source->problem[index] && belongs(b, other)) return false;
    }
    return true;
}

/* Is `index` for the problem that `first` leads? */
static bool follows(const bars *b, size_t index, size_t first)
{
    return b->source->problem[index] == b->source->problem[first] && belongs(b, index);
}

/* ---- one bar ---------------------------------------------------------------------------------------------------- */

/* Where the middle 80% of the calls end at the fast side; not further than there is room for. */
static double whisker_end(const bars *b, const tool_sheet_result *r)
{
    /* the speed is inversely proportional to the time */
    const double end = page_axis_at(&b->axis, r->speed * r->median_ms / r->p10_ms);
    return end < bars_to + WHISKER_ROOM ? end : bars_to + WHISKER_ROOM;
}

static void whisker(const bars *b, const tool_sheet_result *r, double y)
{
    const double low = page_axis_at(&b->axis, r->speed * r->median_ms / r->p90_ms), high = whisker_end(b, r);
    if (!isfinite(low) || !isfinite(high) || !isfinite(r->p10_ms)) return;
    page_svg_line(b->page, low, y + bar_height / 2, high, y + bar_height / 2, "whisker");
    page_svg_line(b->page, low, y + 4, low, y + bar_height - 4, "whisker");
    /* one that goes on beyond the chart has no end */
    if (high < bars_to + WHISKER_ROOM) page_svg_line(b->page, high, y + 4, high, y + bar_height - 4, "whisker");
}

static void describe(const tool_sheet_result *r, char *tip, size_t room)
{
    snprintf(tip, room, "%s, %s %s %s %s: median %.4g ms, %.4g to %.4g%s%s", r->engine, r->op, r->shape, r->dtype,
             r->gates, r->median_ms, r->min_ms, r->max_ms, *r->variant ? "; " : "", r->variant);
}

static void bar(const bars *b, size_t index, double y)
{
    const tool_sheet_result *r = tool_sheet_result_at(b->sheet, index);
    char amount[TOOL_AMOUNT_SIZE], text[512], tip[512];
    const size_t colour = b->source->series_of[index];
    if (!(r->speed > 0.0) || !isfinite(r->speed)) {
        snprintf(text, sizeof text, "%s: %.90s", r->status, r->message);
        page_svg_text(b->page, bars_from + 4, y + bar_height - 3, PAGE_START, "bad", text);
        return;
    }
    const double end = page_axis_at(&b->axis, r->speed);
    describe(r, tip, sizeof tip);
    page_svg_bar(b->page, bars_from, end, y, bar_height, colour, tip);
    whisker(b, r, y);
    snprintf(text, sizeof text, "%s%s%s", tool_text_amount(amount, r->speed, r->unit),
             tool_sheet_passed(r) ? "" : ", numbers ", tool_sheet_passed(r) ? "" : r->status);
    const double at = fmax(end, isfinite(r->p10_ms) ? whisker_end(b, r) : end) + 7;
    page_svg_text(b->page, at, y + bar_height - 3, PAGE_START, tool_sheet_passed(r) ? "value" : "bad", text);
    if (!isfinite(r->ceiling_percent)) return;
    snprintf(text, sizeof text, "%.0f%%", r->ceiling_percent);
    page_svg_text(b->page, percent_at, y + bar_height - 3, PAGE_END, "value", text);
}

/* ---- one problem ------------------------------------------------------------------------------------------------ */

/* How ours does against the best of the others. */
static void verdict(const bars *b, size_t index, double y)
{
    enum { WIDTH = 48 }; /* characters that there is room for */
    char text[160];
    const char *css = page_against(b->source, index, text, sizeof text);
    if (!css) return;
    if (strlen(text) > WIDTH) memcpy(text + WIDTH - 2, "..", sizeof "..");
    page_svg_text(b->page, verdict_at, y + bar_height - 3, PAGE_START, css, text);
}

static double group(const bars *b, size_t first, double y)
{
    char text[64];
    const double begin = y;
    const tool_sheet_result *r = tool_sheet_result_at(b->sheet, first);
    for (size_t index = first; index < b->sheet->count[TOOL_RESULTS]; ++index) {
        if (!follows(b, index, first)) continue;
        bar(b, index, y);
        verdict(b, index, y);
        y += bar_step;
    }
    snprintf(text, sizeof text, "%s%s%s", r->dtype, *r->gates ? ", " : "", r->gates);
    page_svg_text(b->page, label_width, begin + bar_height - 3, PAGE_END, "label", r->shape);
    page_svg_text(b->page, label_width, begin + bar_height - 3 + 15, PAGE_END, "muted", text);
    return fmax(y, begin + label_height) + group_gap;
}

static double count_height(const bars *b)
{
    double height = top;
    for (size_t first = 0; first < b->sheet->count[TOOL_RESULTS]; ++first) {
        size_t rows = 0;
        if (!leads(b, first)) continue;
        for (size_t index = first; index < b->sheet->count[TOOL_RESULTS]; ++index) {
            rows += follows(b, index, first);
        }
        height += fmax(bar_step * (double)rows, label_height) + group_gap;
    }
    return height;
}

/* ---- one chart -------------------------------------------------------------------------------------------------- */

static void draw_axis(const bars *b, double bottom, double step)
{
    char amount[TOOL_AMOUNT_SIZE];
    for (double value = 0.0; value <= b->axis.high * (1.0 + 1e-9); value += step) {
        const double x = page_axis_at(&b->axis, value);
        page_svg_line(b->page, x, top, x, bottom, value > 0.0 ? "grid" : "axis");
        page_svg_text(b->page, x, bottom + 16, PAGE_MIDDLE, "muted",
                      value > 0.0 ? tool_text_round(amount, value, b->unit) : "0");
    }
}

/* Above the columns that have something in them. */
static void draw_titles(const bars *b)
{
    bool percents = false, verdicts = false;
    for (size_t index = 0; index < b->sheet->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(b->sheet, index);
        if (!belongs(b, index)) continue;
        percents = percents || isfinite(r->ceiling_percent);
        verdicts = verdicts || (strcmp(r->engine, "clxlstm") == 0 && page_best_peer(b->source, index));
    }
    if (percents) page_svg_text(b->page, percent_at, top - 12, PAGE_END, "muted", "of ceiling");
    if (verdicts) page_svg_text(b->page, verdict_at, top - 12, PAGE_START, "muted", "against the best other");
}

static void chart(bars *b, double fastest)
{
    char label[128];
    double step, bottom = count_height(b), y = top;
    b->axis = (page_axis){0.0, page_round_up(fastest, 3, &step), bars_from, bars_to, false};
    if (!page_axis_valid(&b->axis)) return;
    snprintf(label, sizeof label, "Speed of %s in %s, longer is better", b->op, b->unit);
    page_svg_begin(b->page, bottom + axis_height, label);
    draw_axis(b, bottom, step);
    draw_titles(b);
    for (size_t index = 0; index < b->sheet->count[TOOL_RESULTS]; ++index) {
        if (leads(b, index)) y = group(b, index, y);
    }
    page_svg_end(b->page);
}

/* What the legend must name of this chart. */
static void legend(const bars *b)
{
    page_legend_begin(b->page);
    for (size_t series = 0; series < b->source->series_count; ++series) {
        bool used = false;
        for (size_t index = 0; index < b->sheet->count[TOOL_RESULTS]; ++index) {
            used = used || (belongs(b, index) && b->source->series_of[index] == series);
        }
        if (used) page_legend_entry(b->page, 5, series, false, b->source->series[series].name);
    }
    page_legend_end(b->page);
}

static void unit_chart(const page_source *source, const char *op, const char *unit)
{
    bars b = {.source = source, .page = source->page, .sheet = source->sheet, .op = op, .unit = unit};
    double fastest = 0.0;
    const char *work = "";
    for (size_t index = 0; index < b.sheet->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(b.sheet, index);
        if (!belongs(&b, index) || *r->unit == '\0') continue;
        if (*work == '\0') work = r->work;
        if (r->speed > fastest && isfinite(r->speed)) fastest = r->speed;
    }
    if (!(fastest > 0.0)) return;
    clxi_text_printf(b.page, "<h3>");
    page_escape(b.page, op);
    clxi_text_printf(b.page, "</h3>\n<p class=\"muted\">%s per second, counted as ",
                     strcmp(unit, "B/s") == 0 ? "Bytes" : "Useful operations");
    page_escape(b.page, work);
    clxi_text_printf(b.page, "; longer is better.</p>\n");
    legend(&b);
    chart(&b, fastest);
}

static bool first_of_op(const tool_sheet *sheet, size_t index)
{
    for (size_t other = 0; other < index; ++other) {
        if (strcmp(tool_sheet_result_at(sheet, other)->op, tool_sheet_result_at(sheet, index)->op) == 0) return false;
    }
    return true;
}

void page_bars(const page_source *source)
{
    const tool_sheet *sheet = source->sheet;
    bool any = false;
    for (size_t index = 0; index < sheet->count[TOOL_RESULTS]; ++index) {
        any = any || (!source->grows[index] && tool_sheet_result_at(sheet, index)->speed > 0.0);
    }
    if (!any) return;
    clxi_text_printf(source->page,
                     "<section><h2>Speed</h2>\n<p>The mark at the end of a bar spans the middle 80%% of the "
                     "calls.</p>\n");
    for (size_t index = 0; index < sheet->count[TOOL_RESULTS]; ++index) {
        if (!first_of_op(sheet, index)) continue;
        unit_chart(source, tool_sheet_result_at(sheet, index)->op, "FLOP/s");
        unit_chart(source, tool_sheet_result_at(sheet, index)->op, "B/s");
    }
    clxi_text_printf(source->page, "</section>\n");
}
