/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate pre-activations of the mLSTM cell: both projections in one pass over the input.
 *
 *     gate[b, n, s] = cap(sum_d x[b, s, d] kernel[d, n] + bias[n])      cap(y) = c tanh(y / c)
 *     fgate         = reset value where document_borders[b, s]
 *
 * x is several tensors side by side, which are walked one after another: nothing is concatenated. Headwise, head n sees
 * the features n * slice .. of each tensor only, and its kernel row. A group owns CLX_TOKENS tokens and CLX_HEADS heads;
 * how its items share out the sums say gates_rows.clh and gates_tiles.clh. All sums are f32, rounded once to the gates'
 * dtype.
 *
 *   CLX_WG        items of a group: a power of two (1 on CPUs)
 *   CLX_TOKENS    tokens of a group
 *   CLX_HEADS     heads of a group: 1, 2, 4 or 8; 1 where CLX_HEADWISE
 *   CLX_HEADWISE  1: kernels are (NH, 1, features per head), else (features, NH)
 *   CLX_SOURCES   tensors that x consists of, 1 to 8
 *   CLX_TILE      features of a tile in local memory (gates_tiles.clh); 0: no tiles (gates_rows.clh)
 *   CLX_BLOCK     gates_rows.clh
 *   CLX_IN, CLX_PARAM, CLX_GATE   dtypes of x, of kernels and biases, and of the gates */
#include "dtype.clh"
#include "group.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_TOKENS
#define CLX_TOKENS 4
#endif
#ifndef CLX_HEADS
#define CLX_HEADS 4
#endif
#ifndef CLX_HEADWISE
#define CLX_HEADWISE 0
#endif
#ifndef CLX_SOURCES
#define CLX_SOURCES 3
#endif
#ifndef CLX_TILE
#define CLX_TILE 0
#endif
#ifndef CLX_BLOCK
#define CLX_BLOCK 0
#endif
#ifndef CLX_IN
#define CLX_IN CLX_F32
#endif
#ifndef CLX_PARAM
#define CLX_PARAM CLX_F32
#endif
#ifndef CLX_GATE
#define CLX_GATE CLX_F32
#endif
#if CLX_HEADWISE && CLX_HEADS != 1
#error "a head's features are its own: headwise groups own one head"
#endif

#include "gates_sums.clh"
#if CLX_TILE
#include "gates_tiles.clh"
#else
#include "gates_rows.clh"
#endif

static inline float soft_cap(const float y, const float c)
{
    return c > 0.0f ? c * tanh(y / c) : y;
}

#define SOURCE(n)                                                                                                      \
    const __global void *x##n, const ulong x##n##_offset, const long x##n##_b, const long x##n##_s,                   \
        const uint x##n##_features
#define KEEP_SOURCE(n)                                                                                                 \
    if (n < CLX_SOURCES)                                                                                               \
    x[n] = (source){x##n, x##n##_offset + n0 * (CLX_HEADWISE ? x##n##_features : 0), x##n##_b, x##n##_s,               \
                    x##n##_features, aligned}

/* `x*_features` are those that a head sees: headwise its slice. kernel_stride: to the next feature, headwise to the next
 * head. The gates are dense (B, NH, S); igate_at and fgate_at count their elements. */
__kernel CLX_GROUP
void gates_projection(SOURCE(0), SOURCE(1), SOURCE(2), SOURCE(3), SOURCE(4), SOURCE(5), SOURCE(6), SOURCE(7),
                      const __global void *igate_kernel, const ulong igate_kernel_offset,
                      const long igate_kernel_stride, const __global void *igate_bias, const ulong igate_bias_offset,
                      const long igate_bias_stride, const __global void *fgate_kernel, const ulong fgate_kernel_offset,
                      const long fgate_kernel_stride, const __global void *fgate_bias, const ulong fgate_bias_offset,
                      const long fgate_bias_stride, const __global uchar *borders, const ulong borders_offset,
                      const long borders_b, const long borders_s, __global void *gates, const ulong igate_at,
                      const ulong fgate_at, const ulong tokens, const uint S, const uint NH, const uint aligned,
                      const uint with_borders, const float cap, const float reset_value)
{
    __local float pool[CLX_POOL] __attribute__((aligned(32)));
    const uint item = (uint)get_local_id(0);
    const ulong group = get_global_id(0) / CLX_WG;
    const uint head_groups = (NH + CLX_HEADS - 1) / CLX_HEADS;
    const uint first_head = (uint)(group % head_groups) * CLX_HEADS;
    const ulong n0 = min(first_head, NH - CLX_HEADS); /* the last group may overlap the one before */
    const ulong first_token = group / head_groups * CLX_TOKENS;
    const weights wi = {igate_kernel, igate_kernel_offset + n0 * (CLX_HEADWISE ? (ulong)igate_kernel_stride : 1),
                        CLX_HEADWISE ? 1 : (ulong)igate_kernel_stride};
    const weights wf = {fgate_kernel, fgate_kernel_offset + n0 * (CLX_HEADWISE ? (ulong)fgate_kernel_stride : 1),
                        CLX_HEADWISE ? 1 : (ulong)fgate_kernel_stride};
    source x[8]; /* CLX_SOURCES of them */
    places place;
    sums sum;

    UNROLL for (int j = 0; j < CLX_READS; j++) {
        /* the last group computes some tokens along */
        const ulong token = min(first_token + token_read(item, j), tokens - 1);
        place.b[j] = (long)(token / S);
        place.s[j] = (long)(token % S);
    }
    KEEP_SOURCE(0);
    KEEP_SOURCE(1);
    KEEP_SOURCE(2);
    KEEP_SOURCE(3);
    KEEP_SOURCE(4);
    KEEP_SOURCE(5);
    KEEP_SOURCE(6);
    KEEP_SOURCE(7);
    clear(&sum);
    add_sources(&sum, x, place, wi, wf, item, pool);

    for (int gate = 0; gate < 2; gate++) {
        join(gate == 0 ? sum.i : sum.f, item, pool);
        for (uint e = item; e < CLX_TOKENS * CLX_HEADS; e += CLX_WG) {
            const uint t = e % CLX_TOKENS, h = e / CLX_TOKENS;
            const ulong token = first_token + t, n = n0 + h;
            if (token >= tokens || n < first_head) continue;
            const ulong b = token / S, s = token % S;
            const float bias = gate == 0 ? clx_load(igate_bias, igate_bias_offset + n * (ulong)igate_bias_stride, CLX_PARAM)
                                         : clx_load(fgate_bias, fgate_bias_offset + n * (ulong)fgate_bias_stride, CLX_PARAM);
            float y = soft_cap(joined(pool, t, h) + bias, cap);
            if (gate == 1 && with_borders && borders[borders_offset + (ulong)((long)b * borders_b + (long)s * borders_s)])
                y = reset_value;
            clx_store(gates, (gate == 0 ? igate_at : fgate_at) + (b * NH + n) * S + s, y, CLX_GATE);
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the sums are read before the next gate's come */
    }
}
