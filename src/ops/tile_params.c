/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of tile shapes. Figures that led to an order stand beside it. */
#include "ops/tile_params.h"
#include "base/arith.h"

#define WGMMA_ITEMS 384 /* three warp groups */
#define MMA_ITEMS 128
#define WGMMA_LOCAL_BYTES (220 * 1024) /* of a reloaded program; what the driver says of itself is for others */

/* simt, best first. H200, f32, 8x16x2048x128x256, nothing skipped (2026-11-22, driver 580.159.04): 25.7 useful TFLOP/s
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

const char *clxi_family_name(clxi_family family)
{
    static const char *const names[] = {"simt", "cpu", "nv_wgmma", "nv_mma", "nv_mma_twin"};
    return names[family];
}

static uint32_t round_up(uint64_t value, uint32_t multiple, uint32_t most)
{
    return (uint32_t)clxi_min_u64(clxi_ceil_div(value, multiple) * multiple, most);
}

/* V's chunk is shared evenly by the items: vk * slice is a multiple of 4 * items. */
static uint32_t simt_slice(uint64_t DHV, uint32_t items, uint32_t tx, uint32_t vk, uint32_t most)
{
    uint32_t slice = round_up(DHV, 4 * tx, most);
    while (slice < most && vk * slice % (4 * items) != 0)
        slice += 4 * tx;
    return slice;
}

static size_t simt_candidates(const clxi_tile_limits *limits, uint64_t DHV, clxi_tile_params *out, size_t capacity)
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
        tile.slice = simt_slice(DHV, items, tile.tx, tile.vk, simt_shapes[i].slice);
        if (clxi_tile_local_bytes(&tile) <= limits->local_bytes) out[count++] = tile;
    }
    return count;
}

/* cpu: as many rows as fit half of what the device calls local memory (on a CPU: about its second-level cache). */
static size_t cpu_candidates(const clxi_tile_limits *limits, uint64_t DHQK, uint64_t DHV, clxi_tile_params *out,
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
        tile.slice = round_up(DHV, 16, 256);
        tile.dk = (uint32_t)clxi_min_u64(DHQK, UINT32_MAX);
        if (clxi_tile_local_bytes(&tile) <= limits->local_bytes * 3 / 4) out[count++] = tile;
    }
    return count;
}

/* nv_wgmma: sizes of blocks, in numbers; see cl/tile/nv_wgmma.clh. */
static uint32_t wgmma_width(uint64_t size)
{
    return size <= 64 ? 64 : size <= 128 ? 128 : 256;
}

static size_t wgmma_candidates(const clxi_tile_limits *limits, uint64_t DHQK, uint64_t DHV, clxi_tile_params *out,
                               size_t capacity)
{
    if (limits->nv_sm != 90 || limits->max_work_group < WGMMA_ITEMS || DHQK > 256 || capacity == 0) return 0;
    clxi_tile_params tile = {0};
    tile.family = CLXI_FAMILY_NV_WGMMA;
    tile.vector = 8;
    tile.lead = 8;
    tile.items = WGMMA_ITEMS;
    tile.rows = 128;
    tile.slice = wgmma_width(DHV);
    tile.columns = tile.slice <= 128 ? 128 : 64; /* O and S share the registers */
    tile.dk = wgmma_width(DHQK);
    for (tile.stages = 4; tile.stages >= 2; tile.stages--) {
        if (clxi_tile_local_bytes(&tile) > WGMMA_LOCAL_BYTES) continue;
        out[0] = tile;
        return 1;
    }
    return 0;
}

/* nv_mma: two groups of four warps an SM, for the registers' sake; in local memory floats, the larger case. */
static size_t mma_candidates(const clxi_tile_limits *limits, uint64_t DHV, clxi_tile_params *out, size_t capacity)
{
    clxi_tile_params tile = {0};
    if ((limits->nv_sm < 80 && !limits->twins) || limits->max_work_group < MMA_ITEMS || capacity == 0) return 0;
    tile.family = limits->twins ? CLXI_FAMILY_NV_MMA_TWIN : CLXI_FAMILY_NV_MMA;
    tile.vector = 4;
    tile.lead = 2;
    tile.items = MMA_ITEMS;
    tile.rows = MMA_ITEMS / 2; /* 16 a warp */
    tile.columns = 64;
    tile.slice = DHV <= 32 ? 32 : DHV <= 64 ? 64 : 128; /* an item's part of 256 columns would leave it no registers */
    if (clxi_tile_local_bytes(&tile) > limits->local_bytes) return 0;
    out[0] = tile;
    return 1;
}

size_t clxi_tile_nv_candidates(const clxi_tile_limits *limits, uint64_t DHQK, uint64_t DHV, bool whole,
                               clxi_tile_params *out, size_t capacity)
{
    const size_t count = whole ? wgmma_candidates(limits, DHQK, DHV, out, capacity) : 0;
    return count + mma_candidates(limits, DHV, out + count, capacity - count);
}

size_t clxi_tile_candidates(const clxi_tile_limits *limits, uint64_t DHQK, uint64_t DHV, clxi_tile_params *out,
                            size_t capacity)
{
    const size_t count = cpu_candidates(limits, DHQK, DHV, out, capacity);
    return count + simt_candidates(limits, DHV, out + count, capacity - count);
}

static uint64_t simt_local_floats(const clxi_tile_params *tile)
{
    const uint64_t qk = (uint64_t)tile->dk * (tile->rows + 4 + tile->columns + 4);
    const uint64_t pv = (uint64_t)tile->columns * (tile->rows + 4) + (uint64_t)tile->vk * tile->slice;
    return clxi_max_u64(qk, pv);
}

static uint64_t cpu_local_floats(const clxi_tile_params *tile)
{
    const uint64_t DHQK = tile->dk;
    return DHQK * tile->rows + tile->columns * DHQK + (uint64_t)tile->columns * tile->rows +
           (uint64_t)tile->columns * tile->slice + (uint64_t)tile->rows * tile->slice;
}

static uint64_t wgmma_local_bytes(const clxi_tile_params *tile)
{
    return 2 * ((uint64_t)tile->rows * tile->dk + (uint64_t)tile->stages * tile->columns * (tile->dk + tile->slice));
}

static uint64_t mma_local_floats(const clxi_tile_params *tile)
{
    const uint64_t k = 4 * 16 * (uint64_t)tile->columns, p = (uint64_t)tile->rows * tile->columns;
    return clxi_max_u64(k, p) + 2 * 16 * ((uint64_t)tile->slice + 4);
}

uint64_t clxi_tile_local_bytes(const clxi_tile_params *tile)
{
    switch (tile->family) {
    case CLXI_FAMILY_SIMT:
        return 4 * simt_local_floats(tile);
    case CLXI_FAMILY_CPU:
        return 4 * cpu_local_floats(tile);
    case CLXI_FAMILY_NV_WGMMA:
        return wgmma_local_bytes(tile);
    case CLXI_FAMILY_NV_MMA:
        return 4 * mma_local_floats(tile);
    case CLXI_FAMILY_NV_MMA_TWIN: /* and six floats an item */
        return 4 * (mma_local_floats(tile) + 6 * (uint64_t)tile->items);
    }
    return 0;
}

uint32_t clxi_tile_fit_items(const clxi_tile_params *tile)
{
    return tile->family == CLXI_FAMILY_NV_WGMMA ? 256 : tile->items;
}

void clxi_tile_options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_WG=%u -D CLX_BN=%u -D CLX_DVB=%u", tile->items, tile->columns, tile->slice);
    if (tile->family == CLXI_FAMILY_CPU)
        clxi_text_printf(out, " -D CLX_BM=%u -D CLX_RS=%u -D CLX_RT=%u", tile->rows, tile->tx, tile->rm);
    else if (tile->family == CLXI_FAMILY_NV_WGMMA)
        clxi_text_printf(out, " -D CLX_STAGES=%u", tile->stages);
    else if (tile->family == CLXI_FAMILY_NV_MMA || tile->family == CLXI_FAMILY_NV_MMA_TWIN)
        clxi_text_printf(out, " -D CLX_FAMILY=%d", (int)tile->family);
    else
        clxi_text_printf(out, " -D CLX_TX=%u -D CLX_RM=%u -D CLX_DK=%u -D CLX_VK=%u -D CLX_PREFETCH=%d", tile->tx,
                         tile->rm, tile->dk, tile->vk, tile->prefetch);
}
