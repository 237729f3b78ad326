/* SPDX-License-Identifier: Apache-2.0
 *
 * What mlstm_state.cl does, on a CPU: an item is a group, owns 4 rows of C (along DHQK) and 16 columns (along DHV) in
 * registers and walks the sequence. Traffic: the sequence's k and v once per block, from cache where its neighbours run.
 *
 *   CLX_WG    1
 *   and those of mlstm_state.cl but for its tiles */
#include "dtype.clh"
#include "group.clh"
#include "mlstm_workspace.clh"
#include "twofloat.clh"

#ifndef CLX_WG
#define CLX_WG 1
#endif
#ifndef CLX_DHQK
#define CLX_DHQK 64
#endif
#ifndef CLX_DHV
#define CLX_DHV 64
#endif
#ifndef CLX_IN
#define CLX_IN CLX_F32
#endif
#ifndef CLX_QKV
#define CLX_QKV CLX_IN
#endif
#ifndef CLX_STATE
#define CLX_STATE CLX_F32
#endif

#define ROWS 4
#define COLUMNS 16
#define ROW_BLOCKS ((CLX_DHQK + ROWS - 1) / ROWS)
#define COLUMN_BLOCKS ((CLX_DHV + COLUMNS - 1) / COLUMNS)

/* `count` (1 .. 4) elements from `at` on, zeros behind them, rounded to CLX_QKV. */
static inline float4 load_up_to_4(const __global void *p, const ulong at, const int count)
{
    float4 x = (float4)(0.0f);
    if (count >= 4) {
        x = clx_load4(p, at, CLX_IN);
    } else {
        if (count > 0) x.s0 = clx_load(p, at, CLX_IN);
        if (count > 1) x.s1 = clx_load(p, at + 1, CLX_IN);
        if (count > 2) x.s2 = clx_load(p, at + 2, CLX_IN);
    }
    return CLX_QKV == CLX_IN ? x : clx_round4(x, CLX_QKV);
}

static inline float16 load_up_to_16(const __global void *p, const ulong at, const int count)
{
    return (float16)(load_up_to_4(p, at, count), load_up_to_4(p, at + 4, count - 4),
                     load_up_to_4(p, at + 8, count - 8), load_up_to_4(p, at + 12, count - 12));
}

static inline void store_up_to_16(__global void *p, const ulong at, const float16 x, const int count)
{
    float part[COLUMNS];
    vstore16(x, 0, part);
    for (int c = 0; c < COLUMNS; c++)
        if (c < count) clx_store(p, at + (ulong)c, part[c], CLX_STATE);
}

/* Sums of an item's block of C and of its rows of n. */
typedef struct state_block {
    float16 C0, C1, C2, C3;
    float4 n;
} state_block;

static inline void add_column(state_block *x, const float4 k, const float16 v)
{
    x->C0 = fma((float16)(k.s0), v, x->C0);
    x->C1 = fma((float16)(k.s1), v, x->C1);
    x->C2 = fma((float16)(k.s2), v, x->C2);
    x->C3 = fma((float16)(k.s3), v, x->C3);
    x->n += k;
}

__kernel CLX_GROUP
void mlstm_state(const __global void *k, const ulong k_offset, const long k_b, const long k_h, const long k_s,
                 const __global void *v, const ulong v_offset, const long v_b, const long v_h, const long v_s,
                 __global void *C, const ulong C_offset, const long C_b, const long C_h, const long C_d,
                 __global void *n, const ulong n_offset, const long n_b, const long n_h, const long n_d,
                 __global void *m, const ulong m_offset, const long m_b, const long m_h, __global float *workspace,
                 const ulong workspace_offset, const ulong heads, const ulong NH, const int S, const int tile_columns,
                 const uint aligned)
{
    const ulong block = get_global_id(0);
    const ulong head = block / (ROW_BLOCKS * COLUMN_BLOCKS);
    const int d = (int)(block / COLUMN_BLOCKS % ROW_BLOCKS) * ROWS;
    const int c = (int)(block % COLUMN_BLOCKS) * COLUMNS;
    const ulong b = head / NH, h = head % NH;

    __global float *ws = workspace + workspace_offset;
    const __global float *g = mlstm_ws_g(ws, heads, S) + head * (ulong)S * 2;
    const float2 M = vload2((size_t)(S - 1), mlstm_ws_M(ws, heads, S) + head * (ulong)S * 2);
    const int begin = mlstm_ws_start(ws, heads, S)[head * (ulong)S + (ulong)(S - 1)];
    const __global float *maxima = mlstm_ws_maxima(ws, heads, S) +
                                   head * (ulong)((S + tile_columns - 1) / tile_columns);
    const ulong k0 = k_offset + (ulong)((long)b * k_b + (long)h * k_h + d);
    const ulong v0 = v_offset + (ulong)((long)b * v_b + (long)h * v_h + c);

    state_block sum = {(float16)(0.0f), (float16)(0.0f), (float16)(0.0f), (float16)(0.0f), (float4)(0.0f)};
    for (int s0 = begin / tile_columns * tile_columns; s0 < S && M.s0 != -INFINITY; s0 += tile_columns) {
        if (mlstm_tile_is_zero(maxima[s0 / tile_columns], M.s0)) continue;
        for (int s = max(s0, begin); s < min(S, s0 + tile_columns); s++) {
            const float2 weight = vload2((size_t)s, g);
            if (weight.s0 == -INFINITY) continue; /* an ignored token, whatever its k and v */
            const float w = exp(clx_two_difference(weight, M));
            add_column(&sum, w * load_up_to_4(k, k0 + (ulong)((long)s * k_s), CLX_DHQK - d),
                       load_up_to_16(v, v0 + (ulong)((long)s * v_s), CLX_DHV - c));
        }
    }

    const ulong C0 = C_offset + (ulong)((long)b * C_b + (long)h * C_h + (long)d * C_d + c);
    const int columns = min(COLUMNS, CLX_DHV - c);
    store_up_to_16(C, C0, sum.C0, columns);
    if (d + 1 < CLX_DHQK) store_up_to_16(C, C0 + (ulong)C_d, sum.C1, columns);
    if (d + 2 < CLX_DHQK) store_up_to_16(C, C0 + (ulong)(2 * C_d), sum.C2, columns);
    if (d + 3 < CLX_DHQK) store_up_to_16(C, C0 + (ulong)(3 * C_d), sum.C3, columns);
    if (c == 0) {
        const ulong n0 = n_offset + (ulong)((long)b * n_b + (long)h * n_h + (long)d * n_d);
        clx_store(n, n0, sum.n.s0, CLX_STATE);
        if (d + 1 < CLX_DHQK) clx_store(n, n0 + (ulong)n_d, sum.n.s1, CLX_STATE);
        if (d + 2 < CLX_DHQK) clx_store(n, n0 + (ulong)(2 * n_d), sum.n.s2, CLX_STATE);
        if (d + 3 < CLX_DHQK) clx_store(n, n0 + (ulong)(3 * n_d), sum.n.s3, CLX_STATE);
        if (d == 0)
            clx_store(m, m_offset + (ulong)((long)b * m_b + (long)h * m_h),
                      M.s0 == -INFINITY ? -INFINITY : mlstm_ws_m(ws, heads, S)[head * (ulong)S + (ulong)(S - 1)],
                      CLX_STATE);
    }
}
