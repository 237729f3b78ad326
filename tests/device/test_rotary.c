/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary embeddings against the float64 reference, and their properties. */
#include "ref/ref.h"
#include "support/tensors.h"
#include <math.h>
#include <stdlib.h>

typedef struct rotary_row {
    uint64_t B, NH, NH_k, S, D, rotary_dim;
    clx_dtype dtype;
    test_layout layout;
    clx_rotary_pairing pairing;
    bool inverse, inplace, tables;
    double theta;
    int64_t start;
} rotary_row;

static const rotary_row rows[] = {
    {2, 3, 3, 40, 16, 0, CLX_F32, LAYOUT_DENSE, CLX_PAIRS_INTERLEAVED, false, false, false, 1e4, 0}, /* the seed's */
    {2, 4, 2, 19, 64, 0, CLX_BF16, LAYOUT_BSHD, CLX_PAIRS_INTERLEAVED, false, true, false, 1e4, 7},  /* grouped heads */
    {1, 5, 3, 33, 64, 32, CLX_F16, LAYOUT_BSHD, CLX_PAIRS_INTERLEAVED, false, false, false, 5e5, 0}, /* a copied half */
    {1, 2, 2, 33, 64, 32, CLX_F16, LAYOUT_BSHD, CLX_PAIRS_INTERLEAVED, true, true, false, 5e5, 0},
    {2, 3, 1, 9, 64, 64, CLX_F32, LAYOUT_DENSE, CLX_PAIRS_HALF, false, false, false, 1e4, 3},
    {2, 3, 1, 9, 64, 48, CLX_BF16, LAYOUT_DENSE, CLX_PAIRS_HALF, true, false, false, 1e4, 3},
    {1, 2, 5, 7, 10, 6, CLX_F32, LAYOUT_STRIDED, CLX_PAIRS_HALF, false, false, false, 1e4, 0}, /* no vector divides */
    {1, 2, 2, 7, 11, 6, CLX_F32, LAYOUT_STRIDED, CLX_PAIRS_INTERLEAVED, false, false, true, 1e4, 0},   /* odd D */
    {1, 2, 2, 7, 64, 0, CLX_F16, LAYOUT_STRIDED, CLX_PAIRS_INTERLEAVED, false, false, true, 1e4, 0},   /* not aligned */
    {2, 9, 4, 1, 128, 0, CLX_BF16, LAYOUT_DENSE, CLX_PAIRS_INTERLEAVED, false, true, true, 1e4, 11},   /* one token */
    {1, 1, 1, 3, 600, 600, CLX_F32, LAYOUT_DENSE, CLX_PAIRS_INTERLEAVED, false, false, false, 1e4, 0}, /* a long row */
    {1, 1, 1, 1, 2, 0, CLX_F32, LAYOUT_DENSE, CLX_PAIRS_INTERLEAVED, false, false, false, 1e4, 0},     /* one pair */
};
enum { ROWS = sizeof rows / sizeof *rows };

static clx_rotary *make_operator(const rotary_row *row)
{
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    clx_rotary *op = NULL;
    desc.D = row->D;
    desc.rotary_dim = row->rotary_dim;
    desc.theta = row->theta;
    desc.dtype = row->dtype;
    desc.pairing = row->pairing;
    desc.inverse = row->inverse;
    expect_ok(clx_rotary_create(device.context, &desc, &op, &test_error));
    ck_assert_ptr_nonnull(clx_rotary_variant(op));
    return op;
}

static clx_launch make_launch(void)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    return launch;
}

static clxi_ref_rotary reference_of(const rotary_row *row, uint64_t NH, const double *x, double *y, double *cond)
{
    return (clxi_ref_rotary){.B = row->B,
                             .NH = NH,
                             .S = row->S,
                             .D = row->D,
                             .rotary_dim = row->rotary_dim,
                             .half = row->pairing == CLX_PAIRS_HALF,
                             .inverse = row->inverse,
                             .theta = row->theta,
                             .start = row->start,
                             .x = x,
                             .y = y,
                             .cond = cond};
}

static void expect_reference(const rotary_row *row, const test_tensor *out, const double *x, const int64_t *positions)
{
    double *y = malloc(2 * out->count * sizeof *y);
    clxi_ref_rotary ref = reference_of(row, out->view.size[1], x, y, y + out->count);
    ref.positions = positions;
    clxi_ref_apply_rotary(&ref);
    const double tol = row->dtype == CLX_F32 ? 4e-7 : row->dtype == CLX_F16 ? 0x1p-10 : 0x1p-7;
    expect_close("out", out, y, y + out->count, tol);
    free(y);
}

START_TEST(against_reference)
{
    const rotary_row *row = &rows[_i];
    random_state random = random_start(100 + (uint64_t)_i);
    const uint64_t q_size[4] = {row->B, row->NH, row->S, row->D}, k_size[4] = {row->B, row->NH_k, row->S, row->D};
    const uint64_t R = row->rotary_dim ? row->rotary_dim : row->D;
    const uint64_t table_size[2] = {(uint64_t)row->start + row->S + 2, R / 2};
    clx_rotary *op = make_operator(row);
    clx_launch launch = make_launch();
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    test_tensor q = tensor_random(&random, row->dtype, row->layout, 4, q_size, 1.0f, 0.0f);
    test_tensor k = tensor_random(&random, row->dtype, row->layout, 4, k_size, 1.0f, 0.0f);
    test_tensor q_out = tensor_empty(row->dtype, LAYOUT_DENSE, 4, q_size);
    test_tensor k_out = tensor_empty(row->dtype, row->layout, 4, k_size);
    test_tensor sin = tensor_empty(CLX_F32, LAYOUT_STRIDED, 2, table_size);
    test_tensor cos = tensor_empty(CLX_F32, LAYOUT_DENSE, 2, table_size);
    double *q_before = malloc(q.count * sizeof *q_before), *k_before = malloc(k.count * sizeof *k_before);
    for (size_t i = 0; i < q.count; i++)
        q_before[i] = q.value[i];
    for (size_t i = 0; i < k.count; i++)
        k_before[i] = k.value[i];
    args.q = &q.view;
    args.k = &k.view;
    args.q_out = row->inplace ? &q.view : &q_out.view;
    args.k_out = row->inplace ? &k.view : &k_out.view;
    args.start = row->start;
    if (row->tables) {
        expect_ok(clx_rotary_tables_enqueue(op, &launch, 0, &sin.view, &cos.view, &test_error));
        args.sin = &sin.view;
        args.cos = &cos.view;
    }
    expect_ok(clx_rotary_enqueue(op, &launch, &args, &test_error));
    test_tensor *q_result = row->inplace ? &q : &q_out, *k_result = row->inplace ? &k : &k_out;
    tensor_read(q_result);
    tensor_read(k_result);
    expect_reference(row, q_result, q_before, NULL);
    expect_reference(row, k_result, k_before, NULL);
    free(q_before);
    free(k_before);
    tensor_free(&q), tensor_free(&k), tensor_free(&q_out), tensor_free(&k_out), tensor_free(&sin), tensor_free(&cos);
    clx_rotary_destroy(op);
}
END_TEST

/* The tables at places where every digit of a float product is gone; the reference is exact to |t| 2e-16. */
START_TEST(tables_far_out)
{
    static const struct {
        int64_t start;
        double slack; /* of the reference */
    } places[] = {{0, 0}, {-20, 0}, {999990, 1e-9}, {INT64_C(1) << 31, 5e-7}, {-(INT64_C(1) << 31), 5e-7}};
    const uint64_t size[2] = {24, 32};
    rotary_row row = {.D = 64, .dtype = CLX_F32, .theta = 1e4};
    clx_rotary *op = make_operator(&row);
    clx_launch launch = make_launch();
    test_tensor sin = tensor_empty(CLX_F32, LAYOUT_DENSE, 2, size), cos = tensor_empty(CLX_F32, LAYOUT_DENSE, 2, size);
    double *ref = malloc(2 * sin.count * sizeof *ref), *one = malloc(sin.count * sizeof *one);
    for (size_t i = 0; i < sin.count; i++)
        one[i] = 1.0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        expect_ok(clx_rotary_tables_enqueue(op, &launch, places[i].start, &sin.view, &cos.view, &test_error));
        clxi_ref_precompute_freqs(64, 24, 1e4, places[i].start, ref, ref + sin.count);
        tensor_read(&sin);
        tensor_read(&cos);
        expect_close("sin", &sin, ref, one, 1.5e-7 + places[i].slack);
        expect_close("cos", &cos, ref + sin.count, one, 1.5e-7 + places[i].slack);
        for (size_t e = 0; e < sin.count; e++) /* and whatever the reference is worth, a point of the circle */
            ck_assert_double_eq_tol(sin.value[e] * sin.value[e] + cos.value[e] * cos.value[e], 1.0, 4e-7);
    }
    /* The first frequency is one radian: known far out to any precision. sin(2^40), cos(2^40). */
    expect_ok(clx_rotary_tables_enqueue(op, &launch, INT64_C(1) << 40, &sin.view, &cos.view, &test_error));
    tensor_read(&sin);
    tensor_read(&cos);
    ck_assert_double_eq_tol(sin.value[0], -0.405705011533, 1.5e-7);
    ck_assert_double_eq_tol(cos.value[0], -0.914004071992, 1.5e-7);
    free(ref), free(one);
    tensor_free(&sin), tensor_free(&cos);
    clx_rotary_destroy(op);
}
END_TEST

/* Explicit positions, one row of them for all batches and one for each; with tables, unknown ones give NaN. */
START_TEST(explicit_positions)
{
    const rotary_row row = {2,     3,     2,     5,   16, 0, CLX_F32, LAYOUT_DENSE, CLX_PAIRS_INTERLEAVED,
                            false, false, false, 1e4, 0};
    const clx_dtype dtype = _i == 0 ? CLX_I32 : CLX_I64;
    const double numbers[10] = {3, 0, 1000000, 7, 7, 12, 11, 10, 9, -4};
    int64_t positions[10];
    random_state random = random_start(7);
    const uint64_t q_size[4] = {2, 3, 5, 16}, position_size[2] = {2, 5}, table_size[2] = {13, 8};
    test_tensor q = tensor_random(&random, CLX_F32, LAYOUT_BSHD, 4, q_size, 1.0f, 0.0f);
    test_tensor out = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, q_size);
    test_tensor place = tensor_from(numbers, dtype, LAYOUT_STRIDED, 2, position_size);
    test_tensor sin = tensor_empty(CLX_F32, LAYOUT_DENSE, 2, table_size);
    test_tensor cos = tensor_empty(CLX_F32, LAYOUT_DENSE, 2, table_size);
    clx_rotary *op = make_operator(&row);
    clx_launch launch = make_launch();
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    for (int i = 0; i < 10; i++)
        positions[i] = (int64_t)numbers[i];
    args.q = &q.view;
    args.q_out = &out.view;
    args.positions = &place.view;
    expect_ok(clx_rotary_enqueue(op, &launch, &args, &test_error)); /* no k */
    tensor_read(&out);
    expect_reference(&row, &out, q.value, positions);

    place.view.stride[0] = 0; /* the first row for both batches */
    expect_ok(clx_rotary_enqueue(op, &launch, &args, &test_error));
    for (int i = 5; i < 10; i++)
        positions[i] = positions[i - 5];
    tensor_read(&out);
    expect_reference(&row, &out, q.value, positions);

    expect_ok(clx_rotary_tables_enqueue(op, &launch, 0, &sin.view, &cos.view, &test_error));
    args.sin = &sin.view;
    args.cos = &cos.view;
    expect_ok(clx_rotary_enqueue(op, &launch, &args, &test_error));
    tensor_read(&out);
    for (size_t i = 0; i < out.count; i++) /* only position 1000000, token 2, is beyond the tables */
        ck_assert_int_eq(isnan(out.value[i]), i / 16 % 5 == 2);
    tensor_free(&q), tensor_free(&out), tensor_free(&place), tensor_free(&sin), tensor_free(&cos);
    clx_rotary_destroy(op);
}
END_TEST

/* Turning keeps the length of every pair, products depend on the distance alone, and the inverse undoes it. */
START_TEST(properties)
{
    random_state random = random_start(8);
    const uint64_t size[4] = {1, 1, 6, 32};
    rotary_row row = {1, 1, 1, 6, 32, 0, CLX_F32, LAYOUT_DENSE, CLX_PAIRS_INTERLEAVED, false, false, false, 1e4, 0};
    clx_launch launch = make_launch();
    clx_rotary *op = make_operator(&row);
    row.inverse = true;
    clx_rotary *undo = make_operator(&row);
    test_tensor q = tensor_random(&random, CLX_F32, LAYOUT_DENSE, 4, size, 1.0f, 0.0f);
    for (size_t i = 32; i < q.count; i++) /* the same vector at every position */
        q.value[i] = q.value[i % 32];
    tensor_write(&q);
    test_tensor out = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size);
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    args.q = &q.view;
    args.q_out = &out.view;
    args.start = 12345;
    expect_ok(clx_rotary_enqueue(op, &launch, &args, &test_error));
    tensor_read(&out);
    double products[5] = {0};
    for (size_t t = 0; t < 6; t++) {
        for (size_t j = 0; j < 16; j++) {
            const double *x = q.value + t * 32 + 2 * j, *y = out.value + t * 32 + 2 * j;
            ck_assert_double_eq_tol(hypot(y[0], y[1]), hypot(x[0], x[1]), 1e-6);
        }
        for (size_t e = 0; t > 0 && e < 32; e++)
            products[t - 1] += out.value[t * 32 + e] * out.value[(t - 1) * 32 + e];
    }
    for (size_t t = 1; t < 5; t++)
        ck_assert_double_eq_tol(products[t], products[0], 2e-5);
    args.q = &out.view;
    expect_ok(clx_rotary_enqueue(undo, &launch, &args, &test_error));
    tensor_read(&out);
    for (size_t i = 0; i < out.count; i++)
        ck_assert_double_eq_tol(out.value[i], q.value[i], 2e-6);
    tensor_free(&q), tensor_free(&out);
    clx_rotary_destroy(op), clx_rotary_destroy(undo);
}
END_TEST

START_TEST(nothing_to_do)
{
    const rotary_row row = {.D = 4, .dtype = CLX_F32, .theta = 1e4};
    clx_rotary *op = make_operator(&row);
    clx_launch launch = make_launch();
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    cl_event event = NULL;
    launch.event = &event;
    for (int d = 0; d < 3; d++) {
        uint64_t size[4] = {1, 1, 1, 4};
        size[d] = 0;
        const clx_tensor empty = clx_tensor_dense(NULL, CLX_F32, 4, size);
        args.q = &empty;
        args.q_out = &empty;
        expect_ok(clx_rotary_enqueue(op, &launch, &args, &test_error));
        clReleaseEvent(event);
    }
    const uint64_t none[2] = {0, 2};
    const clx_tensor table = clx_tensor_dense(NULL, CLX_F32, 2, none);
    launch.event = NULL;
    expect_ok(clx_rotary_tables_enqueue(op, &launch, 0, &table, &table, &test_error));
    clx_rotary_destroy(op);
    clx_rotary_destroy(NULL);
}
END_TEST

static void expect_no_operator(const clx_rotary_desc *desc, clx_status status, const char *text)
{
    clx_rotary *op = (clx_rotary *)(uintptr_t)1;
    expect_refused(clx_rotary_create(device.context, desc, &op, &test_error), status, text);
    ck_assert_ptr_null(op);
}

START_TEST(refused_descriptors)
{
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    clx_rotary *op = NULL;
    expect_no_operator(&desc, CLX_ERR_VALUE, "D: 0");
    desc.D = 5;
    expect_no_operator(&desc, CLX_ERR_VALUE, "D: 5, expected an even number");
    desc.rotary_dim = 3;
    expect_no_operator(&desc, CLX_ERR_VALUE, "rotary_dim: 3");
    desc.rotary_dim = 6;
    expect_no_operator(&desc, CLX_ERR_VALUE, "rotary_dim: 6");
    desc.rotary_dim = 4;
    static const double thetas[] = {0.0, -1.0, 0.0 / 0.0, 1.0 / 0.0};
    for (size_t i = 0; i < 4; i++) {
        desc.theta = thetas[i];
        expect_no_operator(&desc, CLX_ERR_VALUE, "theta");
    }
    desc.theta = 1e4;
    desc.dtype = CLX_BOOL;
    expect_no_operator(&desc, CLX_ERR_DTYPE, "dtype: bool");
    desc.dtype = CLX_F32;
    desc.table_dtype = (clx_dtype)77;
    expect_no_operator(&desc, CLX_ERR_DTYPE, "table_dtype");
    desc.table_dtype = CLX_F32;
    desc.pairing = (clx_rotary_pairing)2;
    expect_no_operator(&desc, CLX_ERR_VALUE, "pairing: 2");
    desc.pairing = CLX_PAIRS_HALF;
    desc.struct_size = 1;
    expect_no_operator(&desc, CLX_ERR_VALUE, "struct_size");
    expect_no_operator(NULL, CLX_ERR_NULL, "desc");
    expect_refused(clx_rotary_create(NULL, &desc, &op, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_rotary_create(device.context, &desc, NULL, &test_error), CLX_ERR_NULL, "out");
}
END_TEST

START_TEST(refused_calls)
{
    const rotary_row row = {.D = 8, .dtype = CLX_F32, .theta = 1e4};
    const uint64_t size[4] = {1, 2, 3, 8}, table_size[2] = {3, 4}, position_size[2] = {1, 3};
    clx_rotary *op = make_operator(&row);
    clx_launch launch = make_launch();
    test_tensor q = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size), k = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size);
    test_tensor out = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size),
                other = tensor_empty(CLX_F32, LAYOUT_DENSE, 4, size);
    test_tensor sin = tensor_empty(CLX_F32, LAYOUT_DENSE, 2, table_size);
    test_tensor place = tensor_empty(CLX_I32, LAYOUT_DENSE, 2, position_size);
    unsigned char *before = tensor_bytes(&out);
    clx_rotary_args good = CLX_ROTARY_ARGS_INIT;
    good.q = &q.view, good.k = &k.view, good.q_out = &out.view, good.k_out = &other.view;
    clx_rotary_args args = good;
    clx_tensor bad = q.view;
#define REFUSE(status, text)                                                                                           \
    expect_refused(clx_rotary_enqueue(op, &launch, &args, &test_error), status, text);                                 \
    args = good;                                                                                                       \
    bad = q.view

    expect_refused(clx_rotary_enqueue(NULL, &launch, &args, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_rotary_enqueue(op, NULL, &args, &test_error), CLX_ERR_NULL, "launch");
    expect_refused(clx_rotary_enqueue(op, &launch, NULL, &test_error), CLX_ERR_NULL, "args");
    args.struct_size = 3;
    REFUSE(CLX_ERR_VALUE, "struct_size");
    args.q = NULL;
    REFUSE(CLX_ERR_NULL, "q: NULL");
    args.q_out = NULL;
    REFUSE(CLX_ERR_NULL, "q_out: NULL");
    args.k = NULL;
    REFUSE(CLX_ERR_NULL, "k: NULL");
    args.k_out = NULL;
    REFUSE(CLX_ERR_NULL, "k_out: NULL");
    args.sin = &sin.view;
    REFUSE(CLX_ERR_NULL, "cos: NULL");
    bad.size[3] = 4;
    args.q = &bad;
    REFUSE(CLX_ERR_SHAPE, "q: shape (1,2,3,4)");
    bad.size[2] = 2;
    args.k = &bad;
    REFUSE(CLX_ERR_SHAPE, "k: shape (1,2,2,8), expected (1,2,3,8) to match q");
    bad.rank = 3;
    args.k = &bad;
    REFUSE(CLX_ERR_SHAPE, "k: rank 3");
    bad.stride[3] = 2;
    args.q = &bad;
    REFUSE(CLX_ERR_STRIDE, "q");
    bad.dtype = CLX_F16;
    args.q = &bad;
    REFUSE(CLX_ERR_DTYPE, "q: dtype f16");
    bad.offset = 1;
    args.q = &bad;
    REFUSE(CLX_ERR_BOUNDS, "q");
    bad.stride[1] = 0;
    args.q_out = &bad;
    REFUSE(CLX_ERR_STRIDE, "q_out");
    args.q_out = &k.view;
    REFUSE(CLX_ERR_OVERLAP, "q_out: overlaps k");
    args.k_out = &out.view;
    REFUSE(CLX_ERR_OVERLAP, "k_out: overlaps q_out");
    bad.size[2] = 1, bad.offset = 8; /* shifted by a token: no update in place */
    args.q = &bad, args.k = NULL, args.k_out = NULL;
    bad.stride[1] = 8;
    clx_tensor shifted = bad;
    shifted.offset = 0;
    args.q_out = &shifted;
    REFUSE(CLX_ERR_OVERLAP, "q_out: overlaps q");
    args.sin = &sin.view, args.cos = &sin.view, args.start = 1;
    REFUSE(CLX_ERR_SHAPE, "sin: 3 rows, expected at least 4");
    args.sin = &sin.view, args.cos = &sin.view, args.start = -1;
    REFUSE(CLX_ERR_VALUE, "start: -1");
    args.start = INT64_MAX;
    REFUSE(CLX_ERR_OVERFLOW, "start");
    args.positions = &place.view, args.start = 1;
    REFUSE(CLX_ERR_VALUE, "start: 1");
    args.positions = &sin.view;
    REFUSE(CLX_ERR_DTYPE, "positions: dtype f32");
    bad = place.view;
    bad.size[1] = 2;
    args.positions = &bad;
    REFUSE(CLX_ERR_SHAPE, "positions: shape (1,2)");
#undef REFUSE
    expect_refused(clx_rotary_tables_enqueue(op, &launch, 0, &sin.view, &sin.view, &test_error), CLX_ERR_OVERLAP,
                   "cos");
    expect_refused(clx_rotary_tables_enqueue(op, &launch, 0, &sin.view, NULL, &test_error), CLX_ERR_NULL, "cos");
    expect_refused(clx_rotary_tables_enqueue(op, &launch, INT64_MAX, &sin.view, NULL, &test_error), CLX_ERR_OVERFLOW,
                   "start");
    expect_untouched(&out, before);
    tensor_free(&q), tensor_free(&k), tensor_free(&out), tensor_free(&other), tensor_free(&sin), tensor_free(&place);
    clx_rotary_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rotary");
    TCase *tcase = suite_shared_device_case(suite, "rotary", 120);
    tcase_add_loop_test(tcase, against_reference, 0, ROWS);
    tcase_add_test(tcase, tables_far_out);
    tcase_add_loop_test(tcase, explicit_positions, 0, 2);
    tcase_add_test(tcase, properties);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, refused_descriptors);
    tcase_add_test(tcase, refused_calls);
    return suite_run_together(suite);
}
