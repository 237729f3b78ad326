/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of layer norm and RMS norm. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"

static void norm_row(const clxi_ref_norm *p, size_t row)
{
    const double *x = p->x + row * p->width;
    const double *weight = p->weight ? p->weight + row % p->weight_rows * p->width : NULL;
    double mean = 0, mean_size = 0, squares = 0;
    for (size_t d = 0; d < p->width && !p->rms; d++) {
        mean += x[d] / (double)p->width;
        mean_size += fabs(x[d]) / (double)p->width;
    }
    for (size_t d = 0; d < p->width; d++)
        squares += (x[d] - mean) * (x[d] - mean);
    double scale = 1 / sqrt(squares / (double)p->width + p->eps);
    for (size_t d = 0; d < p->width; d++) {
        double w = weight ? weight[d] : 1;
        double size = p->rms ? 0 : (fabs(x[d]) + mean_size) * scale * fabs(w);
        double y = (x[d] - mean) * scale * w;
        if (p->cond) p->cond[row * p->width + d] = size + fabs(y);
        if (p->y) p->y[row * p->width + d] = y;
    }
}

void clxi_ref_run_norm(const clxi_ref_norm *p)
{
    for (size_t row = 0; row < p->rows; row++)
        norm_row(p, row);
}
