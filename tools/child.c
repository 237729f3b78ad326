/* SPDX-License-Identifier: Apache-2.0
 *
 * The program run again; see the header. */
#ifdef __linux__
#define _GNU_SOURCE /* prctl, pipe2 */
#endif
#include "child.h"
#include "progress.h"
#include "tool.h"

#include <string.h>

const char *tool_program = "clxlstm";

#ifdef _WIN32

#include <stdio.h>
#include <windows.h>

enum { SLICE_MS = 20, LINE_SIZE = 8192 };

/* The program's own path and the arguments, each in quotes; none of them has quotes inside. */
static bool write_line(char line[LINE_SIZE], const char *const *arguments)
{
    char path[MAX_PATH];
    DWORD length = GetModuleFileNameA(NULL, path, sizeof path);
    int used = snprintf(line, LINE_SIZE, "\"%s\"", length > 0 && length < sizeof path ? path : tool_program);
    for (size_t index = 0; arguments[index] && used > 0 && used < LINE_SIZE; ++index) {
        used += snprintf(line + used, (size_t)(LINE_SIZE - used), " \"%s\"", arguments[index]);
    }
    return used > 0 && used < LINE_SIZE;
}

/* What there is in the pipe now; what does not fit is dropped. */
static void take(HANDLE from, tool_child *child, size_t *used)
{
    char rest[256];
    DWORD there = 0, count = 0;
    while (PeekNamedPipe(from, NULL, 0, NULL, &there, NULL) && there > 0) {
        const size_t room = sizeof child->out - 1 - *used;
        if (!ReadFile(from, room ? child->out + *used : rest, (DWORD)(room ? room : sizeof rest), &count, NULL)) return;
        if (room) *used += count;
    }
}

static void follow(HANDLE process, HANDLE from, double began_s, double limit_s, tool_child *child)
{
    size_t used = 0;
    DWORD code = 0;
    while (WaitForSingleObject(process, SLICE_MS) == WAIT_TIMEOUT) {
        take(from, child, &used);
        tool_progress_tick();
        if (child->end == TOOL_CHILD_LATE || tool_seconds() - began_s < limit_s) continue;
        child->end = TOOL_CHILD_LATE;
        TerminateProcess(process, 1);
    }
    take(from, child, &used);
    if (child->end == TOOL_CHILD_LATE || !GetExitCodeProcess(process, &code)) return;
    child->end = code < 256 ? TOOL_CHILD_EXITED : TOOL_CHILD_DIED; /* an exception's number is large */
    child->status = (int)code;
}

/* Processes of this job end with the last handle to it, which is this process's. */
static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
    HANDLE job = CreateJobObjectA(NULL, NULL);
    if (job) SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    return job;
}

clx_status tool_child_run(const char *const *arguments, double limit_s, tool_child *child, clx_error *error)
{
    char line[LINE_SIZE];
    HANDLE from = NULL, to = NULL, job = make_job();
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    PROCESS_INFORMATION process = {0};
    clx_status status = CLX_OK;
    const double began_s = tool_seconds();
    memset(child, 0, sizeof *child);
    HANDLE nothing = CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                                 OPEN_EXISTING, 0, NULL);
    STARTUPINFOA start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = nothing};
    if (!write_line(line, arguments) || !CreatePipe(&from, &to, &inherited, 0)) {
        status = clxi_fail(error, CLX_ERR_IO, "a pipe: error %lu", (unsigned long)GetLastError());
        goto fail;
    }
    SetHandleInformation(from, HANDLE_FLAG_INHERIT, 0);
    start.hStdOutput = to;
    start.hStdError = tool_verbose ? GetStdHandle(STD_ERROR_HANDLE) : nothing;
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &start, &process)) {
        status = clxi_fail(error, CLX_ERR_IO, "a process: error %lu", (unsigned long)GetLastError());
        goto fail;
    }
    if (job) AssignProcessToJobObject(job, process.hProcess);
    ResumeThread(process.hThread);
    follow(process.hProcess, from, began_s, limit_s, child);
    child->spent_s = tool_seconds() - began_s;
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
fail:
    if (from) CloseHandle(from);
    if (to) CloseHandle(to);
    if (job) CloseHandle(job);
    CloseHandle(nothing);
    return status;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#define SELF "/proc/self/exe"
#endif

enum { ARGUMENTS_MAX = 32, SLICE_MS = 20, EXEC_FAILED = 127 };

/* In the child, between fork and exec: only what a process may do there whose parent has threads. */
static void become(const char *const *arguments, int out, pid_t parent)
{
    char *argv[ARGUMENTS_MAX + 2] = {(char *)tool_program};
    for (size_t index = 0; index < ARGUMENTS_MAX && arguments[index]; ++index) {
        argv[index + 1] = (char *)arguments[index];
    }
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) _exit(EXEC_FAILED); /* it has died meanwhile */
    int nothing = open("/dev/null", O_RDWR);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0) _exit(EXEC_FAILED);
    if (!tool_verbose && dup2(nothing, STDERR_FILENO) < 0) _exit(EXEC_FAILED);
#ifdef SELF
    execv(SELF, argv);
#endif
    execvp(tool_program, argv);
    _exit(EXEC_FAILED);
}

/* Takes what there is; false at the end of the stream. What does not fit is dropped. */
static bool take(int from, tool_child *child, size_t *used)
{
    char rest[256];
    const size_t room = sizeof child->out - 1 - *used;
    ssize_t count = read(from, room ? child->out + *used : rest, room ? room : sizeof rest);
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    if (room) *used += (size_t)count;
    return count > 0;
}

/* Until the child has ended or its time is over. */
static void follow(pid_t pid, int from, double began_s, double limit_s, tool_child *child)
{
    size_t used = 0;
    int state = 0;
    bool open = true;
    while (waitpid(pid, &state, WNOHANG) != pid) {
        struct pollfd wait = {.fd = open ? from : -1, .events = POLLIN};
        if (poll(&wait, 1, SLICE_MS) > 0) open = take(from, child, &used);
        tool_progress_tick();
        if (tool_seconds() - began_s < limit_s) continue;
        kill(pid, SIGKILL);
        child->end = TOOL_CHILD_LATE;
        waitpid(pid, &state, 0);
        break;
    }
    struct pollfd rest = {.fd = from, .events = POLLIN};
    while (open && poll(&rest, 1, 0) > 0) {
        open = take(from, child, &used);
    }
    if (child->end == TOOL_CHILD_LATE) return;
    child->end = WIFEXITED(state) ? TOOL_CHILD_EXITED : TOOL_CHILD_DIED;
    child->status = WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state);
}

clx_status tool_child_run(const char *const *arguments, double limit_s, tool_child *child, clx_error *error)
{
    clx_status status = CLX_OK;
    int ends[2];
    memset(child, 0, sizeof *child);
    if (pipe(ends) != 0) return clxi_fail(error, CLX_ERR_IO, "a pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    const double began_s = tool_seconds();
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(arguments, ends[1], parent);
    close(ends[1]);
    if (pid < 0)
        status = clxi_fail(error, CLX_ERR_IO, "a process: %s", strerror(errno));
    else
        follow(pid, ends[0], began_s, limit_s, child);
    close(ends[0]);
    child->spent_s = tool_seconds() - began_s;
    if (status == CLX_OK && child->end == TOOL_CHILD_EXITED && child->status == EXEC_FAILED)
        status = clxi_fail(error, CLX_ERR_IO, "%s: cannot be started again", tool_program);
    return status;
}

#endif
