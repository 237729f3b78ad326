/* SPDX-License-Identifier: Apache-2.0
 *
 * Many at once: operators of one context on threads of their own, contexts on two devices, contexts one after another, and
 * processes that fill one cache. The results are those of one after the other, bit by bit; nothing grows. Data races show
 * under ThreadSanitizer (preset tsan). */
#include "base/file.h"
#include "support/lives.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6
#define ROUNDS 12

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true /* what is freed is kept for a while, so memory grows */
#else
#define SANITIZED false
#endif

/* One thread's part: an operator, its memory and queue, and what is expected of it. */
typedef struct worker {
    pthread_t thread;
    clx_context *context;
    const life_kind *kind;
    life_memory memory;
    cl_command_queue queue;
    float *expected;
    size_t count;
    bool make_each_time; /* the operator, too */
    char problem[CLX_ERROR_MESSAGE_SIZE];
} worker;

static pthread_barrier_t start;

#define PROBLEM(...) snprintf(w->problem, sizeof w->problem, __VA_ARGS__)

static bool same_results(worker *w)
{
    size_t count = 0;
    float *found = life_results(&w->memory, &count);
    const bool same = found != NULL && count == w->count && memcmp(found, w->expected, count * sizeof *found) == 0;
    free(found);
    return same;
}

static bool call_once(worker *w, void *op)
{
    clx_error error = CLX_ERROR_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_event done = NULL;
    launch.queue = w->queue;
    launch.event = &done;
    if (!life_reset(&w->memory)) return PROBLEM("buffers cannot be written"), false;
    if (w->kind->enqueue(op, &launch, w->memory.t, &error) != CLX_OK) {
        PROBLEM("%s", error.message);
        clx_error_clear(&error);
        return false;
    }
    const bool complete = clx_event_wait(done, 60000, &error) == CLX_OK;
    if (!complete) PROBLEM("%s", error.message);
    clReleaseEvent(done);
    clx_error_clear(&error);
    if (!complete) return false;
    if (w->expected == NULL) w->expected = life_results(&w->memory, &w->count);
    if (!same_results(w)) PROBLEM("%s: other bits than alone", w->kind->name);
    return w->problem[0] == '\0';
}

static void *work(void *argument)
{
    worker *w = argument;
    clx_error error = CLX_ERROR_INIT;
    void *op = NULL;
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS && w->problem[0] == '\0'; round++) {
        if (op == NULL && w->kind->create(w->context, &op, &error) != CLX_OK) PROBLEM("%s", error.message);
        if (op == NULL || !call_once(w, op)) break;
        if (w->make_each_time) w->kind->destroy(op), op = NULL;
        clx_context_pool_trim(w->context, &error);
    }
    w->kind->destroy(op);
    clx_error_clear(&error);
    return NULL;
}

static void open_worker(worker *w, int i, clx_context *context)
{
    cl_int code = CL_SUCCESS;
    void *op = NULL;
    memset(w, 0, sizeof *w);
    w->context = context;
    w->kind = &life_kinds[(2 * i + 1) % LIFE_KINDS];
    w->make_each_time = i % 2 == 0;
    w->queue = clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    ck_assert(life_make(&w->memory, w->kind, clx_context_cl_context(context), w->queue));
    expect_ok(w->kind->create(context, &op, &test_error)); /* alone, for what is expected */
    ck_assert_msg(call_once(w, op), "%s", w->problem);
    w->kind->destroy(op);
}

static void close_worker(worker *w)
{
    life_free(&w->memory);
    free(w->expected);
    clReleaseCommandQueue(w->queue);
}

static void run_workers(worker *workers)
{
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    pthread_barrier_destroy(&start);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_msg(workers[i].problem[0] == '\0', "thread %d, %s: %s", i, workers[i].kind->name, workers[i].problem);
        close_worker(&workers[i]);
    }
}

START_TEST(one_context)
{
    static worker workers[THREADS];
    device_open(NULL);
    for (int i = 0; i < THREADS; i++) {
        open_worker(&workers[i], i, device.context);
    }
    run_workers(workers);
    expect_ok(clx_context_pool_trim(device.context, &test_error));
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
    device_close();
}
END_TEST

/* Of the platform that the default device is of; NULL where it has one only. */
static clx_context *second_device(void)
{
    clx_device_info first = {0}, all[8];
    size_t count = 0;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    expect_ok(clx_context_device_info(device.context, &first, sizeof first, &test_error));
    expect_ok(clx_devices_list(all, sizeof *all, 8, &count, &test_error));
    for (size_t i = 0; i < count && i < 8; i++) {
        if (!all[i].usable || strcmp(all[i].platform, first.platform) != 0) continue;
        if (strcmp(all[i].selector, first.selector) == 0) continue;
        options.selector = all[i].selector;
        expect_ok(clx_context_create(&context, &options, &test_error));
        return context;
    }
    return NULL;
}

START_TEST(two_devices)
{
    static worker workers[THREADS];
    device_open(NULL);
    clx_context *second = second_device();
    if (second == NULL) {
        printf("SKIPPED: the platform has one device\n");
        device_close();
        return;
    }
    for (int i = 0; i < THREADS; i++) {
        open_worker(&workers[i], i, i % 2 == 0 ? device.context : second);
    }
    run_workers(workers);
    clx_context_destroy(second);
    device_close();
}
END_TEST

/* Pages of memory that the process has. */
static long resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
    fclose(file);
    return resident;
}

/* The driver and the allocator take what they need in the first rounds; after that, nothing. */
START_TEST(contexts_in_a_loop)
{
    const int rounds = SANITIZED ? 20 : 400;
    long before = 0;
    device_open(NULL); /* so that programs are in the driver's caches */
    for (int round = 0; round < rounds; round++) {
        clx_context *context = NULL;
        void *op = NULL;
        if (round == rounds / 4) before = resident_pages();
        if (clx_context_create(&context, NULL, &test_error) != CLX_OK) ck_abort_msg("%s", test_error.message);
        if (round % 10 == 0) {
            if (life_kinds[8].create(context, &op, &test_error) != CLX_OK) ck_abort_msg("%s", test_error.message);
            life_kinds[8].destroy(op);
        }
        clx_context_destroy(context);
    }
    const long grown = resident_pages() - before;
    printf("resident memory: %ld pages grown in %d contexts\n", grown, rounds - rounds / 4);
    if (!SANITIZED) ck_assert_int_lt(grown, 512);
    device_close();
}
END_TEST

/* One start of a program on a folder: operators of few programs are made and called. Exits with the number of programs that
 * were compiled. */
static void start_process(const char *folder)
{
    static const int kinds[] = {3, 5, 8};
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    setenv("CLX_CACHE", "1", 1); /* scripts/test leaves it off where the driver has its own */
    options.cache_dir = folder;
    options.variants = "simt";
    device_open(&options);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const life_kind *kind = &life_kinds[kinds[i]];
        life_memory memory;
        void *op = NULL;
        clx_launch launch = CLX_LAUNCH_INIT;
        launch.queue = device.queue;
        if (kind->create(device.context, &op, &test_error) != CLX_OK) _exit(201);
        if (!life_make(&memory, kind, device.cl, device.queue)) _exit(202);
        if (kind->enqueue(op, &launch, memory.t, &test_error) != CLX_OK) _exit(203);
        if (clFinish(device.queue) != CL_SUCCESS) _exit(204);
        if (life_changed(&memory, false, true) < 0) _exit(205);
        life_free(&memory);
        kind->destroy(op);
    }
    const clx_build_counts counts = clx_context_build_counts(device.context);
    _exit(counts.compiled < 200 ? (int)counts.compiled : 200);
}

static int compiled_by(pid_t child)
{
    int state = 0;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_msg(WIFEXITED(state), "a process ended with signal %d", WTERMSIG(state));
    ck_assert_msg(WEXITSTATUS(state) < 200, "a process ended with %d", WEXITSTATUS(state));
    return WEXITSTATUS(state);
}

static void count_others(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    const size_t length = strlen(name);
    (void)path;
    (void)size_bytes;
    (void)changed_s;
    if (length < 4 || strcmp(name + length - 4, ".clx") != 0) ++*(int *)user;
}

/* (This process has not used OpenCL yet: each child does for itself.) */
START_TEST(processes_on_one_cache)
{
    enum { PROCESSES = 3 };
    pid_t children[PROCESSES];
    int compiled = 0, others = 0;
    char *folder = folder_fresh("parallel-cache");
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) start_process(folder);
    }
    for (int i = 0; i < PROCESSES; i++) {
        compiled += compiled_by(children[i]);
    }
    ck_assert_int_gt(compiled, 0);
    const pid_t next = fork();
    ck_assert_int_ge(next, 0);
    if (next == 0) start_process(folder);
    ck_assert_int_eq(compiled_by(next), 0); /* what they left is whole */
    ck_assert(clxi_folder_visit(folder, count_others, &others));
    ck_assert_int_eq(others, 0);
    folder_drop(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parallel");
    TCase *tcase = suite_case(suite, "parallel", 120);
    tcase_add_test(tcase, one_context);
    tcase_add_test(tcase, two_devices);
    tcase_add_test(tcase, contexts_in_a_loop);
    tcase_add_test(tcase, processes_on_one_cache);
    return suite_run(suite);
}
