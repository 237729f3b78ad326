/* SPDX-License-Identifier: Apache-2.0
 *
 * f16 (1 sign, 5 exponent, 10 fraction bits) and bf16 (the upper half of an f32) on the host. */
#include "base/half.h"

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

float clxi_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = (bits >> 10) & 0x1f;
    uint32_t fraction = bits & 0x3ff;
    if (exponent == 0x1f) return float_of(sign | 0x7f800000 | fraction << 13);
    if (exponent != 0) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f; /* zero or subnormal: exact in f32 */
    return sign != 0 ? -tiny : tiny;
}

float clxi_bf16_to_f32(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

/* Drops the lowest `shift` bits (1..31), to nearest, ties to even. */
static uint32_t round_off(uint32_t value, uint32_t shift)
{
    uint32_t kept = value >> shift;
    uint32_t rest = value & ((1u << shift) - 1);
    uint32_t tie = 1u << (shift - 1);
    return kept + (rest > tie || (rest == tie && (kept & 1) != 0));
}

uint16_t clxi_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t exponent = bits >> 23 & 0xff;
    uint32_t fraction = bits & 0x7fffff;
    if (exponent == 0xff && fraction != 0) return (uint16_t)(sign | 0x7e00 | fraction >> 13);
    if (exponent >= 127 + 16) return (uint16_t)(sign | 0x7c00); /* 65536 and above, infinity */
    if (exponent < 127 - 25) return (uint16_t)sign;             /* below half of the smallest subnormal */
    if (exponent < 127 - 14) {                                  /* subnormal: in units of 2^-24 */
        return (uint16_t)(sign | round_off(fraction | 0x800000, 126 - exponent));
    }
    /* A carry out of the fraction rightly steps the exponent, up to infinity. */
    return (uint16_t)(sign | round_off((exponent - 112) << 23 | fraction, 13));
}

uint16_t clxi_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40); /* rounding could make it infinite */
    return (uint16_t)round_off(bits, 16);
}
