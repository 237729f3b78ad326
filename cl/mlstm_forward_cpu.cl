/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM's parallel form for CPU devices: the function of mlstm_forward.cl with one work-item per group, explicit
 * vectors, and no barriers. A group owns CLX_BM rows of one (batch, head) and CLX_DVB columns of h.
 *
 *     S^T = K Q^T    vectors run along the rows t:  CLX_RS columns s x 16 rows in registers, Q^T packed once a group
 *     P^T = S^T * exp(g[s] - M[t])
 *     O  += P V      vectors run along DHV:         CLX_RT rows t x 16 columns in registers
 *
 * so neither product needs a transposed copy of K, V or P. K and V of a tile are packed to f32, padded with zeros:
 * whatever their dtype, strides and edges, the inner loops see one layout. Local memory here is the core's cache:
 *
 *     qt  DHQK x BM   kp  BN x DHQK   pt  BN x BM   vp  BN x DVB   ot  BM x DVB     floats
 *
 *   CLX_BM    rows of a group, a multiple of 16 and of CLX_RT
 *   CLX_BN    columns of a tile, a multiple of CLX_RS
 *   CLX_DVB   columns of h of a group, a multiple of 16
 *   CLX_RS, CLX_RT   register blocks, see above: 6 where vectors have 8 floats, 8 where they have 16
 *   CLX_DHQK, CLX_DHV, CLX_IN, CLX_QKV, CLX_OUT, CLX_EXPLICIT   as in mlstm_forward.cl */
#include "dtype.clh"
#include "mlstm_workspace.clh"
#include "twofloat.clh"

#ifndef CLX_BM
#define CLX_BM 48
#endif
#ifndef CLX_BN
#define CLX_BN 48
#endif
#ifndef CLX_DVB
#define CLX_DVB 64
#endif
#ifndef CLX_RS
#define CLX_RS 6
#endif
#ifndef CLX_RT
#define CLX_RT 6
#endif
#ifndef CLX_DHQK
#define CLX_DHQK 64
#endif
#ifndef CLX_DHV
#define CLX_DHV 64
#endif
#ifndef CLX_IN
#define CLX_IN CLX_F32
#endif
#ifndef CLX_QKV
#define CLX_QKV CLX_IN
#endif
#ifndef CLX_OUT
#define CLX_OUT CLX_QKV
#endif
#ifndef CLX_EXPLICIT
#define CLX_EXPLICIT 0
#endif

#if CLX_BM % 16 != 0 || CLX_BM % CLX_RT != 0 || CLX_BN % CLX_RS != 0 || CLX_DVB % 16 != 0
#error "cpu: tiles must be whole register blocks"
#endif

#define SLICES ((CLX_DHV + CLX_DVB - 1) / CLX_DVB)

/* Rows of a matrix in global memory; those from `count` on read as 0. */
typedef struct matrix_rows {
    const __global void *base;
    ulong offset;
    long stride;
    int count;
} matrix_rows;

static inline float16 load16(const __global void *p, const ulong at)
{
    float16 x;
    if (CLX_IN == CLX_F16)
        x = vload_half16(0, (const __global half *)p + at);
    else if (CLX_IN == CLX_BF16)
        x = as_float16(convert_uint16(vload16(0, (const __global ushort *)p + at)) << 16);
    else
        x = vload16(0, (const __global float *)p + at);
    if (CLX_QKV != CLX_IN)
        x = (float16)(clx_round4(x.s0123, CLX_QKV), clx_round4(x.s4567, CLX_QKV), clx_round4(x.s89ab, CLX_QKV),
                      clx_round4(x.scdef, CLX_QKV));
    return x;
}

/* to[r][0 .. width) = row r, columns column0 on; zeros behind column `columns` and row `rows.count`. */
static inline void pack_rows(__local float *to, const matrix_rows rows, const int height, const int width,
                             const int column0, const int columns)
{
    for (int r = 0; r < height; r++) {
        __local float *row = to + r * width;
        const int filled = r < rows.count ? min(width, columns - column0) : 0;
        const ulong at = rows.offset + (ulong)((long)r * rows.stride) + (ulong)column0;
        int c = 0;
        for (; c + 16 <= filled; c += 16) vstore16(load16(rows.base, at + (ulong)c), 0, row + c);
        for (; c < filled; c++) row[c] = clx_round(clx_load(rows.base, at + (ulong)c, CLX_IN), CLX_QKV);
        for (; c < width; c++) row[c] = 0.0f;
    }
}

/* qt[d][t] = q[t][d] * scale */
static inline void pack_q(__local float *qt, const matrix_rows q, const float scale)
{
    for (int t = 0; t < CLX_BM; t++) {
        const ulong at = q.offset + (ulong)((long)t * q.stride);
        for (int d = 0; d < CLX_DHQK; d++)
            qt[d * CLX_BM + t] =
                t < q.count ? clx_round(clx_load(q.base, at + (ulong)d, CLX_IN), CLX_QKV) * scale : 0.0f;
    }
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

#if CLX_EXPLICIT
/* All bits set where the mask keeps (row0 + t, s), for the 16 rows from `row` on. */
static inline int16 mask_column(const __global uchar *mask, const long mask_t, const int rows)
{
    int keeps[16];
    for (int i = 0; i < 16; i++) keeps[i] = i < rows && mask[(long)min(i, max(rows - 1, 0)) * mask_t] != 0 ? -1 : 0;
    return vload16(0, keeps);
}

static inline bool mask_keeps_any(const __global uchar *mask, const long mask_t, const long mask_s, const int rows,
                                  const int columns)
{
    for (int t = 0; t < rows; t++)
        for (int s = 0; s < columns; s++)
            if (mask[(long)t * mask_t + (long)s * mask_s] != 0) return true;
    return false;
}
#endif

/* pt[s][t] = k[s] . q[t] for CLX_RS columns from s on and 16 rows from t on. */
static inline void multiply_kq(__local float *pt, const __local float *kp, const __local float *qt, const int s,
                               const int t)
{
    float16 x[CLX_RS];
    for (int r = 0; r < CLX_RS; r++) x[r] = (float16)(0.0f);
    const __local float *k = kp + s * CLX_DHQK;
    for (int d = 0; d < CLX_DHQK; d++) {
        const float16 q = vload16(0, qt + d * CLX_BM + t);
        for (int r = 0; r < CLX_RS; r++) x[r] = fma(q, (float16)(k[r * CLX_DHQK + d]), x[r]);
    }
    for (int r = 0; r < CLX_RS; r++) vstore16(x[r], 0, pt + (s + r) * CLX_BM + t);
}

/* ot[t][c] += sum_s pt[s][t] vp[s][c] for CLX_RT rows from t on and 16 columns from c on. */
static inline void multiply_pv(__local float *ot, const __local float *pt, const __local float *vp, const int t,
                               const int c)
{
    float16 x[CLX_RT];
    for (int r = 0; r < CLX_RT; r++) x[r] = vload16(0, ot + (t + r) * CLX_DVB + c);
    for (int s = 0; s < CLX_BN; s++) {
        const float16 v = vload16(0, vp + s * CLX_DVB + c);
        for (int r = 0; r < CLX_RT; r++) x[r] = fma(v, (float16)(pt[s * CLX_BM + t + r]), x[r]);
    }
    for (int r = 0; r < CLX_RT; r++) vstore16(x[r], 0, ot + (t + r) * CLX_DVB + c);
}

static inline void store_row(__global void *h, const ulong at, const __local float *row, const float denominator,
                             const int columns)
{
    for (int c = 0; c < columns; c++) {
        const float x = denominator == 0.0f ? (isnan(row[c]) ? row[c] : 0.0f) : row[c] / denominator;
        clx_store(h, at + (ulong)c, x, CLX_OUT);
    }
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

    const matrix_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)row0 * q_s), q_s,
                                rows_here};
    const ulong k0 = k_offset + (ulong)((long)b * k_b + (long)n * k_h);
    const ulong v0 = v_offset + (ulong)((long)b * v_b + (long)n * v_h);
    pack_q(qt, q_rows, scale);
#if CLX_EXPLICIT
    const __global uchar *mask_rows = mask + (mask_offset + (ulong)((long)row0 * mask_t));
    const int first = 0, end = S;
#else
    const int first = start[row0] / CLX_BN * CLX_BN, end = min(S, row0 + CLX_BM);
#endif

    for (int s0 = first; s0 < end; s0 += CLX_BN) {
        if (mlstm_tile_is_zero(maxima[s0 / CLX_BN], smallest_M)) continue;
#if CLX_EXPLICIT
        if (!mask_keeps_any(mask_rows + (long)s0 * mask_s, mask_t, mask_s, rows_here, min(CLX_BN, S - s0))) continue;
#endif
        const matrix_rows k_rows = {k, k0 + (ulong)((long)s0 * k_s), k_s, S - s0};
        const matrix_rows v_rows = {v, v0 + (ulong)((long)s0 * v_s), v_s, S - s0};
        pack_rows(kp, k_rows, CLX_BN, CLX_DHQK, 0, CLX_DHQK);
        pack_rows(vp, v_rows, CLX_BN, CLX_DVB, column0, CLX_DHV);
        for (int t = 0; t < CLX_BM; t += 16)
            for (int s = 0; s < CLX_BN; s += CLX_RS) multiply_kq(pt, kp, qt, s, t);

        for (int s = 0; s < CLX_BN; s++) {
            const int column = min(s0 + s, S - 1);
            const float2 weight = vload2((size_t)column, g);
            const bool counts = s0 + s < S && weight.s0 != -INFINITY;
            for (int j = 0; j < CLX_BM / 16; j++) {
                __local float *at = pt + s * CLX_BM + j * 16;
                const float16 x = (weight.s0 - rows[j].M_high) + (weight.s1 - rows[j].M_low);
#if CLX_EXPLICIT
                const int16 sees = (start[column] == rows[j].begin) & (rows[j].M_high != -INFINITY) &
                                   mask_column(mask_rows + (long)(j * 16) * mask_t + (long)column * mask_s, mask_t,
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
            for (int t = 0; t < CLX_BM; t += CLX_RT) multiply_pv(ot, pt, vp, t, c);
    }

    float row_sums[CLX_BM];
    for (int j = 0; j < CLX_BM / 16; j++) vstore16(sums[j], j, row_sums);
    for (int t = 0; t < rows_here; t++) {
        const float denominator = fmax(fabs(row_sums[t]), exp(-m[row0 + t])) + eps;
        store_row(h, h_offset + (ulong)((long)b * h_b + (long)n * h_h + (long)(row0 + t) * h_s) + (ulong)column0,
                  ot + t * CLX_DVB, denominator, min(CLX_DVB, CLX_DHV - column0));
    }
}
