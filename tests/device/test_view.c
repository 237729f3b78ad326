/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors and buffers of the caller: what is refused, with which message, and where views meet. */
#include "runtime/view.h"
#include "support/support.h"

#include <string.h>

/* A (2, 3, 4, 5) f32 view in the middle of a buffer of 200 elements, and what it must be. */
typedef struct case_view {
    cl_mem mem;
    clx_tensor tensor;
    clxi_expect expect;
    clxi_extent extent;
} case_view;

static case_view v;

static void open_view(void)
{
    device_open(NULL);
    memset(&v, 0, sizeof v);
    v.mem = buffer_make(200 * sizeof(float), NULL);
    v.tensor = clx_tensor_bhsd(v.mem, CLX_F32, 2, 3, 4, 5);
    v.tensor.offset = 30;
    v.expect = (clxi_expect){"k", CLX_F32, 4, {2, 3, 4, 5}, "q", true, false};
}

static void close_view(void)
{
    buffer_free(v.mem);
    device_close();
}

static clx_status check(void)
{
    return clxi_view_check(device.context, &v.tensor, &v.expect, &v.extent, &test_error);
}

START_TEST(good_views)
{
    expect_ok(check());
    ck_assert_ptr_eq(v.extent.root, v.mem);
    ck_assert_uint_eq(v.extent.begin, 30 * 4);
    ck_assert_uint_eq(v.extent.end, 150 * 4);
    v.tensor.offset = 80; /* the last element is the buffer's last */
    expect_ok(check());
    v.tensor.stride[2] = -5; /* walked backwards: the offset is the last row of each head */
    v.tensor.offset = 15;
    expect_ok(check());
    ck_assert_uint_eq(v.extent.begin, 0);
    ck_assert_uint_eq(v.extent.end, 120 * 4);
    v.tensor = clx_tensor_bshd(v.mem, CLX_F32, 2, 3, 4, 5);
    v.expect.output = true;
    expect_ok(check());
    v.expect.output = false;
    v.tensor.stride[0] = 0; /* an input may repeat */
    expect_ok(check());
}
END_TEST

/* A dimension of one element is never walked, so that its stride may be any; not even its amount need be a number. */
START_TEST(strides_that_do_not_matter)
{
    static const int64_t wild[] = {INT64_MIN, INT64_MAX, 0, -1};
    clxi_extent other;
    v.tensor.size[1] = v.expect.size[1] = 1;
    v.expect.output = true;
    expect_ok(check());
    other = v.extent;
    const uint64_t begin = v.extent.begin, end = v.extent.end;
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        v.tensor.stride[1] = wild[i];
        expect_ok(check());
        ck_assert(v.extent.begin == begin && v.extent.end == end);
        ck_assert(clxi_extent_overlaps(&v.extent, &other));
    }
}
END_TEST

START_TEST(shape_and_dtype)
{
    v.tensor.size[2] = 3;
    expect_refused(check(), CLX_ERR_SHAPE, "k: shape (2,3,3,5), expected (2,3,4,5) to match q");
    v.tensor.size[2] = 4;
    v.tensor.rank = 3;
    expect_refused(check(), CLX_ERR_SHAPE, "k: rank 3, expected 4");
    v.tensor.rank = UINT32_MAX;
    expect_refused(check(), CLX_ERR_SHAPE, "k: rank 4294967295, expected 4");
    v.tensor.rank = 4;
    v.tensor.dtype = CLX_F16;
    expect_refused(check(), CLX_ERR_DTYPE, "k: dtype f16, expected f32");
    v.tensor.dtype = (clx_dtype)77;
    expect_refused(check(), CLX_ERR_DTYPE, "k: dtype ?, expected f32");
    expect_refused(clxi_view_check(device.context, NULL, &v.expect, &v.extent, &test_error), CLX_ERR_NULL, "k: null");
}
END_TEST

START_TEST(strides)
{
    v.tensor.stride[3] = 2;
    expect_refused(check(), CLX_ERR_STRIDE, "k: stride 2 in the last dimension");
    v.expect.inner_contiguous = false;
    v.tensor.offset = 0;
    v.tensor.stride[2] = 2;
    expect_ok(check());
    v.expect.output = true;
    expect_refused(check(), CLX_ERR_STRIDE, "k: strides that write an element twice");
    v.tensor = clx_tensor_bhsd(v.mem, CLX_F32, 2, 3, 4, 5);
    v.tensor.stride[1] = 0;
    expect_refused(check(), CLX_ERR_STRIDE, "write an element twice");
    v.tensor.stride[1] = 19; /* heads overlap by one element */
    expect_refused(check(), CLX_ERR_STRIDE, "write an element twice");
    v.tensor.stride[1] = -20;
    v.tensor.offset = 40;
    expect_ok(check());
}
END_TEST

START_TEST(bounds)
{
    v.tensor.offset = 81;
    expect_refused(check(), CLX_ERR_BOUNDS, "k: reaches element 200, the buffer holds 200");
    v.tensor.offset = UINT64_MAX;
    expect_refused(check(), CLX_ERR_BOUNDS, "k: offset 18446744073709551615");
    v.tensor.offset = 0;
    v.tensor.stride[0] = INT64_MIN;
    expect_refused(check(), CLX_ERR_BOUNDS, "k: offset 0 and strides reach outside");
    v.tensor.stride[0] = INT64_MAX;
    expect_refused(check(), CLX_ERR_BOUNDS, "k: reaches element");
    v.tensor.stride[0] = -1;
    expect_refused(check(), CLX_ERR_BOUNDS, "k: offset 0");
    v.expect.size[0] = v.tensor.size[0] = UINT64_MAX;
    v.tensor.stride[0] = 60;
    expect_refused(check(), CLX_ERR_BOUNDS, "k: offset 0");
}
END_TEST

START_TEST(empty_views)
{
    v.expect.size[2] = v.tensor.size[2] = 0;
    v.tensor.mem = NULL;
    expect_ok(check());
    v.tensor.mem = v.mem;
    v.tensor.offset = 1000;
    expect_ok(check());
    v.expect.size[2] = 1;
    expect_refused(check(), CLX_ERR_SHAPE, "k: shape (2,3,0,5), expected (2,3,1,5)");
    v.tensor.size[2] = 1;
    v.tensor.mem = NULL;
    expect_refused(check(), CLX_ERR_NULL, "k: buffer is null");
}
END_TEST

START_TEST(foreign_buffers)
{
    cl_int code = CL_SUCCESS;
    cl_context other = clCreateContext(NULL, 1, &device.id, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    cl_mem foreign = clCreateBuffer(other, CL_MEM_READ_WRITE, 800, NULL, &code);
    v.tensor.mem = foreign;
    expect_refused(check(), CLX_ERR_CONTEXT, "k: buffer of another context");
    clReleaseMemObject(foreign);
    clReleaseContext(other);
}
END_TEST

/* A buffer of every other platform that there is. */
START_TEST(other_platforms)
{
    cl_platform_id platforms[8];
    cl_uint count = 0;
    ck_assert_int_eq(clGetPlatformIDs(8, platforms, &count), CL_SUCCESS);
    for (cl_uint i = 0; i < count && i < 8; i++) {
        cl_device_id id = NULL;
        cl_int code = CL_SUCCESS;
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &id, NULL) != CL_SUCCESS || id == device.id) continue;
        cl_context other = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
        if (code != CL_SUCCESS) continue;
        v.tensor.mem = clCreateBuffer(other, CL_MEM_READ_WRITE, 800, NULL, &code);
        if (v.tensor.mem != NULL) expect_refused(check(), CLX_ERR_CONTEXT, "k: buffer of another context");
        buffer_free(v.tensor.mem);
        clReleaseContext(other);
    }
}
END_TEST

START_TEST(access_flags)
{
    cl_int code = CL_SUCCESS;
    cl_mem read_only = clCreateBuffer(device.cl, CL_MEM_READ_ONLY, 800, NULL, &code);
    cl_mem write_only = clCreateBuffer(device.cl, CL_MEM_WRITE_ONLY, 800, NULL, &code);
    v.tensor.mem = read_only;
    expect_ok(check());
    v.expect.output = true;
    expect_refused(check(), CLX_ERR_VALUE, "k: buffer is read-only");
    v.tensor.mem = write_only;
    expect_ok(check());
    v.expect.output = false;
    expect_refused(check(), CLX_ERR_VALUE, "k: buffer is write-only");
    buffer_free(read_only);
    buffer_free(write_only);
}
END_TEST

START_TEST(images_are_refused)
{
    const cl_image_format format = {CL_RGBA, CL_FLOAT};
    const cl_image_desc desc = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 64, .image_height = 64};
    cl_int code = CL_SUCCESS;
    cl_mem image = clCreateImage(device.cl, CL_MEM_READ_WRITE, &format, &desc, NULL, &code);
    if (image == NULL) return; /* the device has none */
    v.tensor.mem = image;
    expect_refused(check(), CLX_ERR_VALUE, "k: an image");
    buffer_free(image);
}
END_TEST

static cl_mem sub_buffer(cl_mem parent, size_t origin, size_t size)
{
    cl_int code = CL_SUCCESS;
    const cl_buffer_region region = {origin, size};
    cl_mem sub = clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return sub;
}

START_TEST(sub_buffers)
{
    cl_mem parent = buffer_make(8192, NULL);
    cl_mem low = sub_buffer(parent, 0, 4096);
    cl_mem high = sub_buffer(parent, 4096, 4096);
    const uint64_t size[1] = {1000};
    const clxi_expect expect = {"x", CLX_F32, 1, {1000}, NULL, true, true};
    clx_tensor a = clx_tensor_dense(low, CLX_F32, 1, size);
    clx_tensor b = clx_tensor_dense(high, CLX_F32, 1, size);
    clx_tensor c = clx_tensor_dense(parent, CLX_F32, 1, size);
    clxi_extent extents[3];
    expect_ok(clxi_view_check(device.context, &a, &expect, &extents[0], &test_error));
    expect_ok(clxi_view_check(device.context, &b, &expect, &extents[1], &test_error));
    expect_ok(clxi_view_check(device.context, &c, &expect, &extents[2], &test_error));
    ck_assert_ptr_eq(extents[1].root, parent);
    ck_assert_uint_eq(extents[1].begin, 4096);
    expect_ok(clxi_extent_check(&extents[0], extents, 2, &test_error));
    expect_refused(clxi_extent_check(&extents[0], extents, 3, &test_error), CLX_ERR_OVERLAP, "x: overlaps x");
    a.offset = 25;
    expect_refused(clxi_view_check(device.context, &a, &expect, &extents[0], &test_error), CLX_ERR_BOUNDS,
                   "x: reaches element 1024, the buffer holds 1024");
    buffer_free(low);
    buffer_free(high);
    buffer_free(parent);
}
END_TEST

static bool meet(clx_tensor a, clx_tensor b)
{
    clxi_extent extents[2];
    const clx_tensor *tensors[2] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        const clx_tensor *t = tensors[i];
        clxi_expect expect = {"x", t->dtype, t->rank, {0}, NULL, false, false};
        memcpy(expect.size, t->size, sizeof expect.size);
        expect_ok(clxi_view_check(device.context, t, &expect, &extents[i], &test_error));
    }
    bool one = clxi_extent_overlaps(&extents[0], &extents[1]);
    ck_assert_int_eq(one, clxi_extent_overlaps(&extents[1], &extents[0]));
    return one;
}

/* q, k and v side by side in rows of one buffer, per head; as views they interleave but never meet. */
START_TEST(packed_views)
{
    cl_mem mem = buffer_make(4096 * sizeof(float), NULL);
    const int64_t stride[4] = {4 * 3 * 24, 24, 3 * 24, 1}; /* (B, S, NH, q 8 | k 8 | v 8) seen as (B, NH, S, D) */
    clx_tensor q = clx_tensor_bhsd(mem, CLX_F32, 2, 3, 4, 8);
    memcpy(q.stride, stride, sizeof stride);
    clx_tensor k = q;
    k.offset = 8;
    ck_assert(!meet(q, k));
    ck_assert(meet(q, q));
    k.offset = 7;
    ck_assert(meet(q, k));
    k.offset = 16;
    ck_assert(!meet(q, k));
    k.offset = 17; /* the last element of a k row is the first of the next q row */
    ck_assert(meet(q, k));
    k.size[3] = 7;
    ck_assert(!meet(q, k));
    k.offset = 4 * 3 * 24 + 8; /* a row of another batch */
    ck_assert(!meet(q, k));
    q.stride[2] = k.stride[2] = -3 * 24; /* both walked backwards */
    q.offset = 3 * 3 * 24;
    k.offset = q.offset + 8;
    ck_assert(!meet(q, k));
    k.offset = q.offset + 7;
    ck_assert(meet(q, k));
    k = q; /* per token: q of all heads, then a wider k of all heads */
    q.stride[1] = 8;
    q.stride[2] = k.stride[2] = 3 * 24;
    q.offset = 0;
    k.offset = 3 * 8;
    k.stride[1] = k.size[3] = 16;
    ck_assert(!meet(q, k));
    k.offset = 3 * 8 - 1;
    ck_assert(meet(q, k));
    k.offset = 3 * 8 + 1;
    ck_assert(meet(q, k));
    k.dtype = CLX_BF16; /* the same bytes in halves: now half as many */
    k.offset = 2 * 3 * 8;
    for (int i = 0; i < 3; i++)
        k.stride[i] *= i == 1 ? 1 : 2;
    ck_assert(!meet(q, k));
    k.offset--;
    ck_assert(meet(q, k));
    buffer_free(mem);
}
END_TEST

/* Random small views against the definition: mark every element of one, look at those of the other. Every other round
 * they share their strides. */
START_TEST(overlap_is_exact)
{
    enum { ROOM = 512 };
    cl_mem mem = buffer_make(ROOM * sizeof(float), NULL);
    random_state random = random_start(20240601);
    for (int round = 0; round < 800; round++) {
        clx_tensor t[2];
        for (int i = 0; i < 2; i++) {
            t[i] = clx_tensor_bhsd(mem, CLX_F32, 1, 1 + random_below(&random, 3), 1 + random_below(&random, 3),
                                   1 + random_below(&random, 5));
            t[i].offset = 100 + random_below(&random, 120);
            t[i].stride[2] = 5 + (int64_t)random_below(&random, 6);
            t[i].stride[1] = 3 * t[i].stride[2] + (int64_t)random_below(&random, 4);
            if (random_below(&random, 2) == 0) t[i].stride[2] = -t[i].stride[2];
            if (i == 1 && round % 2 == 0) memcpy(t[1].stride, t[0].stride, sizeof t[1].stride);
        }
        bool used[ROOM] = {false};
        bool truth = false;
        for (int i = 0; i < 2; i++) {
            for (uint64_t h = 0; h < t[i].size[1]; h++) {
                for (uint64_t s = 0; s < t[i].size[2]; s++) {
                    for (uint64_t d = 0; d < t[i].size[3]; d++) {
                        int64_t at = (int64_t)t[i].offset + (int64_t)h * t[i].stride[1] + (int64_t)s * t[i].stride[2] +
                                     (int64_t)d;
                        if (i == 0) used[at] = true;
                        if (i == 1) truth = truth || used[at];
                    }
                }
            }
        }
        ck_assert_int_eq(meet(t[0], t[1]), truth);
    }
    buffer_free(mem);
}
END_TEST

START_TEST(dense_ranks)
{
    const uint64_t size[4] = {2, 3, 4, 5};
    ck_assert_uint_eq(clx_tensor_dense(v.mem, CLX_F32, 0, size).rank, 0);
    ck_assert_uint_eq(clx_tensor_dense(v.mem, CLX_F32, 5, size).rank, 0);
    ck_assert_uint_eq(clx_tensor_dense(v.mem, CLX_F32, 2, NULL).rank, 0);
    clx_tensor t = clx_tensor_dense(v.mem, CLX_BF16, 3, size);
    ck_assert(t.rank == 3 && t.stride[0] == 12 && t.stride[1] == 4 && t.stride[2] == 1 && t.dtype == CLX_BF16);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("view");
    TCase *tcase = suite_case(suite, "view", 60);
    tcase_add_checked_fixture(tcase, open_view, close_view);
    tcase_add_test(tcase, good_views);
    tcase_add_test(tcase, strides_that_do_not_matter);
    tcase_add_test(tcase, shape_and_dtype);
    tcase_add_test(tcase, strides);
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, empty_views);
    tcase_add_test(tcase, foreign_buffers);
    tcase_add_test(tcase, other_platforms);
    tcase_add_test(tcase, access_flags);
    tcase_add_test(tcase, images_are_refused);
    tcase_add_test(tcase, sub_buffers);
    tcase_add_test(tcase, packed_views);
    tcase_add_test(tcase, overlap_is_exact);
    tcase_add_test(tcase, dense_ranks);
    return suite_run(suite);
}
