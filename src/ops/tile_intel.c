/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes on Intel's matrix engines. */
#include "base/arith.h"
#include "ops/tile_family.h"

enum { XMX_ITEMS = 128, XMX_DEPTH_MOST = 128 /* of a chunk of K: four groups fit into the memory of a core */ };

/* V, K with a piece of padding a row, and of Q 8 rows of 32 numbers a sub-group; see cl/tile/intel_xmx.clh. */
static uint64_t xmx_local_bytes(const clxi_tile_params *tile)
{
    return 16 * ((uint64_t)tile->columns / 8 * tile->slice + (uint64_t)tile->dk / 8 * (tile->columns + 1) +
                 tile->items / tile->tx * 32);
}

/* All of DHQK in as few chunks of the same depth as there may be. */
static uint32_t xmx_depth(uint64_t DHQK)
{
    const uint64_t chunks = clxi_ceil_div(DHQK, XMX_DEPTH_MOST);
    return clxi_tile_round_up(clxi_ceil_div(DHQK, chunks), 32, XMX_DEPTH_MOST);
}

static size_t xmx_tile(clxi_family family, uint32_t lanes, const clxi_tile_limits *limits,
                       const clxi_tile_problem *problem, clxi_tile_params *out, size_t capacity)
{
    clxi_tile_params tile = {0};
    if (problem->qkv_dtype == CLX_F32 || capacity == 0) return 0;
    tile.family = family;
    tile.vector = 8;
    tile.lead = 4;
    tile.items = XMX_ITEMS;
    tile.tx = lanes;
    tile.rm = lanes; /* an item has the same room for O on both: with 16 lanes as many more rows fit */
    tile.rows = tile.items / lanes * tile.rm;
    tile.columns =
        problem->explicit_mask ? 16 : 32; /* of the larger Intel's compiler does not unroll what asks the mask */
    tile.slice = clxi_tile_round_up(problem->DHV, 32, 128);
    tile.dk = xmx_depth(problem->DHQK);
    if (tile.items > limits->max_work_group || xmx_local_bytes(&tile) > limits->local_bytes) return 0;
    out[0] = tile;
    return 1;
}

static size_t xmx_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                             size_t capacity)
{
    return limits->xmx ? xmx_tile(CLXI_FAMILY_INTEL_XMX, limits->subgroup, limits, problem, out, capacity) : 0;
}

/* The programs of a device ask for one size of sub-groups. */
static size_t xmx_twin8_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                   clxi_tile_params *out, size_t capacity)
{
    if (limits->subgroup != 0 && limits->subgroup != 8) return 0;
    return xmx_tile(CLXI_FAMILY_INTEL_XMX_TWIN8, 8, limits, problem, out, capacity);
}

static size_t xmx_twin16_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                    clxi_tile_params *out, size_t capacity)
{
    if (limits->subgroup != 0 && limits->subgroup != 16) return 0;
    return xmx_tile(CLXI_FAMILY_INTEL_XMX_TWIN16, 16, limits, problem, out, capacity);
}

/* All tiles want the larger of two numbers of registers. */
static void xmx_options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_FAMILY=%d -D CLX_RM=%u -D CLX_DK=%u", (int)CLXI_FAMILY_INTEL_XMX, tile->rm,
                     tile->dk);
    if (clxi_family_is_twin(tile->family))
        clxi_text_printf(out, " -D CLX_TWIN=1 -D CLX_SUBGROUP=%u", tile->tx);
    else
        clxi_text_printf(out, " -cl-intel-256-GRF-per-thread");
}

const clxi_tile_family clxi_tile_intel_xmx = {"intel_xmx",    CLXI_BODY_TILES, false,
                                              xmx_candidates, xmx_local_bytes, xmx_options};
const clxi_tile_family clxi_tile_intel_xmx_twin8 = {"intel_xmx_twin8",    CLXI_BODY_TILES, true,
                                                    xmx_twin8_candidates, xmx_local_bytes, xmx_options};
const clxi_tile_family clxi_tile_intel_xmx_twin16 = {"intel_xmx_twin16",    CLXI_BODY_TILES, true,
                                                     xmx_twin16_candidates, xmx_local_bytes, xmx_options};
