/* SPDX-License-Identifier: Apache-2.0
 *
 * Device by device, problem by problem. */
#include "bench_job.h"
#include "bench_ceiling.h"
#include "bench_host.h"
#include "bench_run.h"
#include "bench_text.h"
#include "progress.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

/* Is `op` in the list with commas? */
static bool listed(const char *list, const char *op)
{
    const size_t length = strlen(op);
    for (const char *at = list; at; at = strchr(at, ',')) {
        if (*at == ',') ++at;
        if (strncmp(at, op, length) == 0 && (at[length] == ',' || at[length] == '\0')) return true;
    }
    return false;
}

/* The problems of this device, to be freed where `own` is set. */
static tool_problems problems_of(const tool_bench_job *job, const clx_device_info *info, bool *own)
{
    tool_problems suite = {0};
    *own = job->suite != NULL;
    if (!*own) return job->problems;
    tool_problems_suite(&suite, job->suite, strcmp(info->type, "gpu") == 0);
    size_t kept = 0;
    for (size_t index = 0; index < suite.count; ++index) {
        if (job->ops && !listed(job->ops, suite.items[index].family->op)) continue;
        suite.items[kept++] = suite.items[index];
    }
    suite.count = kept;
    return suite;
}

static double cost_of_all(const tool_problems *problems, const clx_device_info *info)
{
    double cost = 0.0;
    for (size_t index = 0; index < problems->count; ++index) {
        cost += tool_problem_cost(&problems->items[index], info);
    }
    return cost;
}

/* One result, alone or as a row of the table. */
static void show_result(const tool_bench_job *job, const tool_sheet_result *result, bool alone, tool_table *table)
{
    tool_progress_hide();
    if (!job->show) {
        if (!tool_sheet_passed(result)) {
            tool_fail("%s %s %s: %s%s%s", result->op, result->shape, result->dtype, result->status,
                      *result->message ? ": " : "", result->message);
        }
    } else if (alone) {
        tool_text_result(result);
    } else {
        tool_text_results_row(table, result);
    }
}

static int run_problems(const tool_bench_job *job, tool_session *session, const tool_problems *problems, double done,
                        double all, tool_sheet *sheet, size_t device)
{
    int code = TOOL_OK;
    const bool alone = problems->count == 1;
    tool_table table = {0};
    if (job->show && !alone) table = tool_text_results_begin();
    for (size_t index = 0; index < problems->count; ++index) {
        const tool_problem *problem = &problems->items[index];
        char shape[TOOL_SHAPE_SIZE], what[TOOL_SHAPE_SIZE + 32];
        const double cost = tool_problem_cost(problem, &session->info);
        tool_problem_shape(problem, shape);
        snprintf(what, sizeof what, "%s %s %s", problem->family->op, shape, clx_dtype_name(problem->dtype));
        tool_progress_share(done / all, (done + cost) / all);
        tool_progress_step(index, what);
        const tool_sheet_result *result =
            tool_problem_run(session, problem, &job->how, job->suite != NULL, sheet, device);
        done += cost;
        if (!result) return tool_fail("out of host memory for the results");
        show_result(job, result, alone, &table);
        if (strcmp(result->status, "wrong") == 0 || strcmp(result->status, "failed") == 0) code = TOOL_FAILED;
    }
    return code;
}

static int measure_device(const tool_bench_job *job, const char *selector, tool_sheet *sheet)
{
    const double ceilings_s = job->ceilings ? 4.0 : 0.0;
    clx_error error = CLX_ERROR_INIT;
    tool_session session;
    const tool_session_options options = {.selector = selector, .variants = job->variants, .profiling = true};
    if (tool_session_open(&session, &options, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    bool own;
    int code = TOOL_FAILED;
    tool_problems problems = problems_of(job, &session.info, &own);
    const double all = ceilings_s + cost_of_all(&problems, &session.info);
    const size_t number = sheet->count[TOOL_DEVICES];
    tool_sheet_device *device = tool_sheet_add(sheet, TOOL_DEVICES);
    if (!device || problems.failed) {
        tool_fail("out of host memory for the results");
        goto fail;
    }
    tool_host_device(&session.info, 0, device);
    tool_progress_begin(problems.count);
    tool_progress_share(0.0, ceilings_s / all);
    tool_progress_step(0, "ceilings");
    if (job->ceilings) tool_ceilings_measure(&session, sheet, number);
    tool_progress_hide();
    if (job->show && number > 0) putchar('\n');
    if (job->show) tool_text_device(sheet, number);
    if (job->show && problems.count > 1) putchar('\n');
    code = run_problems(job, &session, &problems, ceilings_s, all, sheet, number);
fail:
    tool_progress_hide();
    if (own) tool_problems_free(&problems);
    tool_session_close(&session);
    return code;
}

int tool_bench_measure_devices(const tool_bench_job *job, tool_sheet *sheet)
{
    static char selectors[TOOL_DEVICES_MAX][TOOL_SELECTOR_SIZE];
    clx_error error = CLX_ERROR_INIT;
    size_t count = 0;
    int code = TOOL_OK;
    if (tool_devices_of(job->device, selectors, &count, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    for (size_t index = 0; index < count; ++index) {
        if (measure_device(job, selectors[index], sheet) != TOOL_OK) code = TOOL_FAILED;
    }
    return code;
}
