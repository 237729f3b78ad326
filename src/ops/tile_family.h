/* SPDX-License-Identifier: Apache-2.0
 *
 * What a kernel family tells of its tiles: a row of the table in tile_params.c. One file a vendor holds its families. */
#ifndef CLXI_OPS_TILE_FAMILY_H
#define CLXI_OPS_TILE_FAMILY_H

#include "ops/tile_space.h"

typedef struct clxi_tile_family {
    const char *name;
    clxi_body body;
    bool twin;
    /* Shapes that fit, best first; returns how many. `family`, `items`, `rows`, `columns`, `slice`, `lead` and `vector` are
     * set; scan_items and fit_items where they are not `items`. */
    size_t (*candidates)(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                         size_t capacity);
    uint64_t (*local_bytes)(const clxi_tile_params *tile);
    void (*options)(const clxi_tile_params *tile, clxi_text *out); /* beyond group, columns and slice */
} clxi_tile_family;

/* What else a family's tiles may be: a row of the table in tile_space.c, for those where there is a choice. */
typedef struct clxi_tile_space {
    size_t axis_count;
    const clxi_tile_axis *axes;
    /* Checks the numbers together, which are each on its axis, and sets the others as `candidates` does. NULL or why not. */
    const char *(*settle)(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile);
} clxi_tile_space;

extern const clxi_tile_space clxi_tile_simt_space;
extern const clxi_tile_space clxi_tile_cpu_space;
extern const clxi_tile_space clxi_tile_nv_wgmma_space;
extern const clxi_tile_space clxi_tile_nv_mma_space;

extern const clxi_tile_family clxi_tile_simt;
extern const clxi_tile_family clxi_tile_cpu;
extern const clxi_tile_family clxi_tile_nv_wgmma;
extern const clxi_tile_family clxi_tile_nv_mma;
extern const clxi_tile_family clxi_tile_nv_mma_twin;
extern const clxi_tile_family clxi_tile_intel_xmx;
extern const clxi_tile_family clxi_tile_intel_xmx_twin8;
extern const clxi_tile_family clxi_tile_intel_xmx_twin16;
extern const clxi_tile_family clxi_tile_amd_wmma;
extern const clxi_tile_family clxi_tile_amd_mfma;
extern const clxi_tile_family clxi_tile_amd_wmma11_twin;
extern const clxi_tile_family clxi_tile_amd_wmma12_twin;
extern const clxi_tile_family clxi_tile_amd_mfma_twin;

/* Sets fit_items and scan_items where the family has not. */
void clxi_tile_complete(clxi_tile_params *tile);

/* A head dimension in whole multiples, at most `most`. */
uint32_t clxi_tile_round_up(uint64_t value, uint32_t multiple, uint32_t most);

#endif
