/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a report's records. */
#ifndef CLXLSTM_TOOLS_BENCH_FIELDS_H
#define CLXLSTM_TOOLS_BENCH_FIELDS_H

#include "bench_sheet.h"

typedef enum tool_field_kind {
    TOOL_FIELD_TEXT,
    TOOL_FIELD_NUMBER, /* or null */
    TOOL_FIELD_INDEX,  /* of a record in another table */
} tool_field_kind;

typedef struct tool_field {
    const char *name;
    tool_field_kind kind;
    size_t offset;
    size_t room;            /* TEXT: bytes, with the NUL */
    tool_sheet_table table; /* INDEX: which it counts in */
} tool_field;

typedef struct tool_field_table {
    const char *name;
    const tool_field *fields;
    size_t field_count;
    size_t record_bytes;
} tool_field_table;

extern const tool_field_table tool_field_tables[TOOL_SHEET_TABLES];

/* A field of a record. */
char *tool_field_text(const tool_field *field, void *record);
double *tool_field_number(const tool_field *field, void *record);

#endif
