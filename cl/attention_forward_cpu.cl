/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention for CPU devices: the function of attention_forward.cl on the tiles of tile/cpu.clh, one work-item per group.
 * A group owns CLX_BM rows of one (batch, query head) and CLX_DVB columns of h.
 *
 *     S^T = K Q^T
 *     P^T = weights of S^T; softmax scales O by row where the row's maximum has grown
 *     O  += P V
 *
 *   the parameters of attention.clh and of tile/cpu.clh. */
#include "attention.clh"
#include "tile/cpu.clh"

#define SLICES ((CLX_DHV + CLX_DVB - 1) / CLX_DVB)

/* 16 neighbouring rows. */
typedef struct vector_rows {
    int16 t;
    float16 m;
    float16 sums;
} vector_rows;

/* Does each of 16 rows from t on see each column of the tile at s0? */
static inline bool sees_all(const int t, const int s0, const int S_kv, const int low, const int high)
{
    return !CLX_EXPLICIT && s0 + CLX_BN <= S_kv && s0 - (t + 15) > low && s0 + CLX_BN - 1 - t <= high;
}

/* How many of the first columns of the tile at s0 row t may see. */
static inline int seen_by(const int t, const int s0, const int high)
{
    return (int)clamp((long)t + high - s0 + 1, 0L, (long)CLX_BN);
}

/* Of the first `seen` columns of a tile, logits that are not seen become -inf. `rows_here`: how many of the 16 there
 * are. */
static inline void hide(__local float *pt, const vector_rows rows, const int s0, const int seen, const int S_kv,
                        const int low, const int high, const __global uchar *mask, const long mask_t,
                        const long mask_s, const int rows_here)
{
    for (int s = 0; s < seen; s++) {
        __local float *at = pt + s * CLX_BM;
        const int16 distance = (s0 + s) - rows.t;
        int16 sees = (distance > low) & (distance <= high);
#if CLX_EXPLICIT
        sees &= cpu_mask_column(mask + (long)min(s0 + s, S_kv - 1) * mask_s, mask_t, rows_here);
#endif
        if (s0 + s >= S_kv) sees = (int16)(0);
        vstore16(select((float16)(-INFINITY), vload16(0, at), sees), 0, at);
    }
}

/* Logits of the first `seen` columns to weights; the others weigh nothing. Returns what O must be scaled by. Softmax has
 * its logits in powers of two. */
static inline float16 weigh(__local float *pt, vector_rows *rows, const int seen, const float bias)
{
    float16 factor = (float16)(1.0f);
#if CLX_ACTIVATION == CLX_SOFTMAX
    float16 m = rows->m;
    for (int s = 0; s < seen; s++) m = fmax(m, vload16(0, pt + s * CLX_BM));
    factor = select(exp2(rows->m - m), (float16)(1.0f), m == rows->m);
    rows->m = m;
    rows->sums *= factor;
#endif
    for (int s = 0; s < seen; s++) {
        const float16 L = vload16(0, pt + s * CLX_BM);
#if CLX_ACTIVATION == CLX_SOFTMAX
        const float16 p = select(exp2(L - m), (float16)(0.0f), L == -INFINITY);
        rows->sums += p;
#elif CLX_ACTIVATION == CLX_SIGMOID
        const float16 p = 1.0f / (1.0f + exp(bias - L));
#else
        const float16 p = select(L, (float16)(0.0f), L == -INFINITY);
#endif
        vstore16(p, 0, pt + s * CLX_BM);
    }
    for (int s = seen; s < CLX_BN; s++) vstore16((float16)(0.0f), 0, pt + s * CLX_BM);
    return factor;
}

static inline void scale_rows(__local float *ot, const float16 factor, const int rows)
{
    float by[16];
    vstore16(factor, 0, by);
    for (int t = 0; t < rows; t++)
        for (int c = 0; c < CLX_DVB; c += 16)
            vstore16(vload16(0, ot + t * CLX_DVB + c) * by[t], 0, ot + t * CLX_DVB + c);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void attention_forward(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                       const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                       const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                       const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                       __global void *h, const ulong h_offset, const long h_b, const long h_h, const long h_s,
                       const ulong NH, const ulong NH_kv, const int S_q, const int S_kv, const int low, const int high,
                       const float scale, const float bias, const uint aligned)
{
    __local float qt[CLX_DHQK * CLX_BM], kp[CLX_BN * CLX_DHQK], pt[CLX_BN * CLX_BM];
    __local float vp[CLX_BN * CLX_DVB], ot[CLX_BM * CLX_DVB];
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const ulong group = get_global_id(0);
    const int row_tiles = (S_q + CLX_BM - 1) / CLX_BM;
    const int column0 = (int)(group % SLICES) * CLX_DVB;
    const int row0 = (row_tiles - 1 - (int)(group / SLICES % (ulong)row_tiles)) * CLX_BM;
    const ulong head = group / SLICES / (ulong)row_tiles;
    const ulong b = head / NH, n = head % NH, n_kv = n * NH_kv / NH;
    const int rows_here = min(CLX_BM, S_q - row0);
    const int vectors = (rows_here + 15) / 16; /* few rows, as in decoding, are not padded to the whole tile */

    vector_rows rows[CLX_BM / 16];
    for (int j = 0; j < CLX_BM / 16; j++) {
        rows[j].t = row0 + j * 16 + lane;
        rows[j].m = (float16)(-INFINITY);
        rows[j].sums = (float16)(0.0f);
    }
    for (int e = 0; e < CLX_BM * CLX_DVB; e++) ot[e] = 0.0f;
    for (int e = 0; e < CLX_BN * CLX_BM; e++) pt[e] = 0.0f;

    const cpu_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)row0 * q_s), q_s, rows_here};
    const ulong k0 = k_offset + (ulong)((long)b * k_b + (long)n_kv * k_h);
    const ulong v0 = v_offset + (ulong)((long)b * v_b + (long)n_kv * v_h);
    const __global uchar *mask_rows = mask + mask_offset + (ulong)((long)row0 * mask_t);
    cpu_pack_q(qt, q_rows, CLX_ACTIVATION == CLX_SOFTMAX ? scale * M_LOG2E_F : scale);

    const int end = attention_end(min(S_q, row0 + CLX_BM), high, S_kv);
    for (int s0 = attention_first(row0, low, CLX_BN); s0 < end; s0 += CLX_BN) {
#if CLX_EXPLICIT
        if (!cpu_mask_keeps_any(mask_rows + (long)s0 * mask_s, mask_t, mask_s, rows_here, min(CLX_BN, S_kv - s0)))
            continue;
#endif
        const cpu_rows k_rows = {k, k0 + (ulong)((long)s0 * k_s), k_s, S_kv - s0};
        const cpu_rows v_rows = {v, v0 + (ulong)((long)s0 * v_s), v_s, S_kv - s0};
        cpu_pack_rows(kp, k_rows, CLX_BN, CLX_DHQK, 0, CLX_DHQK, CLX_IN);
        cpu_pack_panels(vp, v_rows, CLX_BN, CLX_DVB, column0, CLX_DHV, CLX_V);
        for (int t = 0; t < vectors * 16; t += 16)
            for (int s = 0; s < seen_by(row0 + t + 15, s0, high); s += CLX_RS) cpu_multiply_kq(pt, kp, qt, s, t);

        for (int j = 0; j < vectors; j++) {
            const int t = row0 + j * 16, seen = seen_by(t + 15, s0, high);
            if (!sees_all(t, s0, S_kv, low, high))
                hide(pt + j * 16, rows[j], s0, seen, S_kv, low, high, mask_rows + (long)(j * 16) * mask_t, mask_t,
                     mask_s, rows_here - j * 16);
            const float16 factor = weigh(pt + j * 16, &rows[j], seen, bias);
            if (any(factor != 1.0f)) scale_rows(ot + j * 16 * CLX_DVB, factor, min(16, CLX_BM - j * 16));
        }
        for (int c = 0; c < CLX_DVB; c += 16)
            for (int t = 0; t < rows_here; t += CLX_RT)
                cpu_multiply_pv(ot, pt, vp, t, c, seen_by(row0 + t + CLX_RT - 1, s0, high));
    }

    for (int t = 0; t < rows_here; t++) {
        float16 one = (float16)(1.0f);
        float sums[16];
        vstore16(CLX_ACTIVATION == CLX_SOFTMAX ? rows[t / 16].sums : one, 0, sums);
        const float by = sums[t % 16] == 0.0f ? 0.0f : 1.0f / sums[t % 16]; /* a row that saw nothing gives 0 */
        const ulong at = h_offset + (ulong)((long)b * h_b + (long)n * h_h + (long)(row0 + t) * h_s) + (ulong)column0;
        cpu_store_row(h, at, ot + t * CLX_DVB, 1.0f, by, min(CLX_DVB, CLX_DHV - column0));
    }
}
