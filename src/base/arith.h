/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on sizes that notices overflow. Each returns false on overflow and leaves *out alone. */
#ifndef CLXI_BASE_ARITH_H
#define CLXI_BASE_ARITH_H

#include <stdbool.h>
#include <stdint.h>

static inline bool clxi_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (a > UINT64_MAX - b) return false;
    *out = a + b;
    return true;
}

/* Divides only where it must: every enqueue comes through here dozens of times. */
static inline bool clxi_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    const bool small = (a | b) <= UINT32_MAX;
    if (!small && a != 0 && b > UINT64_MAX / a) return false;
    *out = a * b;
    return true;
}

static inline uint64_t clxi_ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

static inline uint64_t clxi_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t clxi_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
