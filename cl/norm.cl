/* SPDX-License-Identifier: Apache-2.0
 *
 * Layernorm and rmsnorm over rows of CLX_D contiguous elements, for GPUs.
 *
 * simt_norm: CLX_SPAN items share a row and hold it in registers, CLX_WG / CLX_SPAN rows a group.
 *
 *     row   [ item 0 | item 1 | .. | item SPAN-1 | item 0 | item 1 | .. ]    in chunks of CLX_CHUNK elements
 *
 * simt_norm_long: a group walks over one row of any length, once for each statistic and once to write.
 * Traffic: every element once in and once out (simt_norm_long: up to three times in, mostly from cache).
 *
 *   CLX_WG      items of a group
 *   CLX_SPAN    items of a row: a power of two, at most CLX_WG
 *   CLX_CHUNK   elements of one access: 8 or 4 (aligned; divides CLX_D) or 1
 *   and those of norm.clh */
#include "group.clh"
#include "norm.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_SPAN
#define CLX_SPAN 16
#endif
#ifndef CLX_CHUNK
#define CLX_CHUNK 1
#endif

#define CLX_HELD ((CLX_D + CLX_SPAN * CLX_CHUNK - 1) / (CLX_SPAN * CLX_CHUNK))
#define CLX_FOLD 16 /* partial sums that one item adds up */
#define CLX_FOLDS ((CLX_WG + CLX_FOLD - 1) / CLX_FOLD)

/* The sum over the `span` items of a row, the same for all of them; `span` divides the group or is the group. Every
 * item of the group must come here, each time with other local memory. */
static inline float span_sum(const float own, const uint item, const uint span, __local float *parts,
                             __local float *folds)
{
    parts[item] = own;
    barrier(CLK_LOCAL_MEM_FENCE); /* all parts are there */
    const uint first = item / span * span;
    float sum = 0.0f;
    if (span <= CLX_FOLD) {
        for (uint i = 0; i < span; ++i)
            sum += parts[first + i];
        return sum;
    }
    if (item % CLX_FOLD == 0) {
        for (uint i = 0; i < CLX_FOLD; ++i)
            sum += parts[item + i];
        folds[item / CLX_FOLD] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE); /* all folds are there */
    sum = 0.0f;
    for (uint i = 0; i < span / CLX_FOLD; ++i)
        sum += folds[first / CLX_FOLD + i];
    return sum;
}

#if CLX_HELD * CLX_CHUNK <= 64 /* for longer rows there is only the other one */
__kernel CLX_GROUP void
simt_norm(const __global void *x, ulong x_at, long x0, long x1, long x2, __global void *y, ulong y_at, long y0,
          long y1, long y2, const __global void *w, ulong w_at, long w0, long w1, long w2, uint n1, uint n2, ulong rows,
          uint weighted, float eps)
{
    __local float parts[2][CLX_WG];
    __local float folds[2][CLX_FOLDS];
    const uint item = (uint)get_local_id(0);
    const uint lane = item % CLX_SPAN;
    const ulong wanted = get_global_id(0) / CLX_WG * (CLX_WG / CLX_SPAN) + item / CLX_SPAN;
    /* items without a row keep to the barriers: y may be x, and another item's to write */
    const bool mine = CLX_WG == CLX_SPAN || wanted < rows;
    const ulong row = min(wanted, rows - 1);
    const row_place at = locate(row, n1, n2, x_at, x0, x1, x2, y_at, y0, y1, y2, w_at, w0, w1, w2);

    float v[CLX_HELD][CLX_CHUNK];
    float sum = 0.0f;
    float squares = 0.0f;
    UNROLL for (int c = 0; c < CLX_HELD; ++c) {
        const uint d = (c * CLX_SPAN + lane) * CLX_CHUNK;
        if (mine && d < CLX_D) clx_load_chunk(x, at.x + d, v[c], CLX_CHUNK, CLX_IN);
        UNROLL for (int e = 0; e < CLX_CHUNK; ++e) {
            if (!mine || d >= CLX_D) v[c][e] = 0.0f;
            sum += v[c][e];
        }
    }
    const float mean = CLX_LAYER ? span_sum(sum, item, CLX_SPAN, parts[0], folds[0]) / CLX_D : 0.0f;
    UNROLL for (int c = 0; c < CLX_HELD; ++c) {
        const uint d = (c * CLX_SPAN + lane) * CLX_CHUNK;
        UNROLL for (int e = 0; e < CLX_CHUNK; ++e) {
            v[c][e] -= mean;
            if (d < CLX_D) squares += v[c][e] * v[c][e];
        }
    }
    const float scale = rsqrt(span_sum(squares, item, CLX_SPAN, parts[1], folds[1]) / CLX_D + eps);
    if (!mine) return;
    UNROLL for (int c = 0; c < CLX_HELD; ++c) {
        const uint d = (c * CLX_SPAN + lane) * CLX_CHUNK;
        if (d >= CLX_D) continue;
        float g[CLX_CHUNK];
        if (weighted) clx_load_chunk(w, at.w + d, g, CLX_CHUNK, CLX_WEIGHT);
        UNROLL for (int e = 0; e < CLX_CHUNK; ++e)
            v[c][e] *= weighted ? scale * g[e] : scale;
        clx_store_chunk(y, at.y + d, v[c], CLX_CHUNK, CLX_OUT);
    }
}

#endif

/* An element is read and written by one item only, so x and y may be one view. */
__kernel CLX_GROUP void
simt_norm_long(const __global void *x, ulong x_at, long x0, long x1, long x2, __global void *y, ulong y_at, long y0,
               long y1, long y2, const __global void *w, ulong w_at, long w0, long w1, long w2, uint n1, uint n2,
               ulong rows, uint weighted, float eps)
{
    __local float parts[2][CLX_WG];
    __local float folds[2][CLX_FOLDS];
    const uint item = (uint)get_local_id(0);
    const ulong row = get_global_id(0) / CLX_WG;
    const row_place at = locate(row, n1, n2, x_at, x0, x1, x2, y_at, y0, y1, y2, w_at, w0, w1, w2);
    float mean = 0.0f;
    if (CLX_LAYER) {
        float sum = 0.0f;
        for (ulong d = item; d < CLX_D; d += CLX_WG)
            sum += clx_load(x, at.x + d, CLX_IN);
        mean = span_sum(sum, item, CLX_WG, parts[0], folds[0]) / CLX_D;
    }
    float squares = 0.0f;
    for (ulong d = item; d < CLX_D; d += CLX_WG) {
        const float v = clx_load(x, at.x + d, CLX_IN) - mean;
        squares += v * v;
    }
    const float scale = rsqrt(span_sum(squares, item, CLX_WG, parts[1], folds[1]) / CLX_D + eps);
    for (ulong d = item; d < CLX_D; d += CLX_WG) {
        const float g = weighted ? clx_load(w, at.w + d, CLX_WEIGHT) : 1.0f;
        clx_store(y, at.y + d, (clx_load(x, at.x + d, CLX_IN) - mean) * (scale * g), CLX_OUT);
    }
}
