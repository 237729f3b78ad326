/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault injection into the whole life of every operator: context, creation, one call, destruction. The first OpenCL call
 * of it fails, then the second, and so on until none does; the same with the library's allocations, with drivers that
 * answer nothing, that hand over half a program's binary, or that are short of memory. Each time the library says so, or
 * does without; holds nothing afterwards; has left inputs alone, and outputs wherever it promises that; and the same
 * context and the same operator then work. A fault is not held against a kernel variant that was on trial.
 *
 * Every fault of every kind takes an hour: CLX_FAULT=full. Otherwise a sample. */
#include "host_memory.h"
#include "layer.h"
#include "support/lives.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fault_state *fault;
static char *folder;

/* The caller's side, made before the faults begin. */
typedef struct caller {
    cl_context cl;
    cl_device_id id;
    cl_command_queue queue;    /* where the calls go */
    cl_command_queue in_order; /* one of the two is */
    cl_command_queue any_order;
    life_memory memory;
    float *expected;
    size_t count;
    char best[128]; /* the variant, without faults */
    bool cuts;      /* the library can make a context on a part of the device */
} caller;

static caller own;

static void open_sweep(void)
{
    cl_int code = CL_SUCCESS;
    folder = folder_fresh("fault-cache");
    fault = fault_load();
    if (fault == NULL) return;
    device_open(NULL); /* chooses the device */
    own.id = device.id;
    device_close();
    clx_context_options part = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    part.compute_units = 1;
    own.cuts = clx_context_create(&context, &part, NULL) == CLX_OK;
    clx_context_destroy(context);
    own.cl = clCreateContext(NULL, 1, &own.id, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    own.any_order = clCreateCommandQueue(own.cl, own.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code != CL_SUCCESS) own.any_order = clCreateCommandQueue(own.cl, own.id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    own.queue = own.in_order = clCreateCommandQueue(own.cl, own.id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
}

static void close_sweep(void)
{
    if (fault != NULL) {
        life_free(&own.memory);
        free(own.expected);
        clReleaseCommandQueue(own.in_order);
        clReleaseCommandQueue(own.any_order);
        clReleaseContext(own.cl);
        ck_assert_int_eq(fault->live, 0);
        ck_assert_int_eq(fault->live_bytes, 0);
    }
    folder_drop(folder);
    clx_error_clear(&test_error);
}

/* Where a life's programs come from. */
typedef enum origin {
    WARM_CACHE,
    COLD_CACHE,
    NO_CACHE,
    OWN_CONTEXT /* the library's; without a call, from a warm cache */
} origin;

/* What is done to it. */
typedef enum trouble { FAILING_CALL, EMPTY_ANSWER, HALF_A_BINARY, BAD_BINARY, LITTLE_MEMORY, FAILING_MALLOC } trouble;

typedef struct sweep {
    const char *name;
    origin from;
    trouble what;
    bool sticky;
    int code;
    int stride; /* of a sample: lives that compile are slow */
} sweep;

/* A life that has got this far. */
typedef struct life {
    clx_context *context;
    void *op;
    cl_event done;
    clx_status status;
    bool made_context, made_op, enqueued;
} life;

static void make_context(life *l, const sweep *how)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.cache_dir = folder;
    options.cache_off = how->from == NO_CACHE;
    if (how->from != OWN_CONTEXT) {
        options.context = own.cl;
        options.device = own.id;
    } else if (own.cuts) {
        options.compute_units = 1; /* of a part of a CPU more can fail */
    }
    host_memory.watched = true;
    l->status = clx_context_create(&l->context, &options, &test_error);
    host_memory.watched = false;
    l->made_context = l->status == CLX_OK;
    ck_assert(l->made_context == (l->context != NULL));
}

static void make_op(life *l)
{
    host_memory.watched = true;
    l->status = own.memory.kind->create(l->context, &l->op, &test_error);
    host_memory.watched = false;
    l->made_op = l->status == CLX_OK;
    ck_assert(l->made_op == (l->op != NULL));
}

static void enqueue(life *l)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = own.queue;
    launch.event = &l->done;
    host_memory.watched = true;
    l->status = own.memory.kind->enqueue(l->op, &launch, own.memory.t, &test_error);
    host_memory.watched = false;
    l->enqueued = l->status == CLX_OK;
    ck_assert(l->enqueued == (l->done != NULL));
}

/* On from wherever it stopped. */
static void live_on(life *l, const sweep *how)
{
    if (!l->made_context) make_context(l, how);
    if (l->made_context && !l->made_op) make_op(l);
    if (l->made_op && !l->enqueued && how->from != OWN_CONTEXT) enqueue(l);
}

static void end_life(life *l)
{
    clFinish(own.queue);
    if (l->done != NULL) clReleaseEvent(l->done);
    host_memory.watched = true;
    own.memory.kind->destroy(l->op);
    clx_context_destroy(l->context);
    clx_error_clear(&test_error);
    host_memory.watched = false;
}

static const char *variant_of(const life *l)
{
    return own.memory.kind->variant(l->op);
}

/* Where a fault has led to another variant, that one rounds in its own way. */
static void expect_results(const life *l, const char *what)
{
    size_t count = 0;
    clFinish(own.queue);
    float *found = life_results(&own.memory, &count);
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_eq(count, own.count);
    const bool same_variant = strcmp(variant_of(l), own.best) == 0;
    for (size_t i = 0; i < count; i++) {
        const float allowed = same_variant ? 0 : 1e-3f * (1 + fabsf(own.expected[i]));
        if (fabsf(found[i] - own.expected[i]) <= allowed) continue;
        ck_abort_msg("%s: result %zu is %g, expected %g", what, i, (double)found[i], (double)own.expected[i]);
    }
    free(found);
    ck_assert_msg(life_changed(&own.memory, true, false) == -1, "%s: an input was changed", what);
}

static void arm(const sweep *how, int at)
{
    static const fault_mode modes[] = {FAULT_CODE, FAULT_ZEROS, FAULT_SHORT, FAULT_GARBLED, FAULT_MEMORY};
    if (how->what == FAILING_MALLOC) {
        host_memory_arm(at, how->sticky);
        return;
    }
    fault->budget_bytes = (size_t)fault->live_bytes + ((size_t)(at - 1) << 14);
    fault_arm(fault, modes[how->what], at, how->sticky, how->code);
}

static const char *disarm(int *hits)
{
    const char *hit = fault->hit;
    *hits = fault->hits + host_memory.hits;
    if (host_memory.hits > 0) hit = "an allocation";
    fault->armed = host_memory.armed = false;
    fault->hit = NULL;
    fault->hits = host_memory.hits = 0;
    return hit;
}

/* A life that failed with `what`: everything is said, and nothing done that was not promised. */
static void expect_refusal(const life *l, const char *what)
{
    const clx_status status = l->status;
    ck_assert_int_eq(status, test_error.status);
    ck_assert_msg(test_error.message[0] != '\0', "%s: no message", what);
    ck_assert_msg(life_changed(&own.memory, true, false) == -1, "%s: an input was changed", what);
    const bool untouched = !l->made_op || own.memory.kind->one_launch || status != CLX_ERR_OPENCL;
    if (!untouched) return;
    const int changed = life_changed(&own.memory, false, true);
    ck_assert_msg(changed == -1, "%s: %s (%s), and tensor %d was changed", what, clx_status_name(status),
                  test_error.message, changed);
}

/* With the cache as a fault has left it, the next start is as good as ever. */
static void expect_best_next_time(const sweep *how, const char *what)
{
    life l = {0};
    ck_assert(life_reset(&own.memory));
    live_on(&l, how);
    ck_assert_msg(l.status == CLX_OK, "%s: the next start fails: %s", what, test_error.message);
    ck_assert_msg(strcmp(variant_of(&l), own.best) == 0, "%s: from then on %s takes the place of %s", what,
                  variant_of(&l), own.best);
    expect_results(&l, what);
    end_life(&l);
}

/* With call number `at` spoilt. False where the life has fewer calls. */
static bool live_once(const sweep *how, int at, int *faults)
{
    char what[256];
    int hits = 0;
    life l = {0};
    ck_assert(life_reset(&own.memory));
    const int live = fault->live;
    const long long live_bytes = fault->live_bytes, blocks = host_memory.live;
    arm(how, at);
    live_on(&l, how);
    const char *hit = disarm(&hits);
    snprintf(what, sizeof what, "%s, %s: call %d (%s) spoilt", own.memory.kind->name, how->name, at,
             hit != NULL ? hit : "-");
    clFinish(own.queue);
    ck_assert_msg(l.status == CLX_OK || hit != NULL, "%s: %s", what, test_error.message);
    if (l.status != CLX_OK) {
        expect_refusal(&l, what);
        ck_assert(life_reset(&own.memory));
        live_on(&l, how);
        ck_assert_msg(l.status == CLX_OK, "%s: tried again: %s", what, test_error.message);
        ck_assert_msg(strcmp(variant_of(&l), own.best) == 0, "%s: tried again it gives %s, not %s", what,
                      variant_of(&l), own.best);
        if (l.enqueued) expect_results(&l, what);
    } else if (l.enqueued && how->what != EMPTY_ANSWER) {
        expect_results(&l, what); /* (a driver that lies about events may be believed) */
    }
    end_life(&l);
    ck_assert_msg(fault->live == live, "%s: %d objects are left", what, fault->live - live);
    ck_assert_msg(fault->live_bytes == live_bytes, "%s: %lld bytes are left", what, fault->live_bytes - live_bytes);
    ck_assert_msg(host_memory.live == blocks, "%s: %lld allocations are left", what, host_memory.live - blocks);
    if (how->from == COLD_CACHE) expect_best_next_time(how, what);
    *faults += hits;
    return hit != NULL;
}

/* A life without faults: what is expected of the others. */
static void live_calmly(const life_kind *kind)
{
    static const sweep calm = {"calm", WARM_CACHE, FAILING_CALL, false, CL_SUCCESS, 1};
    life l = {0};
    ck_assert(life_make(&own.memory, kind, own.cl, own.queue));
    live_on(&l, &calm);
    ck_assert_msg(l.status == CLX_OK, "%s: %s", kind->name, test_error.message);
    snprintf(own.best, sizeof own.best, "%s", variant_of(&l));
    clFinish(own.queue);
    own.expected = life_results(&own.memory, &own.count);
    ck_assert_ptr_nonnull(own.expected);
    for (size_t i = 0; i < own.count; i++) {
        if (isnan(own.expected[i])) ck_abort_msg("%s: result %zu is NaN", kind->name, i);
    }
    expect_results(&l, "calm");
    end_life(&l);
}

static const sweep sweeps[] = {
    {"own context", OWN_CONTEXT, FAILING_CALL, false, CL_OUT_OF_RESOURCES, 7},
    {"warm cache", WARM_CACHE, FAILING_CALL, false, CL_OUT_OF_RESOURCES, 11},
    {"warm cache, driver gone", WARM_CACHE, FAILING_CALL, true, CL_DEVICE_NOT_AVAILABLE, 17},
    {"warm cache, short of memory from then on", WARM_CACHE, FAILING_CALL, true, CL_OUT_OF_HOST_MEMORY, 23},
    {"warm cache, empty answers", WARM_CACHE, EMPTY_ANSWER, false, 0, 9},
    {"warm cache, only empty answers", WARM_CACHE, EMPTY_ANSWER, true, 0, 13},
    {"warm cache, failing allocations", WARM_CACHE, FAILING_MALLOC, false, 0, 17},
    {"warm cache, no more allocations", WARM_CACHE, FAILING_MALLOC, true, 0, 29},
    {"warm cache, little device memory", WARM_CACHE, LITTLE_MEMORY, true, 0, 1},
    {"no cache", NO_CACHE, FAILING_CALL, false, CL_MEM_OBJECT_ALLOCATION_FAILURE, 97},
    {"cold cache", COLD_CACHE, FAILING_CALL, false, CL_INVALID_VALUE, 173},
    {"cold cache, failing allocations", COLD_CACHE, FAILING_MALLOC, false, 0, 397},
    {"cold cache, half a binary", COLD_CACHE, HALF_A_BINARY, false, 0, 3},
    {"cold cache, a bad binary", COLD_CACHE, BAD_BINARY, false, 0, 3},
};

START_TEST(sweep_lives)
{
    const life_kind *kind = &life_kinds[_i];
    const char *only = getenv("CLX_FAULT_ONLY"); /* a part of "operator, sweep" */
    if (fault == NULL) return;                   /* no layers here */
    if (kind->made_as_next && fault_effort_wanted() != FAULT_FULL) return;
    live_calmly(kind);
    for (size_t s = 0; s < sizeof sweeps / sizeof *sweeps; s++) {
        const sweep *how = &sweeps[s];
        const int stride = fault_stride(how->stride);
        int faults = 0, lives = 0;
        char name[128];
        /* a driver that says nothing of a queue's order is believed to keep it */
        own.queue = how->what == EMPTY_ANSWER ? own.in_order : own.any_order;
        snprintf(name, sizeof name, "%s, %s", kind->name, how->name);
        if (only != NULL && strstr(name, only) == NULL) continue;
        /* each operator begins at another call, so that together they reach all */
        for (int at = 1 + (_i * 5) % stride;; at += stride, lives++) {
            if (how->from == COLD_CACHE) folder_empty(folder);
            if (!live_once(how, at, &faults)) break;
        }
        printf("faults: %s: %d in %d lives\n", name, faults, lives);
        fflush(stdout);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sweep");
    TCase *tcase = suite_case(suite, "sweep", fault_effort_wanted() == FAULT_FULL ? 7200 : 300);
    tcase_add_checked_fixture(tcase, open_sweep, close_sweep);
    tcase_add_loop_test(tcase, sweep_lives, 0, LIFE_KINDS);
    return suite_run(suite);
}
