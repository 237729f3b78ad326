/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of the mLSTM operator; see the header. */
#include "ops/mlstm_plan.h"
#include "base/arith.h"

static const char *const forward_sources[CLXI_BODY_COUNT] = {"mlstm_forward.cl", "mlstm_forward_cpu.cl",
                                                             "mlstm_forward_wgmma.cl"};

clxi_tile_problem clxi_mlstm_plan_tiles(const clxi_mlstm_problem *problem)
{
    return (clxi_tile_problem){problem->DHQK, problem->DHV, problem->qkv_dtype, problem->explicit_mask};
}

/* As many as 220 KiB hold, 4 at most; see cl/mlstm_chunks_wgmma.cl. */
static uint32_t chunk_stages(const clxi_tile_params *tile)
{
    const uint32_t stages = 220 * 1024 / (2 * tile->columns * (128 + tile->slice));
    return stages < 4 ? stages : 4;
}

size_t clxi_mlstm_plan_candidates(const clxi_tile_limits *limits, const clxi_mlstm_problem *problem,
                                  const clxi_tile_params *tuned, clxi_mlstm_plan plans[CLXI_TILE_CANDIDATES_MAX])
{
    clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX];
    const clxi_tile_problem of_tiles = clxi_mlstm_plan_tiles(problem);
    const size_t first = tuned != NULL ? 1 : 0;
    if (tuned != NULL) tiles[0] = *tuned;
    const size_t count =
        first + clxi_tile_candidates(limits, &of_tiles, tiles + first, CLXI_TILE_CANDIDATES_MAX - first);
    for (size_t i = 0; i < count; i++) {
        plans[i].tile = tiles[i];
        plans[i].tuned = i < first;
        plans[i].unroll = !limits->is_cpu;
        plans[i].gates_items = tiles[i].scan_items;
        plans[i].gates_run = limits->is_cpu ? 8 : 4;
        plans[i].chunks = clxi_family_body(tiles[i].family) == CLXI_BODY_WGMMA;
        plans[i].chunk_stages = plans[i].chunks ? chunk_stages(&tiles[i]) : 0;
        plans[i].once = false;
        plans[i].forward_source = forward_sources[clxi_family_body(tiles[i].family)];
    }
    return count;
}

void clxi_mlstm_gate_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out)
{
    clxi_text_printf(out,
                     " -D CLX_WG=%u -D CLX_RUN=%u -D CLX_GATE_IN=%d -D CLX_GATE=%d -D CLX_EXPLICIT=%d"
                     " -D CLX_ROWWISE=%d -D CLX_UNROLL=%d",
                     plan->gates_items, plan->gates_run, (int)problem->gate_input_dtype, (int)problem->gate_dtype,
                     problem->explicit_mask, problem->rowwise, plan->unroll);
}

void clxi_mlstm_forward_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out)
{
    clxi_tile_options(&plan->tile, out);
    clxi_text_printf(out,
                     " -D CLX_DHQK=%llu -D CLX_DHV=%llu -D CLX_IN=%d -D CLX_QKV=%d -D CLX_OUT=%d -D CLX_EXPLICIT=%d"
                     " -D CLX_UNROLL=%d",
                     (unsigned long long)problem->DHQK, (unsigned long long)problem->DHV, (int)problem->input_dtype,
                     (int)problem->qkv_dtype, (int)problem->out_dtype, problem->explicit_mask, plan->unroll);
}

void clxi_mlstm_chunks_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out)
{
    clxi_text_printf(out,
                     " -D CLX_WG=%u -D CLX_BN=%u -D CLX_DVB=%u -D CLX_STAGES=%u -D CLX_DHQK=%llu -D CLX_DHV=%llu"
                     " -D CLX_IN=%d -D CLX_QKV=%d -D CLX_UNROLL=%d",
                     plan->tile.items, plan->tile.columns, plan->tile.slice, plan->chunk_stages,
                     (unsigned long long)problem->DHQK, (unsigned long long)problem->DHV, (int)problem->input_dtype,
                     (int)problem->qkv_dtype, plan->unroll);
}

void clxi_mlstm_scan_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out)
{
    clxi_text_printf(out,
                     " -D CLX_WG=%u -D CLX_BN=%u -D CLX_DVB=%u -D CLX_DHQK=%llu -D CLX_DHV=%llu -D CLX_QKV=%d"
                     " -D CLX_UNROLL=%d",
                     CLXI_MLSTM_SCAN_ITEMS, plan->tile.columns, plan->tile.slice, (unsigned long long)problem->DHQK,
                     (unsigned long long)problem->DHV, (int)problem->qkv_dtype, plan->unroll);
}

/* Heads are not known yet, so it is the head dimensions that say whether large tiles leave a GPU enough groups: eight
 * of a head do. Smaller ones spend the items that are left on more tokens at a time. */
clxi_mlstm_state_tile clxi_mlstm_plan_state(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem)
{
    const uint32_t items = plan->gates_items;
    const bool is_large = clxi_ceil_div(problem->DHQK, 64) * clxi_ceil_div(problem->DHV, 64) >= 8;
    if (items == 1) return (clxi_mlstm_state_tile){"mlstm_state_cpu.cl", 4, 16, 0};
    if (items >= 256 && is_large) return (clxi_mlstm_state_tile){"mlstm_state.cl", 64, 64, 16 * (items / 256)};
    if (items >= 64) return (clxi_mlstm_state_tile){"mlstm_state.cl", 32, 32, 16 * (items / 64)};
    return (clxi_mlstm_state_tile){"mlstm_state.cl", 16, 32, 16 * (items / 32)};
}

void clxi_mlstm_state_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out)
{
    const clxi_mlstm_state_tile tile = clxi_mlstm_plan_state(plan, problem);
    clxi_text_printf(out, " -D CLX_WG=%u -D CLX_DHQK=%llu -D CLX_DHV=%llu -D CLX_IN=%d -D CLX_QKV=%d -D CLX_STATE=%d",
                     plan->gates_items, (unsigned long long)problem->DHQK, (unsigned long long)problem->DHV,
                     (int)problem->input_dtype, (int)problem->qkv_dtype, (int)problem->state_dtype);
    if (tile.chunk > 0)
        clxi_text_printf(out, " -D CLX_BD=%u -D CLX_BV=%u -D CLX_CHUNK=%u -D CLX_UNROLL=%d", tile.rows, tile.columns,
                         tile.chunk, plan->unroll);
}

void clxi_mlstm_plan_name(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out)
{
    clxi_text_printf(out, "%s_mlstm_%s_%ux%u%s", clxi_family_name(plan->tile.family),
                     clx_dtype_name(problem->input_dtype), plan->tile.rows, plan->tile.columns,
                     plan->tuned ? "_tuned" : "");
}
