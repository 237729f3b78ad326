/* SPDX-License-Identifier: Apache-2.0
 *
 * Fewer compute units of a CPU: an operator is right there, and other processors stay free. */
#include "support/mlstm_problem.h"

#include "runtime/context.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mlstm_problem problem;

static void open_problem(void)
{
    random_state random = {3};
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 64;
    desc.DHV = 64;
    mlstm_problem_make(&problem, &desc, 1, 4, 300, GATES_KEEP, MASK_NONE, &random);
}

static void close_problem(void)
{
    device_close();
    mlstm_problem_free(&problem);
}

static uint32_t units(void)
{
    clx_device_info info;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    return info.compute_units;
}

/* Opens a context with one unit; false where the device or its platform has nothing to cut, which the library says. */
static bool open_one(uint32_t *all)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    device_open(NULL);
    *all = units();
    const bool can_cut = device.context->caps.is_cpu && *all > 1;
    device_close();
    options.compute_units = 1;
    const clx_status status = clx_context_create(&context, &options, &test_error);
    clx_context_destroy(context);
    if (status == CLX_ERR_UNSUPPORTED) {
        ck_assert_msg(strstr(test_error.message, "compute_units: 1") != NULL, "%s", test_error.message);
        ck_assert(can_cut);
        return false;
    }
    ck_assert_int_eq(status, CLX_OK);
    device_open(&options);
    ck_assert_uint_eq(units(), can_cut ? 1 : *all);
    return can_cut;
}

START_TEST(one_unit_computes)
{
    uint32_t all = 0;
    if (!open_one(&all)) return;
    const mlstm_layout layout = mlstm_layout_bhsd(&problem);
    clx_mlstm *op = mlstm_make(&problem);
    mlstm_check(op, &problem, &layout, "on one compute unit");
    clx_mlstm_destroy(op);
}
END_TEST

/* No more than there are is no limit, and no part. */
START_TEST(more_than_there_are)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    device_open(NULL);
    const uint32_t all = units();
    const cl_device_id whole = device.id;
    device_close();
    options.compute_units = all + (uint32_t)_i;
    device_open(&options);
    ck_assert_uint_eq(units(), all);
    ck_assert_ptr_eq(device.id, whole);
}
END_TEST

START_TEST(a_callers_device_stays_whole)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    device_open(NULL);
    options.context = device.cl;
    options.device = device.id;
    options.compute_units = 1;
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_VALUE, "options.compute_units: 1");
    ck_assert_ptr_null(context);
}
END_TEST

#ifdef __linux__
enum { THREADS_MAX = 256 };

typedef struct thread_times {
    size_t count;
    long thread[THREADS_MAX];
    unsigned long ticks[THREADS_MAX]; /* of a processor that it has had */
} thread_times;

static void note_thread(thread_times *times, const char *name)
{
    char path[300], line[1000] = "";
    unsigned long user = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/stat", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return;
    const char *behind = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    if (behind == NULL || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &user) != 1) return;
    times->thread[times->count] = strtol(name, NULL, 10);
    times->ticks[times->count++] = user;
}

static void note_threads(thread_times *times)
{
    DIR *folder = opendir("/proc/self/task");
    const struct dirent *entry;
    ck_assert_ptr_nonnull(folder);
    times->count = 0;
    while ((entry = readdir(folder)) != NULL && times->count < THREADS_MAX)
        if (entry->d_name[0] != '.') note_thread(times, entry->d_name);
    closedir(folder);
}

/* How many threads had a tenth at least of what all have had since `before`. */
static size_t busy_since(const thread_times *before)
{
    static thread_times now;
    unsigned long sum = 0;
    size_t busy = 0;
    note_threads(&now);
    for (size_t i = 0; i < now.count; i++) {
        for (size_t j = 0; j < before->count; j++)
            if (before->thread[j] == now.thread[i]) now.ticks[i] -= before->ticks[j];
        sum += now.ticks[i];
    }
    ck_assert_uint_ge(sum, 20);
    for (size_t i = 0; i < now.count; i++)
        busy += now.ticks[i] * 10 >= sum;
    return busy;
}

static void call_often(clx_mlstm *op, const clx_mlstm_args *args, int calls)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    for (int i = 0; i < calls; i++)
        expect_ok(clx_mlstm_enqueue(op, &launch, args, &test_error));
    ck_assert_int_eq(clFinish(device.queue), CL_SUCCESS);
}

/* PoCL has a thread for each processor: with one unit one of them works, and the others and this one rest. */
START_TEST(others_stay_free)
{
    static thread_times before;
    uint32_t all = 0;
    if (!open_one(&all) || strstr(device.context->caps.platform_name, "Portable Computing Language") == NULL) return;
    const mlstm_layout layout = mlstm_layout_bhsd(&problem);
    mlstm_tensors tensors;
    clx_mlstm *op = mlstm_make(&problem);
    mlstm_place(&problem, &layout, NULL, &tensors);
    call_often(op, &tensors.args, 1); /* compiles what is left */
    note_threads(&before);
    call_often(op, &tensors.args, 600);
    ck_assert_uint_eq(busy_since(&before), 1);
    mlstm_tensors_free(&tensors);
    clx_mlstm_destroy(op);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("compute_units");
    TCase *tcase = suite_case(suite, "compute units", 120);
    tcase_add_checked_fixture(tcase, open_problem, close_problem);
    tcase_add_test(tcase, one_unit_computes);
    tcase_add_loop_test(tcase, more_than_there_are, 0, 2);
    tcase_add_test(tcase, a_callers_device_stays_whole);
#ifdef __linux__
    tcase_add_test(tcase, others_stay_free);
#endif
    return suite_run(suite);
}
