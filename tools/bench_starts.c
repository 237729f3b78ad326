/* SPDX-License-Identifier: Apache-2.0
 *
 * First calls. A process starts a driver once, so every measurement has a process of its own, forked before OpenCL was
 * touched. Three of each problem:
 *
 *     cold      the library's cache and the driver's own are empty folders
 *     library   the library's has what the first has left, the driver's is empty again
 *     warm      both have been filled */
#include "base/fail.h"
#include "base/trusted.h"
#include "bench_host.h"
#include "bench_job.h"
#include "progress.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32

int tool_bench_measure_starts(const tool_bench_job *job, tool_sheet *sheet)
{
    (void)job;
    (void)sheet;
    return tool_fail("bench: --first-call: not on this system");
}

#else

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 512, OPEN_FOLDERS = 16 };

/* Where drivers are told to keep what they have compiled, each by its own variable. */
static const char *const driver_caches[] = {"POCL_CACHE_DIR",      "CUDA_CACHE_PATH",       "NEO_CACHE_DIR",
                                            "AMD_COMGR_CACHE_DIR", "MESA_SHADER_CACHE_DIR", "XDG_CACHE_HOME"};

/* What a child sends. */
typedef struct answer {
    tool_sheet_start start;
    tool_sheet_device device;
} answer;

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static clx_status set_caches(const char *library, const char *driver, clx_error *error)
{
    bool set = setenv("CLX_CACHE_DIR", library, 1) == 0 && unsetenv("CLX_CACHE") == 0;
    for (size_t index = 0; index < sizeof driver_caches / sizeof *driver_caches; ++index) {
        set = set && setenv(driver_caches[index], driver, 1) == 0;
    }
    return set ? CLX_OK : clxi_fail_memory(error, "the environment");
}

/* Session, operator, first call; in the child. */
static clx_status time_start(const tool_bench_job *job, const tool_problem *problem, tool_session *session,
                             tool_bench *bench, answer *out, clx_error *error)
{
    clx_status status;
    const tool_session_options options = {.selector = job->device, .variants = job->variants};
    cl_event event = NULL;
    double began_s = tool_seconds();
    CLXI_TRY(tool_session_open(session, &options, error));
    tool_host_device(&session->info, 0, &out->device);
    out->start.context_ms = 1e3 * (tool_seconds() - began_s);
    began_s = tool_seconds();
    CLXI_TRY(problem->family->prepare(bench, error));
    out->start.operator_ms = 1e3 * (tool_seconds() - began_s - bench->upload_s);
    began_s = tool_seconds();
    CLXI_TRY(problem->family->enqueue(bench, 0, &event, error));
    CLXI_TRY(tool_session_wait(session, event, error));
    out->start.call_ms = 1e3 * (tool_seconds() - began_s);
    out->start.total_ms = out->start.context_ms + out->start.operator_ms + out->start.call_ms;
    const clx_build_counts counts = clx_context_build_counts(session->context);
    out->start.compiled = (double)counts.compiled;
    out->start.loaded = (double)counts.loaded;
    CLXI_TRY(problem->family->judge(bench, 0, error));
    if (!bench->verdict.pass) CLXI_TRY(clxi_fail(error, CLX_ERR_OPENCL, "the numbers are wrong"));
fail:
    if (event) clReleaseEvent(event);
    return status;
}

static void run_child(const tool_bench_job *job, const tool_problem *problem, const char *library, const char *driver,
                      answer *out)
{
    clx_error error = CLX_ERROR_INIT;
    tool_session session = {0};
    tool_bench bench = {.op = problem->family->op, .session = &session, .footprint_bytes = 1};
    bench.B = problem->B;
    bench.NH = problem->NH;
    bench.S = problem->S;
    bench.DHQK = problem->DHQK;
    bench.DHV = problem->DHV;
    bench.dtype = problem->dtype;
    bench.gates = problem->gates;
    clx_status status = set_caches(library, driver, &error);
    if (status == CLX_OK) status = time_start(job, problem, &session, &bench, out, &error);
    snprintf(out->start.status, sizeof out->start.status, "%s", status == CLX_OK ? "passed" : "failed");
    if (status != CLX_OK) snprintf(out->start.message, sizeof out->start.message, "%.255s", error.message);
    problem->family->release(&bench);
    tool_bench_free(&bench);
    tool_session_close(&session);
}

static bool send_all(int to, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t count = write(to, at, size);
        if (count <= 0) return false;
        at += count;
        size -= (size_t)count;
    }
    return true;
}

static bool receive_all(int from, void *data, size_t size)
{
    for (char *at = data; size > 0;) {
        ssize_t count = read(from, at, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        at += count;
        size -= (size_t)count;
    }
    return true;
}

/* One measurement in a process of its own. */
static clx_status start_once(const tool_bench_job *job, const tool_problem *problem, const char *library,
                             const char *driver, answer *out, clx_error *error)
{
    int ends[2], ended = 0;
    if (pipe(ends) != 0) return clxi_fail(error, CLX_ERR_IO, "a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(job, problem, library, driver, out);
        _exit(send_all(ends[1], out, sizeof *out) ? 0 : 1);
    }
    close(ends[1]);
    bool whole = child > 0 && receive_all(ends[0], out, sizeof *out);
    close(ends[0]);
    if (child < 0) return clxi_fail(error, CLX_ERR_IO, "a process: %s", strerror(errno));
    waitpid(child, &ended, 0);
    if (whole) return CLX_OK;
    return clxi_fail(error, CLX_ERR_OPENCL, "the process ended by signal %d", WIFSIGNALED(ended) ? WTERMSIG(ended) : 0);
}

static clx_status make_folder(const char *parent, const char *name, char path[PATH_SIZE], clx_error *error)
{
    snprintf(path, PATH_SIZE, "%s/%s", parent, name);
    return mkdir(path, 0700) == 0 ? CLX_OK : clxi_fail(error, CLX_ERR_IO, "%s: %s", path, strerror(errno));
}

/* Appends what was measured; the first answer's device becomes the report's. */
static int record(tool_sheet *sheet, const answer *answer, clx_status status, const clx_error *error)
{
    if (sheet->count[TOOL_DEVICES] == 0) {
        tool_sheet_device *device = tool_sheet_add(sheet, TOOL_DEVICES);
        if (device) *device = answer->device;
    }
    tool_sheet_start *start = tool_sheet_add(sheet, TOOL_STARTS);
    if (!start) return tool_fail("out of host memory for the results");
    *start = answer->start;
    if (status != CLX_OK) {
        snprintf(start->status, sizeof start->status, "failed");
        snprintf(start->message, sizeof start->message, "%.255s", error->message);
    }
    return strcmp(start->status, "passed") ? TOOL_FAILED : TOOL_OK;
}

/* Texts of a problem, empty numbers. */
static answer empty_answer(const tool_problem *problem, const char *caches)
{
    tool_sheet scratch = {0};
    answer out;
    memset(&out, 0, sizeof out);
    const tool_sheet_start *start = tool_sheet_add(&scratch, TOOL_STARTS);
    const tool_sheet_device *device = tool_sheet_add(&scratch, TOOL_DEVICES);
    if (start) out.start = *start;
    if (device) out.device = *device;
    tool_sheet_free(&scratch);
    snprintf(out.start.op, sizeof out.start.op, "%s", problem->family->op);
    snprintf(out.start.dtype, sizeof out.start.dtype, "%s", clx_dtype_name(problem->dtype));
    snprintf(out.start.caches, sizeof out.start.caches, "%s", caches);
    tool_problem_shape(problem, out.start.shape);
    return out;
}

static int start_three_times(const tool_bench_job *job, const tool_problem *problem, const char *folder,
                             tool_sheet *sheet)
{
    static const char *const caches[] = {"cold", "library", "warm"};
    char library[PATH_SIZE], first[PATH_SIZE], second[PATH_SIZE];
    const char *const drivers[] = {first, second, second};
    clx_error error = CLX_ERROR_INIT;
    clx_status status = make_folder(folder, "library", library, &error);
    if (status == CLX_OK) status = make_folder(folder, "first", first, &error);
    if (status == CLX_OK) status = make_folder(folder, "second", second, &error);
    if (status != CLX_OK) return tool_fail_error(NULL, &error);
    int code = TOOL_OK;
    for (size_t index = 0; index < sizeof caches / sizeof *caches; ++index) {
        answer out = empty_answer(problem, caches[index]);
        tool_progress_part((double)index / 3.0);
        status = start_once(job, problem, library, drivers[index], &out, &error);
        if (record(sheet, &out, status, &error) != TOOL_OK) code = TOOL_FAILED;
        clx_error_clear(&error);
    }
    return code;
}

int tool_bench_measure_starts(const tool_bench_job *job, tool_sheet *sheet)
{
    const char *temporary = clxi_environment("TMPDIR");
    int code = TOOL_OK;
    tool_progress_begin(job->problems.count);
    for (size_t index = 0; index < job->problems.count; ++index) {
        char folder[PATH_SIZE / 2];
        snprintf(folder, sizeof folder, "%.200s/clxlstm-XXXXXX", temporary && *temporary ? temporary : "/tmp");
        if (!mkdtemp(folder)) return tool_fail("bench: %s: %s", folder, strerror(errno));
        tool_progress_step(index, job->problems.items[index].family->op);
        if (start_three_times(job, &job->problems.items[index], folder, sheet) != TOOL_OK) code = TOOL_FAILED;
        nftw(folder, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    }
    tool_progress_hide();
    return code;
}

#endif
