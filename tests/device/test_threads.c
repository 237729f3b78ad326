/* SPDX-License-Identifier: Apache-2.0
 *
 * One context used by several threads at once. What goes wrong here shows best under ThreadSanitizer (preset tsan). */
#include "runtime/launch.h"
#include "runtime/program.h"
#include "runtime/verdict.h"
#include "support/support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define KERNELS CLX_TEST_SOURCE_DIR "/tests/device/kernels"
#define THREADS 4
#define ROUNDS 6
#define ITEMS 256

static char *folder;
static pthread_barrier_t start; /* so that all begin at once */

static void open_threads(void)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    folder = folder_fresh("threads-cache");
    options.cache_dir = folder;
    options.kernel_dir = KERNELS;
    device_open(&options);
    pthread_barrier_init(&start, NULL, THREADS);
}

static void close_threads(void)
{
    pthread_barrier_destroy(&start);
    device_close();
    folder_drop(folder);
}

/* What went wrong in a thread, or "": Check's assertions belong to the main one. */
typedef struct worker {
    pthread_t thread;
    int index;
    char problem[CLX_ERROR_MESSAGE_SIZE];
} worker;

static void run_workers(void *(*work)(void *))
{
    worker workers[THREADS];
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < THREADS; i++) {
        workers[i].index = i;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_msg(workers[i].problem[0] == '\0', "thread %d: %s", i, workers[i].problem);
    }
}

static bool good(worker *w, clx_status status, clx_error *error)
{
    if (status != CLX_OK) snprintf(w->problem, sizeof w->problem, "%s", error->message);
    clx_error_clear(error);
    return status == CLX_OK;
}

/* x = 2 x + add on a block of the pool whose contents do not matter, then blobs, verdicts and trims in between. */
static void use_context(worker *w, cl_command_queue queue, int round)
{
    clx_error error = CLX_ERROR_INIT;
    clx_context *context = device.context;
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_kernel kernel = NULL;
    clxi_call call;
    clxi_hash hash = {0, 0};
    char options[32];
    size_t blob_bytes = 0;
    snprintf(options, sizeof options, "-DOFFSET=%d.0f", round % 3); /* the same in all threads */
    launch.queue = queue;
    if (!good(w, clxi_kernel_get(context, "tiny.cl", options, "chain", &kernel, &error), &error)) return;
    if (good(w, clxi_call_begin(&call, context, &launch, ITEMS * sizeof(float), NULL, 0, &error), &error)) {
        clxi_bind bind = clxi_bind_begin(kernel);
        clxi_bind_mem(&bind, call.workspace);
        clxi_bind_f32(&bind, 1.0f);
        clxi_call_kernel(&call, &bind, "chain", ITEMS / 32, 32, 0);
        good(w, clxi_call_end(&call), &error);
    }
    good(w, clx_context_blob_get(context, NULL, &blob_bytes, &error), &error);
    good(w, clxi_program_fingerprint(context, "tiny.cl", options, &hash, &error), &error);
    clxi_verdict_set(context, hash, CLXI_VERDICT_GOOD);
    if (clxi_verdict_get(context, hash) != CLXI_VERDICT_GOOD) snprintf(w->problem, sizeof w->problem, "verdict");
    good(w, clx_context_pool_trim(context, &error), &error);
    clx_context_build_counts(context);
    clx_context_pool_bytes(context);
    clReleaseKernel(kernel);
}

static void *share_context(void *argument)
{
    worker *w = argument;
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(device.cl, device.id, 0, &code);
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS && w->problem[0] == '\0'; round++) {
        clxi_context_retain(device.context);
        use_context(w, queue, round);
        clxi_context_release(device.context);
    }
    clFinish(queue);
    clReleaseCommandQueue(queue);
    return NULL;
}

START_TEST(shared_context)
{
    run_workers(share_context);
    clx_build_counts counts = clx_context_build_counts(device.context);
    ck_assert_uint_eq(counts.compiled + counts.loaded + counts.shared, THREADS * ROUNDS);
    ck_assert_uint_ge(counts.shared, THREADS * ROUNDS - 3 * THREADS);
    expect_ok(clx_context_pool_trim(device.context, &test_error));
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
}
END_TEST

static void *make_operator(void *argument)
{
    worker *w = argument;
    clx_error error = CLX_ERROR_INIT;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm *op = NULL;
    desc.DHQK = desc.DHV = 16;
    desc.input_dtype = w->index % 2 == 0 ? CLX_F32 : CLX_BF16;
    pthread_barrier_wait(&start);
    good(w, clx_mlstm_create(device.context, &desc, &op, &error), &error);
    clx_mlstm_destroy(op);
    return NULL;
}

START_TEST(operators_at_once)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.cache_dir = folder;
    device_close();
    device_open(&options); /* with the library's own kernels */
    run_workers(make_operator);
}
END_TEST

/* Contexts of several threads on one folder. */
static void *make_context(void *argument)
{
    worker *w = argument;
    clx_error error = CLX_ERROR_INIT;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    cl_program program = NULL;
    options.cache_dir = folder;
    options.kernel_dir = KERNELS;
    pthread_barrier_wait(&start);
    if (!good(w, clx_context_create(&context, &options, &error), &error)) return NULL;
    if (good(w, clxi_program_get(context, "tiny.cl", "", &program, &error), &error)) clReleaseProgram(program);
    clx_context_destroy(context);
    return NULL;
}

START_TEST(contexts_at_once)
{
    run_workers(make_context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = suite_case(suite, "threads", 120);
    tcase_add_checked_fixture(tcase, open_threads, close_threads);
    tcase_add_test(tcase, shared_context);
    tcase_add_test(tcase, operators_at_once);
    tcase_add_test(tcase, contexts_at_once);
    return suite_run(suite);
}
