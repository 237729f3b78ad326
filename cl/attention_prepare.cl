/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries and keys as they enter the product of attention: y = rotate(activate(x)), rounded once on store. The pairs
 * (2j, 2j + 1) of token t turn by the angle (position + t) theta^(-2j / DHQK); cl/turn.clh has the arithmetic.
 *
 *     group:  0 ..              first_groups ..
 *             [ first tensor ]  [ second tensor ]     one launch does both; either may be empty
 *
 * An item owns CLX_CHUNK neighbouring elements of one row. Traffic: every element once in and once out.
 *
 *   CLX_WG      items of a group
 *   CLX_DHQK    elements of a row
 *   CLX_CHUNK   4, 2 or 1: divides CLX_DHQK; even where CLX_ROTARY is 1
 *   CLX_SILU    1: x / (1 + exp(-x)) before the rotation
 *   CLX_ROTARY  1: rotate
 *   CLX_IN, CLX_QKV, CLX_TO   dtype of x in memory, rounded to on load, of y */
#include "dtype.clh"
#include "group.clh"
#include "turn.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_DHQK
#define CLX_DHQK 64
#endif
#ifndef CLX_CHUNK
#define CLX_CHUNK 4
#endif
#ifndef CLX_SILU
#define CLX_SILU 0
#endif
#ifndef CLX_ROTARY
#define CLX_ROTARY 1
#endif
#ifndef CLX_IN
#define CLX_IN CLX_F32
#endif
#ifndef CLX_QKV
#define CLX_QKV CLX_IN
#endif
#ifndef CLX_TO
#define CLX_TO CLX_QKV
#endif
#if CLX_DHQK % CLX_CHUNK != 0 || (CLX_ROTARY && CLX_CHUNK % 2 != 0)
#error "CLX_CHUNK must divide CLX_DHQK, and hold whole pairs"
#endif

#define UNITS (CLX_DHQK / CLX_CHUNK)

/* One tensor, (B, NH, S, DHQK); `active` 0 only copies. */
typedef struct job {
    const __global void *x;
    __global void *y;
    ulong x_offset, y_offset;
    long x_b, x_h, x_s, y_b, y_h, y_s;
    ulong NH, S, units;
    long position;
    uint active;
} job;

static inline void run(const job j, const ulong index, const __global ulong2 *turns)
{
    if (index >= j.units) return;
    const ulong unit = index % UNITS, t = index / UNITS % j.S, n = index / UNITS / j.S % j.NH;
    const ulong b = index / UNITS / j.S / j.NH, d = unit * CLX_CHUNK;
    const ulong from = j.x_offset + (ulong)((long)b * j.x_b + (long)n * j.x_h + (long)t * j.x_s) + d;
    const ulong to = j.y_offset + (ulong)((long)b * j.y_b + (long)n * j.y_h + (long)t * j.y_s) + d;
    float4 x = (float4)(0.0f);
    if (CLX_CHUNK == 4)
        x = clx_load4(j.x, from, CLX_IN);
    else
        x.s0 = clx_load(j.x, from, CLX_IN);
    if (CLX_CHUNK == 2) x.s1 = clx_load(j.x, from + 1, CLX_IN);
    if (CLX_QKV != CLX_IN) x = clx_round4(x, CLX_QKV);
    if (CLX_SILU && j.active) x = x / (1.0f + exp(-x));
    if (CLX_ROTARY && j.active) {
        const float2 first = clx_turn(j.position + (long)t, turns[d / 2]);
        float2 second = (float2)(0.0f, 1.0f);
        if (CLX_CHUNK == 4) second = clx_turn(j.position + (long)t, turns[d / 2 + 1]);
        x = (float4)(x.s0 * first.s1 - x.s1 * first.s0, x.s0 * first.s0 + x.s1 * first.s1,
                     x.s2 * second.s1 - x.s3 * second.s0, x.s2 * second.s0 + x.s3 * second.s1);
    }
    x = clx_round4(x, CLX_QKV);
    if (CLX_CHUNK == 4)
        clx_store4(j.y, to, x, CLX_TO);
    else
        clx_store(j.y, to, x.s0, CLX_TO);
    if (CLX_CHUNK == 2) clx_store(j.y, to + 1, x.s1, CLX_TO);
}

__kernel CLX_GROUP
void attention_prepare(const __global void *q, const ulong q_offset, const long q_b, const long q_h, const long q_s,
                       __global void *q_out, const ulong qo_offset, const long qo_b, const long qo_h, const long qo_s,
                       const ulong q_NH, const ulong q_S, const ulong q_units, const long q_position,
                       const uint q_active, const __global void *k, const ulong k_offset, const long k_b,
                       const long k_h, const long k_s, __global void *k_out, const ulong ko_offset, const long ko_b,
                       const long ko_h, const long ko_s, const ulong k_NH, const ulong k_S, const ulong k_units,
                       const long k_position, const uint k_active, const __global ulong2 *turns,
                       const ulong first_groups)
{
    const ulong group = get_global_id(0) / CLX_WG;
    if (group < first_groups) {
        const job j = {q,   q_out, q_offset, qo_offset, q_b, q_h,     q_s,        qo_b,
                       qo_h, qo_s, q_NH,     q_S,       q_units, q_position, q_active};
        run(j, get_global_id(0), turns);
    } else {
        const job j = {k,   k_out, k_offset, ko_offset, k_b, k_h,     k_s,        ko_b,
                       ko_h, ko_s, k_NH,     k_S,       k_units, k_position, k_active};
        run(j, get_global_id(0) - first_groups * CLX_WG, turns);
    }
}
