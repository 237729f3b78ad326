/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of the attention operator; see the header. */
#include "ops/attention_plan.h"
#include "base/arith.h"

static const char *const forward_sources[CLXI_BODY_COUNT] = {"attention_forward.cl", "attention_forward_cpu.cl",
                                                             "attention_forward_wgmma.cl"};

clxi_tile_problem clxi_attention_plan_tiles(const clxi_attention_problem *problem)
{
    return (clxi_tile_problem){problem->DHQK, problem->DHV, problem->qkv_dtype, problem->explicit_mask};
}

size_t clxi_attention_plan_candidates(const clxi_tile_limits *limits, const clxi_attention_problem *problem,
                                      const clxi_tile_params *tuned,
                                      clxi_attention_plan plans[CLXI_TILE_CANDIDATES_MAX])
{
    clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX];
    const clxi_tile_problem of_tiles = clxi_attention_plan_tiles(problem);
    const size_t first = tuned != NULL ? 1 : 0;
    if (tuned != NULL) tiles[0] = *tuned;
    const size_t count =
        first + clxi_tile_candidates(limits, &of_tiles, tiles + first, CLXI_TILE_CANDIDATES_MAX - first);
    for (size_t i = 0; i < count; i++) {
        plans[i].tile = tiles[i];
        plans[i].tuned = i < first;
        plans[i].unroll = !limits->is_cpu;
        /* what fits the smallest tiles fits here: drivers that allow small groups only say so of every kernel */
        plans[i].prepare_items =
            tiles[i].items > 1 ? tiles[i].fit_items : (uint32_t)clxi_min_u64(64, limits->max_work_group);
        plans[i].once = false;
        plans[i].forward_source = forward_sources[clxi_family_body(tiles[i].family)];
    }
    return count;
}

uint32_t clxi_attention_chunk(const clxi_attention_problem *problem)
{
    return problem->DHQK % 4 == 0 ? 4 : problem->DHQK % 2 == 0 ? 2 : 1;
}

void clxi_attention_prepare_options(const clxi_attention_plan *plan, const clxi_attention_problem *problem,
                                    clx_dtype to, clxi_text *out)
{
    clxi_text_printf(out,
                     " -D CLX_WG=%u -D CLX_DHQK=%llu -D CLX_CHUNK=%u -D CLX_SILU=%d -D CLX_ROTARY=%d -D CLX_IN=%d"
                     " -D CLX_QKV=%d -D CLX_TO=%d",
                     plan->prepare_items, (unsigned long long)problem->DHQK, clxi_attention_chunk(problem),
                     problem->silu, problem->rotary, (int)problem->input_dtype, (int)problem->qkv_dtype, (int)to);
}

void clxi_attention_forward_options(const clxi_attention_plan *plan, const clxi_attention_problem *problem,
                                    clxi_text *out)
{
    const bool staged = problem->stage_q || problem->stage_k;
    clxi_tile_options(&plan->tile, out);
    clxi_text_printf(out,
                     " -D CLX_DHQK=%llu -D CLX_DHV=%llu -D CLX_IN=%d -D CLX_V=%d -D CLX_QKV=%d -D CLX_OUT=%d"
                     " -D CLX_ACTIVATION=%d -D CLX_EXPLICIT=%d -D CLX_UNROLL=%d",
                     (unsigned long long)problem->DHQK, (unsigned long long)problem->DHV,
                     (int)(staged ? problem->qkv_dtype : problem->input_dtype), (int)problem->input_dtype,
                     (int)problem->qkv_dtype, (int)problem->out_dtype, (int)problem->activation, problem->explicit_mask,
                     plan->unroll);
}

void clxi_attention_plan_name(const clxi_attention_plan *plan, const clxi_attention_problem *problem, clxi_text *out)
{
    clxi_text_printf(out, "%s_attention_%s_%ux%u%s", clxi_family_name(plan->tile.family),
                     clx_dtype_name(problem->input_dtype), plan->tile.rows, plan->tile.columns,
                     plan->tuned ? "_tuned" : "");
}
