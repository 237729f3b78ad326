/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm check`: computes case files and judges the results by the values in them. */
#include "case_files.h"
#include "case_report.h"
#include "progress.h"
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 96 };

typedef struct request {
    const char *device, *variants, *layout_text;
    tool_layout layout;
    bool out_of_order;
    bool json;
    tool_files files;
} request;

static void check_file(const request *wanted, const tool_session *session, const char *path, tool_report *report)
{
    clx_status status;
    clx_error error = CLX_ERROR_INIT;
    char name[NAME_SIZE];
    clxi_case *input = NULL;
    tool_call call = {0};
    tool_judgement judgement;
    CLXI_TRY(clxi_case_read(path, &input, &error));
    CLXI_TRY(tool_case_run(&call, session, input, wanted->layout, &error));
    CLXI_TRY(tool_case_judge(&call, &judgement, &error));
    tool_report_case(report, tool_case_name(path, name, sizeof name), &call, &judgement);
fail:
    if (status != CLX_OK) tool_report_error(report, tool_case_name(path, name, sizeof name), &error);
    tool_call_free(&call);
    clxi_case_destroy(input);
}

static int name_width(const tool_files *files)
{
    int widest = 0;
    for (size_t index = 0; index < files->count; ++index) {
        char name[NAME_SIZE];
        int width = (int)strlen(tool_case_name(files->paths[index], name, sizeof name));
        if (width > widest) widest = width;
    }
    return widest;
}

static void print_counts(const tool_session *session)
{
    clx_build_counts counts = clx_context_build_counts(session->context);
    fprintf(stderr, "clxlstm: programs: %" PRIu64 " compiled, %" PRIu64 " loaded, %" PRIu64 " shared\n",
            counts.compiled, counts.loaded, counts.shared);
}

/* All files on one device; with `devices`, its report goes there. */
static int check_device(const request *wanted, const char *selector, cJSON *devices)
{
    static tool_report report;
    clx_error error = CLX_ERROR_INIT;
    tool_session session;
    tool_session_options options = {
        .selector = selector, .variants = wanted->variants, .out_of_order = wanted->out_of_order};
    if (tool_session_open(&session, &options, &error) != CLX_OK) return tool_fail_error(NULL, &error);

    cJSON *object = devices ? cJSON_CreateObject() : NULL;
    if (object) {
        tool_report_device(object, &session);
        tool_json_text(object, "layout", wanted->layout_text);
        tool_json_flag(object, "out_of_order", wanted->out_of_order);
    }
    tool_report_begin(&report, name_width(&wanted->files), object ? cJSON_AddArrayToObject(object, "cases") : NULL);
    tool_progress_begin(wanted->files.count);
    for (size_t index = 0; index < wanted->files.count; ++index) {
        char name[NAME_SIZE];
        tool_progress_step(index, tool_case_name(wanted->files.paths[index], name, sizeof name));
        check_file(wanted, &session, wanted->files.paths[index], &report);
    }
    tool_progress_hide();
    tool_report_end(&report, &session);
    if (object) {
        tool_json_number(object, "passed", (double)report.passed);
        tool_json_number(object, "failed", (double)report.failed);
        cJSON_AddItemToArray(devices, object);
    }
    if (tool_verbose) print_counts(&session);
    tool_session_close(&session);
    return report.failed == 0 ? TOOL_OK : TOOL_FAILED;
}

static int check_devices(const request *wanted)
{
    static char selectors[TOOL_DEVICES_MAX][TOOL_SELECTOR_SIZE];
    clx_error error = CLX_ERROR_INIT;
    size_t count = 0;
    int result = TOOL_OK;
    if (tool_devices_of(wanted->device, selectors, &count, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    cJSON *whole = wanted->json ? cJSON_CreateObject() : NULL;
    cJSON *devices = NULL;
    if (whole) {
        tool_json_text(whole, "clxlstm", clx_version());
        devices = cJSON_AddArrayToObject(whole, "devices");
    }
    for (size_t index = 0; index < count; ++index) {
        if (index > 0 && !whole) putchar('\n');
        if (check_device(wanted, selectors[index], devices) != TOOL_OK) result = TOOL_FAILED;
    }
    if (whole && tool_json_print(whole) != TOOL_OK) result = TOOL_FAILED;
    return result;
}

static const char help[] =
    "Computes cases and judges each output element by element: by the expected values in the file or, where it has\n"
    "none, by the library's float64 reference (slow on long texts). A folder stands for all its .safetensors files.\n"
    "\n"
    "The columns: the largest error and the root mean square of the errors, both as a share of what is allowed, and\n"
    "the milliseconds of the first call, from the enqueue until the result is there.\n";

int tool_command_check(int argc, char **argv)
{
    request wanted = {.layout_text = "bhsd"};
    const tool_option options[] = {
        {"device", 0, TOOL_TEXT, &wanted.device, "D", "gpu, cpu, P:D, a part of a name, or all"},
        {"json", 0, TOOL_FLAG, &wanted.json, NULL, "prints JSON instead of a table"},
        {"layout", 0, TOOL_TEXT, &wanted.layout_text, "L", "order in device memory: bhsd (default) or bshd"},
        {"out-of-order", 0, TOOL_FLAG, &wanted.out_of_order, NULL, "uses an out-of-order queue"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "LIST", "kernel families, such as simt or !cpu"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "log lines, build logs and build counts to standard error"},
    };
    const tool_syntax syntax = {
        "check", "FILE|FOLDER ... [OPTIONS]", help, options, sizeof options / sizeof *options, 1, (size_t)-1};
    size_t operands;
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
    if (!tool_layout_parse(wanted.layout_text, &wanted.layout)) {
        return tool_usage("check", "--layout: '%s' is not bhsd or bshd", wanted.layout_text);
    }
    clx_error error = CLX_ERROR_INIT;
    int result = TOOL_OK;
    if (tool_files_find(&wanted.files, argv, operands, &error) != CLX_OK) {
        result = tool_fail_error(NULL, &error);
    } else {
        result = check_devices(&wanted);
    }
    tool_files_free(&wanted.files);
    return result;
}
