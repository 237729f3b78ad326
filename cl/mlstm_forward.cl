/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM's parallel form, fused: h = P V / (max(|row sums of P|, exp(-m)) + eps) with
 *
 *     P[t,s] = (q[t] . k[s]) / sqrt(DHQK) * exp(g[s] - M[t])       where row t sees column s, else 0
 *
 * g, M, m and the segments come from mlstm_gates.cl (and mlstm_mask.cl); the body below holds for every family of tiles.
 *
 * A group owns TILE_BM rows of one (batch, head) and TILE_DVB columns of h, and walks the tiles of columns:
 *
 *            s: 0      BN     2BN    ..            skipped: tiles before the rows' segment, tiles whose decay is
 *     rows   [ skip ][ skip ][ tile ][ diagonal ]  exactly 0 in f32, tiles that the mask leaves empty
 *
 * The stabiliser is known beforehand, so O is never rescaled. Work per tile: 2 BM BN (DHQK + DVB) operations;
 * traffic per tile: Q, K and a slice of V once from global memory (mostly cache).
 *
 *   CLX_EXPLICIT  0: causal; 1: an (S, S) mask of bytes
 *   and the parameters of the tile header. */
#include "group.clh"
#include "mlstm_workspace.clh"
#include "tile/tile.clh"
#include "tile/mask.clh"
#include "twofloat.clh"

#ifndef CLX_EXPLICIT
#define CLX_EXPLICIT 0
#endif

#define SLICES ((CLX_DHV + TILE_DVB - 1) / TILE_DVB)

/* The smallest M of the group's rows that see anything; -inf where one is NaN, so that nothing is skipped. */
static inline float smallest_of_rows(const __global float *M, const int row0, const int S)
{
    float smallest = INFINITY;
    for (int t = row0; t < min(S, row0 + TILE_BM); t++) {
        const float x = M[2 * (size_t)t];
        if (x != -INFINITY) smallest = fmin(smallest, isnan(x) ? -INFINITY : x);
    }
    return smallest;
}

/* The first tile of columns from s0 on that the gates leave anything of, or one behind `end`. */
static inline int tile_that_counts(int s0, const int end, const __global float *maxima, const float smallest_M)
{
    while (s0 < end && mlstm_tile_is_zero(maxima[s0 / TILE_BN], smallest_M)) s0 += TILE_BN;
    return s0;
}

/* For numbers of 16 bits it may be off by some units of f32's last digit. */
static inline float exp_of(const float x)
{
    return CLX_QKV == CLX_F32 ? exp(x) : exp2(x * 1.44269504088896f);
}

/* The same for parts of weights: what is below 2^-126 is nothing beside the part of the tile's largest, 1. */
static inline float exp_of_part(const float x)
{
    return CLX_QKV == CLX_F32 ? exp(x) : TILE_EXP2(x * 1.44269504088896f);
}

/* Where each row of the tile sees each of its columns, weights are products of a row's factor and a column's: with r, the
 * largest g,
 *
 *     exp(g[s] - M[t]) = exp(r - M[t]) exp(g[s] - r)
 *
 * and both are at most 1, so an item takes an exponential a row and a column, not one a pair. Gives the factors of the rows;
 * returns false where they could show: where one is close to what f32 cannot hold, or r is no number. */
static inline bool factors_of_rows(float *factor, const float r, const int rows, const float scale,
                                   const __global float *M, const tile_item item)
{
    float2 M_of[TILE_ROWS];
    bool apart = true;
    tile_load_rows2(M_of, M, rows, item);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const float x = clx_two_difference((float2)(r, 0.0f), M_of[slot]);
        apart = apart && x > -80.0f && x < INFINITY;
        factor[slot] = scale * exp_of_part(x);
    }
    return apart;
}

/* Products to weights, and their sums. */
static inline void weigh_apart(float *s, float *sums, const float *factor, const int s0, const float r,
                               const __global float *g, const tile_item item)
{
    UNROLL for (int e = 0; e < TILE_SE; e++) {
        const float2 g_column = vload2((size_t)(s0 + tile_scol(item, e)), g);
        s[e] *= factor[tile_slot_of_s(e)] * exp_of_part(clx_two_difference(g_column, (float2)(r, 0.0f)));
        sums[tile_slot_of_s(e)] += s[e];
    }
}

/* The same for any tile, pair by pair. */
static inline __attribute__((always_inline)) void weigh(float *s, float *sums, const int row0, const int s0,
                                                        const int S, const float scale, const __global float *g,
                                                        const __global float *M, const __global int *start,
                                                        const tile_mask mask, const tile_item item)
{
    /* the rows' M is read again for each tile: kept, it would cost registers during both products */
    float2 M_of[TILE_ROWS];
    int start_of[TILE_ROWS]; /* of the row's segment, which is nobody's where the row sees nothing */
    tile_load_rows2(M_of, M + 2 * (size_t)row0, S - row0, item);
    tile_load_rows(start_of, start + row0, S - row0, item);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++)
        if (row0 + tile_row(item, slot) >= S || M_of[slot].s0 == -INFINITY) start_of[slot] = INT_MAX;
    UNROLL for (int e = 0; e < TILE_SE; e++) {
        const int slot = tile_slot_of_s(e), c = s0 + tile_scol(item, e), column = min(c, S - 1);
        const float2 g_column = vload2((size_t)column, g);
#if CLX_EXPLICIT
        const bool sees = c < S && start[column] == start_of[slot] &&
                          mask.at[(long)tile_row(item, slot) * mask.t + (long)column * mask.s] != 0;
#else
        const bool sees = c <= row0 + tile_row(item, slot) && c >= start_of[slot];
#endif
        /* a column at -inf gives an exact 0, also where the row is at -inf and the difference is NaN. (Chosen, not skipped: with
         * a branch for each element Intel's compilers need more registers than there are.) */
        const float weighed = s[e] * scale * exp_of(clx_two_difference(g_column, M_of[slot]));
        s[e] = sees && g_column.s0 != -INFINITY ? weighed : 0.0f;
        sums[slot] += s[e];
    }
}

__kernel CLX_GROUP
void mlstm_forward(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                   const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                   const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                   const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                   __global void *h, const ulong h_offset, const long h_b, const long h_h, const long h_s,
                   __global float *workspace, const ulong workspace_offset, const ulong heads, const ulong NH,
                   const int S, const float scale, const float eps, const uint aligned)
{
    __local float4 memory[TILE_LOCAL_FLOAT4S];
    tile_item item = tile_begin();
    const ulong group = get_global_offset(0) / CLX_WG + get_group_id(0); /* compilers see that all items have the same */
    const int row_tiles = (S + TILE_BM - 1) / TILE_BM;
    const int column0 = (int)(group % SLICES) * TILE_DVB;
    const int row0 = (row_tiles - 1 - (int)(group / SLICES % (ulong)row_tiles)) * TILE_BM; /* the longest rows first */
    const ulong head = group / SLICES / (ulong)row_tiles;
    const ulong b = head / NH, n = head % NH;

    __global float *ws = workspace + workspace_offset;
    const __global float *g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    const __global float *m = mlstm_ws_m(ws, heads, S) + head * (ulong)S;
    const __global int *start = mlstm_ws_start(ws, heads, S) + head * (ulong)S;
    const __global float *maxima = mlstm_ws_maxima(ws, heads, S) + head * (ulong)((S + TILE_BN - 1) / TILE_BN);
    const __global float *M = mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2;
    const float smallest_M = smallest_of_rows(M, row0, S);

    tile_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)row0 * q_s), q_s, S - row0,
                        aligned};
    const tile_rows k_rows = {k, 0, k_s, 0, aligned};
    tile_rows v_rows = {v, 0, v_s, 0, aligned};
    const ulong k0 = k_offset + (ulong)((long)b * k_b + (long)n * k_h);
    const ulong v0 = v_offset + (ulong)((long)b * v_b + (long)n * v_h);
    const tile_mask tile_of_mask = {mask + mask_offset + (ulong)((long)row0 * mask_t), mask_t, mask_s};
#if CLX_EXPLICIT
    const int first = 0, end = S;
#else
    const int first = start[row0] / TILE_BN * TILE_BN, end = min(S, row0 + TILE_BM);
#endif

    float s[TILE_SE], o[TILE_OE], sums[TILE_ROWS];
    tile_begin_q(q_rows, memory, &item);
    UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = 0.0f;
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) sums[slot] = 0.0f;

    int s0 = tile_that_counts(first, end, maxima, smallest_M);
    tile_begin_k(tile_rows_from(k_rows, k0, s0, s0 < end ? S - s0 : 0), memory, &item);
    while (s0 < end) {
#if CLX_EXPLICIT
        if (!tile_mask_keeps_any(tile_of_mask, min(TILE_BM, S - row0), s0, min(TILE_BN, S - s0), memory, item)) {
            s0 = tile_that_counts(s0 + TILE_BN, end, maxima, smallest_M);
            tile_begin_k(tile_rows_from(k_rows, k0, s0, s0 < end ? S - s0 : 0), memory, &item);
            continue;
        }
#endif
        v_rows = tile_rows_from(v_rows, v0, s0, S - s0);
        tile_begin_v(v_rows, column0, memory, &item);
        tile_qk(s, q_rows, tile_rows_from(k_rows, k0, s0, S - s0), memory, item);

        float factor[TILE_ROWS];
        if (!CLX_EXPLICIT && row0 + TILE_BM <= S && s0 + TILE_BN <= row0 + 1 && start[row0 + TILE_BM - 1] <= s0 &&
            factors_of_rows(factor, maxima[s0 / TILE_BN], S - row0, scale, M + 2 * (size_t)row0, item))
            weigh_apart(s, sums, factor, s0, maxima[s0 / TILE_BN], g, item);
        else
            weigh(s, sums, row0, s0, S, scale, g, M, start, tile_of_mask, item);

        const int next = tile_that_counts(s0 + TILE_BN, end, maxima, smallest_M);
        tile_begin_k(tile_rows_from(k_rows, k0, next, next < end ? S - next : 0), memory, &item);
        tile_pv(o, s, v_rows, column0, memory, item);
        s0 = next;
    }

    /* one division a row: o / x is (o k) (1 / (x k)), with a k that keeps 1 / (x k) finite */
    float k_of_row[TILE_ROWS], inverse[TILE_ROWS];
    tile_row_sums(sums, memory, item);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const int t = row0 + tile_row(item, slot);
        sums[slot] = t < S ? fmax(fabs(sums[slot]), exp(-m[t])) + eps : 1.0f;
        k_of_row[slot] = sums[slot] < 0x1p-60f ? 0x1p60f : 1.0f;
        inverse[slot] = sums[slot] == 0.0f ? 0.0f : 1.0f / (sums[slot] * k_of_row[slot]);
    }
    tile_scale(o, k_of_row);
    tile_scale(o, inverse);
    tile_store(o, h, h_offset + (ulong)((long)b * h_b + (long)n * h_h + (long)row0 * h_s), h_s, S - row0, column0,
               aligned, item);
}
