/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of a report: its frame, its looks, and what the columns mean. */
#include "bench_page.h"
#include "page_parts.h"

#include <stdio.h>
#include <string.h>

/* Colours c0 .. c7 fill, s0 .. s7 draw outlines; all of them can be read on their background in either scheme. */
static const char style[] =
    ":root{color-scheme:light "
    "dark;--bg:#fff;--fg:#1b2330;--muted:#5a6473;--line:#d5dbe3;--grid:#e4e8ee;--panel:#f5f7fa;"
    "--good:#18703a;--bad:#b3261e;--roof:#39424f;"
    "--p0:#2563eb;--p1:#c2410c;--p2:#0f766e;--p3:#7c3aed;--p4:#be185d;--p5:#57606a;--p6:#4d7c0f;--p7:#92610a}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#10151d;--fg:#e4e9f0;--muted:#a1acbb;--line:#333d4b;--grid:#262f3b;"
    "--panel:#18202b;--good:#6fd08c;--bad:#ff8a80;--roof:#c5ced9;"
    "--p0:#79a8ff;--p1:#ff9d66;--p2:#4fd1c0;--p3:#b9a1ff;--p4:#ff8ab9;--p5:#a9b3bf;--p6:#a6d65c;--p7:#e6bf5a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:24px 20px 64px;max-width:1040px;background:var(--bg);color:var(--fg);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:26px;line-height:1.2;margin:0 0 6px}h2{font-size:20px;margin:0 0 6px}h3{font-size:16px;margin:22px 0 "
    "4px}\n"
    "section{margin-top:36px;padding-top:20px;border-top:1px solid var(--line)}\n"
    "p{margin:4px 0 "
    "8px;max-width:76ch}.wide{max-width:none}.muted{color:var(--muted)}.good{color:var(--good)}.bad{color:var(--bad)}\n"
    "code{font:13px/1.4 ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;overflow-wrap:anywhere}\n"
    ".chart{overflow-x:auto}.chart svg{display:block;width:100%;min-width:720px;max-width:960px;height:auto}\n"
    "svg text{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif;fill:var(--fg)}\n"
    "svg text.muted{fill:var(--muted)}svg text.good{fill:var(--good);font-weight:600}"
    "svg text.bad{fill:var(--bad);font-weight:600}svg text.value,svg text.label{fill:var(--fg)}\n"
    "svg text.rooflabel{fill:var(--roof);font-weight:600;paint-order:stroke;stroke:var(--bg);stroke-width:4px}\n"
    ".grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--muted);stroke-width:1}"
    ".whisker{stroke:var(--fg);stroke-width:1.2}.roof{stroke:var(--roof);stroke-width:1.6}\n"
    ".mark{stroke:var(--bg);stroke-width:1}.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:7 5}\n"
    ".c0{fill:var(--p0)}.c1{fill:var(--p1)}.c2{fill:var(--p2)}.c3{fill:var(--p3)}.c4{fill:var(--p4)}.c5{fill:var(--p5)}"
    ".c6{fill:var(--p6)}.c7{fill:var(--p7)}\n"
    ".s0{stroke:var(--p0)}.s1{stroke:var(--p1)}.s2{stroke:var(--p2)}.s3{stroke:var(--p3)}.s4{stroke:var(--p4)}"
    ".s5{stroke:var(--p5)}.s6{stroke:var(--p6)}.s7{stroke:var(--p7)}\n"
    "circle.mark[class*=\" s\"],polygon.mark[class*=\" s\"]{fill:var(--bg);stroke-width:1.8}\n"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:6px 0 8px;padding:0;font-size:13px}"
    ".legend svg{vertical-align:-2px;margin-right:5px}\n"
    ".scroll{overflow-x:auto;margin:8px 0 14px;border:1px solid var(--line);border-radius:6px}\n"
    "table{border-collapse:collapse;font-size:13px;width:100%}th,td{padding:5px "
    "10px;text-align:left;vertical-align:top;"
    "white-space:nowrap}th.wrap,td.wrap{white-space:normal;min-width:190px}thead "
    "th{background:var(--panel);border-bottom:1px "
    "solid var(--line);font-weight:600}\n"
    "tbody tr+tr td,tbody tr+tr th{border-top:1px solid var(--grid)}tbody tr.first td{border-top-color:var(--line)}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".facts th{font-weight:400;color:var(--muted);width:120px}.facts td{white-space:normal}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:8px 0}dt{font-weight:600}dd{margin:0}\n"
    "@media(max-width:640px){dl{grid-template-columns:1fr}dd{margin-bottom:8px}}\n"
    "@media print{body{max-width:none}.scroll,.chart{overflow:visible}}\n";

static const char notes[] =
    "<section><h2>How to read it</h2>\n<dl>\n"
    "<dt>time</dt><dd>of a call of clxlstm on the device: from the end of the call before it to its own end, by "
    "profiling "
    "events, with all launches of the call in it; warmed up, calls in a row, buffers in turn so that no cache holds "
    "them. "
    "Others are timed as their row says.</dd>\n"
    "<dt>clocks</dt><dd>the time of all measured calls together by the device's clock (events) and by the host's "
    "(wall). Where "
    "they differ, no time of that row is to be trusted; below 20 ms they are not compared (short).</dd>\n"
    "<dt>speed</dt><dd>of causal operators counts the half below the diagonal only, whatever is really computed; and "
    "all of it, "
    "whatever is left out. With the gates keep nothing can be left out; unit is igate and fgate ~ N(0, 1), trained "
    "fgate "
    "~ N(3, 1).</dd>\n"
    "<dt>of ceiling</dt><dd>the least time that this device's measured ceilings allow for the useful operations, or "
    "for reading "
    "and writing inputs, outputs and states once, whichever is longer, as a share of the median. It can be above 100 "
    "where "
    "gates let work be left out, and where a cache holds what is counted as traffic.</dd>\n"
    "<dt>ceilings</dt><dd>fma: multiply-add in registers; mma, wgmma: matrix units; copy: memory read and written, by "
    "a kernel "
    "or by the driver's own copy. The best of several launches, each with its result checked.</dd>\n"
    "<dt>check</dt><dd>rows chosen at random, held against a float64 reference in the run that was timed; the largest "
    "error is "
    "a share of what is allowed, 1 being the limit.</dd>\n"
    "<dt>host</dt><dd>until an enqueue returns, on an ordinary queue without events; beside it a call's share of a "
    "whole row of "
    "such calls.</dd>\n"
    "</dl></section>\n";

static void summary(const page_source *source)
{
    char text[160];
    size_t passed = 0, skipped = 0, lost = 0, compared = 0, unclear = 0;
    const size_t count = source->sheet->count[TOOL_RESULTS];
    for (size_t index = 0; index < count; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(source->sheet, index);
        passed += tool_sheet_passed(r);
        skipped += strcmp(r->status, "skipped") == 0;
        unclear += strcmp(r->clock, "differs") == 0;
        const char *against = page_against(source, index, text, sizeof text);
        compared += against != NULL;
        lost += against && strcmp(against, "bad") == 0;
    }
    clxi_text_printf(source->page, "<p>%zu results: %zu right", count, passed);
    if (skipped) clxi_text_printf(source->page, ", %zu skipped", skipped);
    if (count - passed - skipped) {
        clxi_text_printf(source->page, ", <span class=\"bad\">%zu wrong or failed</span>", count - passed - skipped);
    }
    if (unclear) clxi_text_printf(source->page, ", <span class=\"bad\">%zu with clocks that differ</span>", unclear);
    clxi_text_printf(source->page, ".");
    if (compared) {
        clxi_text_printf(source->page, " Against others in %zu: faster in %zu, slower in %zu.", compared,
                         compared - lost, lost);
    }
    clxi_text_printf(source->page, "</p>\n");
}

/* Whose figures, and when. */
static void origins(const page_source *source)
{
    const tool_sheet *sheet = source->sheet;
    clxi_text_printf(source->page, "<p class=\"muted wide\">");
    for (size_t index = 0; index < sheet->count[TOOL_DEVICES]; ++index) {
        const tool_sheet_device *d = tool_sheet_device_at(sheet, index);
        const tool_sheet_run *run = tool_sheet_run_at(sheet, (size_t)d->run);
        if (index > 0) clxi_text_printf(source->page, "<br/>");
        page_escape(source->page, run->generator);
        clxi_text_printf(source->page, " ");
        page_escape(source->page, run->version);
        clxi_text_printf(source->page, " on ");
        page_escape(source->page, d->platform);
        clxi_text_printf(source->page, *d->driver ? ", driver " : "");
        page_escape(source->page, d->driver);
        clxi_text_printf(source->page, "; ");
        page_escape(source->page, run->date);
    }
    clxi_text_printf(source->page, "</p>\n");
}

static void title(const page_source *source)
{
    const tool_sheet *sheet = source->sheet;
    clxi_text_printf(source->page, "clxlstm bench");
    for (size_t index = 0; index < sheet->count[TOOL_DEVICES]; ++index) {
        const tool_sheet_device *d = tool_sheet_device_at(sheet, index);
        bool named = false;
        for (size_t before = 0; before < index; ++before) {
            named = named || strcmp(tool_sheet_device_at(sheet, before)->name, d->name) == 0;
        }
        if (named) continue;
        clxi_text_printf(source->page, index ? "; " : ": ");
        page_escape(source->page, d->name);
    }
}

char *tool_page_write(const tool_sheet *sheet)
{
    clxi_text page = CLXI_TEXT_INIT;
    page_source source;
    if (!page_source_begin(&source, &page, sheet)) page.failed = true;
    if (!page.failed) {
        clxi_text_printf(&page, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
                                "<meta charset=\"utf-8\"/>\n"
                                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
        title(&source);
        clxi_text_printf(&page, "</title>\n<style>\n");
        clxi_text_append(&page, style, strlen(style));
        clxi_text_printf(&page, "</style>\n</head>\n<body>\n<h1>");
        title(&source);
        clxi_text_printf(&page, "</h1>\n");
        origins(&source);
        summary(&source);
        page_bars(&source);
        for (size_t device = 0; device < sheet->count[TOOL_DEVICES]; ++device) {
            page_roofline(&source, device);
        }
        page_growth(&source);
        page_starts(&source);
        page_results(&source);
        page_devices(&source);
        clxi_text_append(&page, notes, strlen(notes));
        clxi_text_printf(&page, "</body>\n</html>\n");
    }
    page_source_end(&source);
    if (!page.failed) return page.data;
    clxi_text_free(&page);
    return NULL;
}
