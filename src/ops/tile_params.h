/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes of the kernel families, shared by the operators that are a product, a transform and a product. The
 * meaning of each number is written at the top of cl/tile/simt.clh and of the cpu bodies. */
#ifndef CLXI_OPS_TILE_PARAMS_H
#define CLXI_OPS_TILE_PARAMS_H

#include "base/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cl/tile/tile.clh knows some of these numbers. */
typedef enum clxi_family {
    CLXI_FAMILY_SIMT = 0,
    CLXI_FAMILY_CPU = 1,
    CLXI_FAMILY_NV_WGMMA = 2,
    CLXI_FAMILY_NV_MMA = 3,
    CLXI_FAMILY_NV_MMA_TWIN = 4 /* nv_mma in plain OpenCL C, for tests: only where the `variants` option names it */
} clxi_family;

/* What a tile must fit, of the device and of the problem. */
typedef struct clxi_tile_limits {
    bool is_cpu;
    uint64_t max_work_group;
    uint64_t local_bytes;
    uint32_t float_width; /* the CPU's vector length in floats */
    uint32_t registers;   /* floats that an item can keep in registers, about */
    bool twins;           /* families that only exist for tests */
    uint32_t nv_sm;       /* NVIDIA's compute capability times 10, or 0 */
} clxi_tile_limits;

typedef struct clxi_tile_params {
    clxi_family family;
    uint32_t items;   /* of a group */
    uint32_t rows;    /* of a tile */
    uint32_t columns; /* of a tile */
    uint32_t slice;   /* columns of O a group owns */
    uint32_t tx;      /* simt: items that share a row; cpu: columns of a register block */
    uint32_t rm;      /* simt: rows of an item; cpu: rows of a register block */
    uint32_t dk;      /* simt: depth of a chunk of Q and K; cpu: all of DHQK */
    uint32_t vk;      /* simt: rows of V of a chunk */
    uint32_t stages;  /* nv_wgmma: tiles of K and of V in local memory */
    double lead; /* how much faster it works than the plain peak of the device, about: for launches bounded in time */
    uint32_t vector; /* numbers of a row that are loaded at once where all rows are aligned to them */
    bool prefetch;   /* simt: fetch a chunk while the one before is used */
} clxi_tile_params;

const char *clxi_family_name(clxi_family family);

/* Tile shapes of simt and cpu that fit the limits for head dimensions DHQK and DHV, best first; returns how many. */
size_t clxi_tile_candidates(const clxi_tile_limits *limits, uint64_t DHQK, uint64_t DHV, clxi_tile_params *out,
                            size_t capacity);

/* The same of NVIDIA's matrix units, which come before the others: nv_wgmma, for products in 16 bits without explicit masks
 * (`whole`), then nv_mma. */
size_t clxi_tile_nv_candidates(const clxi_tile_limits *limits, uint64_t DHQK, uint64_t DHV, bool whole,
                               clxi_tile_params *out, size_t capacity);

/* Bytes of local memory that a tile takes. */
uint64_t clxi_tile_local_bytes(const clxi_tile_params *tile);

/* Items that CL_KERNEL_WORK_GROUP_SIZE must allow. NVIDIA's driver rounds that limit down to a power of two, and yet
 * launches larger groups whose registers fit; a trial shows it. */
uint32_t clxi_tile_fit_items(const clxi_tile_params *tile);

/* Appends " -D CLX_..." for each parameter of the family. */
void clxi_tile_options(const clxi_tile_params *tile, clxi_text *out);

#endif
