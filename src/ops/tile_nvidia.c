/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes on NVIDIA's matrix units. */
#include "base/arith.h"
#include "ops/tile_family.h"

/* ---- nv_wgmma: Hopper, products in 16 bits, rows that see what the diagonal leaves them ---- */

#define WGMMA_ITEMS 384                /* three warp groups */
#define WGMMA_LOCAL_BYTES (220 * 1024) /* of a reloaded program; what the driver says of itself is for others */

/* Sizes of blocks, in numbers; see cl/tile/nv_wgmma.clh. */
static uint32_t wgmma_width(uint64_t size)
{
    return size <= 64 ? 64 : size <= 128 ? 128 : 256;
}

static uint64_t wgmma_local_bytes(const clxi_tile_params *tile)
{
    return 2 * ((uint64_t)tile->rows * tile->dk + (uint64_t)tile->stages * tile->columns * (tile->dk + tile->slice));
}

static bool wgmma_applies(const clxi_tile_limits *limits, const clxi_tile_problem *problem)
{
    return limits->nv_sm == 90 && limits->max_work_group >= WGMMA_ITEMS && problem->qkv_dtype != CLX_F32 &&
           !problem->explicit_mask && problem->DHQK <= 256;
}

static void wgmma_derive(const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    tile->vector = 8;
    tile->lead = 8;
    tile->items = WGMMA_ITEMS;
    tile->fit_items = 256;
    tile->rows = 128;
    tile->dk = wgmma_width(problem->DHQK);
}

static size_t wgmma_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                               size_t capacity)
{
    clxi_tile_params tile = {0};
    if (!wgmma_applies(limits, problem) || capacity == 0) return 0;
    tile.family = CLXI_FAMILY_NV_WGMMA;
    wgmma_derive(problem, &tile);
    tile.slice = wgmma_width(problem->DHV);
    tile.columns = tile.slice <= 128 ? 128 : 64; /* O and S share the registers */
    for (tile.stages = 4; tile.stages >= 2; tile.stages--) {
        if (wgmma_local_bytes(&tile) > WGMMA_LOCAL_BYTES) continue;
        out[0] = tile;
        return 1;
    }
    return 0;
}

static const clxi_tile_axis wgmma_axes[] = {
    {"columns", offsetof(clxi_tile_params, columns), 2, {64, 128}},
    {"slice", offsetof(clxi_tile_params, slice), 3, {64, 128, 256}},
    {"stages", offsetof(clxi_tile_params, stages), 3, {2, 3, 4}},
};

static const char *wgmma_settle(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                clxi_tile_params *tile)
{
    if (!wgmma_applies(limits, problem)) return "the family is for other devices or problems";
    wgmma_derive(problem, tile);
    if (tile->slice > wgmma_width(problem->DHV)) return "a slice wider than DHV";
    if (tile->slice == 256 && tile->columns == 128) return "too many sums for an item's registers";
    return wgmma_local_bytes(tile) <= WGMMA_LOCAL_BYTES ? NULL : "more local memory than the device has";
}

static void wgmma_options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_STAGES=%u", tile->stages);
}

const clxi_tile_space clxi_tile_nv_wgmma_space = {sizeof wgmma_axes / sizeof *wgmma_axes, wgmma_axes, wgmma_settle};
const clxi_tile_family clxi_tile_nv_wgmma = {"nv_wgmma",       CLXI_BODY_WGMMA,   false,
                                             wgmma_candidates, wgmma_local_bytes, wgmma_options};

/* ---- nv_mma: what needs no reload, from Ampere on ---- */

#define MMA_ITEMS 128

/* In floats, the larger case; the twin's items have six more each. */
static uint64_t mma_local_bytes(const clxi_tile_params *tile)
{
    const uint64_t k = 4 * 16 * (uint64_t)tile->columns, p = (uint64_t)tile->rows * tile->columns;
    const uint64_t exchange = tile->family == CLXI_FAMILY_NV_MMA_TWIN ? 6 * (uint64_t)tile->items : 0;
    return 4 * (clxi_max_u64(k, p) + 2 * 16 * ((uint64_t)tile->slice + 4) + exchange);
}

/* Two groups of four warps an SM, for the registers' sake. */
static size_t mma_tile(clxi_family family, const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                       clxi_tile_params *out, size_t capacity)
{
    const uint64_t DHV = problem->DHV;
    clxi_tile_params tile = {0};
    if (limits->max_work_group < MMA_ITEMS || capacity == 0) return 0;
    tile.family = family;
    tile.vector = 4;
    tile.lead = 2;
    tile.items = MMA_ITEMS;
    tile.scan_items = family == CLXI_FAMILY_NV_MMA ? 256 : 0;
    tile.rows = MMA_ITEMS / 2; /* 16 a warp */
    tile.columns = 64;
    tile.slice = DHV <= 32 ? 32 : DHV <= 64 ? 64 : 128; /* an item's part of 256 columns would leave it no registers */
    if (mma_local_bytes(&tile) > limits->local_bytes) return 0;
    out[0] = tile;
    return 1;
}

static size_t mma_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                             size_t capacity)
{
    return limits->nv_sm >= 80 ? mma_tile(CLXI_FAMILY_NV_MMA, limits, problem, out, capacity) : 0;
}

static size_t mma_twin_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                  clxi_tile_params *out, size_t capacity)
{
    return mma_tile(CLXI_FAMILY_NV_MMA_TWIN, limits, problem, out, capacity);
}

static void mma_options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_FAMILY=%d", (int)tile->family);
}

const clxi_tile_family clxi_tile_nv_mma = {"nv_mma",       CLXI_BODY_TILES, false,
                                           mma_candidates, mma_local_bytes, mma_options};
const clxi_tile_family clxi_tile_nv_mma_twin = {"nv_mma_twin",       CLXI_BODY_TILES, true,
                                                mma_twin_candidates, mma_local_bytes, mma_options};
