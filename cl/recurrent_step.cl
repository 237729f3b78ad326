/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM recurrence, one token: every (batch, head) in one launch.
 *
 * simt_recurrent_step: the columns of C are cut into blocks of CLX_VC. A group takes the blocks slice, slice + slices,
 * ... of one (batch, head); of each block item (r, c) holds CLX_HELD rows of four columns in registers:
 *
 *               c = 0      1     ..  CT-1     CT = CLX_VC / 4, R = CLX_WG / CT
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
 *   CLX_WG      items of a group: CLX_R * CLX_VC / 4
 *   CLX_VC      columns of a block: 4 times a power of two
 *   CLX_R       rows of items: a power of two
 *   CLX_HELD    rows of C in an item: CLX_DHQK is at most CLX_R * CLX_HELD
 *   CLX_ALIGNED 1: C may be read and written by aligned fours (CLX_DHV is a multiple of 4)
 *   and those of recurrent.clh */
#include "recurrent.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_VC
#define CLX_VC 32
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

#define CLX_BLOCKS ((CLX_DHV + CLX_VC - 1) / CLX_VC)
#define CLX_OWN ((CLX_DHQK + CLX_WG - 1) / CLX_WG) /* elements of n that an item owns */
#define CLX_FOLD 16                                /* partial sums that one item adds up */
#define CLX_FOLDS ((CLX_WG + CLX_FOLD - 1) / CLX_FOLD)
#define CLX_QUADS ((CLX_R + 3) / 4)

/* Four columns of a row of C; columns from CLX_DHV on read 0 and are not written. */
static inline float4 load_columns(const __global void *C, const ulong at, const uint j)
{
    if (CLX_ALIGNED) return j < CLX_DHV ? clx_load4_aligned(C, at + j, CLX_STATE) : (float4)(0.0f);
    float x[4];
    for (uint e = 0; e < 4; ++e)
        x[e] = j + e < CLX_DHV ? clx_load(C, at + j + e, CLX_STATE) : 0.0f;
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
    for (uint e = 0; e < 4; ++e)
        if (j + e < CLX_DHV) clx_store(C, at + j + e, x[e], CLX_STATE);
}

static inline void load_block(const __global void *C, const ulong at, const long C_d, const uint row, const uint j,
                              const uint fresh, float4 *c)
{
    for (uint i = 0; i < CLX_HELD; ++i) {
        const long d = row * CLX_HELD + i;
        c[i] = d < CLX_DHQK && !fresh ? load_columns(C, at + d * C_d, j) : (float4)(0.0f);
    }
}

__kernel __attribute__((reqd_work_group_size(CLX_WG, 1, 1))) void simt_recurrent_step(
    const __global void *q, ulong q_at, long q_b, long q_h, const __global void *k, ulong k_at, long k_b, long k_h,
    const __global void *v, ulong v_at, long v_b, long v_h, const __global void *igate, ulong i_at, long i_b, long i_h,
    const __global void *fgate, ulong f_at, long f_b, long f_h, const __global void *C, ulong C_at, long C_b, long C_h,
    long C_d, const __global void *n, ulong n_at, long n_b, long n_h, long n_d, const __global void *m, ulong m_at,
    long m_b, long m_h, __global void *C_out, ulong Co_at, long Co_b, long Co_h, long Co_d, __global void *n_out,
    ulong no_at, long no_b, long no_h, long no_d, __global void *m_out, ulong mo_at, long mo_b, long mo_h,
    __global void *h, ulong h_at, long h_b, long h_h, uint NH, uint slices, uint fresh, float m_start, float eps)
{
    __local float parts[CLX_R][CLX_VC];
    __local float sums[CLX_QUADS][CLX_VC];
    __local float dots[CLX_WG];
    __local float folds[CLX_FOLDS];
    const uint item = get_local_id(0);
    const uint row = item / (CLX_VC / 4);
    const uint column = item % (CLX_VC / 4) * 4;
    const uint group = (uint)(get_global_id(0) / CLX_WG);
    const uint slice = group % slices;
    const long b = group / slices / NH;
    const long head = group / slices % NH;
    q_at += b * q_b + head * q_h;
    k_at += b * k_b + head * k_h;
    v_at += b * v_b + head * v_h;
    C_at += b * C_b + head * C_h;
    n_at += b * n_b + head * n_h;
    Co_at += b * Co_b + head * Co_h;
    no_at += b * no_b + head * no_h;
    h_at += b * h_b + head * h_h;

    float4 c[CLX_HELD];
    load_block(C, C_at, C_d, row, slice * CLX_VC + column, fresh, c);
    float old[CLX_OWN];
    for (uint i = 0; i < CLX_OWN; ++i) {
        const long d = item + i * CLX_WG;
        old[i] = d < CLX_DHQK && !fresh ? clx_load(n, n_at + d * n_d, CLX_STATE) : 0.0f;
    }
    float keys[CLX_HELD];
    float queries[CLX_HELD];
    for (uint i = 0; i < CLX_HELD; ++i) {
        const uint d = min(row * CLX_HELD + i, (uint)CLX_DHQK - 1);
        keys[i] = clx_load_qkv(k, k_at + d);
        queries[i] = row * CLX_HELD + i < CLX_DHQK ? clx_load_qkv(q, q_at + d) : 0.0f;
    }
    const float m_old = fresh ? m_start : clx_load(m, m_at + b * m_b + head * m_h, CLX_STATE);
    const gate_step gate = clx_load_gates(igate, i_at + b * i_b + head * i_h, fgate, f_at + b * f_b + head * f_h,
                                          (float2)(m_old, 0.0f));

    float own[CLX_OWN]; /* n' */
    float dot = 0.0f;
    for (uint i = 0; i < CLX_OWN; ++i) {
        const uint d = item + i * CLX_WG;
        if (d >= CLX_DHQK) continue;
        own[i] = clx_decay(gate.a, old[i], clx_weigh(gate.b, clx_load_qkv(k, k_at + d)));
        dot += own[i] * clx_load_qkv(q, q_at + d);
    }
    dots[item] = dot;

    for (uint block = slice; block < CLX_BLOCKS; block += slices) {
        const uint j = block * CLX_VC + column;
        float values[4];
        for (uint e = 0; e < 4; ++e)
            values[e] = gate.b != 0.0f && j + e < CLX_DHV ? clx_load_qkv(v, v_at + j + e) : 0.0f;
        const float4 value = vload4(0, values);
        float4 sum = 0.0f;
        for (uint i = 0; i < CLX_HELD; ++i) {
            const float4 fresh_part = clx_weigh(gate.b, keys[i]) * value;
            c[i] = gate.a == 0.0f ? fresh_part : gate.a * c[i] + fresh_part;
            sum += queries[i] * c[i];
        }
        for (uint i = 0; i < CLX_HELD; ++i) {
            const long d = row * CLX_HELD + i;
            if (d < CLX_DHQK) store_columns(C_out, Co_at + d * Co_d, j, c[i]);
        }
        if (block + slices < CLX_BLOCKS) load_block(C, C_at, C_d, row, j + slices * CLX_VC, fresh, c);
        vstore4(sum, 0, &parts[row][column]);
        barrier(CLK_LOCAL_MEM_FENCE); /* parts and dots are there */
        for (uint i = item; i < CLX_VC * (CLX_QUADS); i += CLX_WG) {
            float some = 0.0f;
            for (uint r = i / CLX_VC * 4; r < min(i / CLX_VC * 4 + 4, (uint)CLX_R); ++r)
                some += parts[r][i % CLX_VC];
            sums[i / CLX_VC][i % CLX_VC] = some;
        }
        if (item < CLX_FOLDS) {
            float some = 0.0f;
            for (uint i = item * CLX_FOLD; i < min((item + 1) * CLX_FOLD, (uint)CLX_WG); ++i)
                some += dots[i];
            folds[item] = some;
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* sums and folds are there; parts may be overwritten */
        for (uint i = item; i < CLX_VC; i += CLX_WG) {
            if (block * CLX_VC + i >= CLX_DHV) continue;
            float weighted = 0.0f;
            float whole = 0.0f;
            for (uint r = 0; r < CLX_QUADS; ++r)
                weighted += sums[r][i];
            for (uint f = 0; f < CLX_FOLDS; ++f)
                whole += folds[f];
            clx_store(h, h_at + block * CLX_VC + i,
                      clx_recurrent_output(weighted * CLX_SCALE, whole * CLX_SCALE, gate.m.s0, gate.least, eps), CLX_OUT);
        }
    }
    /* With one slice n and m may be written where they were read: every item is past a barrier since. */
    if (slice != 0) return;
    for (uint i = 0; i < CLX_OWN; ++i) {
        const long d = item + i * CLX_WG;
        if (d < CLX_DHQK) clx_store(n_out, no_at + d * no_d, own[i], CLX_STATE);
    }
    if (item == 0) clx_store(m_out, mo_at + b * mo_b + head * mo_h, gate.m.s0, CLX_STATE);
}
