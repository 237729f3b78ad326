/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM's parallel form on Hopper; what mlstm_forward.cl computes, with tiles of tile/nv_wgmma.clh.
 *
 * One warp group walks the tiles of columns that count and fetches them. Two others turn them into rows of h: while the
 * product P V of a tile runs, the next tile of S is weighed, so the matrix units wait for nobody.
 *
 * Below the diagonal, inside one segment, the weight of a pair splits into a row's and a column's part,
 *
 *     exp(g[s] - M[t]) = exp(r - M[t]) exp(g[s] - r),     r the largest g of the tile,
 *
 * the second at most 1, and the first too except on the diagonal, where columns behind t may be larger; so an item takes
 * two exponentials a tile and not one a pair. Tiles with a reset, a column at -inf, or where the first could overflow are
 * weighed pair by pair.
 *
 * With `chunk` not 0, a multiple of TILE_BM, the columns before the rows' own chunk come as a state: see
 * mlstm_carried_wgmma.clh.
 *
 *   the parameters of the tile header; causal only. */
#include "mlstm_carried_wgmma.clh"
#include "mlstm_workspace.clh"
#include "tile/nv_wgmma.clh"
#include "tile/nv_wgmma_units.clh"
#include "twofloat.clh"

#define SLICES ((CLX_DHV + TILE_DVB - 1) / TILE_DVB)
#define NO_MORE (-1)
#define SPLIT_LIMIT 50.0f /* exp of it, times a weight that is no longer normal, is still nothing in 16 bits */

/* What the fetching items leave about the columns of the tile in each slot of K's ring. */
typedef struct column_notes {
    float weight[CLX_STAGES][CLX_BN]; /* exp(g - largest) */
    float2 g[CLX_STAGES][CLX_BN];
    float largest[CLX_STAGES];
    int s0[CLX_STAGES];                  /* the first column, or NO_MORE */
    int uneven[CLX_STAGES][CLX_BN / 32]; /* does any of 32 columns weigh nothing at all? */
    int carries;                         /* does a state come first? */
} column_notes;

/* The gates of one head, in the workspace. */
typedef struct head_gates {
    const __global float *g;
    const __global float *M;
    const __global float *m;
    const __global int *start;
    const __global float *maxima;
} head_gates;

/* The rows of one item. */
typedef struct item_rows {
    float2 M[TILE_ROWS];
    int start[TILE_ROWS];
    int t;           /* the row of slot 0; that of slot 1 is 8 more */
    int strip0;      /* the first row of the strip */
    int strip_start; /* where the segment of its last row begins */
} item_rows;

/* What is read of a tile's columns ahead of its turn: g of the item's column, and the largest of all. */
typedef struct columns_ahead {
    float2 g;
    float largest;
} columns_ahead;

TILE_INLINE columns_ahead look_ahead(const head_gates gates, const int s0, const int S, const uint item)
{
    columns_ahead columns;
    columns.largest = gates.maxima[s0 / CLX_BN];
    columns.g = vload2((size_t)min(s0 + (int)(item % CLX_BN), S - 1), gates.g);
    return columns;
}

TILE_INLINE void note_columns(__local column_notes *notes, const columns_ahead columns, const int s0, const uint slot,
                              const uint item)
{
    if (item < CLX_BN) {
        notes->g[slot][item] = columns.g;
        notes->weight[slot][item] = exp(clx_two_difference(columns.g, (float2)(columns.largest, 0.0f)));
        const uint uneven = ptx_any(columns.g.s0 == -INFINITY);
        if (item % 32 == 0) notes->uneven[slot][item / 32] = (int)uneven;
    }
    if (item == 0) notes->largest[slot] = columns.largest;
    if (item == 0) notes->s0[slot] = s0;
}

/* The smallest x of the warp group's items. */
TILE_INLINE float smallest_of_group(float x, __local float *scratch, const uint item)
{
    for (uint lanes = 16; lanes > 0; lanes >>= 1)
        x = fmin(x, ptx_shuffle_xor(x, lanes));
    if (item % 32 == 0) scratch[item / 32] = x;
    ptx_barrier(1, WARP_GROUP); /* all four are there */
    const float smallest = fmin(fmin(scratch[0], scratch[1]), fmin(scratch[2], scratch[3]));
    ptx_barrier(1, WARP_GROUP); /* all have read them */
    return smallest;
}

/* The smallest M of the group's rows that see anything; -inf where one is NaN, so that nothing is skipped. */
TILE_INLINE float smallest_of_rows(const __global float *M, const int row0, const int S, __local float *scratch,
                                   const uint item)
{
    const int t = row0 + (int)item;
    const float x = t < S ? M[2 * (size_t)t] : INFINITY;
    return smallest_of_group(x == -INFINITY ? INFINITY : isnan(x) ? -INFINITY : x, scratch, item);
}

/* The first tile from column s0 on that counts: with decay most of those far from the diagonal do not, so they are looked
 * at by many items at once. */
TILE_INLINE int first_that_counts(const __global float *maxima, int s0, const int end, const float smallest_M,
                                  __local float *scratch, const uint item)
{
    for (; s0 < end; s0 += WARP_GROUP * CLX_BN) {
        const int tile = s0 / CLX_BN + (int)item;
        const bool counts = tile * CLX_BN < end && !mlstm_tile_is_zero(maxima[tile], smallest_M);
        const float first = smallest_of_group(counts ? (float)item : INFINITY, scratch, item);
        if (first < INFINITY) return s0 + (int)first * CLX_BN;
    }
    return end;
}

enum { CARRIED_KNOWN = 6 }; /* the barrier behind which all items know whether a state comes first */

/* The warp group that fetches. */
TILE_INLINE void fetch(const tile_memory memory, __local column_notes *notes, const head_gates gates,
                       const carried_state state, tile_rows k, tile_rows v, const int row0, const int column0, const int S,
                       __local float *scratch, const uint item)
{
    const float smallest_M = smallest_of_rows(gates.M, row0, S, scratch, item);
    const int end = min(S, row0 + TILE_BM);
    const bool carries = carried_counts(state, gates.start[row0], smallest_M);
    if (item == 0) notes->carries = carries;
    ptx_barrier_arrive(CARRIED_KNOWN, CLX_WG);
    const int first = first_that_counts(gates.maxima, max(gates.start[row0] / CLX_BN * CLX_BN, state.begin), end,
                                        smallest_M, scratch, item);
    const ulong k0 = k.offset, v0 = v.offset;
    ring_place at = {0, 0}, v_at = {0, 0};
    if (carries) v_at = carried_fetch(memory, state, column0, v_at, item);
    columns_ahead next = look_ahead(gates, min(first, S - 1), S, item);
    for (int s0 = first; s0 < end; s0 += CLX_BN) {
        const columns_ahead columns = next;
        next = look_ahead(gates, min(s0 + CLX_BN, S - 1), S, item);
        if (mlstm_tile_is_zero(columns.largest, smallest_M)) continue;
        k.offset = k0 + (ulong)((long)s0 * k.stride);
        v.offset = v0 + (ulong)((long)s0 * v.stride);
        k.count = v.count = S - s0;
        ptx_mbarrier_wait(ring_barrier(memory, at, K_EMPTY), at.parity ^ 1u);
        note_columns(notes, columns, s0, at.slot, item);
        tile_copy(memory.k + at.slot * K_BYTES, k, CLX_BN, CLX_BN, 0, TILE_DKP, CLX_DHQK, CLX_IN, item);
        tile_pass_on(memory, at, K_FULL);
        ptx_mbarrier_wait(ring_barrier(memory, v_at, V_EMPTY), v_at.parity ^ 1u);
        tile_copy(memory.v + v_at.slot * V_BYTES, v, CLX_BN, CLX_BN, column0, CLX_DVB, CLX_DHV, CLX_IN, item);
        tile_pass_on(memory, v_at, V_FULL);
        at = ring_next(at);
        v_at = ring_next(v_at);
    }
    ptx_mbarrier_wait(ring_barrier(memory, at, K_EMPTY), at.parity ^ 1u);
    if (item == 0) notes->s0[at.slot] = NO_MORE;
    tile_pass_on(memory, at, K_FULL);
    ptx_copy_wait();
}

/* P = S times the weights of its pairs, in what the rows' units say, and what that adds to the sums of the rows. */
TILE_INLINE void weigh(float *s, float *sums, const float *unit, const __local column_notes *notes, const uint slot,
                       const int s0, const item_rows rows, const float scale, const uint lane)
{
    const float in[TILE_ROWS] = {tile_weighed_in(unit[0]), tile_weighed_in(unit[1])};
    const float to[TILE_ROWS] = {scale * tile_inverse_unit(in[0]), scale * tile_inverse_unit(in[1])};
    float added[TILE_ROWS] = {0.0f, 0.0f};
    const int first = 2 * (int)(lane % 4);
    int uneven = 0;
    for (int i = 0; i < CLX_BN / 32; i++) uneven |= notes->uneven[slot][i];
    const float largest = notes->largest[slot];
    const float2 r = (float2)(largest, 0.0f);
    const float ahead[TILE_ROWS] = {clx_two_difference(r, rows.M[0]), clx_two_difference(r, rows.M[1])};
    const bool splits = uneven == 0 && rows.strip_start <= s0 && isfinite(largest) &&
                        fmax(ahead[0], ahead[1]) < SPLIT_LIMIT && ahead[0] == ahead[0] && ahead[1] == ahead[1];
    if (ptx_any(!splits)) {
        UNROLL for (int e = 0; e < TILE_SE; e++) {
            const int slot_of_row = e / 2 % 2, j = 8 * (e / 4) + first + e % 2;
            const int t = rows.t + 8 * slot_of_row, c = s0 + j;
            const float2 g = notes->g[slot][j], M = rows.M[slot_of_row];
            const bool counts = c <= t && c >= rows.start[slot_of_row] && M.s0 != -INFINITY && g.s0 != -INFINITY;
            s[e] = counts ? s[e] * to[slot_of_row] * exp(clx_two_difference(g, M)) : 0.0f;
        }
    } else {
        const float row[TILE_ROWS] = {to[0] * exp(ahead[0]), to[1] * exp(ahead[1])};
        UNROLL for (int e = 0; e < TILE_SE; e += 4) {
            const float2 column = *(const __local float2 *)&notes->weight[slot][2 * e + first];
            s[e] *= row[0] * column.s0;
            s[e + 1] *= row[0] * column.s1;
            s[e + 2] *= row[1] * column.s0;
            s[e + 3] *= row[1] * column.s1;
        }
        if (ptx_uniform(s0 + CLX_BN - 1 > rows.strip0)) { /* the diagonal */
            const int last = rows.t - s0 - first; /* of row slot 0, counted from the item's first column */
            UNROLL for (int e = 0; e < TILE_SE; e++)
                s[e] = 8 * (e / 4) + e % 2 <= last + 8 * (e / 2 % 2) ? s[e] : 0.0f;
        }
    }
    UNROLL for (int e = 0; e < TILE_SE; e++) added[e / 2 % 2] += s[e];
    UNROLL for (int slot_of_row = 0; slot_of_row < TILE_ROWS; slot_of_row++)
        sums[slot_of_row] = fma(added[slot_of_row], in[slot_of_row], sums[slot_of_row]);
}

/* The next tile of K's ring: its first column, or NO_MORE. */
TILE_INLINE int next_tile(const tile_memory memory, const __local column_notes *notes, const ring_place at)
{
    ptx_mbarrier_wait(ring_barrier(memory, at, K_FULL), at.parity);
    return (int)ptx_uniform((uint)notes->s0[at.slot]);
}

/* A warp group that computes: its strip of O, in `unit`s, and the sums of its rows. */
TILE_INLINE void compute(float *o, float *sums, float *unit, const tile_memory memory, const __local column_notes *notes,
                           const item_rows rows, const uint strip, ring_place v_at, const float scale, const uint lane)
{
    float s[TILE_SE], factor[TILE_ROWS];
    uint p[TILE_SE / 2];
    ring_place k_at = {0, 0};
    UNROLL for (int e = 0; e < TILE_SE; e++) s[e] = 0.0f;

    int s0 = next_tile(memory, notes, k_at);
    if (s0 == NO_MORE) return;
    ptx_fence_proxy();
    tile_start_qk(s, memory, strip, k_at.slot);
    wgmma_wait(TILE_SE, s, 0);
    weigh(s, sums, unit, notes, k_at.slot, s0, rows, scale, lane);
    tile_give_back(memory, k_at, K_EMPTY, lane);
    if (CLX_QKV == CLX_F16) {
        tile_to_units(s, unit, factor);
        tile_scale(o, factor); /* what a state has left */
    }
    tile_pack(p, s);
    tile_turns_begin(strip);
    while (true) {
        k_at = ring_next(k_at);
        s0 = next_tile(memory, notes, k_at);
        if (s0 == NO_MORE) break;
        tile_start_both(s, o, p, memory, strip, k_at, v_at);
        wgmma_wait(TILE_SE, s, 1);
        weigh(s, sums, unit, notes, k_at.slot, s0, rows, scale, lane);
        tile_give_back(memory, k_at, K_EMPTY, lane);
        if (CLX_QKV == CLX_F16) tile_to_units(s, unit, factor);
        wgmma_wait(TILE_OE, o, 0);
        tile_give_back(memory, v_at, V_EMPTY, lane);
        if (CLX_QKV == CLX_F16) tile_scale(o, factor);
        v_at = ring_next(v_at);
        tile_pack(p, s);
    }
    tile_last_pv(o, p, memory, strip, v_at);
}

/* O divided by the normalisers of its rows. */
TILE_INLINE void normalise(float *o, float *sums, const float *unit, const __global float *m, const item_rows rows,
                           const int S, const float eps)
{
    tile_row_sums(sums);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const int t = min(rows.t + 8 * slot, S - 1);
        sums[slot] = fmax(fabs(sums[slot]), exp(-m[t])) + eps;
    }
    /* one division a row: o / x is (o k) (1 / (x k)), with a k that keeps 1 / (x k) finite */
    float k[TILE_ROWS], inverse[TILE_ROWS];
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        k[slot] = sums[slot] < 0x1p-60f ? 0x1p60f : 1.0f;
        inverse[slot] = sums[slot] == 0.0f ? 0.0f : 1.0f / (sums[slot] * k[slot]) * unit[slot];
    }
    UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = o[e] * k[e / 2 % 2] * inverse[e / 2 % 2];
}

/* What the state gives the item's rows, where there is one. */
TILE_INLINE ring_place begin_with_state(float *o, float *sums, float *unit, const tile_memory memory,
                                        const __local column_notes *notes, const __local float *n,
                                        const carried_state state, const item_rows rows, const uint strip,
                                        const float scale, const uint item)
{
    const ring_place first = {0, 0};
    float factor[TILE_ROWS];
    ptx_barrier_wait(CARRIED_KNOWN, CLX_WG);
    if (ptx_uniform((uint)notes->carries) == 0) return first;
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const bool sees = rows.start[slot] < state.begin && rows.M[slot].s0 != -INFINITY;
        factor[slot] = sees ? scale * exp(clx_two_difference(state.M, rows.M[slot])) : 0.0f;
    }
    return carried_compute(o, sums, unit, memory, n, state.unit, factor, strip, first, item);
}

TILE_INLINE item_rows rows_of_item(const head_gates gates, const int strip0, const int S, const uint item)
{
    item_rows rows;
    rows.strip0 = strip0;
    rows.strip_start = gates.start[min(strip0 + 63, S - 1)];
    rows.t = strip0 + (int)(item / 32 * 16 + item % 32 / 4);
    UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
        const int t = min(rows.t + 8 * slot, S - 1);
        rows.M[slot] = vload2((size_t)t, gates.M);
        rows.start[slot] = gates.start[t];
    }
    return rows;
}

__kernel __attribute__((reqd_work_group_size(CLX_WG, 1, 1)))
void mlstm_forward(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                   const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                   const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                   const __global uchar *mask, const ulong mask_offset, const long mask_t, const long mask_s,
                   __global void *h, const ulong h_offset, const long h_b, const long h_h, const long h_s,
                   __global float *workspace, const ulong workspace_offset, const ulong heads, const ulong NH,
                   const int S, const float scale, const float eps, const uint aligned, const int chunk,
                   const uint rowwise)
{
    __local uchar clx_enlarged[1024] __attribute__((aligned(1024)));
    __local ulong barriers[4 * CLX_STAGES];
    __local column_notes notes;
    __local float scratch[4];
    __local float carried_n[2][TILE_DKP];
    const uint index = (uint)get_local_id(0), item = index % WARP_GROUP, lane = index % 32;
    const uint warp_group = ptx_uniform(index / WARP_GROUP);
    const tile_memory memory = tile_memory_begin(clx_enlarged, barriers);
    NV_RELOAD(TILE_LOCAL_BYTES);

    const tile_task task =
        tile_task_of_group(get_global_id(0) / CLX_WG, heads, (S + TILE_BM - 1) / TILE_BM, SLICES,
                           (ulong)S * (CLX_DHQK + CLX_DHV) * 2);
    const int row0 = task.row0, column0 = task.column0;
    const ulong head = task.head;
    const ulong b = head / NH, n = head % NH;

    __global float *ws = workspace + workspace_offset;
    head_gates gates;
    gates.g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    gates.M = mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2;
    gates.m = mlstm_ws_m(ws, heads, S) + head * (ulong)S;
    gates.start = mlstm_ws_start(ws, heads, S) + head * (ulong)S;
    gates.maxima = mlstm_ws_maxima(ws, heads, S) + head * (ulong)((S + CLX_BN - 1) / CLX_BN);

    const carried_state state =
        carried_state_of(ws, heads, S, chunk, head, gates.M, gates.start, rowwise != 0, row0, column0);

    tile_rings_init(memory, index);
    barrier(CLK_LOCAL_MEM_FENCE); /* the rings are ready */

    if (warp_group == 0) {
        ptx_registers_fewer(56);
        const tile_rows k_rows = {k, k_offset + (ulong)((long)b * k_b + (long)n * k_h), k_s, 0, aligned};
        const tile_rows v_rows = {v, v_offset + (ulong)((long)b * v_b + (long)n * v_h), v_s, 0, aligned};
        fetch(memory, &notes, gates, state, k_rows, v_rows, row0, column0, S, scratch, item);
    } else {
        ptx_registers_more(224);
        const uint strip = warp_group - 1;
        const int strip0 = row0 + (int)strip * 64;
        const tile_rows q_rows = {q, q_offset + (ulong)((long)b * q_b + (long)n * q_h + (long)strip0 * q_s), q_s,
                                  S - strip0, aligned};
        float o[TILE_OE], sums[TILE_ROWS], unit[TILE_ROWS];
        const item_rows rows = rows_of_item(gates, strip0, S, item);
        UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = 0.0f;
        UNROLL for (int slot = 0; slot < TILE_ROWS; slot++) {
            sums[slot] = 0.0f;
            unit[slot] = CLX_QKV == CLX_F16 ? SMALLEST_UNIT : 1.0f;
        }
        carried_load_n(carried_n[strip], state, item);
        tile_load_q(memory, q_rows, strip, item);
        const ring_place v_at =
            begin_with_state(o, sums, unit, memory, &notes, carried_n[strip], state, rows, strip, scale, item);
        compute(o, sums, unit, memory, &notes, rows, strip, v_at, scale, lane);
        normalise(o, sums, unit, gates.m, rows, S, eps);
        tile_store(o, h, h_offset + (ulong)((long)b * h_b + (long)n * h_h), h_s, rows.t, S, column0, aligned, lane);
    }
}
