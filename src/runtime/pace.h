/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast the kernels of an operator work on a full device: measured when the operator is made, on a queue of the library's
 * own, so that an enqueue can cut a grid into launches of a bounded time by nothing but a division. */
#ifndef CLXI_RUNTIME_PACE_H
#define CLXI_RUNTIME_PACE_H

#include "base/hash.h"
#include "runtime/trial.h"

enum { CLXI_PACE_KERNELS = 8, CLXI_PACE_NAME = 24, CLXI_LAPS = 64 };

/* Launches while paces are measured. */
typedef struct clxi_laps {
    struct {
        const char *name;
        double flops;
        cl_event event;
    } rows[CLXI_LAPS];
    size_t count;
} clxi_laps;

/* An operator's; zeroed: nothing is known, and launches go by an estimate from the device's peak. */
typedef struct clxi_paces {
    struct {
        char name[CLXI_PACE_NAME]; /* of the kernel, as clxi_call_kernel is told */
        double flops_per_ms; /* of the flops that it is told, which are counted somehow, yet the same way each time */
    } kernels[CLXI_PACE_KERNELS];
    size_t count;
    clxi_laps *laps; /* not NULL while they are measured: launches are whole, and noted here */
} clxi_paces;

/* What to reckon with, somewhat less than was measured; 0 where it is not known. */
double clxi_pace_of(const clxi_paces *paces, const char *kernel);

/* Takes hold of the event; what does not fit is not measured. */
void clxi_laps_note(clxi_laps *laps, const char *kernel, double flops, cl_event event);

/* Enqueues the operator on the trial's problem, trial->copies times side by side. `result` is not looked at. */
typedef clx_status (*clxi_pace_run_fn)(void *op, clxi_trial *trial, clx_tensor *result, clx_error *error);

/* Fills `paces`, which are the operator's: as they are remembered under `key` in the context or on its disk, else by running
 * it. What cannot be measured has no pace; nothing fails for it. Does nothing where launches are not cut. */
void clxi_paces_find(clx_context *context, clxi_hash key, clxi_paces *paces, clxi_pace_run_fn run, void *op);

/* Frees what the context remembers. */
void clxi_paces_free(clx_context *context);

#endif
