/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM recurrence, one token: every (batch, head) in one launch.
 *
 * simt_recurrent_step: the columns of C are cut into blocks of CLX_WIDTH. A group takes the blocks slice,
 * slice + slices, ... of one (batch, head); of each block item (r, c) holds CLX_HELD rows of four columns in registers:
 *
 *               c = 0      1     ..  CT-1     CT = CLX_WIDTH / 4, R = CLX_WG / CT
 *     r = 0  [ HELD x 4 |      |    |      ]  rows r * HELD .. r * HELD + HELD - 1
 *     r = 1  [          |      |    |      ]  All loads of a block are in flight before the first is needed.
 *     ..     [          |      |    |      ]
 *
 * Every group of a head reads the old n and m, and slice 0 writes the new ones. With several slices these must be other
 * buffers, for nothing orders the groups of one launch; with slices = 1 they may be the same. C may always be updated
 * in place.
 *
 * Traffic: C once in and once out; per group also q, k, n. Operations: 5 * DHQK * DHV a head.
 *
 *   CLX_WG      items of a group: CLX_R * CLX_WIDTH / 4
 *   CLX_WIDTH   columns of a block: 4 times a power of two
 *   CLX_R       rows of items: a power of two
 *   CLX_HELD    rows of C in an item: CLX_DHQK is at most CLX_R * CLX_HELD
 *   CLX_ALIGNED 1: C may be read and written by aligned fours (CLX_DHV is a multiple of 4)
 *   and those of recurrent.clh */
#include "group.clh"
#include "recurrent.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_WIDTH
#define CLX_WIDTH 32
#endif
#ifndef CLX_R
#define CLX_R 8
#endif
#ifndef CLX_HELD
#define CLX_HELD 2
#endif
#ifndef CLX_ALIGNED
#define CLX_ALIGNED 0
#endif

#define CLX_BLOCKS ((CLX_DHV + CLX_WIDTH - 1) / CLX_WIDTH)
#define CLX_OWN ((CLX_DHQK + CLX_WG - 1) / CLX_WG) /* elements of n that an item owns */
#define CLX_FOLD 16                                /* partial sums that one item adds up */
#define CLX_FOLDS ((CLX_WG + CLX_FOLD - 1) / CLX_FOLD)

/* Four columns of a row of C. Columns from CLX_DHV on read what lies before and are not written: no column meets
 * another. */
static inline float4 load_columns(const __global void *C, const ulong at, const uint j)
{
    if (CLX_ALIGNED) return clx_load4_aligned(C, at + min(j, CLX_DHV - 4u), CLX_STATE);
    float x[4];
    UNROLL for (uint e = 0; e < 4; ++e) x[e] = clx_load(C, at + min(j + e, CLX_DHV - 1u), CLX_STATE);
    return vload4(0, x);
}

static inline void store_columns(__global void *C, const ulong at, const uint j, const float4 value)
{
    if (CLX_ALIGNED) {
        if (j < CLX_DHV) clx_store4_aligned(C, at + j, value, CLX_STATE);
        return;
    }
    float x[4];
    vstore4(value, 0, x);
    UNROLL for (uint e = 0; e < 4; ++e)
        if (j + e < CLX_DHV) clx_store(C, at + j + e, x[e], CLX_STATE);
}

/* Four elements of v, likewise. */
static inline float4 load_values(const __global void *v, const ulong v_at, const uint j)
{
    float x[4];
    UNROLL for (uint e = 0; e < 4; ++e) x[e] = clx_load_qkv(v, v_at + min(j + e, CLX_DHV - 1u));
    return vload4(0, x);
}

static inline void load_block(const __global void *C, const ulong at, const long C_d, const uint row, const uint j,
                              const uint fresh, float4 *c)
{
    UNROLL for (uint i = 0; i < CLX_HELD; ++i) {
        const long d = row * CLX_HELD + i;
        c[i] = d < CLX_DHQK && !fresh ? load_columns(C, at + d * C_d, j) : (float4)(0.0f);
    }
}

__kernel CLX_GROUP void simt_recurrent_step(
    const __global void *q, const __global void *k, const __global void *v, const __global void *igate,
    const __global void *fgate, const __global void *C, const __global void *n, const __global void *m,
    __global void *C_out, __global void *n_out, __global void *m_out, __global void *h, const step_layout s)
{
    __local float keys[CLX_R * CLX_HELD]; /* b k */
    __local float queries[CLX_R * CLX_HELD];
    __local float parts[2][CLX_R][CLX_WIDTH];
    __local float dots[CLX_WG];
    __local float folds[CLX_FOLDS];
    const uint item = (uint)get_local_id(0);
    const uint row = item / (CLX_WIDTH / 4);
    const uint column = item % (CLX_WIDTH / 4) * 4;
    const uint group = (uint)(get_global_id(0) / CLX_WG);
    const uint slice = group % s.slices;
    const long b = group / s.slices / s.NH;
    const long head = group / s.slices % s.NH;
    const ulong q_at = clx_step_at(s.q, b, head);
    const ulong k_at = clx_step_at(s.k, b, head);
    const ulong v_at = clx_step_at(s.v, b, head);
    const ulong C_at = clx_step_at(s.C, b, head);
    const ulong n_at = clx_step_at(s.n, b, head);
    const ulong Co_at = clx_step_at(s.C_out, b, head);
    const ulong no_at = clx_step_at(s.n_out, b, head);
    const ulong h_at = clx_step_at(s.out, b, head);

    float4 c[CLX_HELD];
    load_block(C, C_at, s.C.d, row, slice * CLX_WIDTH + column, s.fresh, c);
    float4 value = load_values(v, v_at, slice * CLX_WIDTH + column);
    float own[CLX_OWN]; /* n, then n' */
    float key[CLX_OWN];
    float query[CLX_OWN];
    UNROLL for (uint i = 0; i < CLX_OWN; ++i) {
        const long d = item + i * CLX_WG;
        const bool real = d < CLX_DHQK;
        own[i] = real && !s.fresh ? clx_load(n, n_at + d * s.n.d, CLX_STATE) : 0.0f;
        key[i] = real ? clx_load_qkv(k, k_at + d) : 0.0f;
        query[i] = real ? clx_load_qkv(q, q_at + d) : 0.0f;
    }
    const float m_old = s.fresh ? s.m_start : clx_load(m, clx_step_at(s.m, b, head), CLX_STATE);
    const gate_step gate = clx_load_gates(igate, clx_step_at(s.igate, b, head), fgate,
                                          clx_step_at(s.fgate, b, head), (float2)(m_old, 0.0f));
    float dot = 0.0f;
    UNROLL for (uint i = 0; i < CLX_OWN; ++i) {
        const uint d = item + i * CLX_WG;
        key[i] = clx_weigh(gate.b, key[i]);
        own[i] = clx_decay(gate.a, own[i], key[i]);
        if (d < CLX_DHQK) dot += own[i] * query[i];
        if (d < CLX_R * CLX_HELD) {
            keys[d] = key[i];
            queries[d] = query[i];
        }
    }
    for (uint d = CLX_OWN * CLX_WG + item; d < CLX_R * CLX_HELD; d += CLX_WG) {
        keys[d] = 0.0f;
        queries[d] = 0.0f;
    }
    dots[item] = dot;
    barrier(CLK_LOCAL_MEM_FENCE); /* keys, queries and dots are there */
    for (uint f = item; f < CLX_FOLDS; f += CLX_WG) {
        float some = 0.0f;
        for (uint i = f * CLX_FOLD; i < min((f + 1) * CLX_FOLD, (uint)CLX_WG); ++i)
            some += dots[i];
        folds[f] = some;
    }

    uint side = 0;
    for (uint block = slice; block < CLX_BLOCKS; block += s.slices, side = 1 - side) {
        const uint j = block * CLX_WIDTH + column;
        if (gate.a == 0.0f) /* 0 times a NaN would be one */
            UNROLL for (uint i = 0; i < CLX_HELD; ++i) c[i] = 0.0f;
        if (gate.b == 0.0f) value = 0.0f;
        float4 sum = 0.0f;
        UNROLL for (uint i = 0; i < CLX_HELD; ++i) {
            c[i] = gate.a * c[i] + keys[row * CLX_HELD + i] * value;
            sum += queries[row * CLX_HELD + i] * c[i];
        }
        UNROLL for (uint i = 0; i < CLX_HELD; ++i) {
            const long d = row * CLX_HELD + i;
            if (d < CLX_DHQK) store_columns(C_out, Co_at + d * s.C_out.d, j, c[i]);
        }
        if (block + s.slices < CLX_BLOCKS) {
            load_block(C, C_at, s.C.d, row, j + s.slices * CLX_WIDTH, s.fresh, c);
            value = load_values(v, v_at, j + s.slices * CLX_WIDTH);
        }
        vstore4(sum, 0, &parts[side][row][column]);
        barrier(CLK_LOCAL_MEM_FENCE); /* parts and folds are there; the other side's parts may be overwritten */
        for (uint i = item; i < CLX_WIDTH; i += CLX_WG) {
            if (block * CLX_WIDTH + i >= CLX_DHV) continue;
            float weighted = 0.0f;
            float whole = 0.0f;
            for (uint r = 0; r < CLX_R; ++r)
                weighted += parts[side][r][i];
            for (uint f = 0; f < CLX_FOLDS; ++f)
                whole += folds[f];
            const float out =
                clx_recurrent_output(weighted * CLX_SCALE, whole * CLX_SCALE, gate.m.s0, gate.least, s.eps);
            clx_store(h, h_at + block * CLX_WIDTH + i, out, CLX_OUT);
        }
    }
    /* With one slice m may be written where all items have read it. (An element of n has one reader, its writer.) */
    if (s.slices == 1) barrier(CLK_GLOBAL_MEM_FENCE);
    if (slice != 0) return;
    UNROLL for (uint i = 0; i < CLX_OWN; ++i) {
        const long d = item + i * CLX_WG;
        if (d < CLX_DHQK) clx_store(n_out, no_at + d * s.n_out.d, own[i], CLX_STATE);
    }
    if (item == 0) clx_store(m_out, clx_step_at(s.m_out, b, head), gate.m.s0, CLX_STATE);
}
