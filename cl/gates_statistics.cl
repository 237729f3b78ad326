/* SPDX-License-Identifier: Apache-2.0
 *
 * Largest, smallest and mean pre-activation of both gates, and the mean of each bias: eight numbers, in the order of
 * clx_gate_statistic.
 *
 *   gates_statistics       group g reduces elements g * share .. of both gates, items in strides of CLX_WG, then a tree
 *   gates_statistics_join  one group reduces what the groups have left, and adds the biases
 *
 * A call with one group needs no join: the group writes the result itself. The order of all sums is fixed by the sizes,
 * so results repeat bitwise. A NaN among the gates makes all three of its numbers NaN.
 *
 *   CLX_WG     items of a group: a power of two
 *   CLX_GATE   dtype of the gates
 *   CLX_PARAM  dtype of the biases */
#include "dtype.clh"
#include "group.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_GATE
#define CLX_GATE CLX_F32
#endif
#ifndef CLX_PARAM
#define CLX_PARAM CLX_F32
#endif

/* Of one gate. */
typedef struct summary {
    float largest;
    float smallest;
    float sum;
} summary;

static inline summary summary_join(const summary a, const summary b)
{
    summary joined;
    joined.largest = a.largest > b.largest || isnan(a.largest) ? a.largest : b.largest;
    joined.smallest = a.smallest < b.smallest || isnan(a.smallest) ? a.smallest : b.smallest;
    joined.sum = a.sum + b.sum;
    return joined;
}

static inline summary summary_of(const float x)
{
    summary one = {x, x, x};
    return one;
}

static inline summary summary_empty(void)
{
    summary none = {-INFINITY, INFINITY, 0.0f};
    return none;
}

/* Over the group; the result is the first item's. Every item must come here. */
static inline summary group_join(const summary own, const uint item, __local summary *parts)
{
    parts[item] = own;
    barrier(CLK_LOCAL_MEM_FENCE); /* all parts are there */
    for (uint half_size = CLX_WG / 2; half_size > 0; half_size >>= 1) {
        if (item < half_size) parts[item] = summary_join(parts[item], parts[item + half_size]);
        barrier(CLK_LOCAL_MEM_FENCE); /* this level is complete */
    }
    const summary whole = parts[0];
    barrier(CLK_LOCAL_MEM_FENCE); /* everybody has read it before the next use */
    return whole;
}

static inline float bias_mean(const __global void *bias, const ulong offset, const long stride, const uint NH,
                              const uint item, __local summary *parts)
{
    summary own = summary_empty();
    for (uint n = item; n < NH; n += CLX_WG)
        own.sum += clx_load(bias, offset + (ulong)n * (ulong)stride, CLX_PARAM);
    return group_join(own, item, parts).sum / (float)NH;
}

static inline void write_result(__global float *out, const ulong offset, const long stride, const summary igate,
                                const summary fgate, const ulong count, const float igate_bias, const float fgate_bias)
{
    const float values[8] = {igate.largest,  igate.smallest, igate.sum / (float)count, fgate.largest,
                             fgate.smallest, fgate.sum / (float)count, igate_bias, fgate_bias};
    for (int i = 0; i < 8; i++)
        out[offset + (ulong)((long)i * stride)] = values[i];
}

__kernel CLX_GROUP
void gates_statistics(const __global void *gates, const ulong igate_at, const ulong fgate_at, const ulong count,
                      const ulong share, __global float *workspace, const ulong workspace_offset,
                      const __global void *igate_bias, const ulong igate_bias_offset, const long igate_bias_stride,
                      const __global void *fgate_bias, const ulong fgate_bias_offset, const long fgate_bias_stride,
                      const uint NH, __global float *out, const ulong out_offset, const long out_stride)
{
    __local summary parts[CLX_WG];
    const uint item = (uint)get_local_id(0);
    const ulong group = get_global_id(0) / CLX_WG;
    const ulong begin = group * share, end = min(begin + share, count);
    summary igate = summary_empty(), fgate = summary_empty();
    for (ulong e = begin + item; e < end; e += CLX_WG) {
        igate = summary_join(igate, summary_of(clx_load(gates, igate_at + e, CLX_GATE)));
        fgate = summary_join(fgate, summary_of(clx_load(gates, fgate_at + e, CLX_GATE)));
    }
    igate = group_join(igate, item, parts);
    fgate = group_join(fgate, item, parts);
    if (share >= count) { /* the only group: the same for all items */
        const float mean_i = bias_mean(igate_bias, igate_bias_offset, igate_bias_stride, NH, item, parts);
        const float mean_f = bias_mean(fgate_bias, fgate_bias_offset, fgate_bias_stride, NH, item, parts);
        if (item == 0) write_result(out, out_offset, out_stride, igate, fgate, count, mean_i, mean_f);
    } else if (item == 0) {
        __global float *mine = workspace + workspace_offset + group * 6;
        vstore3((float3)(igate.largest, igate.smallest, igate.sum), 0, mine);
        vstore3((float3)(fgate.largest, fgate.smallest, fgate.sum), 1, mine);
    }
}

__kernel CLX_GROUP
void gates_statistics_join(const __global float *workspace, const ulong workspace_offset, const uint groups,
                           const ulong count, const __global void *igate_bias, const ulong igate_bias_offset,
                           const long igate_bias_stride, const __global void *fgate_bias,
                           const ulong fgate_bias_offset, const long fgate_bias_stride, const uint NH,
                           __global float *out, const ulong out_offset, const long out_stride)
{
    __local summary parts[CLX_WG];
    const uint item = (uint)get_local_id(0);
    summary igate = summary_empty(), fgate = summary_empty();
    for (uint g = item; g < groups; g += CLX_WG) {
        const __global float *theirs = workspace + workspace_offset + (ulong)g * 6;
        const summary i = {theirs[0], theirs[1], theirs[2]}, f = {theirs[3], theirs[4], theirs[5]};
        igate = summary_join(igate, i);
        fgate = summary_join(fgate, f);
    }
    igate = group_join(igate, item, parts);
    fgate = group_join(fgate, item, parts);
    const float mean_i = bias_mean(igate_bias, igate_bias_offset, igate_bias_stride, NH, item, parts);
    const float mean_f = bias_mean(fgate_bias, fgate_bias_offset, fgate_bias_stride, NH, item, parts);
    if (item == 0) write_result(out, out_offset, out_stride, igate, fgate, count, mean_i, mean_f);
}
