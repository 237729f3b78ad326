/* SPDX-License-Identifier: Apache-2.0
 *
 * A tile's time. The journal knows it, or a process of its own finds out and the journal is written at once, so that
 * nothing is lost whenever this process ends. Its lines are those of runtime/tuning.h:
 *
 *     <class> <BxNHxS> <gates> <tile> = good 41.8 0.87 ; ...
 *
 * `began`, and then `began again`, are of a process of which nobody has seen the end. */
#include "base/fail.h"
#include "base/trusted.h"
#include "child.h"
#include "tool.h"
#include "tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tune_outcome_name(tune_outcome outcome)
{
    static const char *const names[] = {"good", "slow", "refused", "wrong", "died", "late"};
    return names[outcome];
}

const char *tune_operator(const tool_problem *problem)
{
    if (problem->family == &tool_bench_mlstm) return "mlstm";
    return problem->family == &tool_bench_attention ? "attention" : NULL;
}

static void forget(const char *folder)
{
    const char *reason;
    clxi_trusted *trusted = clxi_trusted_open(folder, false, &reason);
    if (trusted) clxi_trusted_remove(trusted, TUNE_JOURNAL_FILE);
    clxi_trusted_close(trusted);
}

clx_status tune_journal_open(tune_job *job, bool restart, clx_error *error)
{
    if (!clxi_tuning_device(job->session.context, job->device)) return clxi_fail_memory(error, "the journal");
    if (restart)
        forget(job->session.context->cache_dir);
    else
        clxi_tuning_read(job->session.context, TUNE_JOURNAL_FILE, &job->journal, &job->journal_bytes);
    return CLX_OK;
}

bool tune_journal_find(const tune_job *job, const char *subject, char value[CLXI_TUNING_VALUE_SIZE])
{
    clxi_tuning_view view;
    size_t at = 0, damaged = 0;
    bool found = false;
    while (clxi_tuning_next(job->journal, job->journal_bytes, &at, &view, &damaged)) {
        if (memcmp(view.device, job->device, CLXI_TUNING_DEVICE_LENGTH) != 0) continue;
        if (strlen(subject) != view.subject_length || memcmp(view.subject, subject, view.subject_length) != 0) continue;
        memcpy(value, view.value, view.value_length);
        value[view.value_length] = '\0';
        found = true;
    }
    return found;
}

clx_status tune_journal_put(tune_job *job, const char *subject, const char *value, const char *note, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text line = CLXI_TEXT_INIT, all = CLXI_TEXT_INIT;
    clxi_tuning_line(job->session.context, subject, value, note, &line);
    clxi_tuning_merge(job->journal, job->journal_bytes, line.data, line.count, &all);
    if (line.failed || all.failed) CLXI_TRY(clxi_fail_memory(error, "the journal"));
    CLXI_TRY(clxi_tuning_store(job->session.context, TUNE_JOURNAL_FILE, line.data, line.count, error));
    free(job->journal);
    job->journal = all.data;
    job->journal_bytes = all.count;
    all = (clxi_text)CLXI_TEXT_INIT;
fail:
    clxi_text_free(&line);
    clxi_text_free(&all);
    return status;
}

/* What the journal says of a tile; false where it says nothing that ends the matter. */
static bool recall(const char *value, tune_result *result)
{
    for (int outcome = 0; outcome < TUNE_OUTCOMES; ++outcome) {
        const char *name = tune_outcome_name((tune_outcome)outcome);
        if (strncmp(value, name, strlen(name)) != 0) continue;
        result->outcome = (tune_outcome)outcome;
        if (sscanf(value + strlen(name), "%lf %lf", &result->ms, &result->ratio) != 2) result->ratio = INFINITY;
        return true;
    }
    return false;
}

static void read_answer(const tool_child *child, double limit_s, tune_result *result)
{
    static const tune_outcome outcomes[] = {TUNE_GOOD, TUNE_SLOW, TUNE_REFUSED, TUNE_WRONG};
    result->outcome = TUNE_DIED;
    snprintf(result->reason, sizeof result->reason, "its process ended with %s %d and said nothing",
             child->end == TOOL_CHILD_DIED ? "signal" : "status", child->status);
    if (child->end == TOOL_CHILD_LATE) {
        result->outcome = TUNE_LATE;
        snprintf(result->reason, sizeof result->reason, "not at its end after %.0f s", limit_s);
        return;
    }
    if (child->end == TOOL_CHILD_DIED || child->status != 0) return;
    for (size_t index = 0; index < sizeof outcomes / sizeof *outcomes; ++index) {
        const char *name = tune_outcome_name(outcomes[index]);
        const char *line = strstr(child->out, name); /* drivers print, too */
        while (line && (line[strlen(name)] != ' ' || (line > child->out && line[-1] != '\n'))) {
            line = strstr(line + 1, name);
        }
        if (!line) continue;
        const char *rest = line + strlen(name) + 1;
        result->outcome = outcomes[index];
        result->reason[0] = '\0';
        result->ms = outcomes[index] <= TUNE_SLOW ? strtod(rest, NULL) : 0.0;
        if (outcomes[index] <= TUNE_SLOW) return;
        snprintf(result->reason, sizeof result->reason, "%.*s", (int)strcspn(rest, "\n"), rest);
        return;
    }
}

/* What a candidate may take: compiling counts, and is the larger part. */
static double limit_of(const tune_job *job, const tune_class *of)
{
    if (job->limit_s > 0.0) return job->limit_s;
    return of->default_s > 0.0 ? fmin(10.0 + 3.0 * of->default_s, 120.0) : 120.0;
}

static clx_status run_candidate(const tune_job *job, const tune_class *of, size_t index, const char *tile,
                                tune_result *result, double *spent_s, clx_error *error)
{
    const tool_problem *problem = of->problems[index];
    const double limit_s = limit_of(job, of);
    char shape[TOOL_SHAPE_SIZE], limit[32], fast[32];
    tool_child child;
    tool_problem_shape(problem, shape);
    snprintf(limit, sizeof limit, "%.0f", ceil(limit_s) + 1.0);
    snprintf(fast, sizeof fast, "%.6g", of->default_ms[index]);
    const char *arguments[24] = {"tune-candidate", problem->family->op,
                                 "--shape",        shape,
                                 "--dtype",        clx_dtype_name(problem->dtype),
                                 "--gates",        tool_gates_name(problem->gates),
                                 "--device",       job->selector,
                                 "--cache",        job->scratch,
                                 "--limit",        limit};
    size_t count = 14;
    if (job->variants) arguments[count++] = "--variants", arguments[count++] = job->variants;
    if (tile) arguments[count++] = "--tile", arguments[count++] = tile;
    if (tile) arguments[count++] = "--fast", arguments[count++] = fast;
    if (tool_verbose) arguments[count++] = "--verbose";
    clx_status status = tool_child_run(arguments, limit_s, &child, error);
    if (status != CLX_OK) return status;
    read_answer(&child, limit_s, result);
    *spent_s = child.spent_s;
    return CLX_OK;
}

/* Notes that a process begins; true where two have and nobody has seen an end, which then is one. */
static clx_status begin(tune_job *job, const char *subject, const char *value, bool *died, clx_error *error)
{
    *died = strcmp(value, "began again") == 0;
    if (*died) return CLX_OK;
    return tune_journal_put(job, subject, *value ? "began again" : "began", "", error);
}

/* What the journal calls a tile on a problem. */
static clx_status name_subject(const tune_class *of, const tool_problem *problem, const char *tile, clxi_text *out,
                               clx_error *error)
{
    clxi_text_printf(out, "%s %" PRIu64 "x%" PRIu64 "x%" PRIu64 " %s %s", of->subject, problem->B, problem->NH,
                     problem->S, tool_gates_name(problem->gates), tile);
    return out->failed ? clxi_fail_memory(error, "a tile") : CLX_OK;
}

clx_status tune_measure(tune_job *job, tune_class *of, size_t index, const clxi_tile_params *tile, bool again,
                        tune_result *result, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text text = CLXI_TEXT_INIT, name = CLXI_TEXT_INIT;
    char value[CLXI_TUNING_VALUE_SIZE] = "";
    bool died = false;
    double spent_s = 0.0;
    memset(result, 0, sizeof *result);
    result->ratio = INFINITY;
    if (tile)
        clxi_tile_write(tile, &text);
    else
        clxi_text_printf(&text, "default");
    CLXI_TRY(name_subject(of, of->problems[index], text.failed ? "" : text.data, &name, error));
    const char *subject = name.data;
    tool_progress_step(0, text.data);
    if (!again && tune_journal_find(job, subject, value) && recall(value, result)) goto fail;
    result->is_new = true;
    if (!again) CLXI_TRY(begin(job, subject, value, &died, error));
    if (!died) CLXI_TRY(run_candidate(job, of, index, tile ? text.data : NULL, result, &spent_s, error));
    if (died) {
        result->outcome = TUNE_DIED;
        snprintf(result->reason, sizeof result->reason, "began twice, and nobody saw the end");
    }
    if (!tile && spent_s > of->default_s) of->default_s = spent_s;
    if (tile && result->ms > 0.0) result->ratio = result->ms / of->default_ms[index];
    snprintf(value, sizeof value, "%s %.6g %.4f", tune_outcome_name(result->outcome), result->ms, result->ratio);
    if (result->outcome > TUNE_SLOW) snprintf(value, sizeof value, "%s", tune_outcome_name(result->outcome));
    if (!again) CLXI_TRY(tune_journal_put(job, subject, value, result->reason, error));
    if (tool_verbose) fprintf(stderr, "clxlstm: tune: %s: %s %s\n", subject, value, result->reason);
fail:
    clxi_text_free(&text);
    clxi_text_free(&name);
    return status;
}
