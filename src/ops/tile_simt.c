/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes of `simt`, the anchor. Figures that led to their order stand beside it. */
#include "base/arith.h"
#include "ops/tile_family.h"

/* Best first. H200, f32, 8x16x2048x128x256, nothing skipped (2026-11-22, driver 580.159.04): 25.7 useful TFLOP/s
 * with the first, 24.8 with the second, 19.0 with the third, 11.7 with the fourth. `registers` is what the compilers
 * for AMD, NVIDIA and Intel need to keep a shape out of memory, rounded up; the last two are for Intel's GPUs and for
 * devices that say nothing. */
static const struct {
    uint32_t items, tx, rm, columns, dk, vk, slice;
    bool prefetch;
    uint32_t registers;
    uint64_t local_bytes; /* at least this much must be there */
} simt_shapes[] = {
    {256, 16, 4, 64, 16, 16, 256, true, 200, 34 * 1024}, /* 33 KiB of tiles */
    {256, 16, 4, 64, 16, 8, 256, true, 200, 0},          /* the same within 32 KiB */
    {256, 16, 4, 64, 16, 8, 128, true, 170, 0},          /* fewer registers: AMD hides latency by more waves */
    {64, 8, 4, 32, 16, 8, 64, true, 160, 0},             /* groups of 64: two wave fronts of 32, one of 64 */
    {32, 8, 4, 32, 16, 8, 64, true, 160, 0},             /* the smallest group the library asks for */
    {64, 8, 4, 32, 8, 8, 32, false, 0, 0},               /* few registers */
    {32, 8, 4, 32, 8, 8, 32, false, 0, 0},               /* few registers and small groups */
};

/* V's chunk is shared evenly by the items: vk * slice is a multiple of 4 * items. */
static uint32_t simt_slice(uint64_t DHV, uint32_t items, uint32_t tx, uint32_t vk, uint32_t most)
{
    uint32_t slice = clxi_tile_round_up(DHV, 4 * tx, most);
    while (slice < most && vk * slice % (4 * items) != 0)
        slice += 4 * tx;
    return slice;
}

static uint64_t local_bytes(const clxi_tile_params *tile)
{
    const uint64_t qk = (uint64_t)tile->dk * (tile->rows + 4 + tile->columns + 4);
    const uint64_t pv = (uint64_t)tile->columns * (tile->rows + 4) + (uint64_t)tile->vk * tile->slice;
    return 4 * clxi_max_u64(qk, pv);
}

static size_t candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                         size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof simt_shapes / sizeof simt_shapes[0] && count < capacity; i++) {
        const uint32_t items = simt_shapes[i].items;
        /* on a CPU every item is a loop iteration with saved registers: large groups only cost */
        if (items > limits->max_work_group || (limits->is_cpu && items > 64)) continue;
        if (limits->local_bytes < simt_shapes[i].local_bytes) continue;
        if (!limits->is_cpu && limits->registers < simt_shapes[i].registers) continue;
        clxi_tile_params tile = {0};
        tile.family = CLXI_FAMILY_SIMT;
        tile.vector = 4;
        tile.lead = 1;
        tile.items = items;
        tile.tx = simt_shapes[i].tx;
        tile.rm = simt_shapes[i].rm;
        tile.rows = items / tile.tx * tile.rm;
        tile.columns = simt_shapes[i].columns;
        tile.dk = simt_shapes[i].dk;
        tile.vk = simt_shapes[i].vk;
        tile.prefetch = simt_shapes[i].prefetch;
        tile.slice = simt_slice(problem->DHV, items, tile.tx, tile.vk, simt_shapes[i].slice);
        if (local_bytes(&tile) <= limits->local_bytes) out[count++] = tile;
    }
    return count;
}

static void options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_TX=%u -D CLX_RM=%u -D CLX_DK=%u -D CLX_VK=%u -D CLX_PREFETCH=%d", tile->tx, tile->rm,
                     tile->dk, tile->vk, tile->prefetch);
}

const clxi_tile_family clxi_tile_simt = {"simt", CLXI_BODY_TILES, false, candidates, local_bytes, options};
