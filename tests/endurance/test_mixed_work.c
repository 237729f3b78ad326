/* SPDX-License-Identifier: Apache-2.0
 *
 * Mixed work for a long time: every operator at several sizes, on a context that stays and on others that come and go, queues
 * in and out of order, operators made for one call and destroyed before it is done, calls that are refused. The results are
 * those of the first time, bit by bit, and nothing grows:
 *
 * - After each round, with nothing under way, as many OpenCL objects, bytes of buffers, and allocations of the library are alive
 *   as after the first ones. These are counted, so not one more is allowed.
 * - The process's resident memory, driver and all, does not grow between the second and the last quarter of the run by more than
 *   2 MiB, in runs of some minutes 4 (flat.h); but for what the driver itself loses of each program that it is given (PoCL
 *   3.1: about 1 KiB). That is measured before the run, by giving it the same binaries without the library.
 *
 * CLX_ENDURANCE_MINUTES says how long (default 0.1). CLX_ENDURANCE_LEAK=buffer, object, allocation or driver leaks one of each
 * kind now and then, to see it found ("driver": memory that only the resident size shows). */
#define _GNU_SOURCE /* MAP_ANONYMOUS, RTLD_NEXT */
#include "given_programs.h"

#include "fault/host_memory.h"
#include "fault/layer.h"
#include "flat.h"
#include "support/lives.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define ALLOWED_GROWTH (2 * 1024.0 * 1024.0)
#define SHORT_MINUTES 5 /* in less, the driver's caches and the allocator's may still be filling: twice as much */
#define CONTROLS 40
#define SHORT_CONTROLS 8
#define SETTLE_MS 2000 /* drivers let go of events a little after they are complete */
#define LEAK_BYTES 256
#define MOST_AT_ONCE 3

typedef struct size_pair {
    uint64_t B, S;
} size_pair;

static const size_pair sizes[] = {{1, 20}, {2, 1}, {1, 130}, {3, 47}};
enum { SIZES = sizeof sizes / sizeof *sizes, MOST_SAMPLES = 4000 };

static fault_state *fault;
static random_state chance;
static char *folder;
static const char *leak;

/* What stays: a context of the library's on the caller's, and an operator of each kind. */
static struct {
    cl_context cl;
    cl_device_id id;
    clx_context *context;
    void *ops[LIFE_KINDS];
} base;

/* The first results of each kind and size. */
static struct {
    float *value;
    size_t count;
} expected[LIFE_KINDS][SIZES];

static struct {
    long rounds, calls, refused, contexts, queues, ops;
} made;

/* As ck_assert, which allocates at each place that it passes. */
#define demand(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) ck_abort_msg("%s", #condition);                                                              \
    } while (0)

static bool one_in(uint64_t n)
{
    return random_below(&chance, n) == 0;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double minutes_wanted(void)
{
    const char *text = getenv("CLX_ENDURANCE_MINUTES");
    return text != NULL ? strtod(text, NULL) : 0.1;
}

/* What is alive, by exact count. */
typedef struct alive {
    long long objects, bytes, allocations;
} alive;

static alive alive_now(void)
{
    alive now = {0, 0, host_memory.live};
    if (fault != NULL) now.objects = fault->live, now.bytes = fault->live_bytes;
    return now;
}

static bool same(alive a, alive b)
{
    return a.objects == b.objects && a.bytes == b.bytes && a.allocations == b.allocations;
}

/* As many as `before`? Waits a little for what the driver's threads are about to release. */
static bool settles_to(alive before)
{
    const struct timespec pause = {0, 1000000};
    for (int waited = 0; waited < SETTLE_MS && !same(alive_now(), before); waited++) {
        nanosleep(&pause, NULL);
    }
    return same(alive_now(), before);
}

static cl_command_queue make_queue(cl_context cl, cl_device_id id, bool any_order)
{
    cl_int code = CL_SUCCESS;
    const cl_command_queue_properties order = any_order ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0;
    cl_command_queue queue = clCreateCommandQueue(cl, id, order, &code);
    if (code != CL_SUCCESS && any_order) queue = clCreateCommandQueue(cl, id, 0, &code);
    demand(code == CL_SUCCESS);
    made.queues++;
    return queue;
}

static clx_context *make_context(bool on_base)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    options.cache_dir = folder;
    if (on_base) options.context = base.cl, options.device = base.id;
    expect_ok(clx_context_create(&context, &options, &test_error));
    made.contexts++;
    return context;
}

/* One call with all that belongs to it. */
typedef struct job {
    int kind, size;
    life_memory memory;
    void *op;
    bool op_stays;
    cl_event gate; /* what the call waits for, or NULL */
    cl_event done;
    atomic_int noted;
} job;

static void note(void *user, clx_status status, int32_t cl_code)
{
    (void)cl_code;
    atomic_store((atomic_int *)user, status == CLX_OK ? 1 : 2);
}

static void refuse(const job *j)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_tensor t[LIFE_TENSORS];
    const life_kind *kind = j->memory.kind;
    memcpy(t, j->memory.t, sizeof t);
    if (one_in(2)) {
        launch.queue = j->memory.queue;
        t[0].offset = UINT64_MAX / 2;
    }
    if (kind->enqueue(j->op, &launch, t, &test_error) == CLX_OK)
        ck_abort_msg("%s: a wrong call is accepted", kind->name);
    clx_error_clear(&test_error);
    made.refused++;
}

static void make_job(job *j, clx_context *context, cl_command_queue queue, int kind, int size)
{
    const life_kind *k = &life_kinds[kind];
    memset(j, 0, sizeof *j);
    j->kind = kind, j->size = size;
    j->op_stays = context == base.context && base.ops[kind] != NULL && !one_in(4);
    if (j->op_stays) {
        j->op = base.ops[kind];
    } else {
        expect_ok(k->create(context, &j->op, &test_error));
        made.ops++;
    }
    demand(life_make_sized(&j->memory, k, sizes[size].B, sizes[size].S, clx_context_cl_context(context), queue));
    if (one_in(4)) refuse(j);
}

static void start_job(job *j, cl_context cl)
{
    const life_kind *k = j->memory.kind;
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_int code = CL_SUCCESS;
    if (one_in(3)) {
        j->gate = clCreateUserEvent(cl, &code);
        demand(code == CL_SUCCESS);
        launch.wait_count = 1, launch.wait_list = &j->gate;
    }
    launch.queue = j->memory.queue;
    launch.event = &j->done;
    expect_ok(k->enqueue(j->op, &launch, j->memory.t, &test_error));
    made.calls++;
    if (one_in(3))
        expect_ok(clx_event_notify(j->done, note, &j->noted, &test_error));
    else
        j->noted = 1;
    if (!j->op_stays && one_in(2)) k->destroy(j->op), j->op = NULL; /* its calls complete all the same */
}

static void finish_job(job *j)
{
    size_t count = 0;
    const struct timespec pause = {0, 100000};
    if (one_in(2))
        expect_ok(clx_event_wait(j->done, 120000, &test_error));
    else
        demand(clWaitForEvents(1, &j->done) == CL_SUCCESS);
    while (j->noted == 0)
        nanosleep(&pause, NULL);
    demand(j->noted == 1);
    float *found = life_results(&j->memory, &count);
    demand(found != NULL);
    if (expected[j->kind][j->size].value == NULL) {
        expected[j->kind][j->size].value = found;
        expected[j->kind][j->size].count = count;
        found = NULL;
    } else if (count != expected[j->kind][j->size].count ||
               memcmp(found, expected[j->kind][j->size].value, count * sizeof *found) != 0) {
        ck_abort_msg("round %ld, %s at B = %llu, S = %llu: other bits than the first time", made.rounds,
                     j->memory.kind->name, (unsigned long long)sizes[j->size].B, (unsigned long long)sizes[j->size].S);
    }
    free(found);
    if (life_changed(&j->memory, true, false) != -1) ck_abort_msg("%s: an input was changed", j->memory.kind->name);
}

static void end_job(job *j)
{
    if (!j->op_stays) j->memory.kind->destroy(j->op);
    if (j->gate != NULL) clReleaseEvent(j->gate);
    clReleaseEvent(j->done);
    life_free(&j->memory);
}

/* Some calls on one queue, all under way at once; then nothing of them is left. */
static void do_round(int kind, int size)
{
    static job jobs[MOST_AT_ONCE];
    /* one with operators in it now and then: it is where the driver loses memory */
    clx_context *context = one_in(40) ? make_context(one_in(2)) : base.context;
    if (one_in(3)) clx_context_destroy(make_context(one_in(2)));
    cl_command_queue queue = make_queue(clx_context_cl_context(context), clx_context_cl_device(context), one_in(2));
    const int count = 1 + (int)random_below(&chance, MOST_AT_ONCE);
    for (int i = 0; i < count; i++) {
        make_job(&jobs[i], context, queue, i == 0 ? kind : (int)random_below(&chance, LIFE_KINDS),
                 i == 0 ? size : (int)random_below(&chance, SIZES));
    }
    for (int i = 0; i < count; i++) {
        start_job(&jobs[i], clx_context_cl_context(context));
    }
    for (int i = 0; i < count; i++) {
        if (jobs[i].gate != NULL) demand(clSetUserEventStatus(jobs[i].gate, CL_COMPLETE) == CL_SUCCESS);
    }
    for (int i = 0; i < count; i++) {
        finish_job(&jobs[i]);
    }
    for (int i = 0; i < count; i++) {
        end_job(&jobs[i]);
    }
    demand(clFinish(queue) == CL_SUCCESS);
    clReleaseCommandQueue(queue);
    expect_ok(clx_context_pool_trim(context, &test_error));
    if (context != base.context) clx_context_destroy(context);
    made.rounds++;
}

static void leak_something(void)
{
    cl_int code = CL_SUCCESS;
    if (leak == NULL) return;
    if (strcmp(leak, "buffer") == 0) clCreateBuffer(base.cl, 0, LEAK_BYTES, NULL, &code);
    if (strcmp(leak, "object") == 0) clCreateUserEvent(base.cl, &code);
    if (strcmp(leak, "allocation") == 0 && malloc(LEAK_BYTES) == NULL) code = CL_OUT_OF_HOST_MEMORY;
    if (strcmp(leak, "driver") == 0) { /* a page, written to */
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page != MAP_FAILED) page[0] = 1;
    }
    demand(code == CL_SUCCESS);
}

/* Everything once, so that programs, sizes and kinds of contexts are known, and the results of each. */
static void warm_up(void)
{
    for (int kind = 0; kind < LIFE_KINDS; kind++) {
        expect_ok(life_kinds[kind].create(base.context, &base.ops[kind], &test_error));
    }
    for (int kind = 0; kind < LIFE_KINDS; kind++) {
        for (int size = 0; size < SIZES; size++) {
            do_round(kind, size);
        }
    }
    for (int i = 0; i < 60; i++) {
        do_round((int)random_below(&chance, LIFE_KINDS), (int)random_below(&chance, SIZES));
    }
    for (int kind = 0; kind < LIFE_KINDS; kind++) { /* each program from its file, as it will be given later */
        clx_context *context = make_context(true);
        void *op = NULL;
        expect_ok(life_kinds[kind].create(context, &op, &test_error));
        life_kinds[kind].destroy(op);
        clx_context_destroy(context);
    }
}

static void open_base(void)
{
    cl_int code = CL_SUCCESS;
    fault = fault_load();
    leak = getenv("CLX_ENDURANCE_LEAK");
    folder = folder_fresh("endurance-cache");
    chance = random_start(7);
    device_open(NULL); /* chooses the device */
    base.id = device.id;
    device_close();
    base.cl = clCreateContext(NULL, 1, &base.id, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    base.context = make_context(true);
    host_memory.watched = true;
}

static void close_base(void)
{
    for (int kind = 0; kind < LIFE_KINDS; kind++) {
        life_kinds[kind].destroy(base.ops[kind]);
        for (int size = 0; size < SIZES; size++) {
            free(expected[kind][size].value);
        }
    }
    clx_context_destroy(base.context);
    host_memory.watched = false;
    given_free();
    clReleaseContext(base.cl);
    if (fault != NULL) {
        ck_assert_int_eq(fault->live, 0);
        ck_assert_int_eq(fault->live_bytes, 0);
    }
    folder_drop(folder);
    clx_error_clear(&test_error);
}

static double mib(double bytes)
{
    return bytes / (1 << 20);
}

START_TEST(mixed_work)
{
    static double samples[MOST_SAMPLES]; /* in place, so that the test does not grow */
    const double length_s = 60 * minutes_wanted();
    const double allowed = minutes_wanted() < SHORT_MINUTES ? 2 * ALLOWED_GROWTH : ALLOWED_GROWTH;
    size_t count = 0;
    warm_up();
    given_measure(base.cl, base.id, minutes_wanted() < SHORT_MINUTES ? SHORT_CONTROLS : CONTROLS);
    const alive before = alive_now();
    const long rounds_before = made.rounds;
    const double start = now_s();
    memset(samples, 0, sizeof samples);
    for (double at = 0; at < length_s; at = now_s() - start) {
        do_round((int)random_below(&chance, LIFE_KINDS), (int)random_below(&chance, SIZES));
        if ((made.rounds - rounds_before) % 10 == 0) leak_something();
        if (!settles_to(before)) {
            const alive now = alive_now();
            ck_abort_msg(
                "after round %ld %lld objects, %lld bytes of buffers, %lld allocations are alive, not %lld, %lld, %lld",
                made.rounds, now.objects, now.bytes, now.allocations, before.objects, before.bytes, before.allocations);
        }
        if (at < length_s * (double)count / MOST_SAMPLES) continue;
        samples[count++] = flat_resident_bytes() - given.lost;
        if (count % (MOST_SAMPLES / 10) == 0) {
            printf("%5.1f min: %ld rounds, resident %.2f MiB; lost by the driver %.2f\n", at / 60, made.rounds,
                   mib(samples[count - 1] + given.lost), mib(given.lost));
            fflush(stdout);
        }
        if (count == MOST_SAMPLES) break;
    }
    const flat_verdict verdict = flat_judge(samples, count, allowed);
    printf("mixed work, %.1f min: %ld rounds, %ld calls and %ld refused; made and destroyed: %ld contexts, %ld queues, "
           "%ld "
           "operators; alive all the time: %lld objects%s, %lld bytes of buffers, %lld allocations; resident, but for "
           "%.2f MiB "
           "that the driver has lost of %ld programs: %.2f MiB in the second quarter, %.2f in the last, at most %.2f, "
           "of %zu "
           "samples\n",
           (now_s() - start) / 60, made.rounds, made.calls, made.refused, made.contexts, made.queues, made.ops,
           before.objects, fault != NULL ? "" : " (not counted: no layers here)", before.bytes, before.allocations,
           mib(given.lost), given.programs, mib(verdict.early), mib(verdict.late), mib(verdict.peak), count);
    fflush(stdout);
    ck_assert_msg(verdict.flat, "resident memory grows by %.2f MiB in half of the run, %.2f are allowed",
                  mib(verdict.late - verdict.early), mib(allowed));
}
END_TEST

/* The verdict itself: noise, peaks and the first quarter are no growth, some bytes each time are. */
START_TEST(growth_is_seen)
{
    static double samples[400];
    random_state random = {5};
    for (int leaks = 0; leaks < 2; leaks++) {
        for (int i = 0; i < 400; i++) {
            samples[i] = 300e6 + 2e6 * (double)random_uniform(&random, 0, 1) + (i < 90 ? -50e6 : 0) + leaks * i * 16e3;
            if (i % 50 == 7) samples[i] += 30e6;
        }
        const flat_verdict verdict = flat_judge(samples, 400, ALLOWED_GROWTH);
        ck_assert_msg(verdict.flat == (leaks == 0), "leaks %d: from %g to %g", leaks, verdict.early, verdict.late);
    }
    ck_assert(!flat_judge(samples, 7, 1e30).flat);
    ck_assert_double_gt(flat_resident_bytes(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mixed_work");
    TCase *verdict = suite_case(suite, "verdict", 60);
    TCase *work = suite_case(suite, "work", 300 + 60 * minutes_wanted());
    tcase_add_test(verdict, growth_is_seen);
    tcase_add_checked_fixture(work, open_base, close_base);
    tcase_add_test(work, mixed_work);
    return suite_run(suite);
}
