/* SPDX-License-Identifier: Apache-2.0
 *
 * Two threads make and call the same operator of one new context, and one OpenCL call takes its time: the first, the second,
 * and so on. Whatever the other thread gets to do meanwhile, both have the results of one alone, and nothing is left. */
#include "layer.h"
#include "support/lives.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_US 2000

static fault_state *fault;
static float *expected;
static size_t expected_count;
static pthread_barrier_t start;

typedef struct worker {
    pthread_t thread;
    clx_context *context;
    life_memory memory;
    char problem[CLX_ERROR_MESSAGE_SIZE];
} worker;

static void use(worker *w)
{
    const life_kind *kind = w->memory.kind;
    clx_error error = CLX_ERROR_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    void *op = NULL;
    size_t count = 0;
    launch.queue = w->memory.queue;
    if (kind->create(w->context, &op, &error) != CLX_OK || kind->enqueue(op, &launch, w->memory.t, &error) != CLX_OK) {
        snprintf(w->problem, sizeof w->problem, "%s", error.message);
    }
    clFinish(launch.queue);
    kind->destroy(op);
    clx_error_clear(&error);
    float *found = life_results(&w->memory, &count);
    if (expected == NULL) {
        expected = found;
        expected_count = count;
        return;
    }
    const bool same = found != NULL && memcmp(found, expected, expected_count * sizeof *found) == 0;
    if (!same && w->problem[0] == '\0') snprintf(w->problem, sizeof w->problem, "other bits than alone");
    free(found);
}

static void *work(void *argument)
{
    pthread_barrier_wait(&start);
    use(argument);
    return NULL;
}

/* With call number `at` delayed; false where there are fewer. */
static bool delay_once(worker *workers, int at)
{
    const char *name = workers[0].memory.kind->name;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    options.context = device.cl;
    options.device = device.id;
    options.variants = "simt";
    const int live = fault->live;
    expect_ok(clx_context_create(&context, &options, &test_error));
    for (int i = 0; i < 2; i++) {
        workers[i].context = context;
        ck_assert(life_reset(&workers[i].memory));
    }
    fault->delay_us = DELAY_US;
    fault_arm(fault, FAULT_DELAY, at, false, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    fault->armed = false;
    const char *hit = fault->hit;
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(workers[i].problem[0] == '\0', "%s: call %d (%s) delayed: %s", name, at, hit != NULL ? hit : "-",
                      workers[i].problem);
    }
    clx_context_destroy(context);
    ck_assert_msg(fault->live == live, "%s: call %d (%s) delayed: %d objects are left", name, at,
                  hit != NULL ? hit : "-", fault->live - live);
    return hit != NULL;
}

START_TEST(delays)
{
    static const int kinds[] = {1, 5, 7, 10}; /* mLSTM with state, rotary, attention, the recurrent cell */
    const life_kind *kind = &life_kinds[kinds[_i]];
    worker workers[2], alone = {0};
    cl_command_queue queues[2];
    cl_int code = CL_SUCCESS;
    int calls = 0;
    fault = fault_load();
    if (fault == NULL) return; /* no layers here */
    device_open(&(clx_context_options){.struct_size = sizeof(clx_context_options), .variants = "simt"});
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < 2; i++) {
        queues[i] = clCreateCommandQueue(device.cl, device.id, 0, &code);
        ck_assert_int_eq(code, CL_SUCCESS);
        ck_assert(life_make(&workers[i].memory, kind, device.cl, queues[i]));
    }
    alone.context = device.context;
    ck_assert(life_make(&alone.memory, kind, device.cl, device.queue));
    use(&alone);
    ck_assert_str_eq(alone.problem, "");
    pthread_barrier_init(&start, NULL, 2);
    const int stride = fault_stride(29);
    for (int at = 1 + 7 * _i; delay_once(workers, at); at += stride) {
        calls++;
    }
    printf("delays: %s: %d\n", kind->name, calls);
    pthread_barrier_destroy(&start);
    life_free(&alone.memory);
    for (int i = 0; i < 2; i++) {
        life_free(&workers[i].memory);
        clReleaseCommandQueue(queues[i]);
    }
    free(expected);
    device_close();
    ck_assert_int_eq(fault->live, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("delays");
    TCase *tcase = suite_case(suite, "delays", fault_effort_wanted() == FAULT_FULL ? 3600 : 120);
    tcase_add_loop_test(tcase, delays, 0, 4);
    return suite_run(suite);
}
