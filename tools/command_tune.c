/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm tune`: finds the best tiles for the user's shapes on their device, and keeps them where the library looks. */
#include "base/file.h"
#include "base/trusted.h"
#include "runtime/context.h"
#include "tool.h"
#include "tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <direct.h>
#define rmdir _rmdir
#else
#include <unistd.h>
#endif

enum { CLASSES_MAX = 256, OPS_SIZE = 256 };

typedef struct request {
    const char *device, *variants, *shape, *dtype, *gates, *to, *from;
    uint64_t seconds, limit;
    bool restart;
} request;

/* Problems sorted into classes; pointers into the list. */
typedef struct classes {
    tune_class *items;
    size_t count;
} classes;

static int add_problem(classes *all, const tool_problem *problem)
{
    char subject[CLXI_TUNING_SUBJECT_SIZE];
    const clxi_tile_problem tiles = {problem->DHQK, problem->DHV, problem->dtype, false};
    const char *op = tune_operator(problem);
    size_t index = 0;
    if (!op)
        return tool_usage("tune", "'%s' has nothing to tune; mlstm_parallel and attention have", problem->family->op);
    clxi_tile_subject(op, problem->dtype, &tiles, subject);
    while (index < all->count && strcmp(all->items[index].subject, subject) != 0) {
        index++;
    }
    if (index == CLASSES_MAX) return tool_usage("tune", "more than %d classes of problems", CLASSES_MAX);
    tune_class *of = &all->items[index];
    if (index == all->count) {
        all->count++;
        of->op = op;
        of->tiles = tiles;
        memcpy(of->subject, subject, sizeof subject);
    }
    if (of->count == TUNE_PROBLEMS_MAX)
        return tool_usage("tune", "more than %d problems that share a result", TUNE_PROBLEMS_MAX);
    of->problems[of->count++] = problem;
    return TOOL_OK;
}

static int sort_problems(const tool_problems *problems, classes *all)
{
    int result = TOOL_OK;
    all->items = calloc(CLASSES_MAX, sizeof *all->items);
    if (!all->items || problems->failed) return tool_fail("out of host memory");
    for (size_t index = 0; index < problems->count && result == TOOL_OK; ++index) {
        result = add_problem(all, &problems->items[index]);
    }
    return result;
}

/* Removes the folder of the candidates' programs. */
static void remove_file(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)user;
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    clxi_file_remove(path);
}

static void drop_scratch(const char *folder)
{
    if (!folder) return;
    clxi_folder_visit(folder, remove_file, NULL);
    rmdir(folder);
}

static clx_status open_job(const request *wanted, tune_job *job, clx_error *error)
{
    clx_status status;
    clxi_text scratch = CLXI_TEXT_INIT;
    const tool_session_options options = {.selector = wanted->device, .variants = wanted->variants, .tuning_off = true};
    CLXI_TRY(tool_session_open(&job->session, &options, error));
    const clx_context *context = job->session.context;
    if (!context->cache_dir)
        CLXI_TRY(clxi_fail(error, CLX_ERR_IO, "no cache folder to keep results in (CLX_CACHE, CLX_CACHE_DIR)"));
    clxi_text_printf(&scratch, "%s/" TUNE_SCRATCH_FOLDER, context->cache_dir);
    if (scratch.failed) CLXI_TRY(clxi_fail_memory(error, "a path"));
    job->scratch = scratch.data;
    job->selector = job->session.info.selector;
    job->variants = wanted->variants;
    job->limit_s = (double)wanted->limit;
    CLXI_TRY(tune_journal_open(job, wanted->restart, error));
fail:
    return status;
}

static int search_all(tune_job *job, classes *all, double seconds)
{
    clx_error error = CLX_ERROR_INIT;
    int result = TOOL_OK;
    bool all_finished = true;
    job->begin_s = tool_seconds();
    job->end_s = job->begin_s + seconds;
    printf("device %s (%s), driver %s\n", job->session.info.name, job->session.info.platform, job->session.info.driver);
    tool_progress_begin(0);
    for (size_t index = 0; index < all->count; ++index) {
        const double now_s = tool_seconds(), share_s = (job->end_s - now_s) / (double)(all->count - index);
        bool finished = false;
        if (now_s >= job->end_s && index > 0) {
            all_finished = false;
            break;
        }
        if (tune_class_search(job, &all->items[index], now_s + share_s, &finished, &error) != CLX_OK)
            result = tool_fail_error("tune", &error);
        all_finished = all_finished && finished;
        fflush(stdout);
    }
    if (!all_finished) printf("The time was over before everything was tried; the same command goes on.\n");
    return result;
}

static int export_results(const tune_job *job, const char *path)
{
    clx_error error = CLX_ERROR_INIT;
    char *text = NULL;
    size_t size_bytes = 0, at = 0, damaged = 0, count = 0;
    clxi_tuning_view view;
    clxi_text own = CLXI_TEXT_INIT;
    clx_status status = CLX_OK;
    clxi_tuning_read(job->session.context, CLXI_TUNING_FILE, &text, &size_bytes);
    while (clxi_tuning_next(text, size_bytes, &at, &view, &damaged)) {
        if (memcmp(view.device, job->device, CLXI_TUNING_DEVICE_LENGTH) != 0) continue;
        clxi_text_printf(&own, "%.*s\n", (int)view.length, view.line);
        count++;
    }
    if (own.failed) CLXI_TRY(clxi_fail_memory(&error, "the results"));
    CLXI_TRY(clxi_file_write(path, own.data ? own.data : "", own.count, &error));
    printf("%zu results of this device in %s\n", count, path);
fail:
    clxi_text_free(&own);
    free(text);
    return status == CLX_OK ? TOOL_OK : tool_fail_error("tune", &error);
}

static int import_results(const tune_job *job, const char *path)
{
    clx_error error = CLX_ERROR_INIT;
    char *text = NULL;
    size_t size_bytes = 0, at = 0, damaged = 0, count = 0, own = 0;
    clxi_tuning_view view;
    clx_status status = clxi_file_read(path, CLXI_TUNING_LIMIT_BYTES, &text, &size_bytes, &error);
    while (status == CLX_OK && clxi_tuning_next(text, size_bytes, &at, &view, &damaged)) {
        own += memcmp(view.device, job->device, CLXI_TUNING_DEVICE_LENGTH) == 0;
        count++;
    }
    if (status == CLX_OK) status = clxi_tuning_store(job->session.context, CLXI_TUNING_FILE, text, size_bytes, &error);
    if (status == CLX_OK)
        printf("%zu results taken, %zu of them of this device and driver; %zu damaged lines passed over\n", count, own,
               damaged);
    free(text);
    return status == CLX_OK ? TOOL_OK : tool_fail_error("tune", &error);
}

static int tune(const request *wanted, classes *all)
{
    clx_error error = CLX_ERROR_INIT;
    tune_job job = {0};
    int result = open_job(wanted, &job, &error) == CLX_OK ? TOOL_OK : tool_fail_error("tune", &error);
    if (result == TOOL_OK && wanted->from) result = import_results(&job, wanted->from);
    if (result == TOOL_OK && all->count > 0) result = search_all(&job, all, (double)wanted->seconds);
    if (result == TOOL_OK && wanted->to) result = export_results(&job, wanted->to);
    drop_scratch(job.scratch);
    free(job.scratch);
    free(job.journal);
    tool_session_close(&job.session);
    return result;
}

static const char help[] =
    "Tries the kernels' parameters on OP (mlstm_parallel, attention, or several of them; both without one) with your\n"
    "shapes, and keeps those that are faster than the default by more than the noise in the cache folder, where the\n"
    "library finds them: an operator takes what was found for its dtype, DHQK and DHV, so give all shapes that you\n"
    "use. Each candidate runs in a process of its own, is compared with the plain kernels and with the float64\n"
    "reference, and is written down at once: the same command goes on where one was interrupted.\n"
    "\n"
    "With --import or --export and without OP, nothing is tuned.\n";

static int join_operators(size_t count, char **argv, char ops[OPS_SIZE])
{
    size_t used = 0;
    for (size_t index = 0; index < count; ++index) {
        used += (size_t)snprintf(ops + used, OPS_SIZE - used, "%s%s", index > 0 ? "," : "", argv[index]);
        if (used >= OPS_SIZE) return tool_usage("tune", "the operators' names are too long");
    }
    if (count == 0) snprintf(ops, OPS_SIZE, "mlstm_parallel,attention");
    return TOOL_OK;
}

int tool_command_tune(int argc, char **argv)
{
    enum { SECONDS_MAX = 1000000 };
    request wanted = {.shape = "1x4x1024x64x64", .dtype = "f32", .gates = "keep", .seconds = 120};
    const tool_option options[] = {
        {"shape", 0, TOOL_TEXT, &wanted.shape, "BxNHxSxDHQKxDHV,..", "sizes (1x4x1024x64x64)"},
        {"dtype", 0, TOOL_TEXT, &wanted.dtype, "T,..", "f32 (default), f16 or bf16"},
        {"gates", 0, TOOL_TEXT, &wanted.gates, "G,..", "keep (default), unit or trained, as in bench"},
        {"seconds", 0, TOOL_COUNT, &wanted.seconds, "N", "the time for all of it (120)"},
        {"limit", 0, TOOL_COUNT, &wanted.limit, "N", "seconds for one candidate (by how long the default takes)"},
        {"device", 0, TOOL_TEXT, &wanted.device, "D", "the device"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "LIST", "kernel families, such as simt or !cpu"},
        {"restart", 0, TOOL_FLAG, &wanted.restart, NULL, "forgets what was tried before"},
        {"export", 0, TOOL_TEXT, &wanted.to, "FILE", "writes the results of this device to a file"},
        {"import", 0, TOOL_TEXT, &wanted.from, "FILE", "takes results from a file"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "every candidate and log lines to standard error"},
    };
    const tool_syntax syntax = {"tune", "[OP...] [OPTIONS]", help, options, sizeof options / sizeof *options, 0, 16};
    size_t operands;
    char ops[OPS_SIZE];
    tool_problems problems = {0};
    classes all = {0};
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
    if (wanted.seconds < 1 || wanted.seconds > SECONDS_MAX)
        return tool_usage("tune", "--seconds: expected 1 to %d", SECONDS_MAX);
    if (wanted.limit > SECONDS_MAX) return tool_usage("tune", "--limit: expected 0 to %d", SECONDS_MAX);
    if (wanted.device && !strcmp(wanted.device, "all")) return tool_usage("tune", "--device: expected one device");
    int result = join_operators(operands, argv, ops);
    const tool_problem_lists lists = {wanted.shape, wanted.dtype, wanted.gates, NULL, "tune"};
    if (result == TOOL_OK && (operands > 0 || (!wanted.to && !wanted.from))) {
        result = tool_problems_product(&problems, ops, &lists);
        if (result == TOOL_OK) result = sort_problems(&problems, &all);
    }
    if (result == TOOL_OK) result = tune(&wanted, &all);
    free(all.items);
    tool_problems_free(&problems);
    return result;
}
