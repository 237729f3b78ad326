/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate pre-activations of the mLSTM cell: both projections in one pass over the input.
 *
 *     gate[b, n, s] = cap(sum_d x[b, s, d] kernel[d, n] + bias[n])      cap(y) = c tanh(y / c)
 *     fgate         = reset value where document_borders[b, s]
 *
 * x is several tensors side by side, which are walked one after another: nothing is concatenated. Headwise, head n sees
 * the features n * slice .. of each tensor only, and its kernel row.
 *
 * A group owns CLX_TOKENS tokens and CLX_HEADS heads; its items share the features and meet in local memory at the end:
 *
 *                  source 0                        source 1
 *     token 0   [ item 0 | item 1 | .. | item 0 ..] [ ..         4 features an item at a time
 *     token 1   [                                 ] [
 *
 * Traffic of a group: CLX_TOKENS x F inputs and F x 2 CLX_HEADS weights (from cache, but for the first groups); 4 flops
 * for a token, feature and head. All sums are f32, rounded once to the gates' dtype.
 *
 *   CLX_WG        items of a group: a power of two (1 on CPUs)
 *   CLX_TOKENS    tokens of a group
 *   CLX_HEADS     heads of a group: 1, 2, 4 or 8; 1 where CLX_HEADWISE
 *   CLX_HEADWISE  1: kernels are (NH, 1, features per head), else (features, NH)
 *   CLX_SOURCES   tensors that x consists of, 1 to 8
 *   CLX_BLOCK     features summed up on their own, a multiple of 4; 0: all (where the items already split the sum)
 *   CLX_IN, CLX_PARAM, CLX_GATE   dtypes of x, of kernels and biases, and of the gates */
#include "dtype8.clh"
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

/* A number for each head of the group. */
#if CLX_HEADS == 8
typedef float8 heads;
#elif CLX_HEADS == 4
typedef float4 heads;
#elif CLX_HEADS == 2
typedef float2 heads;
#elif CLX_HEADS == 1
typedef float heads;
#else
#error "CLX_HEADS must be 1, 2, 4 or 8"
#endif

static inline heads load_heads(const __global void *p, const ulong i)
{
#if CLX_HEADS == 8
    return clx_load8(p, i, CLX_PARAM);
#elif CLX_HEADS == 4
    return clx_load4(p, i, CLX_PARAM);
#elif CLX_HEADS == 2
    return (float2)(clx_load(p, i, CLX_PARAM), clx_load(p, i + 1, CLX_PARAM));
#else
    return clx_load(p, i, CLX_PARAM);
#endif
}

/* The sums of the group's tokens. */
typedef struct sums {
    heads i[CLX_TOKENS];
    heads f[CLX_TOKENS];
} sums;

/* A gate's kernel from the group's first head on: `at` of feature 0, `step` to the next feature. */
typedef struct weights {
    const __global void *p;
    ulong at;
    ulong step;
} weights;

/* Where the group's tokens are: batch and position. */
typedef struct places {
    long b[CLX_TOKENS];
    long s[CLX_TOKENS];
} places;

static inline void add_feature(sums *sum, const float x[CLX_TOKENS], const weights wi, const weights wf,
                               const ulong feature)
{
    const heads i = load_heads(wi.p, wi.at + feature * wi.step);
    const heads f = load_heads(wf.p, wf.at + feature * wf.step);
    UNROLL for (int t = 0; t < CLX_TOKENS; t++) {
        sum->i[t] += x[t] * i;
        sum->f[t] += x[t] * f;
    }
}

/* Features begin .. end - 1 of a source, shared out over the items; `row` is the source's first in the kernels. */
static inline void add_range(sums *sum, const __global void *x, const ulong at[CLX_TOKENS], const uint begin,
                             const uint end, const bool aligned, const weights wi, const weights wf, const ulong row,
                             const uint item)
{
    const uint whole = begin + (end - begin) / 4 * 4;
    for (uint d = begin + 4 * item; d < whole; d += 4 * CLX_WG) {
        float4 chunk[CLX_TOKENS];
        float feature[4][CLX_TOKENS];
        UNROLL for (int t = 0; t < CLX_TOKENS; t++) {
            chunk[t] = aligned ? clx_load4_aligned(x, at[t] + d, CLX_IN) : clx_load4(x, at[t] + d, CLX_IN);
            feature[0][t] = chunk[t].s0;
            feature[1][t] = chunk[t].s1;
            feature[2][t] = chunk[t].s2;
            feature[3][t] = chunk[t].s3;
        }
        UNROLL for (int j = 0; j < 4; j++) add_feature(sum, feature[j], wi, wf, row + d + (ulong)j);
    }
    for (uint d = whole + item; d < end; d += CLX_WG) {
        float feature[CLX_TOKENS];
        UNROLL for (int t = 0; t < CLX_TOKENS; t++) feature[t] = clx_load(x, at[t] + d, CLX_IN);
        add_feature(sum, feature, wi, wf, row + d);
    }
}

static inline void clear(sums *sum)
{
    UNROLL for (int t = 0; t < CLX_TOKENS; t++) {
        sum->i[t] = (heads)0.0f;
        sum->f[t] = (heads)0.0f;
    }
}

/* One source; returns the next one's first row. */
static inline ulong add_source(sums *sum, const __global void *x, const ulong offset, const long stride_b,
                               const long stride_s, const uint features, const places place, const bool aligned,
                               const weights wi, const weights wf, const ulong row, const uint item)
{
    ulong at[CLX_TOKENS];
    UNROLL for (int t = 0; t < CLX_TOKENS; t++) {
        at[t] = offset + (ulong)(place.b[t] * stride_b + place.s[t] * stride_s);
    }
    if (CLX_BLOCK == 0) {
        add_range(sum, x, at, 0, features, aligned, wi, wf, row, item);
        return row + features;
    }
    for (uint begin = 0; begin < features; begin += max(CLX_BLOCK, 1)) {
        const uint end = min(begin + CLX_BLOCK, features);
        sums part;
        clear(&part);
        add_range(&part, x, at, begin, end, aligned, wi, wf, row, item);
        for (int t = 0; t < CLX_TOKENS; t++) {
            sum->i[t] += part.i[t];
            sum->f[t] += part.f[t];
        }
    }
    return row + features;
}

/* The items' sums of each token, in parts[t][0]. */
static inline void join(const heads own[CLX_TOKENS], const uint item, __local heads parts[CLX_TOKENS][CLX_WG])
{
    UNROLL for (int t = 0; t < CLX_TOKENS; t++) parts[t][item] = own[t];
    barrier(CLK_LOCAL_MEM_FENCE); /* all parts are there */
    for (uint half_size = CLX_WG / 2; half_size > 0; half_size >>= 1) {
        if (item < half_size)
            UNROLL for (int t = 0; t < CLX_TOKENS; t++) parts[t][item] += parts[t][item + half_size];
        barrier(CLK_LOCAL_MEM_FENCE); /* this level is complete */
    }
}

static inline float soft_cap(const float y, const float c)
{
    return c > 0.0f ? c * tanh(y / c) : y;
}

#define SOURCE(n)                                                                                                      \
    const __global void *x##n, const ulong x##n##_offset, const long x##n##_b, const long x##n##_s,                   \
        const uint x##n##_features
#define ADD_SOURCE(n)                                                                                                  \
    if (CLX_SOURCES > n)                                                                                               \
    row = add_source(&sum, x##n, x##n##_offset + n0 * (CLX_HEADWISE ? x##n##_features : 0), x##n##_b, x##n##_s,        \
                     x##n##_features, place, aligned != 0, wi, wf, row, item)

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
    __local heads parts[CLX_TOKENS][CLX_WG];
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
    places place;
    sums sum;
    ulong row = 0;

    UNROLL for (int t = 0; t < CLX_TOKENS; t++) {
        const ulong token = min(first_token + (ulong)t, tokens - 1); /* the last group computes some along */
        place.b[t] = (long)(token / S);
        place.s[t] = (long)(token % S);
    }
    clear(&sum);
    ADD_SOURCE(0);
    ADD_SOURCE(1);
    ADD_SOURCE(2);
    ADD_SOURCE(3);
    ADD_SOURCE(4);
    ADD_SOURCE(5);
    ADD_SOURCE(6);
    ADD_SOURCE(7);

    for (int gate = 0; gate < 2; gate++) {
        join(gate == 0 ? sum.i : sum.f, item, parts);
        for (uint e = item; e < CLX_TOKENS * CLX_HEADS; e += CLX_WG) {
            const uint t = e / CLX_HEADS, h = e % CLX_HEADS;
            const ulong token = first_token + t, n = n0 + h;
            if (token >= tokens || n < first_head) continue;
            const ulong b = token / S, s = token % S;
            const float bias = gate == 0 ? clx_load(igate_bias, igate_bias_offset + n * (ulong)igate_bias_stride, CLX_PARAM)
                                         : clx_load(fgate_bias, fgate_bias_offset + n * (ulong)fgate_bias_stride, CLX_PARAM);
            float y = soft_cap(((__local const float *)&parts[t][0])[h] + bias, cap);
            if (gate == 1 && with_borders && borders[borders_offset + (ulong)((long)b * borders_b + (long)s * borders_s)])
                y = reset_value;
            clx_store(gates, (gate == 0 ? igate_at : fgate_at) + (b * NH + n) * S + s, y, CLX_GATE);
        }
        barrier(CLK_LOCAL_MEM_FENCE); /* the sums are read before the next gate's come */
    }
}
