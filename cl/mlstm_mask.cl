/* SPDX-License-Identifier: Apache-2.0
 *
 * The stabiliser of each row under an explicit (S, S) mask: M[t] = the largest g[s] that row t sees, see mlstm_gates.cl
 * for g, M and F. A row sees a column where the mask is not 0 and both lie in one segment.
 *
 *   mlstm_mask_rows    one group per (head, row); items share the columns:   s = item, item + CLX_WG, ...
 *   mlstm_mask_global  one group per head: one stabiliser for all its rows (CLX_ROWWISE 0 only)
 *
 * Traffic of mlstm_mask_rows: S mask bytes and 3 S words a row, mostly from cache.
 *
 *   CLX_WG       items of a group: a power of two (1 on CPUs)
 *   CLX_ROWWISE  1: M and m of the row; 0: the row's maximum, for mlstm_mask_global */
#include "group.clh"
#include "mlstm_workspace.clh"
#include "twofloat.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_ROWWISE
#define CLX_ROWWISE 1
#endif

/* The largest value over the group, for every item. */
static inline float2 group_max(float2 own, const uint item, __local float2 *values)
{
    values[item] = own;
    barrier(CLK_LOCAL_MEM_FENCE); /* all values are there */
    for (uint half_size = CLX_WG / 2; half_size > 0; half_size >>= 1) {
        if (item < half_size) values[item] = clx_two_max(values[item], values[item + half_size]);
        barrier(CLK_LOCAL_MEM_FENCE); /* this level is complete */
    }
    return values[0];
}

__kernel CLX_GROUP
void mlstm_mask_rows(const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                     __global float *workspace, const ulong workspace_offset, const ulong heads, const int S,
                     const int tile_columns)
{
    __local float2 values[CLX_WG];
    const uint item = (uint)get_local_id(0);
    const ulong group = get_global_id(0) / CLX_WG;
    const ulong head = group / (ulong)S;
    const int t = (int)(group % (ulong)S);
    __global float *ws = workspace + workspace_offset;
    const __global float *g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    const __global int *start = mlstm_ws_start(ws, heads, S) + head * (ulong)S;
    const __global uchar *row = mask + (mask_offset + (ulong)((long)t * mask_t));
    const int begin = start[t];

    float2 best = (float2)(-INFINITY, 0.0f);
    for (int s = (int)item; s < S; s += CLX_WG)
        if (row[(long)s * mask_s] != 0 && start[s] == begin)
            best = clx_two_max(best, clx_two_candidate(vload2((size_t)s, g)));
    best = group_max(best, item, values);
    if (item == 0) {
        __global float *M = mlstm_ws_M(ws, heads, S) + (head * (ulong)S + (ulong)t) * 2;
        const float2 F = vload2(0, M);
        const float2 m = best.s0 == -INFINITY ? best : clx_two_add(F, best);
#if CLX_ROWWISE
        vstore2(isnan(m.s0) ? m : best, 0, M); /* NaN in F is in all that the row sees */
        mlstm_ws_m(ws, heads, S)[head * (ulong)S + (ulong)t] = m.s0;
#else
        vstore2(m, 0, mlstm_ws_row_maxima(ws, heads, S, tile_columns) + (head * (ulong)S + (ulong)t) * 2);
#endif
    }
}

#if CLX_ROWWISE == 0
__kernel CLX_GROUP
void mlstm_mask_global(__global float *workspace, const ulong workspace_offset, const ulong heads, const int S,
                     const int tile_columns)
{
    __local float2 values[CLX_WG];
    const uint item = (uint)get_local_id(0);
    const ulong head = get_global_id(0) / CLX_WG;
    __global float *ws = workspace + workspace_offset;
    const __global float *rows = mlstm_ws_row_maxima(ws, heads, S, tile_columns) + head * (ulong)S * 2;
    __global float *M = mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2;
    __global float *m = mlstm_ws_m(ws, heads, S) + head * (ulong)S;

    float2 best = (float2)(-INFINITY, 0.0f);
    for (int t = (int)item; t < S; t += CLX_WG) best = clx_two_max(best, vload2((size_t)t, rows));
    best = group_max(best, item, values);
    for (int t = (int)item; t < S; t += CLX_WG) {
        vstore2(mlstm_global_M(best, vload2((size_t)t, M)), (size_t)t, M);
        m[t] = best.s0;
    }
}
#endif
