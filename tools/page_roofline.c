/* SPDX-License-Identifier: Apache-2.0
 *
 * The roofline of a device: what it can do at most with so many operations a byte, by its measured ceilings, and where the
 * operators are. Both axes are logarithmic.
 *
 *     operations/s |        ______________  wgmma_bf16
 *                  |       /
 *                  |      /____________     fma_f32
 *                  | copy/    x
 *                  +------------------- useful operations / byte */
#include "bench_ceiling.h"
#include "bench_text.h"
#include "page_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double left = 84, right = 724, top = 14, bottom = 400, height = 448;

enum { OPS_MAX = 16, ROOFS_MAX = 16 };

typedef struct roofline {
    const page_source *source;
    clxi_text *page;
    const tool_sheet *sheet;
    size_t device;
    const char *ops[OPS_MAX];
    size_t op_count;
    const tool_sheet_ceiling *roofs[ROOFS_MAX]; /* for operations, the highest first */
    size_t roof_count;
    double copy; /* bytes a second */
    page_axis x, y;
} roofline;

static double intensity(const tool_sheet_result *r)
{
    return r->flops / r->bytes;
}

static double rate(const tool_sheet_result *r)
{
    return r->flops / r->median_ms * 1e3;
}

/* With such gates an operator leaves work out, and may seem to be above its roof. */
static bool leaves_out(const tool_sheet_result *r)
{
    return *r->gates && strcmp(r->gates, "keep") != 0;
}

/* (Of long texts nearly all is left out: those of a sweep would make the picture small.) */
static bool drawn(const roofline *f, size_t index)
{
    const tool_sheet_result *r = tool_sheet_result_at(f->sheet, index);
    if (f->source->grows[index] && leaves_out(r)) return false;
    return (size_t)r->device == f->device && intensity(r) > 0.0 && rate(r) > 0.0 && isfinite(intensity(r)) &&
           isfinite(rate(r));
}

static size_t op_index(roofline *f, const char *op)
{
    for (size_t index = 0; index < f->op_count; ++index) {
        if (strcmp(f->ops[index], op) == 0) return index;
    }
    if (f->op_count < OPS_MAX) f->ops[f->op_count++] = op;
    return f->op_count - 1;
}

static void collect_roofs(roofline *f)
{
    const tool_sheet_ceiling *copy = tool_ceiling_of_traffic(f->sheet, f->device);
    f->copy = copy ? copy->value : 0.0;
    for (size_t index = 0; index < f->sheet->count[TOOL_CEILINGS] && f->roof_count < ROOFS_MAX; ++index) {
        const tool_sheet_ceiling *c = tool_sheet_ceiling_at(f->sheet, index);
        if ((size_t)c->device != f->device || strcmp(c->unit, "FLOP/s") != 0 || !(c->value > 0.0)) continue;
        size_t at = f->roof_count++;
        for (; at > 0 && f->roofs[at - 1]->value < c->value; --at) {
            f->roofs[at] = f->roofs[at - 1];
        }
        f->roofs[at] = c;
    }
}

/* Whole decades around everything. */
static bool set_axes(roofline *f)
{
    double x0 = INFINITY, x1 = 0.0, y0 = INFINITY, y1 = 0.0;
    for (size_t index = 0; index < f->sheet->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(f->sheet, index);
        if (!drawn(f, index)) continue;
        x0 = fmin(x0, intensity(r));
        x1 = fmax(x1, intensity(r));
        y0 = fmin(y0, rate(r));
        y1 = fmax(y1, rate(r));
    }
    if (f->roof_count == 0 || !(f->copy > 0.0) || !(x1 > 0.0)) return false;
    /* the knee of the highest roof belongs to the picture */
    const double knee = f->roofs[0]->value / f->copy;
    y1 = fmax(1.6 * f->roofs[0]->value, 1.3 * y1);
    x0 = pow(10.0, floor(log10(x0 * 0.8)));
    x1 = pow(10.0, ceil(log10(fmax(x1, knee) * 1.25)));
    y0 = pow(10.0, floor(log10(y0 * 0.8)));
    f->x = (page_axis){x0, x1, left, right, true};
    f->y = (page_axis){y0, fmax(y1, 10.0 * y0), bottom, top, true};
    return page_axis_valid(&f->x) && page_axis_valid(&f->y);
}

static void draw_grid(const roofline *f)
{
    char text[TOOL_AMOUNT_SIZE];
    for (double value = f->x.low; value <= f->x.high * 1.001; value *= 10.0) {
        const double x = page_axis_at(&f->x, value);
        page_svg_line(f->page, x, top, x, bottom, "grid");
        snprintf(text, sizeof text, "%g", value);
        page_svg_text(f->page, x, bottom + 17, PAGE_MIDDLE, "muted", text);
    }
    for (double value = f->y.low; value <= f->y.high * 1.001; value *= 10.0) {
        const double y = page_axis_at(&f->y, value);
        page_svg_line(f->page, left, y, right, y, "grid");
        page_svg_text(f->page, left - 8, y + 4, PAGE_END, "muted", tool_text_round(text, value, "FLOP/s"));
    }
    page_svg_text(f->page, (left + right) / 2, bottom + 38, PAGE_MIDDLE, "muted",
                  "useful operations for each byte of inputs, outputs and states");
}

/* The line of memory traffic, up to the highest roof. */
static void draw_slope(const roofline *f)
{
    char text[96], amount[TOOL_AMOUNT_SIZE];
    double x0 = f->x.low, y0 = x0 * f->copy, x1 = f->roofs[0]->value / f->copy, y1 = f->roofs[0]->value;
    if (y0 < f->y.low) {
        y0 = f->y.low;
        x0 = y0 / f->copy;
    }
    const double ax = page_axis_at(&f->x, x0), ay = page_axis_at(&f->y, y0);
    const double bx = page_axis_at(&f->x, x1), by = page_axis_at(&f->y, y1);
    if (!isfinite(ax) || !isfinite(ay) || !isfinite(bx) || !isfinite(by)) return;
    page_svg_line(f->page, ax, ay, bx, by, "roof");
    /* beside its middle, along it */
    const double mx = (ax + bx) / 2, my = (ay + by) / 2, turn = atan2(by - ay, bx - ax) * 57.29577951308232;
    snprintf(text, sizeof text, "copy, %s", tool_text_amount(amount, f->copy, "B/s"));
    clxi_text_printf(f->page,
                     "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"rooflabel\" "
                     "transform=\"rotate(%.1f %.1f %.1f)\">",
                     mx, my - 7, turn, mx, my);
    page_escape(f->page, text);
    clxi_text_printf(f->page, "</text>\n");
}

/* Their names stand behind their ends, moved down where they would touch. */
static void draw_roofs(const roofline *f)
{
    enum { LABEL_HEIGHT = 15 };
    char amount[TOOL_AMOUNT_SIZE], label[96];
    double label_y = -1e9;
    for (size_t index = 0; index < f->roof_count; ++index) {
        const tool_sheet_ceiling *c = f->roofs[index];
        const double y = page_axis_at(&f->y, c->value), x = page_axis_at(&f->x, c->value / f->copy);
        if (y > bottom) continue; /* far below all operators */
        label_y = fmax(y, label_y + LABEL_HEIGHT);
        snprintf(label, sizeof label, "%s %s", c->name, tool_text_amount(amount, c->value, c->unit));
        page_svg_line(f->page, fmax(x, left), y, right, y, "roof");
        page_svg_line(f->page, right, y, right + 10, label_y, "roof");
        page_svg_text(f->page, right + 14, label_y + 4, PAGE_START, "rooflabel", label);
    }
}

static size_t shape_of(const char *dtype)
{
    return strcmp(dtype, "f32") == 0 ? 0 : strcmp(dtype, "bf16") == 0 ? 1 : 2;
}

static void draw_points(roofline *f)
{
    char tip[512], amount[TOOL_AMOUNT_SIZE];
    for (size_t index = 0; index < f->sheet->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(f->sheet, index);
        if (!drawn(f, index)) continue;
        snprintf(tip, sizeof tip, "%s %s %s %s: %.4g ms, %s, %.0f%% of what %s allows", r->op, r->shape, r->dtype,
                 r->gates, r->median_ms, tool_text_amount(amount, rate(r), "FLOP/s"), r->ceiling_percent, r->ceiling);
        const double y = page_axis_at(&f->y, rate(r));
        page_svg_mark(f->page, page_axis_at(&f->x, intensity(r)), y, shape_of(r->dtype), op_index(f, r->op),
                      leaves_out(r), tip);
    }
}

static void draw_legend(const roofline *f)
{
    static const char *const dtypes[] = {"f32", "bf16", "f16"};
    page_legend_begin(f->page);
    for (size_t index = 0; index < f->op_count; ++index) {
        page_legend_entry(f->page, 5, index, false, f->ops[index]);
    }
    for (size_t index = 0; index < sizeof dtypes / sizeof *dtypes; ++index) {
        page_legend_entry(f->page, index, 5, false, dtypes[index]);
    }
    page_legend_entry(f->page, 0, 5, true, "hollow: gates that let work be left out");
    page_legend_end(f->page);
}

void page_roofline(const page_source *source, size_t device)
{
    clxi_text *page = source->page;
    const tool_sheet *sheet = source->sheet;
    roofline f = {.source = source, .page = page, .sheet = sheet, .device = device};
    collect_roofs(&f);
    if (!set_axes(&f)) return;
    for (size_t index = 0; index < sheet->count[TOOL_RESULTS]; ++index) {
        const tool_sheet_result *r = tool_sheet_result_at(sheet, index);
        if (drawn(&f, index)) op_index(&f, r->op);
    }
    clxi_text_printf(page, "<section><h2>Roofline of ");
    page_escape(page, tool_sheet_device_at(sheet, device)->name);
    clxi_text_printf(
        page, "</h2>\n<p>Lines are what this device was measured to do at most. Only operators that leave work out, or "
              "find their tensors in a cache, can be above them. Point at a mark for its figures.</p>\n");
    draw_legend(&f);
    page_svg_begin(page, height, "Roofline: operations a second over operations for each byte, both logarithmic");
    draw_grid(&f);
    draw_slope(&f);
    draw_roofs(&f);
    draw_points(&f);
    page_svg_end(page);
    clxi_text_printf(page, "</section>\n");
}
