/* SPDX-License-Identifier: Apache-2.0
 *
 * Norms: an operator is one kernel in two widths, chosen by the alignment of each call's tensors. */
#include "base/arith.h"
#include "ops/op_check.h"
#include "runtime/align.h"
#include "runtime/launch.h"
#include "runtime/program.h"
#include <clxlstm/norm.h>
#include <stdlib.h>

#define ITEMS_LIMIT 1024     /* of a group, on a device that allows it */
#define HELD_ELEMENTS 64     /* of a row in one item's registers at most */
#define HELD_ELEMENTS_FEW 32 /* ... where an item has few of them */
#define FEW_REGISTERS 160
#define CPU_ROW_ELEMENTS 16384 /* of the rows of one item of a CPU, about */

typedef enum norm_kind { NORM_SIMT, NORM_LONG, NORM_CPU } norm_kind;

static const char *const KERNEL_NAMES[] = {"simt_norm", "simt_norm_long", "cpu_norm"};
static const char *const SOURCES[] = {"norm.cl", "norm.cl", "norm_cpu.cl"};

/* How rows are shared out; the names are those of cl/norm.cl. */
typedef struct norm_width {
    norm_kind kind;
    uint32_t chunk;
    uint32_t items;
    uint32_t span;
    uint32_t rows; /* of a group */
    cl_kernel kernel;
} norm_width;

struct clx_norm {
    clx_context *context;
    clx_norm_desc desc; /* with its defaults resolved */
    char *name;
    norm_width wide; /* 16 bytes an access; no kernel where D or the device does not want it */
    norm_width narrow;
};

static clx_status check_desc(clx_norm_desc *desc, clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(clxi_check_struct("desc", desc->struct_size, sizeof *desc, error));
    CLXI_TRY(clxi_check_dimension("D", desc->D, INT32_MAX / 2, error));
    if (desc->type != CLX_LAYERNORM && desc->type != CLX_RMSNORM)
        return clxi_fail(error, CLX_ERR_VALUE, "type: %d, expected CLX_LAYERNORM or CLX_RMSNORM", (int)desc->type);
    desc->dtype = clxi_dtype_or(desc->dtype, CLX_F32);
    desc->weight_dtype = clxi_dtype_or(desc->weight_dtype, CLX_F32);
    desc->out_dtype = clxi_dtype_or(desc->out_dtype, desc->dtype);
    CLXI_TRY(clxi_check_float_dtype("dtype", desc->dtype, error));
    CLXI_TRY(clxi_check_float_dtype("weight_dtype", desc->weight_dtype, error));
    CLXI_TRY(clxi_check_float_dtype("out_dtype", desc->out_dtype, error));
    CLXI_TRY(clxi_check_eps(desc->eps, error));
fail:
    return status;
}

static uint64_t power_of_two_up_to(uint64_t limit)
{
    uint64_t power = 1;
    while (power * 2 <= limit)
        power *= 2;
    return power;
}

/* As few items to a row as the registers allow: measured, 32 elements an item are better than 16 throughout, and 64
 * where 32 would spread the row over more than 64 items. */
static norm_width plan_width(uint64_t D, uint32_t chunk, uint64_t limit, uint32_t registers)
{
    const uint64_t held = registers < FEW_REGISTERS ? HELD_ELEMENTS_FEW : HELD_ELEMENTS;
    const uint64_t wanted = D > 64 * 32 ? clxi_max_u64(D / held, 64) : D / 32;
    norm_width width = {NORM_SIMT, chunk, 0, 1, 1, NULL};
    while (width.span < limit && width.span < wanted)
        width.span *= 2;
    width.items = (uint32_t)clxi_min_u64(limit, width.span < 64 ? 128 : width.span);
    width.rows = width.items / width.span;
    if (clxi_ceil_div(clxi_ceil_div(D, chunk), width.span) * chunk > held) {
        width.kind = NORM_LONG;
        width.rows = 1;
        width.items = (uint32_t)clxi_min_u64(limit, 256);
    }
    return width;
}

static norm_width plan_cpu(uint64_t D)
{
    const uint64_t rows = clxi_max_u64(CPU_ROW_ELEMENTS / D, 1);
    return (norm_width){NORM_CPU, 8, 1, 1, (uint32_t)rows, NULL};
}

static clx_status build_width(const clx_norm *op, norm_width *width, clx_error *error)
{
    const clx_norm_desc *desc = &op->desc;
    clx_status status = CLX_OK;
    clxi_text options = CLXI_TEXT_INIT;
    clxi_text_printf(
        &options,
        "-D CLX_UNROLL=%d -D CLX_WG=%u -D CLX_SPAN=%u -D CLX_ROWS=%u -D CLX_D=%llu -D CLX_CHUNK=%u -D CLX_LAYER=%d "
        "-D CLX_IN=%d -D CLX_OUT=%d -D CLX_WEIGHT=%d",
        !op->context->caps.is_cpu, width->items, width->span, width->rows, (unsigned long long)desc->D, width->chunk,
        desc->type == CLX_LAYERNORM, (int)desc->dtype, (int)desc->out_dtype, (int)desc->weight_dtype);
    if (options.failed) {
        status = clxi_fail_memory(error, "compile options");
        goto fail;
    }
    CLXI_TRY(clxi_kernel_get(op->context, SOURCES[width->kind], options.data, KERNEL_NAMES[width->kind], &width->kernel,
                             error));
fail:
    clxi_text_free(&options);
    return status;
}

/* The largest groups that the kernel's registers allow. */
static clx_status build_fitting(const clx_norm *op, uint32_t chunk, norm_width *out, clx_error *error)
{
    uint64_t items = power_of_two_up_to(clxi_min_u64(ITEMS_LIMIT, op->context->caps.max_work_group));
    for (;; items /= 2) {
        *out = plan_width(op->desc.D, chunk, items, op->context->caps.registers);
        clx_status status = build_width(op, out, error);
        if (status != CLX_OK || clxi_kernel_fits(op->context, out->kernel, out->items)) return status;
        clxi_kernel_release(out->kernel);
        out->kernel = NULL;
        if (items == 1) return clxi_fail(error, CLX_ERR_UNSUPPORTED, "norm: the device allows no work-group");
    }
}

static clx_status build_family(clx_norm *op, clx_error *error)
{
    const clx_context *context = op->context;
    const uint64_t bytes = clxi_min_u64(clx_dtype_size_bytes(op->desc.dtype), clx_dtype_size_bytes(op->desc.out_dtype));
    const uint32_t chunk = (uint32_t)(16 / bytes);
    clx_status status = CLX_OK;
    clxi_text name = CLXI_TEXT_INIT;
    const bool cpu = context->caps.is_cpu && clxi_context_allows(context, "cpu");
    if (!cpu && !clxi_context_allows(context, "simt"))
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "norm: no family that fits the device is allowed");
    clxi_text_printf(&name, "%s_%s_%s", cpu ? "cpu" : "simt", op->desc.type == CLX_LAYERNORM ? "layernorm" : "rmsnorm",
                     clx_dtype_name(op->desc.dtype));
    op->name = name.data;
    if (name.failed) return clxi_fail_memory(error, "a variant's name");
    if (cpu) {
        op->narrow = plan_cpu(op->desc.D);
        return build_width(op, &op->narrow, error);
    }
    CLXI_TRY(build_fitting(op, 1, &op->narrow, error));
    if (op->desc.D % chunk == 0) CLXI_TRY(build_fitting(op, chunk, &op->wide, error));
fail:
    return status;
}

clx_status clx_norm_create(clx_context *context, const clx_norm_desc *desc, clx_norm **out, clx_error *error)
{
    clx_norm *op = NULL;
    if (out) *out = NULL;
    clx_status status = clxi_check_create(context, desc, out, error);
    if (status != CLX_OK) return status;
    op = calloc(1, sizeof *op);
    if (!op) return clxi_fail_memory(error, "a norm operator");
    clxi_context_retain(context);
    op->context = context;
    op->desc = *desc;
    CLXI_TRY(check_desc(&op->desc, error));
    CLXI_TRY(build_family(op, error));
    *out = op;
    return CLX_OK;
fail:
    clx_norm_destroy(op);
    return status;
}

void clx_norm_destroy(clx_norm *op)
{
    if (!op || clxi_context_is_foreign(op->context)) return;
    clxi_kernel_release(op->wide.kernel);
    clxi_kernel_release(op->narrow.kernel);
    clxi_context_release(op->context);
    free(op->name);
    free(op);
}

const char *clx_norm_variant(const clx_norm *op)
{
    return op ? op->name : NULL;
}

enum { X, WEIGHT, Y, EXTENTS };

static clx_status check_args(const clx_norm *op, const clx_norm_args *args, clxi_extent extents[EXTENTS],
                             clx_error *error)
{
    clx_status status = CLX_OK;
    if (!args) return clxi_fail(error, CLX_ERR_NULL, "args: NULL, expected a clx_norm_args");
    CLXI_TRY(clxi_check_struct("args", args->struct_size, sizeof *args, error));
    CLXI_TRY(clxi_check_rank(args->x, "x", 4, "(B, NH, S, D)", error));
    const uint64_t B = args->x->size[0], NH = args->x->size[1], S = args->x->size[2], D = op->desc.D;
    CLXI_TRY(clxi_check_count("B", B, error));
    CLXI_TRY(clxi_check_count("NH", NH, error));
    CLXI_TRY(clxi_check_count("S", S, error));
    const bool per_head = args->weight && args->weight->rank == 2;
    const clxi_expect expect[EXTENTS] = {
        {"x", op->desc.dtype, 4, {B, NH, S, D}, "the operator's D", true, false},
        {"weight", op->desc.weight_dtype, per_head ? 2 : 1, {per_head ? NH : D, D}, "x", true, false},
        {"y", op->desc.out_dtype, 4, {B, NH, S, D}, "x", true, true},
    };
    const clx_tensor *tensors[EXTENTS] = {args->x, args->weight, args->y};
    for (size_t i = 0; i < EXTENTS; i++) {
        extents[i] = (clxi_extent){.name = expect[i].name};
        if (i == WEIGHT && !args->weight) continue;
        CLXI_TRY(clxi_view_check(op->context, tensors[i], &expect[i], &extents[i], error));
    }
    CLXI_TRY(clxi_extent_check_inplace(&extents[Y], &extents[X], extents, 2, error));
fail:
    return status;
}

static const norm_width *choose_width(const clx_norm *op, const clx_norm_args *args)
{
    const uint32_t chunk = op->wide.chunk;
    if (!op->wide.kernel || op->wide.kind == NORM_LONG) return &op->narrow;
    if (!clxi_view_aligned(args->x, chunk) || !clxi_view_aligned(args->y, chunk)) return &op->narrow;
    if (args->weight && !clxi_view_aligned(args->weight, chunk)) return &op->narrow;
    return &op->wide;
}

/* B, NH, S by falling stride of x, so that neighbouring groups work on neighbouring rows. */
static void sort_dims(const clx_tensor *x, uint32_t order[3])
{
    for (uint32_t d = 0; d < 3; d++) {
        uint32_t at = d;
        for (; at > 0 && clxi_abs_stride(x->stride[order[at - 1]]) < clxi_abs_stride(x->stride[d]); at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
}

static void bind_sorted(clxi_bind *bind, const clx_tensor *tensor, const int64_t stride[3], const uint32_t order[3])
{
    clxi_bind_mem(bind, tensor ? tensor->mem : NULL);
    clxi_bind_u64(bind, tensor ? tensor->offset : 0);
    for (uint32_t d = 0; d < 3; d++)
        clxi_bind_i64(bind, stride[order[d]]);
}

static void run_norm(clxi_call *call, const clx_norm *op, const clx_norm_args *args)
{
    const norm_width *width = choose_width(op, args);
    const uint64_t *size = args->x->size;
    const uint64_t rows = size[0] * size[1] * size[2];
    const bool per_head = args->weight && args->weight->rank == 2;
    const int64_t weight_stride[3] = {0, per_head ? args->weight->stride[0] : 0, 0};
    uint32_t order[3];
    sort_dims(args->x, order);
    clxi_bind bind = clxi_bind_begin(width->kernel);
    bind_sorted(&bind, args->x, args->x->stride, order);
    bind_sorted(&bind, args->y, args->y->stride, order);
    bind_sorted(&bind, args->weight, weight_stride, order);
    clxi_bind_u32(&bind, (uint32_t)size[order[1]]);
    clxi_bind_u32(&bind, (uint32_t)size[order[2]]);
    clxi_bind_u64(&bind, rows);
    clxi_bind_u32(&bind, args->weight != NULL);
    clxi_bind_f32(&bind, op->desc.eps);
    clxi_call_kernel(call, &bind, KERNEL_NAMES[width->kind], clxi_ceil_div(rows, width->rows), width->items,
                     20.0 * (double)width->rows * (double)op->desc.D);
}

clx_status clx_norm_enqueue(clx_norm *op, const clx_launch *launch, const clx_norm_args *args, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_extent extents[EXTENTS];
    uint64_t rows = 0;
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(check_args(op, args, extents, error));
    if (!clxi_mul_u64(args->x->size[0] * args->x->size[1], args->x->size[2], &rows))
        return clxi_fail(error, CLX_ERR_OVERFLOW, "x: the number of its rows overflows");
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, 0, extents, EXTENTS, error));
    if (rows > 0) run_norm(&call, op, args);
    return clxi_call_end(&call);
fail:
    return status;
}
