/* SPDX-License-Identifier: Apache-2.0
 *
 * The cell's insides, shared by its files only:
 *
 *     cell.c          create, destroy, enqueue
 *     cell_check.c    what is refused
 *     cell_backend.c  the backend, whichever it is */
#ifndef CLXI_CELL_CELL_OP_H
#define CLXI_CELL_CELL_OP_H

#include "ops/gates.h"
#include <clxlstm/cell.h>
#include <clxlstm/mlstm.h>
#include <clxlstm/recurrent.h>

struct clx_mlstm_cell {
    clx_context *context;
    clx_mlstm_cell_config config; /* with the backend's context_length assigned */
    clx_mlstm_cell_desc desc;     /* with its defaults resolved; desc.config is not kept */
    uint64_t NH;
    char *name;
    clxi_gates *gates;
    clx_norm *qk_norm; /* or NULL */
    clx_norm *outnorm;
    clx_mlstm *parallel; /* one of these three */
    clx_attention *attention;
    clx_recurrent *recurrent;
};

enum {
    CLXI_CELL_Q,
    CLXI_CELL_K,
    CLXI_CELL_V,
    CLXI_CELL_GATE_INPUT,
    CLXI_CELL_BORDERS = CLXI_CELL_GATE_INPUT + CLX_MLSTM_CELL_MAX_GATE_INPUTS,
    CLXI_CELL_IGATE_KERNEL,
    CLXI_CELL_IGATE_BIAS,
    CLXI_CELL_FGATE_KERNEL,
    CLXI_CELL_FGATE_BIAS,
    CLXI_CELL_OUTNORM,
    CLXI_CELL_Q_NORM,
    CLXI_CELL_K_NORM,
    CLXI_CELL_STATE,                         /* C, n, m */
    CLXI_CELL_OUTPUTS = CLXI_CELL_STATE + 3, /* all that is written, from here on */
    CLXI_CELL_STATE_OUT = CLXI_CELL_OUTPUTS, /* C_out, n_out, m_out */
    CLXI_CELL_H = CLXI_CELL_STATE_OUT + 3,
    CLXI_CELL_STATISTICS,
    CLXI_CELL_EXTENTS
};

/* Checks a descriptor and its configuration; resolves the defaults into `cell`. */
clx_status clxi_cell_check_desc(const clx_mlstm_cell_desc *desc, clx_mlstm_cell *cell, clx_error *error);

/* B and S against the kernels' index types and each other's products. */
clx_status clxi_cell_check_sizes(const clx_mlstm_cell *cell, uint64_t B, uint64_t S, clx_error *error);

/* Checks the tensors of a call; extents without a tensor are those not given. */
clx_status clxi_cell_check_args(const clx_mlstm_cell *cell, const clx_mlstm_cell_args *args,
                                clxi_extent extents[CLXI_CELL_EXTENTS], clx_error *error);

/* The tensors between the stages and those of the call, all per head: what the backend sees. */
typedef struct clxi_cell_heads_view {
    clx_tensor q, k, v;      /* (B, NH, S, D) */
    clx_tensor igate, fgate; /* (B, NH, S) */
    clx_tensor h;
} clxi_cell_heads_view;

/* The backend by its name; the configuration is checked. */
clx_status clxi_cell_backend_create(clx_mlstm_cell *cell, clx_error *error);
const char *clxi_cell_backend_variant(const clx_mlstm_cell *cell);
clx_status clxi_cell_backend_workspace_size(const clx_mlstm_cell *cell, uint64_t B, uint64_t S, uint64_t *size_bytes,
                                            clx_error *error);
clx_status clxi_cell_backend_enqueue(clx_mlstm_cell *cell, const clx_launch *launch, const clxi_cell_heads_view *x,
                                     const clx_mlstm_cell_args *args, clx_error *error);

#endif
