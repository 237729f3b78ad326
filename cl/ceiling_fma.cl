/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast a device multiplies and adds floats where nothing but registers is needed: what `clxlstm bench` holds the
 * operators against. Twelve chains hide the time that one operation takes.
 *
 *   x[i] = a x[i] + b,   `steps` times (a multiple of 8), from the floats of `start` and what the item adds to them
 *
 * With a = b = 1, which no compiler knows, that counts the steps, so the result can be foretold: `out` gets the sum of all x.
 *
 * Operations: 2 * 12 * CLX_WIDTH a step and item. Traffic: none to speak of.
 *
 *   CLX_WG      items of a group
 *   CLX_WIDTH   floats of a vector: 1 on GPUs, 4, 8 or 16 on CPUs
 *   CLX_UNROLL  see unroll.clh */
#include "group.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_WIDTH
#define CLX_WIDTH 1
#endif

#if CLX_WIDTH == 1
typedef float lanes;
#define LOAD(i) (start[i] + own)
#define SUM(x) (x)
#elif CLX_WIDTH == 4
typedef float4 lanes;
#define LOAD(i) (vload4(i, start) + own)
#define SUM(x) dot(x, (float4)(1.0f))
#elif CLX_WIDTH == 8
typedef float8 lanes;
#define LOAD(i) (vload8(i, start) + own)
#define SUM(x) dot((x).lo + (x).hi, (float4)(1.0f))
#elif CLX_WIDTH == 16
typedef float16 lanes;
#define LOAD(i) (vload16(i, start) + own)
#define SUM(x) dot((x).lo.lo + (x).lo.hi + (x).hi.lo + (x).hi.hi, (float4)(1.0f))
#else
#error "ceiling_fma: CLX_WIDTH"
#endif

__kernel CLX_GROUP void ceiling_fma(const __global float *start, __global float *out, float a, float b, uint steps)
{
    const lanes va = (lanes)(a), vb = (lanes)(b);
    const float own = (float)(get_local_id(0) % 4); /* else a GPU could leave it all to its one scalar unit */
    /* names, not an array: CPUs would keep that in memory */
    lanes x0 = LOAD(0), x1 = LOAD(1), x2 = LOAD(2), x3 = LOAD(3), x4 = LOAD(4), x5 = LOAD(5);
    lanes x6 = LOAD(6), x7 = LOAD(7), x8 = LOAD(8), x9 = LOAD(9), x10 = LOAD(10), x11 = LOAD(11);
    for (uint step = 0; step < steps; step += 8) {
        UNROLL for (int i = 0; i < 8; i++) {
            x0 = fma(x0, va, vb);
            x1 = fma(x1, va, vb);
            x2 = fma(x2, va, vb);
            x3 = fma(x3, va, vb);
            x4 = fma(x4, va, vb);
            x5 = fma(x5, va, vb);
            x6 = fma(x6, va, vb);
            x7 = fma(x7, va, vb);
            x8 = fma(x8, va, vb);
            x9 = fma(x9, va, vb);
            x10 = fma(x10, va, vb);
            x11 = fma(x11, va, vb);
        }
    }
    const lanes sum = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (x10 + x11));
    out[get_global_id(0)] = SUM(sum);
}
