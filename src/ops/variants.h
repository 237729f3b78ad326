/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice between an operator's variants on one device: candidates are built best first, and none but the anchor
 * (`simt`) is trusted before it has given what the anchor gives on a small problem. */
#ifndef CLXI_OPS_VARIANTS_H
#define CLXI_OPS_VARIANTS_H

#include "base/hash.h"
#include "ops/tile_params.h"
#include "runtime/trial.h"

/* An operator's candidates, best first, and what can be done with one. `user` is handed to the callbacks. */
typedef struct clxi_variants {
    const char *name; /* of the operator, for messages: "mlstm" */
    const void *user;
    size_t count;
    size_t tuned;        /* so many of the first were found by tuning: proposals, whatever their family */
    clx_dtype precision; /* of the products: what variants may differ by */
    clxi_family (*family)(const void *user, size_t index);
    /* Sets *op where it succeeds. `once`: for a trial only, so its own programs need not be kept (clxi_kernel_get_once). */
    clx_status (*build)(const void *user, size_t index, bool once, void **op, clx_error *error);
    void (*destroy)(void *op);
    /* Names the program whose verdict is remembered. */
    clx_status (*fingerprint)(const void *op, clxi_hash *out, clx_error *error);
    /* Enqueues the operator on the trial's problem, the same for every candidate; `result` is what is compared. */
    clx_status (*run)(void *op, clxi_trial *trial, clx_tensor *result, clx_error *error);
} clxi_variants;

/* Builds the best candidate that the context allows, that builds, and that passes its trial. Dropped ones are logged.
 * Verdicts are kept with the cached binaries, so that a trial runs once for a driver. */
clx_status clxi_variants_choose(clx_context *context, const clxi_variants *variants, void **op, clx_error *error);

/* What the device allows a tile. */
clxi_tile_limits clxi_context_tile_limits(const clx_context *context);

#endif
