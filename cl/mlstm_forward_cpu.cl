/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM's parallel form for CPU devices: the function of mlstm_forward.cl on the tiles of tile/cpu.clh, one
 * work-item per group. A group owns CLX_BM rows of one (batch, head) and CLX_DVB columns of h.
 *
 *     S^T = K Q^T
 *     P^T = S^T * exp(g[s] - M[t])
 *     O  += P V
 *
 *   CLX_EXPLICIT  0: causal; 1: an (S, S) mask of bytes
 *   and the parameters of tile/cpu.clh. */
#include "mlstm_workspace.clh"
#include "tile/cpu.clh"
#include "twofloat.clh"

#ifndef CLX_EXPLICIT
#define CLX_EXPLICIT 0
#endif

#define SLICES ((CLX_DHV + CLX_DVB - 1) / CLX_DVB)

/* How many of the first columns of the tile at s0 row t may see. */
static inline int seen_by(const int t, const int s0)
{
    return CLX_EXPLICIT ? CLX_BN : clamp(t - s0 + 1, 0, CLX_BN);
}

/* What 16 neighbouring rows know of the gates. */
typedef struct vector_rows {
    float16 M_high;
    float16 M_low;
    int16 t;
    int16 begin;
} vector_rows;

static inline void load_rows(vector_rows *rows, float *smallest_M, const __global float *M, const __global int *start,
                             const int row0, const int S)
{
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    *smallest_M = INFINITY;
    for (int j = 0; j < CLX_BM / 16; j++) {
        float high[16], low[16];
        int begin[16];
        for (int i = 0; i < 16; i++) {
            const int t = row0 + j * 16 + i;
            high[i] = t < S ? M[2 * (size_t)t] : -INFINITY;
            low[i] = t < S ? M[2 * (size_t)t + 1] : 0.0f;
            begin[i] = t < S ? start[t] : INT_MAX;
            if (high[i] != -INFINITY) *smallest_M = fmin(*smallest_M, isnan(high[i]) ? -INFINITY : high[i]);
        }
        rows[j].M_high = vload16(0, high);
        rows[j].M_low = vload16(0, low);
        rows[j].begin = vload16(0, begin);
        rows[j].t = row0 + j * 16 + lane;
    }
}

/* Products to weights, and their sums, where each row of the tile sees each of its columns: an exponential a row and a
 * column; see weigh_apart of mlstm_forward.cl, which has the conditions. `g`: of the tile's columns; r: the largest. */
static inline bool weigh_apart(__local float *pt, float16 *sums, const vector_rows *rows, const float r,
                               const __global float *g)
{
    float16 factor[CLX_BM / 16];
    float column[(CLX_BN + 15) / 16 * 16];
    int16 apart = (int16)(-1);
    for (int j = 0; j < CLX_BM / 16; j++) {
        const float16 x = (r - rows[j].M_high) + (0.0f - rows[j].M_low);
        apart &= (x > -80.0f) & (x < INFINITY);
        factor[j] = exp(x);
    }
    if (!all(apart)) return false;
    for (int s = 0; s < (CLX_BN + 15) / 16 * 16; s++)
        column[s] = (g[2 * min(s, CLX_BN - 1)] - r) + g[2 * min(s, CLX_BN - 1) + 1];
    for (int s = 0; s < CLX_BN; s += 16) vstore16(exp(vload16(0, column + s)), 0, column + s);
    for (int s = 0; s < CLX_BN; s++)
        for (int j = 0; j < CLX_BM / 16; j++) {
            __local float *at = pt + s * CLX_BM + j * 16;
            const float16 p = vload16(0, at) * (factor[j] * column[s]);
            vstore16(p, 0, at);
            sums[j] += p;
        }
    return true;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void mlstm_forward(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                   const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                   const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                   const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                   __global void *h, const ulong h_offset, const long h_b, const long h_h, const long h_s,
                   __global float *workspace, const ulong workspace_offset, const ulong heads, const ulong NH,
                   const int S, const float scale, const float eps, const uint aligned)
{
    __local float qt[CLX_DHQK * CLX_BM], kp[CLX_BN * CLX_DHQK], pt[CLX_BN * CLX_BM];
    __local float vp[CLX_BN * CLX_DVB], ot[CLX_BM * CLX_DVB];
    const ulong group = get_global_id(0);
    const int row_tiles = (S + CLX_BM - 1) / CLX_BM;
    const int column0 = (int)(group % SLICES) * CLX_DVB;
    const int row0 = (row_tiles - 1 - (int)(group / SLICES % (ulong)row_tiles)) * CLX_BM;
    const ulong head = group / SLICES / (ulong)row_tiles;
    const ulong b = head / NH, n = head % NH;
    const int rows_here = min(CLX_BM, S - row0);

    __global float *ws = workspace + workspace_offset;
    const __global float *g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    const __global float *m = mlstm_ws_m(ws, heads, S) + head * (ulong)S;
    const __global int *start = mlstm_ws_start(ws, heads, S) + head * (ulong)S;
    const __global float *maxima = mlstm_ws_maxima(ws, heads, S) + head * (ulong)((S + CLX_BN - 1) / CLX_BN);
    vector_rows rows[CLX_BM / 16];
    float16 sums[CLX_BM / 16];
    float smallest_M;
    load_rows(rows, &smallest_M, mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2, start, row0, S);
    for (int j = 0; j < CLX_BM / 16; j++) sums[j] = (float16)(0.0f);
    for (int e = 0; e < CLX_BM * CLX_DVB; e++) ot[e] = 0.0f;

    const cpu_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)row0 * q_s), q_s,
                                rows_here};
    const ulong k0 = k_offset + (ulong)((long)b * k_b + (long)n * k_h);
    const ulong v0 = v_offset + (ulong)((long)b * v_b + (long)n * v_h);
    cpu_pack_q(qt, q_rows, scale);
#if CLX_EXPLICIT
    const __global uchar *mask_rows = mask + (mask_offset + (ulong)((long)row0 * mask_t));
    const int first = 0, end = S;
#else
    const int first = start[row0] / CLX_BN * CLX_BN, end = min(S, row0 + CLX_BM);
#endif

    for (int s0 = first; s0 < end; s0 += CLX_BN) {
        if (mlstm_tile_is_zero(maxima[s0 / CLX_BN], smallest_M)) continue;
#if CLX_EXPLICIT
        if (!cpu_mask_keeps_any(mask_rows + (long)s0 * mask_s, mask_t, mask_s, rows_here, min(CLX_BN, S - s0))) continue;
#endif
        const cpu_rows k_rows = {k, k0 + (ulong)((long)s0 * k_s), k_s, S - s0};
        const cpu_rows v_rows = {v, v0 + (ulong)((long)s0 * v_s), v_s, S - s0};
        cpu_pack_rows(kp, k_rows, CLX_BN, CLX_DHQK, 0, CLX_DHQK, CLX_IN);
        cpu_pack_panels(vp, v_rows, CLX_BN, CLX_DVB, column0, CLX_DHV, CLX_V);
        for (int t = 0; t < CLX_BM; t += 16)
            for (int s = 0; s < seen_by(row0 + t + 15, s0); s += CLX_RS) cpu_multiply_kq(pt, kp, qt, s, t);

        bool weighed = false;
#if !CLX_EXPLICIT
        if (rows_here == CLX_BM && s0 + CLX_BN <= row0 + 1 && start[row0 + CLX_BM - 1] <= s0)
            weighed = weigh_apart(pt, sums, rows, maxima[s0 / CLX_BN], g + 2 * (size_t)s0);
#endif
        for (int s = 0; s < CLX_BN && !weighed; s++) {
            const int column = min(s0 + s, S - 1);
            const float2 weight = vload2((size_t)column, g);
            const bool counts = s0 + s < S && weight.s0 != -INFINITY;
            for (int j = 0; j < CLX_BM / 16; j++) {
                __local float *at = pt + s * CLX_BM + j * 16;
                if (s >= seen_by(row0 + j * 16 + 15, s0)) { /* none of the 16 rows, and no product */
                    vstore16((float16)(0.0f), 0, at);
                    continue;
                }
                const float16 x = (weight.s0 - rows[j].M_high) + (weight.s1 - rows[j].M_low);
#if CLX_EXPLICIT
                const int16 sees = (start[column] == rows[j].begin) & (rows[j].M_high != -INFINITY) &
                                   cpu_mask_column(mask_rows + (long)(j * 16) * mask_t + (long)column * mask_s, mask_t,
                                               clamp(rows_here - j * 16, 0, 16));
#else
                const int16 sees = (column <= rows[j].t) & (column >= rows[j].begin) & (rows[j].M_high != -INFINITY);
#endif
                const float16 p = counts ? select((float16)(0.0f), vload16(0, at) * exp(x), sees) : (float16)(0.0f);
                vstore16(p, 0, at);
                sums[j] += p;
            }
        }
        for (int c = 0; c < CLX_DVB; c += 16)
            for (int t = 0; t < CLX_BM; t += CLX_RT)
                cpu_multiply_pv(ot, pt, vp, t, c, seen_by(row0 + t + CLX_RT - 1, s0));
    }

    float row_sums[CLX_BM];
    for (int j = 0; j < CLX_BM / 16; j++) vstore16(sums[j], (size_t)j, row_sums);
    for (int t = 0; t < rows_here; t++) {
        /* one division a row: o / x is (o k) (1 / (x k)), with a k that keeps 1 / (x k) finite */
        const float denominator = fmax(fabs(row_sums[t]), exp(-m[row0 + t])) + eps;
        const float k_of_row = denominator < 0x1p-60f ? 0x1p60f : 1.0f;
        const float inverse = denominator == 0.0f ? 0.0f : 1.0f / (denominator * k_of_row);
        cpu_store_row(h, h_offset + (ulong)((long)b * h_b + (long)n * h_h + (long)(row0 + t) * h_s) + (ulong)column0,
                      ot + t * CLX_DVB, k_of_row, inverse, min(CLX_DVB, CLX_DHV - column0));
    }
}
