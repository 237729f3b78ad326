/* SPDX-License-Identifier: Apache-2.0
 *
 * Norms against the float64 reference. */
#include "ref/ref.h"
#include "support/tensors.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum weight_kind { WEIGHT_NONE, WEIGHT_ONE, WEIGHT_PER_HEAD } weight_kind;

typedef struct norm_row {
    uint64_t B, NH, S, D;
    clx_norm_type type;
    clx_dtype dtype, weight_dtype, out_dtype;
    test_layout layout;
    weight_kind weight;
    bool inplace;
    float shift; /* of x: a mean that a one-pass variance would drown in */
    float eps;
} norm_row;

static const norm_row rows[] = {
    {2, 4, 24, 12, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_BSHD, WEIGHT_PER_HEAD, false, 0,
     1e-6f}, /* a cell's */
    {2, 3, 5, 64, CLX_RMSNORM, CLX_BF16, CLX_F32, CLX_BF16, LAYOUT_BSHD, WEIGHT_PER_HEAD, true, 0, 1e-6f},
    {1, 2, 9, 128, CLX_LAYERNORM, CLX_F16, CLX_F16, CLX_F16, LAYOUT_DENSE, WEIGHT_ONE, true, 1, 1e-5f},
    {1, 2, 9, 128, CLX_LAYERNORM, CLX_BF16, CLX_BF16, CLX_F32, LAYOUT_BSHD, WEIGHT_ONE, false, 1, 1e-5f},
    {3, 1, 3, 64, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE, WEIGHT_NONE, false, 1000, 1e-6f},
    {1, 3, 7, 33, CLX_RMSNORM, CLX_F32, CLX_F32, CLX_F16, LAYOUT_STRIDED, WEIGHT_PER_HEAD, false, 0,
     0.5f},                                                                                          /* eps counts */
    {1, 3, 7, 64, CLX_RMSNORM, CLX_F16, CLX_F32, CLX_F16, LAYOUT_STRIDED, WEIGHT_NONE, false, 0, 0}, /* not aligned */
    {1, 1, 3, 4096, CLX_RMSNORM, CLX_BF16, CLX_F32, CLX_BF16, LAYOUT_DENSE, WEIGHT_ONE, false, 0, 1e-6f},
    {1, 1, 2, 1000, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE, WEIGHT_ONE, true, 5, 1e-6f},
    {1, 1, 2, 70001, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE, WEIGHT_ONE, true, 5, 1e-6f}, /* too long to
                                                                                                              hold */
    {2, 2, 2, 1, CLX_RMSNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE, WEIGHT_PER_HEAD, false, 0, 1e-6f},
    {1, 5, 300, 3, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE, WEIGHT_PER_HEAD, false, 0,
     1e-6f}, /* many rows
                                                                                                                 a group */
};
enum { ROWS = sizeof rows / sizeof *rows };

static clx_norm *make_operator(const norm_row *row)
{
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    clx_norm *op = NULL;
    desc.D = row->D;
    desc.type = row->type;
    desc.dtype = row->dtype;
    desc.weight_dtype = row->weight_dtype;
    desc.out_dtype = row->out_dtype;
    desc.eps = row->eps;
    expect_ok(clx_norm_create(device.context, &desc, &op, &test_error));
    ck_assert_ptr_nonnull(clx_norm_variant(op));
    return op;
}

static clx_launch make_launch(void)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    return launch;
}

/* The mean is a sum of terms that may cancel: its error is one of mean(|x|), which the reference's cond leaves out. */
static void widen_for_mean(const clxi_ref_norm *ref)
{
    for (size_t r = 0; r < ref->rows; r++) {
        const double *x = ref->x + r * ref->width;
        double mean = 0, size = 0, variance = 0;
        for (size_t d = 0; d < ref->width; d++) {
            mean += x[d] / (double)ref->width;
            size += fabs(x[d]) / (double)ref->width;
        }
        for (size_t d = 0; d < ref->width; d++)
            variance += (x[d] - mean) * (x[d] - mean) / (double)ref->width;
        for (size_t d = 0; d < ref->width; d++)
            ref->cond[r * ref->width + d] +=
                size / sqrt(variance + ref->eps) * (ref->weight ? fabs(ref->weight[d]) : 1.0);
    }
}

/* y and cond behind it, (B, NH, S, D): head by head, since the reference takes one weight for all rows or one a row. */
static double *make_reference(const norm_row *row, const double *x, const double *weight)
{
    const size_t head_count = (size_t)(row->S * row->D), count = (size_t)(row->B * row->NH) * head_count;
    double *y = malloc(2 * count * sizeof *y);
    for (size_t bh = 0; bh < row->B * row->NH; bh++) {
        const size_t of_head = row->weight == WEIGHT_PER_HEAD ? bh % row->NH * row->D : 0;
        clxi_ref_norm ref = {.rows = row->S, .width = row->D, .rms = row->type == CLX_RMSNORM, .eps = row->eps};
        ref.weight = row->weight == WEIGHT_NONE ? NULL : weight + of_head;
        ref.weight_rows = 1;
        ref.x = x + bh * head_count;
        ref.y = y + bh * head_count;
        ref.cond = y + count + bh * head_count;
        clxi_ref_run_norm(&ref);
        if (!ref.rms) widen_for_mean(&ref);
    }
    return y;
}

START_TEST(against_reference)
{
    const norm_row *row = &rows[_i];
    random_state random = random_start(200 + (uint64_t)_i);
    const uint64_t size[4] = {row->B, row->NH, row->S, row->D}, head_size[2] = {row->NH, row->D};
    const bool per_head = row->weight == WEIGHT_PER_HEAD;
    clx_norm *op = make_operator(row);
    clx_launch launch = make_launch();
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    test_tensor x = tensor_random(&random, row->dtype, row->layout, 4, size, 2.0f, row->shift);
    test_tensor y = tensor_empty(row->out_dtype, LAYOUT_DENSE, 4, size);
    test_tensor weight = tensor_random(&random, row->weight_dtype, LAYOUT_DENSE, per_head ? 2 : 1,
                                       per_head ? head_size : head_size + 1, 1.0f, 1.0f);
    double *ref = make_reference(row, x.value, weight.value);
    args.x = &x.view;
    args.weight = row->weight == WEIGHT_NONE ? NULL : &weight.view;
    args.y = row->inplace ? &x.view : &y.view;
    expect_ok(clx_norm_enqueue(op, &launch, &args, &test_error));
    test_tensor *result = row->inplace ? &x : &y;
    tensor_read(result);
    expect_close("y", result, ref, ref + result->count, tensor_tolerance(CLX_F32, row->out_dtype));
    free(ref);
    tensor_free(&x), tensor_free(&y), tensor_free(&weight);
    clx_norm_destroy(op);
}
END_TEST

/* Every layout gives the same bits. */
START_TEST(layouts_agree)
{
    const norm_row row = {2,           3,     4, 32, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE,
                          WEIGHT_NONE, false, 0, 0};
    random_state random = random_start(3);
    const uint64_t size[4] = {2, 3, 4, 32};
    clx_norm *op = make_operator(&row);
    clx_launch launch = make_launch();
    test_tensor first = tensor_random(&random, CLX_F32, LAYOUT_DENSE, 4, size, 1.0f, 0.0f);
    double *expected = NULL;
    for (int layout = 0; layout < LAYOUT_STRIDED; layout++) {
        test_tensor x = tensor_from(first.value, CLX_F32, (test_layout)layout, 4, size);
        clx_norm_args args = CLX_NORM_ARGS_INIT;
        args.x = args.y = &x.view;
        expect_ok(clx_norm_enqueue(op, &launch, &args, &test_error));
        tensor_read(&x);
        if (expected) ck_assert_mem_eq(x.value, expected, x.count * sizeof *expected);
        if (!expected) expected = memcpy(malloc(x.count * sizeof *expected), x.value, x.count * sizeof *expected);
        tensor_free(&x);
    }
    free(expected);
    tensor_free(&first);
    clx_norm_destroy(op);
}
END_TEST

START_TEST(nothing_to_do)
{
    clx_norm *op = make_operator(&rows[0]);
    clx_launch launch = make_launch();
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    for (int d = 0; d < 3; d++) {
        uint64_t size[4] = {2, 4, 24, 12};
        size[d] = 0;
        const clx_tensor empty = clx_tensor_dense(NULL, CLX_F32, 4, size);
        args.x = args.y = &empty;
        expect_ok(clx_norm_enqueue(op, &launch, &args, &test_error));
    }
    clx_norm_destroy(op);
    clx_norm_destroy(NULL);
}
END_TEST

static void expect_no_operator(const clx_norm_desc *desc, clx_status status, const char *text)
{
    clx_norm *op = (clx_norm *)(uintptr_t)1;
    expect_refused(clx_norm_create(device.context, desc, &op, &test_error), status, text);
    ck_assert_ptr_null(op);
}

START_TEST(refused_descriptors)
{
    static const float wrong[] = {-1.0f, 0.0f / 0.0f, 1.0f / 0.0f};
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    clx_norm *op = NULL;
    expect_no_operator(&desc, CLX_ERR_VALUE, "D: 0");
    desc.D = UINT64_MAX;
    expect_no_operator(&desc, CLX_ERR_VALUE, "D: ");
    desc.D = 8;
    for (size_t i = 0; i < 3; i++) {
        desc.eps = wrong[i];
        expect_no_operator(&desc, CLX_ERR_VALUE, "eps");
    }
    desc.eps = 0;
    desc.type = (clx_norm_type)5;
    expect_no_operator(&desc, CLX_ERR_VALUE, "type: 5");
    desc.type = CLX_RMSNORM;
    desc.dtype = CLX_I32;
    expect_no_operator(&desc, CLX_ERR_DTYPE, "dtype: i32");
    desc.dtype = CLX_F32;
    desc.weight_dtype = CLX_BOOL;
    expect_no_operator(&desc, CLX_ERR_DTYPE, "weight_dtype");
    desc.weight_dtype = CLX_F32;
    desc.out_dtype = (clx_dtype)-1;
    expect_no_operator(&desc, CLX_ERR_DTYPE, "out_dtype");
    desc.out_dtype = CLX_F32;
    desc.struct_size++;
    expect_no_operator(&desc, CLX_ERR_VALUE, "struct_size");
    expect_no_operator(NULL, CLX_ERR_NULL, "desc");
    expect_refused(clx_norm_create(NULL, &desc, &op, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_norm_create(device.context, &desc, NULL, &test_error), CLX_ERR_NULL, "out");
}
END_TEST

START_TEST(refused_calls)
{
    const norm_row row = {1, 2, 3, 8, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32, LAYOUT_DENSE, WEIGHT_NONE, false, 0, 0};
    const uint64_t size[4] = {1, 2, 3, 8};
    clx_norm *op = make_operator(&row);
    clx_launch launch = make_launch();
    test_tensor x = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size), y = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size);
    test_tensor weight = tensor_empty(CLX_F32, LAYOUT_DENSE, 1, size + 3);
    unsigned char *before = tensor_bytes(&y);
    clx_norm_args good = CLX_NORM_ARGS_INIT;
    good.x = &x.view, good.y = &y.view, good.weight = &weight.view;
    clx_norm_args args = good;
    clx_tensor bad = x.view;
#define REFUSE(status, text)                                                                                           \
    expect_refused(clx_norm_enqueue(op, &launch, &args, &test_error), status, text);                                   \
    args = good;                                                                                                       \
    bad = x.view

    expect_refused(clx_norm_enqueue(NULL, &launch, &args, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_norm_enqueue(op, NULL, &args, &test_error), CLX_ERR_NULL, "launch");
    expect_refused(clx_norm_enqueue(op, &launch, NULL, &test_error), CLX_ERR_NULL, "args");
    args.struct_size = 0;
    REFUSE(CLX_ERR_VALUE, "struct_size");
    args.x = NULL;
    REFUSE(CLX_ERR_NULL, "x: NULL");
    args.y = NULL;
    REFUSE(CLX_ERR_NULL, "y");
    bad.mem = NULL;
    args.x = &bad;
    REFUSE(CLX_ERR_NULL, "x: buffer is null");
    bad.rank = 2;
    args.x = &bad;
    REFUSE(CLX_ERR_SHAPE, "x: rank 2, expected 4");
    bad.size[3] = 7;
    args.x = &bad;
    REFUSE(CLX_ERR_SHAPE, "x: shape (1,2,3,7)");
    bad.size[1] = 1;
    args.y = &bad;
    REFUSE(CLX_ERR_SHAPE, "y: shape (1,1,3,8), expected (1,2,3,8) to match x");
    bad.dtype = CLX_BF16;
    args.y = &bad;
    REFUSE(CLX_ERR_DTYPE, "y: dtype bf16, expected f32");
    bad.stride[3] = 2;
    args.x = &bad;
    REFUSE(CLX_ERR_STRIDE, "x");
    bad.stride[2] = 0;
    args.y = &bad;
    REFUSE(CLX_ERR_STRIDE, "y");
    bad.offset = 1;
    args.y = &bad;
    REFUSE(CLX_ERR_BOUNDS, "y");
    bad.size[2] = UINT64_C(1) << 40;
    args.x = &bad;
    REFUSE(CLX_ERR_OVERFLOW, "S: ");
    bad = weight.view;
    bad.size[0] = 4;
    args.weight = &bad;
    REFUSE(CLX_ERR_SHAPE, "weight: shape (4), expected (8)");
    bad.rank = 2, bad.size[0] = 3, bad.size[1] = 8, bad.stride[0] = 8, bad.stride[1] = 1;
    args.weight = &bad;
    REFUSE(CLX_ERR_SHAPE, "weight: shape (3,8), expected (2,8)");
    bad = y.view;
    bad.rank = 1, bad.size[0] = 8, bad.stride[0] = 1;
    args.weight = &bad;
    REFUSE(CLX_ERR_OVERLAP, "y: overlaps weight");
    bad.size[2] = 1, bad.stride[1] = 8; /* half of x, shifted by a row: no update in place */
    clx_tensor shifted = bad;
    shifted.offset = 8;
    args.x = &bad, args.y = &shifted;
    REFUSE(CLX_ERR_OVERLAP, "y: overlaps x");
#undef REFUSE
    expect_untouched(&y, before);
    tensor_free(&x), tensor_free(&y), tensor_free(&weight);
    clx_norm_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("norm");
    TCase *tcase = suite_shared_device_case(suite, "norm", 120);
    tcase_add_loop_test(tcase, against_reference, 0, ROWS);
    tcase_add_test(tcase, layouts_agree);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, refused_descriptors);
    tcase_add_test(tcase, refused_calls);
    return suite_run_together(suite);
}
