/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM recurrence over a stretch of tokens. A group owns one slice of one (batch, head) and keeps it in registers
 * all the while, laid out as in recurrent_step.cl: item (r, c) holds CLX_HELD rows of four columns. It works through
 * CLX_T tokens at a time:
 *
 *     all      q, k, v of the tokens to local memory; items 0 .. CLX_T - 1: their gates
 *     all      C and n through the tokens; per token, each item's share of C'^T q and n' . q
 *     all      the shares summed up, h written
 *
 * Traffic: q, k once per slice, v and h once; the state once per launch.
 *
 *   CLX_WG      items of a group: CLX_R * CLX_SLICE / 4
 *   CLX_R       rows of items: a power of two
 *   CLX_HELD    rows of C in an item: CLX_DHQK is at most CLX_R * CLX_HELD
 *   CLX_T       tokens at a time, at most CLX_WG; local memory is 4 * CLX_T * (2 DHQK + SLICE + 5 WG) bytes and a
 *               little more
 *   and those of recurrent_carry.clh */
#include "group.clh"
#include "recurrent_carry.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_R
#define CLX_R 8
#endif
#ifndef CLX_HELD
#define CLX_HELD 2
#endif
#ifndef CLX_T
#define CLX_T 4
#endif

#define CLX_OWN ((CLX_DHQK + CLX_WG - 1) / CLX_WG) /* elements of n that an item owns */
#define CLX_FOLD 16                                /* partial sums that one item adds up */
#define CLX_FOLDS ((CLX_WG + CLX_FOLD - 1) / CLX_FOLD)

/* Large groups keep several loads in flight; small ones would run out of registers for their addresses. */
#if CLX_WG >= 128
#define LOADS UNROLL_BY_4
#else
#define LOADS ROLLED
#endif

typedef struct tokens {
    float q[CLX_T][CLX_DHQK];
    float k[CLX_T][CLX_DHQK];
    float v[CLX_T][CLX_SLICE];
    gate_step gates[CLX_T];
} tokens;

/* Items 0 .. CLX_T - 1: the gates of token `item`, by going through those before it. */
static inline gate_step advance_gates(float2 m, const uint count, const __global void *igate, const ulong i_at,
                                      const long i_s, const __global void *fgate, const ulong f_at, const long f_s)
{
    gate_step gate;
    gate.m = m;
    for (uint t = 0; t < count; ++t)
        gate = clx_load_gates(igate, i_at + (long)t * i_s, fgate, f_at + (long)t * f_s, gate.m);
    return gate;
}

__kernel CLX_GROUP void simt_recurrent_sequence(
    const __global void *q, ulong q_at, long q_b, long q_h, long q_s, const __global void *k, ulong k_at, long k_b,
    long k_h, long k_s, const __global void *v, ulong v_at, long v_b, long v_h, long v_s, const __global void *igate,
    ulong i_at, long i_b, long i_h, long i_s, const __global void *fgate, ulong f_at, long f_b, long f_h, long f_s,
    __global void *h, ulong h_at, long h_b, long h_h, long h_s, __global float *carry, ulong carry_at, ulong heads,
    uint NH, uint side, ulong begin, ulong end, float eps)
{
    __local tokens block;
    __local float4 parts[CLX_T][CLX_WG];
    __local float dots[CLX_T][CLX_WG];
    __local float folds[CLX_T][CLX_FOLDS];
    const uint item = (uint)get_local_id(0);
    const uint row = item / (CLX_SLICE / 4);
    const uint column = item % (CLX_SLICE / 4) * 4;
    const ulong group = get_global_id(0) / CLX_WG;
    const uint slice = (uint)(group % CLX_SLICES);
    const ulong bh = group / CLX_SLICES;
    const long b = bh / NH;
    const long head = bh % NH;
    q_at += b * q_b + head * q_h;
    k_at += b * k_b + head * k_h;
    v_at += b * v_b + head * v_h + slice * CLX_SLICE;
    i_at += b * i_b + head * i_h;
    f_at += b * f_b + head * f_h;
    h_at += b * h_b + head * h_h + slice * CLX_SLICE;
    carry += carry_at;

    float4 c[CLX_HELD];
    UNROLL for (uint i = 0; i < CLX_HELD; ++i) {
        const uint d = row * CLX_HELD + i;
        c[i] = d < CLX_DHQK ? vload4(0, carry + carry_C(bh, slice) + d * CLX_SLICE + column) : (float4)(0.0f);
    }
    float n[CLX_OWN];
    UNROLL for (uint i = 0; i < CLX_OWN; ++i) {
        const uint d = item + i * CLX_WG;
        n[i] = d < CLX_DHQK ? carry[carry_n(heads, bh, side) + d] : 0.0f;
    }
    float2 m = vload2(0, carry + carry_m(heads, bh, side));

    for (ulong t0 = begin; t0 < end; t0 += CLX_T) {
        const uint count = (uint)min((ulong)CLX_T, end - t0);
        LOADS for (uint i = item; i < CLX_T * CLX_DHQK; i += CLX_WG) {
            const uint t = min(i / CLX_DHQK, count - 1);
            const uint d = i % CLX_DHQK;
            block.q[i / CLX_DHQK][d] = clx_load_qkv(q, q_at + (long)(t0 + t) * q_s + d);
            block.k[i / CLX_DHQK][d] = clx_load_qkv(k, k_at + (long)(t0 + t) * k_s + d);
        }
        LOADS for (uint i = item; i < CLX_T * CLX_SLICE; i += CLX_WG) {
            const uint t = min(i / CLX_SLICE, count - 1);
            const uint j = i % CLX_SLICE;
            block.v[i / CLX_SLICE][j] =
                slice * CLX_SLICE + j < CLX_DHV ? clx_load_qkv(v, v_at + (long)(t0 + t) * v_s + j) : 0.0f;
        }
        if (item < count)
            block.gates[item] = advance_gates(m, item + 1, igate, i_at + (long)t0 * i_s, i_s, fgate,
                                              f_at + (long)t0 * f_s, f_s);
        barrier(CLK_LOCAL_MEM_FENCE); /* the tokens are there */
        m = block.gates[count - 1].m;
        for (uint t = 0; t < count; ++t) {
            const float a = block.gates[t].a;
            const float weight = block.gates[t].b;
            const float4 value = weight == 0.0f ? (float4)(0.0f) : vload4(0, &block.v[t][column]);
            float4 sum = 0.0f;
            UNROLL for (uint i = 0; i < CLX_HELD; ++i) {
                const uint d = min(row * CLX_HELD + i, (uint)CLX_DHQK - 1);
                const bool real = row * CLX_HELD + i < CLX_DHQK;
                const float4 young = clx_weigh(weight, block.k[t][d]) * value;
                c[i] = a == 0.0f ? young : a * c[i] + young;
                if (real) sum += block.q[t][d] * c[i];
            }
            parts[t][item] = sum;
            float dot = 0.0f;
            UNROLL for (uint i = 0; i < CLX_OWN; ++i) {
                const uint d = item + i * CLX_WG;
                if (d >= CLX_DHQK) continue;
                n[i] = clx_decay(a, n[i], clx_weigh(weight, block.k[t][d]));
                dot += n[i] * block.q[t][d];
            }
            dots[t][item] = dot;
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the shares are there */
        for (uint i = item; i < count * CLX_FOLDS; i += CLX_WG) {
            const uint first = i % CLX_FOLDS * CLX_FOLD;
            float some = 0.0f;
            for (uint l = first; l < min(first + CLX_FOLD, (uint)CLX_WG); ++l)
                some += dots[i / CLX_FOLDS][l];
            folds[i / CLX_FOLDS][i % CLX_FOLDS] = some;
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the folds are there */
        for (uint i = item; i < count * CLX_SLICE; i += CLX_WG) {
            const uint t = i / CLX_SLICE;
            const uint j = i % CLX_SLICE;
            if (slice * CLX_SLICE + j >= CLX_DHV) continue;
            const __local float *share = (const __local float *)&parts[t][0];
            float weighted = 0.0f;
            float dot = 0.0f;
            for (uint r = 0; r < CLX_R; ++r)
                weighted += share[r * CLX_SLICE + j];
            for (uint f = 0; f < CLX_FOLDS; ++f)
                dot += folds[t][f];
            clx_store(h, h_at + (long)(t0 + t) * h_s + j,
                      clx_recurrent_output(weighted * CLX_SCALE, dot * CLX_SCALE, block.gates[t].m.s0,
                                           block.gates[t].least, eps),
                      CLX_OUT);
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the gates may be overwritten */
    }
    UNROLL for (uint i = 0; i < CLX_HELD; ++i) {
        const uint d = row * CLX_HELD + i;
        if (d < CLX_DHQK) vstore4(c[i], 0, carry + carry_C(bh, slice) + d * CLX_SLICE + column);
    }
    if (slice != 0) return;
    UNROLL for (uint i = 0; i < CLX_OWN; ++i) {
        const uint d = item + i * CLX_WG;
        if (d < CLX_DHQK) carry[carry_n(heads, bh, 1 - side) + d] = n[i];
    }
    if (item == 0) vstore2(m, 0, carry + carry_m(heads, bh, 1 - side));
}
