/* SPDX-License-Identifier: Apache-2.0
 *
 * A cell with random inputs on the device and, beside it, what the float64 reference makes of the same numbers. */
#ifndef TEST_DEVICE_CELL_FIXTURE_H
#define TEST_DEVICE_CELL_FIXTURE_H

#include "support/support.h"

enum {
    CELL_Q,
    CELL_K,
    CELL_V,
    CELL_GATE_INPUT, /* and the seven after it */
    CELL_BORDERS = CELL_GATE_INPUT + CLX_MLSTM_CELL_MAX_GATE_INPUTS,
    CELL_IGATE_KERNEL,
    CELL_IGATE_BIAS,
    CELL_FGATE_KERNEL,
    CELL_FGATE_BIAS,
    CELL_OUTNORM,
    CELL_Q_NORM,
    CELL_K_NORM,
    CELL_C,
    CELL_N,
    CELL_M,
    CELL_C_OUT,
    CELL_N_OUT,
    CELL_M_OUT,
    CELL_H,
    CELL_STATISTICS,
    CELL_TENSORS
};

/* A tensor on the device, and its numbers as the device has them. */
typedef struct cell_tensor {
    bool given;
    clx_tensor view;
    size_t count;
    double *value;
} cell_tensor;

typedef struct cell_problem {
    clx_mlstm_cell_config config;
    clx_mlstm_cell_desc desc; /* config, DHQK and DHV set */
    uint64_t B, S, NH;
    uint64_t features[CLX_MLSTM_CELL_MAX_GATE_INPUTS]; /* of the gate inputs, where desc.gate_inputs is not 0 */
    uint64_t row_padding;                              /* elements between the rows of q, k, v and h */
    bool statistics;
    bool start_state; /* recurrent: start from random C, n and m */
    cell_tensor tensor[CELL_TENSORS];
    clx_mlstm_cell_args args;
} cell_problem;

/* A problem of 2 heads in f32 with nothing unusual; set what differs, then cell_problem_fill. */
cell_problem cell_problem_plain(void);

/* Makes the tensors that the configuration asks for: random inputs, outputs full of NaN. */
void cell_problem_fill(cell_problem *p, random_state *random);
void cell_problem_free(cell_problem *p);

/* Reads an output back into its `value`. */
void cell_problem_read(cell_problem *p, int which);

/* Runs `cell` on the device's queue and waits. */
void cell_problem_run(cell_problem *p, clx_mlstm_cell *cell);

/* h, the statistics and the state against the reference by the golden rule, with the reference of inputs that are off by
 * a rounding in the place of the original's own result. `slack` multiplies the tolerance. */
void cell_problem_expect(cell_problem *p, double slack);

#endif
