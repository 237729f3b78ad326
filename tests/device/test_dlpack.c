/* SPDX-License-Identifier: Apache-2.0
 *
 * DLPack, against its own header. */
#include "support/support.h"

#if defined(__has_include)
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#define HAVE_DLPACK 1
#endif
#endif

#ifdef HAVE_DLPACK
#include <string.h>

static cl_mem mem;
static int64_t shape[5];
static int64_t strides[5];
static DLManagedTensor given;

static void open_tensor(void)
{
    const int64_t sizes[] = {2, 3, 4}, steps[] = {12, 4, 1};
    device_open(NULL);
    mem = buffer_make(128, NULL);
    memcpy(shape, sizes, sizeof sizes);
    memcpy(strides, steps, sizeof steps);
    memset(&given, 0, sizeof given);
    given.dl_tensor.data = mem;
    given.dl_tensor.device.device_type = kDLOpenCL;
    given.dl_tensor.ndim = 3;
    given.dl_tensor.dtype = (DLDataType){kDLFloat, 32, 1};
    given.dl_tensor.shape = shape;
}

static void close_tensor(void)
{
    buffer_free(mem);
    device_close();
}

static clx_status take(clx_tensor *out)
{
    return clx_tensor_from_dlpack(device.context, &given, out, &test_error);
}

static void expect_same(const clx_tensor *a, const clx_tensor *b)
{
    ck_assert_ptr_eq(a->mem, b->mem);
    ck_assert_uint_eq(a->offset, b->offset);
    ck_assert_int_eq(a->dtype, b->dtype);
    ck_assert_uint_eq(a->rank, b->rank);
    ck_assert_mem_eq(a->size, b->size, a->rank * sizeof *a->size);
    ck_assert_mem_eq(a->stride, b->stride, a->rank * sizeof *a->stride);
}

START_TEST(taken)
{
    clx_tensor tensor;
    const uint64_t size[] = {2, 3, 4};
    clx_tensor wanted = clx_tensor_dense(mem, CLX_F32, 3, size);
    expect_ok(take(&tensor));
    expect_same(&tensor, &wanted);
    strides[0] = 4, strides[1] = 8, wanted.stride[0] = 4, wanted.stride[1] = 8;
    given.dl_tensor.strides = strides;
    given.dl_tensor.byte_offset = 8;
    wanted.offset = 2;
    expect_ok(take(&tensor));
    expect_same(&tensor, &wanted);
    given.dl_tensor.byte_offset = 32; /* the last element is the buffer's last: 8 + 4 + 16 + 3 = 31 */
    expect_ok(take(&tensor));
    given.dl_tensor.byte_offset = 36;
    expect_refused(take(&tensor), CLX_ERR_BOUNDS, "managed: reaches element 32, the buffer holds 32");
}
END_TEST

START_TEST(dtypes)
{
    static const struct {
        DLDataType dl;
        clx_dtype dtype;
    } rows[] = {{{kDLFloat, 16, 1}, CLX_F16}, {{kDLBfloat, 16, 1}, CLX_BF16}, {{kDLInt, 32, 1}, CLX_I32},
                {{kDLInt, 64, 1}, CLX_I64},   {{6, 8, 1}, CLX_BOOL},          {{kDLUInt, 8, 1}, CLX_BOOL},
                {{kDLFloat, 64, 1}, 0},       {{kDLFloat, 32, 2}, 0},         {{kDLInt, 8, 1}, 0},
                {{kDLUInt, 1, 1}, 0},         {{kDLBfloat, 32, 1}, 0},        {{kDLFloat, 32, 0}, 0}};
    clx_tensor tensor;
    given.dl_tensor.dtype = rows[_i].dl;
    given.dl_tensor.ndim = 1;
    if (rows[_i].dtype == CLX_DTYPE_DEFAULT) {
        expect_refused(take(&tensor), CLX_ERR_DTYPE, "managed.dtype");
        return;
    }
    expect_ok(take(&tensor));
    ck_assert_int_eq(tensor.dtype, rows[_i].dtype);
    DLManagedTensor *out = NULL;
    expect_ok(clx_tensor_to_dlpack(device.context, &tensor, 3, &out, &test_error));
    if (rows[_i].dl.code != kDLUInt) ck_assert_mem_eq(&out->dl_tensor.dtype, &rows[_i].dl, sizeof(DLDataType));
    out->deleter(out);
}
END_TEST

START_TEST(refused)
{
    clx_tensor tensor;
    clx_tensor before;
    memset(&before, 0x5a, sizeof before);
    tensor = before;
    given.dl_tensor.device.device_type = kDLCPU;
    expect_refused(take(&tensor), CLX_ERR_VALUE, "managed.device_type: 1, expected 4");
    given.dl_tensor.device.device_type = kDLOpenCL;
    given.dl_tensor.byte_offset = 2;
    expect_refused(take(&tensor), CLX_ERR_VALUE, "managed.byte_offset: 2, expected a multiple of 4");
    given.dl_tensor.byte_offset = 0;
    given.dl_tensor.ndim = 0;
    expect_refused(take(&tensor), CLX_ERR_SHAPE, "managed.ndim: 0");
    given.dl_tensor.ndim = 5;
    expect_refused(take(&tensor), CLX_ERR_SHAPE, "managed.ndim: 5");
    given.dl_tensor.ndim = 3;
    shape[1] = -1;
    expect_refused(take(&tensor), CLX_ERR_SHAPE, "managed.shape[1]: -1");
    shape[1] = INT64_MAX;
    expect_refused(take(&tensor), CLX_ERR_BOUNDS, "managed");
    shape[1] = 3;
    given.dl_tensor.shape = NULL;
    expect_refused(take(&tensor), CLX_ERR_NULL, "managed.shape");
    given.dl_tensor.shape = shape;
    given.dl_tensor.strides = strides;
    strides[0] = -12;
    expect_refused(take(&tensor), CLX_ERR_BOUNDS, "managed");
    given.dl_tensor.strides = NULL;
    given.dl_tensor.data = NULL;
    expect_refused(take(&tensor), CLX_ERR_NULL, "managed: buffer is null");
    expect_refused(clx_tensor_from_dlpack(NULL, &given, &tensor, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_tensor_from_dlpack(device.context, NULL, &tensor, &test_error), CLX_ERR_NULL, "managed");
    expect_refused(take(NULL), CLX_ERR_NULL, "out");
    ck_assert_mem_eq(&tensor, &before, sizeof tensor);
}
END_TEST

START_TEST(another_context)
{
    cl_int code = CL_SUCCESS;
    clx_tensor tensor;
    cl_context other = clCreateContext(NULL, 1, &device.id, NULL, NULL, &code);
    cl_mem foreign = clCreateBuffer(other, CL_MEM_READ_WRITE, 128, NULL, &code);
    given.dl_tensor.data = foreign;
    expect_refused(take(&tensor), CLX_ERR_CONTEXT, "managed: buffer of another context");
    clReleaseMemObject(foreign);
    clReleaseContext(other);
}
END_TEST

static cl_uint holders(void)
{
    cl_uint count = 0;
    clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT, sizeof count, &count, NULL);
    return count;
}

START_TEST(given_out)
{
    const uint64_t size[] = {2, 1, 3};
    clx_tensor tensor = clx_tensor_dense(mem, CLX_BF16, 3, size);
    clx_tensor back;
    DLManagedTensor *out = NULL;
    tensor.offset = 7;
    tensor.stride[0] = -3;
    const cl_uint before = holders();
    expect_ok(clx_tensor_to_dlpack(device.context, &tensor, 5, &out, &test_error));
    ck_assert_uint_eq(holders(), before + 1);
    ck_assert_ptr_eq(out->dl_tensor.data, mem);
    ck_assert_int_eq(out->dl_tensor.device.device_type, kDLOpenCL);
    ck_assert_int_eq(out->dl_tensor.device.device_id, 5);
    ck_assert_int_eq(out->dl_tensor.ndim, 3);
    ck_assert_int_eq(out->dl_tensor.shape[2], 3);
    ck_assert_int_eq(out->dl_tensor.strides[0], -3);
    ck_assert_uint_eq(out->dl_tensor.byte_offset, 14);
    expect_ok(clx_tensor_from_dlpack(device.context, out, &back, &test_error));
    expect_same(&back, &tensor);
    out->deleter(out);
    ck_assert_uint_eq(holders(), before);
    const struct {
        uint32_t rank;
        clx_dtype dtype;
        uint64_t offset;
        clx_status status;
    } wrong[] = {{0, CLX_BF16, 7, CLX_ERR_SHAPE},          {5, CLX_BF16, 7, CLX_ERR_SHAPE},
                 {3, CLX_DTYPE_DEFAULT, 7, CLX_ERR_DTYPE}, {3, (clx_dtype)77, 7, CLX_ERR_DTYPE},
                 {3, CLX_BF16, 2, CLX_ERR_BOUNDS},         {3, CLX_BF16, UINT64_MAX, CLX_ERR_BOUNDS}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        clx_tensor bad = tensor;
        bad.rank = wrong[i].rank, bad.dtype = wrong[i].dtype, bad.offset = wrong[i].offset;
        out = &given;
        expect_refused(clx_tensor_to_dlpack(device.context, &bad, 0, &out, &test_error), wrong[i].status, "tensor");
        ck_assert_ptr_null(out);
    }
    expect_refused(clx_tensor_to_dlpack(NULL, &tensor, 0, &out, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_tensor_to_dlpack(device.context, NULL, 0, &out, &test_error), CLX_ERR_NULL, "tensor");
    expect_refused(clx_tensor_to_dlpack(device.context, &tensor, 0, NULL, &test_error), CLX_ERR_NULL, "out");
    ck_assert_uint_eq(holders(), before);
}
END_TEST

/* Sizes that only a view without elements, or one that repeats, can have. */
START_TEST(too_large_for_dlpack)
{
    clx_tensor tensor = {.mem = mem, .dtype = CLX_F32, .rank = 2, .size = {UINT64_MAX, 1}, .stride = {0, 1}};
    DLManagedTensor *out = NULL;
    expect_refused(clx_tensor_to_dlpack(device.context, &tensor, 0, &out, &test_error), CLX_ERR_OVERFLOW, "tensor");
    tensor.size[0] = 0;
    tensor.mem = NULL;
    expect_ok(clx_tensor_to_dlpack(device.context, &tensor, 0, &out, &test_error));
    out->deleter(out);
    tensor.offset = UINT64_MAX;
    expect_refused(clx_tensor_to_dlpack(device.context, &tensor, 0, &out, &test_error), CLX_ERR_OVERFLOW, "tensor");
}
END_TEST
#endif

int main(void)
{
#ifdef HAVE_DLPACK
    Suite *suite = suite_create("dlpack");
    TCase *tcase = suite_case(suite, "dlpack", 60);
    tcase_add_checked_fixture(tcase, open_tensor, close_tensor);
    tcase_add_test(tcase, taken);
    tcase_add_loop_test(tcase, dtypes, 0, 12);
    tcase_add_test(tcase, refused);
    tcase_add_test(tcase, another_context);
    tcase_add_test(tcase, given_out);
    tcase_add_test(tcase, too_large_for_dlpack);
    return suite_run(suite);
#else
    return 77; /* skipped: no <dlpack/dlpack.h> (Debian: libdlpack-dev) */
#endif
}
