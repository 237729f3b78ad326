/* SPDX-License-Identifier: Apache-2.0
 *
 * Which kernels an mLSTM operator uses: family, tile parameters, compile options. Pure decisions, nothing is built. */
#ifndef CLXI_OPS_MLSTM_PLAN_H
#define CLXI_OPS_MLSTM_PLAN_H

#include "base/text.h"
#include "ops/tile_params.h"
#include <clxlstm/mlstm.h>

/* The operator's descriptor with every default resolved. */
typedef struct clxi_mlstm_problem {
    uint64_t DHQK;
    uint64_t DHV;
    clx_dtype input_dtype;
    clx_dtype qkv_dtype;
    clx_dtype gate_input_dtype;
    clx_dtype gate_dtype;
    clx_dtype out_dtype;
    bool explicit_mask;
    bool rowwise;
    bool return_state;
    clx_dtype state_dtype;
} clxi_mlstm_problem;

typedef struct clxi_mlstm_plan {
    clxi_tile_params tile;
    uint32_t gates_items;  /* items of a group of the gate kernels */
    uint32_t gates_run;    /* positions an item takes at once */
    uint32_t chunk_stages; /* tiles of K and of V that the kernel of chunks' sums has in local memory */
    bool chunks;           /* the forward kernel can read what is before its chunk as a state */
    bool unroll;
    bool tuned;                 /* the tile comes from tuning */
    bool once;                  /* built for a trial only: the forward program is not kept on disk */
    const char *forward_source; /* in cl/ */
} clxi_mlstm_plan;

/* What the tiles must fit. */
clxi_tile_problem clxi_mlstm_plan_tiles(const clxi_mlstm_problem *problem);

/* Candidates for a device, best first, and before them what tuning has found, if not NULL; returns how many. */
size_t clxi_mlstm_plan_candidates(const clxi_tile_limits *limits, const clxi_mlstm_problem *problem,
                                  const clxi_tile_params *tuned, clxi_mlstm_plan plans[CLXI_TILE_CANDIDATES_MAX]);

/* Compile options of the gate kernels (mlstm_gates.cl, mlstm_mask.cl) and of the forward kernel. */
void clxi_mlstm_gate_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);
void clxi_mlstm_forward_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);

/* ... and of the kernels of the chunkwise way. */
#define CLXI_MLSTM_CHUNKS_SOURCE "mlstm_chunks_wgmma.cl"
#define CLXI_MLSTM_SCAN_SOURCE "mlstm_chunks_scan.cl"
enum { CLXI_MLSTM_SCAN_ITEMS = 64 };
void clxi_mlstm_chunks_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);
void clxi_mlstm_scan_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);

/* What a group of the state kernel owns of a head's C, and where it stands. */
typedef struct clxi_mlstm_state_tile {
    const char *source; /* in cl/ */
    uint32_t rows;      /* along DHQK */
    uint32_t columns;   /* along DHV */
    uint32_t chunk;     /* tokens in local memory; 0 on CPUs */
} clxi_mlstm_state_tile;

clxi_mlstm_state_tile clxi_mlstm_plan_state(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem);

/* ... and its compile options. */
void clxi_mlstm_state_options(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);

/* "simt_mlstm_bf16_64x64", and "_tuned" behind it where tuning has found it. */
void clxi_mlstm_plan_name(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);

#endif
