/* SPDX-License-Identifier: Apache-2.0
 *
 * Before and after a sequence call: the caller's state, in any dtype and with any strides, to the f32 of the workspace
 * (recurrent_carry.clh) and back. A group: one row d of one (batch, head), with its element of n; row 0 also has m.
 *
 *   CLX_WG      items of a group
 *   and those of recurrent_carry.clh */
#include "group.clh"
#include "recurrent_carry.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif

__kernel CLX_GROUP void
recurrent_begin(const __global void *C, ulong C_at, long C_b, long C_h, long C_d, const __global void *n, ulong n_at,
                long n_b, long n_h, long n_d, const __global void *m, ulong m_at, long m_b, long m_h,
                __global float *carry, ulong carry_at, ulong heads, uint NH, uint fresh, float m_start)
{
    const ulong group = get_global_id(0) / CLX_WG;
    const ulong bh = group / CLX_DHQK;
    const long d = group % CLX_DHQK;
    const long b = bh / NH;
    const long head = bh % NH;
    carry += carry_at;
    for (uint j = (uint)get_local_id(0); j < CLX_SLICES * CLX_SLICE; j += CLX_WG) {
        const ulong from = C_at + b * C_b + head * C_h + d * C_d + j;
        const float x = fresh || j >= CLX_DHV ? 0.0f : clx_load(C, from, CLX_STATE);
        carry[carry_C(bh, j / CLX_SLICE) + d * CLX_SLICE + j % CLX_SLICE] = x;
    }
    if (get_local_id(0) != 0) return;
    carry[carry_n(heads, bh, 0) + d] = fresh ? 0.0f : clx_load(n, n_at + b * n_b + head * n_h + d * n_d, CLX_STATE);
    if (d != 0) return;
    vstore2((float2)(fresh ? m_start : clx_load(m, m_at + b * m_b + head * m_h, CLX_STATE), 0.0f), 0,
            carry + carry_m(heads, bh, 0));
}

__kernel CLX_GROUP void
recurrent_end(const __global float *carry, ulong carry_at, ulong heads, uint NH, uint side, __global void *C,
              ulong C_at, long C_b, long C_h, long C_d, __global void *n, ulong n_at, long n_b, long n_h, long n_d,
              __global void *m, ulong m_at, long m_b, long m_h)
{
    const ulong group = get_global_id(0) / CLX_WG;
    const ulong bh = group / CLX_DHQK;
    const long d = group % CLX_DHQK;
    const long b = bh / NH;
    const long head = bh % NH;
    carry += carry_at;
    for (uint j = (uint)get_local_id(0); j < CLX_DHV; j += CLX_WG)
        clx_store(C, C_at + b * C_b + head * C_h + d * C_d + j,
                  carry[carry_C(bh, j / CLX_SLICE) + d * CLX_SLICE + j % CLX_SLICE], CLX_STATE);
    if (get_local_id(0) != 0) return;
    clx_store(n, n_at + b * n_b + head * n_h + d * n_d, carry[carry_n(heads, bh, side) + d], CLX_STATE);
    if (d == 0) clx_store(m, m_at + b * m_b + head * m_h, carry[carry_m(heads, bh, side)], CLX_STATE);
}
