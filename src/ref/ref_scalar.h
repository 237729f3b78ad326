/* SPDX-License-Identifier: Apache-2.0
 *
 * Scalar helpers that several references share. */
#ifndef CLXI_REF_SCALAR_H
#define CLXI_REF_SCALAR_H

#include <math.h>
#include <stddef.h>

/* log(1 / (1 + exp(-x))) without overflow or cancellation on either side; -inf gives -inf, NaN gives NaN. */
static inline double clxi_ref_log_sigmoid(double x)
{
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

static inline double clxi_ref_dot(const double *x, const double *y, size_t count)
{
    double sum = 0;
    for (size_t d = 0; d < count; d++)
        sum += x[d] * y[d];
    return sum;
}

/* sum_d |x_d| |y_d| */
static inline double clxi_ref_abs_dot(const double *x, const double *y, size_t count)
{
    double sum = 0;
    for (size_t d = 0; d < count; d++)
        sum += fabs(x[d] * y[d]);
    return sum;
}

/* The condition number is never below the size of the result itself. */
static inline double clxi_ref_at_least(double cond, double result)
{
    return cond < fabs(result) ? fabs(result) : cond;
}

#endif
