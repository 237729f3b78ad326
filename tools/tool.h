/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands of the `clxlstm` program share: exit statuses, messages, options and the table of commands. */
#ifndef CLXLSTM_TOOLS_TOOL_H
#define CLXLSTM_TOOLS_TOOL_H

#include "base/fail.h"
#include <stdbool.h>
#include <stdint.h>

/* What a command returns to the shell. */
enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* One line on stderr, "clxlstm: ...", behind a hidden progress bar. Returns TOOL_FAILED. */
int tool_fail(const char *format, ...) CLXI_PRINTF(1, 2);

/* The same for a failed call of the library: `what` (a file, a case, or NULL), its message, and under --verbose the
 * whole detail (a build log) behind it. Clears the error. */
int tool_fail_error(const char *what, clx_error *error);

/* Set by --verbose: details and log lines go to stderr. */
extern bool tool_verbose;

/* Options. A command describes its own in a table whose targets are its own variables; --help, parsing and the man
 * page's order all follow that table. */
typedef enum tool_option_kind { TOOL_FLAG, TOOL_TEXT, TOOL_COUNT } tool_option_kind;

typedef struct tool_option {
    const char *name; /* "device", written --device */
    char letter;      /* 'o', written -o; 0: none */
    tool_option_kind kind;
    void *target;      /* bool, const char * or uint64_t */
    const char *value; /* what --help calls the value; NULL for a flag */
    const char *help;
} tool_option;

typedef struct tool_syntax {
    const char *command;
    const char *synopsis; /* what follows the command's name in the usage line */
    const char *help;     /* paragraphs between the usage line and the options */
    const tool_option *options;
    size_t option_count;
    size_t operands_min;
    size_t operands_max;
} tool_syntax;

typedef enum tool_parsed { TOOL_PARSED, TOOL_PARSED_HELP, TOOL_PARSED_WRONG } tool_parsed;

/* Parses argv[1..], moving the operands to the front: argv[0 .. *operand_count - 1] holds them afterwards. Prints the
 * help or the one line about what is wrong. */
tool_parsed tool_parse(const tool_syntax *syntax, int argc, char **argv, size_t *operand_count);

/* One line about a value that a command does not take; returns TOOL_USAGE. */
int tool_usage(const char *command, const char *format, ...) CLXI_PRINTF(2, 3);

/* The commands. argv[0] is the command's own name. */
typedef int (*tool_command_fn)(int argc, char **argv);

int tool_command_devices(int argc, char **argv);
int tool_command_run(int argc, char **argv);
int tool_command_check(int argc, char **argv);
int tool_command_selftest(int argc, char **argv);
int tool_command_bench(int argc, char **argv);
int tool_command_tune(int argc, char **argv);
int tool_command_tune_candidate(int argc, char **argv);
int tool_command_kernels(int argc, char **argv);

#endif
