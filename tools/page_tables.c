/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of a report's page: devices with their ceilings, and all results with all figures. */
#include "bench_text.h"
#include "page_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct column {
    const char *title;
    bool number;
};

static void head(clxi_text *page, const struct column *columns, size_t count)
{
    clxi_text_printf(page, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t index = 0; index < count; ++index) {
        clxi_text_printf(page, "<th%s>%s</th>", columns[index].number ? " class=\"n\"" : "", columns[index].title);
    }
    clxi_text_printf(page, "</tr></thead>\n<tbody>\n");
}

static void foot(clxi_text *page)
{
    clxi_text_printf(page, "</tbody></table></div>\n");
}

static void text_cell(clxi_text *page, const char *text)
{
    clxi_text_printf(page, "<td>");
    page_escape(page, text);
    clxi_text_printf(page, "</td>");
}

static void number_cell(clxi_text *page, const char *format, double value)
{
    char text[64];
    snprintf(text, sizeof text, isfinite(value) ? format : "-", value);
    clxi_text_printf(page, "<td class=\"n\">%s</td>", text);
}

static void amount_cell(clxi_text *page, double value, const char *unit)
{
    char text[TOOL_AMOUNT_SIZE];
    clxi_text_printf(page, "<td class=\"n\">%s</td>", tool_text_amount(text, value, unit));
}

/* A name and what it is, a row of two. */
static void fact(clxi_text *page, const char *name, const char *text)
{
    if (*text == '\0') return;
    clxi_text_printf(page, "<tr><th>%s</th>", name);
    text_cell(page, text);
    clxi_text_printf(page, "</tr>\n");
}

static void ceilings(const page_source *source, size_t device)
{
    static const struct column columns[] = {{"ceiling", false}, {"measured", true}, {"how", false}};
    clxi_text *page = source->page;
    bool any = false;
    for (size_t index = 0; index < source->sheet->count[TOOL_CEILINGS]; ++index) {
        const tool_sheet_ceiling *c = tool_sheet_ceiling_at(source->sheet, index);
        if ((size_t)c->device != device) continue;
        if (!any) head(page, columns, sizeof columns / sizeof *columns);
        any = true;
        clxi_text_printf(page, "<tr>");
        text_cell(page, c->name);
        amount_cell(page, c->value, c->unit);
        text_cell(page, c->note);
        clxi_text_printf(page, "</tr>\n");
    }
    if (any) foot(page);
}

static void device_facts(const page_source *source, size_t index)
{
    char text[192], amount[TOOL_AMOUNT_SIZE], more[TOOL_AMOUNT_SIZE];
    clxi_text *page = source->page;
    const tool_sheet_device *d = tool_sheet_device_at(source->sheet, index);
    const tool_sheet_run *run = tool_sheet_run_at(source->sheet, (size_t)d->run);
    clxi_text_printf(page, "<h3>");
    page_escape(page, d->name);
    clxi_text_printf(page, "</h3>\n<div class=\"scroll\"><table class=\"facts\">\n<tbody>\n");
    fact(page, "platform", d->platform);
    fact(page, "driver", d->driver);
    fact(page, "OpenCL", d->version);
    snprintf(text, sizeof text, "%s, %.0f compute units at %.0f MHz by the driver", d->type, d->compute_units,
             d->clock_mhz);
    if (isfinite(d->compute_units + d->clock_mhz)) fact(page, "type", text);
    snprintf(text, sizeof text, "%s, %s local", tool_text_amount(amount, d->global_bytes, "B"),
             tool_text_amount(more, d->local_bytes, "B"));
    if (isfinite(d->global_bytes)) fact(page, "memory", text);
    snprintf(text, sizeof text, "%s, %.0f processors", run->cpu, run->processors);
    fact(page, "host", isfinite(run->processors) ? text : run->cpu);
    snprintf(text, sizeof text, "%.0f MHz at the start%s%s", run->cpu_mhz, *run->governor ? ", governor " : "",
             run->governor);
    if (isfinite(run->cpu_mhz)) fact(page, "host's clock", text);
    fact(page, "system", run->system);
    foot(page);
    ceilings(source, index);
}

/* What was started to measure. */
static void runs(const page_source *source)
{
    static const struct column columns[] = {{"run", false}, {"measured by", false}, {"command", false}};
    clxi_text *page = source->page;
    clxi_text_printf(page, "<h3>Runs</h3>\n");
    head(page, columns, sizeof columns / sizeof *columns);
    for (size_t index = 0; index < source->sheet->count[TOOL_RUNS]; ++index) {
        char text[128];
        const tool_sheet_run *run = tool_sheet_run_at(source->sheet, index);
        snprintf(text, sizeof text, "%s, %s", run->generator, run->version);
        clxi_text_printf(page, "<tr>");
        text_cell(page, run->date);
        text_cell(page, text);
        clxi_text_printf(page, "<td class=\"wrap\"><code>");
        page_escape(page, run->command);
        clxi_text_printf(page, "</code></td></tr>\n");
    }
    foot(page);
}

void page_devices(const page_source *source)
{
    if (source->sheet->count[TOOL_DEVICES] == 0) return;
    clxi_text_printf(source->page, "<section><h2>Devices</h2>\n");
    for (size_t index = 0; index < source->sheet->count[TOOL_DEVICES]; ++index) {
        device_facts(source, index);
    }
    runs(source);
    clxi_text_printf(source->page, "</section>\n");
}

/* ---- results ---------------------------------------------------------------------------------------------------- */

static void peer_cell(const page_source *source, size_t index)
{
    char text[160];
    const char *css = page_against(source, index, text, sizeof text);
    clxi_text_printf(source->page, "<td class=\"%s\">", css ? css : "");
    page_escape(source->page, text);
    clxi_text_printf(source->page, "</td>");
}

static void status_cell(clxi_text *page, const tool_sheet_result *r)
{
    const char *remark = *r->message ? r->message : tool_text_remark(r);
    const bool bad =
        strcmp(r->status, "wrong") == 0 || strcmp(r->status, "failed") == 0 || strcmp(r->clock, "differs") == 0;
    clxi_text_printf(page, "<td%s>", bad ? " class=\"bad\"" : "");
    page_escape(page, r->status);
    if (*remark) clxi_text_printf(page, ": ");
    page_escape(page, remark);
    clxi_text_printf(page, "</td>");
}

static void result_row(const page_source *source, size_t index)
{
    clxi_text *page = source->page;
    const tool_sheet_result *r = tool_sheet_result_at(source->sheet, index);
    const size_t series = source->series_of[index];
    clxi_text_printf(page, "<tr>");
    text_cell(page, r->op);
    text_cell(page, r->shape);
    text_cell(page, r->dtype);
    text_cell(page, r->gates);
    text_cell(page, series < PAGE_SERIES_MAX ? source->series[series].name : r->engine);
    number_cell(page, "%.4g", r->median_ms);
    amount_cell(page, r->speed, r->unit);
    number_cell(page, "%.1f%%", r->ceiling_percent);
    status_cell(page, r);
    peer_cell(source, index);
    text_cell(page, r->ceiling);
    number_cell(page, "%.4g", r->min_ms);
    number_cell(page, "%.4g", r->p10_ms);
    number_cell(page, "%.4g", r->p90_ms);
    number_cell(page, "%.4g", r->max_ms);
    number_cell(page, "%.0f", r->runs);
    number_cell(page, "%.0f", r->warmup);
    number_cell(page, "%.0f", r->buffer_sets);
    number_cell(page, "%.2f", r->events_ms);
    number_cell(page, "%.2f", r->wall_ms);
    text_cell(page, r->clock);
    number_cell(page, "%.1f", r->host_us);
    number_cell(page, "%.1f", r->host_max_us);
    number_cell(page, "%.1f", r->row_us);
    number_cell(page, "%.4g", r->flops / r->bytes);
    amount_cell(page, r->tensor_bytes, "B");
    amount_cell(page, r->extra_bytes, "B");
    number_cell(page, "%.0f", r->judged_rows);
    number_cell(page, "%.3f", r->worst_ratio);
    number_cell(page, "%.4f", r->rms_ratio);
    text_cell(page, r->variant);
    clxi_text_printf(page, "</tr>\n");
}

void page_results(const page_source *source)
{
    static const struct column columns[] = {{"operator", false},
                                            {"shape", false},
                                            {"dtype", false},
                                            {"gates", false},
                                            {"engine", false},
                                            {"median ms", true},
                                            {"speed", true},
                                            {"of ceiling", true},
                                            {"check", false},
                                            {"against the best other", false},
                                            {"ceiling", false},
                                            {"min ms", true},
                                            {"10% ms", true},
                                            {"90% ms", true},
                                            {"max ms", true},
                                            {"runs", true},
                                            {"warm-up", true},
                                            {"buffer sets", true},
                                            {"all, events ms", true},
                                            {"all, wall ms", true},
                                            {"clocks", false},
                                            {"host us", true},
                                            {"host max us", true},
                                            {"us a call in a row", true},
                                            {"operations a byte", true},
                                            {"tensors", true},
                                            {"workspace", true},
                                            {"rows judged", true},
                                            {"largest error", true},
                                            {"rms error", true},
                                            {"variant", false}};
    if (source->sheet->count[TOOL_RESULTS] == 0) return;
    clxi_text_printf(source->page, "<section><h2>All figures</h2>\n");
    head(source->page, columns, sizeof columns / sizeof *columns);
    /* all that was measured of a problem side by side */
    for (size_t first = 0; first < source->sheet->count[TOOL_RESULTS]; ++first) {
        if (source->problem[first] != first) continue;
        for (size_t index = first; index < source->sheet->count[TOOL_RESULTS]; ++index) {
            if (source->problem[index] == first) result_row(source, index);
        }
    }
    foot(source->page);
    clxi_text_printf(source->page, "</section>\n");
}
