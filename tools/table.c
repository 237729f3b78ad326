/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables on stdout. */
#include "table.h"
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CELL_SIZE = 512 };

static void print_cell(tool_table *table, const char *text)
{
    const tool_column *column = &table->columns[table->at++];
    bool last = table->at == table->count;
    if (column->right) {
        printf("%*s", column->width, text);
    } else {
        printf("%-*s", last ? 0 : column->width, text);
    }
    if (last) {
        tool_table_end_row(table);
    } else {
        fputs("  ", stdout);
    }
}

tool_table tool_table_begin(const tool_column *columns, size_t count)
{
    char rule[CELL_SIZE];
    tool_table table = {columns, count, 0};
    for (size_t index = 0; index < count; ++index) {
        print_cell(&table, columns[index].title);
    }
    for (size_t index = 0; index < count; ++index) {
        size_t width = columns[index].width < CELL_SIZE ? (size_t)columns[index].width : CELL_SIZE - 1;
        memset(rule, '-', width);
        rule[width] = '\0';
        print_cell(&table, rule);
    }
    return table;
}

void tool_table_cell(tool_table *table, const char *format, ...)
{
    char text[CELL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (table->at == 0) tool_progress_hide();
    print_cell(table, text);
}

void tool_table_end_row(tool_table *table)
{
    if (table->at == 0) return;
    fputc('\n', stdout);
    fflush(stdout);
    table->at = 0;
}
