/* SPDX-License-Identifier: Apache-2.0
 *
 * What check and selftest print: a table row for each case, then the totals, or the same as JSON. */
#ifndef CLXLSTM_TOOLS_CASE_REPORT_H
#define CLXLSTM_TOOLS_CASE_REPORT_H

#include "case_judge.h"
#include "json.h"
#include "table.h"

enum { TOOL_VARIANTS_MAX = 64, TOOL_VARIANT_SIZE = 128 };

typedef struct tool_report {
    cJSON *list; /* the rows as JSON, or NULL: the table on stdout */
    tool_column columns[5];
    tool_table table;
    size_t passed;
    size_t failed;
    double began_s;
    double worst; /* of the cases that were judged */
    size_t variant_count;
    char variants[TOOL_VARIANTS_MAX][TOOL_VARIANT_SIZE]; /* that were used, each once */
} tool_report;

/* Starts the table; `name_width` is that of the longest name. With `list`, rows go there (it stays the caller's). */
void tool_report_begin(tool_report *report, int name_width, cJSON *list);

/* A case that was judged, passed or failed. */
void tool_report_case(tool_report *report, const char *name, const tool_call *call, const tool_judgement *judgement);

/* A case that gave no result; clears the error. */
void tool_report_error(tool_report *report, const char *name, clx_error *error);

/* A case that this device or kernel family does not serve: neither passed nor failed; clears the error. */
void tool_report_skip(tool_report *report, const char *name, clx_error *error);

/* The totals with the device. */
void tool_report_end(const tool_report *report, const tool_session *session);

/* Puts the device into a JSON object. */
void tool_report_device(cJSON *object, const tool_session *session);

#endif
