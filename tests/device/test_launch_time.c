/* SPDX-License-Identifier: Apache-2.0
 *
 * Launches of a bounded time: what an operator's creation measures, and what comes of it.
 *
 * CLX_TEST_LAUNCHES=BxNHxSxDHQKxDHV runs the parallel mLSTM of these sizes, nothing decaying, with the default budget, and
 * the recurrent one, and says how many launches they are and how long the longest is. */
#include "runtime/context.h"
#include "runtime/pace.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct sizes {
    uint64_t B, NH, S, DHQK, DHV;
} sizes;

/* Launches of one call. */
enum { EVENTS_MAX = 20000 };
static struct {
    const char *kernel;
    cl_event event;
} launched[EVENTS_MAX];
static size_t launches;

static void note(void *user, const char *kernel, cl_event event)
{
    (void)user;
    ck_assert_uint_lt(launches, EVENTS_MAX);
    clRetainEvent(event);
    launched[launches].kernel = kernel;
    launched[launches++].event = event;
}

static double time_ms(cl_event event)
{
    cl_ulong start = 0, end = 0;
    clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    return 1e-6 * (double)(end - start);
}

/* All threads', so that a CPU device's work counts, however busy the machine is with other things. */
static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double noted_s; /* when the launches began */

/* Of the launches noted, which it forgets. */
typedef struct summary {
    size_t launches;
    double longest_ms;
    double sum_ms;
} summary;

static summary take_launches(const char *what, bool show)
{
    summary all = {.launches = launches};
    const char *longest = "";
    for (size_t i = 0; i < launches; i++) {
        const double ms = time_ms(launched[i].event);
        all.sum_ms += ms;
        if (ms > all.longest_ms) longest = launched[i].kernel;
        all.longest_ms = fmax(all.longest_ms, ms);
        clReleaseEvent(launched[i].event);
    }
    if (show)
        printf("%s: %zu launches, %.1f ms in all, the longest %.2f ms (%s), %.2f s of a processor\n", what,
               all.launches, all.sum_ms, all.longest_ms, longest, cpu_s() - noted_s);
    launches = 0;
    noted_s = cpu_s();
    return all;
}

/* A context of its own on the test's device, whose launches are noted. */
static clx_context *open_context(float launch_ms, const char *cache_dir)
{
    clx_context *context = NULL;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.context = device.cl;
    options.device = device.id;
    options.launch_ms = launch_ms;
    options.cache_dir = cache_dir;
    options.cache_off = cache_dir == NULL;
    expect_ok(clx_context_create(&context, &options, &test_error));
    context->watch = (clxi_watch){note, NULL};
    return context;
}

static cl_command_queue profiling_queue(void)
{
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(device.cl, device.id, CL_QUEUE_PROFILING_ENABLE, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return queue;
}

static cl_mem filled(uint64_t count, float value)
{
    float *data = malloc((size_t)count * sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (uint64_t i = 0; i < count; i++) {
        data[i] = value;
    }
    cl_mem mem = buffer_make((size_t)count * sizeof *data, data);
    free(data);
    return mem;
}

typedef struct tensors {
    clx_tensor qk, v, gate, fgate, h;
} tensors;

static tensors make_tensors(const sizes *z)
{
    const uint64_t gate[3] = {z->B, z->NH, z->S}, rows = z->B * z->NH * z->S;
    tensors t;
    t.qk = clx_tensor_bhsd(filled(rows * z->DHQK, 0.25f), CLX_F32, z->B, z->NH, z->S, z->DHQK);
    t.v = clx_tensor_bhsd(filled(rows * z->DHV, 0.5f), CLX_F32, z->B, z->NH, z->S, z->DHV);
    t.h = clx_tensor_bhsd(filled(rows * z->DHV, 0.0f), CLX_F32, z->B, z->NH, z->S, z->DHV);
    t.gate = clx_tensor_dense(filled(rows, 0.0f), CLX_F32, 3, gate);
    t.fgate = clx_tensor_dense(filled(rows, 20.0f), CLX_F32, 3, gate);
    return t;
}

static void drop_tensors(tensors *t)
{
    buffer_free(t->qk.mem);
    buffer_free(t->v.mem);
    buffer_free(t->h.mem);
    buffer_free(t->gate.mem);
    buffer_free(t->fgate.mem);
}

static summary run_parallel(clx_context *context, const sizes *z, tensors *t, const char *show)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_mlstm *op = NULL;
    desc.DHQK = z->DHQK;
    desc.DHV = z->DHV;
    expect_ok(clx_mlstm_create(context, &desc, &op, &test_error));
    args.q = args.k = &t->qk, args.v = &t->v, args.igate = &t->gate, args.fgate = &t->fgate, args.h = &t->h;
    launch.queue = profiling_queue();
    take_launches("creation", false);
    expect_ok(clx_mlstm_enqueue(op, &launch, &args, &test_error));
    ck_assert_int_eq(clFinish(launch.queue), CL_SUCCESS);
    summary all = take_launches(show != NULL ? show : "", show != NULL);
    clReleaseCommandQueue(launch.queue);
    clx_mlstm_destroy(op);
    return all;
}

static summary run_recurrent(clx_context *context, const sizes *z, tensors *t, const char *show)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_recurrent *op = NULL;
    desc.DHQK = z->DHQK;
    desc.DHV = z->DHV;
    expect_ok(clx_recurrent_create(context, &desc, &op, &test_error));
    args.q = args.k = &t->qk, args.v = &t->v, args.igate = &t->gate, args.fgate = &t->fgate, args.h = &t->h;
    launch.queue = profiling_queue();
    take_launches("creation", false);
    expect_ok(clx_recurrent_enqueue(op, &launch, &args, &test_error));
    ck_assert_int_eq(clFinish(launch.queue), CL_SUCCESS);
    summary all = take_launches(show != NULL ? show : "", show != NULL);
    clReleaseCommandQueue(launch.queue);
    clx_recurrent_destroy(op);
    return all;
}

static summary run_whole(int form, const sizes *z, tensors *t)
{
    clx_context *context = open_context(-1, NULL);
    const summary all = form == 0 ? run_parallel(context, z, t, "whole") : run_recurrent(context, z, t, "whole");
    clx_context_destroy(context);
    return all;
}

/* With a budget far below what the whole takes: many launches, and the longest a fraction of the whole. A large GPU wants more
 * than one group a unit for that, so the batch grows until it is busy for a while. Other programs run on this machine, so the
 * best of some attempts tells. */
START_TEST(bounded)
{
    enum { ATTEMPTS = 20, MOST_BATCHES = 256 };
    const double ENOUGH_MS = 3;
    sizes z = {1, 2, 2048, 64, 64};
    tensors t = make_tensors(&z);
    double best = INFINITY;
    while (run_whole(_i, &z, &t).sum_ms < ENOUGH_MS && z.B < MOST_BATCHES) {
        drop_tensors(&t);
        z.B *= 4;
        t = make_tensors(&z);
    }
    for (int i = 0; i < ATTEMPTS && !(best < 0.5); i++) {
        const summary whole = run_whole(_i, &z, &t);
        clx_context *context = open_context((float)whole.sum_ms / 20, NULL);
        summary cut = _i == 0 ? run_parallel(context, &z, &t, "cut") : run_recurrent(context, &z, &t, "cut");
        clx_context_destroy(context);
        if (cut.launches >= whole.launches + 3) best = fmin(best, cut.longest_ms / whole.longest_ms);
    }
    ck_assert_double_lt(best, 0.5);
    drop_tensors(&t);
}
END_TEST

/* Measured once for a device: a warm start finds it on disk, another operator in the context. */
START_TEST(remembered)
{
    char *folder = folder_fresh("pace-cache");
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm *op = NULL;
    desc.DHQK = desc.DHV = 16;
    size_t seen[3];
    for (int i = 0; i < 3; i++) {
        clx_context *context = open_context(i == 2 ? -1.0f : 0.0f, folder);
        expect_ok(clx_mlstm_create(context, &desc, &op, &test_error));
        clx_mlstm_destroy(op);
        seen[i] = take_launches("", false).launches;
        expect_ok(clx_mlstm_create(context, &desc, &op, &test_error));
        clx_mlstm_destroy(op);
        ck_assert_uint_eq(launches, 0);
        clx_context_destroy(context);
    }
    ck_assert_uint_gt(seen[0], 1);
    ck_assert_uint_eq(seen[1], 0);
    ck_assert_uint_eq(seen[2], 0);
    folder_drop(folder);
}
END_TEST

START_TEST(paces_are_kept_by_name)
{
    clxi_paces paces = {.kernels = {{"a", 2.0}, {"bc", 3.0}}, .count = 2};
    const double bc = clxi_pace_of(&paces, "bc");
    ck_assert(bc > 0 && bc <= 3.0 && clxi_pace_of(&paces, "a") < bc);
    ck_assert(clxi_pace_of(&paces, "b") == 0.0);
    ck_assert(clxi_pace_of(NULL, "a") == 0.0);
}
END_TEST

START_TEST(variable)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    setenv("CLX_LAUNCH_MS", "-1", 1);
    expect_ok(clx_context_create(&context, &options, &test_error));
    ck_assert(isinf(context->launch_ms));
    clx_context_destroy(context);
    options.launch_ms = 7;
    expect_ok(clx_context_create(&context, &options, &test_error));
    ck_assert(context->launch_ms == 7.0);
    clx_context_destroy(context);
    options.launch_ms = 0;
    setenv("CLX_LAUNCH_MS", "12x", 1);
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_VALUE, "CLX_LAUNCH_MS: '12x'");
    unsetenv("CLX_LAUNCH_MS");
    expect_ok(clx_context_create(&context, &options, &test_error));
    ck_assert(context->launch_ms == 100.0);
    clx_context_destroy(context);
}
END_TEST

START_TEST(asked_for)
{
    const char *text = getenv("CLX_TEST_LAUNCHES");
    unsigned long long n[5];
    if (text == NULL) return;
    ck_assert_int_eq(sscanf(text, "%llux%llux%llux%llux%llu", &n[0], &n[1], &n[2], &n[3], &n[4]), 5);
    const sizes z = {n[0], n[1], n[2], n[3], n[4]};
    tensors t = make_tensors(&z);
    for (int i = 0; i < 2; i++) {
        clx_context *context = open_context(i == 0 ? 0.0f : -1.0f, NULL);
        run_parallel(context, &z, &t, i == 0 ? "parallel" : "parallel, not cut");
        run_recurrent(context, &z, &t, i == 0 ? "recurrent" : "recurrent, not cut");
        clx_context_destroy(context);
    }
    drop_tensors(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("launch_time");
    TCase *tcase = suite_device_case(suite, "launch_time", getenv("CLX_TEST_LAUNCHES") != NULL ? 3600 : 120);
    tcase_add_loop_test(tcase, bounded, 0, 2);
    tcase_add_test(tcase, remembered);
    tcase_add_test(tcase, paces_are_kept_by_name);
    tcase_add_test(tcase, variable);
    tcase_add_test(tcase, asked_for);
    return suite_run(suite);
}
