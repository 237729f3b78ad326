/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary frequencies in fixed point, against what is known of them exactly. */
#include "base/turns.h"
#include "support/support.h"
#include <math.h>

/* 1 / (2 pi) in units of 2^-128, as any table of its digits has it. */
static const uint64_t INVERSE_2PI[2] = {0x28be60db9391054aULL, 0x7f09d5f47d4d3770ULL};

START_TEST(first_frequency_is_one_radian)
{
    uint64_t turns[2];
    clxi_turns(10000.0, 64, 0, turns);
    ck_assert_uint_eq(turns[0], INVERSE_2PI[0]);
    ck_assert_uint_le(turns[1] > INVERSE_2PI[1] ? turns[1] - INVERSE_2PI[1] : INVERSE_2PI[1] - turns[1], 1ULL << 26);
}
END_TEST

/* theta = 16: j = dim / 4 gives 1/4, j = dim / 8 gives 1/2: shifts of the first one. */
START_TEST(powers_of_two_are_shifts)
{
    uint64_t turns[2];
    clxi_turns(16.0, 64, 16, turns);
    ck_assert_uint_eq(turns[0], INVERSE_2PI[0] >> 2);
    clxi_turns(16.0, 64, 8, turns);
    ck_assert_uint_eq(turns[0], INVERSE_2PI[0] >> 1);
    clxi_turns(0.25, 64, 16, turns); /* grows: 2 */
    ck_assert_uint_eq(turns[0], INVERSE_2PI[0] << 1 | INVERSE_2PI[1] >> 63);
    clxi_turns(0.0625, 64, 16, turns); /* 4 / (2 pi): less than one turn; the whole turns of 16 are left out */
    ck_assert_uint_eq(turns[0], INVERSE_2PI[0] << 2 | INVERSE_2PI[1] >> 62);
}
END_TEST

START_TEST(agrees_with_double)
{
    static const double thetas[] = {10000.0, 500000.0, 1.0, 2.0, 1e-3, 1e12};
    for (size_t i = 0; i < sizeof thetas / sizeof *thetas; i++) {
        for (uint64_t j = 0; j < 37; j++) {
            uint64_t turns[2];
            clxi_turns(thetas[i], 74, j, turns);
            const double expected = fmod(pow(thetas[i], -2.0 * (double)j / 74.0) / 6.283185307179586, 1.0);
            ck_assert_double_eq_tol(ldexp((double)turns[0], -64), expected, 1e-12);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("turns");
    TCase *tcase = suite_case(suite, "turns", 10);
    tcase_add_test(tcase, first_frequency_is_one_radian);
    tcase_add_test(tcase, powers_of_two_are_shifts);
    tcase_add_test(tcase, agrees_with_double);
    return suite_run(suite);
}
