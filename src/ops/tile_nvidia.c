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

/* ---- nv_mma: what needs no reload. In tf32, and for heads up to 256 in 16 bits; see cl/tile/nv_mma.clh, nv_mma16.clh ---- */

enum { MMA_ROWS_OF_WARP = 16, MMA16_DHQK_MOST = 256, MMA_TWIN_FLOATS = 6 /* that the twin's items have besides */ };

static bool is_mma16(const clxi_tile_problem *problem)
{
    return problem->qkv_dtype != CLX_F32 && problem->DHQK <= MMA16_DHQK_MOST;
}

/* Depth of K in local memory; chunks in tf32, which have no number of their own. */
static uint32_t mma_depth(const clxi_tile_problem *problem)
{
    uint32_t depth = 16;
    if (!is_mma16(problem)) return 0;
    while (depth < problem->DHQK)
        depth *= 2;
    return depth;
}

static uint64_t mma_local_bytes(const clxi_tile_params *tile)
{
    const uint64_t exchange = tile->family == CLXI_FAMILY_NV_MMA_TWIN ? 4 * MMA_TWIN_FLOATS * (uint64_t)tile->items : 0;
    if (tile->dk > 0) {
        const uint64_t k = (uint64_t)tile->columns * (tile->dk + 8), q = (uint64_t)tile->rows * (tile->dk + 8);
        return 2 * clxi_max_u64(k + (uint64_t)tile->columns * (tile->slice + 8), q) + 16 + exchange;
    }
    /* in floats, the larger case */
    const uint64_t k = 4 * 16 * (uint64_t)tile->columns, p = (uint64_t)tile->rows * tile->columns;
    return 4 * (clxi_max_u64(k, p) + 2 * 16 * ((uint64_t)tile->slice + 4)) + exchange;
}

/* Turing has products of f16, and no asynchronous copies. */
static bool mma_applies(const clxi_tile_limits *limits, const clxi_tile_problem *problem)
{
    return limits->nv_sm >= 80 || (limits->nv_sm >= 75 && problem->qkv_dtype == CLX_F16 && is_mma16(problem));
}

/* All but rows, columns and slice. */
static void mma_derive(clxi_family family, const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                       clxi_tile_params *tile)
{
    tile->family = family;
    tile->dk = mma_depth(problem);
    tile->vector = is_mma16(problem) ? 8 : 4;
    tile->lead = is_mma16(problem) ? 4 : 2;
    tile->items = tile->rows / MMA_ROWS_OF_WARP * 32;
    tile->scan_items = family == CLXI_FAMILY_NV_MMA ? 256 : 0;
    tile->prefetch = family == CLXI_FAMILY_NV_MMA_TWIN || limits->nv_sm >= 80;
}

/* As much of DHV as fits an item's registers beside its part of Q and S: S is computed once for each slice. In tf32, and
 * where weights are held in units, sums of 256 columns leave too few. */
static uint32_t mma_slice(const clxi_tile_problem *problem, uint32_t dk)
{
    const uint64_t DHV = problem->DHV;
    const bool wide = dk > 0 && problem->qkv_dtype == CLX_BF16 && (dk <= 128 || !problem->explicit_mask);
    return DHV <= 32 ? 32 : DHV <= 64 ? 64 : DHV <= 128 || !wide ? 128 : 256;
}

/* Two groups of four warps an SM, for the registers' sake. */
static size_t mma_tile(clxi_family family, const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                       clxi_tile_params *out, size_t capacity)
{
    clxi_tile_params tile = {0};
    tile.rows = 64;
    mma_derive(family, limits, problem, &tile);
    tile.slice = mma_slice(problem, tile.dk);
    tile.columns = tile.dk > 128 && tile.slice > 128   ? 16
                   : tile.dk > 128 || tile.slice > 128 ? 32
                   : tile.dk > 64 && !tile.prefetch    ? 32
                                                       : 64;
    if (tile.items > limits->max_work_group || mma_local_bytes(&tile) > limits->local_bytes || capacity == 0) return 0;
    out[0] = tile;
    return 1;
}

static size_t mma_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                             size_t capacity)
{
    return mma_applies(limits, problem) ? mma_tile(CLXI_FAMILY_NV_MMA, limits, problem, out, capacity) : 0;
}

static size_t mma_twin_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                  clxi_tile_params *out, size_t capacity)
{
    return mma_tile(CLXI_FAMILY_NV_MMA_TWIN, limits, problem, out, capacity);
}

static void mma_options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_FAMILY=%d", (int)tile->family);
    if (!tile->prefetch) clxi_text_printf(out, " -D CLX_TURING=1");
}

static const clxi_tile_axis mma_axes[] = {
    {"rows", offsetof(clxi_tile_params, rows), 2, {64, 128}},
    {"columns", offsetof(clxi_tile_params, columns), 4, {16, 32, 64, 128}},
    {"slice", offsetof(clxi_tile_params, slice), 4, {32, 64, 128, 256}},
};

/* In tf32 nothing but the slice was ever varied. */
static const char *mma_settle(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    if (!mma_applies(limits, problem)) return "the family is for other devices or problems";
    mma_derive(CLXI_FAMILY_NV_MMA, limits, problem, tile);
    if (!is_mma16(problem) && (tile->rows != 64 || tile->columns != 64 || tile->slice > 128))
        return "tiles in tf32 are 64 x 64, slices 128 at most";
    if (tile->slice > 32 && tile->slice / 2 >= problem->DHV) return "a slice wider than DHV";
    if (tile->items > limits->max_work_group) return "the device allows no group of so many items";
    if ((tile->columns + tile->slice) / 2 + tile->dk / 4 > 200) return "too many sums for an item's registers";
    return mma_local_bytes(tile) <= limits->local_bytes ? NULL : "more local memory than the device has";
}

const clxi_tile_space clxi_tile_nv_mma_space = {sizeof mma_axes / sizeof *mma_axes, mma_axes, mma_settle};
const clxi_tile_family clxi_tile_nv_mma = {"nv_mma",       CLXI_BODY_TILES, false,
                                           mma_candidates, mma_local_bytes, mma_options};
const clxi_tile_family clxi_tile_nv_mma_twin = {"nv_mma_twin",       CLXI_BODY_TILES, true,
                                                mma_twin_candidates, mma_local_bytes, mma_options};
