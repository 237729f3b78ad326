/* SPDX-License-Identifier: Apache-2.0
 *
 * Each operator once: a context, the operator, a call, its results, and all of it destroyed. For valgrind (scripts/trust
 * valgrind), which is too slow for more: one process, and nothing in it but the library, the driver and Check. CLX_ONCE takes
 * only the operators with this text in their names. */
#include "support/lives.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void live_once(const life_kind *kind)
{
    clx_context *context = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    life_memory memory;
    cl_event done = NULL;
    cl_int code = CL_SUCCESS;
    void *op = NULL;
    size_t count = 0;
    expect_ok(clx_context_create(&context, NULL, &test_error));
    launch.queue = clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    launch.event = &done;
    ck_assert(life_make(&memory, kind, clx_context_cl_context(context), launch.queue));
    expect_ok(kind->create(context, &op, &test_error));
    expect_ok(kind->enqueue(op, &launch, memory.t, &test_error));
    expect_ok(clx_event_wait(done, -1, &test_error));
    clReleaseEvent(done);
    float *found = life_results(&memory, &count);
    ck_assert_ptr_nonnull(found);
    for (size_t i = 0; i < count; i++) {
        if (isnan(found[i])) ck_abort_msg("%s: result %zu is NaN", kind->name, i);
    }
    free(found);
    kind->destroy(op);
    life_free(&memory);
    clReleaseCommandQueue(launch.queue);
    clx_context_destroy(context);
    clx_error_clear(&test_error);
}

START_TEST(each_once)
{
    const char *only = getenv("CLX_ONCE");
    int lives = 0;
    for (int i = 0; i < LIFE_KINDS; i++) {
        if (only != NULL && strstr(life_kinds[i].name, only) == NULL) continue;
        live_once(&life_kinds[i]);
        lives++;
    }
    ck_assert_int_gt(lives, 0);
    printf("made, called once and destroyed: %d operators\n", lives);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("each_once");
    TCase *tcase = suite_case(suite, "each_once", 600);
    tcase_add_test(tcase, each_once);
    return suite_run_together(suite);
}
