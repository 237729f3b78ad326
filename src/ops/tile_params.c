/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of kernel families; see the headers. */
#include "base/arith.h"
#include "ops/tile_family.h"

static const clxi_tile_family *const families[CLXI_FAMILY_COUNT] = {
    [CLXI_FAMILY_SIMT] = &clxi_tile_simt,
    [CLXI_FAMILY_CPU] = &clxi_tile_cpu,
    [CLXI_FAMILY_NV_WGMMA] = &clxi_tile_nv_wgmma,
    [CLXI_FAMILY_NV_MMA] = &clxi_tile_nv_mma,
    [CLXI_FAMILY_NV_MMA_TWIN] = &clxi_tile_nv_mma_twin,
    [CLXI_FAMILY_INTEL_XMX] = &clxi_tile_intel_xmx,
    [CLXI_FAMILY_INTEL_XMX_TWIN8] = &clxi_tile_intel_xmx_twin8,
    [CLXI_FAMILY_INTEL_XMX_TWIN16] = &clxi_tile_intel_xmx_twin16,
    [CLXI_FAMILY_AMD_WMMA] = &clxi_tile_amd_wmma,
    [CLXI_FAMILY_AMD_MFMA] = &clxi_tile_amd_mfma,
    [CLXI_FAMILY_AMD_WMMA11_TWIN] = &clxi_tile_amd_wmma11_twin,
    [CLXI_FAMILY_AMD_WMMA12_TWIN] = &clxi_tile_amd_wmma12_twin,
    [CLXI_FAMILY_AMD_MFMA_TWIN] = &clxi_tile_amd_mfma_twin,
};

/* Which is asked first; the anchor comes last. */
static const clxi_family preference[CLXI_FAMILY_COUNT] = {
    CLXI_FAMILY_NV_WGMMA,
    CLXI_FAMILY_NV_MMA,
    CLXI_FAMILY_NV_MMA_TWIN,
    CLXI_FAMILY_INTEL_XMX,
    CLXI_FAMILY_INTEL_XMX_TWIN8,
    CLXI_FAMILY_INTEL_XMX_TWIN16,
    CLXI_FAMILY_AMD_WMMA,
    CLXI_FAMILY_AMD_MFMA,
    CLXI_FAMILY_AMD_WMMA11_TWIN,
    CLXI_FAMILY_AMD_WMMA12_TWIN,
    CLXI_FAMILY_AMD_MFMA_TWIN,
    CLXI_FAMILY_CPU,
    CLXI_FAMILY_SIMT,
};

const char *clxi_family_name(clxi_family family)
{
    return families[family]->name;
}

bool clxi_family_is_twin(clxi_family family)
{
    return families[family]->twin;
}

clxi_body clxi_family_body(clxi_family family)
{
    return families[family]->body;
}

uint32_t clxi_tile_round_up(uint64_t value, uint32_t multiple, uint32_t most)
{
    return (uint32_t)clxi_min_u64(clxi_ceil_div(value, multiple) * multiple, most);
}

void clxi_tile_complete(clxi_tile_params *tile)
{
    if (tile->fit_items == 0) tile->fit_items = tile->items;
    if (tile->scan_items == 0) tile->scan_items = tile->fit_items;
}

size_t clxi_tile_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                            size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < CLXI_FAMILY_COUNT; i++) {
        const clxi_tile_family *family = families[preference[i]];
        if (family->twin && (limits->named >> preference[i] & 1) == 0) continue;
        const size_t end = count + family->candidates(limits, problem, out + count, capacity - count);
        for (; count < end; count++)
            clxi_tile_complete(&out[count]);
    }
    return count;
}

uint64_t clxi_tile_local_bytes(const clxi_tile_params *tile)
{
    return families[tile->family]->local_bytes(tile);
}

void clxi_tile_options(const clxi_tile_params *tile, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_WG=%u -D CLX_BN=%u -D CLX_DVB=%u", tile->items, tile->columns, tile->slice);
    families[tile->family]->options(tile, out);
}
