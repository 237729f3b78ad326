/* SPDX-License-Identifier: Apache-2.0
 *
 * Tile shapes of the kernel families, shared by the operators that are a product, a transform and a product. The
 * meaning of each number is written at the top of cl/tile/simt.clh and of the cpu bodies. How a family chooses its own
 * is in its vendor's file, src/ops/tile_*.c. */
#ifndef CLXI_OPS_TILE_PARAMS_H
#define CLXI_OPS_TILE_PARAMS_H

#include "base/text.h"
#include <clxlstm/dtype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cl/tile/tile.clh knows some of these numbers. A twin is a family of matrix units with their instructions in plain
 * OpenCL C, for tests. */
typedef enum clxi_family {
    CLXI_FAMILY_SIMT = 0,
    CLXI_FAMILY_CPU = 1,
    CLXI_FAMILY_NV_WGMMA = 2,
    CLXI_FAMILY_NV_MMA = 3,
    CLXI_FAMILY_NV_MMA_TWIN = 4,
    CLXI_FAMILY_INTEL_XMX = 5,
    CLXI_FAMILY_INTEL_XMX_TWIN8 = 6, /* sub-groups of 8, and of 16 */
    CLXI_FAMILY_INTEL_XMX_TWIN16 = 7,
    CLXI_FAMILY_AMD_WMMA = 8, /* for tile.clh all of AMD's are 8 */
    CLXI_FAMILY_AMD_MFMA = 9,
    CLXI_FAMILY_AMD_WMMA11_TWIN = 10, /* of gfx11, and of gfx12 */
    CLXI_FAMILY_AMD_WMMA12_TWIN = 11,
    CLXI_FAMILY_AMD_MFMA_TWIN = 12,
    CLXI_FAMILY_COUNT
} clxi_family;

/* What a tile must fit, of the device. */
typedef struct clxi_tile_limits {
    bool is_cpu;
    uint64_t max_work_group;
    uint64_t local_bytes;
    uint32_t float_width; /* the CPU's vector length in floats */
    uint32_t registers;   /* floats that an item can keep in registers, about */
    uint32_t named;       /* bit f: the `variants` option names family f; twins want that */
    uint32_t nv_sm;       /* NVIDIA's compute capability times 10, or 0 */
    uint32_t subgroup;    /* the sub-group size that all programs ask for, on Intel's GPUs; else 0 */
    bool xmx;             /* Intel's matrix engines, for sub-groups of that size */
    uint32_t amd_gfx;     /* the number in the names of AMD's GPUs, 0x90a or 0x1100, or 0 */
} clxi_tile_limits;

/* ... and of the problem. */
typedef struct clxi_tile_problem {
    uint64_t DHQK;
    uint64_t DHV;
    clx_dtype qkv_dtype;
    bool explicit_mask;
} clxi_tile_problem;

/* An operator's bodies: the one over the tile interface, and those of families that work in another shape. */
typedef enum clxi_body { CLXI_BODY_TILES, CLXI_BODY_CPU, CLXI_BODY_WGMMA, CLXI_BODY_COUNT } clxi_body;

typedef struct clxi_tile_params {
    clxi_family family;
    uint32_t items;   /* of a group */
    uint32_t rows;    /* of a tile */
    uint32_t columns; /* of a tile */
    uint32_t slice;   /* columns of O a group owns */
    uint32_t tx;      /* simt, intel_xmx, amd: items that share a row; cpu: columns of a register block */
    uint32_t rm;      /* simt, intel_xmx, amd: rows of an item; cpu: rows of a register block */
    uint32_t dk;      /* simt: depth of a chunk of Q and K; intel_xmx, amd: of K; cpu, nv: all of DHQK, but 0 in tf32 */
    uint32_t vk;      /* simt: rows of V of a chunk */
    uint32_t stages;  /* nv_wgmma: tiles of K and of V in local memory */
    double lead; /* how much faster it works than the plain peak of the device, about: for launches bounded in time */
    uint32_t vector; /* numbers of a row that are loaded at once where all rows are aligned to them */
    uint32_t
        scan_items; /* of the groups of an operator's scans, where they may be larger or smaller than `fit_items` */
    uint32_t
        fit_items; /* what CL_KERNEL_WORK_GROUP_SIZE must allow: NVIDIA's driver rounds that limit down to a power of
                          * two, and yet launches larger groups whose registers fit; a trial shows it */
    uint32_t prefetch; /* 0 or 1: fetch what is next (simt: a chunk) while the one before is used; simt, nv_mma */
} clxi_tile_params;

enum { CLXI_TILE_CANDIDATES_MAX = 16 };

const char *clxi_family_name(clxi_family family);
bool clxi_family_is_twin(clxi_family family);
clxi_body clxi_family_body(clxi_family family);

/* Tile shapes that fit device and problem, best first: those of matrix units, then cpu, then simt, whose last ones are the
 * smallest, so that a device with odd limits finds one that fits. At most `capacity`; returns how many. */
size_t clxi_tile_candidates(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *out,
                            size_t capacity);

/* Bytes of local memory that a tile takes. */
uint64_t clxi_tile_local_bytes(const clxi_tile_params *tile);

/* Appends " -D CLX_..." for each parameter of the family. */
void clxi_tile_options(const clxi_tile_params *tile, clxi_text *out);

#endif
