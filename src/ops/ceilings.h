/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that compute nothing of use and show what a device can do at most: multiply and add, matrix units, copies. What
 * `clxlstm bench` holds the operators against. Run and checked in tools/bench_ceiling.c. */
#ifndef CLXI_OPS_CEILINGS_H
#define CLXI_OPS_CEILINGS_H

#include "ops/tile_params.h"
#include "runtime/context.h"

typedef enum clxi_ceiling_kind {
    CLXI_CEILING_FMA,
    CLXI_CEILING_MMA,   /* matrix products of a warp, operands in registers */
    CLXI_CEILING_WGMMA, /* of a warp group, operands in local memory */
    CLXI_CEILING_COPY
} clxi_ceiling_kind;

typedef struct clxi_ceiling {
    clxi_ceiling_kind kind;
    clxi_family family;
    clx_dtype dtype; /* of the operands; F32 of CLXI_CEILING_MMA are tf32 */
    const char *name;
    const char *source; /* file of cl/ */
    const char *kernel;
    char options[128];
    size_t items; /* of a group */
    uint32_t width;
    uint32_t runs; /* COPY: pieces of an item, `width` floats each */
    double work;   /* operations of a group and step */
} clxi_ceiling;

enum { CLXI_CEILINGS_MAX = 8 };

/* Those that the context's device may have; the first is CLXI_CEILING_FMA, which any device has. */
size_t clxi_ceilings(const clx_context *context, clxi_ceiling out[CLXI_CEILINGS_MAX]);

/* For contexts that list programs. */
clx_status clxi_ceilings_list(clx_context *context, clx_error *error);

#endif
