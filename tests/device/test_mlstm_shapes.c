/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM operator against the float64 reference, on random numbers: sizes, dtypes, gates, masks. Programs are compiled
 * per head dimension and dtype, so the tables vary what costs no compilation. */
#include "support/mlstm_problem.h"
#include "support/views.h"

#include <stdio.h>
#include <stdlib.h>

enum { CORE_DHQK = 20, CORE_DHV = 24 };

static clx_mlstm_desc core_desc(void)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = CORE_DHQK;
    desc.DHV = CORE_DHV;
    return desc;
}

/* Makes a problem, runs it in both layouts and judges. */
static void check_both(const clx_mlstm_desc *desc, uint64_t B, uint64_t NH, uint64_t S, mlstm_gates gates,
                       mlstm_mask mask, random_state *random)
{
    mlstm_problem p;
    char what[64];
    snprintf(what, sizeof what, "gates %d, mask %d, rowwise %d, eps %g", gates, mask, desc->stabilize_rowwise,
             (double)desc->eps);
    mlstm_problem_make(&p, desc, B, NH, S, gates, mask, random);
    const mlstm_layout bhsd = mlstm_layout_bhsd(&p), bshd = mlstm_layout_bshd(&p);
    clx_mlstm *op = mlstm_make(&p);
    mlstm_check(op, &p, &bhsd, what);
    mlstm_check(op, &p, &bshd, what);
    clx_mlstm_destroy(op);
    mlstm_problem_free(&p);
}

static const struct {
    uint64_t B, NH, S;
} sizes[] = {
    {1, 1, 1},   /* the shortest text, the only head */
    {2, 3, 1},   /* a step of decoding */
    {2, 2, 2},   /* the first row that sees two columns */
    {2, 3, 7},   /* shorter than any tile */
    {1, 2, 31},  /* one row short of simt's small tile */
    {1, 2, 32},  /* that tile */
    {1, 2, 33},  /* one row more */
    {1, 2, 47},  /* around cpu's tile of 48 */
    {1, 2, 48},  /**/
    {1, 2, 49},  /**/
    {1, 2, 63},  /* around the tiles of 64 */
    {1, 2, 64},  /**/
    {1, 2, 65},  /**/
    {1, 2, 95},  /* around two tiles of 48 */
    {1, 2, 97},  /**/
    {1, 2, 127}, /* around two tiles of 64, and tiles of 128 */
    {1, 2, 128}, /**/
    {1, 2, 129}, /**/
    {5, 1, 40},  /* more batches than heads */
    {1, 7, 19},  /* more heads than batches, none a power of two */
    {1, 1, 300}, /* several tiles, the last one not full; two rounds of the gates' scan on a CPU and on a GPU */
    {2, 2, 193}, /* the same with heads and batches that differ */
};

START_TEST(size_passes)
{
    random_state random = random_start(100 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    for (int rowwise = 1; rowwise >= 0; rowwise--) {
        desc.stabilize_rowwise = rowwise;
        check_both(&desc, sizes[_i].B, sizes[_i].NH, sizes[_i].S, GATES_PLAIN, MASK_NONE, &random);
        check_both(&desc, sizes[_i].B, sizes[_i].NH, sizes[_i].S, GATES_PLAIN, MASK_RANDOM, &random);
    }
}
END_TEST

static const struct {
    uint64_t DHQK, DHV, S;
    mlstm_mask mask;
} dimensions[] = {
    {1, 1, 70, MASK_NONE},       /* no sum in a product, a single column of h */
    {5, 3, 70, MASK_RANDOM},     /* no element is at a multiple of four */
    {1, 130, 50, MASK_NONE},     /* DHV a little more than a slice of 64 or 128 */
    {70, 1, 50, MASK_NONE},      /* DHQK is several chunks and a rest */
    {33, 257, 50, MASK_NONE},    /* one column more than the widest slice */
    {1024, 1024, 50, MASK_NONE}, /* the largest that must work */
};

START_TEST(dimension_passes)
{
    random_state random = random_start(200 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    desc.DHQK = dimensions[_i].DHQK;
    desc.DHV = dimensions[_i].DHV;
    check_both(&desc, 1, 2, dimensions[_i].S, GATES_PLAIN, dimensions[_i].mask, &random);
    if (desc.DHV < 1024) check_both(&desc, 2, 1, 131, GATES_RESETS, dimensions[_i].mask, &random);
}
END_TEST

/* Every mixture of dtypes; the two tables are walked together, so each has one row per test. */
static const struct {
    clx_dtype input, qkv, out;
} dtypes[] = {
    {CLX_F32, CLX_F16, CLX_F16},    {CLX_F32, CLX_F16, CLX_F32},  {CLX_F32, CLX_BF16, CLX_BF16},
    {CLX_F32, CLX_BF16, CLX_F32},   {CLX_F16, CLX_F16, CLX_F16},  {CLX_F16, CLX_F16, CLX_F32},
    {CLX_F16, CLX_F32, CLX_F32},    {CLX_F16, CLX_BF16, CLX_F32}, {CLX_F16, CLX_BF16, CLX_BF16},
    {CLX_BF16, CLX_BF16, CLX_BF16}, {CLX_BF16, CLX_F32, CLX_F32}, {CLX_BF16, CLX_F16, CLX_F16},
    {CLX_BF16, CLX_BF16, CLX_F32},  {CLX_BF16, CLX_F16, CLX_F32},
};
static const struct {
    clx_dtype input, gate;
} gate_dtypes[] = {
    {CLX_F32, CLX_F32},  {CLX_F32, CLX_F16},  {CLX_F32, CLX_BF16}, {CLX_F16, CLX_F32},   {CLX_F16, CLX_F16},
    {CLX_F16, CLX_BF16}, {CLX_BF16, CLX_F32}, {CLX_BF16, CLX_F16}, {CLX_BF16, CLX_BF16},
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes, GATE_DTYPES = sizeof gate_dtypes / sizeof *gate_dtypes };

START_TEST(dtypes_pass)
{
    random_state random = random_start(300 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    desc.input_dtype = dtypes[_i].input;
    desc.qkv_dtype = dtypes[_i].qkv;
    desc.out_dtype = dtypes[_i].out;
    desc.gate_input_dtype = gate_dtypes[_i % GATE_DTYPES].input;
    desc.gate_dtype = gate_dtypes[_i % GATE_DTYPES].gate;
    check_both(&desc, 1, 3, 70, GATES_PLAIN, MASK_NONE, &random);
    check_both(&desc, 1, 2, 50, GATES_RESETS, MASK_NONE, &random);
}
END_TEST

START_TEST(gate_dtypes_pass)
{
    random_state random = random_start(350 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    desc.gate_input_dtype = gate_dtypes[_i].input;
    desc.gate_dtype = gate_dtypes[_i].gate;
    for (int gates = 0; gates < GATES_KINDS; gates++)
        check_both(&desc, 1, 2, 50, (mlstm_gates)gates, MASK_NONE, &random);
}
END_TEST

static const float epsilons[] = {1e-6f, 0.0f, 0.5f};

START_TEST(gates_pass)
{
    random_state random = random_start(400 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    for (size_t e = 0; e < sizeof epsilons / sizeof *epsilons; e++) {
        desc.eps = epsilons[e];
        check_both(&desc, 1, 2, 150, (mlstm_gates)_i, MASK_NONE, &random);
        check_both(&desc, 2, 1, 70, (mlstm_gates)_i, MASK_HOLES, &random);
        check_both(&desc, 1, 1, 70, (mlstm_gates)_i, MASK_UPPER, &random);
    }
}
END_TEST

/* One stabiliser far above a row leaves nothing of it in f32, so eps is not 0 where gates are extreme. */
START_TEST(gates_pass_global)
{
    random_state random = random_start(450 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    desc.stabilize_rowwise = 0;
    check_both(&desc, 1, 2, 150, (mlstm_gates)_i, MASK_NONE, &random);
    check_both(&desc, 2, 1, 70, (mlstm_gates)_i, MASK_HOLES, &random);
    check_both(&desc, 1, 1, 70, (mlstm_gates)_i, MASK_UPPER, &random);
}
END_TEST

START_TEST(masks_pass)
{
    random_state random = random_start(500 + (uint64_t)_i);
    clx_mlstm_desc desc = core_desc();
    for (int rowwise = 1; rowwise >= 0; rowwise--) {
        desc.stabilize_rowwise = rowwise;
        check_both(&desc, 2, 2, 70, GATES_PLAIN, (mlstm_mask)_i, &random);
        check_both(&desc, 1, 2, 130, GATES_RESETS, (mlstm_mask)_i, &random);
        check_both(&desc, 1, 1, 33, GATES_IGNORE_SOME, (mlstm_mask)_i, &random);
    }
}
END_TEST

/* The same numbers in a head of the first batch and in one of the last: what one head computes must not depend on where
 * it lies, and must differ from its neighbours. */
START_TEST(heads_are_apart)
{
    random_state random = random_start(600);
    clx_mlstm_desc desc = core_desc();
    mlstm_problem p;
    mlstm_problem_make(&p, &desc, 3, 5, 70, GATES_PLAIN, MASK_NONE, &random);
    for (int i = MLSTM_Q; i <= MLSTM_F; i++) {
        const size_t length = mlstm_at(&p, i, 0, 1, 0);
        for (size_t e = 0; e < length; e++)
            p.value[i][mlstm_at(&p, i, 2, 4, 0) + e] = p.value[i][e];
    }
    const mlstm_layout layout = mlstm_layout_bhsd(&p);
    clx_mlstm *op = mlstm_make(&p);
    double *h = mlstm_run(op, &p, &layout, NULL);
    const size_t length = mlstm_at(&p, MLSTM_H, 0, 1, 0);
    size_t equal = 0;
    for (size_t e = 0; e < length; e++) {
        ck_assert(h[mlstm_at(&p, MLSTM_H, 2, 4, 0) + e] == h[e]);
        equal += h[length + e] == h[e];
    }
    ck_assert_uint_lt(equal, length / 10);
    free(h);
    clx_mlstm_destroy(op);
    mlstm_problem_free(&p);
}
END_TEST

/* Nothing to do: no buffers are needed. */
START_TEST(empty_calls)
{
    static const uint64_t empty[][3] = {{1, 2, 0}, {0, 2, 5}, {2, 0, 5}, {0, 0, 0}};
    random_state random = random_start(700);
    clx_mlstm_desc desc = core_desc();
    for (int mask = MASK_NONE; mask <= MASK_RANDOM; mask++) {
        mlstm_problem p;
        clx_launch launch = CLX_LAUNCH_INIT;
        cl_event event = NULL;
        uint64_t size = 1;
        mlstm_problem_make(&p, &desc, empty[_i][0], empty[_i][1], empty[_i][2], GATES_PLAIN, (mlstm_mask)mask, &random);
        clx_mlstm *op = mlstm_make(&p);
        mlstm_layout layout = mlstm_layout_bhsd(&p);
        mlstm_tensors tensors;
        mlstm_place(&p, &layout, NULL, &tensors);
        launch.queue = device.queue;
        launch.event = &event;
        expect_ok(clx_mlstm_workspace_size(op, p.B, p.NH, p.S, &size, &test_error));
        ck_assert_uint_eq(size, 0);
        expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
        ck_assert_ptr_nonnull(event);
        ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
        clReleaseEvent(event);
        mlstm_tensors_free(&tensors);
        clx_mlstm_destroy(op);
        mlstm_problem_free(&p);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_shapes");
    TCase *tcase = suite_shared_device_case(suite, "sizes", 120);
    tcase_add_loop_test(tcase, size_passes, 0, sizeof sizes / sizeof *sizes);
    tcase_add_test(tcase, heads_are_apart);
    tcase_add_loop_test(tcase, empty_calls, 0, 4);
    tcase = suite_shared_device_case(suite, "dimensions", 120);
    tcase_add_loop_test(tcase, dimension_passes, 0, sizeof dimensions / sizeof *dimensions);
    tcase = suite_shared_device_case(suite, "dtypes", 120);
    tcase_add_loop_test(tcase, dtypes_pass, 0, DTYPES);
    tcase_add_loop_test(tcase, gate_dtypes_pass, 0, GATE_DTYPES);
    tcase = suite_shared_device_case(suite, "gates", 120);
    tcase_add_loop_test(tcase, gates_pass, 0, GATES_KINDS);
    tcase_add_loop_test(tcase, gates_pass_global, 0, GATES_KINDS);
    tcase_add_loop_test(tcase, masks_pass, MASK_NONE, MASK_KINDS);
    return suite_run_together(suite);
}
