/* SPDX-License-Identifier: Apache-2.0
 *
 * What the mLSTM operator refuses, before anything is built or enqueued. */
#include "base/arith.h"
#include "ops/mlstm_op.h"
#include <limits.h>
#include <math.h>

/* Head dimensions beyond any model's; keeps products of tile sizes far from overflow. */
#define DIMENSION_LIMIT 65536

static clx_status check_float_dtype(const char *name, clx_dtype dtype, clx_error *error)
{
    if (dtype == CLX_F32 || dtype == CLX_F16 || dtype == CLX_BF16) return CLX_OK;
    return clxi_fail(error, CLX_ERR_DTYPE, "%s: %s (%d), expected f32, f16 or bf16", name, clx_dtype_name(dtype),
                     (int)dtype);
}

static clx_status check_dimension(const char *name, uint64_t value, clx_error *error)
{
    if (value >= 1 && value <= DIMENSION_LIMIT) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "%s: %llu, expected 1 to %d", name, (unsigned long long)value,
                     DIMENSION_LIMIT);
}

static clx_dtype or_default(clx_dtype dtype, clx_dtype fallback)
{
    return dtype == CLX_DTYPE_DEFAULT ? fallback : dtype;
}

clx_status clxi_mlstm_check_desc(const clx_mlstm_desc *desc, clxi_mlstm_problem *problem, clx_error *error)
{
    clx_status status = CLX_OK;
    if (!desc) return clxi_fail(error, CLX_ERR_NULL, "desc: NULL, expected a clx_mlstm_desc");
    if (desc->struct_size != sizeof *desc)
        return clxi_fail(error, CLX_ERR_VALUE, "desc->struct_size: %zu, expected %zu (start from CLX_MLSTM_DESC_INIT)",
                         desc->struct_size, sizeof *desc);
    problem->DHQK = desc->DHQK;
    problem->DHV = desc->DHV;
    problem->input_dtype = or_default(desc->input_dtype, CLX_F32);
    problem->qkv_dtype = or_default(desc->qkv_dtype, problem->input_dtype);
    problem->gate_input_dtype = or_default(desc->gate_input_dtype, CLX_F32);
    problem->gate_dtype = or_default(desc->gate_dtype, problem->gate_input_dtype);
    problem->out_dtype = or_default(desc->out_dtype, problem->qkv_dtype);
    problem->explicit_mask = desc->mask == CLX_MASK_EXPLICIT;
    problem->rowwise = desc->stabilize_rowwise != 0;
    problem->return_state = desc->return_state != 0;
    problem->state_dtype = or_default(desc->state_dtype, CLX_F32);

    CLXI_TRY(check_dimension("DHQK", desc->DHQK, error));
    CLXI_TRY(check_dimension("DHV", desc->DHV, error));
    CLXI_TRY(check_float_dtype("input_dtype", problem->input_dtype, error));
    CLXI_TRY(check_float_dtype("qkv_dtype", problem->qkv_dtype, error));
    CLXI_TRY(check_float_dtype("gate_input_dtype", problem->gate_input_dtype, error));
    CLXI_TRY(check_float_dtype("gate_dtype", problem->gate_dtype, error));
    CLXI_TRY(check_float_dtype("out_dtype", problem->out_dtype, error));
    CLXI_TRY(check_float_dtype("state_dtype", problem->state_dtype, error));
    if (problem->out_dtype != CLX_F32 && problem->out_dtype != problem->qkv_dtype)
        return clxi_fail(error, CLX_ERR_DTYPE, "out_dtype: %s, expected %s (qkv_dtype) or f32",
                         clx_dtype_name(problem->out_dtype), clx_dtype_name(problem->qkv_dtype));
    if (desc->mask != CLX_MASK_CAUSAL && desc->mask != CLX_MASK_EXPLICIT)
        return clxi_fail(error, CLX_ERR_VALUE, "mask: %d, expected CLX_MASK_CAUSAL or CLX_MASK_EXPLICIT",
                         (int)desc->mask);
    if (problem->return_state && problem->explicit_mask)
        return clxi_fail(error, CLX_ERR_VALUE, "return_state: with an explicit mask, expected CLX_MASK_CAUSAL");
    if (!(desc->eps >= 0.0f) || isinf(desc->eps))
        return clxi_fail(error, CLX_ERR_VALUE, "eps: %g, expected a finite number of 0 or more", (double)desc->eps);
fail:
    return status;
}

clx_status clxi_mlstm_check_sizes(uint64_t B, uint64_t NH, uint64_t S, clxi_mlstm_sizes *sizes, clx_error *error)
{
    sizes->B = B;
    sizes->NH = NH;
    sizes->S = S;
    uint64_t positions = 0;
    if (!clxi_mul_u64(B, NH, &sizes->heads) || !clxi_mul_u64(sizes->heads, S, &positions) ||
        positions > (UINT64_MAX >> 8))
        return clxi_fail(error, CLX_ERR_OVERFLOW, "B, NH, S: %llu x %llu x %llu positions overflow",
                         (unsigned long long)B, (unsigned long long)NH, (unsigned long long)S);
    if (S > INT_MAX - 4096)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "S: %llu, expected at most %d", (unsigned long long)S,
                         INT_MAX - 4096);
    return CLX_OK;
}

clx_status clxi_mlstm_workspace_floats(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint64_t *floats,
                                       clx_error *error)
{
    const uint64_t positions = sizes->heads * sizes->S;
    const uint64_t tiles = sizes->heads * clxi_ceil_div(sizes->S, op->plan.tile.columns);
    const bool row_maxima = op->problem.explicit_mask && !op->problem.rowwise;
    uint64_t total = 0;
    if (!clxi_mul_u64(positions, row_maxima ? 8 : 6, &total) || !clxi_add_u64(total, tiles, &total) ||
        total > UINT64_MAX / 4)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "workspace: its size overflows");
    *floats = total;
    return CLX_OK;
}

/* Tensors that a call must have, or must not, by what the operator was made for. */
static clx_status check_presence(const clx_mlstm *op, const clx_mlstm_args *args, clx_error *error)
{
    const struct {
        const char *name;
        const clx_tensor *tensor;
        bool wanted;
        const char *why;
    } optional[] = {
        {"mask", args->mask, op->problem.explicit_mask, "desc.mask is CLX_MASK_EXPLICIT"},
        {"C", args->C, op->problem.return_state, "desc.return_state is set"},
        {"n", args->n, op->problem.return_state, "desc.return_state is set"},
        {"m", args->m, op->problem.return_state, "desc.return_state is set"},
    };
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (optional[i].wanted && !optional[i].tensor)
            return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor, since %s", optional[i].name,
                             optional[i].why);
        if (!optional[i].wanted && optional[i].tensor)
            return clxi_fail(error, CLX_ERR_VALUE, "%s: given, expected NULL unless %s", optional[i].name,
                             optional[i].why);
    }
    return CLX_OK;
}

clx_status clxi_mlstm_check_args(const clx_mlstm *op, const clx_mlstm_args *args, clxi_mlstm_sizes *sizes,
                                 clxi_extent extents[CLXI_MLSTM_EXTENTS], clx_error *error)
{
    clx_status status = CLX_OK;
    if (!args) return clxi_fail(error, CLX_ERR_NULL, "args: NULL, expected a clx_mlstm_args");
    if (args->struct_size != sizeof *args)
        return clxi_fail(error, CLX_ERR_VALUE, "args->struct_size: %zu, expected %zu (start from CLX_MLSTM_ARGS_INIT)",
                         args->struct_size, sizeof *args);
    if (!args->q) return clxi_fail(error, CLX_ERR_NULL, "q: NULL, expected a tensor");
    if (args->q->rank != 4)
        return clxi_fail(error, CLX_ERR_SHAPE, "q: rank %u, expected 4: (B, NH, S, DHQK)", args->q->rank);
    CLXI_TRY(check_presence(op, args, error));

    const clxi_mlstm_problem *p = &op->problem;
    const uint64_t B = args->q->size[0], NH = args->q->size[1], S = args->q->size[2];
    const clxi_expect expect[CLXI_MLSTM_EXTENTS] = {
        {"q", p->input_dtype, 4, {B, NH, S, p->DHQK}, "the operator's DHQK", true, false},
        {"k", p->input_dtype, 4, {B, NH, S, p->DHQK}, "q", true, false},
        {"v", p->input_dtype, 4, {B, NH, S, p->DHV}, "q and the operator's DHV", true, false},
        {"igate", p->gate_input_dtype, 3, {B, NH, S}, "q", false, false},
        {"fgate", p->gate_input_dtype, 3, {B, NH, S}, "q", false, false},
        {"mask", CLX_BOOL, 2, {S, S}, "q", false, false},
        {"h", p->out_dtype, 4, {B, NH, S, p->DHV}, "v", true, true},
        {"C", p->state_dtype, 4, {B, NH, p->DHQK, p->DHV}, "q and v", true, true},
        {"n", p->state_dtype, 3, {B, NH, p->DHQK}, "q", false, true},
        {"m", p->state_dtype, 2, {B, NH}, "q", false, true},
    };
    const clx_tensor *tensors[CLXI_MLSTM_EXTENTS] = {args->q,    args->k, args->v, args->igate, args->fgate,
                                                     args->mask, args->h, args->C, args->n,     args->m};
    CLXI_TRY(clxi_mlstm_check_sizes(B, NH, S, sizes, error));
    for (size_t i = 0; i < CLXI_MLSTM_EXTENTS; i++) {
        extents[i] = (clxi_extent){.name = expect[i].name};
        if ((i == 5 || i > 6) && !tensors[i]) continue;
        CLXI_TRY(clxi_view_check(op->context, tensors[i], &expect[i], &extents[i], error));
    }
    for (size_t i = 6; i < CLXI_MLSTM_EXTENTS; i++) /* each output against what comes before it */
        if (extents[i].tensor) CLXI_TRY(clxi_extent_check(&extents[i], extents, i, error));
fail:
    return status;
}
