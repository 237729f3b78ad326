/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary embeddings: one kernel for the tables, and one in two widths for the application, chosen by the alignment of
 * each call's tensors. */
#include "base/arith.h"
#include "base/turns.h"
#include "ops/op_check.h"
#include "runtime/align.h"
#include "runtime/constant.h"
#include "runtime/launch.h"
#include "runtime/program.h"
#include <clxlstm/rotary.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_WANTED 128 /* of a group, on a device that allows it */
#define HEADS_AT_ONCE 4  /* that an item loads before it stores the first */

/* How the kernel cuts a row; the names are those of cl/rotary.cl. */
typedef struct rotary_width {
    uint32_t chunk;
    uint32_t tokens;
    uint32_t items;
    cl_kernel kernel;
} rotary_width;

struct clx_rotary {
    clx_context *context;
    clx_rotary_desc desc; /* with its defaults resolved */
    char *name;
    cl_mem turns;
    cl_kernel freqs;
    rotary_width wide; /* 16 bytes an access; no kernel where the row does not allow it */
    rotary_width narrow;
};

static clx_status check_desc(clx_rotary_desc *desc, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_check_struct("desc", desc->struct_size, sizeof *desc, error));
    CLXI_TRY(clxi_check_dimension("D", desc->D, CLXI_DIMENSION_LIMIT, error));
    if (desc->rotary_dim == 0 && desc->D % 2 != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "D: %llu, expected an even number where rotary_dim is 0",
                         (unsigned long long)desc->D);
    if (desc->rotary_dim == 0) desc->rotary_dim = desc->D;
    if (desc->rotary_dim % 2 != 0 || desc->rotary_dim > desc->D)
        return clxi_fail(error, CLX_ERR_VALUE, "rotary_dim: %llu, expected an even number up to D = %llu",
                         (unsigned long long)desc->rotary_dim, (unsigned long long)desc->D);
    if (!(desc->theta >= DBL_MIN) || isinf(desc->theta))
        return clxi_fail(error, CLX_ERR_VALUE, "theta: %g, expected a finite number above 0", desc->theta);
    desc->dtype = clxi_dtype_or(desc->dtype, CLX_F32);
    desc->table_dtype = clxi_dtype_or(desc->table_dtype, CLX_F32);
    CLXI_TRY(clxi_check_float_dtype("dtype", desc->dtype, error));
    CLXI_TRY(clxi_check_float_dtype("table_dtype", desc->table_dtype, error));
    if (desc->pairing != CLX_PAIRS_INTERLEAVED && desc->pairing != CLX_PAIRS_HALF)
        return clxi_fail(error, CLX_ERR_VALUE, "pairing: %d, expected CLX_PAIRS_INTERLEAVED or CLX_PAIRS_HALF",
                         (int)desc->pairing);
fail:
    return status;
}

/* Elements of one access of 16 bytes, or the least where rows of this shape do not divide into such. */
static uint32_t choose_chunk(const clx_rotary_desc *desc, bool wide)
{
    const bool half = desc->pairing == CLX_PAIRS_HALF;
    const uint32_t chunk = (uint32_t)(16 / clx_dtype_size_bytes(desc->dtype));
    const uint64_t turning = half ? desc->rotary_dim / 2 : desc->rotary_dim;
    const bool divides = turning % chunk == 0 && (desc->D - desc->rotary_dim) % chunk == 0;
    if (wide) return divides ? chunk : 0;
    return half ? 1 : 2;
}

/* A group takes as many tokens as fit, each with one item per unit; long rows take a group for themselves. */
static void share_out(const clx_rotary_desc *desc, uint64_t items, rotary_width *out)
{
    const uint64_t turning = desc->pairing == CLX_PAIRS_HALF ? desc->rotary_dim / 2 : desc->rotary_dim;
    const uint64_t units = turning / out->chunk + clxi_ceil_div(desc->D - desc->rotary_dim, out->chunk);
    out->tokens = (uint32_t)clxi_max_u64(items / units, 1);
    out->items = (uint32_t)(out->tokens > 1 ? out->tokens * units : clxi_min_u64(items, units));
}

static clx_status get_kernel(const clx_rotary *op, const rotary_width *width, const char *name, cl_kernel *out,
                             clx_error *error)
{
    const clx_rotary_desc *desc = &op->desc;
    const bool cpu = op->context->caps.is_cpu;
    clxi_text options = CLXI_TEXT_INIT;
    clxi_text_printf(&options,
                     "-D CLX_UNROLL=%d -D CLX_WG=%u -D CLX_TOKENS=%u -D CLX_D=%llu -D CLX_R=%llu -D CLX_CHUNK=%u "
                     "-D CLX_HALF=%d -D CLX_BATCH=%d -D CLX_SIGN=%d -D CLX_IN=%d -D CLX_TABLE=%d",
                     !cpu, width->items, width->tokens, (unsigned long long)desc->D,
                     (unsigned long long)desc->rotary_dim, width->chunk, desc->pairing == CLX_PAIRS_HALF,
                     cpu ? 1 : HEADS_AT_ONCE, desc->inverse ? -1 : 1, (int)desc->dtype, (int)desc->table_dtype);
    clx_status status = options.failed ? clxi_fail_memory(error, "compile options")
                                       : clxi_kernel_get(op->context, "rotary.cl", options.data, name, out, error);
    clxi_text_free(&options);
    return status;
}

/* The largest groups that the device and the kernel's registers allow. */
static clx_status build_width(clx_rotary *op, bool wide, rotary_width *out, clx_error *error)
{
    out->chunk = choose_chunk(&op->desc, wide);
    if (out->chunk == 0) return CLX_OK;
    for (uint64_t items = clxi_min_u64(ITEMS_WANTED, op->context->caps.max_work_group); items > 0; items /= 2) {
        share_out(&op->desc, items, out);
        clx_status status = get_kernel(op, out, "rotary_apply", &out->kernel, error);
        if (status != CLX_OK || clxi_kernel_fits(op->context, out->kernel, out->items)) return status;
        clxi_kernel_release(out->kernel);
        out->kernel = NULL;
    }
    return clxi_fail(error, CLX_ERR_UNSUPPORTED, "rotary: its kernel fits no work-group of the device");
}

static clx_status make_turns(clx_rotary *op, clx_error *error)
{
    const uint64_t pairs = op->desc.rotary_dim / 2;
    uint64_t(*turns)[2] = calloc(pairs, sizeof *turns);
    if (!turns) return clxi_fail_memory(error, "rotary frequencies");
    for (uint64_t j = 0; j < pairs; j++)
        clxi_turns(op->desc.theta, op->desc.rotary_dim, j, turns[j]);
    clx_status status = clxi_constant_create(op->context, turns, pairs * sizeof *turns, &op->turns, error);
    free(turns);
    return status;
}

clx_status clx_rotary_create(clx_context *context, const clx_rotary_desc *desc, clx_rotary **out, clx_error *error)
{
    clx_rotary *op = NULL;
    clxi_text name = CLXI_TEXT_INIT;
    if (out) *out = NULL;
    clx_status status = clxi_check_create(context, desc, out, error);
    if (status != CLX_OK) return status;
    op = calloc(1, sizeof *op);
    if (!op) return clxi_fail_memory(error, "a rotary operator");
    clxi_context_retain(context);
    op->context = context;
    op->desc = *desc;
    CLXI_TRY(check_desc(&op->desc, error));
    clxi_text_printf(&name, "rotary_%s", clx_dtype_name(op->desc.dtype));
    op->name = name.data;
    if (name.failed) {
        status = clxi_fail_memory(error, "a variant's name");
        goto fail;
    }
    CLXI_TRY(make_turns(op, error));
    CLXI_TRY(build_width(op, true, &op->wide, error));
    CLXI_TRY(build_width(op, false, &op->narrow, error));
    CLXI_TRY(get_kernel(op, &op->narrow, "rotary_freqs", &op->freqs, error)); /* of the same program */
    *out = op;
    return CLX_OK;
fail:
    clx_rotary_destroy(op);
    return status;
}

void clx_rotary_destroy(clx_rotary *op)
{
    if (!op || clxi_context_is_foreign(op->context)) return;
    clxi_kernel_release(op->freqs);
    clxi_kernel_release(op->wide.kernel);
    clxi_kernel_release(op->narrow.kernel);
    clxi_constant_release(op->turns);
    clxi_context_release(op->context);
    free(op->name);
    free(op);
}

const char *clx_rotary_variant(const clx_rotary *op)
{
    return op ? op->name : NULL;
}

clx_status clx_rotary_tables_enqueue(clx_rotary *op, const clx_launch *launch, int64_t start, const clx_tensor *sin,
                                     const clx_tensor *cos, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_extent extents[2];
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(clxi_check_rank(sin, "sin", 2, "(L, rotary_dim / 2)", error));
    const uint64_t L = sin->size[0];
    const uint64_t pairs = op->desc.rotary_dim / 2;
    CLXI_TRY(clxi_check_count("L", L, error));
    if (start > INT64_MAX - (int64_t)L)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "start: %lld, and %llu positions overflow", (long long)start,
                         (unsigned long long)L);
    const clxi_expect expect[2] = {
        {"sin", op->desc.table_dtype, 2, {L, pairs}, "rotary_dim / 2", false, true},
        {"cos", op->desc.table_dtype, 2, {L, pairs}, "sin", false, true},
    };
    CLXI_TRY(clxi_view_check(op->context, sin, &expect[0], &extents[0], error));
    CLXI_TRY(clxi_view_check(op->context, cos, &expect[1], &extents[1], error));
    CLXI_TRY(clxi_extent_check(&extents[1], &extents[0], 1, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, 0, extents, 2, error));
    if (L > 0) {
        const uint64_t items = op->narrow.items;
        clxi_bind bind = clxi_bind_begin(op->freqs);
        clxi_bind_mem(&bind, op->turns);
        clxi_bind_view(&bind, sin, 2);
        clxi_bind_view(&bind, cos, 2);
        clxi_bind_u64(&bind, L);
        clxi_bind_i64(&bind, start);
        clxi_call_kernel(&call, &bind, "rotary_freqs", clxi_ceil_div(L * pairs, items), items, 60.0 * (double)items);
    }
    return clxi_call_end(&call);
fail:
    return status;
}

enum { Q, K, Q_OUT, K_OUT, SIN, COS, POSITIONS, EXTENTS };

/* The sizes of one call. */
typedef struct rotary_sizes {
    uint64_t B, S, q_heads, heads;
} rotary_sizes;

/* What is optional, and what must come together. */
static clx_status check_presence(const clx_rotary_args *args, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_check_rank(args->q, "q", 4, "(B, NH, S, D)", error));
    CLXI_TRY(clxi_check_rank(args->q_out, "q_out", 4, "(B, NH, S, D)", error));
    if (args->k) CLXI_TRY(clxi_check_rank(args->k, "k", 4, "(B, NH, S, D)", error));
    if (args->k) CLXI_TRY(clxi_check_rank(args->k_out, "k_out", 4, "(B, NH, S, D)", error));
    if (!args->k && args->k_out)
        return clxi_fail(error, CLX_ERR_NULL, "k: NULL, expected a tensor, since k_out is given");
    if (!args->sin != !args->cos)
        return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor, since %s is given",
                         args->sin ? "cos" : "sin", args->sin ? "sin" : "cos");
    if (args->sin) CLXI_TRY(clxi_check_rank(args->sin, "sin", 2, "(L, rotary_dim / 2)", error));
    if (args->positions && args->positions->dtype != CLX_I32 && args->positions->dtype != CLX_I64)
        return clxi_fail(error, CLX_ERR_DTYPE, "positions: dtype %s, expected i32 or i64",
                         clx_dtype_name(args->positions->dtype));
    if (args->positions && args->start != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "start: %lld, expected 0, since positions are given",
                         (long long)args->start);
fail:
    return status;
}

/* Tokens one after another must lie in the tables; explicit positions are seen by the kernel only. */
static clx_status check_positions(const clx_rotary_args *args, uint64_t S, clx_error *error)
{
    const int64_t start = args->start;
    if (start > INT64_MAX - (int64_t)S)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "start: %lld, and %llu positions overflow", (long long)start,
                         (unsigned long long)S);
    if (!args->sin || S == 0) return CLX_OK;
    const uint64_t L = args->sin->size[0];
    const uint64_t needed = args->positions ? 1 : (uint64_t)start + S;
    if (start < 0)
        return clxi_fail(error, CLX_ERR_VALUE, "start: %lld, expected 0 or more with tables", (long long)start);
    if (needed > L)
        return clxi_fail(error, CLX_ERR_SHAPE, "sin: %llu rows, expected at least %llu for the positions of q",
                         (unsigned long long)L, (unsigned long long)needed);
    return CLX_OK;
}

static clx_status check_sizes(const clx_rotary_args *args, rotary_sizes *sizes, clx_error *error)
{
    clx_status status = CLX_OK;
    sizes->B = args->q->size[0];
    sizes->q_heads = args->q->size[1];
    sizes->S = args->q->size[2];
    CLXI_TRY(clxi_check_count("B", sizes->B, error));
    CLXI_TRY(clxi_check_count("NH", sizes->q_heads, error));
    CLXI_TRY(clxi_check_count("S", sizes->S, error));
    if (args->k) CLXI_TRY(clxi_check_count("k: NH", args->k->size[1], error));
    sizes->heads = sizes->q_heads + (args->k ? args->k->size[1] : 0);
fail:
    return status;
}

static clx_status check_args(const clx_rotary *op, const clx_rotary_args *args, rotary_sizes *sizes,
                             clxi_extent extents[EXTENTS], clx_error *error)
{
    clx_status status = CLX_OK;
    if (!args) return clxi_fail(error, CLX_ERR_NULL, "args: NULL, expected a clx_rotary_args");
    CLXI_TRY(clxi_check_struct("args", args->struct_size, sizeof *args, error));
    CLXI_TRY(check_presence(args, error));
    CLXI_TRY(check_sizes(args, sizes, error));
    const uint64_t B = sizes->B, S = sizes->S, NH = sizes->q_heads, D = op->desc.D, pairs = op->desc.rotary_dim / 2;
    const uint64_t NH_k = sizes->heads - NH;
    const uint64_t L = args->sin ? args->sin->size[0] : 0;
    const clx_dtype dtype = op->desc.dtype, table = op->desc.table_dtype;
    const clxi_expect expect[EXTENTS] = {
        {"q", dtype, 4, {B, NH, S, D}, "the operator's D", true, false},
        {"k", dtype, 4, {B, NH_k, S, D}, "q", true, false},
        {"q_out", dtype, 4, {B, NH, S, D}, "q", true, true},
        {"k_out", dtype, 4, {B, NH_k, S, D}, "k", true, true},
        {"sin", table, 2, {L, pairs}, "rotary_dim / 2", false, false},
        {"cos", table, 2, {L, pairs}, "sin", false, false},
        {"positions", args->positions ? args->positions->dtype : CLX_I32, 2, {B, S}, "q", false, false},
    };
    const clx_tensor *tensors[EXTENTS] = {args->q,   args->k,   args->q_out,    args->k_out,
                                          args->sin, args->cos, args->positions};
    for (size_t i = 0; i < EXTENTS; i++) {
        extents[i] = (clxi_extent){.name = expect[i].name};
        if (tensors[i]) CLXI_TRY(clxi_view_check(op->context, tensors[i], &expect[i], &extents[i], error));
    }
    CLXI_TRY(check_positions(args, S, error));
    const clxi_extent inputs[] = {extents[Q], extents[K], extents[SIN], extents[COS], extents[POSITIONS]};
    CLXI_TRY(clxi_extent_check_inplace(&extents[Q_OUT], &inputs[0], inputs, 5, error));
    if (!args->k) return CLX_OK;
    CLXI_TRY(clxi_extent_check_inplace(&extents[K_OUT], &inputs[1], inputs, 5, error));
    CLXI_TRY(clxi_extent_check(&extents[K_OUT], &extents[Q_OUT], 1, error));
fail:
    return status;
}

static const rotary_width *choose_width(const clx_rotary *op, const clx_rotary_args *args)
{
    const uint32_t chunk = op->wide.chunk;
    if (!op->wide.kernel || !clxi_view_aligned(args->q, chunk) || !clxi_view_aligned(args->q_out, chunk))
        return &op->narrow;
    if (args->k && (!clxi_view_aligned(args->k, chunk) || !clxi_view_aligned(args->k_out, chunk))) return &op->narrow;
    return &op->wide;
}

static void run_apply(clxi_call *call, const clx_rotary *op, const clx_rotary_args *args, const rotary_sizes *sizes)
{
    const rotary_width *width = choose_width(op, args);
    const uint64_t token_groups = sizes->B * clxi_ceil_div(sizes->S, width->tokens);
    /* An item reuses its angles for all heads of its block: as few blocks as still fill the device. */
    const uint64_t filling = 8 * (uint64_t)op->context->caps.compute_units;
    const uint64_t blocks = clxi_min_u64(sizes->heads, clxi_ceil_div(filling, token_groups));
    const uint64_t heads_per_group = clxi_ceil_div(sizes->heads, blocks);
    const uint64_t groups = token_groups * clxi_ceil_div(sizes->heads, heads_per_group);
    const uint32_t q_inplace = clxi_view_same(args->q, args->q_out);
    const uint32_t k_inplace = args->k && clxi_view_same(args->k, args->k_out);
    clxi_bind bind = clxi_bind_begin(width->kernel);
    clxi_bind_view(&bind, args->q, 3);
    clxi_bind_view(&bind, args->k, 3);
    clxi_bind_view(&bind, args->q_out, 3);
    clxi_bind_view(&bind, args->k_out, 3);
    clxi_bind_mem(&bind, op->turns);
    clxi_bind_view(&bind, args->sin, 2);
    clxi_bind_view(&bind, args->cos, 2);
    clxi_bind_u64(&bind, args->sin ? args->sin->size[0] : 0);
    clxi_bind_view(&bind, args->positions, 2);
    clxi_bind_u32(&bind, args->positions ? (uint32_t)clx_dtype_size_bytes(args->positions->dtype) : 0);
    clxi_bind_i64(&bind, args->start);
    clxi_bind_u32(&bind, q_inplace | k_inplace << 1);
    clxi_bind_u32(&bind, (uint32_t)sizes->B);
    clxi_bind_u32(&bind, (uint32_t)sizes->S);
    clxi_bind_u32(&bind, (uint32_t)sizes->q_heads);
    clxi_bind_u32(&bind, (uint32_t)sizes->heads);
    clxi_bind_u32(&bind, (uint32_t)heads_per_group);
    clxi_call_kernel(call, &bind, "rotary_apply", groups, width->items,
                     10.0 * (double)(width->tokens * op->desc.D * heads_per_group));
}

clx_status clx_rotary_enqueue(clx_rotary *op, const clx_launch *launch, const clx_rotary_args *args, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    rotary_sizes sizes = {0};
    clxi_extent extents[EXTENTS];
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(check_args(op, args, &sizes, extents, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, 0, extents, EXTENTS, error));
    if (sizes.B > 0 && sizes.S > 0 && sizes.heads > 0) run_apply(&call, op, args, &sizes);
    return clxi_call_end(&call);
fail:
    return status;
}
