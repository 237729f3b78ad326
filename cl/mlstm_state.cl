/* SPDX-License-Identifier: Apache-2.0
 *
 * The state after the last token of a sequence, from what mlstm_gates.cl left:
 *
 *     C = sum_s w[s] k[s] v[s]^T    n = sum_s w[s] k[s]    m    with w[s] = exp(g[s] - M[S-1])
 *
 * over the columns that the last row sees. A state that has seen nothing is C = 0, n = 0, m = -inf.
 *
 * A group owns CLX_BD x CLX_BV elements of a head's C and walks the sequence by chunks of CLX_CHUNK tokens, of which w k
 * and v go through local memory:
 *
 *     CLX_CHUNK x CLX_BD floats of w k | CLX_CHUNK x CLX_BV of v
 *
 * An item keeps a block of 4 x 4 elements in registers. Where the items of a group are LANES times as many as its blocks,
 * each lane takes its share of every chunk, and the lanes are added up at the end. n comes from the items' sums of the
 * w k that they themselves have put into local memory, added up at the end.
 *
 * The sum of a chunk is formed on its own before it is added, so that errors grow with the chunks, not with the tokens.
 * Traffic: k once for every CLX_BV columns of C, v once for every CLX_BD rows. Tokens of tiles whose weights are exactly
 * 0 are skipped.
 *
 *   CLX_WG     items of a group
 *   CLX_BD, CLX_BV   the group's part of C: along DHQK, along DHV
 *   CLX_CHUNK  tokens of a chunk
 *   CLX_DHQK, CLX_DHV, CLX_IN, CLX_QKV   as in mlstm_forward.cl
 *   CLX_STATE  dtype of C, n and m
 *
 * `tile_columns`: as in mlstm_gates.cl. `aligned`: rows of k, v and C start at multiples of four elements. */
#include "group.clh"
#include "mlstm_workspace.clh"
#include "tile/rows.clh"
#include "twofloat.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_BD
#define CLX_BD 32
#endif
#ifndef CLX_BV
#define CLX_BV 32
#endif
#ifndef CLX_CHUNK
#define CLX_CHUNK 16
#endif
#ifndef CLX_DHQK
#define CLX_DHQK 64
#endif
#ifndef CLX_DHV
#define CLX_DHV 64
#endif
#ifndef CLX_STATE
#define CLX_STATE CLX_F32
#endif

#define QUADS_D (CLX_BD / 4) /* float4 of a token */
#define QUADS_V (CLX_BV / 4)
#define K_LOADS (CLX_CHUNK * QUADS_D / CLX_WG) /* float4 an item fetches for a chunk */
#define V_LOADS (CLX_CHUNK * QUADS_V / CLX_WG)
#define ROWS 4 /* of an item */
#define BLOCKS (CLX_BD / ROWS * QUADS_V)
#define LANES (CLX_WG / BLOCKS)
#define LANE_TOKENS (CLX_CHUNK / LANES)
#define ROW_TILES ((CLX_DHQK + CLX_BD - 1) / CLX_BD)
#define COLUMN_TILES ((CLX_DHV + CLX_BV - 1) / CLX_BV)

#define CHUNK_QUADS (CLX_CHUNK * (QUADS_D + QUADS_V))
#define LANE_QUADS (BLOCKS * ROWS)
#define LANES_QUADS ((LANES - 1) * LANE_QUADS)
#define LOCAL_QUADS (CHUNK_QUADS > LANES_QUADS ? CHUNK_QUADS : LANES_QUADS)

#if K_LOADS * CLX_WG != CLX_CHUNK * QUADS_D || V_LOADS * CLX_WG != CLX_CHUNK * QUADS_V || LANES * BLOCKS != CLX_WG ||  \
    LANE_TOKENS * LANES != CLX_CHUNK || CLX_WG % QUADS_D != 0 || CLX_BD > CLX_WG || CLX_WG > CHUNK_QUADS
#error "mlstm_state: the items of a group must share chunks evenly"
#endif

/* The sequence of a head, as a group sees it. */
typedef struct tokens {
    tile_rows k, v;
    ulong k0, v0; /* where token 0 is */
    const __global float *g;
    const __global float *maxima;
    float2 M; /* of the last row */
    int end;
    int tile_columns;
    int d, c; /* the group's first row and column of C */
} tokens;

/* What an item fetches of a chunk, and the weights that belong to it. */
typedef struct fetched {
    float4 k[K_LOADS], v[V_LOADS];
    float2 k_weight[K_LOADS];
    float v_weight[V_LOADS];
} fetched;

/* The first token from s on in a tile that has any weight. */
static inline int next_with_weight(const tokens *all, int s)
{
    while (s < all->end && mlstm_tile_is_zero(all->maxima[s / all->tile_columns], all->M.s0))
        s = (s / all->tile_columns + 1) * all->tile_columns;
    return s;
}

/* A chunk from token s0 on, item by item along the rows. Behind the end weights are those of ignored tokens. */
static inline void fetch(fetched *x, tokens *all, const int s0, const uint item)
{
    all->k.offset = all->k0 + (ulong)((long)s0 * all->k.stride);
    all->v.offset = all->v0 + (ulong)((long)s0 * all->v.stride);
    all->k.count = all->v.count = all->end - s0;
    UNROLL for (int j = 0; j < K_LOADS; j++) {
        const uint e = item + (uint)j * CLX_WG;
        const int s = (int)(e / QUADS_D);
        x->k[j] = tile_fetch(all->k, s, all->d + (int)(e % QUADS_D) * 4, CLX_DHQK, CLX_IN);
        x->k_weight[j] = s0 + s < all->end ? vload2((size_t)(s0 + s), all->g) : (float2)(-INFINITY, 0.0f);
    }
    UNROLL for (int j = 0; j < V_LOADS; j++) {
        const uint e = item + (uint)j * CLX_WG;
        const int s = (int)(e / QUADS_V);
        x->v[j] = tile_fetch(all->v, s, all->c + (int)(e % QUADS_V) * 4, CLX_DHV, CLX_IN);
        x->v_weight[j] = s0 + s < all->end ? all->g[2 * (size_t)(s0 + s)] : -INFINITY;
    }
}

/* ... and its way to local memory. An ignored token is 0 there, whatever its k and v. Adds the item's w k to n. */
static inline void put(const fetched *x, const float2 M, __local float4 *memory, float4 *n, const uint item)
{
    UNROLL for (int j = 0; j < K_LOADS; j++) {
        const float2 weight = x->k_weight[j];
        const float4 k = exp(clx_two_difference(weight, M)) * x->k[j];
        const float4 counted = weight.s0 == -INFINITY ? (float4)(0.0f) : k;
        memory[item + (uint)j * CLX_WG] = counted;
        *n += counted;
    }
    UNROLL for (int j = 0; j < V_LOADS; j++)
        memory[CLX_CHUNK * QUADS_D + item + (uint)j * CLX_WG] =
            x->v_weight[j] == -INFINITY ? (float4)(0.0f) : x->v[j];
}

/* sum[r] += the lane's share of a chunk. */
static inline void add_chunk(float4 *sum, const __local float4 *memory, const uint lane, const uint block)
{
    const __local float4 *k = memory + lane * LANE_TOKENS * QUADS_D + block / QUADS_V;
    const __local float4 *v = memory + CLX_CHUNK * QUADS_D + lane * LANE_TOKENS * QUADS_V + block % QUADS_V;
    float4 part[ROWS];
    UNROLL for (int r = 0; r < ROWS; r++) part[r] = (float4)(0.0f);
    UNROLL_BY_4 for (int s = 0; s < LANE_TOKENS; s++) {
        const float4 x = k[s * QUADS_D], y = v[s * QUADS_V];
        part[0] = fma((float4)(x.s0), y, part[0]);
        part[1] = fma((float4)(x.s1), y, part[1]);
        part[2] = fma((float4)(x.s2), y, part[2]);
        part[3] = fma((float4)(x.s3), y, part[3]);
    }
    UNROLL for (int r = 0; r < ROWS; r++) sum[r] += part[r];
}

/* Gives the items of lane 0 the sum over all lanes, in the lanes' order. */
static inline void add_lanes(float4 *sum, __local float4 *memory, const uint lane, const uint block)
{
    barrier(CLK_LOCAL_MEM_FENCE); /* the last use of this memory is over */
    if (lane > 0)
        UNROLL for (int r = 0; r < ROWS; r++)
            memory[(lane - 1) * LANE_QUADS + (uint)r * BLOCKS + block] = sum[r];
    barrier(CLK_LOCAL_MEM_FENCE); /* the other lanes' sums are there */
    if (lane == 0)
        for (uint other = 0; other < LANES - 1; other++)
            UNROLL for (int r = 0; r < ROWS; r++)
                sum[r] += memory[other * LANE_QUADS + (uint)r * BLOCKS + block];
}

/* Element item % CLX_BD of n: each item's share are the four rows that it fetches of every chunk. */
static inline float gather_n(const float4 n, __local float4 *memory, const uint item)
{
    const __local float *shares = (const __local float *)memory;
    float sum = 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE); /* the last chunk was used */
    memory[item] = n;
    barrier(CLK_LOCAL_MEM_FENCE); /* all shares are there */
    for (uint i = 0; i < CLX_WG / QUADS_D; i++) sum += shares[i * CLX_BD + item % CLX_BD];
    return sum;
}

/* The elements that C has of a row's four. */
static inline void store_quad(__global void *C, const ulong at, const float4 x, const int columns, const uint aligned)
{
    if (CLX_DHV % 4 == 0 && aligned) {
        if (columns > 0) clx_store4_aligned(C, at, x, CLX_STATE);
    } else {
        if (columns > 0) clx_store(C, at, x.s0, CLX_STATE);
        if (columns > 1) clx_store(C, at + 1, x.s1, CLX_STATE);
        if (columns > 2) clx_store(C, at + 2, x.s2, CLX_STATE);
        if (columns > 3) clx_store(C, at + 3, x.s3, CLX_STATE);
    }
}

__kernel CLX_GROUP
void mlstm_state(const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                 const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                 __global void *C, const ulong C_offset, const long C_b, const long C_h, const long C_d,
                 __global void *n, const ulong n_offset, const long n_b, const long n_h, const long n_d,
                 __global void *m, const ulong m_offset, const long m_b, const long m_h, __global float *workspace,
                 const ulong workspace_offset, const ulong heads, const ulong NH, const int S, const int tile_columns,
                 const uint aligned)
{
    __local float4 memory[LOCAL_QUADS];
    const uint item = (uint)get_local_id(0), lane = item / BLOCKS, block = item % BLOCKS;
    const ulong group = get_global_id(0) / CLX_WG;
    const ulong head = group / (ROW_TILES * COLUMN_TILES), b = head / NH, h = head % NH;
    const int d0 = (int)(group / COLUMN_TILES % ROW_TILES) * CLX_BD, c0 = (int)(group % COLUMN_TILES) * CLX_BV;

    __global float *ws = workspace + workspace_offset;
    const float2 M = vload2((size_t)(S - 1), mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2);
    const int begin = mlstm_ws_start(ws, heads, S)[head * (ulong)S + (ulong)(S - 1)];
    const tile_rows k_rows = {k, 0, k_s, 0, aligned}, v_rows = {v, 0, v_s, 0, aligned};
    tokens all;
    all.k = k_rows;
    all.v = v_rows;
    all.k0 = k_offset + (ulong)((long)b * k_b + (long)h * k_h);
    all.v0 = v_offset + (ulong)((long)b * v_b + (long)h * v_h);
    all.g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    all.maxima = mlstm_ws_maxima(ws, heads, S) + head * (ulong)((S + tile_columns - 1) / tile_columns);
    all.M = M;
    all.end = M.s0 == -INFINITY ? begin : S;
    all.tile_columns = tile_columns;
    all.d = d0;
    all.c = c0;

    float4 sum[ROWS], n_share = (float4)(0.0f);
    UNROLL for (int r = 0; r < ROWS; r++) sum[r] = (float4)(0.0f);
    const int first = next_with_weight(&all, begin);
    for (int s = first;; s = next_with_weight(&all, s + CLX_CHUNK)) {
        fetched next; /* nothing, behind the end */
        fetch(&next, &all, s, item);
        if (s > first) add_chunk(sum, memory, lane, block); /* the chunk before, while the next is on its way */
        if (s >= all.end) break;
        barrier(CLK_LOCAL_MEM_FENCE); /* the chunk before was used */
        put(&next, M, memory, &n_share, item);
        barrier(CLK_LOCAL_MEM_FENCE); /* the chunk is complete */
    }

    /* by every group, though few store it: PoCL 3.1 was seen to miscompile barriers in a branch */
    const float n_row = gather_n(n_share, memory, item);
    if (c0 == 0 && item < CLX_BD && d0 + (int)item < CLX_DHQK)
        clx_store(n, n_offset + (ulong)((long)b * n_b + (long)h * n_h + (long)(d0 + (int)item) * n_d), n_row,
                  CLX_STATE);
    if (c0 == 0 && d0 == 0 && item == 0)
        clx_store(m, m_offset + (ulong)((long)b * m_b + (long)h * m_h),
                  M.s0 == -INFINITY ? -INFINITY : mlstm_ws_m(ws, heads, S)[head * (ulong)S + (ulong)(S - 1)],
                  CLX_STATE);
    if (LANES > 1) add_lanes(sum, memory, lane, block);
    const int c = c0 + (int)(block % QUADS_V) * 4, d = d0 + (int)(block / QUADS_V) * ROWS;
    const ulong C0 = C_offset + (ulong)((long)b * C_b + (long)h * C_h + (long)d * C_d + c);
    if (lane == 0)
        UNROLL for (int r = 0; r < ROWS; r++)
            if (d + r < CLX_DHQK) store_quad(C, C0 + (ulong)((long)r * C_d), sum[r], CLX_DHV - c, aligned);
}
