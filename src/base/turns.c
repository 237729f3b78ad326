/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary frequencies by arithmetic in pairs of doubles: value = high + low, about 104 bits. */
#include "base/turns.h"

#include <math.h>

typedef struct pair {
    double high;
    double low;
} pair;

static const pair LN2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
static const pair INVERSE_2PI = {0x1.45f306dc9c883p-3, -0x1.6b01ec5417056p-57};

/* Of |a| >= |b|. */
static pair quick_sum(double a, double b)
{
    const double sum = a + b;
    return (pair){sum, b - (sum - a)};
}

static pair two_sum(double a, double b)
{
    const double sum = a + b;
    const double part = sum - a;
    return (pair){sum, (a - (sum - part)) + (b - part)};
}

static pair add(pair a, pair b)
{
    const pair high = two_sum(a.high, b.high);
    const pair low = two_sum(a.low, b.low);
    const pair sum = quick_sum(high.high, high.low + low.high);
    return quick_sum(sum.high, sum.low + low.low);
}

static pair multiply(pair a, pair b)
{
    const double product = a.high * b.high;
    const double error = fma(a.high, b.high, -product);
    return quick_sum(product, error + (a.high * b.low + a.low * b.high));
}

static pair divide(pair a, double b)
{
    const double quotient = a.high / b;
    const pair rest = add(a, (pair){-quotient * b, -fma(quotient, b, -(quotient * b))});
    return quick_sum(quotient, (rest.high + rest.low) / b);
}

/* Taylor's series on |x| <= ln 2 / 1024, then squared nine times. */
static pair exponential(pair x)
{
    const double doublings = nearbyint(x.high / LN2.high);
    const pair rest = add(x, multiply((pair){-doublings, 0.0}, LN2));
    const pair y = {ldexp(rest.high, -9), ldexp(rest.low, -9)};
    pair sum = {0.0, 0.0}; /* exp(y) - 1, so that squaring loses nothing of a small y */
    for (int n = 12; n >= 1; n--)
        sum = divide(multiply(y, add(sum, (pair){1.0, 0.0})), n);
    for (int n = 0; n < 9; n++)
        sum = add(multiply(sum, sum), (pair){2.0 * sum.high, 2.0 * sum.low});
    sum = add(sum, (pair){1.0, 0.0});
    return (pair){ldexp(sum.high, (int)doublings), ldexp(sum.low, (int)doublings)};
}

/* One step of Newton's from the double: y + (x exp(-y) - 1). */
static pair logarithm(double x)
{
    const double start = log(x);
    const pair ratio = multiply((pair){x, 0.0}, exponential((pair){-start, 0.0}));
    return add((pair){start, 0.0}, add(ratio, (pair){-1.0, 0.0}));
}

/* The largest integer that is not above x. */
static pair floor_pair(pair x)
{
    const double whole = floor(x.high);
    if (whole != x.high) return (pair){whole, 0.0};
    return quick_sum(whole, floor(x.low));
}

void clxi_turns(double theta, uint64_t dim, uint64_t j, uint64_t turns[2])
{
    const pair exponent = divide(multiply(logarithm(theta), (pair){-2.0 * (double)j, 0.0}), (double)dim);
    pair rest = multiply(exponential(exponent), INVERSE_2PI);
    uint32_t digits[4];
    for (int i = -1; i < 4; i++) {
        const pair whole = floor_pair(rest);
        if (i >= 0) digits[i] = (uint32_t)whole.high;
        rest = add(rest, (pair){-whole.high, -whole.low});
        rest = (pair){rest.high * 0x1p32, rest.low * 0x1p32};
    }
    turns[0] = (uint64_t)digits[0] << 32 | digits[1];
    turns[1] = (uint64_t)digits[2] << 32 | digits[3];
}
