/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast Hopper's warp groups multiply matrices out of local memory: what `clxlstm bench` holds the operators against.
 * Three warp groups share A (64 x 64) and B (64 x 256), in f16 or bf16; each adds A B to a D of its own at every step.
 *
 *     A[r, k] = (r + k) % 3 - 1      B[k, c] = (k + 2c) % 5 - 2      D = steps A B
 *
 * Small integers, so every sum is exact and the result can be foretold. `out` gets the sum of (e % 7 + 1) D[e] over an
 * item's 128 numbers e (see tile/nv_wgmma_ptx.clh for which those are).
 * Operations: 3 * 64 * 256 * 64 * 2 a step and group. Traffic: none to speak of.
 *
 *   CLX_WG     384
 *   CLX_QKV    CLX_F16 or CLX_BF16 */
#ifndef CLX_WG
#define CLX_WG 384
#endif
#ifndef CLX_QKV
#define CLX_QKV 3
#endif
#include "group.clh"
#include "unroll.clh"
#include "tile/nv_wgmma_ptx.clh"

#define DEPTH 64
#define ROW_BYTES 128 /* of DEPTH numbers */
#define A_ROWS 64
#define B_ROWS 256

/* Where number k of a row lies: pieces of 16 bytes, swizzled. */
TILE_INLINE uint swizzled(const uint row, const uint k)
{
    return row * ROW_BYTES + ((k / 8 ^ row) & 7u) * 16 + k % 8 * 2;
}

TILE_INLINE void store_number(__local uchar *to, const uint row, const uint k, const float x)
{
#if CLX_QKV == CLX_F16
    vstore_half(x, 0, (__local half *)(to + swizzled(row, k)));
#else
    *(__local ushort *)(to + swizzled(row, k)) = clx_to_bf16(x);
#endif
}

__kernel CLX_GROUP void ceiling_wgmma(__global float *out, uint steps)
{
    __local uchar operands[(A_ROWS + B_ROWS) * ROW_BYTES] __attribute__((aligned(1024)));
    const uint item = (uint)get_local_id(0);
    float d[128];
    for (uint i = item; i < A_ROWS * DEPTH; i += CLX_WG)
        store_number(operands, i / DEPTH, i % DEPTH, (float)((i / DEPTH + i % DEPTH) % 3) - 1.0f);
    for (uint i = item; i < B_ROWS * DEPTH; i += CLX_WG)
        store_number(operands + A_ROWS * ROW_BYTES, i / DEPTH, i % DEPTH, (float)((i % DEPTH + 2 * (i / DEPTH)) % 5) - 2.0f);
    UNROLL for (int e = 0; e < 128; e++) d[e] = 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE); /* A and B are there */
    ptx_fence_proxy();

    const uint a = ptx_local(operands), b = a + A_ROWS * ROW_BYTES;
    for (uint step = 0; step < steps; step++) {
        wgmma_fence();
        UNROLL for (int k = 0; k < DEPTH; k += 16)
            wgmma_local(128, d, wgmma_descriptor(a + (uint)k * 2, 1024, 16), wgmma_descriptor(b + (uint)k * 2, 1024, 16), 1);
        wgmma_commit();
        wgmma_wait(128, d, 0);
    }
    float sum = 0.0f;
    UNROLL for (int e = 0; e < 128; e++) sum += (float)(e % 7 + 1) * d[e];
    out[get_global_id(0)] = sum;
}
