/* SPDX-License-Identifier: Apache-2.0
 *
 * First calls: bars of three parts, one below the other for cold and warm caches. */
#include "page_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double label_width = 250, bars_from = 260, bars_to = 840, bar_height = 15, bar_step = 20, group_gap = 12,
                    top = 8;

static void draw_bar(clxi_text *page, const page_axis *axis, const tool_sheet_start *s, double y)
{
    const double parts[] = {s->context_ms, s->operator_ms, s->call_ms};
    char text[320];
    double done = 0.0;
    if (!(s->total_ms >= 0.0)) {
        snprintf(text, sizeof text, "%s: %.90s", s->status, s->message);
        page_svg_text(page, bars_from + 4, y + bar_height - 3, PAGE_START, "bad", text);
        return;
    }
    for (size_t part = 0; part < 3; ++part) {
        if (!(parts[part] > 0.0)) continue;
        const double from = page_axis_at(axis, done), to = page_axis_at(axis, done + parts[part]);
        snprintf(text, sizeof text, "%.1f ms", parts[part]);
        page_svg_bar(page, from, to, y, bar_height, part, text);
        done += parts[part];
    }
    snprintf(text, sizeof text, "%.0f ms", s->total_ms);
    page_svg_text(page, page_axis_at(axis, done) + 7, y + bar_height - 3, PAGE_START, "value", text);
}

static void draw_axis(clxi_text *page, const page_axis *axis, double step, double bottom)
{
    char text[32];
    for (double value = 0.0; value <= axis->high * (1.0 + 1e-9); value += step) {
        const double x = page_axis_at(axis, value);
        snprintf(text, sizeof text, "%g ms", value);
        page_svg_line(page, x, top, x, bottom, value > 0.0 ? "grid" : "axis");
        page_svg_text(page, x, bottom + 16, PAGE_MIDDLE, "muted", value > 0.0 ? text : "0");
    }
}

static bool new_problem(const tool_sheet *sheet, size_t index)
{
    if (index == 0) return true;
    const tool_sheet_start *s = tool_sheet_start_at(sheet, index), *before = tool_sheet_start_at(sheet, index - 1);
    return strcmp(s->op, before->op) != 0 || strcmp(s->shape, before->shape) != 0 ||
           strcmp(s->dtype, before->dtype) != 0 || (size_t)s->device != (size_t)before->device;
}

static void chart(clxi_text *page, const tool_sheet *sheet)
{
    double longest = 0.0, bottom = top, step;
    for (size_t index = 0; index < sheet->count[TOOL_STARTS]; ++index) {
        longest = fmax(longest, tool_sheet_start_at(sheet, index)->total_ms);
        bottom += bar_step + (index > 0 && new_problem(sheet, index) ? group_gap : 0.0);
    }
    const page_axis axis = {0.0, page_round_up(longest, 5, &step), bars_from, bars_to, false};
    if (!page_axis_valid(&axis)) return;
    page_svg_begin(page, bottom + 28, "Time to the first result, shorter is better");
    draw_axis(page, &axis, step, bottom);
    double y = top + 2;
    for (size_t index = 0; index < sheet->count[TOOL_STARTS]; ++index) {
        const tool_sheet_start *s = tool_sheet_start_at(sheet, index);
        char text[96];
        if (index > 0 && new_problem(sheet, index)) y += group_gap;
        snprintf(text, sizeof text, "%s %s, %s", s->op, s->dtype, s->caches);
        page_svg_text(page, label_width, y + bar_height - 3, PAGE_END, "label", text);
        draw_bar(page, &axis, s, y);
        y += bar_step;
    }
    page_svg_end(page);
}

static void row(clxi_text *page, const tool_sheet_start *s)
{
    const double numbers[] = {s->context_ms, s->operator_ms, s->call_ms, s->total_ms, s->compiled, s->loaded};
    const char *const texts[] = {s->op, s->shape, s->dtype, s->caches};
    clxi_text_printf(page, "<tr>");
    for (size_t index = 0; index < sizeof texts / sizeof *texts; ++index) {
        clxi_text_printf(page, "<td>");
        page_escape(page, texts[index]);
        clxi_text_printf(page, "</td>");
    }
    for (size_t index = 0; index < sizeof numbers / sizeof *numbers; ++index) {
        if (isfinite(numbers[index])) {
            clxi_text_printf(page, "<td class=\"n\">%.*f</td>", index < 4 ? 1 : 0, numbers[index]);
        } else {
            clxi_text_printf(page, "<td class=\"n\">-</td>");
        }
    }
    clxi_text_printf(page, "<td%s>", strcmp(s->status, "passed") ? " class=\"bad\"" : "");
    page_escape(page, s->status);
    clxi_text_printf(page, "%s", *s->message ? ": " : "");
    page_escape(page, s->message);
    clxi_text_printf(page, "</td></tr>\n");
}

void page_starts(const page_source *source)
{
    clxi_text *page = source->page;
    const tool_sheet *sheet = source->sheet;
    static const char *const parts[] = {"context (driver and device)", "operator (kernels built or loaded, and tried)",
                                        "first call"};
    if (sheet->count[TOOL_STARTS] == 0) return;
    clxi_text_printf(page,
                     "<section><h2>First call</h2>\n<p>From a fresh process to the first result. Cold: the library's "
                     "cache and the driver's own are empty. Library: the library's is filled. Warm: both are.</p>\n");
    page_legend_begin(page);
    for (size_t index = 0; index < sizeof parts / sizeof *parts; ++index) {
        page_legend_entry(page, 5, index, false, parts[index]);
    }
    page_legend_end(page);
    chart(page, sheet);
    clxi_text_printf(page, "<div class=\"scroll\"><table>\n<thead><tr><th>operator</th><th>shape</th><th>dtype</th>"
                           "<th>caches</th><th class=\"n\">context ms</th><th class=\"n\">operator ms</th>"
                           "<th class=\"n\">first call ms</th><th class=\"n\">together ms</th>"
                           "<th class=\"n\">compiled</th><th class=\"n\">loaded</th><th>check</th></tr></thead>\n"
                           "<tbody>\n");
    for (size_t index = 0; index < sheet->count[TOOL_STARTS]; ++index) {
        row(page, tool_sheet_start_at(sheet, index));
    }
    clxi_text_printf(page, "</tbody></table></div>\n</section>\n");
}
