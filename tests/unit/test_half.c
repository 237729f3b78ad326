/* SPDX-License-Identifier: Apache-2.0
 *
 * 16-bit floats: every f16 and bf16 there and back, and rounding against the definition. */
#include "base/half.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The value of an f16 pattern, from its definition. */
static double f16_value(uint16_t bits)
{
    int exponent = bits >> 10 & 0x1f;
    double fraction = bits & 0x3ff;
    double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return (bits & 0x8000) != 0 ? -size : size;
}

static bool is_nan16(uint16_t bits)
{
    return (bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0;
}

START_TEST(f16_there_and_back)
{
    for (uint32_t i = 0; i <= 0xffff; i++) {
        uint16_t bits = (uint16_t)i;
        float value = clxi_f16_to_f32(bits);
        if (is_nan16(bits)) {
            ck_assert(isnan(value));
            ck_assert(is_nan16(clxi_f32_to_f16(value)));
            continue;
        }
        if ((bits & 0x7fff) == 0x7c00) {
            ck_assert(isinf(value));
        } else {
            ck_assert((double)value == f16_value(bits));
        }
        ck_assert_uint_eq(clxi_f32_to_f16(value), bits);
    }
}
END_TEST

/* Between each two neighbours: just below the middle, the middle, just above it. */
START_TEST(f16_rounds_to_nearest_even)
{
    for (uint16_t bits = 0; bits < 0x7bff; bits++) {
        double low = f16_value(bits);
        double high = f16_value((uint16_t)(bits + 1));
        float middle = (float)((low + high) / 2); /* exact in f32 */
        uint16_t even = (uint16_t)(bits + (bits & 1));
        ck_assert_uint_eq(clxi_f32_to_f16(middle), even);
        ck_assert_uint_eq(clxi_f32_to_f16(-middle), even | 0x8000);
        ck_assert_uint_eq(clxi_f32_to_f16(float_of(bits_of(middle) - 1)), bits);
        ck_assert_uint_eq(clxi_f32_to_f16(float_of(bits_of(middle) + 1)), bits + 1);
    }
    ck_assert_uint_eq(clxi_f32_to_f16(65519.996f), 0x7bff);
    ck_assert_uint_eq(clxi_f32_to_f16(65520.0f), 0x7c00);
    ck_assert_uint_eq(clxi_f32_to_f16(1e30f), 0x7c00);
    ck_assert_uint_eq(clxi_f32_to_f16(-INFINITY), 0xfc00);
    ck_assert_uint_eq(clxi_f32_to_f16(0x1p-25f), 0);
    ck_assert_uint_eq(clxi_f32_to_f16(0x1.000002p-25f), 1);
    ck_assert_uint_eq(clxi_f32_to_f16(-0x1p-140f), 0x8000);
    ck_assert(is_nan16(clxi_f32_to_f16(float_of(0x7f800001))));
}
END_TEST

START_TEST(bf16_there_and_back)
{
    for (uint32_t i = 0; i <= 0xffff; i++) {
        float value = clxi_bf16_to_f32((uint16_t)i);
        ck_assert_uint_eq(bits_of(value), i << 16);
        uint16_t back = clxi_f32_to_bf16(value);
        if (isnan(value)) {
            ck_assert(isnan(clxi_bf16_to_f32(back)));
        } else {
            ck_assert_uint_eq(back, i);
        }
    }
}
END_TEST

START_TEST(bf16_rounds_to_nearest_even)
{
    ck_assert_uint_eq(clxi_f32_to_bf16(float_of(0x3f808000)), 0x3f80); /* a tie, to even */
    ck_assert_uint_eq(clxi_f32_to_bf16(float_of(0x3f818000)), 0x3f82);
    ck_assert_uint_eq(clxi_f32_to_bf16(float_of(0x3f808001)), 0x3f81);
    ck_assert_uint_eq(clxi_f32_to_bf16(float_of(0x3f807fff)), 0x3f80);
    ck_assert_uint_eq(clxi_f32_to_bf16(float_of(0x7f7fffff)), 0x7f80); /* the largest f32 becomes infinite */
    ck_assert_uint_eq(clxi_f32_to_bf16(float_of(0x00008001)), 1);
    /* NaNs whose upper half alone would be infinity, or which rounding would carry over. */
    ck_assert(isnan(clxi_bf16_to_f32(clxi_f32_to_bf16(float_of(0x7f800001)))));
    ck_assert(isnan(clxi_bf16_to_f32(clxi_f32_to_bf16(float_of(0x7fffffff)))));
    ck_assert(isnan(clxi_bf16_to_f32(clxi_f32_to_bf16(float_of(0xffffffff)))));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("half");
    TCase *tcase = suite_case(suite, "half", 20);
    tcase_add_test(tcase, f16_there_and_back);
    tcase_add_test(tcase, f16_rounds_to_nearest_even);
    tcase_add_test(tcase, bf16_there_and_back);
    tcase_add_test(tcase, bf16_rounds_to_nearest_even);
    return suite_run(suite);
}
