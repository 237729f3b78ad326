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

/* As many rows as fit half of what the device calls local memory (on a CPU: about its second-level cache). */
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
        tile.vector = 4;
        tile.lead = 1;
        tile.items = 1;
        tile.rows = is_wide ? wide[i].rows : narrow[i].rows;
        tile.columns = is_wide ? wide[i].columns : narrow[i].columns;
        tile.rm = is_wide ? wide[i].rt : narrow[i].rt;
        tile.tx = is_wide ? wide[i].rs : narrow[i].rs;
        tile.slice = clxi_tile_round_up(problem->DHV, 16, 256);
        tile.dk = (uint32_t)clxi_min_u64(problem->DHQK, UINT32_MAX);
        if (local_bytes(&tile) <= limits->local_bytes * 3 / 4) out[count++] = tile;
    }
    return count;
}

static void options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_BM=%u -D CLX_RS=%u -D CLX_RT=%u", tile->rows, tile->tx, tile->rm);
}

const clxi_tile_family clxi_tile_cpu = {"cpu", CLXI_BODY_CPU, false, candidates, local_bytes, options};
