/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention, fused: h[t] = sum_s W[t,s] v[s] over the columns that row t sees, with L = (q[t] . k[s]) / sqrt(DHQK) and
 *
 *     softmax  W = exp(L - m) / sum_s exp(L - m)     sigmoid  W = 1 / (1 + exp(bias - L))     none  W = L
 *
 * The body below holds for every family of tiles. q and k come as they enter the product (attention_prepare.cl).
 *
 * A group owns TILE_BM rows of one (batch, query head) and TILE_DVB columns of h, and walks the tiles of columns:
 *
 *            s: 0      BN     2BN    ..              skipped: tiles before the window, behind the diagonal, and tiles
 *     rows   [ skip ][ tile ][ tile ][ diagonal ]    that the mask leaves empty
 *
 * Softmax keeps the largest logit so far, m, per row; when it grows, what was added up shrinks by exp(m - new m). Work
 * per tile: 2 BM BN (DHQK + DVB) operations; traffic per tile: Q, K and a slice of V once (mostly cache).
 *
 *   the parameters of attention.clh and of the tile header. */
#include "attention.clh"
#include "group.clh"
#define TILE_WEIGHTS_MOST_1 (CLX_ACTIVATION == CLX_SOFTMAX) /* see tile/nv_mma16.clh */
#include "tile/tile.clh"
#include "tile/mask.clh"

#define SLICES ((CLX_DHV + TILE_DVB - 1) / TILE_DVB)

#define LOG2_E 1.44269504088896f

/* Products to weights, and their sums; softmax scales what there is. A product of -inf is a column that is not seen.
 * Softmax works in powers of two, W = 2^(L' - m) with L' = L log2(e). */
static inline void weigh(float *s, float *o, float *m, float *sums, const float scale, const float bias,
                         __local float4 *memory, const tile_item item)
{
#if CLX_ACTIVATION == CLX_SOFTMAX
    const float scale_2 = scale * LOG2_E;
    float largest[TILE_ROWS], factor[TILE_ROWS], base[TILE_ROWS];
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) largest[slot] = -INFINITY;
    UNROLL for (int e = 0; e < TILE_SE; e++) largest[tile_slot_of_s(e)] = fmax(largest[tile_slot_of_s(e)], s[e]);
    tile_row_maxima(largest, memory, item);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const float grown = fmax(m[slot], largest[slot] * scale_2);
        factor[slot] = grown == m[slot] ? 1.0f : TILE_EXP2(m[slot] - grown);
        sums[slot] *= factor[slot];
        m[slot] = grown;
        base[slot] = !TILE_ASKS_EACH && grown == -INFINITY ? 0.0f : grown; /* a row that saw nothing yet */
    }
    tile_scale(o, factor);
    UNROLL for (int e = 0; e < TILE_SE; e++) {
        const int slot = tile_slot_of_s(e);
        s[e] = TILE_ASKS_EACH && s[e] == -INFINITY ? 0.0f : TILE_EXP2(fma(s[e], scale_2, -base[slot]));
        sums[slot] += s[e];
    }
#elif CLX_ACTIVATION == CLX_SIGMOID
    UNROLL for (int e = 0; e < TILE_SE; e++) s[e] = 1.0f / (1.0f + exp(bias - s[e] * scale));
#else
    UNROLL for (int e = 0; e < TILE_SE; e++) s[e] = s[e] == -INFINITY ? 0.0f : s[e] * scale;
#endif
}

__kernel CLX_GROUP
void attention_forward(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                       const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                       const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                       const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                       __global void *h, const ulong h_offset, const long h_b, const long h_h, const long h_s,
                       const ulong NH, const ulong NH_kv, const int S_q, const int S_kv, const int low, const int high,
                       const float scale, const float bias, const uint aligned)
{
    __local float4 memory[TILE_LOCAL_FLOAT4S];
    tile_item item = tile_begin();
    const ulong group = get_global_offset(0) / CLX_WG + get_group_id(0); /* compilers see that all items have the same */
    const int row_tiles = (S_q + TILE_BM - 1) / TILE_BM;
    const int column0 = (int)(group % SLICES) * TILE_DVB;
    const int row0 = (row_tiles - 1 - (int)(group / SLICES % (ulong)row_tiles)) * TILE_BM; /* the longest rows first */
    const ulong head = group / SLICES / (ulong)row_tiles;
    const ulong b = head / NH, n = head % NH, n_kv = n * NH_kv / NH;

    const tile_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)row0 * q_s), q_s, S_q - row0,
                              aligned};
    const tile_rows k_rows = {k, 0, k_s, 0, aligned};
    tile_rows v_rows = {v, 0, v_s, 0, aligned};
    const ulong k0 = k_offset + (ulong)((long)b * k_b + (long)n_kv * k_h);
    const ulong v0 = v_offset + (ulong)((long)b * v_b + (long)n_kv * v_h);
#if CLX_EXPLICIT
    const tile_mask tile_of_mask = {mask + mask_offset + (ulong)((long)row0 * mask_t), mask_t, mask_s};
#endif

    float s[TILE_SE], o[TILE_OE], sums[TILE_ROWS], m[TILE_ROWS];
    tile_begin_q(q_rows, memory, &item);
    UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = 0.0f;
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        sums[slot] = 0.0f;
        m[slot] = -INFINITY;
    }

    const int end = attention_end(min(S_q, row0 + TILE_BM), high, S_kv);
    const int first = attention_first(row0, low, TILE_BN);
    tile_begin_k(tile_rows_from(k_rows, k0, first, first < end ? S_kv - first : 0), memory, &item);
    for (int s0 = first; s0 < end; s0 += TILE_BN) {
        const int next = s0 + TILE_BN; /* worked out again where it is used: kept, rows cost registers */
#if CLX_EXPLICIT
        if (!tile_mask_keeps_any(tile_of_mask, min(TILE_BM, S_q - row0), s0, min(TILE_BN, S_kv - s0), memory, item)) {
            tile_begin_k(tile_rows_from(k_rows, k0, next, next < end ? S_kv - next : 0), memory, &item);
            continue;
        }
#endif
        v_rows = tile_rows_from(v_rows, v0, s0, S_kv - s0);
        tile_begin_v(v_rows, column0, memory, &item);
        tile_qk(s, q_rows, tile_rows_from(k_rows, k0, s0, S_kv - s0), memory, item);

        /* in most tiles of a long text there is nothing to ask of each pair */
        if (CLX_EXPLICIT || row0 + TILE_BM > S_q || s0 + TILE_BN > S_kv || s0 + TILE_BN - 1 - row0 > high ||
            s0 - (row0 + TILE_BM - 1) <= low)
            UNROLL for (int e = 0; e < TILE_SE; e++) {
                const int t = row0 + tile_row(item, tile_slot_of_s(e)), c = s0 + tile_scol(item, e);
                bool sees = t < S_q && c < S_kv && c - t > low && c - t <= high;
#if CLX_EXPLICIT
                sees = sees && tile_of_mask.at[(long)(t - row0) * mask_t + (long)c * mask_s] != 0;
#endif
                s[e] = sees ? s[e] : -INFINITY;
            }
        weigh(s, o, m, sums, scale, bias, memory, item);

        tile_begin_k(tile_rows_from(k_rows, k0, next, next < end ? S_kv - next : 0), memory, &item);
        tile_pv(o, s, v_rows, column0, memory, item);
    }

#if CLX_ACTIVATION == CLX_SOFTMAX
    tile_row_sums(sums, memory, item);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++)
        sums[slot] = sums[slot] == 0.0f ? 0.0f : 1.0f / sums[slot]; /* a row that saw nothing gives 0 */
    tile_scale(o, sums);
#endif
    tile_store(o, h, h_offset + (ulong)((long)b * h_b + (long)n * h_h + (long)row0 * h_s), h_s, S_q - row0, column0,
               aligned, item);
}
