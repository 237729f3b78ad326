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
    uint32_t prefetch;
    uint32_t registers;
    uint64_t local_bytes; /* at least this much must be there */
} simt_shapes[] = {
    {256, 16, 4, 64, 16, 16, 256, 1, 200, 34 * 1024}, /* 33 KiB of tiles */
    {256, 16, 4, 64, 16, 8, 256, 1, 200, 0},          /* the same within 32 KiB */
    {256, 16, 4, 64, 16, 8, 128, 1, 170, 0},          /* fewer registers: AMD hides latency by more waves */
    {64, 8, 4, 32, 16, 8, 64, 1, 160, 0},             /* groups of 64: two wave fronts of 32, one of 64 */
    {32, 8, 4, 32, 16, 8, 64, 1, 160, 0},             /* the smallest group the library asks for */
    {64, 8, 4, 32, 8, 8, 32, 0, 0, 0},                /* few registers */
    {32, 8, 4, 32, 8, 8, 32, 0, 0, 0},                /* few registers and small groups */
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

static void derive(clxi_tile_params *tile)
{
    tile->vector = 4;
    tile->lead = 1;
    tile->rows = tile->items / tile->tx * tile->rm;
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
        tile.items = items;
        tile.tx = simt_shapes[i].tx;
        tile.rm = simt_shapes[i].rm;
        derive(&tile);
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
    clxi_text_printf(out, " -D CLX_TX=%u -D CLX_RM=%u -D CLX_DK=%u -D CLX_VK=%u -D CLX_PREFETCH=%u", tile->tx, tile->rm,
                     tile->dk, tile->vk, tile->prefetch);
}

static const clxi_tile_axis axes[] = {
    {"items", offsetof(clxi_tile_params, items), 4, {32, 64, 128, 256}},
    {"tx", offsetof(clxi_tile_params, tx), 4, {4, 8, 16, 32}},
    {"rm", offsetof(clxi_tile_params, rm), 2, {4, 8}},
    {"columns", offsetof(clxi_tile_params, columns), 4, {16, 32, 64, 128}},
    {"slice", offsetof(clxi_tile_params, slice), 10, {16, 32, 48, 64, 96, 128, 160, 192, 224, 256}},
    {"dk", offsetof(clxi_tile_params, dk), 4, {4, 8, 16, 32}},
    {"vk", offsetof(clxi_tile_params, vk), 4, {4, 8, 16, 32}},
    {"prefetch", offsetof(clxi_tile_params, prefetch), 2, {0, 1}},
};

/* The conditions of cl/tile/simt.clh, and no more registers than a compiler can be asked to find: all loops are
 * unrolled. */
static const char *settle(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    (void)problem;
    if (tile->items > limits->max_work_group) return "the device allows no group of so many items";
    derive(tile);
    if (tile->rows < 16 || tile->rows > 128) return "rows of a tile, items / tx * rm, beyond 16 to 128";
    if (tile->columns % (4 * tile->tx) != 0 || tile->slice % (4 * tile->tx) != 0 || tile->columns % tile->vk != 0)
        return "items that share a row cannot share its columns";
    if (tile->rows * tile->dk % (4 * tile->items) != 0 || tile->columns * tile->dk % (4 * tile->items) != 0 ||
        tile->vk * tile->slice % (4 * tile->items) != 0)
        return "the items of a group cannot share chunks evenly";
    if (tile->rm * (tile->columns + tile->slice) / tile->tx > 160) return "too many sums for an item's registers";
    return local_bytes(tile) <= limits->local_bytes ? NULL : "more local memory than the device has";
}

const clxi_tile_space clxi_tile_simt_space = {sizeof axes / sizeof *axes, axes, settle};
const clxi_tile_family clxi_tile_simt = {"simt", CLXI_BODY_TILES, false, candidates, local_bytes, options};
