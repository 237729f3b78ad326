/* SPDX-License-Identifier: Apache-2.0
 *
 * The recurrent mLSTM. A step is one launch. A sequence is three or more:
 *
 *     recurrent_begin     the caller's state to the f32 of the workspace
 *     *_sequence          a stretch of tokens, the state in the workspace; several where launches must be short
 *     recurrent_end       the state back, where it is wanted */
#include "base/arith.h"
#include "ops/op_check.h"
#include "ops/recurrent_op.h"
#include "runtime/align.h"
#include "runtime/program.h"
#include <math.h>
#include <stdlib.h>

#define ITEMS_WANTED 256 /* of a group, on a device that allows it */
#define TOKENS_PER_LAUNCH                                                                                              \
    2048 /* where the pace is not known: a step takes microseconds on a GPU, however small it is */

void clxi_recurrent_shape_options(const clx_recurrent *op, const clxi_recurrent_shape *shape, bool aligned,
                                  clxi_text *out)
{
    const clxi_recurrent_plan *plan = &op->plan;
    clxi_recurrent_options(plan, &op->desc, out);
    clxi_text_printf(out,
                     " -D CLX_WG=%u -D CLX_SLICE=%u -D CLX_WIDTH=%u -D CLX_R=%u -D CLX_HELD=%u -D CLX_T=%u "
                     "-D CLX_ALIGNED=%d",
                     shape->items, plan->sequence.width, shape->width, shape->rows, shape->held, plan->tokens, aligned);
}

static clx_status get_kernel(const clx_recurrent *op, const char *source, const clxi_recurrent_shape *shape,
                             bool aligned, const char *name, cl_kernel *out, clx_error *error)
{
    clxi_text options = CLXI_TEXT_INIT;
    clxi_recurrent_shape_options(op, shape, aligned, &options);
    clx_status status = options.failed ? clxi_fail_memory(error, "compile options")
                                       : clxi_kernel_get(op->context, source, options.data, name, out, error);
    clxi_text_free(&options);
    return status;
}

static clx_status build_plan(clx_recurrent *op, clx_error *error)
{
    const clxi_recurrent_plan *plan = &op->plan;
    const clxi_recurrent_shape *all = &plan->sequence;
    clx_status status = CLX_OK;
    CLXI_TRY(get_kernel(op, "recurrent_state.cl", all, false, "recurrent_begin", &op->begin, error));
    CLXI_TRY(get_kernel(op, "recurrent_state.cl", all, false, "recurrent_end", &op->end, error));
    if (plan->cpu) {
        const clxi_recurrent_shape *step = &plan->step[CLXI_STEP_NARROW];
        CLXI_TRY(get_kernel(op, "recurrent_cpu.cl", step, false, "cpu_recurrent_step", &op->step[0][0], error));
        CLXI_TRY(get_kernel(op, "recurrent_cpu.cl", step, false, "cpu_recurrent_sequence", &op->sequence, error));
        return CLX_OK;
    }
    CLXI_TRY(get_kernel(op, "recurrent_sequence.cl", all, false, "simt_recurrent_sequence", &op->sequence, error));
    for (int shape = 0; shape < CLXI_STEP_SHAPES; shape++)
        for (int aligned = 0; aligned <= (op->desc.DHV % 4 == 0); aligned++)
            CLXI_TRY(get_kernel(op, "recurrent_step.cl", &plan->step[shape], aligned, "simt_recurrent_step",
                                &op->step[shape][aligned], error));
fail:
    return status;
}

static void release(cl_kernel *kernel)
{
    clxi_kernel_release(*kernel);
    *kernel = NULL;
}

static void release_kernels(clx_recurrent *op)
{
    release(&op->begin);
    release(&op->end);
    release(&op->sequence);
    for (int shape = 0; shape < CLXI_STEP_SHAPES; shape++) {
        release(&op->step[shape][0]);
        release(&op->step[shape][1]);
    }
}

static bool fits(const clx_recurrent *op, cl_kernel kernel, const clxi_recurrent_shape *shape)
{
    return !kernel || clxi_kernel_fits(op->context, kernel, shape->items);
}

static bool kernels_fit(const clx_recurrent *op)
{
    const clxi_recurrent_shape *all = &op->plan.sequence;
    if (!fits(op, op->begin, all) || !fits(op, op->end, all) || !fits(op, op->sequence, all)) return false;
    for (int shape = 0; shape < CLXI_STEP_SHAPES; shape++)
        for (int aligned = 0; aligned < 2; aligned++)
            if (!fits(op, op->step[shape][aligned], &op->plan.step[shape])) return false;
    return true;
}

/* The largest groups that the device and the kernels' registers allow. */
static clx_status build_fitting(clx_recurrent *op, clx_error *error)
{
    const clxi_caps *caps = &op->context->caps;
    const bool cpu = caps->is_cpu && clxi_context_allows(op->context, "cpu");
    uint64_t items = ITEMS_WANTED;
    if (!cpu && !clxi_context_allows(op->context, "simt"))
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "recurrent: no family that fits the device is allowed");
    while (items > caps->max_work_group)
        items /= 2;
    for (; items > 0; items /= 2) {
        op->plan = clxi_recurrent_plan_make(caps, &op->desc, cpu, items);
        clx_status status = build_plan(op, error);
        if (status != CLX_OK || kernels_fit(op)) return status;
        release_kernels(op);
    }
    return clxi_fail(error, CLX_ERR_UNSUPPORTED, "recurrent: its kernels do not fit the device's work-groups");
}

clx_status clx_recurrent_create(clx_context *context, const clx_recurrent_desc *desc, clx_recurrent **out,
                                clx_error *error)
{
    clx_recurrent *op = NULL;
    clxi_text name = CLXI_TEXT_INIT;
    if (out) *out = NULL;
    clx_status status = clxi_check_create(context, desc, out, error);
    if (status != CLX_OK) return status;
    op = calloc(1, sizeof *op);
    if (!op) return clxi_fail_memory(error, "a recurrent mLSTM operator");
    clxi_context_retain(context);
    op->context = context;
    op->desc = *desc;
    CLXI_TRY(clxi_recurrent_check_desc(&op->desc, error));
    CLXI_TRY(build_fitting(op, error));
    clxi_text_printf(&name, "%s_recurrent_%s", op->plan.cpu ? "cpu" : "simt", clx_dtype_name(op->desc.qkv_dtype));
    op->name = name.data;
    if (name.failed) {
        status = clxi_fail_memory(error, "a variant's name");
        goto fail;
    }
    clxi_recurrent_find_paces(op);
    *out = op;
    return CLX_OK;
fail:
    clx_recurrent_destroy(op);
    return status;
}

void clx_recurrent_destroy(clx_recurrent *op)
{
    if (!op || clxi_context_is_foreign(op->context)) return;
    release_kernels(op);
    clxi_context_release(op->context);
    free(op->name);
    free(op);
}

const char *clx_recurrent_variant(const clx_recurrent *op)
{
    return op ? op->name : NULL;
}

clx_status clx_recurrent_workspace_size(const clx_recurrent *op, uint64_t B, uint64_t NH, uint64_t *size_bytes,
                                        clx_error *error)
{
    clxi_recurrent_sizes sizes;
    uint64_t floats = 0;
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    if (!size_bytes) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: NULL, expected where to put the size");
    clx_status status = clxi_recurrent_check_sizes(B, NH, 1, &sizes, error);
    if (status == CLX_OK) status = clxi_recurrent_workspace_floats(op, sizes.heads, &floats, error);
    if (status == CLX_OK) *size_bytes = floats * 4;
    return status;
}

static float start_m(const clx_recurrent *op)
{
    return op->desc.start == CLX_START_EMPTY ? -INFINITY : 0.0f;
}

static void run_begin(clxi_call *call, const clx_recurrent *op, const clx_recurrent_args *args,
                      const clxi_recurrent_sizes *sizes)
{
    clxi_bind bind = clxi_bind_begin(op->begin);
    clxi_bind_view(&bind, args->C, 3);
    clxi_bind_view(&bind, args->n, 3);
    clxi_bind_view(&bind, args->m, 2);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u32(&bind, (uint32_t)sizes->NH);
    clxi_bind_u32(&bind, args->C == NULL);
    clxi_bind_f32(&bind, start_m(op));
    clxi_call_kernel(call, &bind, "recurrent_begin", sizes->heads * op->desc.DHQK, op->plan.sequence.items,
                     4.0 * (double)op->desc.DHV);
}

static void run_end(clxi_call *call, const clx_recurrent *op, const clx_recurrent_args *args,
                    const clxi_recurrent_sizes *sizes, uint32_t side)
{
    clxi_bind bind = clxi_bind_begin(op->end);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u32(&bind, (uint32_t)sizes->NH);
    clxi_bind_u32(&bind, side);
    clxi_bind_view(&bind, args->C_out, 3);
    clxi_bind_view(&bind, args->n_out, 3);
    clxi_bind_view(&bind, args->m_out, 2);
    clxi_call_kernel(call, &bind, "recurrent_end", sizes->heads * op->desc.DHQK, op->plan.sequence.items,
                     4.0 * (double)op->desc.DHV);
}

/* What a token costs all groups: on a device that is not full as much as on one that is. */
static double token_flops(const clx_recurrent *op, const clxi_recurrent_sizes *sizes)
{
    const uint64_t heads = clxi_max_u64(sizes->heads, clxi_recurrent_heads_timed(op));
    const double slices = (double)clxi_ceil_div(op->desc.DHV, op->plan.sequence.width);
    return 8.0 * (double)op->desc.DHQK * (double)op->plan.sequence.width * slices * (double)heads;
}

/* Tokens of a launch: groups walk them in step, so that a launch is cut here and not by groups, as long as it can be. */
static uint64_t stretch_of(const clx_recurrent *op, const clxi_recurrent_sizes *sizes)
{
    const clx_context *context = op->context;
    const double pace = clxi_pace_of(&op->paces, "recurrent_sequence");
    if (isinf(context->launch_ms) || op->paces.laps) return clxi_max_u64(sizes->S, 1);
    if (!(pace > 0)) return TOKENS_PER_LAUNCH;
    const double tokens = context->launch_ms * pace / token_flops(op, sizes);
    if (!(tokens < (double)sizes->S)) return clxi_max_u64(sizes->S, 1);
    return tokens > 16 ? (uint64_t)tokens / 16 * 16 : 16;
}

/* Tokens begin .. end - 1. `side` is the half of the workspace's n and m that is read. */
static void run_stretch(clxi_call *call, const clx_recurrent *op, const clx_recurrent_args *args,
                        const clxi_recurrent_sizes *sizes, uint32_t side, uint64_t begin, uint64_t end)
{
    const uint64_t slices = clxi_ceil_div(op->desc.DHV, op->plan.sequence.width);
    const double work = 8.0 * (double)op->desc.DHQK * (double)op->plan.sequence.width * (double)(end - begin);
    clxi_bind bind = clxi_bind_begin(op->sequence);
    clxi_bind_view(&bind, args->q, 3);
    clxi_bind_view(&bind, args->k, 3);
    clxi_bind_view(&bind, args->v, 3);
    clxi_bind_view(&bind, args->igate, 3);
    clxi_bind_view(&bind, args->fgate, 3);
    clxi_bind_view(&bind, args->h, 3);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u32(&bind, (uint32_t)sizes->NH);
    clxi_bind_u32(&bind, side);
    clxi_bind_u64(&bind, begin);
    clxi_bind_u64(&bind, end);
    clxi_bind_f32(&bind, op->desc.eps);
    clxi_call_kernel(call, &bind, "recurrent_sequence", sizes->heads * slices, op->plan.sequence.items, work);
}

clx_status clx_recurrent_enqueue(clx_recurrent *op, const clx_launch *launch, const clx_recurrent_args *args,
                                 clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_recurrent_sizes sizes = {0};
    clxi_extent extents[CLXI_REC_EXTENTS];
    uint64_t floats = 0;
    uint32_t side = 0;
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(clxi_recurrent_check_args(op, args, false, &sizes, extents, error));
    CLXI_TRY(clxi_recurrent_workspace_floats(op, sizes.heads, &floats, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, floats * 4, extents, CLXI_REC_EXTENTS, error));
    call.paces = &op->paces;
    if (sizes.heads > 0 && (sizes.S > 0 || args->C_out)) {
        const uint64_t stretch = stretch_of(op, &sizes);
        clxi_call_more(&call, true);
        run_begin(&call, op, args, &sizes);
        for (uint64_t t = 0; t < sizes.S; t += stretch, side ^= 1) {
            clxi_call_more(&call, args->C_out || sizes.S - t > stretch);
            run_stretch(&call, op, args, &sizes, side, t, clxi_min_u64(t + stretch, sizes.S));
        }
        clxi_call_more(&call, false);
        if (args->C_out) run_end(&call, op, args, &sizes, side);
    }
    return clxi_call_end(&call);
fail:
    return status;
}

/* The kernels' last argument; the same as in cl/recurrent.clh. */
typedef struct step_view {
    uint64_t at;
    int64_t b;
    int64_t h;
    int64_t d;
} step_view;

typedef struct step_layout {
    step_view views[12]; /* in the order of the buffers */
    uint32_t NH;
    uint32_t slices;
    uint32_t fresh;
    float m_start;
    float eps;
    uint32_t unused;
} step_layout;

static step_view view_of(const clx_tensor *tensor)
{
    if (!tensor) return (step_view){0};
    return (step_view){tensor->offset, tensor->stride[0], tensor->stride[1], tensor->rank > 2 ? tensor->stride[2] : 0};
}

static void run_step(clxi_call *call, const clx_recurrent *op, const clx_recurrent_args *args,
                     const clxi_recurrent_sizes *sizes)
{
    const clx_tensor *tensors[12] = {args->q, args->k, args->v,     args->igate, args->fgate, args->C,
                                     args->n, args->m, args->C_out, args->n_out, args->m_out, args->h};
    const bool fresh = args->C == NULL;
    const bool inplace = !fresh && (clxi_view_same(args->n, args->n_out) || clxi_view_same(args->m, args->m_out));
    const bool aligned = (fresh || clxi_view_aligned(args->C, 4)) && clxi_view_aligned(args->C_out, 4);
    const clxi_recurrent_step step =
        clxi_recurrent_step_choose(&op->plan, &op->context->caps, op->desc.DHV, sizes->heads, inplace);
    const cl_kernel *kernels = op->step[step.shape];
    step_layout layout = {.NH = (uint32_t)sizes->NH, .slices = (uint32_t)step.slices, .fresh = fresh};
    layout.m_start = start_m(op);
    layout.eps = op->desc.eps;
    clxi_bind bind = clxi_bind_begin(aligned && kernels[1] ? kernels[1] : kernels[0]);
    for (size_t i = 0; i < 12; i++) {
        layout.views[i] = view_of(tensors[i]);
        clxi_bind_mem(&bind, tensors[i] ? tensors[i]->mem : NULL);
    }
    clxi_bind_struct(&bind, &layout, sizeof layout);
    clxi_call_kernel(call, &bind, "recurrent_step", sizes->heads * step.slices, op->plan.step[step.shape].items,
                     8.0 * (double)op->desc.DHQK * (double)op->desc.DHV / (double)step.slices);
}

clx_status clx_recurrent_step_enqueue(clx_recurrent *op, const clx_launch *launch, const clx_recurrent_args *args,
                                      clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_recurrent_sizes sizes = {0};
    clxi_extent extents[CLXI_REC_EXTENTS];
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(clxi_recurrent_check_args(op, args, true, &sizes, extents, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, 0, extents, CLXI_REC_EXTENTS, error));
    if (sizes.heads > 0) run_step(&call, op, args, &sizes);
    return clxi_call_end(&call);
fail:
    return status;
}
