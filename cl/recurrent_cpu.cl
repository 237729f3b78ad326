/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM recurrence on a CPU: an item is a group, and works by vectors of eight.
 *
 * cpu_recurrent_step: an item takes `width` columns of one (batch, head), CLX_WIDTH at a time, and streams through C
 * four rows at once, while v and the sums of h stay in the first cache:
 *
 *     C[d .. d+3, j .. j+7]  ->  a C + (b k[d]) v[j ..]  ->  h[j ..] += C' q[d]
 *
 * cpu_recurrent_sequence: an item takes one slice (CLX_SLICE columns) of one (batch, head) through `steps` tokens. The
 * slice lies by itself in the workspace (recurrent_carry.clh), small enough for a cache.
 *
 * Who writes n and m, and when they may be the ones that are read: see recurrent_step.cl.
 *
 *   CLX_WG      1
 *   CLX_WIDTH   columns at a time: a multiple of 8
 *   CLX_SLICE   columns of a slice: a multiple of 8
 *   and those of recurrent.clh */
#include "group.clh"
#include "recurrent_carry.clh"

#ifndef CLX_WG
#define CLX_WG 1
#endif
#ifndef CLX_WIDTH
#define CLX_WIDTH 64
#endif

static inline float8 decay8(const float a, const float8 x, const float8 by)
{
    return a == 0.0f ? by : a * x + by;
}

/* n' and n' . q of a head. `old` and `now` may be one view; `now` NULL keeps nothing. */
static inline float advance_n(const gate_step gate, const __global void *q, const ulong q_at, const __global void *k,
                              const ulong k_at, const __global void *old, const ulong old_at, const long old_d,
                              const bool fresh, __global void *now, const ulong now_at, const long now_d)
{
    float dot = 0.0f;
    for (long d = 0; d < CLX_DHQK; ++d) {
        const float x = fresh ? 0.0f : clx_load(old, old_at + d * old_d, CLX_STATE);
        const float y = clx_decay(gate.a, x, clx_weigh(gate.b, clx_load_qkv(k, k_at + d)));
        dot += y * clx_load_qkv(q, q_at + d);
        if (now) clx_store(now, now_at + d * now_d, y, CLX_STATE);
    }
    return dot;
}

/* `rows` rows of C (1 or 4) over `columns` columns, a multiple of 8. */
static inline void advance_rows(const int rows, const float a, const float *keys, const float *queries,
                                const __global void *C, const ulong C_at, const long C_d, const bool fresh,
                                __global void *C_out, const ulong Co_at, const long Co_d, const float *v, float *sums,
                                const uint columns)
{
    for (uint j = 0; j < columns; j += 8) {
        const float8 value = vload8(0, v + j);
        float8 sum = vload8(0, sums + j);
        for (int r = 0; r < rows; ++r) {
            const float8 x = fresh ? (float8)(0.0f) : clx_load8(C, C_at + r * C_d + j, CLX_STATE);
            const float8 y = decay8(a, x, keys[r] * value);
            clx_store8(C_out, Co_at + r * Co_d + j, y, CLX_STATE);
            sum += queries[r] * y;
        }
        vstore8(sum, 0, sums + j);
    }
}

__kernel CLX_GROUP void cpu_recurrent_step(
    const __global void *q, const __global void *k, const __global void *v, const __global void *igate,
    const __global void *fgate, const __global void *C, const __global void *n, const __global void *m,
    __global void *C_out, __global void *n_out, __global void *m_out, __global void *h, const step_layout s)
{
    const uint group = (uint)(get_global_id(0) / CLX_WG);
    const uint slice = group % s.slices;
    const long b = group / s.slices / s.NH;
    const long head = group / s.slices % s.NH;
    const ulong q_at = clx_step_at(s.q, b, head);
    const ulong k_at = clx_step_at(s.k, b, head);
    const ulong v_at = clx_step_at(s.v, b, head);
    const ulong C_at = clx_step_at(s.C, b, head);
    const ulong Co_at = clx_step_at(s.C_out, b, head);
    const ulong h_at = clx_step_at(s.out, b, head);

    const float m_old = s.fresh ? s.m_start : clx_load(m, clx_step_at(s.m, b, head), CLX_STATE);
    const gate_step gate = clx_load_gates(igate, clx_step_at(s.igate, b, head), fgate, clx_step_at(s.fgate, b, head),
                                          (float2)(m_old, 0.0f));
    const float dot = advance_n(gate, q, q_at, k, k_at, n, clx_step_at(s.n, b, head), s.n.d, s.fresh,
                                slice == 0 ? n_out : 0, clx_step_at(s.n_out, b, head), s.n_out.d);

    float values[CLX_WIDTH];
    float sums[CLX_WIDTH];
    for (uint first = slice * CLX_WIDTH; first < CLX_DHV; first += s.slices * CLX_WIDTH) {
        const uint columns = min((uint)CLX_WIDTH, CLX_DHV - first);
        const uint whole = columns / 8 * 8;
        for (uint j = 0; j < columns; ++j) {
            values[j] = gate.b == 0.0f ? 0.0f : clx_load_qkv(v, v_at + first + j);
            sums[j] = 0.0f;
        }
        for (long d = 0; d < CLX_DHQK; d += 4) {
            const int rows = (int)min(4L, CLX_DHQK - d);
            float keys[4];
            float queries[4];
            for (int r = 0; r < rows; ++r) {
                keys[r] = clx_weigh(gate.b, clx_load_qkv(k, k_at + d + r));
                queries[r] = clx_load_qkv(q, q_at + d + r);
            }
            const ulong from = C_at + d * s.C.d + first;
            const ulong to = Co_at + d * s.C_out.d + first;
            if (rows == 4)
                advance_rows(4, gate.a, keys, queries, C, from, s.C.d, s.fresh, C_out, to, s.C_out.d, values, sums, whole);
            else
                for (int r = 0; r < rows; ++r)
                    advance_rows(1, gate.a, keys + r, queries + r, C, from + r * s.C.d, s.C.d, s.fresh, C_out, to + r * s.C_out.d,
                                 s.C_out.d, values, sums, whole);
            for (int r = 0; r < rows; ++r)
                for (uint j = whole; j < columns; ++j) {
                    const float x = s.fresh ? 0.0f : clx_load(C, from + r * s.C.d + j, CLX_STATE);
                    const float y = clx_decay(gate.a, x, keys[r] * values[j]);
                    clx_store(C_out, to + r * s.C_out.d + j, y, CLX_STATE);
                    sums[j] += queries[r] * y;
                }
        }
        for (uint j = 0; j < columns; ++j)
            clx_store(h, h_at + first + j,
                      clx_recurrent_output(sums[j] * CLX_SCALE, dot * CLX_SCALE, gate.m.s0, gate.least, s.eps), CLX_OUT);
    }
    if (slice == 0) clx_store(m_out, clx_step_at(s.m_out, b, head), gate.m.s0, CLX_STATE);
}

__kernel CLX_GROUP void cpu_recurrent_sequence(
    const __global void *q, ulong q_at, long q_b, long q_h, long q_s, const __global void *k, ulong k_at, long k_b,
    long k_h, long k_s, const __global void *v, ulong v_at, long v_b, long v_h, long v_s, const __global void *igate,
    ulong i_at, long i_b, long i_h, long i_s, const __global void *fgate, ulong f_at, long f_b, long f_h, long f_s,
    __global void *h, ulong h_at, long h_b, long h_h, long h_s, __global float *carry, ulong carry_at, ulong heads,
    uint NH, uint side, ulong begin, ulong end, float eps)
{
    const ulong group = get_global_id(0) / CLX_WG;
    const uint slice = (uint)(group % CLX_SLICES);
    const ulong bh = group / CLX_SLICES;
    const long b = bh / NH;
    const long head = bh % NH;
    const uint first = slice * CLX_SLICE;
    const uint columns = min((uint)CLX_SLICE, CLX_DHV - first);
    q_at += b * q_b + head * q_h;
    k_at += b * k_b + head * k_h;
    v_at += b * v_b + head * v_h + first;
    i_at += b * i_b + head * i_h;
    f_at += b * f_b + head * f_h;
    h_at += b * h_b + head * h_h + first;
    carry += carry_at;
    __global float *C = carry + carry_C(bh, slice);
    float n[CLX_DHQK];
    float2 m = vload2(0, carry + carry_m(heads, bh, side));
    for (uint d = 0; d < CLX_DHQK; ++d)
        n[d] = carry[carry_n(heads, bh, side) + d];

    for (ulong t = begin; t < end; ++t) {
        const long s = t;
        const gate_step gate = clx_load_gates(igate, i_at + s * i_s, fgate, f_at + s * f_s, m);
        m = gate.m;
        float8 values[CLX_SLICE / 8];
        float8 sums[CLX_SLICE / 8];
        float x[CLX_SLICE];
        for (uint j = 0; j < CLX_SLICE; ++j)
            x[j] = gate.b != 0.0f && j < columns ? clx_load_qkv(v, v_at + s * v_s + j) : 0.0f;
        for (uint j = 0; j < CLX_SLICE / 8; ++j) {
            values[j] = vload8(j, x);
            sums[j] = 0.0f;
        }
        float dot = 0.0f;
        for (uint d = 0; d < CLX_DHQK; ++d) {
            const float key = clx_weigh(gate.b, clx_load_qkv(k, k_at + s * k_s + d));
            const float query = clx_load_qkv(q, q_at + s * q_s + d);
            n[d] = clx_decay(gate.a, n[d], key);
            dot += n[d] * query;
            for (uint j = 0; j < CLX_SLICE / 8; ++j) {
                const float8 y = decay8(gate.a, vload8(j, C + d * CLX_SLICE), key * values[j]);
                vstore8(y, j, C + d * CLX_SLICE);
                sums[j] += query * y;
            }
        }
        for (uint j = 0; j < CLX_SLICE / 8; ++j)
            vstore8(sums[j], j, x);
        for (uint j = 0; j < columns; ++j)
            clx_store(h, h_at + s * h_s + j,
                      clx_recurrent_output(x[j] * CLX_SCALE, dot * CLX_SCALE, m.s0, gate.least, eps), CLX_OUT);
    }
    if (slice != 0) return;
    for (uint d = 0; d < CLX_DHQK; ++d)
        carry[carry_n(heads, bh, 1 - side) + d] = n[d];
    vstore2(m, 0, carry + carry_m(heads, bh, 1 - side));
}
