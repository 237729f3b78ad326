/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables on stdout, printed row by row as results come in, so the widths are fixed beforehand. */
#ifndef CLXLSTM_TOOLS_TABLE_H
#define CLXLSTM_TOOLS_TABLE_H

#include "base/fail.h"
#include <stddef.h>

enum { TOOL_TABLE_COLUMNS = 12 };

typedef struct tool_column {
    const char *title;
    int width; /* of the widest cell expected; a wider one shifts its row */
    int right; /* not 0: numbers, aligned right */
} tool_column;

typedef struct tool_table {
    const tool_column *columns;
    size_t count;
    size_t at; /* the next cell's column */
} tool_table;

/* Prints the titles and a rule below them. */
tool_table tool_table_begin(const tool_column *columns, size_t count);

/* Prints one cell; the last of a row ends the line. */
void tool_table_cell(tool_table *table, const char *format, ...) CLXI_PRINTF(2, 3);

/* Ends a row early. */
void tool_table_end_row(tool_table *table);

#endif
