/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention against the float64 reference: shapes, dtypes, masks, layouts and numbers at their ends. */
#include "support/attention_problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The dimensions that most tests share, so that they share programs: rests in every direction, more than one slice of
 * registers. */
static clx_attention_desc plain(void)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = 10;
    desc.DHV = 21;
    return desc;
}

static void check(const attention_problem *p, const char *what)
{
    clx_attention *op = attention_make(p);
    for (int layout = 0; layout < ATTENTION_LAYOUTS; layout++) {
        double *h = attention_run(op, p, (attention_layout)layout);
        attention_judge(p, h, what);
        free(h);
    }
    clx_attention_destroy(op);
}

static const struct {
    uint64_t B, NH, NH_kv, S_q, S_kv, window;
    int64_t start;
    clx_mask_kind mask;
} shapes[] = {
#define END CLX_ATTENTION_START_AT_END
    {1, 1, 1, 1, 1, 0, END, CLX_MASK_CAUSAL},            /* one key */
    {2, 3, 3, 47, 47, 0, END, CLX_MASK_CAUSAL},          /* one row less than the cpu tile */
    {1, 2, 2, 48, 48, 0, END, CLX_MASK_CAUSAL},          /* the cpu tile */
    {1, 2, 2, 33, 33, 0, END, CLX_MASK_CAUSAL},          /* one row more than a simt tile */
    {1, 1, 1, 131, 131, 0, END, CLX_MASK_CAUSAL},        /* several tiles and a rest */
    {2, 4, 2, 70, 70, 0, END, CLX_MASK_CAUSAL},          /* two query heads share a head of k and v */
    {2, 5, 3, 20, 40, 0, END, CLX_MASK_CAUSAL},          /* floor(n 3 / 5): heads shared unevenly */
    {1, 3, 1, 19, 90, 0, END, CLX_MASK_NONE},            /* one head of k and v; no mask: every row sees all */
    {1, 2, 2, 1, 150, 0, END, CLX_MASK_CAUSAL},          /* a token behind a cache */
    {1, 2, 2, 5, 150, 0, 60, CLX_MASK_CAUSAL},           /* a cache with room behind the rows */
    {1, 2, 2, 90, 40, 0, END, CLX_MASK_CAUSAL},          /* more rows than keys: the first rows see nothing */
    {1, 2, 2, 50, 50, 0, -20, CLX_MASK_CAUSAL},          /* the same by a negative start */
    {1, 2, 2, 50, 50, 0, 1000, CLX_MASK_CAUSAL},         /* rows behind all keys */
    {1, 2, 2, 50, 50, 0, -1000, CLX_MASK_CAUSAL},        /* rows before all keys see nothing */
    {1, 2, 2, 131, 131, 1, END, CLX_MASK_CAUSAL},        /* a row sees itself alone */
    {1, 2, 2, 131, 131, 40, END, CLX_MASK_CAUSAL},       /* tiles before the window are skipped */
    {1, 2, 2, 131, 131, 5000, END, CLX_MASK_CAUSAL},     /* a window wider than the text */
    {1, 2, 2, 30, 131, 40, 80, CLX_MASK_NONE},           /* a window without a diagonal */
    {1, 2, 2, 30, 60, 7, 500, CLX_MASK_NONE},            /* a window behind all keys: nothing is seen */
    {1, 2, 2, 30, 60, UINT64_MAX, END, CLX_MASK_CAUSAL}, /* as good as no window */
    {1, 2, 2, 100, 100, 0, END, CLX_MASK_EXPLICIT},      /* empty rows, and keys behind the row */
    {2, 2, 1, 37, 83, 0, END, CLX_MASK_EXPLICIT},        /* a mask that is not square */
    {1, 2, 2, 60, 131, 50, END, CLX_MASK_EXPLICIT},      /* a mask and a window: both must allow */
#undef END
};

START_TEST(shapes_pass)
{
    random_state random = random_start(100 + (uint64_t)_i);
    for (int activation = CLX_ATTENTION_SOFTMAX; activation <= CLX_ATTENTION_NONE; activation++) {
        attention_problem p;
        clx_attention_desc desc = plain();
        desc.mask = shapes[_i].mask;
        desc.window = shapes[_i].window;
        desc.activation_function = (clx_attention_activation)activation;
        const clx_attention_sizes sizes = {shapes[_i].B, shapes[_i].NH, shapes[_i].NH_kv, shapes[_i].S_q,
                                           shapes[_i].S_kv};
        attention_problem_make(&p, &desc, &sizes, 1, &random);
        p.start = shapes[_i].start;
        check(&p, "shape");
        attention_problem_free(&p);
    }
}
END_TEST

static const struct {
    uint64_t DHQK, DHV;
    bool rotary;
    clx_dtype input, qkv, out;
} kinds[] = {
    {1, 1, false, CLX_F32, CLX_F32, CLX_F32},    /* the smallest heads */
    {2, 3, true, CLX_F16, CLX_F16, CLX_F16},     /* one pair; rounding of q and k is all that there is */
    {7, 130, false, CLX_F32, CLX_F32, CLX_F32},  /* odd rows, several slices where a slice is small */
    {64, 300, true, CLX_F32, CLX_F32, CLX_F32},  /* more than one slice of DHV everywhere */
    {10, 21, true, CLX_BF16, CLX_BF16, CLX_F32}, /* h in f32 */
    {10, 21, true, CLX_F32, CLX_BF16, CLX_BF16}, /* rounded on load, q and k again when they are stored */
    {10, 21, false, CLX_F32, CLX_F16, CLX_F16},  /* rounded on load, no workspace */
    {12, 24, true, CLX_F16, CLX_F32, CLX_F32},   /* computed more finely than it is stored: v has a dtype of its own */
};

START_TEST(dimensions_and_dtypes_pass)
{
    random_state random = random_start(200 + (uint64_t)_i);
    attention_problem p;
    clx_attention_desc desc = plain();
    desc.DHQK = kinds[_i].DHQK;
    desc.DHV = kinds[_i].DHV;
    desc.rotary = kinds[_i].rotary;
    desc.input_dtype = kinds[_i].input;
    desc.qkv_dtype = kinds[_i].qkv;
    desc.out_dtype = kinds[_i].out;
    desc.qk_pre_activation_function = _i % 2 ? CLX_PRE_ACTIVATION_NONE : CLX_PRE_ACTIVATION_SILU;
    const clx_attention_sizes sizes = {1, 4, 2, 67, 81};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    check(&p, "kind");
    attention_problem_free(&p);
}
END_TEST

/* Anything within one set of programs. */
START_TEST(random_problems_pass)
{
    random_state random = random_start(300 + (uint64_t)_i);
    clx_attention_desc desc = plain();
    desc.activation_function = (clx_attention_activation)random_below(&random, 3);
    desc.mask = (clx_mask_kind)random_below(&random, 3);
    desc.rotary = random_below(&random, 2) == 0;
    desc.theta = random_below(&random, 2) == 0 ? 10000 : 37.5;
    if (random_below(&random, 2) == 0) desc.qk_pre_activation_function = CLX_PRE_ACTIVATION_SILU;
    for (int round = 0; round < 6; round++) {
        attention_problem p;
        clx_attention_sizes s = {1 + random_below(&random, 3), 1 + random_below(&random, 5), 1, 0, 0};
        s.NH_kv = 1 + random_below(&random, s.NH);
        s.S_q = 1 + random_below(&random, 140);
        s.S_kv = 1 + random_below(&random, 140);
        desc.window = random_below(&random, 3) == 0 ? 1 + random_below(&random, 100) : 0;
        desc.bias_length = random_below(&random, 2) == 0 ? 0 : 1 + random_below(&random, 4000);
        attention_problem_make(&p, &desc, &s, round % 2 ? 1 : 4, &random);
        if (random_below(&random, 2) == 0) p.start = (int64_t)random_below(&random, 200) - 50;
        clx_attention *op = attention_make(&p);
        double *h = attention_run(op, &p, (attention_layout)random_below(&random, ATTENTION_LAYOUTS));
        attention_judge(&p, h, "random");
        free(h);
        clx_attention_destroy(op);
        attention_problem_free(&p);
    }
}
END_TEST

/* Logits of thousands whose largest lies in the last tile, in the first, or anywhere: what was added up so far must
 * shrink to nothing, or stay. */
START_TEST(maxima_that_move)
{
    random_state random = random_start(400 + (uint64_t)_i);
    attention_problem p;
    clx_attention_desc desc = plain();
    desc.mask = CLX_MASK_NONE;
    desc.rotary = 0;
    const clx_attention_sizes sizes = {1, 2, 2, 50, 200};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    for (size_t i = 0; i < attention_q_count(&p); i++)
        p.q[i] = fabs(p.q[i]) + 1;
    for (size_t i = 0; i < attention_k_count(&p); i++) {
        const double s = (double)(i / desc.DHQK % sizes.S_kv);
        const double level = _i == 0 ? s : _i == 1 ? 200 - s : -s * s;
        p.k[i] = (float)(p.k[i] + 16 * level); /* also where every logit is far below 0 */
    }
    check(&p, "maxima");
    attention_problem_free(&p);
}
END_TEST

/* Sigmoid where exp overflows on either side. */
START_TEST(sigmoid_at_its_ends)
{
    random_state random = random_start(500);
    attention_problem p;
    clx_attention_desc desc = plain();
    desc.activation_function = CLX_ATTENTION_SIGMOID;
    desc.rotary = 0;
    const clx_attention_sizes sizes = {1, 1, 1, 60, 60};
    attention_problem_make(&p, &desc, &sizes, 30, &random);
    check(&p, "sigmoid");
    attention_problem_free(&p);
}
END_TEST

/* Weights of softmax are at least 0 and add up to 1. */
START_TEST(softmax_stays_in_the_hull)
{
    random_state random = random_start(600);
    attention_problem p;
    clx_attention_desc desc = plain();
    const clx_attention_sizes sizes = {1, 2, 1, 100, 100};
    attention_problem_make(&p, &desc, &sizes, 3, &random);
    clx_attention *op = attention_make(&p);
    double *h = attention_run(op, &p, ATTENTION_BHSD);
    for (size_t i = 0; i < attention_h_count(&p); i++) {
        const size_t t = i / desc.DHV % sizes.S_q, column = i % desc.DHV;
        double low = INFINITY, high = -INFINITY;
        for (size_t s = 0; s <= t; s++) {
            low = fmin(low, p.v[s * desc.DHV + column]);
            high = fmax(high, p.v[s * desc.DHV + column]);
        }
        ck_assert_msg(h[i] >= low - 1e-6 && h[i] <= high + 1e-6, "row %zu: %g, expected %g to %g", t, h[i], low, high);
    }
    free(h);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

/* What comes after a row does not change a bit of it. */
START_TEST(later_tokens_change_nothing)
{
    random_state random = random_start(700);
    attention_problem p;
    clx_attention_desc desc = plain();
    const clx_attention_sizes sizes = {1, 2, 2, 110, 110};
    enum { CHANGED = 71 };
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    clx_attention *op = attention_make(&p);
    double *before = attention_run(op, &p, ATTENTION_BHSD);
    for (size_t i = 0; i < attention_k_count(&p); i++)
        if (i / desc.DHQK % sizes.S_kv >= CHANGED) p.q[i] = p.k[i] = p.k[i] + 1;
    for (size_t i = 0; i < attention_v_count(&p); i++)
        if (i / desc.DHV % sizes.S_kv >= CHANGED) p.v[i] += 1;
    double *after = attention_run(op, &p, ATTENTION_BHSD);
    for (size_t i = 0; i < attention_h_count(&p); i++)
        ck_assert_int_eq(i / desc.DHV % sizes.S_q < CHANGED, before[i] == after[i]);
    free(before);
    free(after);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

/* Every batch and head is computed as if it were alone; a second run gives the same bits. */
START_TEST(heads_are_apart)
{
    random_state random = random_start(800);
    attention_problem p;
    clx_attention_desc desc = plain();
    const clx_attention_sizes sizes = {3, 4, 2, 40, 60};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    clx_attention *op = attention_make(&p);
    double *all = attention_run(op, &p, ATTENTION_BSHD), *again = attention_run(op, &p, ATTENTION_BSHD);
    ck_assert_int_eq(memcmp(all, again, attention_h_count(&p) * sizeof *all), 0);
    const size_t q_row = (size_t)(sizes.S_q * desc.DHQK), k_row = (size_t)(sizes.S_kv * desc.DHQK);
    const size_t v_row = (size_t)(sizes.S_kv * desc.DHV), h_row = (size_t)(sizes.S_q * desc.DHV);
    for (size_t head = 0; head < sizes.B * sizes.NH; head++) {
        const size_t kv = head / sizes.NH * sizes.NH_kv + head % sizes.NH / 2;
        attention_problem one = p;
        one.sizes.B = one.sizes.NH = one.sizes.NH_kv = 1;
        one.q = p.q + head * q_row;
        one.k = p.k + kv * k_row;
        one.v = p.v + kv * v_row;
        double *h = attention_run(op, &one, ATTENTION_BHSD);
        ck_assert_msg(memcmp(h, all + head * h_row, h_row * sizeof *h) == 0, "head %zu", head);
        free(h);
    }
    free(all);
    free(again);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

/* A NaN in a query reaches its own row alone; one in a key only rows that see it, and their tile. */
START_TEST(nan_stays_in_its_row)
{
    random_state random = random_start(900);
    attention_problem p;
    clx_attention_desc desc = plain();
    const clx_attention_sizes sizes = {1, 2, 2, 100, 100};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    p.q[40 * desc.DHQK + 3] = NAN;
    clx_attention *op = attention_make(&p);
    double *h = attention_run(op, &p, ATTENTION_BHSD);
    for (size_t i = 0; i < attention_h_count(&p); i++)
        ck_assert_int_eq(isnan(h[i]) != 0, i / desc.DHV == 40);
    free(h);
    p.q[40 * desc.DHQK + 3] = 0;
    p.k[99 * desc.DHQK] = NAN;
    h = attention_run(op, &p, ATTENTION_BHSD);
    ck_assert(isnan(h[99 * desc.DHV]));
    for (size_t i = 0; i < 32 * desc.DHV; i++)
        ck_assert(!isnan(h[i]) && !isnan(h[i + 100 * desc.DHV]));
    free(h);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

static const clx_attention_sizes empty[] = {{0, 2, 2, 5, 5}, {1, 0, 0, 5, 5}, {1, 2, 2, 0, 5}, {1, 2, 1, 0, 0}};

/* Nothing to do: no buffers are needed, and an event comes all the same. */
START_TEST(empty_calls)
{
    random_state random = random_start(1000);
    attention_problem p;
    attention_tensors t;
    clx_attention_desc desc = plain();
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_event event = NULL;
    attention_problem_make(&p, &desc, &empty[_i], 1, &random);
    attention_place(&p, ATTENTION_BHSD, &t);
    clx_attention *op = attention_make(&p);
    launch.queue = device.queue;
    launch.event = &event;
    expect_ok(clx_attention_enqueue(op, &launch, &t.args, &test_error));
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    clReleaseEvent(event);
    clx_attention_destroy(op);
    attention_tensors_free(&t);
    attention_problem_free(&p);
}
END_TEST

/* Rows without any key give zeros, whatever the activation and the mask. */
START_TEST(no_keys)
{
    random_state random = random_start(1100);
    attention_problem p;
    clx_attention_desc desc = plain();
    desc.activation_function = (clx_attention_activation)(_i % 3);
    desc.mask = (clx_mask_kind)(_i / 3);
    const clx_attention_sizes sizes = {1, 2, 1, 3, 0};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    clx_attention *op = attention_make(&p);
    double *h = attention_run(op, &p, ATTENTION_BHSD);
    for (size_t i = 0; i < attention_h_count(&p); i++)
        ck_assert(h[i] == 0);
    free(h);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attention_shapes");
    TCase *tcase = suite_shared_device_case(suite, "shapes", 120);
    tcase_add_loop_test(tcase, shapes_pass, 0, sizeof shapes / sizeof *shapes);
    tcase = suite_shared_device_case(suite, "kinds", 120);
    tcase_add_loop_test(tcase, dimensions_and_dtypes_pass, 0, sizeof kinds / sizeof *kinds);
    tcase = suite_shared_device_case(suite, "random", 120);
    tcase_add_loop_test(tcase, random_problems_pass, 0, 12);
    tcase = suite_shared_device_case(suite, "numbers", 120);
    tcase_add_loop_test(tcase, maxima_that_move, 0, 3);
    tcase_add_test(tcase, sigmoid_at_its_ends);
    tcase_add_test(tcase, softmax_stays_in_the_hull);
    tcase_add_test(tcase, nan_stays_in_its_row);
    tcase = suite_shared_device_case(suite, "apart", 120);
    tcase_add_test(tcase, later_tokens_change_nothing);
    tcase_add_test(tcase, heads_are_apart);
    tcase = suite_shared_device_case(suite, "empty", 120);
    tcase_add_loop_test(tcase, empty_calls, 0, sizeof empty / sizeof *empty);
    tcase_add_loop_test(tcase, no_keys, 0, 9);
    return suite_run_together(suite);
}
