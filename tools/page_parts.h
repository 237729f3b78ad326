/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts that the page of a report is put together from. Each appends to the page; none prints what it does not know. */
#ifndef CLXLSTM_TOOLS_PAGE_PARTS_H
#define CLXLSTM_TOOLS_PAGE_PARTS_H

#include "base/text.h"
#include "bench_sheet.h"

/* ---- page_svg.c: text and shapes */

/* Text for HTML and SVG: escaped, control characters as blanks, bytes that are no UTF-8 as question marks. */
void page_escape(clxi_text *page, const char *text);

/* What has no place, such as infinity on a scale, is left out.
 *
 * Where a text's x is. */
typedef enum page_anchor { PAGE_START, PAGE_MIDDLE, PAGE_END } page_anchor;

enum { PAGE_WIDTH = 960 }; /* of every chart, in units of its own: pixels on a wide screen */

void page_svg_begin(clxi_text *page, double height, const char *label);
void page_svg_end(clxi_text *page);
void page_svg_text(clxi_text *page, double x, double y, page_anchor anchor, const char *css, const char *text);
void page_svg_line(clxi_text *page, double x0, double y0, double x1, double y1, const char *css);

/* A lying bar; never thinner than can be seen. */
void page_svg_bar(clxi_text *page, double x0, double x1, double y, double height, size_t colour, const char *tip);

/* A point's mark, number `shape` of six, in colour `colour` of eight; `hollow`: only its outline. `tip` appears under the
 * pointer. */
enum { PAGE_SHAPES = 6, PAGE_COLOURS = 8 };
void page_svg_mark(clxi_text *page, double x, double y, size_t shape, size_t colour, bool hollow, const char *tip);

/* An axis: values on a linear or logarithmic scale between two ends of the chart. */
typedef struct page_axis {
    double low, high; /* values */
    double from, to;  /* where they are */
    bool logarithmic;
} page_axis;
double page_axis_at(const page_axis *axis, double value);

/* Can it be drawn, mark by mark? Reports may hold numbers that no measurement gives. */
bool page_axis_valid(const page_axis *axis);

/* A round number that is not below `value`, and the distance of about `parts` marks up to it. */
double page_round_up(double value, int parts, double *step);

/* An entry of a legend: a mark and a text. */
void page_legend_begin(clxi_text *page);
void page_legend_entry(clxi_text *page, size_t shape, size_t colour, bool hollow, const char *text);
void page_legend_end(clxi_text *page);

/* ---- page_source.c: what the page is about */

/* An engine on a device. */
typedef struct page_series {
    size_t device;
    const char *engine;
    char name[192];
} page_series;
enum { PAGE_SERIES_MAX = 32 };

/* The page, its report, and what is known of the results as a whole. Arrays have an entry for each result. */
typedef struct page_source {
    clxi_text *page;
    const tool_sheet *sheet;
    page_series series[PAGE_SERIES_MAX];
    size_t series_count;
    size_t *series_of; /* PAGE_SERIES_MAX for those beyond so many */
    size_t *problem;   /* the first result for the same problem */
    bool *grows;       /* is it of a sweep: four records or more in a row, alike but for S, which rises? */
} page_source;

/* False where memory is short; end accepts what that has left. */
bool page_source_begin(page_source *source, clxi_text *page, const tool_sheet *sheet);
void page_source_end(page_source *source);

/* The records from `index` on that belong to one sweep: how many, 1 for one that is alone. */
size_t page_sweep_length(const tool_sheet *sheet, size_t index);

/* The fastest right result of another engine for the same problem on such a device (of the same type); NULL for none. */
const tool_sheet_result *page_best_peer(const page_source *source, size_t ours);

/* How one of ours does against that one, in words: "2.10 x the speed of ...". The CSS class for it; NULL, and no text, where
 * there is nothing to say. */
const char *page_against(const page_source *source, size_t index, char *text, size_t room);

/* ---- the sections, a file each; none prints a heading without content */

void page_devices(const page_source *source); /* page_tables.c */
void page_results(const page_source *source); /* page_tables.c */
void page_roofline(const page_source *source, size_t device);
void page_bars(const page_source *source);
void page_growth(const page_source *source);
void page_starts(const page_source *source);

#endif
