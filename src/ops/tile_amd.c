/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes on the matrix units of AMD's GPUs: WMMA of gfx11 and gfx12, in waves of 32, and MFMA, in waves of 64. */
#include "base/arith.h"
#include "ops/tile_family.h"

enum { MATRIX_ITEMS = 256, MATRIX_DEPTH_MOST = 128 /* of a chunk of K: three groups fit into 64 KiB */ };

/* The kinds of products that cl/tile/amd_wave.clh knows. (Which WMMA a device has its compiler knows, too.) */
enum { MFMA = 9, WMMA_11 = 11, WMMA_12 = 12 };

static uint32_t kind_of_gfx(uint32_t gfx)
{
    if (gfx >> 8 == 0x11) return WMMA_11;
    if (gfx >> 4 == 0x120) return WMMA_12; /* gfx1250 multiplies otherwise */
    return gfx == 0x90a || gfx >> 4 == 0x94 || gfx == 0x950 ? MFMA : 0;
}

static uint32_t kind_of_twin(clxi_family family)
{
    if (family == CLXI_FAMILY_AMD_MFMA_TWIN) return MFMA;
    return family == CLXI_FAMILY_AMD_WMMA11_TWIN ? WMMA_11 : WMMA_12;
}

static uint32_t wave(uint32_t kind)
{
    return kind == MFMA ? 64 : 32;
}

/* V, K, and what a twin's items exchange: 16, 8 or 4 numbers of two operands; see cl/tile/amd_terms.clh. */
static uint64_t matrix_local_bytes(const clxi_tile_params *tile)
{
    const uint64_t tiles =
        16 * ((uint64_t)tile->slice / 8 * (tile->columns + 12) + (uint64_t)tile->columns / 8 * (tile->dk + 12));
    if (!clxi_family_is_twin(tile->family)) return tiles;
    const uint32_t kind = kind_of_twin(tile->family);
    return tiles + 8 * (uint64_t)tile->items * (kind == WMMA_11 ? 16 : kind == WMMA_12 ? 8 : 4);
}

/* All of DHQK in as few chunks of the same depth as there may be. */
static uint32_t matrix_depth(uint64_t DHQK, uint32_t step)
{
    const uint64_t chunks = clxi_ceil_div(DHQK, MATRIX_DEPTH_MOST);
    return clxi_tile_round_up(clxi_ceil_div(DHQK, chunks), step, MATRIX_DEPTH_MOST);
}

static size_t matrix_tile(clxi_family family, uint32_t kind, const clxi_tile_limits *limits,
                          const clxi_tile_problem *problem, clxi_tile_params *out, size_t capacity)
{
    clxi_tile_params tile = {0};
    if (problem->qkv_dtype == CLX_F32 || capacity == 0) return 0;
    tile.family = family;
    tile.vector = 8;
    tile.lead = 4;
    tile.items = MATRIX_ITEMS;
    tile.tx = wave(kind) / 16;
    tile.rm = wave(kind) / 32; /* an item of the wider waves has half of a row, and registers for two */
    tile.rows = tile.items / tile.tx * tile.rm;
    tile.columns = 32;
    tile.slice = clxi_tile_round_up(problem->DHV, wave(kind) / 2, 128);
    tile.dk = matrix_depth(problem->DHQK, wave(kind) / 2);
    if (tile.items > limits->max_work_group || matrix_local_bytes(&tile) > limits->local_bytes) return 0;
    out[0] = tile;
    return 1;
}

static size_t wmma_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                              size_t capacity)
{
    const uint32_t kind = kind_of_gfx(limits->amd_gfx);
    if (kind != WMMA_11 && kind != WMMA_12) return 0;
    return matrix_tile(CLXI_FAMILY_AMD_WMMA, kind, limits, problem, out, capacity);
}

/* The MFMA of gfx90a takes subnormal numbers of 16 bits for 0, which in f16 are no smaller than what people compute with. */
static size_t mfma_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                              size_t capacity)
{
    const uint32_t kind = kind_of_gfx(limits->amd_gfx);
    if (kind != MFMA || (limits->amd_gfx == 0x90a && problem->qkv_dtype == CLX_F16)) return 0;
    return matrix_tile(CLXI_FAMILY_AMD_MFMA, kind, limits, problem, out, capacity);
}

static size_t wmma11_twin_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                     clxi_tile_params *out, size_t capacity)
{
    return matrix_tile(CLXI_FAMILY_AMD_WMMA11_TWIN, WMMA_11, limits, problem, out, capacity);
}

static size_t wmma12_twin_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                     clxi_tile_params *out, size_t capacity)
{
    return matrix_tile(CLXI_FAMILY_AMD_WMMA12_TWIN, WMMA_12, limits, problem, out, capacity);
}

static size_t mfma_twin_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                   clxi_tile_params *out, size_t capacity)
{
    return matrix_tile(CLXI_FAMILY_AMD_MFMA_TWIN, MFMA, limits, problem, out, capacity);
}

static void matrix_options(const clxi_tile_params *tile, clxi_text *out)
{
    const bool twin = clxi_family_is_twin(tile->family);
    clxi_text_printf(out, " -D CLX_FAMILY=%d -D CLX_RM=%u -D CLX_DK=%u", (int)CLXI_FAMILY_AMD_WMMA, tile->rm, tile->dk);
    if (twin || tile->family == CLXI_FAMILY_AMD_MFMA)
        clxi_text_printf(out, " -D CLX_AMD=%u", twin ? kind_of_twin(tile->family) : MFMA);
    if (twin) clxi_text_printf(out, " -D CLX_TWIN=1");
}

const clxi_tile_family clxi_tile_amd_wmma = {"amd_wmma",      CLXI_BODY_TILES,    false,
                                             wmma_candidates, matrix_local_bytes, matrix_options};
const clxi_tile_family clxi_tile_amd_mfma = {"amd_mfma",      CLXI_BODY_TILES,    false,
                                             mfma_candidates, matrix_local_bytes, matrix_options};
const clxi_tile_family clxi_tile_amd_wmma11_twin = {"amd_wmma11_twin",      CLXI_BODY_TILES,    true,
                                                    wmma11_twin_candidates, matrix_local_bytes, matrix_options};
const clxi_tile_family clxi_tile_amd_wmma12_twin = {"amd_wmma12_twin",      CLXI_BODY_TILES,    true,
                                                    wmma12_twin_candidates, matrix_local_bytes, matrix_options};
const clxi_tile_family clxi_tile_amd_mfma_twin = {"amd_mfma_twin",      CLXI_BODY_TILES,    true,
                                                  mfma_twin_candidates, matrix_local_bytes, matrix_options};
