/* SPDX-License-Identifier: Apache-2.0
 *
 * Float64 reference of rotary embeddings. */
#include "ref/ref.h"
#include "ref/ref_scalar.h"

static double angle(double position, size_t j, size_t feat_dim, double theta)
{
    return position * pow(theta, -2.0 * (double)j / (double)feat_dim);
}

void clxi_ref_precompute_freqs(size_t feat_dim, size_t max_length, double theta, int64_t start, double *sin_table,
                               double *cos_table)
{
    size_t half = feat_dim / 2;
    for (size_t t = 0; t < max_length; t++) {
        for (size_t j = 0; j < half; j++) {
            double x = angle((double)start + (double)t, j, feat_dim, theta);
            if (sin_table) sin_table[t * half + j] = sin(x);
            if (cos_table) cos_table[t * half + j] = cos(x);
        }
    }
}

/* Turns the pair at `first` and `second` of one row; y may be x. */
static void turn(const clxi_ref_rotary *p, size_t row, size_t first, size_t second, double sine, double cosine)
{
    const double *x = p->x + row * p->D;
    double x0 = x[first], x1 = x[second];
    double y0 = x0 * cosine - x1 * sine, y1 = x0 * sine + x1 * cosine;
    double largest = fabs(x0) < fabs(x1) ? fabs(x1) : fabs(x0);
    if (p->y) {
        p->y[row * p->D + first] = y0;
        p->y[row * p->D + second] = y1;
    }
    if (p->cond) {
        p->cond[row * p->D + first] = clxi_ref_at_least(largest, y0);
        p->cond[row * p->D + second] = clxi_ref_at_least(largest, y1);
    }
}

static void turn_row(const clxi_ref_rotary *p, size_t row, size_t t, double position)
{
    size_t rotary_dim = p->rotary_dim ? p->rotary_dim : p->D;
    size_t half = rotary_dim / 2;
    for (size_t j = 0; j < half; j++) {
        double x = angle(position, j, rotary_dim, p->theta);
        double sine = p->sin_table ? p->sin_table[t * half + j] : sin(x);
        double cosine = p->cos_table ? p->cos_table[t * half + j] : cos(x);
        turn(p, row, p->half ? j : 2 * j, p->half ? j + half : 2 * j + 1, p->inverse ? -sine : sine, cosine);
    }
    for (size_t d = rotary_dim; d < p->D; d++) {
        double x = p->x[row * p->D + d];
        if (p->y) p->y[row * p->D + d] = x;
        if (p->cond) p->cond[row * p->D + d] = fabs(x);
    }
}

void clxi_ref_apply_rotary(const clxi_ref_rotary *p)
{
    for (size_t b = 0; b < p->B; b++)
        for (size_t h = 0; h < p->NH; h++)
            for (size_t t = 0; t < p->S; t++) {
                double position = p->positions ? (double)p->positions[b * p->S + t] : (double)p->start + (double)t;
                turn_row(p, (b * p->NH + h) * p->S + t, t, position);
            }
}
