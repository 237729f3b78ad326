/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion of calls: functions that are called then, and waits that sleep. */
#include "support/support.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define ignore_leaks() __lsan_disable()
#else
#define ignore_leaks() ((void)0)
#endif

static cl_event gate; /* a user event that what was enqueued waits for */
static cl_event done;

typedef struct heard {
    atomic_int calls;
    clx_status status;
    int32_t cl_code;
} heard;

static void hear(void *user, clx_status status, int32_t cl_code)
{
    heard *h = user;
    h->status = status;
    h->cl_code = cl_code;
    h->calls++;
}

/* A norm over one row behind the gate; `done` is its event. */
static void enqueue_norm(void)
{
    cl_int code = CL_SUCCESS;
    float row[8] = {3, 4};
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_norm *op = NULL;
    desc.D = 8;
    cl_mem mem = buffer_make(sizeof row, row);
    clx_tensor x = clx_tensor_bhsd(mem, CLX_F32, 1, 1, 1, 8);
    args.x = args.y = &x;
    gate = clCreateUserEvent(device.cl, &code);
    launch.queue = device.queue;
    launch.wait_list = &gate;
    launch.wait_count = 1;
    launch.event = &done;
    expect_ok(clx_norm_create(device.context, &desc, &op, &test_error));
    expect_ok(clx_norm_enqueue(op, &launch, &args, &test_error));
    clx_norm_destroy(op);
    buffer_free(mem);
}

static void open_gate(void)
{
    ck_assert_int_eq(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
}

static void free_events(void)
{
    clFinish(device.queue);
    clReleaseEvent(gate);
    clReleaseEvent(done);
}

static double milliseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Oclgrind runs commands in the flush itself, and would wait for the gate there. */
static bool gates_work(void)
{
    clx_device_info info;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    return strcmp(info.platform, "Oclgrind") != 0;
}

START_TEST(is_told_once)
{
    heard h = {0};
    if (!gates_work()) return;
    enqueue_norm();
    expect_ok(clx_event_notify(done, hear, &h, &test_error));
    pause_ms(20);
    ck_assert_int_eq(h.calls, 0);
    open_gate();
    expect_ok(clx_event_wait(done, -1, &test_error));
    for (int i = 0; i < 1000 && h.calls == 0; i++) { /* two callbacks of an event come in no order */
        pause_ms(5);
    }
    ck_assert_int_eq(h.calls, 1);
    ck_assert_int_eq(h.status, CLX_OK);
    ck_assert_int_eq(h.cl_code, 0);
    h.calls = 0; /* and of what is complete already */
    expect_ok(clx_event_notify(done, hear, &h, &test_error));
    for (int i = 0; i < 1000 && h.calls == 0; i++) {
        pause_ms(5);
    }
    ck_assert_int_eq(h.calls, 1);
    free_events();
}
END_TEST

static void *fail_later(void *event)
{
    pause_ms(100);
    clSetUserEventStatus(event, CL_OUT_OF_RESOURCES);
    return NULL;
}

/* A failure before the wait, and one during it. What a driver never tells of is never freed, which no leak checker likes. */
START_TEST(hears_of_failures)
{
    heard h = {0};
    cl_int code = CL_SUCCESS;
    pthread_t thread;
    ignore_leaks();
    cl_event event = clCreateUserEvent(device.cl, &code);
    expect_ok(clx_event_notify(event, hear, &h, &test_error));
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_later, event), 0);
    for (int i = 0; i < 2; i++) {
        clx_error_clear(&test_error);
        ck_assert_int_eq(clx_event_wait(event, 10e3, &test_error), CLX_ERR_OPENCL);
        ck_assert_int_eq(test_error.status, CLX_ERR_OPENCL);
        ck_assert_int_eq(test_error.cl_code, CL_OUT_OF_RESOURCES);
    }
    pthread_join(thread, NULL);
    pause_ms(50);
    ck_assert_int_le(h.calls, 1);
    if (h.calls == 1) {
        ck_assert_int_eq(h.status, CLX_ERR_OPENCL);
        ck_assert_int_eq(h.cl_code, CL_OUT_OF_RESOURCES);
    }
    clReleaseEvent(event);
}
END_TEST

/* What a timed-out wait leaves behind must bear the event that comes later. */
START_TEST(times_out)
{
    if (!gates_work()) return;
    enqueue_norm();
    expect_refused(clx_event_wait(done, 0, &test_error), CLX_ERR_TIMEOUT, "event: not complete after 0 ms");
    const double before = milliseconds(CLOCK_MONOTONIC);
    expect_refused(clx_event_wait(done, 50, &test_error), CLX_ERR_TIMEOUT, "event: not complete after 50 ms");
    ck_assert_double_ge(milliseconds(CLOCK_MONOTONIC) - before, 49.0);
    open_gate();
    expect_ok(clx_event_wait(done, 60e3, &test_error));
    expect_ok(clx_event_wait(done, 0, &test_error));
    expect_ok(clx_event_wait(done, INFINITY, &test_error));
    free_events();
}
END_TEST

static void *open_later(void *unused)
{
    pause_ms(300);
    open_gate();
    return unused;
}

START_TEST(sleeps)
{
    pthread_t thread;
    if (!gates_work()) return;
    enqueue_norm();
    ck_assert_int_eq(pthread_create(&thread, NULL, open_later, NULL), 0);
    const double wall = milliseconds(CLOCK_MONOTONIC), cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    expect_ok(clx_event_wait(done, -1, &test_error));
    const double waited = milliseconds(CLOCK_MONOTONIC) - wall, used = milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("waited %.1f ms, of which a processor was busy for %.2f\n", waited, used);
    ck_assert_double_ge(waited, 250.0);
    ck_assert_double_le(used, 100.0);
    pthread_join(thread, NULL);
    free_events();
}
END_TEST

START_TEST(refusals)
{
    heard h = {0};
    cl_int code = CL_SUCCESS;
    cl_event event = clCreateUserEvent(device.cl, &code);
    expect_refused(clx_event_wait(NULL, -1, &test_error), CLX_ERR_NULL, "event");
    expect_refused(clx_event_wait(event, NAN, &test_error), CLX_ERR_VALUE, "timeout_ms");
    expect_refused(clx_event_notify(NULL, hear, &h, &test_error), CLX_ERR_NULL, "event");
    expect_refused(clx_event_notify(event, NULL, &h, &test_error), CLX_ERR_NULL, "notify");
    clSetUserEventStatus(event, CL_COMPLETE);
    clReleaseEvent(event);
    ck_assert_int_eq(h.calls, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("completion");
    TCase *tcase = suite_device_case(suite, "completion", 60);
    tcase_add_test(tcase, is_told_once);
    tcase_add_test(tcase, hears_of_failures);
    tcase_add_test(tcase, times_out);
    tcase_add_test(tcase, sleeps);
    tcase_add_test(tcase, refusals);
    return suite_run(suite);
}
