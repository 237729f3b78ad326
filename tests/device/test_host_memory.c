/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller's memory as a buffer: an operator reads and writes it in place. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, D = 32, BYTES = ROWS * D * sizeof(float) };

static clx_host_memory_info memory;
static char *block; /* with room behind and before what is aligned */

static void open_memory(void)
{
    device_open(NULL);
    memory = (clx_host_memory_info)CLX_HOST_MEMORY_INFO_INIT;
    expect_ok(clx_context_host_memory(device.context, &memory, &test_error));
    block = aligned_alloc((size_t)memory.alignment_bytes, 2 * (size_t)memory.alignment_bytes + BYTES);
    ck_assert_ptr_nonnull(block);
}

static void close_memory(void)
{
    free(block);
    device_close();
}

static void normalise(clx_norm *op, cl_mem mem)
{
    const clx_tensor x = clx_tensor_bhsd(mem, CLX_F32, 1, 1, ROWS, D);
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    args.x = args.y = &x;
    launch.queue = device.queue;
    expect_ok(clx_norm_enqueue(op, &launch, &args, &test_error));
}

/* Hands the buffer over, and waits for it. */
static void map(cl_mem mem, clx_host_access access)
{
    cl_event done = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    launch.event = &done;
    expect_ok(clx_host_buffer_map_enqueue(device.context, &launch, mem, access, &test_error));
    expect_ok(clx_event_wait(done, -1, &test_error));
    clReleaseEvent(done);
}

static void unmap(cl_mem mem)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_host_buffer_unmap_enqueue(device.context, &launch, mem, &test_error));
}

/* Row by row; the second round starts from what the host wrote between map and unmap. */
START_TEST(in_place)
{
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    clx_norm *op = NULL;
    cl_mem mem = NULL;
    float *x = (float *)(void *)block;
    if (!memory.unified) return;
    desc.D = D;
    desc.type = CLX_RMSNORM;
    desc.eps = 0;
    expect_ok(clx_norm_create(device.context, &desc, &op, &test_error));
    for (int i = 0; i < ROWS * D; i++) {
        x[i] = (float)(1 + i / D);
    }
    expect_ok(clx_host_buffer_create(device.context, x, BYTES, &mem, &test_error));
    normalise(op, mem);
    map(mem, CLX_HOST_READ_WRITE);
    for (int i = 0; i < ROWS * D; i++) {
        ck_assert_msg(fabsf(x[i] - 1.0f) <= 1e-5f, "[%d] = %g, expected 1", i, (double)x[i]);
        x[i] = i % D == 0 ? -2.0f : 0.0f;
    }
    unmap(mem);
    normalise(op, mem);
    map(mem, CLX_HOST_READ);
    for (int i = 0; i < ROWS * D; i++) {
        const float wanted = i % D == 0 ? -sqrtf(D) : 0.0f;
        ck_assert_msg(fabsf(x[i] - wanted) <= 1e-5f, "[%d] = %g, expected %g", i, (double)x[i], (double)wanted);
    }
    unmap(mem);
    map(mem, CLX_HOST_WRITE);
    memset(x, 0, BYTES);
    unmap(mem);
    clFinish(device.queue);
    clReleaseMemObject(mem);
    clx_norm_destroy(op);
}
END_TEST

START_TEST(told_and_refused)
{
    clx_host_memory_info info = CLX_HOST_MEMORY_INFO_INIT;
    cl_mem mem = (cl_mem)&info;
    const uint64_t alignment = memory.alignment_bytes;
    ck_assert_uint_ge(alignment, 64);
    ck_assert_uint_eq(alignment & (alignment - 1), 0);
    ck_assert_uint_ge(memory.multiple_bytes, 64);
    info.struct_size--;
    expect_refused(clx_context_host_memory(device.context, &info, &test_error), CLX_ERR_VALUE, "info.struct_size");
    expect_refused(clx_context_host_memory(device.context, NULL, &test_error), CLX_ERR_NULL, "info");
    expect_refused(clx_context_host_memory(NULL, &info, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_host_buffer_create(NULL, block, BYTES, &mem, &test_error), CLX_ERR_NULL, "context");
    ck_assert_ptr_null(mem);
    expect_refused(clx_host_buffer_create(device.context, block, BYTES, NULL, &test_error), CLX_ERR_NULL, "out");
    expect_refused(clx_host_buffer_create(device.context, NULL, BYTES, &mem, &test_error), CLX_ERR_NULL, "data");
    if (!memory.unified) {
        expect_refused(clx_host_buffer_create(device.context, block, BYTES, &mem, &test_error), CLX_ERR_UNSUPPORTED,
                       "a memory of its own");
        return;
    }
    expect_refused(clx_host_buffer_create(device.context, block + alignment / 2, BYTES, &mem, &test_error),
                   CLX_ERR_VALUE, "data: at ");
    expect_refused(clx_host_buffer_create(device.context, block, BYTES + 4, &mem, &test_error), CLX_ERR_VALUE,
                   "size_bytes: 8196, expected a multiple of ");
    expect_refused(clx_host_buffer_create(device.context, block, 0, &mem, &test_error), CLX_ERR_VALUE, "size_bytes: 0");
    ck_assert_ptr_null(mem);
}
END_TEST

START_TEST(maps_are_checked)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_mem plain = buffer_make(BYTES, NULL);
    clx_context *c = device.context;
    launch.queue = device.queue;
    expect_refused(clx_host_buffer_map_enqueue(c, &launch, plain, CLX_HOST_READ, &test_error), CLX_ERR_VALUE,
                   "mem: without host memory");
    expect_refused(clx_host_buffer_unmap_enqueue(c, &launch, plain, &test_error), CLX_ERR_VALUE, "mem: without");
    expect_refused(clx_host_buffer_map_enqueue(c, &launch, plain, (clx_host_access)0, &test_error), CLX_ERR_VALUE,
                   "access: 0");
    expect_refused(clx_host_buffer_map_enqueue(c, &launch, plain, (clx_host_access)4, &test_error), CLX_ERR_VALUE,
                   "access: 4");
    expect_refused(clx_host_buffer_map_enqueue(c, &launch, NULL, CLX_HOST_READ, &test_error), CLX_ERR_NULL, "mem");
    expect_refused(clx_host_buffer_map_enqueue(c, NULL, plain, CLX_HOST_READ, &test_error), CLX_ERR_NULL, "launch");
    expect_refused(clx_host_buffer_map_enqueue(NULL, &launch, plain, CLX_HOST_READ, &test_error), CLX_ERR_NULL,
                   "context");
    buffer_free(plain);
    if (!memory.unified) return;
    cl_mem mem = NULL;
    expect_ok(clx_host_buffer_create(c, block, BYTES, &mem, &test_error));
    launch.queue = NULL;
    expect_refused(clx_host_buffer_map_enqueue(c, &launch, mem, CLX_HOST_READ, &test_error), CLX_ERR_NULL,
                   "launch.queue");
    clReleaseMemObject(mem);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host_memory");
    TCase *tcase = suite_case(suite, "host_memory", 60);
    tcase_add_checked_fixture(tcase, open_memory, close_memory);
    tcase_add_test(tcase, in_place);
    tcase_add_test(tcase, told_and_refused);
    tcase_add_test(tcase, maps_are_checked);
    return suite_run(suite);
}
