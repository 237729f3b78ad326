/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters before training, and the generator behind them. */
#include "base/philox.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

/* Known answers of Philox4x32-10, from the test vectors that come with the paper's own implementation. */
START_TEST(philox_gives_the_known_answers)
{
    static const struct {
        clxi_philox_block counter;
        uint64_t key;
        uint32_t word[4];
    } rows[] = {
        {{{0, 0, 0, 0}}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{{~0u, ~0u, ~0u, ~0u}}, ~(uint64_t)0, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         0x299f31d0a4093822,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_philox_block block = clxi_philox(rows[i].counter, rows[i].key);
        for (int j = 0; j < 4; j++)
            ck_assert_uint_eq(block.word[j], rows[i].word[j]);
    }
}
END_TEST

enum { HEADS = 12, DHQK = 3, DHV = 5, FEATURES = 24 };

static float igate_kernel[FEATURES * HEADS], fgate_kernel[FEATURES * HEADS], igate_bias[HEADS], fgate_bias[HEADS];
static float outnorm_scale[HEADS * DHV], q_norm_scale[DHQK], k_norm_scale[DHQK];

static clx_mlstm_cell_initial arrays(void)
{
    clx_mlstm_cell_initial initial = CLX_MLSTM_CELL_INITIAL_INIT;
    initial.gate_features = FEATURES, initial.DHQK = DHQK, initial.DHV = DHV;
    initial.igate_kernel = igate_kernel, initial.fgate_kernel = fgate_kernel;
    initial.igate_bias = igate_bias, initial.fgate_bias = fgate_bias;
    initial.outnorm_scale = outnorm_scale;
    initial.q_norm_scale = q_norm_scale, initial.k_norm_scale = k_norm_scale;
    return initial;
}

static clx_mlstm_cell_config make_config(void)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    config.num_heads = HEADS;
    return config;
}

/* NaN wherever nothing is written. */
static void poison(void)
{
    memset(igate_kernel, 0xff, sizeof igate_kernel);
    memset(fgate_kernel, 0xff, sizeof fgate_kernel);
    memset(igate_bias, 0xff, sizeof igate_bias);
    memset(fgate_bias, 0xff, sizeof fgate_bias);
    memset(outnorm_scale, 0xff, sizeof outnorm_scale);
    memset(q_norm_scale, 0xff, sizeof q_norm_scale);
    memset(k_norm_scale, 0xff, sizeof k_norm_scale);
}

static void expect_all(const float *x, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(x[i] == value, "element %zu is %g, expected %g", i, (double)x[i], (double)value);
}

START_TEST(kernels_are_zero_and_norms_one)
{
    clx_mlstm_cell_config config = make_config();
    clx_mlstm_cell_initial initial = arrays();
    poison();
    expect_ok(clx_mlstm_cell_init(&config, 1, &initial, &test_error));
    expect_all(igate_kernel, FEATURES * HEADS, 0);
    expect_all(fgate_kernel, FEATURES * HEADS, 0);
    expect_all(outnorm_scale, HEADS * DHV, 1);
    expect_all(q_norm_scale, DHQK, 1);
    expect_all(k_norm_scale, DHQK, 1);
    config.gate_linear_headwise = 1;
    poison();
    expect_ok(clx_mlstm_cell_init(&config, 1, &initial, &test_error));
    expect_all(igate_kernel, FEATURES, 0); /* (NH, 1, FEATURES / NH) */
    ck_assert(isnan(igate_kernel[FEATURES]));
}
END_TEST

START_TEST(biases_follow_their_ranges)
{
    clx_mlstm_cell_config config = make_config();
    clx_mlstm_cell_initial initial = arrays();
    config.igate_bias_init_range = (clx_bias_init_range){1, {-1.5, 0}};
    expect_ok(clx_mlstm_cell_init(&config, 1, &initial, &test_error));
    expect_all(igate_bias, HEADS, -1.5f);
    ck_assert(fgate_bias[0] == 3.0f && fgate_bias[HEADS - 1] == 6.0f);
    for (int n = 0; n < HEADS; n++)
        ck_assert(fabsf(fgate_bias[n] - (3.0f + 3.0f * (float)n / (HEADS - 1))) <= 1e-6f);
    config.num_heads = 1;
    expect_ok(clx_mlstm_cell_init(&config, 1, &initial, &test_error));
    ck_assert(fgate_bias[0] == 3.0f);
}
END_TEST

/* The ranks' biases, one after the other, are those of one rank. */
START_TEST(ranks_take_their_slices)
{
    float whole[2][HEADS];
    clx_mlstm_cell_config config = make_config();
    clx_mlstm_cell_initial initial = arrays();
    expect_ok(clx_mlstm_cell_init(&config, 7, &initial, &test_error));
    memcpy(whole[0], igate_bias, sizeof igate_bias);
    memcpy(whole[1], fgate_bias, sizeof fgate_bias);
    for (int64_t tp_size = 1; tp_size <= HEADS; tp_size++) {
        const int64_t NH = HEADS / tp_size;
        config.parallel = (clx_parallel_config){1, tp_size, 0};
        if (HEADS % tp_size) {
            expect_refused(clx_mlstm_cell_init(&config, 7, &initial, &test_error), CLX_ERR_VALUE, "num_heads: 12");
            continue;
        }
        for (int64_t rank = 0; rank < tp_size; rank++) {
            config.parallel.tp_rank = rank;
            poison();
            expect_ok(clx_mlstm_cell_init(&config, 7, &initial, &test_error));
            ck_assert(memcmp(igate_bias, whole[0] + rank * NH, (size_t)NH * sizeof(float)) == 0);
            ck_assert(memcmp(fgate_bias, whole[1] + rank * NH, (size_t)NH * sizeof(float)) == 0);
            ck_assert(NH == HEADS || isnan(fgate_bias[NH]));
        }
    }
}
END_TEST

START_TEST(draws_are_normal)
{
    enum { SEEDS = 4000 };
    clx_mlstm_cell_config config = make_config();
    clx_mlstm_cell_initial initial = arrays();
    double sum = 0, squares = 0, product = 0, inside = 0;
    config.fgate_bias_init_range.count = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        expect_ok(clx_mlstm_cell_init(&config, seed, &initial, &test_error));
        for (int n = 0; n < HEADS; n++) {
            sum += igate_bias[n];
            squares += igate_bias[n] * igate_bias[n];
            product += igate_bias[n] * fgate_bias[n];
            inside += fabsf(igate_bias[n]) <= 0.1f;
        }
    }
    const double count = SEEDS * HEADS; /* five standard errors each */
    ck_assert(fabs(sum / count) <= 5 * 0.1 / sqrt(count));
    ck_assert(fabs(squares / count - 0.01) <= 5 * 0.01 * sqrt(2 / count));
    ck_assert(fabs(product / count) <= 5 * 0.01 / sqrt(count));
    ck_assert(fabs(inside / count - 0.682689) <= 5 * 0.466 / sqrt(count));
}
END_TEST

START_TEST(a_seed_gives_its_draws)
{
    clx_mlstm_cell_config config = make_config();
    clx_mlstm_cell_initial initial = arrays();
    clxi_philox_block block = clxi_philox((clxi_philox_block){{2, 0, 0, 0}}, 99);
    const uint64_t high = (uint64_t)block.word[0] << 32 | block.word[1];
    const uint64_t low = (uint64_t)block.word[2] << 32 | block.word[3];
    const double u = ldexp((double)((high >> 11) + 1), -53), w = ldexp((double)(low >> 11), -53);
    expect_ok(clx_mlstm_cell_init(&config, 99, &initial, &test_error));
    ck_assert(fabs(igate_bias[2] - 0.1 * sqrt(-2 * log(u)) * cos(2 * acos(-1) * w)) <= 1e-8);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    clx_mlstm_cell_config config = make_config();
    clx_mlstm_cell_initial initial = arrays();
    expect_refused(clx_mlstm_cell_init(&config, 1, NULL, &test_error), CLX_ERR_NULL, "initial: NULL");
    expect_refused(clx_mlstm_cell_init(NULL, 1, &initial, &test_error), CLX_ERR_NULL, "config: NULL");
    config.num_heads = -1;
    expect_refused(clx_mlstm_cell_init(&config, 1, &initial, &test_error), CLX_ERR_VALUE, "num_heads: -1");
    config = make_config();
    initial.gate_features = UINT64_MAX / 2;
    expect_refused(clx_mlstm_cell_init(&config, 1, &initial, &test_error), CLX_ERR_OVERFLOW, "gate_features");
    initial = arrays();
    initial.gate_features = FEATURES + 1;
    config.gate_linear_headwise = 1;
    expect_refused(clx_mlstm_cell_init(&config, 1, &initial, &test_error), CLX_ERR_VALUE, "gate_features: 25");
    initial = arrays();
    initial.struct_size = 0;
    expect_refused(clx_mlstm_cell_init(&config, 1, &initial, &test_error), CLX_ERR_VALUE, "struct_size");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cell_init");
    TCase *tcase = suite_case(suite, "init", 60);
    tcase_add_test(tcase, philox_gives_the_known_answers);
    tcase_add_test(tcase, kernels_are_zero_and_norms_one);
    tcase_add_test(tcase, biases_follow_their_ranges);
    tcase_add_test(tcase, ranks_take_their_slices);
    tcase_add_test(tcase, draws_are_normal);
    tcase_add_test(tcase, a_seed_gives_its_draws);
    tcase_add_test(tcase, wrong_arguments_are_refused);
    return suite_run(suite);
}
