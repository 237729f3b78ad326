/* SPDX-License-Identifier: Apache-2.0
 *
 * A call on the caller's queue: order, events, cutting, the pool, refusals. */
#include "base/text.h"
#include "runtime/launch.h"
#include "runtime/program.h"
#include "runtime/workspace.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KERNELS CLX_TEST_SOURCE_DIR "/tests/device/kernels"
#define ITEMS 1024
#define GROUP 32

static cl_kernel kernel; /* of the test */
static clx_launch launch;
static clxi_call call;

static void reset_launch(void)
{
    launch = (clx_launch)CLX_LAUNCH_INIT;
}

static void open_launch(void)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.kernel_dir = KERNELS;
    device_open(&options);
    reset_launch();
    launch.queue = device.queue;
}

static void close_launch(void)
{
    if (kernel != NULL) clReleaseKernel(kernel);
    kernel = NULL;
    device_close();
}

static void use_kernel(const char *name)
{
    expect_ok(clxi_kernel_get(device.context, "tiny.cl", "", name, &kernel, &test_error));
}

static cl_command_queue out_of_order_queue(void)
{
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(device.cl, device.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    return code == CL_SUCCESS ? queue : NULL;
}

static clx_status begin(uint64_t workspace_bytes)
{
    return clxi_call_begin(&call, device.context, &launch, workspace_bytes, NULL, 0, &test_error);
}

/* x = 1; then x = 2 x + 1 six times: 127 only where they run in a row. */
static void run_chain(cl_mem x)
{
    for (int i = 0; i < 6; i++) {
        clxi_bind bind = clxi_bind_begin(kernel);
        clxi_bind_mem(&bind, x);
        clxi_bind_f32(&bind, 1.0f);
        clxi_call_kernel(&call, &bind, "chain", ITEMS / GROUP, GROUP, 1e3);
    }
}

static void expect_all(cl_mem x, float wanted)
{
    float values[ITEMS];
    buffer_read(x, 0, sizeof values, values);
    for (int i = 0; i < ITEMS; i++) {
        ck_assert_msg(values[i] == wanted, "[%d] = %g, expected %g", i, values[i], wanted);
    }
}

static cl_mem ones(void)
{
    float values[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        values[i] = 1.0f;
    }
    return buffer_make(sizeof values, values);
}

/* The call waits for the gate, and ends once it opens. (Oclgrind runs commands in the flush itself, and would wait for
 * the gate there.) */
static void pass_gate(cl_event gate, cl_event done)
{
    clx_device_info info;
    cl_int state = CL_COMPLETE;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    if (strcmp(info.platform, "Oclgrind") != 0) {
        clFlush(launch.queue);
        clGetEventInfo(done, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        ck_assert_int_ne(state, CL_COMPLETE);
    }
    clSetUserEventStatus(gate, CL_COMPLETE);
    ck_assert_int_eq(clWaitForEvents(1, &done), CL_SUCCESS);
}

/* In order and out of order; one event behind all launches; nothing starts before the wait list's user event. */
START_TEST(chain_is_ordered)
{
    cl_int code = CL_SUCCESS;
    cl_event gate = clCreateUserEvent(device.cl, &code);
    cl_event done = NULL;
    cl_command_queue queue = _i == 0 ? NULL : out_of_order_queue();
    if (_i == 1 && queue == NULL) return; /* the device has none */
    if (queue != NULL) launch.queue = queue;
    if (_i == 2) { /* cuts every launch into pieces */
        device.context->launch_ms = 1;
        device.context->flops_per_ms = 2e3;
        device.context->caps.compute_units = 1;
    }
    use_kernel("chain");
    cl_mem x = ones();
    launch.wait_count = 1;
    launch.wait_list = &gate;
    launch.event = &done;
    expect_ok(begin(0));
    run_chain(x);
    ck_assert_uint_eq(call.launches, _i == 2 ? 6 * ITEMS / GROUP / 2 : 6);
    expect_ok(clxi_call_end(&call));
    ck_assert_ptr_nonnull(done);
    pass_gate(gate, done);
    expect_all(x, 127.0f);
    clReleaseEvent(gate);
    clReleaseEvent(done);
    buffer_free(x);
    if (queue != NULL) clReleaseCommandQueue(queue);
}
END_TEST

/* Pieces of a grid: every item once, at most the wanted work in a launch, the result as without cuts. */
START_TEST(cut_launches)
{
    static const struct {
        double limit; /* flops of a launch; a group has 100 */
        uint32_t units;
        uint32_t launches;
    } rows[] = {
        {INFINITY, 1, 1}, {1e9, 1, 1},  {3200, 1, 1}, {3199, 1, 2},
        {300, 1, 11},     {100, 1, 32}, {1, 1, 32},   {1, 64, 4}, /* at least 9 groups at once, one for each core */
    };
    float zeros[ITEMS + 3] = {0};
    float marks[ITEMS + 3];
    float sizes[ITEMS + 3];
    use_kernel("mark");
    cl_mem y = buffer_make(sizeof zeros, zeros);
    cl_mem z = buffer_make(sizeof zeros, NULL);
    device.context->launch_ms = isinf(rows[_i].limit) ? INFINITY : 1;
    device.context->flops_per_ms = rows[_i].limit;
    device.context->caps.is_cpu = false;
    device.context->caps.compute_units = rows[_i].units;
    expect_ok(begin(0));
    clxi_bind bind = clxi_bind_begin(kernel);
    clxi_bind_mem(&bind, y);
    clxi_bind_u64(&bind, 3);
    clxi_bind_mem(&bind, z);
    clxi_bind_u64(&bind, 3);
    clxi_call_kernel(&call, &bind, "mark", ITEMS / GROUP, GROUP, 100);
    expect_ok(clxi_call_end(&call));
    ck_assert_uint_eq(call.launches, rows[_i].launches);
    buffer_read(y, 0, sizeof marks, marks);
    buffer_read(z, 0, sizeof sizes, sizes);
    for (int i = 0; i < ITEMS + 3; i++) {
        ck_assert(marks[i] == (i < 3 ? 0.0f : 1.0f));
        if (i >= 3)
            ck_assert(sizes[i] <= (float)((rows[_i].units / 8 + 1) * GROUP) ||
                      sizes[i] / GROUP * 100 <= rows[_i].limit);
    }
    buffer_free(y);
    buffer_free(z);
}
END_TEST

/* Launches that others are to follow give no event where the queue keeps their order; the end has one all the same, also
 * where the last launch never came. */
START_TEST(more_to_come)
{
    cl_event done = NULL;
    cl_command_queue queue = _i == 0 ? NULL : out_of_order_queue();
    if (_i == 1 && queue == NULL) return; /* the device has none */
    if (queue != NULL) launch.queue = queue;
    launch.event = &done;
    use_kernel("chain");
    cl_mem x = ones();
    expect_ok(begin(4096));
    clxi_call_more(&call, true);
    run_chain(x);
    ck_assert((call.last != NULL) == (queue != NULL));
    expect_ok(clxi_call_end(&call));
    ck_assert_ptr_nonnull(done);
    ck_assert_int_eq(clWaitForEvents(1, &done), CL_SUCCESS);
    expect_all(x, 127.0f);
    expect_ok(clx_context_pool_trim(device.context, &test_error));
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
    clReleaseEvent(done);
    buffer_free(x);
    if (queue != NULL) clReleaseCommandQueue(queue);
}
END_TEST

START_TEST(empty_call_gives_a_marker)
{
    cl_int code = CL_SUCCESS;
    cl_event gate = clCreateUserEvent(device.cl, &code);
    cl_event done = NULL;
    launch.wait_count = 1;
    launch.wait_list = &gate;
    launch.event = &done;
    use_kernel("chain");
    expect_ok(begin(0));
    clxi_bind bind = clxi_bind_begin(kernel);
    clxi_call_kernel(&call, &bind, "chain", 0, GROUP, 0);
    expect_ok(clxi_call_end(&call));
    ck_assert_uint_eq(call.launches, 0);
    pass_gate(gate, done);
    clReleaseEvent(done);
    clReleaseEvent(gate);
}
END_TEST

START_TEST(queues_are_checked)
{
    cl_int code = CL_SUCCESS;
    cl_context other = clCreateContext(NULL, 1, &device.id, NULL, NULL, &code);
    cl_command_queue foreign = clCreateCommandQueue(other, device.id, 0, &code);
    launch.queue = NULL;
    expect_refused(begin(0), CLX_ERR_NULL, "launch.queue: null");
    launch.queue = foreign;
    expect_refused(begin(0), CLX_ERR_CONTEXT, "launch.queue: of another context");
    launch.queue = device.queue;
    launch.struct_size--;
    expect_refused(begin(0), CLX_ERR_VALUE, "launch.struct_size");
    expect_refused(clxi_call_begin(&call, device.context, NULL, 0, NULL, 0, &test_error), CLX_ERR_NULL, "launch: null");
    clReleaseCommandQueue(foreign);
    clReleaseContext(other);
}
END_TEST

/* Two devices of one platform, in one context and apart. */
START_TEST(another_device)
{
    cl_device_id ids[2];
    cl_uint count = 0;
    cl_int code = CL_SUCCESS;
    clx_device_info info;
    clx_context *context = NULL;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    setenv("POCL_DEVICES", "pthread pthread", 1); /* PoCL shows as many as it is told */
    expect_ok(clx_devices_list(&info, sizeof info, 1, &(size_t){0}, &test_error));
    cl_platform_id platforms[8];
    cl_uint platform_count = 0;
    clGetPlatformIDs(8, platforms, &platform_count);
    for (cl_uint i = 0; i < platform_count && i < 8 && count < 2; i++) {
        clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 2, ids, &count);
    }
    if (count < 2) return; /* no platform here has two */
    cl_context one = clCreateContext(NULL, 1, &ids[0], NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    cl_context both = clCreateContext(NULL, 2, ids, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    options.context = one;
    options.device = ids[1];
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_CONTEXT,
                   "options.device: not a device of options.context");
    options.context = both;
    options.kernel_dir = KERNELS;
    expect_ok(clx_context_create(&context, &options, &test_error));
    expect_ok(clxi_kernel_get(context, "tiny.cl", "", "chain", &kernel, &test_error));
    launch.queue = clCreateCommandQueue(both, ids[0], 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    expect_refused(clxi_call_begin(&call, context, &launch, 0, NULL, 0, &test_error), CLX_ERR_CONTEXT,
                   "launch.queue: of another device");
    size_t blob_bytes = 0; /* the binary is that of the second device */
    expect_ok(clx_context_blob_get(context, NULL, &blob_bytes, &test_error));
    ck_assert_uint_gt(blob_bytes, 0);
    clx_context_destroy(context);
    clReleaseCommandQueue(launch.queue);
    clReleaseContext(both);
    clReleaseContext(one);
}
END_TEST

START_TEST(wait_lists_are_checked)
{
    cl_int code = CL_SUCCESS;
    cl_context other = clCreateContext(NULL, 1, &device.id, NULL, NULL, &code);
    cl_event events[2] = {clCreateUserEvent(device.cl, &code), NULL};
    launch.wait_count = 2;
    expect_refused(begin(0), CLX_ERR_NULL, "launch.wait_list: null, expected 2 events");
    launch.wait_list = events;
    expect_refused(begin(0), CLX_ERR_NULL, "launch.wait_list[1]: null");
    events[1] = clCreateUserEvent(other, &code);
    expect_refused(begin(0), CLX_ERR_CONTEXT, "launch.wait_list[1]: of another context");
    for (int i = 0; i < 2; i++) {
        clSetUserEventStatus(events[i], CL_COMPLETE); /* NVIDIA's context never goes away with one pending */
        clReleaseEvent(events[i]);
    }
    clReleaseContext(other);
}
END_TEST

START_TEST(workspaces_are_checked)
{
    cl_int code = CL_SUCCESS;
    cl_mem mem = buffer_make(4096, NULL);
    cl_mem read_only = clCreateBuffer(device.cl, CL_MEM_READ_ONLY, 4096, NULL, &code);
    launch.workspace = mem;
    expect_ok(begin(4096));
    expect_refused(begin(4097), CLX_ERR_WORKSPACE, "launch.workspace: 4096 bytes at offset 0, expected at least 4097");
    launch.workspace_offset = 64;
    expect_ok(begin(4032));
    expect_refused(begin(4033), CLX_ERR_WORKSPACE, "4032 bytes at offset 64");
    launch.workspace_offset = 32;
    expect_refused(begin(1), CLX_ERR_VALUE, "launch.workspace_offset: 32, expected a multiple of 64");
    launch.workspace_offset = 1 << 20;
    expect_refused(begin(1), CLX_ERR_WORKSPACE, "launch.workspace: 0 bytes at offset 1048576");
    launch.workspace_offset = UINT64_MAX - 63;
    expect_refused(begin(UINT64_MAX), CLX_ERR_WORKSPACE, "launch.workspace: 0 bytes");
    launch.workspace_offset = 0;
    launch.workspace = read_only;
    expect_refused(begin(1), CLX_ERR_VALUE, "launch.workspace: read-only");
    buffer_free(mem);
    buffer_free(read_only);
}
END_TEST

START_TEST(workspace_apart_from_tensors)
{
    const uint64_t size[1] = {16};
    const clxi_expect expect = {"h", CLX_F32, 1, {16}, NULL, true, true};
    clxi_extent extent;
    cl_mem mem = buffer_make(4096, NULL);
    clx_tensor h = clx_tensor_dense(mem, CLX_F32, 1, size);
    expect_ok(clxi_view_check(device.context, &h, &expect, &extent, &test_error));
    launch.workspace = mem;
    expect_refused(clxi_call_begin(&call, device.context, &launch, 256, &extent, 1, &test_error), CLX_ERR_OVERLAP,
                   "launch.workspace: overlaps h");
    launch.workspace_offset = 64;
    expect_ok(clxi_call_begin(&call, device.context, &launch, 256, &extent, 1, &test_error));
    h.offset = 79; /* its first element is the workspace's last */
    expect_ok(clxi_view_check(device.context, &h, &expect, &extent, &test_error));
    expect_refused(clxi_call_begin(&call, device.context, &launch, 256, &extent, 1, &test_error), CLX_ERR_OVERLAP,
                   "launch.workspace: overlaps h");
    buffer_free(mem);
}
END_TEST

/* One call on the pool, up to its event. */
static cl_event pool_call(uint64_t size_bytes, cl_mem *used)
{
    cl_event done = NULL;
    launch.event = &done;
    expect_ok(begin(size_bytes));
    *used = call.workspace;
    clxi_bind bind = clxi_bind_begin(kernel);
    clxi_bind_mem(&bind, call.workspace); /* the pool's blocks begin at 0 */
    clxi_bind_f32(&bind, 1.0f);
    clxi_call_kernel(&call, &bind, "chain", ITEMS / GROUP, GROUP, 0);
    expect_ok(clxi_call_end(&call));
    return done;
}

START_TEST(pool_reuses_blocks)
{
    cl_mem first = NULL;
    cl_mem second = NULL;
    use_kernel("chain");
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
    cl_event done = pool_call(4096, &first);
    uint64_t held = clx_context_pool_bytes(device.context);
    ck_assert_uint_ge(held, 4096);
    cl_event next = pool_call(4000, &second); /* the same in-order queue: at once */
    ck_assert_ptr_eq(first, second);
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), held);
    clFinish(device.queue);
    clReleaseEvent(done);
    clReleaseEvent(next);
    next = pool_call((uint64_t)1 << 20, &second); /* larger: a block of its own */
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_ge(clx_context_pool_bytes(device.context), held + (1 << 20));
    clFinish(device.queue);
    clReleaseEvent(next);
    expect_ok(clx_context_pool_trim(device.context, &test_error));
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
}
END_TEST

/* A block in use on an out-of-order queue, or on another queue, is left alone until its call has completed. */
START_TEST(pool_waits_for_other_queues)
{
    cl_int code = CL_SUCCESS;
    cl_mem first = NULL;
    cl_mem second = NULL;
    cl_event gate = clCreateUserEvent(device.cl, &code);
    cl_command_queue queue = clCreateCommandQueue(device.cl, device.id, 0, &code);
    use_kernel("chain");
    launch.wait_count = 1;
    launch.wait_list = &gate;
    cl_event done = pool_call(4096, &first);
    launch.queue = queue;
    cl_event next = pool_call(4096, &second);
    ck_assert_ptr_ne(first, second);
    expect_ok(clx_context_pool_trim(device.context, &test_error)); /* nothing is free */
    ck_assert_uint_gt(clx_context_pool_bytes(device.context), 0);
    clSetUserEventStatus(gate, CL_COMPLETE);
    clFinish(device.queue);
    clFinish(queue);
    clReleaseEvent(done);
    clReleaseEvent(next);
    launch.wait_count = 0;
    next = pool_call(4096, &second);
    clFinish(queue);
    clReleaseEvent(next);
    expect_ok(clx_context_pool_trim(device.context, &test_error));
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
    clReleaseCommandQueue(queue);
    clReleaseEvent(gate);
}
END_TEST

START_TEST(pool_limits)
{
    clx_device_info info;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    expect_refused(begin(info.max_alloc_bytes + 1), CLX_ERR_DEVICE_MEMORY, "the device allocates at most");
    expect_refused(begin(UINT64_MAX), CLX_ERR_DEVICE_MEMORY, "18446744073709551615 bytes");
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
}
END_TEST

/* A launch that the driver refuses: the first failure is reported, the rest is not tried, nothing is left held. */
START_TEST(failures_stick)
{
    cl_event done = (cl_event)&done;
    use_kernel("chain");
    launch.event = &done;
    expect_ok(begin(4096));
    clxi_bind bind = clxi_bind_begin(kernel);
    clxi_bind_f32(&bind, 1.0f); /* no buffer */
    clxi_bind_f32(&bind, 1.0f);
    clxi_call_kernel(&call, &bind, "chain", 1, GROUP, 0);
    ck_assert_int_eq(call.status, CLX_ERR_OPENCL);
    run_chain(call.workspace);
    ck_assert_uint_eq(call.launches, 0);
    expect_refused(clxi_call_end(&call), CLX_ERR_OPENCL, "chain: argument 0");
    ck_assert_ptr_null(done);
    expect_ok(clx_context_pool_trim(device.context, &test_error));
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);

    launch.event = NULL;
    expect_ok(begin(0));
    bind = clxi_bind_begin(kernel);
    clxi_call_kernel(&call, &bind, "chain", UINT64_MAX / 2, GROUP, 0);
    expect_refused(clxi_call_end(&call), CLX_ERR_OVERFLOW, "chain");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("launch");
    TCase *tcase = suite_case(suite, "launch", 60);
    tcase_add_checked_fixture(tcase, open_launch, close_launch);
    tcase_add_loop_test(tcase, chain_is_ordered, 0, 3);
    tcase_add_loop_test(tcase, cut_launches, 0, 8);
    tcase_add_loop_test(tcase, more_to_come, 0, 2);
    tcase_add_test(tcase, empty_call_gives_a_marker);
    tcase_add_test(tcase, queues_are_checked);
    tcase_add_test(tcase, wait_lists_are_checked);
    tcase_add_test(tcase, workspaces_are_checked);
    tcase_add_test(tcase, workspace_apart_from_tensors);
    tcase_add_test(tcase, pool_reuses_blocks);
    tcase_add_test(tcase, pool_waits_for_other_queues);
    tcase_add_test(tcase, pool_limits);
    tcase_add_test(tcase, failures_stick);
    tcase = suite_case(suite, "devices", 60);
    tcase_add_checked_fixture(tcase, reset_launch, close_launch);
    tcase_add_test(tcase, another_device);
    return suite_run(suite);
}
