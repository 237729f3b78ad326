/* SPDX-License-Identifier: Apache-2.0
 *
 * The device fixture and its buffers. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

test_device device;

void device_open(const clx_context_options *options)
{
    cl_int code = CL_SUCCESS;
    expect_ok(clx_context_create(&device.context, options, &test_error));
    device.cl = clx_context_cl_context(device.context);
    device.id = clx_context_cl_device(device.context);
    device.queue = clCreateCommandQueue(device.cl, device.id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
}

void device_close(void)
{
    if (device.queue != NULL) clReleaseCommandQueue(device.queue);
    clx_context_destroy(device.context);
    memset(&device, 0, sizeof device);
    clx_error_clear(&test_error);
}

static void open_default(void)
{
    device_open(NULL);
}

TCase *suite_device_case(Suite *suite, const char *name, double timeout_s)
{
    TCase *tcase = suite_case(suite, name, timeout_s);
    tcase_add_checked_fixture(tcase, open_default, device_close);
    return tcase;
}

TCase *suite_shared_device_case(Suite *suite, const char *name, double timeout_s)
{
    TCase *tcase = suite_case(suite, name, timeout_s);
    tcase_add_unchecked_fixture(tcase, open_default, device_close);
    return tcase;
}

cl_mem buffer_make(size_t size_bytes, const void *data)
{
    cl_int code = CL_SUCCESS;
    void *bytes = malloc(size_bytes + 1);
    ck_assert_ptr_nonnull(bytes);
    if (data != NULL) {
        memcpy(bytes, data, size_bytes);
    } else {
        memset(bytes, 0xff, size_bytes);
    }
    cl_mem mem = clCreateBuffer(device.cl, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, size_bytes, bytes, &code);
    ck_assert_msg(code == CL_SUCCESS, "buffer of %zu bytes: %d", size_bytes, code);
    free(bytes);
    return mem;
}

void buffer_read(cl_mem mem, size_t offset_bytes, size_t size_bytes, void *out)
{
    ck_assert_int_eq(clEnqueueReadBuffer(device.queue, mem, CL_TRUE, offset_bytes, size_bytes, out, 0, NULL, NULL),
                     CL_SUCCESS);
}

void buffer_write(cl_mem mem, size_t offset_bytes, size_t size_bytes, const void *data)
{
    ck_assert_int_eq(clEnqueueWriteBuffer(device.queue, mem, CL_TRUE, offset_bytes, size_bytes, data, 0, NULL, NULL),
                     CL_SUCCESS);
}

void buffer_free(cl_mem mem)
{
    if (mem != NULL) clReleaseMemObject(mem);
}
