/* SPDX-License-Identifier: Apache-2.0
 *
 * Which kernels an attention operator uses: family, tile parameters, compile options. Pure decisions, nothing is
 * built. */
#ifndef CLXI_OPS_ATTENTION_PLAN_H
#define CLXI_OPS_ATTENTION_PLAN_H

#include "base/text.h"
#include "ops/tile_params.h"
#include <clxlstm/attention.h>

/* The operator's descriptor with every default resolved. */
typedef struct clxi_attention_problem {
    uint64_t DHQK;
    uint64_t DHV;
    clx_dtype input_dtype;
    clx_dtype qkv_dtype;
    clx_dtype out_dtype;
    clx_attention_activation activation;
    bool silu;
    bool rotary;
    bool stage_q; /* q passes through the workspace: to be prepared, or to share a dtype with k there */
    bool stage_k;
    bool prepare_q;
    bool prepare_k;
    bool explicit_mask;
    bool causal;
    double theta;
    uint64_t window;
    uint64_t bias_length;
} clxi_attention_problem;

typedef struct clxi_attention_plan {
    clxi_tile_params tile;
    uint32_t prepare_items; /* of a group of attention_prepare.cl */
    bool unroll;
    bool tuned;                 /* the tile comes from tuning */
    bool once;                  /* the operator serves a trial only */
    const char *forward_source; /* in cl/ */
} clxi_attention_plan;

/* What the tiles must fit. */
clxi_tile_problem clxi_attention_plan_tiles(const clxi_attention_problem *problem);

/* Candidates for a device, best first, and before them what tuning has found, if not NULL; returns how many. */
size_t clxi_attention_plan_candidates(const clxi_tile_limits *limits, const clxi_attention_problem *problem,
                                      const clxi_tile_params *tuned,
                                      clxi_attention_plan plans[CLXI_TILE_CANDIDATES_MAX]);

/* Elements that an item of attention_prepare.cl takes. */
uint32_t clxi_attention_chunk(const clxi_attention_problem *problem);

/* Compile options of attention_prepare.cl, whose result is stored in `to`, and of the forward kernel. */
void clxi_attention_prepare_options(const clxi_attention_plan *plan, const clxi_attention_problem *problem,
                                    clx_dtype to, clxi_text *out);
void clxi_attention_forward_options(const clxi_attention_plan *plan, const clxi_attention_problem *problem,
                                    clxi_text *out);

/* "simt_attention_bf16_64x64", and "_tuned" behind it where tuning has found it. */
void clxi_attention_plan_name(const clxi_attention_plan *plan, const clxi_attention_problem *problem, clxi_text *out);

#endif
