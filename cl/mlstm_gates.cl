/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything about the gates that the mLSTM kernels need, in one pass over the sequence of each (batch, head).
 *
 * Between two hard resets (fgate = -inf) the exponent of a pair (row t, column s) is
 *
 *     logD[t,s] - m[t] = F[t] - F[s] + igate[s] - m[t] = g[s] - M[t]
 *
 * with g[s] = igate[s] - F[s] of the column and M[t] = m[t] - F[t] of the row, which in the causal form is the largest
 * g up to t. Both are sums in two floats: F grows with the sequence while the difference must keep its last digits. F
 * starts anew at 0 at each reset, and a pair counts only where both lie in one segment, so no inf - inf appears.
 *
 * Work-group: one (batch, head); item l takes CLX_RUN consecutive positions of each round of CLX_WG * CLX_RUN:
 *
 *     round 0: [ item 0 | item 1 | ... ]  round 1: [ item 0 | ... ]
 *
 * Traffic: reads 2, writes 6 words a position. Workspace, n = B * NH * S, see mlstm_workspace.clh.
 *
 *   CLX_WG    items of a group: a power of two (1 on CPUs)
 *   CLX_RUN   positions an item takes at once, 1..16
 *   CLX_GATE_IN, CLX_GATE   dtype of the gates in memory, dtype they are rounded to
 *   CLX_EXPLICIT   1: the rows' M comes later, from mlstm_mask.cl; this kernel leaves F in its place
 *   CLX_ROWWISE    1: one m per row; 0: one per (batch, head)
 *
 * `tile_columns`: columns of a tile of the forward kernel, for the largest g of each tile. */
#include "dtype.clh"
#include "group.clh"
#include "mlstm_workspace.clh"
#include "twofloat.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_RUN
#define CLX_RUN 4
#endif
#ifndef CLX_GATE_IN
#define CLX_GATE_IN CLX_F32
#endif
#ifndef CLX_GATE
#define CLX_GATE CLX_F32
#endif
#ifndef CLX_EXPLICIT
#define CLX_EXPLICIT 0
#endif
#ifndef CLX_ROWWISE
#define CLX_ROWWISE 1
#endif

/* A stretch of positions: its sum (or maximum) since the last reset inside it, and where that reset was (-1: none). */
typedef struct segment {
    float2 value;
    int begin;
} segment;

enum { SUM = 0, MAXIMUM = 1 };

static inline segment segment_make(const float2 value, const int begin)
{
    segment s;
    s.value = value;
    s.begin = begin;
    return s;
}

static inline segment segment_empty(const int kind)
{
    return segment_make((float2)(kind == SUM ? 0.0f : -INFINITY, 0.0f), -1);
}

static inline segment segment_join(const segment a, const segment b, const int kind)
{
    if (b.begin >= 0) return b;
    return segment_make(kind == SUM ? clx_two_add(a.value, b.value) : clx_two_max(a.value, b.value), a.begin);
}

/* Joins the stretches of all items in order. Returns the whole; *before gets what lies before this item. */
static inline segment segment_scan(segment own, const int kind, const uint item, __local float2 *values,
                                   __local int *begins, segment *before)
{
    values[item] = own.value;
    begins[item] = own.begin;
    barrier(CLK_LOCAL_MEM_FENCE); /* all stretches are there */
    for (uint step = 1; step < CLX_WG; step <<= 1) {
        if (item >= step) own = segment_join(segment_make(values[item - step], begins[item - step]), own, kind);
        barrier(CLK_LOCAL_MEM_FENCE); /* all have read the last step */
        values[item] = own.value;
        begins[item] = own.begin;
        barrier(CLK_LOCAL_MEM_FENCE); /* all have written this one */
    }
    *before = segment_empty(kind);
    if (item > 0) *before = segment_make(values[item - 1], begins[item - 1]);
    const segment whole = segment_make(values[CLX_WG - 1], begins[CLX_WG - 1]);
    barrier(CLK_LOCAL_MEM_FENCE); /* all have read before the next scan writes */
    return whole;
}

/* A forget gate below this leaves nothing that f32 could show, unless some igate is as large. */
#define FORGETS_ALL (-0x1p20f)

/* log(1 / (1 + exp(-x))), right at both ends; -inf for a hard reset. A gate below FORGETS_ALL would cost the sums the
 * digits of all that comes after it. In the causal form it is a reset; a mask may show what follows it to the rows before
 * it, in whose weights FORGETS_ALL does what the gate itself would. */
static inline float log_sigmoid(const float x)
{
    const float y = fmin(x, 0.0f) - log1p(exp(-fabs(x)));
    if (!(y < FORGETS_ALL)) return y;
    return CLX_EXPLICIT && x != -INFINITY ? FORGETS_ALL : -INFINITY;
}

/* igate - F in two floats. */
static inline float2 column_weight(const float igate, const float2 F)
{
    if (igate == -INFINITY) return (float2)(-INFINITY, 0.0f);
    return clx_two_add((float2)(igate, 0.0f), -F);
}

/* Items that share a tile of columns: each alone would wait for one load after another. */
#define SHARE (CLX_WG >= 64 ? 8 : 1)

/* Fills one head's tile maxima. */
static inline void tile_maxima(const __global float *g, __global float *maxima, __local float *parts, const uint item,
                               const int S, const int tile_columns)
{
    const int tiles = (S + tile_columns - 1) / tile_columns, part = (int)item % SHARE;
    for (int tile0 = 0; tile0 < tiles; tile0 += CLX_WG / SHARE) {
        const int tile = tile0 + (int)item / SHARE;
        const int end = min(S, (tile + 1) * tile_columns);
        float largest = -INFINITY;
        UNROLL_BY_4 for (int s = tile * tile_columns + part; s < end; s += SHARE) {
            const float weight = g[2 * (size_t)s];
            largest = isnan(weight) ? INFINITY : fmax(largest, weight);
        }
        parts[item] = largest;
        barrier(CLK_LOCAL_MEM_FENCE); /* all parts are there */
        for (int i = 1; part == 0 && i < SHARE; i++)
            largest = fmax(largest, parts[item + (uint)i]);
        if (part == 0 && tile < tiles) maxima[tile] = largest;
        barrier(CLK_LOCAL_MEM_FENCE); /* all have been read */
    }
}

#if CLX_ROWWISE == 0 && CLX_EXPLICIT == 0
/* One stabiliser for the head: turns the rows' F into M = m - F. */
static inline void spread_global(float2 best, const uint item, __local float2 *values, __local int *begins,
                                 __global float *M, __global float *m, const int S)
{
    segment unused;
    best = segment_scan(segment_make(best, -1), MAXIMUM, item, values, begins, &unused).value;
    for (int t = (int)item; t < S; t += CLX_WG) {
        const float2 F = vload2((size_t)t, M);
        vstore2(mlstm_global_M(best, F), (size_t)t, M);
        m[t] = best.s0;
    }
}
#endif

__kernel CLX_GROUP
void mlstm_gates(const __global void *igate, const ulong igate_offset, const long igate_b, const long igate_h,
                 const long igate_s, const __global void *fgate, const ulong fgate_offset, const long fgate_b,
                 const long fgate_h, const long fgate_s, __global float *workspace, const ulong workspace_offset,
                 const ulong heads, const ulong NH, const int S, const int tile_columns)
{
    __local float2 values[CLX_WG];
    __local int begins[CLX_WG];
    const uint item = (uint)get_local_id(0);
    const ulong head = get_global_id(0) / CLX_WG;
    const ulong b = head / NH, n = head % NH;
    const ulong i0 = igate_offset + (ulong)((long)b * igate_b + (long)n * igate_h);
    const ulong f0 = fgate_offset + (ulong)((long)b * fgate_b + (long)n * fgate_h);
    __global float *ws = workspace + workspace_offset;
    __global float *g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    __global float *M = mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2;
    __global int *start = mlstm_ws_start(ws, heads, S) + head * (ulong)S;
    segment sum = segment_empty(SUM), before;
#if CLX_EXPLICIT == 0
    __global float *m = mlstm_ws_m(ws, heads, S) + head * (ulong)S;
    segment maximum = segment_empty(MAXIMUM);
#endif
#if CLX_ROWWISE == 0 && CLX_EXPLICIT == 0
    float2 best = (float2)(-INFINITY, 0.0f);
#endif

    for (int round = 0; round < S; round += CLX_WG * CLX_RUN) {
        const int t0 = round + (int)item * CLX_RUN;
        float lf[CLX_RUN];
        float2 F[CLX_RUN], weight[CLX_RUN];

        segment own = segment_empty(SUM);
        UNROLL for (int r = 0; r < CLX_RUN; r++) {
            if (t0 + r >= S) continue;
            const float f = clx_load(fgate, f0 + (ulong)((long)(t0 + r) * fgate_s), CLX_GATE_IN);
            const float rounded = clx_round(f, CLX_GATE);
            lf[r] = log_sigmoid(rounded);
            const segment one = lf[r] == -INFINITY ? segment_make((float2)(0.0f), t0 + r)
                                                   : segment_make((float2)(lf[r], 0.0f), -1);
            own = segment_join(own, one, SUM);
        }
        segment whole = segment_scan(own, SUM, item, values, begins, &before);
        segment prefix = segment_join(sum, before, SUM);
        sum = segment_join(sum, whole, SUM);

        own = segment_empty(MAXIMUM);
        UNROLL for (int r = 0; r < CLX_RUN; r++) {
            if (t0 + r >= S) continue;
            const bool reset = lf[r] == -INFINITY;
            prefix = segment_join(prefix, reset ? segment_make((float2)(0.0f), t0 + r)
                                                : segment_make((float2)(lf[r], 0.0f), -1), SUM);
            const float i = clx_load(igate, i0 + (ulong)((long)(t0 + r) * igate_s), CLX_GATE_IN);
            F[r] = prefix.value;
            weight[r] = column_weight(clx_round(i, CLX_GATE), F[r]);
            own = segment_join(own, segment_make(clx_two_candidate(weight[r]), reset ? t0 + r : -1), MAXIMUM);
            vstore2(weight[r], (size_t)(t0 + r), g);
            start[t0 + r] = max(prefix.begin, 0);
        }
#if CLX_EXPLICIT
        UNROLL for (int r = 0; r < CLX_RUN; r++)
            if (t0 + r < S) vstore2(F[r], (size_t)(t0 + r), M);
#else
        whole = segment_scan(own, MAXIMUM, item, values, begins, &before);
        prefix = segment_join(maximum, before, MAXIMUM);
        maximum = segment_join(maximum, whole, MAXIMUM);
        UNROLL for (int r = 0; r < CLX_RUN; r++) {
            if (t0 + r >= S) continue;
            const int begin = lf[r] == -INFINITY ? t0 + r : -1;
            prefix = segment_join(prefix, segment_make(clx_two_candidate(weight[r]), begin), MAXIMUM);
#if CLX_ROWWISE
            vstore2(prefix.value, (size_t)(t0 + r), M);
            m[t0 + r] = prefix.value.s0 == -INFINITY ? -INFINITY : clx_two_add(F[r], prefix.value).s0;
#else
            vstore2(F[r], (size_t)(t0 + r), M);
            if (prefix.value.s0 > -INFINITY) best = clx_two_max(best, clx_two_add(F[r], prefix.value));
#endif
        }
#endif
    }
    barrier(CLK_GLOBAL_MEM_FENCE); /* the whole sequence of this head is written; what follows reads it across items */
#if CLX_ROWWISE == 0 && CLX_EXPLICIT == 0
    spread_global(best, item, values, begins, M, m, S);
#endif
    tile_maxima(g, mlstm_ws_maxima(ws, heads, S) + head * (ulong)((S + tile_columns - 1) / tile_columns),
                (__local float *)values, item, S, tile_columns);
}
