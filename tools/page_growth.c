/* SPDX-License-Identifier: Apache-2.0
 *
 * Time and memory as S grows: each sweep is a line. Both axes are logarithmic. */
#include "bench_text.h"
#include "page_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double left = 84, right = 944, top = 12, bottom = 300, height = 348;

enum { LINES_MAX = 24 };

/* Records of one sweep. */
typedef struct line {
    size_t first, count;
} line;

typedef struct growth {
    const page_source *source;
    clxi_text *page;
    const tool_sheet *sheet;
    line lines[LINES_MAX];
    size_t count;
    double (*value)(const tool_sheet_result *);
    page_axis x, y;
} growth;

static const tool_sheet_result *point_of(const growth *g, const line *l, size_t point)
{
    return tool_sheet_result_at(g->sheet, l->first + point);
}

static double length_of(const tool_sheet_result *r)
{
    double sizes[5] = {0};
    tool_sheet_sizes(r->shape, sizes);
    return sizes[2];
}

/* ---- drawing ---------------------------------------------------------------------------------------------------- */

static double time_of(const tool_sheet_result *r)
{
    return r->median_ms;
}

static double memory_of(const tool_sheet_result *r)
{
    return r->tensor_bytes + r->extra_bytes;
}

static bool set_axes(growth *g)
{
    double x0 = INFINITY, x1 = 0.0, y0 = INFINITY, y1 = 0.0;
    for (size_t index = 0; index < g->count; ++index) {
        for (size_t point = 0; point < g->lines[index].count; ++point) {
            const tool_sheet_result *r = point_of(g, &g->lines[index], point);
            if (!(g->value(r) > 0.0)) continue;
            x0 = fmin(x0, length_of(r));
            x1 = fmax(x1, length_of(r));
            y0 = fmin(y0, g->value(r));
            y1 = fmax(y1, g->value(r));
        }
    }
    if (!(x1 > x0) || !(y1 > 0.0)) return false;
    g->x = (page_axis){x0 * 0.9, x1 * 1.1, left, right, true};
    g->y = (page_axis){pow(10.0, floor(log10(y0))), pow(10.0, ceil(log10(y1 * 1.0001))), bottom, top, true};
    return page_axis_valid(&g->x) && page_axis_valid(&g->y);
}

static void draw_grid(const growth *g)
{
    char text[TOOL_AMOUNT_SIZE];
    for (double value = exp2(ceil(log2(g->x.low))); value <= g->x.high; value *= 2.0) {
        const double x = page_axis_at(&g->x, value);
        page_svg_line(g->page, x, top, x, bottom, "grid");
        snprintf(text, sizeof text, value >= 1024.0 ? "%.0fk" : "%.0f", value >= 1024.0 ? value / 1024.0 : value);
        page_svg_text(g->page, x, bottom + 17, PAGE_MIDDLE, "muted", text);
    }
    for (double value = g->y.low; value <= g->y.high * 1.001; value *= 10.0) {
        const double y = page_axis_at(&g->y, value);
        page_svg_line(g->page, left, y, right, y, "grid");
        if (g->value == time_of) {
            snprintf(text, sizeof text, "%g ms", value);
        } else {
            tool_text_round(text, value, "B");
        }
        page_svg_text(g->page, left - 8, y + 4, PAGE_END, "muted", text);
    }
    page_svg_text(g->page, (left + right) / 2, bottom + 38, PAGE_MIDDLE, "muted", "S, tokens (1k = 1024)");
}

static void draw_line(const growth *g, size_t index)
{
    char tip[256], amount[TOOL_AMOUNT_SIZE];
    const line *l = &g->lines[index];
    clxi_text_printf(g->page, "<polyline class=\"line%s s%zu\" points=\"", index % 2 ? " dashed" : "",
                     index % PAGE_COLOURS);
    for (size_t point = 0; point < l->count; ++point) {
        const tool_sheet_result *r = point_of(g, l, point);
        if (!(g->value(r) > 0.0)) continue;
        clxi_text_printf(g->page, "%s%.1f,%.1f", point ? " " : "", page_axis_at(&g->x, length_of(r)),
                         page_axis_at(&g->y, g->value(r)));
    }
    clxi_text_printf(g->page, "\"/>\n");
    for (size_t point = 0; point < l->count; ++point) {
        const tool_sheet_result *r = point_of(g, l, point);
        if (!(g->value(r) > 0.0)) continue;
        snprintf(tip, sizeof tip, "%s %s %s %s: %.4g ms, %s", r->op, r->shape, r->dtype, r->gates, r->median_ms,
                 tool_text_amount(amount, memory_of(r), "B"));
        page_svg_mark(g->page, page_axis_at(&g->x, length_of(r)), page_axis_at(&g->y, g->value(r)), index, index, false,
                      tip);
    }
}

static void chart(growth *g, double (*value)(const tool_sheet_result *), const char *title)
{
    g->value = value;
    if (!set_axes(g)) return;
    clxi_text_printf(g->page, "<h3>%s</h3>\n", title);
    page_svg_begin(g->page, height, title);
    draw_grid(g);
    for (size_t index = 0; index < g->count; ++index) {
        draw_line(g, index);
    }
    page_svg_end(g->page);
}

static void name_line(const growth *g, const line *l, char *text, size_t room)
{
    const tool_sheet_result *r = point_of(g, l, 0);
    double sizes[5] = {0};
    tool_sheet_sizes(r->shape, sizes);
    const size_t series = g->source->series_of[l->first];
    const bool several = g->source->series_count > 1 && series < PAGE_SERIES_MAX;
    snprintf(text, room, "%s %.0fx%.0fxSx%.0fx%.0f %s%s%s%s%s", r->op, sizes[0], sizes[1], sizes[3], sizes[4], r->dtype,
             *r->gates ? ", gates " : "", r->gates, several ? ", " : "", several ? g->source->series[series].name : "");
}

/* The smallest length of any line above `S`; 0 where there is none. */
static double next_length(const growth *g, double S)
{
    double next = 0.0;
    for (size_t index = 0; index < g->count; ++index) {
        for (size_t point = 0; point < g->lines[index].count; ++point) {
            const double length = length_of(point_of(g, &g->lines[index], point));
            if (length > S && (!(next > 0.0) || length < next)) next = length;
        }
    }
    return next;
}

static void table_cells(const growth *g, const line *l, double S)
{
    char amount[TOOL_AMOUNT_SIZE];
    for (size_t point = 0; point < l->count; ++point) {
        const tool_sheet_result *r = point_of(g, l, point);
        if (length_of(r) < S || length_of(r) > S) continue;
        if (r->median_ms > 0.0) {
            clxi_text_printf(g->page, "<td class=\"n\">%.4g</td><td class=\"n\">%s</td>", r->median_ms,
                             tool_text_amount(amount, r->extra_bytes, "B"));
            return;
        }
        clxi_text_printf(g->page, "<td class=\"bad\" colspan=\"2\">");
        page_escape(g->page, r->status);
        clxi_text_printf(g->page, "</td>");
        return;
    }
    clxi_text_printf(g->page, "<td></td><td></td>");
}

/* A row for each length, two columns for each line. */
static void table(const growth *g)
{
    char text[256];
    clxi_text_printf(g->page, "<div class=\"scroll\"><table>\n<thead><tr><th></th>");
    for (size_t index = 0; index < g->count; ++index) {
        name_line(g, &g->lines[index], text, sizeof text);
        clxi_text_printf(g->page, "<th class=\"n wrap\" colspan=\"2\">");
        page_escape(g->page, text);
        clxi_text_printf(g->page, "</th>");
    }
    clxi_text_printf(g->page, "</tr><tr><th class=\"n\">S</th>");
    for (size_t index = 0; index < g->count; ++index) {
        clxi_text_printf(g->page, "<th class=\"n\">median ms</th><th class=\"n\">workspace</th>");
    }
    clxi_text_printf(g->page, "</tr></thead>\n<tbody>\n");
    for (double S = next_length(g, 0.0); S > 0.0; S = next_length(g, S)) {
        clxi_text_printf(g->page, "<tr><td class=\"n\">%.0f</td>", S);
        for (size_t index = 0; index < g->count; ++index) {
            table_cells(g, &g->lines[index], S);
        }
        clxi_text_printf(g->page, "</tr>\n");
    }
    clxi_text_printf(g->page, "</tbody></table></div>\n");
}

void page_growth(const page_source *source)
{
    char text[256];
    clxi_text *page = source->page;
    growth *g = calloc(1, sizeof *g);
    if (!g) {
        page->failed = true;
        return;
    }
    *g = (growth){.source = source, .page = page, .sheet = source->sheet};
    for (size_t index = 0; index < g->sheet->count[TOOL_RESULTS] && g->count < LINES_MAX; ++index) {
        if (!source->grows[index]) continue;
        g->lines[g->count++] = (line){index, page_sweep_length(g->sheet, index)};
        index += g->lines[g->count - 1].count - 1;
    }
    if (g->count > 0) {
        clxi_text_printf(page, "<section><h2>As the text grows</h2>\n");
        page_legend_begin(page);
        for (size_t index = 0; index < g->count; ++index) {
            name_line(g, &g->lines[index], text, sizeof text);
            page_legend_entry(page, index, index, false, text);
        }
        page_legend_end(page);
        chart(g, time_of, "Time of a call");
        chart(g, memory_of, "Device memory: inputs, outputs and workspace");
        table(g);
        clxi_text_printf(page, "</section>\n");
    }
    free(g);
}
