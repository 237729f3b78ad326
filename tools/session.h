/* SPDX-License-Identifier: Apache-2.0
 *
 * A device in use: the library's context and a queue, and the wait for what was enqueued. */
#ifndef CLXLSTM_TOOLS_SESSION_H
#define CLXLSTM_TOOLS_SESSION_H

#include "runtime/opencl.h"
#include <clxlstm/clxlstm.h>
#include <stdbool.h>

typedef struct tool_session {
    clx_context *context;
    cl_command_queue queue;
    clx_device_info info;
} tool_session;

typedef struct tool_session_options {
    const char *selector;  /* NULL: the default device */
    const char *variants;  /* NULL: all kernel families */
    bool out_of_order;     /* the queue's order */
    bool profiling;        /* the queue's events carry times */
    const char *cache_dir; /* NULL: the library's choice */
    bool tuning_off;       /* what tuning has found is not read */
    clx_log_fn log;        /* NULL: with --verbose to standard error */
    void *log_user;
} tool_session_options;

/* Zeroes the session first; close accepts it whatever came of this. */
clx_status tool_session_open(tool_session *session, const tool_session_options *options, clx_error *error);
void tool_session_close(tool_session *session);

/* Waits for an event, with the progress bar alive on a terminal. An event that ends in an error fails. */
clx_status tool_session_wait(const tool_session *session, cl_event event, clx_error *error);

/* The selectors of all usable devices, for --device all: up to `capacity`, each of `sizeof (clx_device_info){0}.selector`
 * bytes. Any other selector gives itself. */
enum { TOOL_DEVICES_MAX = 32, TOOL_SELECTOR_SIZE = 128 };
clx_status tool_devices_of(const char *selector, char selectors[TOOL_DEVICES_MAX][TOOL_SELECTOR_SIZE], size_t *count,
                           clx_error *error);

#endif
