/* SPDX-License-Identifier: Apache-2.0
 *
 * What the recurrent mLSTM refuses, before anything is built or enqueued. */
#include "base/arith.h"
#include "ops/op_check.h"
#include "ops/recurrent_op.h"

clx_status clxi_recurrent_check_desc(clx_recurrent_desc *desc, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_check_struct("desc", desc->struct_size, sizeof *desc, error));
    desc->input_dtype = clxi_dtype_or(desc->input_dtype, CLX_F32);
    desc->qkv_dtype = clxi_dtype_or(desc->qkv_dtype, desc->input_dtype);
    desc->gate_input_dtype = clxi_dtype_or(desc->gate_input_dtype, CLX_F32);
    desc->gate_dtype = clxi_dtype_or(desc->gate_dtype, desc->gate_input_dtype);
    desc->out_dtype = clxi_dtype_or(desc->out_dtype, desc->qkv_dtype);
    desc->state_dtype = clxi_dtype_or(desc->state_dtype, CLX_F32);
    CLXI_TRY(clxi_check_dimension("DHQK", desc->DHQK, CLXI_RECURRENT_DHQK_LIMIT, error));
    CLXI_TRY(clxi_check_dimension("DHV", desc->DHV, CLXI_DIMENSION_LIMIT, error));
    CLXI_TRY(clxi_check_float_dtype("input_dtype", desc->input_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("qkv_dtype", desc->qkv_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("gate_input_dtype", desc->gate_input_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("gate_dtype", desc->gate_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("state_dtype", desc->state_dtype, error));
    CLXI_TRY(clxi_check_out_dtype(desc->out_dtype, desc->qkv_dtype, error));
    if (desc->start != CLX_START_ZERO && desc->start != CLX_START_EMPTY)
        return clxi_fail(error, CLX_ERR_VALUE, "start: %d, expected CLX_START_ZERO or CLX_START_EMPTY",
                         (int)desc->start);
    CLXI_TRY(clxi_check_eps(desc->eps, error));
fail:
    return status;
}

clx_status clxi_recurrent_check_sizes(uint64_t B, uint64_t NH, uint64_t S, clxi_recurrent_sizes *sizes,
                                      clx_error *error)
{
    clx_status status = CLX_OK;
    *sizes = (clxi_recurrent_sizes){B, NH, S, 0};
    CLXI_TRY(clxi_check_count("B", B, error));
    CLXI_TRY(clxi_check_count("NH", NH, error));
    CLXI_TRY(clxi_check_count("S", S, error));
    sizes->heads = B * NH;
    CLXI_TRY(clxi_check_count("B * NH", sizes->heads, error));
fail:
    return status;
}

clx_status clxi_recurrent_workspace_floats(const clx_recurrent *op, uint64_t heads, uint64_t *floats, clx_error *error)
{
    const uint64_t slices = clxi_ceil_div(op->desc.DHV, op->plan.sequence.width);
    const uint64_t per_head = op->desc.DHQK * (slices * op->plan.sequence.width + 2) + 4;
    if (clxi_mul_u64(heads, per_head, floats) && *floats <= UINT64_MAX / 4) return CLX_OK;
    return clxi_fail(error, CLX_ERR_OVERFLOW, "workspace: its size overflows");
}

/* The state before: all or none. The state after: all or, in a sequence, none. */
static clx_status check_state(const clx_recurrent_args *args, bool step, clx_error *error)
{
    const clx_tensor *before[3] = {args->C, args->n, args->m};
    const clx_tensor *after[3] = {args->C_out, args->n_out, args->m_out};
    const char *before_names[3] = {"C", "n", "m"};
    const char *after_names[3] = {"C_out", "n_out", "m_out"};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            if (!before[i] && before[j])
                return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor, since %s is given", before_names[i],
                                 before_names[j]);
            if (!after[i] && after[j])
                return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor, since %s is given", after_names[i],
                                 after_names[j]);
        }
        if (step && !after[i])
            return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor for the state after the step",
                             after_names[i]);
    }
    return CLX_OK;
}

/* The outputs against the inputs and each other; each part of the state may be updated in place. */
static clx_status check_overlaps(const clxi_extent extents[CLXI_REC_EXTENTS], clx_error *error)
{
    clx_status status = CLX_OK;
    for (size_t out = CLXI_REC_C_OUT; out <= CLXI_REC_H; out++) {
        if (!extents[out].tensor) continue;
        const size_t own = out < CLXI_REC_H ? out - CLXI_REC_C_OUT + CLXI_REC_C : out;
        CLXI_TRY(clxi_extent_check_inplace(&extents[out], &extents[own], extents, CLXI_REC_C_OUT, error));
        CLXI_TRY(clxi_extent_check(&extents[out], extents + CLXI_REC_C_OUT, out - CLXI_REC_C_OUT, error));
    }
fail:
    return status;
}

clx_status clxi_recurrent_check_args(const clx_recurrent *op, const clx_recurrent_args *args, bool step,
                                     clxi_recurrent_sizes *sizes, clxi_extent extents[CLXI_REC_EXTENTS],
                                     clx_error *error)
{
    clx_status status = CLX_OK;
    if (!args) return clxi_fail(error, CLX_ERR_NULL, "args: NULL, expected a clx_recurrent_args");
    CLXI_TRY(clxi_check_struct("args", args->struct_size, sizeof *args, error));
    CLXI_TRY(clxi_check_rank(args->q, "q", step ? 3 : 4, step ? "(B, NH, DHQK)" : "(B, NH, S, DHQK)", error));
    CLXI_TRY(check_state(args, step, error));
    const clx_recurrent_desc *d = &op->desc;
    const uint64_t B = args->q->size[0], NH = args->q->size[1], S = step ? 1 : args->q->size[2];
    CLXI_TRY(clxi_recurrent_check_sizes(B, NH, S, sizes, error));
    clxi_expect expect[CLXI_REC_EXTENTS] = {
        {"q", d->input_dtype, 4, {B, NH, S, d->DHQK}, "the operator's DHQK", true, false},
        {"k", d->input_dtype, 4, {B, NH, S, d->DHQK}, "q", true, false},
        {"v", d->input_dtype, 4, {B, NH, S, d->DHV}, "q and the operator's DHV", true, false},
        {"igate", d->gate_input_dtype, 3, {B, NH, S}, "q", false, false},
        {"fgate", d->gate_input_dtype, 3, {B, NH, S}, "q", false, false},
        {"C", d->state_dtype, 4, {B, NH, d->DHQK, d->DHV}, "q and v", true, false},
        {"n", d->state_dtype, 3, {B, NH, d->DHQK}, "q", false, false},
        {"m", d->state_dtype, 2, {B, NH}, "q", false, false},
        {"C_out", d->state_dtype, 4, {B, NH, d->DHQK, d->DHV}, "q and v", true, true},
        {"n_out", d->state_dtype, 3, {B, NH, d->DHQK}, "q", false, true},
        {"m_out", d->state_dtype, 2, {B, NH}, "q", false, true},
        {"h", d->out_dtype, 4, {B, NH, S, d->DHV}, "v", true, true},
    };
    const clx_tensor *tensors[CLXI_REC_EXTENTS] = {args->q, args->k, args->v,     args->igate, args->fgate, args->C,
                                                   args->n, args->m, args->C_out, args->n_out, args->m_out, args->h};
    for (size_t i = 0; i < CLXI_REC_EXTENTS; i++) {
        const bool state = i >= CLXI_REC_C && i <= CLXI_REC_M_OUT;
        if (step && !state) { /* the dimension S is left out */
            expect[i].size[2] = expect[i].size[3];
            expect[i].rank--;
        }
        extents[i] = (clxi_extent){.name = expect[i].name};
        if (state && !tensors[i]) continue;
        CLXI_TRY(clxi_view_check(op->context, tensors[i], &expect[i], &extents[i], error));
    }
    CLXI_TRY(check_overlaps(extents, error));
fail:
    return status;
}
