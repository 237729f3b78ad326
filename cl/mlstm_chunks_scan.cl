/* SPDX-License-Identifier: Apache-2.0
 *
 * From each chunk's own sum to the state before the next chunk, in place (see mlstm_chunks.clh):
 *
 *     state before chunk j + 1 = exp(M[e of chunk j - 1] - M[e of chunk j]) * state before chunk j + own sum of chunk j
 *
 * or the own sum alone where a reset came in between. Sums are f32 and rounded once for each state. States that nobody
 * reads are passed over: nothing of them is left in the next.
 *
 * An item owns eight neighbouring numbers of a head's C, or one of its n, and walks the chunks. Traffic: every state read and
 * written once.
 *
 *   CLX_WG   items of a group
 *   and the parameters of mlstm_chunks.clh */
#include "dtype8.clh"
#include "group.clh"
#include "mlstm_chunks.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif

#define STATE_OCTETS (CLX_DHQK * (STATE_STRIDE / 8))
#define HEAD_GROUPS ((STATE_OCTETS + CLX_DHQK + CLX_WG - 1) / CLX_WG)

/* x * factor, but a state that is left behind leaves nothing, not even a NaN. */
static inline float8 decayed(const float8 x, const float factor)
{
    return factor == 0.0f ? (float8)(0.0f) : x * factor;
}

static inline void scan_state(const chunk_states head, const __global float *M, const __global int *start,
                              const int carried, const int chunk, const bool rowwise, const int octet)
{
    const int row = octet / (STATE_STRIDE / 8), slice = octet % (STATE_STRIDE / 8) * 8 / CLX_DVB;
    const bool keeps_unit = row == 0 && octet * 8 % CLX_DVB == 0;
    float8 sum = (float8)(0.0f);
    float bound = 0.0f;
    UNROLL_BY_4 for (int j = 0; j < carried; j++) {
        const ulong at = (ulong)j * STATE_SIZE + (ulong)octet * 8;
        const __global float *owns = head.owns + j * (STATE_BLOCKS * STATE_SLICES) + slice;
        if (!chunk_is_needed(M, start, chunk, j + 1, carried, rowwise)) continue;
        const float factor = chunk_carry(M, start, chunk, j);
        const float8 own = clx_load8_aligned(head.states, at, CLX_QKV);
        sum = decayed(sum, factor) + own * owns[row / 64 * STATE_SLICES];
        float unit = 1.0f;
        if (CLX_QKV == CLX_F16) {
            float largest = 0.0f;
            for (int b = 0; b < STATE_BLOCKS; b++) largest = fmax(largest, owns[b * STATE_SLICES]);
            bound = bound * factor + largest * STATE_LARGEST;
            unit = state_unit(bound);
        }
        clx_store8_aligned(head.states, at, sum * (1.0f / unit), CLX_QKV);
        if (keeps_unit) head.units[j * STATE_SLICES + slice] = unit;
    }
}

static inline void scan_n(const chunk_states head, const __global float *M, const __global int *start,
                          const int carried, const int chunk, const bool rowwise, const int d)
{
    float sum = 0.0f;
    UNROLL_BY_4 for (int j = 0; j < carried; j++) {
        __global float *n = head.n + (ulong)j * CLX_DHQK + d;
        if (!chunk_is_needed(M, start, chunk, j + 1, carried, rowwise)) continue;
        const float factor = chunk_carry(M, start, chunk, j);
        sum = (factor == 0.0f ? 0.0f : sum * factor) + *n;
        *n = sum;
    }
}

__kernel CLX_GROUP
void mlstm_chunks_scan(__global float *workspace, const ulong workspace_offset, const ulong heads, const int S,
                       const int chunk, const uint rowwise)
{
    const ulong group = get_global_id(0) / CLX_WG, head = group / HEAD_GROUPS;
    const int octet = (int)(group % HEAD_GROUPS) * CLX_WG + (int)get_local_id(0);
    __global float *ws = workspace + workspace_offset;
    const __global float *M = mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2;
    const __global int *start = mlstm_ws_start(ws, heads, S) + head * (ulong)S;
    const chunk_states own = chunk_states_of(ws, heads, S, chunk, head);
    const int carried = chunks_carried(S, chunk);
    if (octet < STATE_OCTETS)
        scan_state(own, M, start, carried, chunk, rowwise != 0, octet);
    else if (octet < STATE_OCTETS + CLX_DHQK)
        scan_n(own, M, start, carried, chunk, rowwise != 0, octet - STATE_OCTETS);
}
