/* SPDX-License-Identifier: Apache-2.0
 *
 * How the mLSTM operator uses the caller's queue: order, events, workspace, cut launches, and what a call must not do. */
#include "support/counted_calls.h"

#include "runtime/context.h"
#include "support/mlstm_problem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static mlstm_problem problem;
static mlstm_tensors tensors;
static mlstm_reference reference;
static clx_mlstm *op;
static double *h;
static size_t h_count;

/* Masked and with one stabiliser per head: four kernels, each of which needs what the one before it wrote. */
static void make_problem(uint64_t S, mlstm_mask mask, int rowwise)
{
    random_state random = random_start(7);
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 20;
    desc.DHV = 24;
    desc.stabilize_rowwise = rowwise;
    mlstm_problem_make(&problem, &desc, 2, 3, S, GATES_PLAIN, mask, &random);
    const mlstm_layout layout = mlstm_layout_bshd(&problem);
    op = mlstm_make(&problem);
    reference = mlstm_refer(&problem);
    mlstm_place(&problem, &layout, NULL, &tensors);
    h_count = mlstm_at(&problem, MLSTM_H, problem.B, 0, 0);
    h = malloc(h_count * sizeof *h);
    ck_assert_ptr_nonnull(h);
    clFinish(device.queue);
}

static void drop_problem(void)
{
    free(h);
    mlstm_tensors_free(&tensors);
    mlstm_reference_free(&reference);
    clx_mlstm_destroy(op);
    mlstm_problem_free(&problem);
}

static void judge(const char *what)
{
    mlstm_fetch(&tensors, h);
    mlstm_judge(&problem, &reference, h, what);
}

/* h as it is now is exactly this. */
static void expect_same(const double *expected)
{
    double *now = malloc(h_count * sizeof *now);
    ck_assert_ptr_nonnull(now);
    mlstm_fetch(&tensors, now);
    ck_assert_mem_eq(now, expected, h_count * sizeof *now);
    free(now);
}

static cl_command_queue make_queue(cl_command_queue_properties properties)
{
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(device.cl, device.id, properties, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return queue;
}

static cl_int status_of(cl_event event)
{
    cl_int status = CL_QUEUED;
    ck_assert_int_eq(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL),
                     CL_SUCCESS);
    return status;
}

/* A user event holds the call back: enqueue must return all the same, and nothing may run before the event is set. The
 * event that comes out covers the last kernel. On a queue of either kind, with the pool and with a caller's buffer. */
START_TEST(waits_without_blocking)
{
    const bool out_of_order = _i % 2 != 0, own_workspace = _i / 2 != 0;
    make_problem(70, MASK_RANDOM, 0);
    cl_command_queue queue = make_queue(out_of_order ? CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE : 0);
    cl_event gates[2], event = NULL;
    uint64_t size = 0;
    clx_launch launch = CLX_LAUNCH_INIT;
    for (int i = 0; i < 2; i++) {
        cl_int code = CL_SUCCESS;
        gates[i] = clCreateUserEvent(device.cl, &code);
        ck_assert_int_eq(code, CL_SUCCESS);
    }
    expect_ok(clx_mlstm_workspace_size(op, problem.B, problem.NH, problem.S, &size, &test_error));
    launch.queue = queue;
    launch.wait_list = gates;
    launch.wait_count = 2;
    launch.event = &event;
    launch.workspace = own_workspace ? buffer_make((size_t)size, NULL) : NULL;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    clFlush(queue);
    ck_assert_int_ne(status_of(event), CL_COMPLETE);
    clSetUserEventStatus(gates[0], CL_COMPLETE);
    ck_assert_int_ne(status_of(event), CL_COMPLETE); /* the second one holds it still */
    mlstm_fetch(&tensors, h);                        /* through another queue */
    for (size_t i = 0; i < h_count; i++)
        if (h[i] == h[i]) ck_abort_msg("element %zu was written before the wait list was done", i);
    clSetUserEventStatus(gates[1], CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    judge("behind user events");
    clReleaseEvent(event);
    clReleaseEvent(gates[0]);
    clReleaseEvent(gates[1]);
    buffer_free(launch.workspace);
    clReleaseCommandQueue(queue);
    drop_problem();
}
END_TEST

/* Two calls on an out-of-order queue, the second behind the first's event, the read behind the second's. */
START_TEST(calls_chain_by_events)
{
    make_problem(70, MASK_RANDOM, 0);
    cl_command_queue queue = make_queue(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    cl_event first = NULL, second = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = queue;
    launch.event = &first;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    launch.wait_list = &first;
    launch.wait_count = 1;
    launch.event = &second;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    ck_assert_int_eq(clWaitForEvents(1, &second), CL_SUCCESS);
    ck_assert_int_eq(status_of(first), CL_COMPLETE);
    judge("chained");
    clReleaseEvent(first);
    clReleaseEvent(second);
    clReleaseCommandQueue(queue);
    drop_problem();
}
END_TEST

/* No event asked for, nothing waited for: an in-order queue is enough. */
START_TEST(in_order_needs_no_event)
{
    make_problem(70, MASK_NONE, 1);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    judge("no event");
    drop_problem();
}
END_TEST

START_TEST(runs_repeat_bitwise)
{
    make_problem(150, _i == 0 ? MASK_NONE : MASK_RANDOM, _i == 0);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    judge("first run");
    for (int run = 0; run < 4; run++) {
        clx_mlstm *other = mlstm_make(&problem);
        mlstm_spoil(&tensors);
        expect_ok(clx_mlstm_enqueue(run % 2 == 0 ? op : other, &launch, &tensors.args, &test_error));
        expect_same(h);
        clx_mlstm_destroy(other);
    }
    drop_problem();
}
END_TEST

/* With a workspace of the caller's, a call allocates nothing and compiles nothing; it writes inside what the query asked
 * for, from the offset on; and the result is the same, bit by bit, as with the pool's. */
START_TEST(workspace_of_the_caller)
{
    enum { OFFSET = 192, BEHIND = 100 };
    uint64_t size = 0;
    make_problem(70, _i == 0 ? MASK_NONE : MASK_RANDOM, _i < 2);
    clx_launch launch = CLX_LAUNCH_INIT;
    expect_ok(clx_mlstm_workspace_size(op, problem.B, problem.NH, problem.S, &size, &test_error));
    const size_t whole = OFFSET + (size_t)size + BEHIND;
    launch.queue = device.queue;
    launch.workspace = buffer_make(whole, NULL);
    launch.workspace_offset = OFFSET;
    expect_ok(clx_context_pool_trim(device.context, &test_error)); /* trying a variant took some */
    calls = (call_counts){0};
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    ck_assert_int_eq(calls.buffers, 0);
    ck_assert_int_eq(calls.builds, 0);
    ck_assert_int_eq(calls.kernels, _i == 0 ? 2 : _i == 1 ? 3 : 4);
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
    judge("workspace of the caller's");

    unsigned char *bytes = malloc(whole);
    ck_assert_ptr_nonnull(bytes);
    buffer_read(launch.workspace, 0, whole, bytes);
    for (size_t i = 0; i < whole; i++)
        if ((i < OFFSET || i >= OFFSET + size) && bytes[i] != 0xff) ck_abort_msg("byte %zu of the workspace", i);
    free(bytes);
    buffer_free(launch.workspace);

    launch.workspace = NULL;
    launch.workspace_offset = 0;
    mlstm_spoil(&tensors);
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    expect_same(h);
    ck_assert_uint_ge(clx_context_pool_bytes(device.context), size);
    calls = (call_counts){0};
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    expect_same(h);
    ck_assert_int_eq(calls.buffers, 0); /* the pool's block is used again */
    drop_problem();
}
END_TEST

/* O(B NH S): 32 bytes a position and a little more, never S x S. */
START_TEST(workspace_grows_with_the_length)
{
    uint64_t size = 0;
    make_problem(7, _i == 0 ? MASK_NONE : MASK_RANDOM, 0);
    for (uint64_t S = 1024; S <= 1024 * 1024; S *= 4) {
        expect_ok(clx_mlstm_workspace_size(op, 3, 5, S, &size, &test_error));
        ck_assert_uint_le(size, 3 * 5 * S * 34);
    }
    drop_problem();
}
END_TEST

/* Work is cut into many launches where a device must stay responsive, in-order or not; not a bit changes. */
START_TEST(cut_launches)
{
    make_problem(300, _i == 0 ? MASK_NONE : MASK_RANDOM, _i == 0);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    judge("one launch");
    for (int i = 0; i < 2; i++) {
        cl_event event = NULL;
        launch.queue = make_queue(i == 0 ? 0 : CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
        launch.event = &event;
        device.context->launch_ms = 1e-9; /* what the option sets */
        mlstm_spoil(&tensors);
        calls = (call_counts){0};
        expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
        if (device.context->caps.compute_units <= 4) ck_assert_int_gt(calls.kernels, 8);
        ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
        expect_same(h);
        clReleaseEvent(event);
        clReleaseCommandQueue(launch.queue);
    }
    drop_problem();
}
END_TEST

/* The option itself: whatever it makes of the device, the result stays. */
START_TEST(launch_ms)
{
    static const float limits[] = {1e-4f, -1.0f};
    make_problem(300, MASK_NONE, 1);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    judge("launches of the default length");
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    options.context = device.cl;
    options.device = device.id;
    options.launch_ms = limits[_i];
    expect_ok(clx_context_create(&context, &options, &test_error));
    clx_mlstm *other = NULL;
    expect_ok(clx_mlstm_create(context, &problem.desc, &other, &test_error));
    mlstm_spoil(&tensors);
    calls = (call_counts){0};
    expect_ok(clx_mlstm_enqueue(other, &launch, &tensors.args, &test_error));
    if (limits[_i] < 0) ck_assert_int_eq(calls.kernels, 2);
    expect_same(h);
    clx_mlstm_destroy(other);
    clx_context_destroy(context);
    drop_problem();
}
END_TEST

/* Two threads, each with an operator and a queue of its own on one context. */
enum { ROUNDS = 12 };
static char trouble[2][CLX_ERROR_MESSAGE_SIZE];

static void *run_thread(void *argument)
{
    const int index = (int)(size_t)argument;
    clx_error error = CLX_ERROR_INIT;
    clx_mlstm *own = NULL;
    cl_int code = CL_SUCCESS;
    cl_event event = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    mlstm_tensors mine = tensors; /* inputs are shared */
    mine.args.q = &mine.layout.view[MLSTM_Q];
    mine.args.h = &mine.layout.view[MLSTM_H];
    mine.layout.view[MLSTM_H].mem = mine.mem[index == 0 ? MLSTM_H : MLSTM_MASK]; /* the causal form has no mask */
    launch.queue = clCreateCommandQueue(device.cl, device.id, 0, &code);
    launch.event = &event;
    clx_status status = clx_mlstm_create(device.context, &problem.desc, &own, &error);
    for (int round = 0; round < ROUNDS && status == CLX_OK; round++) {
        status = clx_mlstm_enqueue(own, &launch, &mine.args, &error);
        if (status == CLX_OK && clWaitForEvents(1, &event) != CL_SUCCESS) status = CLX_ERR_OPENCL;
        if (event != NULL) clReleaseEvent(event);
        event = NULL;
    }
    if (status != CLX_OK) memcpy(trouble[index], error.message, sizeof error.message);
    clx_error_clear(&error);
    clx_mlstm_destroy(own);
    clReleaseCommandQueue(launch.queue);
    return NULL;
}

START_TEST(two_threads)
{
    pthread_t threads[2];
    make_problem(70, MASK_NONE, 1);
    tensors.mem[MLSTM_MASK] = buffer_make(tensors.size_bytes[MLSTM_H], NULL);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_thread, (void *)i), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_str_eq(trouble[0], "");
    ck_assert_str_eq(trouble[1], "");
    unsigned char *bytes[2];
    for (int i = 0; i < 2; i++) {
        bytes[i] = malloc(tensors.size_bytes[MLSTM_H]);
        ck_assert_ptr_nonnull(bytes[i]);
        buffer_read(tensors.mem[i == 0 ? MLSTM_H : MLSTM_MASK], 0, tensors.size_bytes[MLSTM_H], bytes[i]);
    }
    ck_assert_mem_eq(bytes[0], bytes[1], tensors.size_bytes[MLSTM_H]);
    free(bytes[0]);
    free(bytes[1]);
    judge("two threads");
    drop_problem();
}
END_TEST

/* Operators outlive what made them, and calls outlive operators. */
START_TEST(order_of_destruction)
{
    make_problem(70, MASK_NONE, 1);
    cl_int code = CL_SUCCESS;
    cl_event gate = clCreateUserEvent(device.cl, &code), event = NULL;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    clx_mlstm *other = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    options.context = device.cl;
    options.device = device.id;
    expect_ok(clx_context_create(&context, &options, &test_error));
    expect_ok(clx_mlstm_create(context, &problem.desc, &other, &test_error));
    clx_context_destroy(context);
    launch.queue = device.queue;
    launch.wait_list = &gate;
    launch.wait_count = 1;
    launch.event = &event;
    expect_ok(clx_mlstm_enqueue(other, &launch, &tensors.args, &test_error));
    clx_mlstm_destroy(other);
    clSetUserEventStatus(gate, CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    judge("after its operator and context were destroyed");
    clReleaseEvent(event);
    clReleaseEvent(gate);
    drop_problem();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_queue");
    TCase *tcase = suite_device_case(suite, "queue", 120);
    tcase_add_loop_test(tcase, waits_without_blocking, 0, 4);
    tcase_add_test(tcase, calls_chain_by_events);
    tcase_add_test(tcase, in_order_needs_no_event);
    tcase_add_loop_test(tcase, runs_repeat_bitwise, 0, 2);
    tcase_add_loop_test(tcase, workspace_of_the_caller, 0, 3);
    tcase_add_loop_test(tcase, workspace_grows_with_the_length, 0, 2);
    tcase_add_loop_test(tcase, cut_launches, 0, 2);
    tcase_add_loop_test(tcase, launch_ms, 0, 2);
    tcase_add_test(tcase, order_of_destruction);
    tcase = suite_device_case(suite, "threads", 120);
    tcase_add_test(tcase, two_threads);
    return suite_run(suite);
}
