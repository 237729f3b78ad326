/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm selftest`: every kernel family on small problems, each result against the float64 reference. */
#include "case_repeat.h"
#include "case_report.h"
#include "ops/kernel_table.h"
#include "progress.h"
#include "runtime/verdict.h"
#include "selftest.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const tool_selftest_family *const families[] = {&tool_selftest_mlstm,     &tool_selftest_recurrent,
                                                       &tool_selftest_freqs,     &tool_selftest_rotary,
                                                       &tool_selftest_attention, &tool_selftest_cell};

enum { FAMILIES = sizeof families / sizeof *families, NAME_WIDTH = 36 };

typedef struct request {
    const char *device, *variants, *only;
    uint64_t repeat;
    bool json;
} request;

static bool is_wanted(const request *wanted, const char *name)
{
    return !wanted->only || strstr(name, wanted->only) != NULL;
}

static bool is_family(const char *name)
{
    const char *family;
    for (size_t index = 0; (family = clxi_kernel_table_family(index, true)) != NULL; ++index) {
        if (!strcmp(family, name)) return true;
    }
    return false;
}

static size_t count_problems(const request *wanted)
{
    size_t count = 0;
    for (size_t f = 0; f < FAMILIES; ++f) {
        for (size_t index = 0; index < families[f]->count; ++index) {
            count += is_wanted(wanted, families[f]->name(index));
        }
    }
    return count;
}

/* Once, judged; then again, for the same bits, unless it was wrong already. */
static clx_status run_problem(const tool_session *session, uint64_t repeat, clxi_case *input, tool_call *call,
                              tool_judgement *judgement, clx_error *error)
{
    clx_status status = tool_case_run(call, session, input, TOOL_LAYOUT_BSHD, error);
    if (status == CLX_OK) status = tool_case_judge(call, judgement, error);
    if (status == CLX_OK && judgement->pass) status = tool_case_repeat(call, repeat - 1, error);
    return status;
}

/* One problem; false where the kernel family does not serve this device, with the reason in `error`. A variant that fails
 * its trial on the device is a failure, whatever took its place. */
static bool try_problem(const tool_session *session, uint64_t repeat, const tool_selftest_family *family, size_t index,
                        tool_report *report, clx_error *error)
{
    clxi_case *input = NULL;
    tool_call call = {0};
    tool_judgement judgement;
    const size_t bad_verdicts = clxi_verdict_bad_count(session->context);
    clx_status status = family->make(index, &input, error);
    if (status == CLX_OK) status = run_problem(session, repeat, input, &call, &judgement, error);
    const bool distrusted = clxi_verdict_bad_count(session->context) != bad_verdicts;
    if (status == CLX_OK && distrusted) {
        status = clxi_fail(error, CLX_ERR_UNSUPPORTED, "a better variant than %s failed its trial on this device",
                           call.variant);
    }
    const bool served = status != CLX_ERR_UNSUPPORTED || distrusted;
    if (status == CLX_OK) {
        tool_report_case(report, family->name(index), &call, &judgement);
    } else if (served) {
        tool_report_error(report, family->name(index), error);
    }
    tool_call_free(&call);
    clxi_case_destroy(input);
    return served;
}

static bool can_open(const char *selector)
{
    clx_error error = CLX_ERROR_INIT;
    tool_session session;
    tool_session_options options = {.selector = selector};
    bool opened = tool_session_open(&session, &options, &error) == CLX_OK;
    if (!opened) tool_fail_error(NULL, &error);
    tool_session_close(&session);
    return opened;
}

/* All problems with one kernel family. `simt` must serve every device; others may not apply. */
static int try_variants(const request *wanted, const char *variants, const char *selector, cJSON *devices)
{
    static tool_report report;
    clx_error error = CLX_ERROR_INIT;
    tool_session session;
    tool_session_options options = {.selector = selector, .variants = variants};
    if (tool_session_open(&session, &options, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    cJSON *object = devices ? cJSON_CreateObject() : NULL;
    if (object) {
        tool_report_device(object, &session);
        tool_json_text(object, "family", variants);
    } else {
        printf("kernel family %s\n\n", variants);
    }
    tool_report_begin(&report, NAME_WIDTH, object ? cJSON_AddArrayToObject(object, "cases") : NULL);
    tool_progress_begin(count_problems(wanted));
    size_t done = 0, passed_over = 0;
    for (size_t f = 0; f < FAMILIES; ++f) {
        for (size_t index = 0; index < families[f]->count; ++index) {
            if (!is_wanted(wanted, families[f]->name(index))) continue;
            tool_progress_step(done++, families[f]->name(index));
            if (try_problem(&session, wanted->repeat, families[f], index, &report, &error)) continue;
            if (!strcmp(variants, "simt")) {
                tool_report_error(&report, families[f]->name(index), &error);
                continue;
            }
            ++passed_over;
            tool_report_skip(&report, families[f]->name(index), &error);
        }
    }
    tool_progress_hide();
    tool_report_end(&report, &session);
    if (!object && wanted->repeat > 1)
        printf("repeated %llu runs of each that passed, all of the same bits\n", (unsigned long long)wanted->repeat);
    if (object) {
        tool_json_number(object, "runs", (double)wanted->repeat);
        tool_json_number(object, "passed", (double)report.passed);
        tool_json_number(object, "failed", (double)report.failed);
        tool_json_number(object, "not_served", (double)passed_over);
        cJSON_AddItemToArray(devices, object);
    }
    tool_session_close(&session);
    return report.failed == 0 ? TOOL_OK : TOOL_FAILED;
}

static int try_devices(const request *wanted)
{
    static char selectors[TOOL_DEVICES_MAX][TOOL_SELECTOR_SIZE];
    clx_error error = CLX_ERROR_INIT;
    size_t count = 0, tables = 0;
    int result = TOOL_OK;
    if (tool_devices_of(wanted->device, selectors, &count, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    cJSON *whole = wanted->json ? cJSON_CreateObject() : NULL;
    cJSON *devices = NULL;
    if (whole) {
        tool_json_text(whole, "clxlstm", clx_version());
        devices = cJSON_AddArrayToObject(whole, "devices");
    }
    for (size_t index = 0; index < count; ++index) {
        const char *variants;
        if (!can_open(selectors[index])) {
            result = TOOL_FAILED;
            continue;
        }
        for (size_t f = 0; (variants = clxi_kernel_table_family(f, wanted->variants != NULL)) != NULL; ++f) {
            if (wanted->variants && strcmp(variants, wanted->variants) != 0) continue;
            if (tables++ > 0 && !whole) putchar('\n');
            if (try_variants(wanted, variants, selectors[index], devices) != TOOL_OK) result = TOOL_FAILED;
        }
    }
    if (whole && tool_json_print(whole) != TOOL_OK) result = TOOL_FAILED;
    return result;
}

static const char help[] = "Runs every kernel family that serves the device on small fixed problems, in a layout with "
                           "strides, and judges the\n"
                           "results by the library's float64 reference, by the rule that check applies.\n";

int tool_command_selftest(int argc, char **argv)
{
    request wanted = {.repeat = 1};
    const tool_option options[] = {
        {"device", 0, TOOL_TEXT, &wanted.device, "D", "gpu, cpu, P:D, a part of a name, or all"},
        {"json", 0, TOOL_FLAG, &wanted.json, NULL, "prints JSON instead of tables"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "FAMILY", "only this kernel family, such as simt"},
        {"only", 0, TOOL_TEXT, &wanted.only, "TEXT", "only problems with this in their name"},
        {"repeat", 0, TOOL_COUNT, &wanted.repeat, "N", "runs of each problem, all of which must give the same bits; 1"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "log lines and build logs to standard error"},
    };
    const tool_syntax syntax = {"selftest", "[OPTIONS]", help, options, sizeof options / sizeof *options, 0, 0};
    size_t operands;
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
    if (wanted.variants && !is_family(wanted.variants)) {
        return tool_usage("selftest", "--variants: '%s' is no kernel family", wanted.variants);
    }
    if (wanted.repeat == 0) return tool_usage("selftest", "--repeat: expected 1 or more");
    if (wanted.only && count_problems(&wanted) == 0) {
        return tool_usage("selftest", "--only: no problem has '%s' in its name", wanted.only);
    }
    return try_devices(&wanted);
}
