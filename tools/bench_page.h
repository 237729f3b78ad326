/* SPDX-License-Identifier: Apache-2.0
 *
 * A report as one page of HTML: charts in SVG, tables with all figures, no scripts and nothing from the network. */
#ifndef CLXLSTM_TOOLS_BENCH_PAGE_H
#define CLXLSTM_TOOLS_BENCH_PAGE_H

#include "bench_sheet.h"

/* The page, malloc'ed; NULL where memory is short. It is well-formed XML too. */
char *tool_page_write(const tool_sheet *sheet);

#endif
