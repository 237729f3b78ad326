/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of the chunkwise way (see mlstm_chunks.clh) on Hopper's matrix units:
 *
 *     own[d, c] = sum_s w[s] k[s, d] v[s, c]     n[d] = sum_s w[s] k[s, d]     w[s] = exp(g[s] - r) of the columns s of the
 *                                                                              chunk that its last row sees
 *
 * A group owns 128 rows d and CLX_DVB columns of C. It sums up one chunk, for mlstm_chunks_scan.cl to join; or (`whole`),
 * where heads are many, it walks all chunks, keeps the sum in its registers, and leaves the states. As in
 * mlstm_forward_wgmma.cl one warp group fetches tiles of K (128 columns of it) and of V; of the two others each owns 64
 * rows. Before a product they multiply their part of the tile of K by the weights, in its place, while the product of the
 * tile before runs.
 *
 * Of a chunk alone r is the largest g, so weights are at most 1 and one of them is 1, whatever the state's own stabiliser
 * M[e] is; `owns` gets exp(r - M[e]), in f16 times the power of two that the sum was divided by. With `whole`, which is
 * for bf16, r is M[e].
 *
 * A token that the last row does not see has weight 0, and neither its k nor its v, even if it is a NaN, reaches the sum:
 * tiles with such tokens get zeros in the place of both.
 *
 *   CLX_BN, CLX_DVB, CLX_STAGES, CLX_DHQK, CLX_DHV, CLX_IN, CLX_QKV   as in mlstm_forward_wgmma.cl; CLX_OUT is CLX_QKV */
#include "dtype.clh"
#undef CLX_OUT
#define CLX_OUT CLX_QKV
#include "mlstm_chunks.clh"
#include "tile/nv_wgmma.clh"
#include "twofloat.clh"

#define NO_MORE (-1) /* tokens of the chunk */
#define ROWS_D 128 /* of a group */
#define KEYS_BYTES (CLX_BN * ROWS_D * 2)
#define CHUNKS_LOCAL_BYTES (CLX_STAGES * (KEYS_BYTES + V_BYTES))
#define BLOCKS_D ((CLX_DHQK + ROWS_D - 1) / ROWS_D)
#define PIECES 8 /* of 16 bytes, in a block's row */

/* What the fetching items leave about the tokens of the tile in each slot. */
typedef struct token_notes {
    float weight[CLX_STAGES][CLX_BN]; /* 0 where the last row does not see the token */
    int s0[CLX_STAGES];               /* the first token, or NO_MORE */
} token_notes;

/* A chunk of one head. */
typedef struct chunk_tokens {
    const __global float *g;
    const __global float *maxima;
    float2 M; /* of the last row */
    float2 r;
    int first; /* the first token of the first tile that the last row sees something of */
    int seen;  /* the first token that it sees */
    int end;
} chunk_tokens;

/* Chunk j; none of its tokens where nobody reads the state behind it. */
TILE_INLINE chunk_tokens chunk_tokens_of(const __global float *g, const __global float *maxima, const __global float *M,
                                         const __global int *start, const int chunk, const int j, const int carried,
                                         const bool rowwise, const bool whole)
{
    chunk_tokens x;
    const int begin = j * chunk, last = begin + chunk - 1;
    const bool needed = chunk_is_needed(M, start, chunk, j + 1, carried, rowwise);
    x.g = g;
    x.maxima = maxima;
    x.M = x.r = vload2((size_t)last, M);
    x.seen = max(begin, start[last]);
    x.first = x.seen / CLX_BN * CLX_BN;
    x.end = needed && x.M.s0 != -INFINITY ? begin + chunk : x.first;
    if (whole) return x;
    float largest = -INFINITY;
    for (int s = x.first; s < x.end; s += CLX_BN) largest = fmax(largest, maxima[s / CLX_BN]);
    x.r = (float2)(fmin(largest, x.M.s0), 0.0f); /* tokens before a reset may be larger */
    return x;
}

/* Does the last row see the token whose column weighs g? */
TILE_INLINE bool sees(const chunk_tokens x, const int s, const float2 g)
{
    return s >= x.seen && g.s0 != -INFINITY && x.r.s0 != -INFINITY;
}

/* The first tile from s on with any weight. */
TILE_INLINE int next_with_weight(const chunk_tokens x, int s)
{
    while (s < x.end && mlstm_tile_is_zero(x.maxima[s / CLX_BN], x.M.s0)) s += CLX_BN;
    return s;
}

/* Copies a tile of V, with zeros in the place of tokens without weight. */
TILE_INLINE void copy_kept(const uint to, const tile_rows rows, const int column0, const __local float *weight,
                           const uint item)
{
    const int pieces = CLX_DVB / 8, step = WARP_GROUP / pieces;
    const int c = (int)item % pieces, d = column0 + c * 8;
    const uint block = to + (uint)(c / 8 * CLX_BN * BLOCK_ROW_BYTES);
    ROLLED for (int r = (int)item / pieces; r < CLX_BN; r += step) {
        const uint4 x = tile_gather8(rows, r, d, CLX_DHV, CLX_IN);
        ptx_store16(block + (uint)r * BLOCK_ROW_BYTES + (uint)(((c ^ r) & 7) * 16), weight[r] != 0.0f ? x : (uint4)(0));
    }
}

/* Where the rings of K and V are. */
typedef struct ring_places {
    ring_place k;
    ring_place v;
} ring_places;

/* The warp group that fetches: the tiles of a chunk, and word that these were all. */
TILE_INLINE ring_places fetch(const tile_memory memory, __local token_notes *notes, const chunk_tokens tokens, tile_rows k,
                              tile_rows v, const int d0, const int column0, ring_places at, const uint item)
{
    const ulong k0 = k.offset, v0 = v.offset;
    k.count = v.count = CLX_BN;
    for (int s0 = next_with_weight(tokens, tokens.first); s0 < tokens.end; s0 = next_with_weight(tokens, s0 + CLX_BN)) {
        const int s = s0 + (int)(item % CLX_BN);
        const float2 g = vload2((size_t)s, tokens.g);
        const bool seen = sees(tokens, s, g);
        k.offset = k0 + (ulong)((long)s0 * k.stride);
        v.offset = v0 + (ulong)((long)s0 * v.stride);
        ptx_mbarrier_wait(ring_barrier(memory, at.k, K_EMPTY), at.k.parity ^ 1u);
        if (item < CLX_BN)
            notes->weight[at.k.slot][item] = seen ? exp(clx_two_difference(g, tokens.r)) : 0.0f;
        if (item == 0) notes->s0[at.k.slot] = s0;
        tile_copy(memory.k + at.k.slot * KEYS_BYTES, k, CLX_BN, CLX_BN, d0, ROWS_D, CLX_DHQK, CLX_IN, item);
        tile_pass_on(memory, at.k, K_FULL);
        const uint some_unseen = ptx_barrier_any(1, WARP_GROUP, !seen); /* and all weights are there */
        ptx_mbarrier_wait(ring_barrier(memory, at.v, V_EMPTY), at.v.parity ^ 1u);
        if (some_unseen == 0)
            tile_copy(memory.v + at.v.slot * V_BYTES, v, CLX_BN, CLX_BN, column0, CLX_DVB, CLX_DHV, CLX_IN, item);
        else
            copy_kept(memory.v + at.v.slot * V_BYTES, v, column0, notes->weight[at.k.slot], item);
        tile_pass_on(memory, at.v, V_FULL);
        at.k = ring_next(at.k);
        at.v = ring_next(at.v);
    }
    ptx_mbarrier_wait(ring_barrier(memory, at.k, K_EMPTY), at.k.parity ^ 1u);
    if (item == 0) notes->s0[at.k.slot] = NO_MORE;
    tile_pass_on(memory, at.k, K_FULL);
    at.k = ring_next(at.k);
    return at;
}

/* Multiplies the strip's 64 columns of a tile of K by the weights of its rows, in place; adds what comes out to n. Item i
 * takes piece i % 8 of every sixteenth row. */
TILE_INLINE void weigh_keys(const uint keys, const __local float *weight, float *n, const uint item)
{
    const uint c = item % PIECES;
    UNROLL_BY_4 for (int step = 0; step < CLX_BN / (WARP_GROUP / PIECES); step++) {
        const uint r = item / PIECES + (uint)step * (WARP_GROUP / PIECES);
        const uint at = keys + r * BLOCK_ROW_BYTES + ((c ^ r) & 7u) * 16;
        const float w = weight[r];
        const uint4 packed = ptx_load16(at);
        const uint in[4] = {packed.s0, packed.s1, packed.s2, packed.s3};
        uint out[4];
        UNROLL for (int i = 0; i < 4; i++) {
            float2 x = tile_unpack(in[i]);
            x = w == 0.0f ? (float2)(0.0f) : x * w;
            n[2 * i] += x.s0;
            n[2 * i + 1] += x.s1;
            out[i] = tile_pack2(x.s0, x.s1);
        }
        ptx_store16(at, (uint4)(out[0], out[1], out[2], out[3]));
    }
}

/* Starts O += (weighted K)^T V of the strip's rows. */
TILE_INLINE void start_product(float *o, const uint keys, const uint values)
{
    wgmma_fence();
    UNROLL for (int s = 0; s < CLX_BN; s += 16)
        wgmma_local_both_turned(TILE_OE, o, wgmma_descriptor(keys + (uint)s * BLOCK_ROW_BYTES, 1024, KEYS_BYTES / 2),
                                wgmma_descriptor(values + (uint)s * BLOCK_ROW_BYTES, 1024, CLX_BN * BLOCK_ROW_BYTES), 1);
    wgmma_commit();
}

/* Starts the product of the tiles in the slot, whose keys this warp group has weighed. */
TILE_INLINE void start_when_there(float *o, const tile_memory memory, const ring_place at, const uint keys,
                                  const uint strip)
{
    ptx_mbarrier_wait(ring_barrier(memory, at, V_FULL), at.parity);
    ptx_fence_proxy();
    ptx_barrier_wait(2 + strip, WARP_GROUP); /* all of the strip's keys are weighed */
    start_product(o, keys, memory.v + at.slot * V_BYTES);
}

TILE_INLINE bool more_tokens(const tile_memory memory, const __local token_notes *notes, const ring_place at)
{
    ptx_mbarrier_wait(ring_barrier(memory, at, K_FULL), at.parity);
    return (int)ptx_uniform((uint)notes->s0[at.slot]) != NO_MORE;
}

TILE_INLINE void give_back_both(const tile_memory memory, const ring_places at, const uint lane)
{
    tile_give_back(memory, at.k, K_EMPTY, lane);
    tile_give_back(memory, at.v, V_EMPTY, lane);
}

/* A warp group that computes: adds a chunk to its 64 rows of the sum, and to its share of n. The keys of the first tile
 * are weighed before the loop, so that the compiler sees where products begin and end. */
TILE_INLINE ring_places compute(float *o, float *n, const tile_memory memory, const __local token_notes *notes,
                                const uint strip, ring_places at, const uint item)
{
    const uint own = memory.k + strip * (KEYS_BYTES / 2), lane = item % 32;
    bool more = more_tokens(memory, notes, at.k);
    if (more) {
        weigh_keys(own + at.k.slot * KEYS_BYTES, notes->weight[at.k.slot], n, item);
        start_when_there(o, memory, at.v, own + at.k.slot * KEYS_BYTES, strip);
        while (true) {
            const ring_places before = at;
            at.k = ring_next(at.k);
            at.v = ring_next(at.v);
            more = more_tokens(memory, notes, at.k);
            const uint keys = own + at.k.slot * KEYS_BYTES;
            if (more) weigh_keys(keys, notes->weight[at.k.slot], n, item);
            wgmma_wait(TILE_OE, o, 0);
            give_back_both(memory, before, lane);
            if (!more) break;
            start_when_there(o, memory, at.v, keys, strip);
        }
    }
    tile_give_back(memory, at.k, K_EMPTY, lane);
    at.k = ring_next(at.k);
    return at;
}

/* Brings the strip's sum to a unit in which f16 can hold it, and returns that. */
TILE_INLINE float to_unit(float *o, __local float *scratch, const uint strip, const uint item)
{
    float largest = 0.0f;
    UNROLL for (int e = 0; e < TILE_OE; e++) largest = fmax(largest, fabs(o[e]));
    for (uint lanes = 16; lanes > 0; lanes >>= 1) largest = fmax(largest, ptx_shuffle_xor(largest, lanes));
    if (item % 32 == 0) scratch[item / 32] = largest;
    ptx_barrier_wait(2 + strip, WARP_GROUP); /* all four warps' are there */
    const float unit = state_unit(fmax(fmax(scratch[0], scratch[1]), fmax(scratch[2], scratch[3])));
    UNROLL for (int e = 0; e < TILE_OE; e++) o[e] *= 1.0f / unit;
    return unit;
}

/* The strip's rows of n, of which each item has summed eight for a sixteenth of the tokens. */
TILE_INLINE void store_n(const float *n, __local float *scratch, __global float *out, const int count,
                         const float factor, const uint strip, const uint item)
{
    UNROLL for (int i = 0; i < PIECES; i++) {
        float sum = n[i] + ptx_shuffle_xor(n[i], 8);
        sum += ptx_shuffle_xor(sum, 16);
        if (item % 32 < PIECES) scratch[item / 32 * 64 + item % PIECES * 8 + (uint)i] = sum;
    }
    ptx_barrier_wait(2 + strip, WARP_GROUP); /* all four warps' are there */
    if ((int)item < min(count, 64))
        out[item] = factor * (scratch[item] + scratch[64 + item] + scratch[128 + item] + scratch[192 + item]);
}

/* What a group works on. */
typedef struct chunks_task {
    ulong head;
    int d0;
    int slice;
    int first; /* of so many chunks */
    int count;
} chunks_task;

TILE_INLINE chunks_task task_of_group(const ulong group, const int carried, const bool whole)
{
    const ulong parts = STATE_SLICES * BLOCKS_D, runs = whole ? 1 : (ulong)carried;
    chunks_task task;
    task.slice = (int)(group % STATE_SLICES);
    task.d0 = (int)(group / STATE_SLICES % BLOCKS_D) * ROWS_D;
    task.head = group / parts / runs;
    task.first = whole ? 0 : (int)(group / parts % runs);
    task.count = whole ? carried : 1;
    return task;
}

/* Leaves chunk j's sum of a strip, whose first row is d. */
TILE_INLINE void store(float *o, const float *n, const chunk_states out, const chunk_tokens tokens, const int j,
                       const int d, const int slice, __local float *scratch, const uint strip, const uint item)
{
    /* from the weights' own stabiliser to the state's */
    const float factor = tokens.r.s0 == -INFINITY ? 0.0f : exp(clx_two_difference(tokens.r, tokens.M));
    const float unit = CLX_QKV == CLX_F16 ? to_unit(o, scratch, strip, item) : 1.0f;
    if (d < CLX_DHQK) {
        if (item == 0) out.owns[(j * STATE_BLOCKS + d / 64) * STATE_SLICES + slice] = factor * unit;
        tile_store(o, out.states, (ulong)j * STATE_SIZE, STATE_STRIDE, d + (int)(item / 32 * 16 + item % 32 / 4), CLX_DHQK,
                   slice * CLX_DVB, 1, item % 32);
    }
    ptx_barrier_wait(2 + strip, WARP_GROUP); /* the scratch was read */
    if (slice == 0) store_n(n, scratch, out.n + (ulong)j * CLX_DHQK + d, CLX_DHQK - d, factor, strip, item);
    ptx_barrier_wait(2 + strip, WARP_GROUP); /* and again */
}

/* The sum follows to the next chunk's stabiliser. */
TILE_INLINE void carry_on(float *o, float *n, const float factor)
{
    UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = factor == 0.0f ? 0.0f : o[e] * factor;
    UNROLL for (int i = 0; i < 8; i++) n[i] = factor == 0.0f ? 0.0f : n[i] * factor;
}

__kernel __attribute__((reqd_work_group_size(CLX_WG, 1, 1)))
void mlstm_chunks(const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                  const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                  __global float *workspace, const ulong workspace_offset, const ulong heads, const ulong NH, const int S,
                  const int chunk, const uint rowwise, const uint whole, const uint aligned)
{
    __local uchar clx_enlarged[1024] __attribute__((aligned(1024)));
    __local ulong barriers[4 * CLX_STAGES];
    __local token_notes notes;
    __local float scratch[2][256];
    const uint index = (uint)get_local_id(0), item = index % WARP_GROUP;
    const uint warp_group = ptx_uniform(index / WARP_GROUP);
    const tile_memory memory = {0, ptx_local(clx_enlarged), ptx_local(clx_enlarged) + CLX_STAGES * KEYS_BYTES,
                                ptx_local((const __local uchar *)barriers)};
    NV_RELOAD(CHUNKS_LOCAL_BYTES);

    const int carried = chunks_carried(S, chunk);
    const chunks_task task = task_of_group(get_global_id(0) / CLX_WG, carried, whole != 0);
    const ulong b = task.head / NH, h = task.head % NH;
    __global float *ws = workspace + workspace_offset;
    const __global float *g = mlstm_ws_g(ws, heads, S) + task.head * (ulong)S * 2;
    const __global float *M = mlstm_ws_M(ws, heads, S) + task.head * (ulong)S * 2;
    const __global int *start = mlstm_ws_start(ws, heads, S) + task.head * (ulong)S;
    const __global float *maxima = mlstm_ws_maxima(ws, heads, S) + task.head * (ulong)((S + CLX_BN - 1) / CLX_BN);

    tile_rings_init(memory, index);
    barrier(CLK_LOCAL_MEM_FENCE); /* the rings are ready */

    ring_places at = {{0, 0}, {0, 0}};
    if (warp_group == 0) {
        if (CLX_DVB > 64) ptx_registers_fewer(56);
        const tile_rows k_rows = {k, k_offset + (ulong)((long)b * k_b + (long)h * k_h), k_s, 0, aligned};
        const tile_rows v_rows = {v, v_offset + (ulong)((long)b * v_b + (long)h * v_h), v_s, 0, aligned};
        for (int j = task.first; j < task.first + task.count; j++) {
            const chunk_tokens tokens =
                chunk_tokens_of(g, maxima, M, start, chunk, j, carried, rowwise != 0, whole != 0);
            at = fetch(memory, &notes, tokens, k_rows, v_rows, task.d0, task.slice * CLX_DVB, at, item);
        }
        ptx_copy_wait();
    } else {
        if (CLX_DVB > 64) ptx_registers_more(224); /* fewer do for 64 columns */
        const uint strip = warp_group - 1;
        const chunk_states out = chunk_states_of(ws, heads, S, chunk, task.head);
        float o[TILE_OE], n[8];
        UNROLL for (int e = 0; e < TILE_OE; e++) o[e] = 0.0f;
        UNROLL for (int i = 0; i < 8; i++) n[i] = 0.0f;
        for (int j = task.first; j < task.first + task.count; j++) {
            if (whole) carry_on(o, n, chunk_carry(M, start, chunk, j));
            at = compute(o, n, memory, &notes, strip, at, item);
            if (chunk_is_needed(M, start, chunk, j + 1, carried, rowwise != 0))
                store(o, n, out,
                      chunk_tokens_of(g, maxima, M, start, chunk, j, carried, rowwise != 0, whole != 0), j,
                      task.d0 + (int)strip * 64, task.slice, scratch[strip], strip, item);
        }
    }
}
