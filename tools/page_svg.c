/* SPDX-License-Identifier: Apache-2.0
 *
 * Text and shapes of a report's page. */
#include "page_parts.h"

#include <math.h>
#include <string.h>

/* Bytes of the UTF-8 character that begins here; 0 where none does. */
static size_t character(const unsigned char *at)
{
    const size_t length = at[0] < 0x80                    ? 1
                          : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                          : (at[0] & 0xf0) == 0xe0        ? 3
                          : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                          : 0;
    for (size_t index = 1; index < length; ++index) {
        if ((at[index] & 0xc0) != 0x80) return 0;
    }
    return length;
}

void page_escape(clxi_text *page, const char *text)
{
    static const struct {
        char byte;
        const char *name;
    } names[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    while (*text) {
        const size_t length = character((const unsigned char *)text);
        const char *name = length == 0 ? "?" : length == 1 && (unsigned char)*text < 0x20 ? " " : NULL;
        for (size_t index = 0; index < sizeof names / sizeof *names; ++index) {
            if (*text == names[index].byte) name = names[index].name;
        }
        clxi_text_append(page, name ? name : text, name ? strlen(name) : length);
        text += length ? length : 1;
    }
}

void page_svg_begin(clxi_text *page, double height, const char *label)
{
    clxi_text_printf(page, "<div class=\"chart\"><svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", PAGE_WIDTH,
                     height);
    page_escape(page, label);
    clxi_text_printf(page, "\">\n");
}

void page_svg_end(clxi_text *page)
{
    clxi_text_printf(page, "</svg></div>\n");
}

void page_svg_text(clxi_text *page, double x, double y, page_anchor anchor, const char *css, const char *text)
{
    static const char *const names[] = {"start", "middle", "end"};
    if (!isfinite(x) || !isfinite(y)) return;
    clxi_text_printf(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, names[anchor], css);
    page_escape(page, text);
    clxi_text_printf(page, "</text>\n");
}

void page_svg_line(clxi_text *page, double x0, double y0, double x1, double y1, const char *css)
{
    if (!isfinite(x0) || !isfinite(y0) || !isfinite(x1) || !isfinite(y1)) return;
    clxi_text_printf(page, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x0, y0, x1, y1,
                     css);
}

static void title(clxi_text *page, const char *tip)
{
    clxi_text_printf(page, "<title>");
    page_escape(page, tip);
    clxi_text_printf(page, "</title>");
}

void page_svg_bar(clxi_text *page, double x0, double x1, double y, double height, size_t colour, const char *tip)
{
    if (!isfinite(x0) || !isfinite(x1)) return;
    clxi_text_printf(page, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"c%zu\">", x0, y,
                     fmax(x1 - x0, 0.7), height, colour % PAGE_COLOURS);
    title(page, tip);
    clxi_text_printf(page, "</rect>\n");
}

/* The outline around (x, y). */
static void outline(clxi_text *page, double x, double y, size_t shape)
{
    static const double corners[PAGE_SHAPES][9] = {
        {0},                                             /* a circle */
        {4, -4.5, -4.5, 4.5, -4.5, 4.5, 4.5, -4.5, 4.5}, /* square */
        {4, 0, -6, 6, 0, 0, 6, -6, 0},                   /* diamond */
        {3, 0, -6, 5.5, 4.5, -5.5, 4.5},                 /* triangle, up */
        {3, 0, 6, 5.5, -4.5, -5.5, -4.5},                /* triangle, down */
        {4, -6.5, -2.5, 6.5, -2.5, 6.5, 2.5, -6.5, 2.5}, /* bar */
    };
    const double *c = corners[shape % PAGE_SHAPES];
    if (c[0] == 0) {
        clxi_text_printf(page, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"", x, y);
        return;
    }
    clxi_text_printf(page, "<polygon points=\"");
    for (int index = 0; index < (int)c[0]; ++index) {
        clxi_text_printf(page, "%s%.1f,%.1f", index ? " " : "", x + c[1 + 2 * index], y + c[2 + 2 * index]);
    }
    clxi_text_printf(page, "\"");
}

void page_svg_mark(clxi_text *page, double x, double y, size_t shape, size_t colour, bool hollow, const char *tip)
{
    if (!isfinite(x) || !isfinite(y)) return;
    outline(page, x, y, shape);
    clxi_text_printf(page, " class=\"mark %s%zu\">", hollow ? "s" : "c", colour % PAGE_COLOURS);
    if (tip) title(page, tip);
    clxi_text_printf(page, "%s\n", shape % PAGE_SHAPES == 0 ? "</circle>" : "</polygon>");
}

double page_axis_at(const page_axis *axis, double value)
{
    const double part = axis->logarithmic ? log(value / axis->low) / log(axis->high / axis->low)
                                          : (value - axis->low) / (axis->high - axis->low);
    return axis->from + part * (axis->to - axis->from);
}

bool page_axis_valid(const page_axis *axis)
{
    const bool orders = isfinite(axis->low) && isfinite(axis->high) && axis->low < axis->high;
    if (!axis->logarithmic) return orders && axis->high < 1e300 && axis->high > 1e-300;
    return orders && axis->low > 1e-100 && axis->high < 1e100;
}

double page_round_up(double value, int parts, double *step)
{
    static const double steps[] = {1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0};
    if (!(value > 0.0) || !isfinite(value)) return *step = 1.0, 1.0;
    const double decade = pow(10.0, floor(log10(value / parts)));
    for (size_t index = 0; index < sizeof steps / sizeof *steps; ++index) {
        *step = decade * steps[index];
        if (*step * parts >= value) break;
    }
    return *step * ceil(value / *step * (1.0 - 1e-9));
}

void page_legend_begin(clxi_text *page)
{
    clxi_text_printf(page, "<ul class=\"legend\">\n");
}

void page_legend_entry(clxi_text *page, size_t shape, size_t colour, bool hollow, const char *text)
{
    clxi_text_printf(page, "<li><svg width=\"16\" height=\"14\" viewBox=\"-8 -7 16 14\" aria-hidden=\"true\">");
    page_svg_mark(page, 0, 0, shape, colour, hollow, NULL);
    clxi_text_printf(page, "</svg>");
    page_escape(page, text);
    clxi_text_printf(page, "</li>\n");
}

void page_legend_end(clxi_text *page)
{
    clxi_text_printf(page, "</ul>\n");
}
