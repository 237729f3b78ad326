/* SPDX-License-Identifier: Apache-2.0
 *
 * A device in use. */
#include "session.h"
#include "base/fail.h"
#include "progress.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

static void log_to_stderr(void *user, clx_log_level level, const char *message)
{
    (void)user;
    (void)level;
    tool_progress_hide();
    fprintf(stderr, "clxlstm: %s\n", message);
}

clx_status tool_session_open(tool_session *session, const tool_session_options *options, clx_error *error)
{
    clx_status status;
    memset(session, 0, sizeof *session);
    clx_context_options wanted = CLX_CONTEXT_OPTIONS_INIT;
    wanted.selector = options->selector && *options->selector ? options->selector : NULL;
    wanted.variants = options->variants;
    wanted.cache_dir = options->cache_dir;
    wanted.tuning_off = options->tuning_off;
    wanted.log = options->log;
    wanted.log_user = options->log_user;
    if (tool_verbose && !options->log) wanted.log = log_to_stderr;
    CLXI_TRY(clx_context_create(&session->context, &wanted, error));
    CLXI_TRY(clx_context_device_info(session->context, &session->info, sizeof session->info, error));

    cl_command_queue_properties properties = 0;
    if (options->out_of_order) properties |= CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    if (options->profiling) properties |= CL_QUEUE_PROFILING_ENABLE;
    cl_int code = CL_SUCCESS;
    session->queue = clCreateCommandQueue(clx_context_cl_context(session->context),
                                          clx_context_cl_device(session->context), properties, &code);
    if (code != CL_SUCCESS) CLXI_TRY(clxi_fail_cl(error, code, "queue of %s", session->info.name));
    return CLX_OK;
fail:
    tool_session_close(session);
    return status;
}

void tool_session_close(tool_session *session)
{
    if (session->queue) clReleaseCommandQueue(session->queue);
    clx_context_destroy(session->context);
    memset(session, 0, sizeof *session);
}

/* On a terminal the wait is cut into slices, so that the seconds on the bar go on; elsewhere the driver waits. A slice is a
 * small share of the wait so far, so that who takes the time of a call is not misled. */
static cl_int wait_in_slices(cl_event event)
{
    enum { SHARE = 64, LEAST_US = 20, MOST_US = 64000 };
    double began_s = tool_seconds();
    for (;;) {
        cl_int state = CL_QUEUED;
        cl_int code = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        if (code != CL_SUCCESS) return code;
        if (state <= CL_COMPLETE) return state;
        double slice_us = 1e6 * (tool_seconds() - began_s) / SHARE;
        tool_sleep_us(slice_us < LEAST_US ? LEAST_US : slice_us > MOST_US ? MOST_US : (unsigned)slice_us);
        tool_progress_tick();
    }
}

clx_status tool_session_wait(const tool_session *session, cl_event event, clx_error *error)
{
    cl_int code = clFlush(session->queue);
    if (code == CL_SUCCESS) code = tool_progress_shown() ? wait_in_slices(event) : clWaitForEvents(1, &event);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "the call failed on %s", session->info.name);
    return CLX_OK;
}

clx_status tool_devices_of(const char *selector, char selectors[TOOL_DEVICES_MAX][TOOL_SELECTOR_SIZE], size_t *count,
                           clx_error *error)
{
    clx_status status;
    *count = 0;
    if (!selector || strcmp(selector, "all") != 0) {
        if (selector && strlen(selector) >= TOOL_SELECTOR_SIZE) {
            return clxi_fail(error, CLX_ERR_DEVICE, "device: a selector has at most %d bytes", TOOL_SELECTOR_SIZE - 1);
        }
        snprintf(selectors[0], TOOL_SELECTOR_SIZE, "%s", selector ? selector : "");
        *count = 1;
        return CLX_OK;
    }
    clx_device_info infos[TOOL_DEVICES_MAX];
    size_t found = 0;
    CLXI_TRY(clx_devices_list(infos, sizeof *infos, TOOL_DEVICES_MAX, &found, error));
    for (size_t index = 0; index < found && index < TOOL_DEVICES_MAX; ++index) {
        if (!infos[index].usable) continue;
        memcpy(selectors[(*count)++], infos[index].selector, sizeof infos[index].selector);
    }
    if (*count == 0) return clxi_fail(error, CLX_ERR_DEVICE, "device: no usable device");
    return CLX_OK;
fail:
    return status;
}
