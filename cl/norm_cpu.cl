/* SPDX-License-Identifier: Apache-2.0
 *
 * Layernorm and rmsnorm on a CPU: an item is a group and takes CLX_ROWS rows one after another, by vectors of eight. A
 * row is read again for each statistic and for the result, from the first cache.
 *
 *   CLX_WG      1
 *   CLX_ROWS    rows of an item
 *   and those of norm.clh */
#include "group.clh"
#include "norm.clh"

#ifndef CLX_WG
#define CLX_WG 1
#endif
#ifndef CLX_ROWS
#define CLX_ROWS 16
#endif

static inline float sum8(const float8 v)
{
    const float4 s = v.lo + v.hi;
    return (s.s0 + s.s2) + (s.s1 + s.s3);
}

static inline void cpu_row(const __global void *x, __global void *y, const __global void *w, const row_place at,
                           const uint weighted, const float eps)
{
    const ulong whole = CLX_D / 8 * 8;
    float mean = 0.0f;
    if (CLX_LAYER) {
        float8 sums = 0.0f;
        float rest = 0.0f;
        for (ulong d = 0; d < whole; d += 8)
            sums += clx_load8(x, at.x + d, CLX_IN);
        for (ulong d = whole; d < CLX_D; ++d)
            rest += clx_load(x, at.x + d, CLX_IN);
        mean = (sum8(sums) + rest) / CLX_D;
    }
    float8 squares = 0.0f;
    float rest = 0.0f;
    for (ulong d = 0; d < whole; d += 8) {
        const float8 v = clx_load8(x, at.x + d, CLX_IN) - mean;
        squares += v * v;
    }
    for (ulong d = whole; d < CLX_D; ++d) {
        const float v = clx_load(x, at.x + d, CLX_IN) - mean;
        rest += v * v;
    }
    const float scale = rsqrt((sum8(squares) + rest) / CLX_D + eps);
    for (ulong d = 0; d < whole; d += 8) {
        const float8 g = weighted ? clx_load8(w, at.w + d, CLX_WEIGHT) : (float8)(1.0f);
        clx_store8(y, at.y + d, (clx_load8(x, at.x + d, CLX_IN) - mean) * (scale * g), CLX_OUT);
    }
    for (ulong d = whole; d < CLX_D; ++d) {
        const float g = weighted ? clx_load(w, at.w + d, CLX_WEIGHT) : 1.0f;
        clx_store(y, at.y + d, (clx_load(x, at.x + d, CLX_IN) - mean) * (scale * g), CLX_OUT);
    }
}

__kernel CLX_GROUP void
cpu_norm(const __global void *x, ulong x_at, long x0, long x1, long x2, __global void *y, ulong y_at, long y0, long y1,
         long y2, const __global void *w, ulong w_at, long w0, long w1, long w2, uint n1, uint n2, ulong rows,
         uint weighted, float eps)
{
    const ulong first = get_global_id(0) * CLX_ROWS;
    const ulong end = min(first + CLX_ROWS, rows);
    for (ulong row = first; row < end; ++row)
        cpu_row(x, y, w, locate(row, n1, n2, x_at, x0, x1, x2, y_at, y0, y1, y2, w_at, w0, w1, w2), weighted, eps);
}
