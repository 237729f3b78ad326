/* SPDX-License-Identifier: Apache-2.0
 *
 * The `clxlstm` program: finds the command, runs it, and makes sure that what it printed has arrived. */
#include "child.h"
#include "progress.h"
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef _WIN32
#include <fcntl.h>
#include <unistd.h>
#endif

bool tool_verbose = false;

/* A command without a summary is for developers and stays out of the help. */
static const struct {
    const char *name;
    tool_command_fn run;
    const char *summary;
} commands[] = {
    {"devices", tool_command_devices, "every platform and device, and what clxlstm makes of it"},
    {"run", tool_command_run, "computes one case file and writes its outputs"},
    {"check", tool_command_check, "computes case files and judges the results by the float64 values in them"},
    {"selftest", tool_command_selftest, "tries every kernel variant on small problems against the float64 reference"},
    {"bench", tool_command_bench, "measures an operator, and checks the numbers it measured"},
    {"tune", tool_command_tune, "finds the best kernel parameters for your shapes on your device"},
    {"tune-candidate", tool_command_tune_candidate, NULL},
    {"kernels", tool_command_kernels, NULL},
};

static void print_help(void)
{
    printf("usage: clxlstm COMMAND [ARGUMENTS]\n"
           "\n"
           "xLSTM's operators on any OpenCL device.\n"
           "\n"
           "commands (clxlstm COMMAND --help says more):\n");
    for (size_t index = 0; index < sizeof commands / sizeof *commands; ++index) {
        if (commands[index].summary) printf("  %-9s %s\n", commands[index].name, commands[index].summary);
    }
    printf("\n"
           "options:\n"
           "  --help     prints this text\n"
           "  --version  prints the version\n"
           "\n"
           "exit status: 0 all went well, 1 something failed, 2 wrong usage\n");
}

int tool_fail(const char *format, ...)
{
    va_list arguments;
    tool_progress_hide();
    fputs("clxlstm: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return TOOL_FAILED;
}

int tool_fail_error(const char *what, clx_error *error)
{
    const char *text = error->message[0] ? error->message : clx_status_text(error->status);
    tool_fail("%s%s%s", what ? what : "", what ? ": " : "", text);
    if (tool_verbose && error->detail) fprintf(stderr, "%s\n", error->detail);
    clx_error_clear(error);
    return TOOL_FAILED;
}

/* A stream that was closed before the start would lend its number to the next file we open, and our messages would end
 * up in that file. Fill such gaps with something that refuses to be written. */
static void prepare_streams(void)
{
#ifndef _WIN32
    for (int stream = 0; stream <= 2; ++stream) {
        if (fcntl(stream, F_GETFD) == -1 && errno == EBADF) (void)!open("/dev/null", O_RDONLY);
    }
    /* A closed pipe and a file that may not grow become failed writes, which are reported. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
#endif
}

/* Output counts only when it has arrived: a full disk or a closed pipe is a failure, whatever the command said. */
static int finish(int result)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        int code = errno;
        tool_fail("standard output: %s", code ? strerror(code) : "write error");
        return result == TOOL_OK ? TOOL_FAILED : result;
    }
    return result;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) return tool_fail("no command (see clxlstm --help)"), TOOL_USAGE;
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) return print_help(), TOOL_OK;
    if (!strcmp(argv[1], "--version")) return printf("clxlstm %s\n", clx_version()), TOOL_OK;
    for (size_t index = 0; index < sizeof commands / sizeof *commands; ++index) {
        if (!strcmp(argv[1], commands[index].name)) return commands[index].run(argc - 1, argv + 1);
    }
    tool_fail("unknown %s '%s' (see clxlstm --help)", argv[1][0] == '-' ? "option" : "command", argv[1]);
    return TOOL_USAGE;
}

int main(int argc, char **argv)
{
    prepare_streams();
    if (argc > 0) tool_program = argv[0];
    return finish(dispatch(argc, argv));
}
