/* SPDX-License-Identifier: Apache-2.0
 *
 * What check and selftest print. */
#include "case_report.h"
#include "progress.h"
#include "tool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void tool_report_begin(tool_report *report, int name_width, cJSON *list)
{
    static const tool_column columns[] = {
        {"case", 4, 0}, {"error/tol", 9, 1}, {"rms", 7, 1}, {"ms", 9, 1}, {"result", 6, 0}};
    memset(report, 0, sizeof *report);
    memcpy(report->columns, columns, sizeof columns);
    if (name_width > report->columns[0].width) report->columns[0].width = name_width;
    report->began_s = tool_seconds();
    report->list = list;
    if (!list) report->table = tool_table_begin(report->columns, sizeof columns / sizeof *columns);
}

static void note_variant(tool_report *report, const char *variant)
{
    for (size_t index = 0; index < report->variant_count; ++index) {
        if (!strcmp(report->variants[index], variant)) return;
    }
    if (report->variant_count == TOOL_VARIANTS_MAX) return;
    snprintf(report->variants[report->variant_count++], TOOL_VARIANT_SIZE, "%s", variant);
}

static void add_json(tool_report *report, const char *name, const tool_call *call, const tool_judgement *judgement)
{
    cJSON *row = cJSON_CreateObject();
    tool_json_text(row, "case", name);
    tool_json_text(row, "op", call->input->row->name);
    tool_json_text(row, "variant", call->variant);
    tool_json_number(row, "error_ratio", judgement->worst);
    tool_json_number(row, "rms_ratio", judgement->rms);
    tool_json_number(row, "time_ms", call->wall_ms);
    tool_json_text(row, "result", judgement->pass ? "PASS" : "FAIL");
    tool_json_text(row, "output", judgement->output);
    tool_json_number(row, "index", (double)judgement->index);
    cJSON_AddItemToArray(report->list, row);
}

static void add_row(tool_report *report, const char *name, const tool_call *call, const tool_judgement *judgement)
{
    tool_table_cell(&report->table, "%s", name);
    tool_table_cell(&report->table, "%.4f", judgement->worst);
    if (isnan(judgement->rms)) {
        tool_table_cell(&report->table, "-");
    } else {
        tool_table_cell(&report->table, "%.3f", judgement->rms);
    }
    tool_table_cell(&report->table, "%.2f", call->wall_ms);
    if (judgement->pass) {
        tool_table_cell(&report->table, "PASS");
    } else {
        tool_table_cell(&report->table, "FAIL  %s[%llu] is the worst", judgement->output,
                        (unsigned long long)judgement->index);
    }
}

void tool_report_case(tool_report *report, const char *name, const tool_call *call, const tool_judgement *judgement)
{
    note_variant(report, call->variant);
    if (judgement->pass) {
        ++report->passed;
    } else {
        ++report->failed;
    }
    if (judgement->worst > report->worst) report->worst = judgement->worst;
    if (report->list) {
        add_json(report, name, call, judgement);
    } else {
        add_row(report, name, call, judgement);
    }
}

/* A row without figures. */
static void add_message(tool_report *report, const char *name, const char *result, clx_error *error)
{
    const char *message = error->message[0] ? error->message : clx_status_text(error->status);
    if (report->list) {
        cJSON *row = cJSON_CreateObject();
        tool_json_text(row, "case", name);
        tool_json_text(row, "result", result);
        tool_json_text(row, "status", clx_status_name(error->status));
        tool_json_text(row, "message", message);
        cJSON_AddItemToArray(report->list, row);
    } else {
        tool_table_cell(&report->table, "%s", name);
        for (size_t column = 1; column <= 3; ++column) {
            tool_table_cell(&report->table, "-");
        }
        tool_table_cell(&report->table, "%s  %s", result, message);
    }
    if (tool_verbose && error->detail) fprintf(stderr, "%s\n", error->detail);
    clx_error_clear(error);
}

void tool_report_error(tool_report *report, const char *name, clx_error *error)
{
    ++report->failed;
    add_message(report, name, "FAIL", error);
}

void tool_report_skip(tool_report *report, const char *name, clx_error *error)
{
    add_message(report, name, "skip", error);
}

void tool_report_end(const tool_report *report, const tool_session *session)
{
    if (report->list) return;
    printf("\n%zu case%s: %zu passed, %zu failed; largest error %.4f of the tolerance; %.1f s\n",
           report->passed + report->failed, report->passed + report->failed == 1 ? "" : "s", report->passed,
           report->failed, report->worst, tool_seconds() - report->began_s);
    printf("device   %s (%s), driver %s\n", session->info.name, session->info.platform, session->info.driver);
    for (size_t index = 0; index < report->variant_count; ++index) {
        printf("%s %s\n", index == 0 ? "variants" : "        ", report->variants[index]);
    }
}

void tool_report_device(cJSON *object, const tool_session *session)
{
    tool_json_text(object, "selector", session->info.selector);
    tool_json_text(object, "device", session->info.name);
    tool_json_text(object, "platform", session->info.platform);
    tool_json_text(object, "driver", session->info.driver);
}
