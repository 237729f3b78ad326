/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate projection in two shapes (many tokens, few tokens) and the gate statistics. */
#include "ops/gates.h"

#include "base/arith.h"
#include "runtime/align.h"
#include "runtime/program.h"
#include <stdlib.h>

#define STATISTICS_GROUPS (CLXI_GATES_STATISTICS_BYTES / 24) /* six floats each */
#define STATISTICS_SHARE 4096                                /* elements of a group at least */

struct clxi_gates {
    clx_context *context;
    clxi_gates_problem problem;
    char *name;
    bool is_cpu; /* shapes of the cpu family */
    clxi_gates_shape many_shape;
    clxi_gates_shape few_shape;
    uint32_t statistics_items;
    cl_kernel many;
    cl_kernel few;
    cl_kernel statistics;
    cl_kernel statistics_join;
};

/* The largest groups that the device allows the kernel. */
static clx_status build_projection(const clxi_gates *op, bool few, clxi_gates_shape *shape, cl_kernel *kernel,
                                   clx_error *error)
{
    clx_status status = CLX_OK;
    uint64_t limit = op->context->caps.max_work_group;
    for (;; limit = shape->items / 2) {
        clxi_text options = CLXI_TEXT_INIT;
        *shape = clxi_gates_plan(&op->problem, op->is_cpu, limit, few);
        clxi_gates_options(&op->problem, shape, &options);
        status = options.failed ? clxi_fail_memory(error, "compile options")
                                : clxi_kernel_get(op->context, "gates_projection.cl", options.data, "gates_projection",
                                                  kernel, error);
        clxi_text_free(&options);
        if (status != CLX_OK || clxi_kernel_fits(op->context, *kernel, shape->items)) return status;
        clxi_kernel_release(*kernel);
        *kernel = NULL;
        if (shape->items == 1) return clxi_fail(error, CLX_ERR_UNSUPPORTED, "gates: the device allows no work-group");
    }
}

static clx_status build_statistics(clxi_gates *op, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text options = CLXI_TEXT_INIT;
    /* 32 items run on every device; on CPUs more than one would only cost */
    op->statistics_items = op->is_cpu ? 1 : (uint32_t)clxi_min_u64(op->context->caps.max_work_group, 64);
    while ((op->statistics_items & (op->statistics_items - 1)) != 0)
        op->statistics_items &= op->statistics_items - 1; /* a power of two */
    clxi_gates_statistics_options(&op->problem, op->statistics_items, &options);
    if (options.failed) {
        status = clxi_fail_memory(error, "compile options");
        goto fail;
    }
    CLXI_TRY(
        clxi_kernel_get(op->context, "gates_statistics.cl", options.data, "gates_statistics", &op->statistics, error));
    CLXI_TRY(clxi_kernel_get(op->context, "gates_statistics.cl", options.data, "gates_statistics_join",
                             &op->statistics_join, error));
fail:
    clxi_text_free(&options);
    return status;
}

clx_status clxi_gates_create(clx_context *context, const clxi_gates_problem *problem, clxi_gates **out,
                             clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text name = CLXI_TEXT_INIT;
    clxi_gates *op = calloc(1, sizeof *op);
    if (!op) return clxi_fail_memory(error, "a gate operator");
    clxi_context_retain(context);
    op->context = context;
    op->problem = *problem;
    op->is_cpu = context->caps.is_cpu && clxi_context_allows(context, "cpu");
    if (!op->is_cpu && !clxi_context_allows(context, "simt")) {
        status = clxi_fail(error, CLX_ERR_UNSUPPORTED, "gates: no family that fits the device is allowed");
        goto fail;
    }
    CLXI_TRY(build_projection(op, false, &op->many_shape, &op->many, error));
    CLXI_TRY(build_projection(op, true, &op->few_shape, &op->few, error));
    CLXI_TRY(build_statistics(op, error));
    clxi_text_printf(&name, "%s_gates_%s_%ux%u", op->is_cpu ? "cpu" : "simt", clx_dtype_name(problem->input_dtype),
                     op->many_shape.tokens, op->many_shape.heads);
    op->name = name.data;
    if (name.failed) {
        status = clxi_fail_memory(error, "a variant's name");
        goto fail;
    }
    *out = op;
    return CLX_OK;
fail:
    clxi_gates_destroy(op);
    return status;
}

void clxi_gates_destroy(clxi_gates *op)
{
    if (!op) return;
    clxi_kernel_release(op->many);
    clxi_kernel_release(op->few);
    clxi_kernel_release(op->statistics);
    clxi_kernel_release(op->statistics_join);
    clxi_context_release(op->context);
    free(op->name);
    free(op);
}

const char *clxi_gates_variant(const clxi_gates *op)
{
    return op->name;
}

/* Features of a source that one head sees. */
static uint64_t features_seen(const clxi_gates *op, const clx_tensor *x)
{
    return op->problem.headwise ? x->size[2] / op->problem.NH : x->size[2];
}

/* Do all items' chunks of four start at multiples of four? */
static bool all_aligned(const clxi_gates *op, const clxi_gates_args *args)
{
    for (uint32_t i = 0; i < op->problem.sources; i++)
        if (!clxi_view_aligned(args->x[i], 4) || features_seen(op, args->x[i]) % 4 != 0) return false;
    return true;
}

static void bind_sources(clxi_bind *bind, const clxi_gates *op, const clxi_gates_args *args)
{
    for (uint32_t i = 0; i < CLXI_GATES_MAX_SOURCES; i++) {
        const clx_tensor *x = i < op->problem.sources ? args->x[i] : NULL;
        clxi_bind_view(bind, x, 2);
        clxi_bind_u32(bind, x ? (uint32_t)features_seen(op, x) : 0);
    }
}

void clxi_gates_run(clxi_call *call, const clxi_gates *op, const clxi_gates_args *args)
{
    const clxi_gates_problem *problem = &op->problem;
    const uint64_t B = args->igate->size[0], S = args->igate->size[2], tokens = B * S;
    const bool few = tokens <= (op->is_cpu ? 4 : 1) * (uint64_t)op->context->caps.compute_units;
    const clxi_gates_shape *shape = few ? &op->few_shape : &op->many_shape;
    double features = 0;
    for (uint32_t i = 0; i < problem->sources; i++)
        features += (double)features_seen(op, args->x[i]);
    clxi_bind bind = clxi_bind_begin(few ? op->few : op->many);
    bind_sources(&bind, op, args);
    clxi_bind_view(&bind, args->igate_kernel, 1);
    clxi_bind_view(&bind, args->igate_bias, 1);
    clxi_bind_view(&bind, args->fgate_kernel, 1);
    clxi_bind_view(&bind, args->fgate_bias, 1);
    clxi_bind_view(&bind, args->document_borders, 2);
    clxi_bind_mem(&bind, args->igate->mem);
    clxi_bind_u64(&bind, args->igate->offset);
    clxi_bind_u64(&bind, args->fgate->offset);
    clxi_bind_u64(&bind, tokens);
    clxi_bind_u32(&bind, (uint32_t)S);
    clxi_bind_u32(&bind, problem->NH);
    clxi_bind_u32(&bind, all_aligned(op, args));
    clxi_bind_u32(&bind, args->document_borders != NULL);
    clxi_bind_f32(&bind, problem->soft_cap);
    clxi_bind_f32(&bind, problem->reset_fgate_value);
    clxi_call_kernel(call, &bind, "gates_projection",
                     clxi_ceil_div(tokens, shape->tokens) * clxi_ceil_div(problem->NH, shape->heads), shape->items,
                     4.0 * shape->tokens * shape->heads * features);
}

static void bind_biases(clxi_bind *bind, const clxi_gates *op, const clxi_gates_args *args)
{
    clxi_bind_view(bind, args->igate_bias, 1);
    clxi_bind_view(bind, args->fgate_bias, 1);
    clxi_bind_u32(bind, op->problem.NH);
    clxi_bind_view(bind, args->statistics, 1);
}

void clxi_gates_run_statistics(clxi_call *call, const clxi_gates *op, const clxi_gates_args *args,
                               uint64_t workspace_bytes_offset)
{
    const uint64_t *size = args->igate->size;
    const uint64_t count = size[0] * size[1] * size[2];
    const uint64_t share = clxi_max_u64(clxi_ceil_div(count, STATISTICS_GROUPS), STATISTICS_SHARE);
    const uint64_t groups = clxi_max_u64(clxi_ceil_div(count, share), 1);
    const uint64_t offset = (call->workspace_offset + workspace_bytes_offset) / sizeof(float);
    clxi_bind bind = clxi_bind_begin(op->statistics);
    clxi_bind_mem(&bind, args->igate->mem);
    clxi_bind_u64(&bind, args->igate->offset);
    clxi_bind_u64(&bind, args->fgate->offset);
    clxi_bind_u64(&bind, count);
    clxi_bind_u64(&bind, share);
    clxi_bind_mem(&bind, call->workspace);
    clxi_bind_u64(&bind, offset);
    bind_biases(&bind, op, args);
    clxi_call_kernel(call, &bind, "gates_statistics", groups, op->statistics_items, 10.0 * (double)share);
    if (groups == 1) return;
    bind = clxi_bind_begin(op->statistics_join);
    clxi_bind_mem(&bind, call->workspace);
    clxi_bind_u64(&bind, offset);
    clxi_bind_u32(&bind, (uint32_t)groups);
    clxi_bind_u64(&bind, count);
    bind_biases(&bind, op, args);
    clxi_call_kernel(call, &bind, "gates_statistics_join", 1, op->statistics_items, 0);
}
