/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention on Hopper; what attention_forward.cl computes, with tiles of tile/nv_wgmma.clh.
 *
 * One warp group fetches the tiles of columns that any row sees. Two others turn them into rows of h: while the product
 * P V of a tile runs, the logits of the next become weights. Softmax works in powers of two, W = 2^(L' - m') with
 * L' = L log2(e).
 *
 *   the parameters of attention.clh and of the tile header; no explicit masks. */
#include "attention.clh"
#include "tile/nv_wgmma.clh"
#include "tile/nv_wgmma_units.clh"

#ifndef CLX_V
#define CLX_V CLX_IN
#endif
#define SLICES ((CLX_DHV + TILE_DVB - 1) / TILE_DVB)
#define LOG2_E 1.44269504088896f
/* Activations whose weights may be larger than f16 can show. */
#define IN_UNITS (CLX_QKV == CLX_F16 && CLX_ACTIVATION != CLX_SOFTMAX && CLX_ACTIVATION != CLX_SIGMOID)

/* What a group works on: its first row, the columns that its rows see, and how logits become weights. */
typedef struct band {
    int row0;
    int first; /* column of the first tile */
    int end;
    int low;
    int high;
    int S_kv;
    float scale;
    float bias;
} band;

/* The state of an item's rows. */
typedef struct row_state {
    float m[TILE_ROWS]; /* the largest L' so far */
    float sum[TILE_ROWS];
    float unit[TILE_ROWS];
} row_state;

/* The warp group that fetches. */
TILE_INLINE void fetch(const tile_memory memory, tile_rows k, tile_rows v, const band seen, const int column0,
                       const uint item)
{
    const ulong k0 = k.offset, v0 = v.offset;
    ring_place at = {0, 0};
    for (int s0 = seen.first; s0 < seen.end; s0 += CLX_BN) {
        k.offset = k0 + (ulong)((long)s0 * k.stride);
        v.offset = v0 + (ulong)((long)s0 * v.stride);
        k.count = v.count = seen.S_kv - s0;
        ptx_mbarrier_wait(ring_barrier(memory, at, K_EMPTY), at.parity ^ 1u);
        tile_copy(memory.k + at.slot * K_BYTES, k, CLX_BN, CLX_BN, 0, TILE_DKP, CLX_DHQK, CLX_IN, item);
        tile_pass_on(memory, at, K_FULL);
        ptx_mbarrier_wait(ring_barrier(memory, at, V_EMPTY), at.parity ^ 1u);
        tile_copy(memory.v + at.slot * V_BYTES, v, CLX_BN, CLX_BN, column0, CLX_DVB, CLX_DHV, CLX_V, item);
        tile_pass_on(memory, at, V_FULL);
        at = ring_next(at);
    }
    ptx_copy_wait();
}

/* Logits that the rows do not see become -inf. Most tiles are seen whole. */
TILE_INLINE void hide(float *s, const band seen, const int s0, const int strip0, const int t, const uint lane)
{
    const int last = strip0 + 63, end = s0 + CLX_BN;
    const bool whole = end <= seen.S_kv && end - 1 - strip0 <= seen.high && s0 - last > seen.low;
    if (ptx_uniform(whole)) return;
    UNROLL for (int e = 0; e < TILE_SE; e++) {
        const int c = s0 + 8 * (e / 4) + 2 * (int)(lane % 4) + e % 2, beyond = c - (t + 8 * (e / 2 % 2));
        const bool sees = c < seen.S_kv && beyond > seen.low && beyond <= seen.high;
        s[e] = sees ? s[e] : -INFINITY;
    }
}

/* Logits to weights, and their sums; `factor` is what the strip of O must be multiplied by. */
TILE_INLINE void weigh(float *s, row_state *rows, float *factor, const band seen)
{
#if CLX_ACTIVATION == CLX_SOFTMAX
    float largest[TILE_ROWS] = {-INFINITY, -INFINITY}, origin[TILE_ROWS];
    const float scale = seen.scale * LOG2_E;
    UNROLL for (int e = 0; e < TILE_SE; e++) largest[e / 2 % 2] = fmax(largest[e / 2 % 2], s[e]);
    tile_row_maxima(largest);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const float grown = fmax(rows->m[slot], largest[slot] * scale);
        factor[slot] = grown == rows->m[slot] ? 1.0f : exp2(rows->m[slot] - grown);
        rows->sum[slot] *= factor[slot];
        rows->m[slot] = grown;
        origin[slot] = grown == -INFINITY ? 0.0f : grown; /* a row that has seen nothing yet: 2^-inf, not 2^NaN */
    }
    UNROLL for (int e = 0; e < TILE_SE; e++) {
        s[e] = exp2(fma(s[e], scale, -origin[e / 2 % 2]));
        rows->sum[e / 2 % 2] += s[e];
    }
#elif CLX_ACTIVATION == CLX_SIGMOID
    UNROLL for (int e = 0; e < TILE_SE; e++) s[e] = 1.0f / (1.0f + exp(seen.bias - s[e] * seen.scale));
#else
    const float to[TILE_ROWS] = {seen.scale * tile_inverse_unit(tile_weighed_in(rows->unit[0])),
                                 seen.scale * tile_inverse_unit(tile_weighed_in(rows->unit[1]))};
    UNROLL for (int e = 0; e < TILE_SE; e++) s[e] = s[e] == -INFINITY ? 0.0f : s[e] * to[e / 2 % 2];
    if (IN_UNITS) tile_to_units(s, rows->unit, factor);
#endif
}

/* A warp group that computes: its strip of O. */
TILE_INLINE void compute(float *o, row_state *rows, const tile_memory memory, const band seen, const uint strip,
                         const int t, const uint lane)
{
    const bool scales = CLX_ACTIVATION == CLX_SOFTMAX || IN_UNITS;
    const int strip0 = seen.row0 + (int)strip * 64;
    float s[TILE_SE], factor[TILE_ROWS] = {1.0f, 1.0f};
    uint p[TILE_SE / 2];
    ring_place k_at = {0, 0}, v_at = {0, 0};
    UNROLL for (int e = 0; e < TILE_SE; e++) s[e] = 0.0f;
    if (seen.first >= seen.end) return;

    ptx_mbarrier_wait(ring_barrier(memory, k_at, K_FULL), k_at.parity);
    ptx_fence_proxy();
    tile_start_qk(s, memory, strip, k_at.slot);
    wgmma_wait(TILE_SE, s, 0);
    tile_give_back(memory, k_at, K_EMPTY, lane);
    hide(s, seen, seen.first, strip0, t, lane);
    weigh(s, rows, factor, seen);
    tile_pack(p, s);
    tile_turns_begin(strip);
    for (int s0 = seen.first + CLX_BN; s0 < seen.end; s0 += CLX_BN) {
        k_at = ring_next(k_at);
        ptx_mbarrier_wait(ring_barrier(memory, k_at, K_FULL), k_at.parity);
        tile_start_both(s, o, p, memory, strip, k_at, v_at);
        wgmma_wait(TILE_SE, s, 1);
        tile_give_back(memory, k_at, K_EMPTY, lane);
        hide(s, seen, s0, strip0, t, lane);
        weigh(s, rows, factor, seen);
        wgmma_wait(TILE_OE, o, 0);
        tile_give_back(memory, v_at, V_EMPTY, lane);
        v_at = ring_next(v_at);
        if (scales) tile_scale(o, factor);
        tile_pack(p, s);
    }
    tile_last_pv(o, p, memory, strip, v_at);
}

/* The strip of O as it leaves. */
TILE_INLINE void finish(float *o, row_state *rows)
{
    float factor[TILE_ROWS];
#if CLX_ACTIVATION == CLX_SOFTMAX
    tile_row_sums(rows->sum);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++)
        factor[slot] = rows->sum[slot] == 0.0f ? 0.0f : 1.0f / rows->sum[slot]; /* a row that saw nothing gives 0 */
#else
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) factor[slot] = rows->unit[slot];
#endif
    tile_scale(o, factor);
}

__kernel __attribute__((reqd_work_group_size(CLX_WG, 1, 1)))
void attention_forward(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                       const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                       const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                       const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                       __global void *h, const ulong h_offset, const long h_b, const long h_h, const long h_s,
                       const ulong NH, const ulong NH_kv, const int S_q, const int S_kv, const int low, const int high,
                       const float scale, const float bias, const uint aligned)
{
    __local uchar clx_enlarged[1024] __attribute__((aligned(1024)));
    __local ulong barriers[4 * CLX_STAGES];
    const uint index = (uint)get_local_id(0), item = index % WARP_GROUP, lane = index % 32;
    const uint warp_group = ptx_uniform(index / WARP_GROUP);
    const tile_memory memory = tile_memory_begin(clx_enlarged, barriers);
    NV_RELOAD(TILE_LOCAL_BYTES);

    const int row_tiles = (S_q + TILE_BM - 1) / TILE_BM;
    const ulong groups_of_batch = NH * (ulong)row_tiles * SLICES, group = get_global_id(0) / CLX_WG;
    const tile_task task = tile_task_of_group(group % groups_of_batch, NH, row_tiles, SLICES,
                                              (ulong)S_kv * (CLX_DHQK + CLX_DHV) * 2);
    const int row0 = task.row0, column0 = task.column0;
    const ulong b = group / groups_of_batch, n = task.head, n_kv = n * NH_kv / NH;
    const band seen = {row0, attention_first(row0, low, CLX_BN), attention_end(min(S_q, row0 + TILE_BM), high, S_kv),
                       low,  high, S_kv, scale, bias};

    tile_rings_init(memory, index);
    barrier(CLK_LOCAL_MEM_FENCE); /* the rings are ready */

    if (warp_group == 0) {
        ptx_registers_fewer(56);
        const tile_rows k_rows = {k, k_offset + (ulong)((long)b * k_b + (long)n_kv * k_h), k_s, 0, aligned};
        const tile_rows v_rows = {v, v_offset + (ulong)((long)b * v_b + (long)n_kv * v_h), v_s, 0, aligned};
        fetch(memory, k_rows, v_rows, seen, column0, item);
    } else {
        ptx_registers_more(224);
        const uint strip = warp_group - 1;
        const int strip0 = row0 + (int)strip * 64, t = strip0 + (int)(item / 32 * 16 + lane / 4);
        const tile_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)strip0 * q_s), q_s,
                                  S_q - strip0, aligned};
        float o[TILE_OE];
        row_state rows;
        UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = 0.0f;
        UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
            rows.m[slot] = -INFINITY;
            rows.sum[slot] = 0.0f;
            rows.unit[slot] = IN_UNITS ? SMALLEST_UNIT : 1.0f;
        }
        tile_load_q(memory, q_rows, strip, item);
        compute(o, &rows, memory, seen, strip, t, lane);
        finish(o, &rows);
        tile_store(o, h, h_offset + (ulong)((long)b * h_b + (long)n * h_h), h_s, t, S_q, column0, aligned, lane);
    }
}
