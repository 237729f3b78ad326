/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault injection into calls of operators that were made before: every OpenCL call of an enqueue fails with every code of a
 * list, once or from then on, on queues of both orders; so does every allocation. Each time there is a status and a message,
 * inputs are as they were, outputs and states too where that is promised, nothing is held, and the same operator, called
 * again, gives the same bits. */
#include "host_memory.h"
#include "layer.h"
#include "support/lives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fault_state *fault;

/* Codes that drivers give, and two that none does. The first stands for the others where time matters. */
static const int codes[] = {CL_OUT_OF_RESOURCES,
                            CL_INVALID_VALUE,
                            -9999,
                            CL_OUT_OF_HOST_MEMORY,
                            CL_MEM_OBJECT_ALLOCATION_FAILURE,
                            CL_DEVICE_NOT_AVAILABLE,
                            CL_BUILD_PROGRAM_FAILURE,
                            CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST,
                            CL_INVALID_CONTEXT,
                            CL_INVALID_QUEUE_PROPERTIES,
                            CL_INVALID_COMMAND_QUEUE,
                            CL_INVALID_MEM_OBJECT,
                            CL_INVALID_PROGRAM_EXECUTABLE,
                            CL_INVALID_KERNEL,
                            CL_INVALID_ARG_SIZE,
                            CL_INVALID_KERNEL_ARGS,
                            CL_INVALID_WORK_GROUP_SIZE,
                            CL_INVALID_EVENT_WAIT_LIST,
                            CL_INVALID_OPERATION,
                            CL_INVALID_BUFFER_SIZE,
                            1};
enum { CODES = sizeof codes / sizeof *codes };

/* What is done to one call. */
typedef struct spoiling {
    bool allocations; /* else OpenCL calls */
    bool sticky;
    int code;
} spoiling;

typedef struct subject {
    life_memory memory;
    cl_command_queue queue;
    void *op;
    float *expected;
    size_t count;
    long faults;
} subject;

static clx_status enqueue(subject *s, cl_event *done)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = s->queue;
    launch.event = done;
    host_memory.watched = true;
    const clx_status status = s->memory.kind->enqueue(s->op, &launch, s->memory.t, &test_error);
    host_memory.watched = false;
    return status;
}

/* The pool gives up what no call uses: all of it, between calls. */
static void trim(void)
{
    host_memory.watched = true;
    const clx_status status = clx_context_pool_trim(device.context, &test_error);
    host_memory.watched = false;
    ck_assert_int_eq(status, CLX_OK);
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
}

static void expect_bits(const subject *s, const char *what)
{
    size_t count = 0;
    clFinish(s->queue);
    float *found = life_results(&s->memory, &count);
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_eq(count, s->count);
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&found[i], &s->expected[i], sizeof *found) == 0) continue;
        ck_abort_msg("%s: result %zu is %g, expected %g", what, i, (double)found[i], (double)s->expected[i]);
    }
    free(found);
}

static void call_again(subject *s, const char *what)
{
    cl_event done = NULL;
    ck_assert(life_reset(&s->memory));
    const clx_status status = enqueue(s, &done);
    ck_assert_msg(status == CLX_OK && done != NULL, "%s: called again: %s", what, test_error.message);
    expect_bits(s, what);
    clReleaseEvent(done);
}

static void expect_refusal(const subject *s, clx_status status, const char *what)
{
    ck_assert_int_eq(status, test_error.status);
    ck_assert_msg(test_error.message[0] != '\0', "%s: no message", what);
    const bool untouched = s->memory.kind->one_launch || status != CLX_ERR_OPENCL;
    const int changed = life_changed(&s->memory, true, untouched);
    ck_assert_msg(changed == -1, "%s: %s (%s), and tensor %d was changed", what, clx_status_name(status),
                  test_error.message, changed);
}

/* With its call (or allocation) number `at` spoilt. False where it has fewer. */
static bool call_once(subject *s, const spoiling *how, int at)
{
    char what[256];
    cl_event done = NULL;
    ck_assert(life_reset(&s->memory));
    trim();
    const int live = fault->live;
    const long long blocks = host_memory.live;
    if (how->allocations) {
        host_memory_arm(at, how->sticky);
    } else {
        fault_arm(fault, FAULT_CODE, at, how->sticky, how->code);
    }
    const clx_status status = enqueue(s, &done);
    const int hits = fault->hits + host_memory.hits;
    fault->armed = host_memory.armed = false;
    fault->hits = host_memory.hits = 0;
    snprintf(what, sizeof what, "%s: call %d (%s) spoilt with %d%s", s->memory.kind->name, at,
             how->allocations     ? "an allocation"
             : fault->hit != NULL ? (const char *)fault->hit
                                  : "-",
             how->code, how->sticky ? " from then on" : "");
    clFinish(s->queue);
    ck_assert_msg(status == CLX_OK || hits > 0, "%s: %s", what, test_error.message);
    ck_assert_msg((status == CLX_OK) == (done != NULL), "%s: %s, and %s event", what, clx_status_name(status),
                  done != NULL ? "an" : "no");
    if (status == CLX_OK) {
        expect_bits(s, what);
        clReleaseEvent(done);
    } else {
        expect_refusal(s, status, what);
        call_again(s, what);
    }
    clx_error_clear(&test_error);
    trim();
    ck_assert_msg(fault->live == live, "%s: %d objects are left", what, fault->live - live);
    ck_assert_msg(host_memory.live == blocks, "%s: %lld allocations are left", what, host_memory.live - blocks);
    s->faults += hits;
    return hits > 0;
}

static void sweep(subject *s, const spoiling *how)
{
    const int stride = fault_stride(1);
    for (int at = 1; call_once(s, how, at); at += stride) {
    }
}

static void sweep_queue(subject *s, cl_command_queue_properties order)
{
    const bool full = fault_effort_wanted() == FAULT_FULL;
    cl_int code = CL_SUCCESS;
    cl_event done = NULL;
    s->queue = clCreateCommandQueue(device.cl, device.id, order, &code);
    if (code != CL_SUCCESS) return; /* the device has no such queues */
    ck_assert(life_make(&s->memory, s->memory.kind, device.cl, s->queue));
    expect_ok(enqueue(s, &done));
    clFinish(s->queue);
    clReleaseEvent(done);
    s->expected = life_results(&s->memory, &s->count);
    ck_assert_ptr_nonnull(s->expected);
    for (int i = 0; i < (full ? CODES : 1); i++) {
        sweep(s, &(spoiling){false, false, codes[i]});
        if (full || order == 0) sweep(s, &(spoiling){false, true, codes[i]});
    }
    sweep(s, &(spoiling){true, false, 0});
    sweep(s, &(spoiling){true, true, 0});
    free(s->expected);
    life_free(&s->memory);
    clReleaseCommandQueue(s->queue);
}

START_TEST(enqueue_faults)
{
    const life_kind *kind = &life_kinds[_i];
    subject s = {.memory = {.kind = kind}};
    fault = fault_load();
    if (fault == NULL) return; /* no layers here */
    device_open(NULL);
    expect_ok(kind->create(device.context, &s.op, &test_error));
    sweep_queue(&s, 0);
    s.memory.kind = kind;
    sweep_queue(&s, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    kind->destroy(s.op);
    device_close();
    ck_assert_int_eq(fault->live, 0);
    printf("faults: %s, enqueue: %ld\n", kind->name, s.faults);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("enqueue_faults");
    TCase *tcase = suite_case(suite, "enqueue_faults", fault_effort_wanted() == FAULT_FULL ? 3600 : 120);
    tcase_add_loop_test(tcase, enqueue_faults, 0, LIFE_KINDS);
    return suite_run(suite);
}
