/* SPDX-License-Identifier: Apache-2.0
 *
 * The program itself, run again as a process of its own: whatever a driver does there happens to that process alone. */
#ifndef CLXLSTM_TOOLS_CHILD_H
#define CLXLSTM_TOOLS_CHILD_H

#include "base/fail.h"
#include <stdbool.h>

typedef enum tool_child_end {
    TOOL_CHILD_EXITED,
    TOOL_CHILD_DIED, /* by a signal of its own */
    TOOL_CHILD_LATE, /* killed, its time was over */
} tool_child_end;

typedef struct tool_child {
    tool_child_end end;
    int status;     /* of the exit, or the signal */
    double spent_s; /* from start to end */
    char out[1024]; /* the beginning of what it wrote to stdout */
} tool_child;

/* Runs `clxlstm <arguments>` for at most `limit_s`, the progress bar alive meanwhile. Its stderr goes nowhere, unless
 * --verbose. It ends with this process, where the system can do that. */
clx_status tool_child_run(const char *const *arguments, double limit_s, tool_child *child, clx_error *error);

/* How the program was called, for systems that cannot tell otherwise; set by main. */
extern const char *tool_program;

#endif
