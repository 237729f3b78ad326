/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cell refuses, before anything is built or enqueued. */
#include "base/arith.h"
#include "cell/cell_op.h"
#include "cell/config_fields.h"
#include "ops/op_check.h"
#include <limits.h>

static clx_status check_states_desc(const clx_mlstm_cell *cell, clx_error *error)
{
    if (!cell->desc.return_state || cell->config.backend.name != CLX_BACKEND_ATTENTION) return CLX_OK;
    return clxi_fail(error, CLX_ERR_UNSUPPORTED, "return_state: the attention backend has no state, expected 0");
}

clx_status clxi_cell_check_desc(const clx_mlstm_cell_desc *desc, clx_mlstm_cell *cell, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_check_struct("desc", desc->struct_size, sizeof *desc, error));
    if (!desc->config) return clxi_fail(error, CLX_ERR_NULL, "config: NULL, expected a clx_mlstm_cell_config");
    CLXI_TRY(clx_mlstm_cell_config_check(desc->config, error));
    if (desc->config->num_heads < 1)
        return clxi_fail(error, CLX_ERR_VALUE, "num_heads: %lld, expected 1 or more",
                         (long long)desc->config->num_heads);
    cell->config = *desc->config;
    clx_mlstm_backend_assign_model_config_params(&cell->config.backend, &cell->config);
    cell->NH = clxi_cell_heads(&cell->config);
    cell->desc = *desc;
    cell->desc.config = NULL;
    cell->desc.input_dtype = clxi_dtype_or(desc->input_dtype, cell->config.dtype);
    cell->desc.gate_input_dtype = clxi_dtype_or(desc->gate_input_dtype, cell->desc.input_dtype);
    cell->desc.param_dtype = clxi_dtype_or(desc->param_dtype, CLX_F32);
    cell->desc.out_dtype = clxi_dtype_or(desc->out_dtype, cell->config.dtype);
    cell->desc.state_dtype = clxi_dtype_or(desc->state_dtype, CLX_F32);
    CLXI_TRY(clxi_check_dimension("DHQK", desc->DHQK, CLXI_DIMENSION_LIMIT, error));
    CLXI_TRY(clxi_check_dimension("DHV", desc->DHV, CLXI_DIMENSION_LIMIT, error));
    CLXI_TRY(clxi_check_float_dtype("input_dtype", cell->desc.input_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("gate_input_dtype", cell->desc.gate_input_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("param_dtype", cell->desc.param_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("state_dtype", cell->desc.state_dtype, error));
    CLXI_TRY(clxi_check_out_dtype(cell->desc.out_dtype, cell->config.dtype, error));
    if (desc->gate_inputs > CLX_MLSTM_CELL_MAX_GATE_INPUTS)
        return clxi_fail(error, CLX_ERR_VALUE, "gate_inputs: %u, expected at most %d", desc->gate_inputs,
                         CLX_MLSTM_CELL_MAX_GATE_INPUTS);
    CLXI_TRY(check_states_desc(cell, error));
fail:
    return status;
}

clx_status clxi_cell_check_sizes(const clx_mlstm_cell *cell, uint64_t B, uint64_t S, clx_error *error)
{
    clx_status status = CLX_OK;
    const int64_t own = cell->config.context_length, backend = cell->config.backend.context_length;
    uint64_t gates = 0, elements = 0;
    const uint64_t widest = clxi_max_u64(cell->desc.DHQK, cell->desc.DHV);
    CLXI_TRY(clxi_check_count("B", B, error));
    if (S > INT_MAX - 4096)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "S: %llu, expected at most %d", (unsigned long long)S,
                         INT_MAX - 4096);
    if (!clxi_mul_u64(B * cell->NH, S, &gates) || !clxi_mul_u64(gates, widest, &elements) || elements > UINT64_MAX >> 8)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "B, S: %llu x %llu tokens of %llu heads overflow",
                         (unsigned long long)B, (unsigned long long)S, (unsigned long long)cell->NH);
    for (int i = 0; i < 2; i++) {
        const int64_t limit = i == 0 ? own : backend;
        if (limit >= 0 && S > (uint64_t)limit)
            return clxi_fail(error, CLX_ERR_SHAPE, "q: %llu tokens, expected at most %scontext_length %lld",
                             (unsigned long long)S, i == 0 ? "" : "backend.", (long long)limit);
    }
fail:
    return status;
}

static const char *const GATE_INPUT_NAMES[CLX_MLSTM_CELL_MAX_GATE_INPUTS] = {
    "gate_input[0]", "gate_input[1]", "gate_input[2]", "gate_input[3]",
    "gate_input[4]", "gate_input[5]", "gate_input[6]", "gate_input[7]"};

/* Features that the gates see; each tensor's must divide by the heads where they are headwise. */
static clx_status sum_features(const clx_mlstm_cell *cell, const clx_mlstm_cell_args *args, uint64_t *out,
                               clx_error *error)
{
    clx_status status = CLX_OK;
    *out = cell->NH * (2 * cell->desc.DHQK + cell->desc.DHV);
    if (cell->desc.gate_inputs == 0) return CLX_OK;
    *out = 0;
    for (uint32_t i = 0; i < cell->desc.gate_inputs; i++) {
        const char *name = GATE_INPUT_NAMES[i];
        CLXI_TRY(clxi_check_rank(args->gate_input[i], name, 3, "(B, S, features)", error));
        const uint64_t features = args->gate_input[i]->size[2];
        CLXI_TRY(clxi_check_count(name, features, error));
        if (cell->config.gate_linear_headwise && features % cell->NH != 0)
            return clxi_fail(error, CLX_ERR_SHAPE, "%s: %llu features, expected a multiple of the %llu heads", name,
                             (unsigned long long)features, (unsigned long long)cell->NH);
        *out += features;
    }
fail:
    return status;
}

/* Which tensors must be there, and which must not. */
static clx_status check_presence(const clx_mlstm_cell *cell, const clx_mlstm_cell_args *args, clx_error *error)
{
    const clx_tensor *before[3] = {args->C, args->n, args->m};
    const clx_tensor *after[3] = {args->C_out, args->n_out, args->m_out};
    static const char *const before_names[3] = {"C", "n", "m"}, *const after_names[3] = {"C_out", "n_out", "m_out"};
    const bool given = args->C || args->n || args->m;
    if (given && cell->config.backend.name != CLX_BACKEND_RECURRENT)
        return clxi_fail(error, CLX_ERR_UNSUPPORTED,
                         "C, n, m: given, but backend %s does not start from a state, expected NULL",
                         clxi_backend_words[cell->config.backend.name]);
    for (int i = 0; i < 3; i++) {
        if (given && !before[i])
            return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor beside the rest of the state",
                             before_names[i]);
        if (!after[i] == !cell->desc.return_state) continue;
        if (!after[i])
            return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor, since desc.return_state is set",
                             after_names[i]);
        return clxi_fail(error, CLX_ERR_VALUE, "%s: given, expected NULL, since desc.return_state is 0",
                         after_names[i]);
    }
    for (uint32_t i = cell->desc.gate_inputs; i < CLX_MLSTM_CELL_MAX_GATE_INPUTS; i++)
        if (args->gate_input[i])
            return clxi_fail(error, CLX_ERR_VALUE, "%s: given, expected NULL, since desc.gate_inputs is %u",
                             GATE_INPUT_NAMES[i], cell->desc.gate_inputs);
    if (!cell->config.add_qk_norm && (args->q_norm_scale || args->k_norm_scale))
        return clxi_fail(error, CLX_ERR_VALUE, "%s: given, expected NULL, since add_qk_norm is not set",
                         args->q_norm_scale ? "q_norm_scale" : "k_norm_scale");
    return CLX_OK;
}

/* What is given must be as expected; what is missing and may be keeps an empty extent. */
static clx_status check_views(const clx_mlstm_cell *cell, const clx_mlstm_cell_args *args, uint64_t features,
                              clxi_extent extents[CLXI_CELL_EXTENTS], clx_error *error)
{
    clx_status status = CLX_OK;
    const clx_mlstm_cell_desc *d = &cell->desc;
    const uint64_t B = args->q->size[0], S = args->q->size[1], NH = cell->NH;
    const bool headwise = cell->config.gate_linear_headwise != 0, borders = cell->config.reset_at_document_boundaries;
    const clxi_expect kernel = headwise
                                   ? (clxi_expect){NULL, d->param_dtype, 3, {NH, 1, features / NH}, NULL, true, false}
                                   : (clxi_expect){NULL, d->param_dtype, 2, {features, NH}, NULL, true, false};
    const clxi_expect bias = {NULL, d->param_dtype, 1, {NH}, "the cell's heads", false, false};
    const clxi_expect qk_scale = {NULL, d->param_dtype, 1, {d->DHQK}, "the cell's DHQK", true, false};
    const clxi_expect state[3] = {{"C", d->state_dtype, 4, {B, NH, d->DHQK, d->DHV}, "the cell", true, false},
                                  {"n", d->state_dtype, 3, {B, NH, d->DHQK}, "the cell", false, false},
                                  {"m", d->state_dtype, 2, {B, NH}, "the cell", false, false}};
    const struct {
        int at;
        const char *name;
        const clx_tensor *tensor;
        clxi_expect expect;
        bool optional;
    } rows[] = {
        {CLXI_CELL_Q, "q", args->q, {NULL, d->input_dtype, 3, {B, S, NH * d->DHQK}, "the heads", true, false}, false},
        {CLXI_CELL_K, "k", args->k, {NULL, d->input_dtype, 3, {B, S, NH * d->DHQK}, "q", true, false}, false},
        {CLXI_CELL_V, "v", args->v, {NULL, d->input_dtype, 3, {B, S, NH * d->DHV}, "the heads", true, false}, false},
        {CLXI_CELL_BORDERS,
         "document_borders",
         borders ? args->document_borders : NULL,
         {NULL, CLX_BOOL, 2, {B, S}, "q", false, false},
         true},
        {CLXI_CELL_IGATE_KERNEL, "igate_kernel", args->igate_kernel, kernel, false},
        {CLXI_CELL_IGATE_BIAS, "igate_bias", args->igate_bias, bias, false},
        {CLXI_CELL_FGATE_KERNEL, "fgate_kernel", args->fgate_kernel, kernel, false},
        {CLXI_CELL_FGATE_BIAS, "fgate_bias", args->fgate_bias, bias, false},
        {CLXI_CELL_OUTNORM,
         "outnorm_scale",
         args->outnorm_scale,
         {NULL, d->param_dtype, 2, {NH, d->DHV}, "the cell", true, false},
         false},
        {CLXI_CELL_Q_NORM, "q_norm_scale", args->q_norm_scale, qk_scale, !cell->config.add_qk_norm},
        {CLXI_CELL_K_NORM, "k_norm_scale", args->k_norm_scale, qk_scale, !cell->config.add_qk_norm},
        {CLXI_CELL_STATE, "C", args->C, state[0], true},
        {CLXI_CELL_STATE + 1, "n", args->n, state[1], true},
        {CLXI_CELL_STATE + 2, "m", args->m, state[2], true},
        {CLXI_CELL_STATE_OUT, "C_out", args->C_out, state[0], true},
        {CLXI_CELL_STATE_OUT + 1, "n_out", args->n_out, state[1], true},
        {CLXI_CELL_STATE_OUT + 2, "m_out", args->m_out, state[2], true},
        {CLXI_CELL_H, "h", args->h, {NULL, d->out_dtype, 3, {B, S, NH * d->DHV}, "v", true, false}, false},
        {CLXI_CELL_STATISTICS,
         "statistics",
         args->statistics,
         {NULL, CLX_F32, 1, {CLX_GATE_STATISTIC_COUNT}, NULL, false, false},
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_expect expect = rows[i].expect;
        expect.name = rows[i].name;
        expect.output = rows[i].at >= CLXI_CELL_OUTPUTS;
        if (rows[i].tensor || !rows[i].optional)
            CLXI_TRY(clxi_view_check(cell->context, rows[i].tensor, &expect, &extents[rows[i].at], error));
    }
    for (uint32_t i = 0; i < d->gate_inputs; i++) {
        const clxi_expect expect = {
            GATE_INPUT_NAMES[i], d->gate_input_dtype, 3, {B, S, args->gate_input[i]->size[2]}, "q", true, false};
        CLXI_TRY(
            clxi_view_check(cell->context, args->gate_input[i], &expect, &extents[CLXI_CELL_GATE_INPUT + i], error));
    }
fail:
    return status;
}

static clx_status check_overlaps(clxi_extent extents[CLXI_CELL_EXTENTS], clx_error *error)
{
    clx_status status = CLX_OK;
    for (int i = CLXI_CELL_OUTPUTS; i < CLXI_CELL_EXTENTS; i++) {
        if (!extents[i].tensor) continue;
        const bool state = i < CLXI_CELL_H;
        const clxi_extent *own = state ? &extents[CLXI_CELL_STATE + i - CLXI_CELL_STATE_OUT] : &extents[i];
        CLXI_TRY(clxi_extent_check_inplace(&extents[i], own, extents, (size_t)i, error));
    }
fail:
    return status;
}

clx_status clxi_cell_check_args(const clx_mlstm_cell *cell, const clx_mlstm_cell_args *args,
                                clxi_extent extents[CLXI_CELL_EXTENTS], clx_error *error)
{
    clx_status status = CLX_OK;
    uint64_t features = 0;
    if (!args) return clxi_fail(error, CLX_ERR_NULL, "args: NULL, expected a clx_mlstm_cell_args");
    CLXI_TRY(clxi_check_struct("args", args->struct_size, sizeof *args, error));
    CLXI_TRY(clxi_check_rank(args->q, "q", 3, "(B, S, NH * DHQK)", error));
    CLXI_TRY(check_presence(cell, args, error));
    CLXI_TRY(clxi_cell_check_sizes(cell, args->q->size[0], args->q->size[1], error));
    CLXI_TRY(sum_features(cell, args, &features, error));
    for (int i = 0; i < CLXI_CELL_EXTENTS; i++)
        extents[i] = (clxi_extent){.name = "?"};
    CLXI_TRY(check_views(cell, args, features, extents, error));
    CLXI_TRY(check_overlaps(extents, error));
fail:
    return status;
}
