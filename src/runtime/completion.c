/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion; see the header. */
#include <clxlstm/completion.h>

#include "base/condition.h"
#include "runtime/opencl.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define LOOK_MS 50 /* between two looks of a wait at its event: not all drivers tell of failures */

typedef struct notice {
    clx_notify_fn notify;
    void *user;
} notice;

/* NVIDIA's driver says that a failed event is complete; the event itself knows. */
static void CL_CALLBACK pass_on(cl_event event, cl_int state, void *user)
{
    const notice n = *(notice *)user;
    cl_int known = state;
    if (state >= 0 &&
        clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof known, &known, NULL) == CL_SUCCESS && known < 0)
        state = known;
    free(user);
    n.notify(n.user, state < 0 ? CLX_ERR_OPENCL : CLX_OK, state < 0 ? state : 0);
}

/* What is only queued never completes. User events have no queue. */
static cl_int flush(cl_event event)
{
    cl_command_queue queue = NULL;
    const cl_int code = clGetEventInfo(event, CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL);
    return code == CL_SUCCESS && queue != NULL ? clFlush(queue) : code;
}

clx_status clx_event_notify(cl_event event, clx_notify_fn notify, void *user, clx_error *error)
{
    if (event == NULL) return clxi_fail(error, CLX_ERR_NULL, "event: null");
    if (notify == NULL) return clxi_fail(error, CLX_ERR_NULL, "notify: null");
    const clx_status status = clxi_opencl_load(error);
    if (status != CLX_OK) return status;
    cl_int code = flush(event);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "event: its queue cannot be flushed");
    notice *n = malloc(sizeof *n);
    if (n == NULL) return clxi_fail_memory(error, "a notice");
    *n = (notice){notify, user};
    code = clSetEventCallback(event, CL_COMPLETE, pass_on, n);
    if (code == CL_SUCCESS) return CLX_OK;
    free(n);
    return clxi_fail_cl(error, code, "event: clSetEventCallback");
}

/* Shared by who waits and who tells; the last to leave frees it, since a wait may end before the event does. */
typedef struct meeting {
    clxi_mutex mutex;
    clxi_condition condition;
    int holders;
    bool told;
    int32_t cl_code;
} meeting;

static void leave(meeting *m)
{
    clxi_mutex_lock(&m->mutex);
    const bool last = --m->holders == 0;
    clxi_mutex_unlock(&m->mutex);
    if (!last) return;
    clxi_condition_destroy(&m->condition);
    clxi_mutex_destroy(&m->mutex);
    free(m);
}

static void tell(void *user, clx_status status, int32_t cl_code)
{
    meeting *m = user;
    (void)status;
    clxi_mutex_lock(&m->mutex);
    m->told = true;
    m->cl_code = cl_code;
    clxi_condition_signal(&m->condition);
    clxi_mutex_unlock(&m->mutex);
    leave(m);
}

static clx_status make_meeting(meeting **out, clx_error *error)
{
    meeting *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m == NULL) return clxi_fail_memory(error, "a wait");
    if (clxi_mutex_init(&m->mutex) != 0) {
        free(m);
        return clxi_fail_memory(error, "a wait's mutex");
    }
    if (clxi_condition_init(&m->condition) != 0) {
        clxi_mutex_destroy(&m->mutex);
        free(m);
        return clxi_fail_memory(error, "a wait's condition");
    }
    m->holders = 2;
    *out = m;
    return CLX_OK;
}

static clx_status verdict(int32_t cl_code, clx_error *error)
{
    if (cl_code == 0) return CLX_OK;
    clxi_fail_cl(error, cl_code, "event: what it stands for has failed");
    if (error != NULL) error->status = CLX_ERR_OPENCL; /* whatever the code speaks of, it was not this call */
    return CLX_ERR_OPENCL;
}

/* Complete already? Most waits are over before they begin. */
static clx_status look(cl_event event, bool *complete, clx_error *error)
{
    cl_int state = CL_QUEUED;
    const cl_int code = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "event: not a live event");
    *complete = state <= CL_COMPLETE;
    return *complete ? verdict(state, error) : CLX_OK;
}

/* Until it is told or the time is over, looking by itself now and then; the caller holds the mutex. */
static clx_status sleep_until(meeting *m, cl_event event, double timeout_ms, clx_error *error)
{
    const double begin_ms = clxi_clock_ms();
    while (!m->told) {
        const double rest_ms = timeout_ms < 0 ? INFINITY : timeout_ms - (clxi_clock_ms() - begin_ms);
        bool complete = false;
        if (!(rest_ms > 0)) return clxi_fail(error, CLX_ERR_TIMEOUT, "event: not complete after %g ms", timeout_ms);
        clxi_condition_wait(&m->condition, &m->mutex, fmin(rest_ms, LOOK_MS));
        if (m->told) break;
        clxi_mutex_unlock(&m->mutex); /* whoever tells may be inside the driver, with a lock of its */
        const clx_status status = look(event, &complete, error);
        clxi_mutex_lock(&m->mutex);
        if (status != CLX_OK || complete) return status;
    }
    return verdict(m->cl_code, error);
}

clx_status clx_event_wait(cl_event event, double timeout_ms, clx_error *error)
{
    clx_status status = CLX_OK;
    meeting *m = NULL;
    bool complete = false;
    if (event == NULL) return clxi_fail(error, CLX_ERR_NULL, "event: null");
    if (isnan(timeout_ms)) return clxi_fail(error, CLX_ERR_VALUE, "timeout_ms: NaN, expected a number");
    CLXI_TRY(clxi_opencl_load(error));
    CLXI_TRY(look(event, &complete, error));
    if (complete) return CLX_OK;
    CLXI_TRY(make_meeting(&m, error));
    status = clx_event_notify(event, tell, m, error);
    if (status != CLX_OK) {
        m->holders = 1; /* nobody will tell */
        goto fail;
    }
    clxi_mutex_lock(&m->mutex);
    status = sleep_until(m, event, timeout_ms, error);
    clxi_mutex_unlock(&m->mutex);
fail:
    if (m != NULL) leave(m);
    return status;
}
