/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast a warp's matrix products run on NVIDIA's GPUs from Ampere (sm_80) on where nothing but registers is needed:
 * what `clxlstm bench` holds the operators against. Products of f16 or bf16 are m16n8k16, those of tf32 m16n8k8 (see
 * tile/nv_mma_ptx.clh for who holds what).
 *
 *     A[r, k] = (r + k) % 3 - 1      B[k, c] = (k + 2c) % 5 - 2      D[i] = i + steps A B      i = 0 .. 7
 *
 * Small integers, so every sum is exact and the result can be foretold. `out` gets the sum of (e + 1) D[i][e] over an
 * item's four numbers e of each i.
 * Operations: 8 * 16 * 8 * CLX_DEPTH * 2 a step and warp. Traffic: none to speak of.
 *
 *   CLX_WG     items of a group, a multiple of 32
 *   CLX_QKV    CLX_F32 (as tf32), CLX_F16 or CLX_BF16 */
#include "dtype.clh"
#include "group.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 256
#endif
#ifndef CLX_QKV
#define CLX_QKV CLX_BF16
#endif
#include "tile/nv_mma_ptx.clh"

#define TILES 8

TILE_INLINE float a_at(const uint r, const uint k)
{
    return (float)((r + k) % 3) - 1.0f;
}

TILE_INLINE float b_at(const uint k, const uint c)
{
    return (float)((k + 2 * c) % 5) - 2.0f;
}

#if CLX_QKV == CLX_F32
#define CLX_DEPTH 8
TILE_INLINE void product(float *d, const uint *a, const uint *b)
{
    ptx_mma_tf32(d, a, b[0], b[1], 0);
}
#else
#define CLX_DEPTH 16
TILE_INLINE void product(float *d, const uint *a, const uint *b)
{
    ptx_mma_16(d, a, b[0], b[1], 0);
}
#endif

__kernel CLX_GROUP void ceiling_mma(__global float *out, uint steps)
{
    const uint lane = (uint)get_local_id(0) % 32, g = lane / 4, t = lane % 4;
    uint a[4], b[2];
    float d[TILES][4];
    UNROLL for (int i = 0; i < 4; i++) {
        const uint row = g + 8 * (i % 2);
#if CLX_QKV == CLX_F32
        a[i] = as_uint(a_at(row, t + 4 * (i / 2)));
        if (i < 2) b[i] = as_uint(b_at(t + 4 * i, g));
#else
        const uint k = 2 * t + 8 * (i / 2);
        a[i] = ptx_pack(a_at(row, k), a_at(row, k + 1), CLX_QKV);
        if (i < 2) b[i] = ptx_pack(b_at(2 * t + 8 * i, g), b_at(2 * t + 8 * i + 1, g), CLX_QKV);
#endif
    }
    UNROLL for (int i = 0; i < TILES; i++) {
        UNROLL for (int e = 0; e < 4; e++) d[i][e] = (float)i;
    }
    for (uint step = 0; step < steps; step++) {
        UNROLL for (int i = 0; i < TILES; i++) product(d[i], a, b);
    }
    float sum = 0.0f;
    UNROLL for (int i = 0; i < TILES; i++) {
        UNROLL for (int e = 0; e < 4; e++) sum += (float)(e + 1) * d[i][e];
    }
    out[get_global_id(0)] = sum;
}
