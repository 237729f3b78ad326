/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary embeddings: the tables, and their application to q and k in one launch.
 *
 * A token's row of D elements is cut into units; an item owns one unit of one token in every head of its block, so the
 * angles of the unit are worked out (or read) once and used for all these heads:
 *
 *     interleaved   | unit 0 | unit 1 | ...              | copied units | a unit: CLX_CHUNK elements, pairs (2j, 2j+1)
 *     half          | unit 0 | unit 1 | ... | unit 0 | unit 1 |  copied | a unit: two chunks, pairs (j, j + CLX_R / 2)
 *
 * A group: CLX_TOKENS tokens, one block of heads. In place, copied units are passed over.
 * Traffic: every element once in and once out.
 *
 *   CLX_WG       items of a group: CLX_TOKENS * CLX_UNITS, or any number with CLX_TOKENS = 1
 *   CLX_TOKENS   tokens of a group, 1 or more
 *   CLX_D, CLX_R elements of a row, and how many of them rotate (even)
 *   CLX_CHUNK    elements of one access: 8 or 4 (aligned), or 2 (interleaved) or 1 (half) at any alignment
 *   CLX_BATCH    heads that an item loads at once
 *   CLX_HALF     0: interleaved pairs; 1: half-split pairs
 *   CLX_SIGN     1: forward; -1: inverse
 *   CLX_IN       dtype of q, k and the outputs
 *   CLX_TABLE    dtype of the tables */
#include "dtype8.clh"
#include "group.clh"
#include "turn.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_TOKENS
#define CLX_TOKENS 4
#endif
#ifndef CLX_D
#define CLX_D 64
#endif
#ifndef CLX_R
#define CLX_R 64
#endif
#ifndef CLX_CHUNK
#define CLX_CHUNK 4
#endif
#ifndef CLX_BATCH
#define CLX_BATCH 2
#endif
#ifndef CLX_HALF
#define CLX_HALF 0
#endif
#ifndef CLX_SIGN
#define CLX_SIGN 1
#endif
#ifndef CLX_IN
#define CLX_IN CLX_F32
#endif
#ifndef CLX_TABLE
#define CLX_TABLE CLX_F32
#endif
#if CLX_R % 2 != 0 || CLX_R > CLX_D
#error "CLX_R must be even and at most CLX_D"
#endif

#define CLX_PARTS (1 + CLX_HALF)
#define CLX_PAIRS (CLX_PARTS * CLX_CHUNK / 2)
#define CLX_TURNING (CLX_R / 2 / CLX_PAIRS)
#define CLX_UNITS (CLX_TURNING + (CLX_D - CLX_R + CLX_CHUNK - 1) / CLX_CHUNK)

/* Both tables, (L, CLX_R / 2): entry (t, j) has the angle of position start + t. An item: one entry. */
__kernel CLX_GROUP void
rotary_freqs(const __global ulong2 *turns, __global void *sines, ulong sines_at, long sines_t, long sines_j,
             __global void *cosines, ulong cosines_at, long cosines_t, long cosines_j, ulong L, long start)
{
    const ulong entry = get_global_id(0);
    const ulong t = entry / (CLX_R / 2);
    if (t >= L) return;
    const long j = (long)(entry % (CLX_R / 2));
    const float2 angle = clx_turn(start + (long)t, turns[j]);
    clx_store(sines, sines_at + (long)t * sines_t + j * sines_j, angle.s0, CLX_TABLE);
    clx_store(cosines, cosines_at + (long)t * cosines_t + j * cosines_j, angle.s1, CLX_TABLE);
}

/* One of q and k: where it is read and written. */
typedef struct operand {
    const __global void *in;
    __global void *out;
    ulong in_at;
    ulong out_at;
    long in_head;
    long out_head;
    bool inplace;
} operand;

/* The unit of CLX_BATCH heads, all loaded before the first is stored, so that enough bytes are in flight. Heads from
 * `count` on repeat the last one's loads and are not stored. */
static inline void rotate_units(const operand x, const ulong head, const uint count, const float *s, const float *c)
{
    float v[CLX_BATCH][CLX_PARTS * CLX_CHUNK];
    UNROLL for (uint u = 0; u < CLX_BATCH; ++u) {
        const ulong from = x.in_at + (long)(head + min(u, count - 1)) * x.in_head;
        UNROLL for (int part = 0; part < CLX_PARTS; ++part)
            clx_load_chunk(x.in, from + part * (CLX_R / 2), v[u] + part * CLX_CHUNK, CLX_CHUNK, CLX_IN);
    }
    UNROLL for (uint u = 0; u < CLX_BATCH; ++u) {
        if (u >= count) continue;
        const ulong to = x.out_at + (long)(head + u) * x.out_head;
        UNROLL for (int p = 0; p < CLX_PAIRS; ++p) {
            const int first = CLX_HALF ? p : 2 * p;
            const int second = CLX_HALF ? p + CLX_PAIRS : 2 * p + 1;
            const float a = v[u][first];
            const float b = v[u][second];
            v[u][first] = a * c[p] - b * s[p];
            v[u][second] = a * s[p] + b * c[p];
        }
        UNROLL for (int part = 0; part < CLX_PARTS; ++part)
            clx_store_chunk(x.out, to + part * (CLX_R / 2), v[u] + part * CLX_CHUNK, CLX_CHUNK, CLX_IN);
    }
}

/* Elements `column` and on, which do not rotate. The last chunk is whole but for chunks of 2 and an odd CLX_D. */
static inline void copy_unit(const operand x, const ulong head, const uint column)
{
    const ulong from = x.in_at + (long)head * x.in_head;
    const ulong to = x.out_at + (long)head * x.out_head;
    float v[CLX_CHUNK];
    if (CLX_D % 2 != 0 && column + CLX_CHUNK > CLX_D) {
        clx_store(x.out, to, clx_load(x.in, from, CLX_IN), CLX_IN);
    } else {
        clx_load_chunk(x.in, from, v, CLX_CHUNK, CLX_IN);
        clx_store_chunk(x.out, to, v, CLX_CHUNK, CLX_IN);
    }
}

/* The tables of one call, or none (L = 0). */
typedef struct tables {
    const __global void *sines;
    const __global void *cosines;
    ulong sines_at;
    ulong cosines_at;
    long sines_t;
    long sines_j;
    long cosines_t;
    long cosines_j;
    ulong L;
} tables;

/* sin and cos of the unit's pairs j .. j + CLX_PAIRS - 1. Positions that the tables do not have give NaN. */
static inline void unit_angles(const long position, const long j, const __global ulong2 *turns, const tables table,
                               float *s, float *c)
{
    const bool known = (ulong)position < table.L;
    UNROLL for (int p = 0; p < CLX_PAIRS; ++p) {
        float2 angle = (float2)(NAN, NAN);
        if (table.L == 0)
            angle = clx_turn(position, turns[j + p]);
        else if (known)
            angle = (float2)(
                clx_load(table.sines, table.sines_at + position * table.sines_t + (j + p) * table.sines_j, CLX_TABLE),
                clx_load(table.cosines, table.cosines_at + position * table.cosines_t + (j + p) * table.cosines_j,
                         CLX_TABLE));
        s[p] = CLX_SIGN * angle.s0;
        c[p] = angle.s1;
    }
}

/* An int or a long per token, by its size in bytes; 0: none, tokens follow one another. */
static inline long token_position(const __global void *positions, const ulong at, const uint bytes, const ulong t,
                                  const long start)
{
    if (bytes == 4) return ((const __global int *)positions)[at];
    if (bytes == 8) return ((const __global long *)positions)[at];
    return start + (long)t;
}

/* Grid: blocks of heads (outermost), batches, blocks of tokens. Heads 0 .. q_heads - 1 are q's, the rest k's.
 * inplace: bit 0 for q, bit 1 for k. */
__kernel CLX_GROUP void
rotary_apply(const __global void *q, ulong q_at, long q_b, long q_h, long q_s, const __global void *k, ulong k_at,
             long k_b, long k_h, long k_s, __global void *q_out, ulong qo_at, long qo_b, long qo_h, long qo_s,
             __global void *k_out, ulong ko_at, long ko_b, long ko_h, long ko_s, const __global ulong2 *turns,
             const __global void *sines, ulong sines_at, long sines_t, long sines_j, const __global void *cosines,
             ulong cosines_at, long cosines_t, long cosines_j, ulong L, const __global void *positions,
             ulong positions_at, long positions_b, long positions_s, uint position_bytes, long start, uint inplace,
             uint B, uint S, uint q_heads, uint heads, uint heads_per_group)
{
    const uint token_blocks = (S + CLX_TOKENS - 1) / CLX_TOKENS;
    const uint group = (uint)(get_global_id(0) / CLX_WG);
    const uint item = (uint)get_local_id(0);
    const uint b = group / token_blocks % B;
    const uint head0 = group / token_blocks / B * heads_per_group;
    const uint head1 = min(head0 + heads_per_group, heads);
    const uint t = group % token_blocks * CLX_TOKENS + (CLX_TOKENS > 1 ? item / CLX_UNITS : 0);
    if (t >= S) return;
    const long at_b = b;
    const long at_t = t;
    const long position = token_position(positions, positions_at + at_b * positions_b + at_t * positions_s,
                                         position_bytes, t, start);
    const tables table = {sines,   cosines, sines_at,  cosines_at, sines_t,
                          sines_j, cosines_t, cosines_j, L};
    const operand x = {q,   q_out, q_at + at_b * q_b + at_t * q_s, qo_at + at_b * qo_b + at_t * qo_s,
                       q_h, qo_h,  (inplace & 1) != 0};
    const operand y = {k,   k_out, k_at + at_b * k_b + at_t * k_s, ko_at + at_b * ko_b + at_t * ko_s,
                       k_h, ko_h,  (inplace & 2) != 0};

    const uint step = CLX_TOKENS > 1 ? CLX_UNITS : CLX_WG;
    for (uint unit = CLX_TOKENS > 1 ? item % CLX_UNITS : item; unit < CLX_UNITS; unit += step) {
        const bool turning = unit < CLX_TURNING;
        const uint column = turning ? unit * CLX_CHUNK : CLX_R + (unit - CLX_TURNING) * CLX_CHUNK;
        float s[CLX_PAIRS];
        float c[CLX_PAIRS];
        if (turning) unit_angles(position, (long)unit * CLX_PAIRS, turns, table, s, c);
        for (uint head = head0; head < head1;) {
            const bool first = head < q_heads;
            const uint end = first ? min(head1, q_heads) : head1;
            operand z = first ? x : y;
            z.in_at += column;
            z.out_at += column;
            for (; head < end; head += CLX_BATCH) {
                const uint count = min((uint)CLX_BATCH, end - head);
                const uint own = first ? head : head - q_heads;
                if (turning)
                    rotate_units(z, own, count, s, c);
                else if (!z.inplace)
                    for (uint u = 0; u < count; ++u)
                        copy_unit(z, own + u, column);
            }
            head = end;
        }
    }
}
