/* SPDX-License-Identifier: Apache-2.0
 *
 * What the attention operator refuses, before anything is built or enqueued. */
#include "base/arith.h"
#include "ops/attention_op.h"
#include "ops/op_check.h"
#include <float.h>
#include <limits.h>
#include <math.h>

#define POSITION_LIMIT ((int64_t)1 << 62) /* positions and their sums with lengths stay within 64 bits */
#define LENGTH_LIMIT (INT_MAX - 4096)     /* the kernels count tokens in 32 bits, and round up to tiles */
#define STAGE_ALIGNMENT 64                /* bytes */

static clx_status check_choices(const clx_attention_desc *desc, clx_error *error)
{
    if (desc->activation_function != CLX_ATTENTION_SOFTMAX && desc->activation_function != CLX_ATTENTION_SIGMOID &&
        desc->activation_function != CLX_ATTENTION_NONE)
        return clxi_fail(error, CLX_ERR_VALUE,
                         "activation_function: %d, expected CLX_ATTENTION_SOFTMAX, _SIGMOID or _NONE",
                         (int)desc->activation_function);
    if (desc->qk_pre_activation_function != CLX_PRE_ACTIVATION_NONE &&
        desc->qk_pre_activation_function != CLX_PRE_ACTIVATION_SILU)
        return clxi_fail(error, CLX_ERR_VALUE,
                         "qk_pre_activation_function: %d, expected CLX_PRE_ACTIVATION_NONE or _SILU",
                         (int)desc->qk_pre_activation_function);
    if (desc->mask != CLX_MASK_CAUSAL && desc->mask != CLX_MASK_EXPLICIT && desc->mask != CLX_MASK_NONE)
        return clxi_fail(error, CLX_ERR_VALUE, "mask: %d, expected CLX_MASK_CAUSAL, CLX_MASK_EXPLICIT or CLX_MASK_NONE",
                         (int)desc->mask);
    if (!desc->rotary) return CLX_OK;
    if (desc->DHQK % 2 != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "DHQK: %llu, expected an even number, since rotary is on",
                         (unsigned long long)desc->DHQK);
    if (!(desc->theta >= DBL_MIN) || isinf(desc->theta))
        return clxi_fail(error, CLX_ERR_VALUE, "theta: %g, expected a finite number above 0", desc->theta);
    return CLX_OK;
}

static void resolve(const clx_attention_desc *desc, clxi_attention_problem *problem)
{
    *problem = (clxi_attention_problem){.DHQK = desc->DHQK, .DHV = desc->DHV};
    problem->input_dtype = clxi_dtype_or(desc->input_dtype, CLX_F32);
    problem->qkv_dtype = clxi_dtype_or(desc->qkv_dtype, problem->input_dtype);
    problem->out_dtype = clxi_dtype_or(desc->out_dtype, problem->qkv_dtype);
    problem->activation = desc->activation_function;
    problem->silu = desc->qk_pre_activation_function == CLX_PRE_ACTIVATION_SILU;
    problem->rotary = desc->rotary != 0;
    problem->theta = desc->theta;
    problem->explicit_mask = desc->mask == CLX_MASK_EXPLICIT;
    problem->causal = desc->mask == CLX_MASK_CAUSAL;
    problem->window = desc->window;
    problem->bias_length = desc->bias_length;
    const bool changes = problem->silu || problem->rotary;
    problem->prepare_q = changes && desc->prepare_q != 0;
    problem->prepare_k = changes && desc->prepare_k != 0;
    const bool both = (problem->prepare_q || problem->prepare_k) && problem->input_dtype != problem->qkv_dtype;
    problem->stage_q = problem->prepare_q || both;
    problem->stage_k = problem->prepare_k || both;
}

clx_status clxi_attention_check_desc(const clx_attention_desc *desc, clxi_attention_problem *problem, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_check_struct("desc", desc->struct_size, sizeof *desc, error));
    resolve(desc, problem);
    CLXI_TRY(clxi_check_dimension("DHQK", desc->DHQK, CLXI_DIMENSION_LIMIT, error));
    CLXI_TRY(clxi_check_dimension("DHV", desc->DHV, CLXI_DIMENSION_LIMIT, error));
    CLXI_TRY(clxi_check_float_dtype("input_dtype", problem->input_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("qkv_dtype", problem->qkv_dtype, error));
    CLXI_TRY(clxi_check_out_dtype(problem->out_dtype, problem->qkv_dtype, error));
    CLXI_TRY(check_choices(desc, error));
fail:
    return status;
}

static clx_status check_length(const char *name, uint64_t length, clx_error *error)
{
    if (length <= LENGTH_LIMIT) return CLX_OK;
    return clxi_fail(error, CLX_ERR_OVERFLOW, "%s: %llu, expected at most %d", name, (unsigned long long)length,
                     LENGTH_LIMIT);
}

/* B heads S elements of DHQK, in bytes of the workspace. */
static clx_status stage_bytes(const clx_attention *op, const char *name, bool staged, uint64_t B, uint64_t heads,
                              uint64_t S, uint64_t *bytes, clx_error *error)
{
    uint64_t count = 0;
    if (!clxi_mul_u64(B, heads, &count) || !clxi_mul_u64(count, S, &count) ||
        !clxi_mul_u64(count, op->problem.DHQK, &count) || count > UINT64_MAX / 64)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "%s: %llu x %llu x %llu x %llu elements overflow", name,
                         (unsigned long long)B, (unsigned long long)heads, (unsigned long long)S,
                         (unsigned long long)op->problem.DHQK);
    count *= clx_dtype_size_bytes(op->problem.qkv_dtype);
    *bytes = staged ? clxi_ceil_div(count, STAGE_ALIGNMENT) * STAGE_ALIGNMENT : 0;
    return CLX_OK;
}

clx_status clxi_attention_check_sizes(const clx_attention *op, const clx_attention_sizes *sizes,
                                      clxi_attention_call *out, clx_error *error)
{
    clx_status status = CLX_OK;
    uint64_t k_bytes = 0;
    *out = (clxi_attention_call){.sizes = *sizes};
    CLXI_TRY(check_length("S_q", sizes->S_q, error));
    CLXI_TRY(check_length("S_kv", sizes->S_kv, error));
    if (sizes->NH > 0 && (sizes->NH_kv < 1 || sizes->NH_kv > sizes->NH))
        return clxi_fail(error, CLX_ERR_SHAPE, "k: %llu heads, expected 1 to %llu, the heads of q",
                         (unsigned long long)sizes->NH_kv, (unsigned long long)sizes->NH);
    CLXI_TRY(stage_bytes(op, "q", op->problem.stage_q, sizes->B, sizes->NH, sizes->S_q, &out->k_offset, error));
    CLXI_TRY(stage_bytes(op, "k", op->problem.stage_k, sizes->B, sizes->NH_kv, sizes->S_kv, &k_bytes, error));
    out->workspace_bytes = out->k_offset + k_bytes; /* both are far below the limit */
fail:
    return status;
}

static clx_status check_start(int64_t start, clx_error *error)
{
    if (start >= -POSITION_LIMIT && start <= POSITION_LIMIT) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "start: %lld, expected a position within 2^62", (long long)start);
}

static int32_t clamp(int64_t value, int64_t low, int64_t high)
{
    return (int32_t)(value < low ? low : value > high ? high : value);
}

/* The band that causal mask and window leave, kept within the sizes. */
static void set_band(const clxi_attention_problem *problem, clxi_attention_call *call)
{
    const int64_t S_q = (int64_t)call->sizes.S_q, S_kv = (int64_t)call->sizes.S_kv;
    const bool window = problem->window > 0 && problem->window < (uint64_t)POSITION_LIMIT;
    call->high = problem->causal ? clamp(call->start, -S_q, S_kv) : (int32_t)S_kv;
    call->low = window ? clamp(call->start - (int64_t)problem->window, -S_q - 1, S_kv) : (int32_t)(-S_q - 1);
}

static clx_status check_call(const clx_attention *op, const clx_attention_args *args, clx_error *error)
{
    clx_status status = CLX_OK;
    if (!args) return clxi_fail(error, CLX_ERR_NULL, "args: NULL, expected a clx_attention_args");
    CLXI_TRY(clxi_check_struct("args", args->struct_size, sizeof *args, error));
    CLXI_TRY(clxi_check_rank(args->q, "q", 4, "(B, NH, S_q, DHQK)", error));
    CLXI_TRY(clxi_check_rank(args->k, "k", 4, "(B, NH_kv, S_kv, DHQK)", error));
    if (op->problem.explicit_mask && !args->mask)
        return clxi_fail(error, CLX_ERR_NULL, "mask: NULL, expected a tensor, since desc.mask is CLX_MASK_EXPLICIT");
    if (!op->problem.explicit_mask && args->mask)
        return clxi_fail(error, CLX_ERR_VALUE, "mask: given, expected NULL, since desc.mask is not CLX_MASK_EXPLICIT");
fail:
    return status;
}

clx_status clxi_attention_check_args(const clx_attention *op, const clx_attention_args *args, clxi_attention_call *out,
                                     clxi_extent extents[CLXI_ATTENTION_EXTENTS], clx_error *error)
{
    clx_status status = check_call(op, args, error);
    if (status != CLX_OK) return status;
    const clxi_attention_problem *p = &op->problem;
    const uint64_t B = args->q->size[0], NH = args->q->size[1], S_q = args->q->size[2];
    const uint64_t NH_kv = args->k->size[1], S_kv = args->k->size[2];
    const clx_attention_sizes sizes = {B, NH, NH_kv, S_q, S_kv};
    const clxi_expect expect[CLXI_ATTENTION_EXTENTS] = {
        {"q", p->input_dtype, 4, {B, NH, S_q, p->DHQK}, "the operator's DHQK", true, false},
        {"k", p->input_dtype, 4, {B, NH_kv, S_kv, p->DHQK}, "q", true, false},
        {"v", p->input_dtype, 4, {B, NH_kv, S_kv, p->DHV}, "k and the operator's DHV", true, false},
        {"mask", CLX_BOOL, 2, {S_q, S_kv}, "q and k", false, false},
        {"h", p->out_dtype, 4, {B, NH, S_q, p->DHV}, "q and the operator's DHV", true, true},
    };
    const clx_tensor *tensors[CLXI_ATTENTION_EXTENTS] = {args->q, args->k, args->v, args->mask, args->h};
    for (size_t i = 0; i < CLXI_ATTENTION_EXTENTS; i++) {
        extents[i] = (clxi_extent){.name = expect[i].name};
        if (i == 3 && !tensors[i]) continue;
        CLXI_TRY(clxi_view_check(op->context, tensors[i], &expect[i], &extents[i], error));
    }
    CLXI_TRY(clxi_attention_check_sizes(op, &sizes, out, error));
    CLXI_TRY(clxi_extent_check(&extents[4], extents, 4, error));
    out->start = args->start == CLX_ATTENTION_START_AT_END ? (int64_t)S_kv - (int64_t)S_q : args->start;
    CLXI_TRY(check_start(out->start, error));
    set_band(p, out);
fail:
    return status;
}

clx_status clxi_attention_check_keys(const clx_attention *op, const clx_tensor *k, const clx_tensor *cache,
                                     int64_t start, clxi_extent extents[2], clx_error *error)
{
    clx_status status = CLX_OK;
    const clxi_attention_problem *p = &op->problem;
    CLXI_TRY(clxi_check_rank(k, "k", 4, "(B, NH_kv, S, DHQK)", error));
    clxi_expect expect = {"k", p->input_dtype, 4, {0}, "the operator's DHQK", true, false};
    for (uint32_t d = 0; d < 3; d++)
        expect.size[d] = k->size[d];
    expect.size[3] = p->DHQK;
    CLXI_TRY(clxi_view_check(op->context, k, &expect, &extents[0], error));
    expect.name = "cache";
    expect.match = "k";
    expect.output = true;
    CLXI_TRY(clxi_view_check(op->context, cache, &expect, &extents[1], error));
    CLXI_TRY(clxi_extent_check_inplace(&extents[1], &extents[0], extents, 1, error));
    CLXI_TRY(check_length("S", k->size[2], error));
    CLXI_TRY(check_start(start, error));
fail:
    return status;
}
