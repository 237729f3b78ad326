/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes of `cpu`: a work-item owns a tile. */
#include "base/arith.h"
#include "ops/tile_family.h"

static uint64_t local_bytes(const clxi_tile_params *tile)
{
    const uint64_t DHQK = tile->dk;
    return 4 * (DHQK * tile->rows + tile->columns * DHQK + (uint64_t)tile->columns * tile->rows +
                (uint64_t)tile->columns * tile->slice + (uint64_t)tile->rows * tile->slice);
}

enum { SLICE_MAX = 512 };

/* DHV in so many slices, none of them wider than it must be. */
static uint32_t even_slice(uint64_t DHV, uint64_t slices)
{
    return clxi_tile_round_up(clxi_ceil_div(DHV, slices), 16, SLICE_MAX);
}

static void derive(const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    tile->vector = 4;
    tile->lead = 1;
    tile->items = 1;
    tile->dk = (uint32_t)clxi_min_u64(problem->DHQK, UINT32_MAX);
}

static bool fits(const clxi_tile_limits *limits, const clxi_tile_params *tile)
{
    return local_bytes(tile) <= limits->local_bytes * 3 / 4;
}

/* In as few slices of DHV as fit: each of them multiplies Q by K anew. Two cores with AVX-512 under PoCL 3.1, f32, CPU time
 * of a call with slices of 256 and of 512 (2026-11-28): mLSTM at 1x4x2048x256x512 214 and 161 ms, attention 230 and 166. */
static bool choose_slice(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    for (uint64_t most = SLICE_MAX; most >= SLICE_MAX / 2; most /= 2) {
        tile->slice = even_slice(problem->DHV, clxi_ceil_div(problem->DHV, most));
        if (fits(limits, tile)) return true;
    }
    return false;
}

/* As many rows as fit what the device calls local memory (on a CPU: about its second-level cache). */
static size_t candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                         size_t capacity)
{
    static const struct {
        uint32_t rows, columns, rs, rt;
    } narrow[] = {{48, 48, 6, 6}, {16, 48, 6, 4}}, wide[] = {{64, 64, 8, 8}, {16, 64, 8, 4}};
    size_t count = 0;
    if (!limits->is_cpu) return 0;
    for (size_t i = 0; i < 2 && count < capacity; i++) {
        const bool is_wide = limits->float_width >= 16;
        clxi_tile_params tile = {0};
        tile.family = CLXI_FAMILY_CPU;
        tile.rows = is_wide ? wide[i].rows : narrow[i].rows;
        tile.columns = is_wide ? wide[i].columns : narrow[i].columns;
        tile.rm = is_wide ? wide[i].rt : narrow[i].rt;
        tile.tx = is_wide ? wide[i].rs : narrow[i].rs;
        derive(problem, &tile);
        if (choose_slice(limits, problem, &tile)) out[count++] = tile;
    }
    return count;
}

static void options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_BM=%u -D CLX_RS=%u -D CLX_RT=%u", tile->rows, tile->tx, tile->rm);
}

static const clxi_tile_axis axes[] = {
    {"rows", offsetof(clxi_tile_params, rows), 8, {16, 32, 48, 64, 80, 96, 112, 128}},
    {"columns", offsetof(clxi_tile_params, columns), 9, {16, 24, 32, 48, 64, 80, 96, 112, 128}},
    {"slice", offsetof(clxi_tile_params, slice), 32, {16,  32,  48,  64,  80,  96,  112, 128, 144, 160, 176,
                                                      192, 208, 224, 240, 256, 272, 288, 304, 320, 336, 352,
                                                      368, 384, 400, 416, 432, 448, 464, 480, 496, 512}},
    {"tx", offsetof(clxi_tile_params, tx), 3, {4, 6, 8}},
    {"rm", offsetof(clxi_tile_params, rm), 3, {4, 6, 8}},
};

/* The conditions of cl/tile/cpu.clh. */
static const char *settle(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    if (!limits->is_cpu) return "the device is no CPU";
    derive(problem, tile);
    if (tile->rows % tile->rm != 0) return "rows of a tile are no multiple of rm";
    if (tile->columns % tile->tx != 0) return "columns of a tile are no multiple of tx";
    if (tile->slice != even_slice(problem->DHV, clxi_ceil_div(problem->DHV, tile->slice)))
        return "a slice wider than as many slices of DHV need";
    return fits(limits, tile) ? NULL : "more local memory than the device has";
}

const clxi_tile_space clxi_tile_cpu_space = {sizeof axes / sizeof *axes, axes, settle};
const clxi_tile_family clxi_tile_cpu = {"cpu", CLXI_BODY_CPU, false, candidates, local_bytes, options};
