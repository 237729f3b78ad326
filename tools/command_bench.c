/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm bench`: measures operators, checks the numbers that it measured, and shows and compares reports. */
#include "base/file.h"
#include "bench_compare.h"
#include "bench_host.h"
#include "bench_job.h"
#include "bench_page.h"
#include "bench_text.h"
#include "progress.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERANDS_MAX = 64, OPS_SIZE = 1024 };

/* Texts as on the command line, NULL where not given. */
typedef struct request {
    const char *device, *variants, *suite, *shape, *dtype, *gates, *sweep, *threshold, *limit, *json, *html;
    uint64_t repeat, warmup;
    bool first_call, no_ceilings, from, compare;
    char command[512];
} request;

static bool is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* Text to a file, or to standard output for "-"; takes the text over. */
static int put(const char *path, char *text)
{
    clx_error error = CLX_ERROR_INIT;
    int code = TOOL_OK;
    if (!text) return tool_fail("out of host memory for the report");
    if (is_stdout(path)) {
        fputs(text, stdout);
    } else if (clxi_file_write(path, text, strlen(text), &error) != CLX_OK) {
        code = tool_fail_error(NULL, &error);
    }
    free(text);
    return code;
}

static int put_all(const request *wanted, const tool_sheet *sheet)
{
    int code = TOOL_OK;
    if (wanted->json) code = put(wanted->json, tool_sheet_write(sheet));
    if (wanted->html && put(wanted->html, tool_page_write(sheet)) != TOOL_OK) code = TOOL_FAILED;
    return code;
}

static int read_all(tool_sheet *sheet, char **paths, size_t count)
{
    clx_error error = CLX_ERROR_INIT;
    for (size_t index = 0; index < count; ++index) {
        if (tool_sheet_read(sheet, paths[index], &error) != CLX_OK) return tool_fail_error(NULL, &error);
    }
    return TOOL_OK;
}

static void show_sheet(const tool_sheet *sheet)
{
    for (size_t device = 0; device < sheet->count[TOOL_DEVICES]; ++device) {
        size_t rows = 0;
        tool_table table;
        if (device > 0) putchar('\n');
        tool_text_device(sheet, device);
        for (size_t index = 0; index < sheet->count[TOOL_RESULTS]; ++index) {
            const tool_sheet_result *result = tool_sheet_result_at(sheet, index);
            if ((size_t)result->device != device) continue;
            if (rows == 0) putchar('\n');
            if (rows++ == 0) table = tool_text_results_begin();
            tool_text_results_row(&table, result);
        }
    }
    tool_text_starts(sheet);
}

/* Reports from files, merged. */
static int show_files(const request *wanted, char **paths, size_t count)
{
    tool_sheet sheet = {0};
    int code = read_all(&sheet, paths, count);
    tool_sheet_join_devices(&sheet);
    if (code == TOOL_OK && !is_stdout(wanted->json) && !is_stdout(wanted->html)) show_sheet(&sheet);
    if (code == TOOL_OK) code = put_all(wanted, &sheet);
    tool_sheet_free(&sheet);
    return code;
}

static int compare_files(const request *wanted, char **paths)
{
    enum { DEFAULT_PERCENT = 5 };
    tool_sheet before = {0}, after = {0};
    char *end = NULL;
    double percent = wanted->threshold ? strtod(wanted->threshold, &end) : DEFAULT_PERCENT;
    if (wanted->threshold && (end == wanted->threshold || *end || !(percent >= 0.0 && percent <= 1e6))) {
        return tool_usage("bench", "--threshold: '%s' is no percentage", wanted->threshold);
    }
    int code = read_all(&before, paths, 1);
    if (code == TOOL_OK) code = read_all(&after, paths + 1, 1);
    if (code == TOOL_OK) code = tool_compare(&before, paths[0], &after, paths[1], percent);
    tool_sheet_free(&before);
    tool_sheet_free(&after);
    return code;
}

static int measure(const request *wanted, const tool_bench_job *job)
{
    tool_sheet sheet = {0};
    tool_sheet_run *run = tool_sheet_add(&sheet, TOOL_RUNS);
    if (!run) return tool_fail("out of host memory for the report");
    tool_host_describe(run);
    snprintf(run->command, sizeof run->command, "%s", wanted->command);
    int code = wanted->first_call ? tool_bench_measure_starts(job, &sheet) : tool_bench_measure_devices(job, &sheet);
    if (wanted->first_call && job->show) tool_text_starts(&sheet);
    if (put_all(wanted, &sheet) != TOOL_OK) code = TOOL_FAILED;
    tool_sheet_free(&sheet);
    return code;
}

/* Checks the options that say how, into `how`. */
static int parse_how(const request *wanted, tool_measure_options *how)
{
    char *end = NULL;
    how->repeat = wanted->repeat;
    how->warmup = wanted->warmup;
    how->limit_s = wanted->limit ? strtod(wanted->limit, &end) : 0.0;
    if (wanted->limit && (end == wanted->limit || *end || !(how->limit_s > 0.0 && how->limit_s <= 1e6))) {
        return tool_usage("bench", "--limit: '%s' is no number of seconds", wanted->limit);
    }
    if (wanted->repeat > TOOL_RUNS_MAX) return tool_usage("bench", "--repeat: expected 0 to %d", TOOL_RUNS_MAX);
    if (wanted->warmup < TOOL_WARMUP_MIN || wanted->warmup > TOOL_RUNS_MAX) {
        return tool_usage("bench", "--warmup: expected %d to %d", TOOL_WARMUP_MIN, TOOL_RUNS_MAX);
    }
    return TOOL_OK;
}

/* The operands as one list with commas; empty for none. */
static int join_ops(char **operands, size_t count, char ops[OPS_SIZE])
{
    size_t used = 0;
    ops[0] = '\0';
    for (size_t index = 0; index < count; ++index) {
        int added = snprintf(ops + used, OPS_SIZE - used, "%s%s", index ? "," : "", operands[index]);
        used += (size_t)added;
        if (used >= OPS_SIZE) return tool_usage("bench", "the operators' names are too long");
    }
    return TOOL_OK;
}

/* A suite, of which the operands may choose operators. */
static int parse_suite(const request *wanted, const char *ops, tool_bench_job *job)
{
    tool_problems scratch = {0};
    const tool_problem_lists lists = {"1x1x1x1x1", "f32", "keep", NULL, "bench"};
    if (wanted->shape || wanted->dtype || wanted->gates || wanted->sweep) {
        return tool_usage("bench", "--suite brings its own shapes, dtypes and gates");
    }
    const bool known = tool_problems_suite(&scratch, wanted->suite, true);
    tool_problems_free(&scratch);
    if (!known) return tool_usage("bench", "--suite: '%s' is not quick, full or sweep", wanted->suite);
    int code = *ops ? tool_problems_product(&scratch, ops, &lists) : TOOL_OK;
    tool_problems_free(&scratch);
    job->suite = wanted->suite;
    job->ops = *ops ? ops : NULL;
    return code;
}

static int parse_problems(const request *wanted, const char *ops, tool_bench_job *job)
{
    if (!*ops) return tool_usage("bench", "expected an operator, --suite, --from or --compare");
    tool_problem_lists lists = {wanted->shape, wanted->dtype, wanted->gates, wanted->sweep, "bench"};
    if (!lists.shapes) lists.shapes = "1x4x1024x64x64";
    if (!lists.dtypes) lists.dtypes = "f32";
    if (!lists.gates) lists.gates = "keep";
    return tool_problems_product(&job->problems, ops, &lists);
}

static const char help[] =
    "Measures operators on shapes in dtypes, and checks the numbers in the same run, on rows chosen at random.\n"
    "OP, --shape, --dtype and --gates take lists with commas: each is measured with each.\n"
    "\n"
    "The gates decide how much of the work an operator may skip without any change in the result:\n"
    "  keep     fgate = 20: nothing decays, nothing is skipped (default)\n"
    "  unit     igate, fgate ~ N(0, 1): what others benchmark with\n"
    "  trained  igate ~ N(0, 1), fgate ~ N(3, 1): nearer to trained models\n"
    "\n"
    "OP is one of\n"
    "  mlstm_parallel, attention  causal; attention with softmax, without rotary embedding\n"
    "  mlstm_recurrent            S = 1: one decoding step; else the sequence form, from a state to a state\n"
    "  mlstm_cell                 the whole cell, its configuration's defaults but for --dtype: S = 1: one decoding\n"
    "                             step of the recurrent backend; else parallel_stabilized, with the state after it\n"
    "  rotary                     q and k, (B, NH, S, DHQK)\n"
    "  layernorm, rmsnorm         (B, NH, S, DHV)\n"
    "\n"
    "A suite is a list of problems that suit the device: quick, full, or sweep (S from 1024 to 65536). With OP, only\n"
    "those operators of it.\n"
    "\n"
    "Reports (docs/bench-schema.md) are read again with --from FILE..., merged, and written with --json and --html;\n"
    "--compare A B shows what has changed from A to B, and fails where B is slower by more than the threshold.\n";

/* With the operands that parsing has left. */
static int dispatch(const request *wanted, char **operands, size_t count)
{
    static char ops[OPS_SIZE];
    const bool to_stdout = is_stdout(wanted->json) || is_stdout(wanted->html);
    tool_bench_job job = {.device = wanted->device, .variants = wanted->variants};
    job.ceilings = !wanted->no_ceilings;
    job.show = !to_stdout;
    if (is_stdout(wanted->json) && is_stdout(wanted->html)) {
        return tool_usage("bench", "--json and --html cannot both go to standard output");
    }
    if (wanted->from + wanted->compare + (wanted->suite != NULL) > 1) {
        return tool_usage("bench", "expected one of --from, --compare and --suite");
    }
    if (wanted->compare) {
        if (count != 2) return tool_usage("bench", "--compare: expected two reports");
        return compare_files(wanted, operands);
    }
    if (wanted->from) {
        if (count == 0) return tool_usage("bench", "--from: expected reports");
        return show_files(wanted, operands, count);
    }
    if (wanted->suite && wanted->first_call) return tool_usage("bench", "--first-call takes operators, not a suite");
    int code = parse_how(wanted, &job.how);
    if (code == TOOL_OK) code = join_ops(operands, count, ops);
    if (code == TOOL_OK) code = wanted->suite ? parse_suite(wanted, ops, &job) : parse_problems(wanted, ops, &job);
    if (code == TOOL_OK) code = measure(wanted, &job);
    tool_problems_free(&job.problems);
    return code;
}

int tool_command_bench(int argc, char **argv)
{
    request wanted = {.warmup = TOOL_WARMUP_MIN};
    const tool_option options[] = {
        {"device", 0, TOOL_TEXT, &wanted.device, "D", "the device, or all"},
        {"suite", 0, TOOL_TEXT, &wanted.suite, "NAME", "quick, full or sweep, instead of the next four"},
        {"shape", 0, TOOL_TEXT, &wanted.shape, "BxNHxSxDHQKxDHV", "sizes (1x4x1024x64x64)"},
        {"dtype", 0, TOOL_TEXT, &wanted.dtype, "T", "f32 (default), f16 or bf16"},
        {"gates", 0, TOOL_TEXT, &wanted.gates, "G", "keep, unit or trained"},
        {"sweep", 0, TOOL_TEXT, &wanted.sweep, "S=A..B", "each shape with S from A to B, doubling"},
        {"first-call", 0, TOOL_FLAG, &wanted.first_call, NULL, "times the first call, with cold and warm caches"},
        {"repeat", 0, TOOL_COUNT, &wanted.repeat, "N", "measured calls (0: at least 20, more of short ones)"},
        {"warmup", 0, TOOL_COUNT, &wanted.warmup, "N", "calls before them, at least (3)"},
        {"limit", 0, TOOL_TEXT, &wanted.limit, "SECONDS", "fewer calls (at least 3) where they would take longer"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "LIST", "kernel families, such as simt or !cpu"},
        {"no-ceilings", 0, TOOL_FLAG, &wanted.no_ceilings, NULL, "does not measure what the device can do at most"},
        {"json", 0, TOOL_TEXT, &wanted.json, "FILE", "writes the report as JSON; - is standard output"},
        {"html", 0, TOOL_TEXT, &wanted.html, "FILE", "writes the report as a page with charts"},
        {"from", 0, TOOL_FLAG, &wanted.from, NULL, "measures nothing: the operands are reports, to be shown"},
        {"compare", 0, TOOL_FLAG, &wanted.compare, NULL, "compares two reports"},
        {"threshold", 0, TOOL_TEXT, &wanted.threshold, "PERCENT", "what --compare lets pass (5)"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "log lines to standard error"},
    };
    const tool_syntax syntax = {"bench",
                                "[OP ...] [OPTIONS] | --from FILE... | --compare A B",
                                help,
                                options,
                                sizeof options / sizeof *options,
                                0,
                                OPERANDS_MAX};
    size_t operands;
    tool_host_command(wanted.command, sizeof wanted.command, argc, argv); /* parsing moves the operands */
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
    return dispatch(&wanted, argv, operands);
}
