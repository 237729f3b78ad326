/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tiles there are beyond a family's own candidates: for tuning, and for what tuning has found. A tile that comes as
 * text may hold anything; settled, it is one that the kernels are written for and that fits device and problem. */
#ifndef CLXI_OPS_TILE_SPACE_H
#define CLXI_OPS_TILE_SPACE_H

#include "ops/tile_params.h"
#include "runtime/tuning.h"

enum { CLXI_TILE_VALUES_MAX = 32 };

/* One number of a family's tiles, and what it may be, ascending. */
typedef struct clxi_tile_axis {
    const char *name;
    size_t offset; /* of a uint32_t of clxi_tile_params */
    size_t count;
    uint32_t values[CLXI_TILE_VALUES_MAX];
} clxi_tile_axis;

/* The axes of a family; 0 where its candidates are all there is. */
size_t clxi_tile_axes(clxi_family family, const clxi_tile_axis **axes);

/* Checks the numbers on the axes, one by one and together, against device and problem, and sets all others. NULL where
 * the tile may be built; else why not, as part of a sentence. */
const char *clxi_tile_settle(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile);

/* Appends "cpu rows=48 columns=48 ...". */
void clxi_tile_write(const clxi_tile_params *tile, clxi_text *out);

/* Reads and settles; NULL or why not. */
const char *clxi_tile_read(const char *text, const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                           clxi_tile_params *tile);

/* What a tuning result is for: "mlstm f32 f32 128x256 plain", with the dtypes in memory and of the products, and "mask"
 * where there is an explicit one. Numbers of heads and tokens are no part of it: they are not known when an operator is
 * created. */
void clxi_tile_subject(const char *op, clx_dtype input_dtype, const clxi_tile_problem *problem,
                       char subject[CLXI_TUNING_SUBJECT_SIZE]);

/* The tile that tuning has found for an operator's problem on the context's device, settled; false where there is none,
 * with a log line where there is one that may not be. */
bool clxi_tile_tuned(clx_context *context, const char *op, clx_dtype input_dtype, const clxi_tile_limits *limits,
                     const clxi_tile_problem *problem, clxi_tile_params *tile);

#endif
