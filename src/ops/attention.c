/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention: an operator is a set of kernels, a call is one or two launches.
 *
 *     attention_prepare    q and k, pre-activated and rotated, to the workspace (only where something is to be done)
 *     attention_forward    per (batch, query head, tile of rows, slice of DHV): h */
#include "base/arith.h"
#include "base/turns.h"
#include "ops/attention_op.h"
#include "ops/op_check.h"
#include "runtime/align.h"
#include "runtime/constant.h"
#include "runtime/program.h"
#include <math.h>
#include <stdlib.h>

static clx_status make_turns(clx_attention *op, clx_error *error)
{
    const uint64_t pairs = op->problem.DHQK / 2;
    uint64_t(*turns)[2] = calloc(pairs, sizeof *turns);
    if (!turns) return clxi_fail_memory(error, "rotary frequencies");
    for (uint64_t j = 0; j < pairs; j++)
        clxi_turns(op->problem.theta, op->problem.DHQK, j, turns[j]);
    const clx_status status = clxi_constant_create(op->context, turns, pairs * sizeof *turns, &op->turns, error);
    free(turns);
    return status;
}

static clx_status get_prepare(clx_attention *op, clx_dtype to, cl_kernel *out, clx_error *error)
{
    clxi_text options = CLXI_TEXT_INIT;
    clxi_attention_prepare_options(&op->plan, &op->problem, to, &options);
    const clx_status status = options.failed ? clxi_fail_memory(error, "compile options")
                                             : clxi_kernel_get(op->context, "attention_prepare.cl", options.data,
                                                               "attention_prepare", out, error);
    clxi_text_free(&options);
    return status;
}

static clx_status get_forward(clx_attention *op, clx_error *error)
{
    clx_status (*const get)(clx_context *, const char *, const char *, const char *, cl_kernel *, clx_error *) =
        op->plan.once ? clxi_kernel_get_once : clxi_kernel_get;
    clxi_text options = CLXI_TEXT_INIT;
    clxi_attention_forward_options(&op->plan, &op->problem, &options);
    const clx_status status = options.failed ? clxi_fail_memory(error, "compile options")
                                             : get(op->context, op->plan.forward_source, options.data,
                                                   "attention_forward", &op->forward, error);
    clxi_text_free(&options);
    return status;
}

static clx_status build_kernels(clx_attention *op, clx_error *error)
{
    clx_status status = CLX_OK;
    const clxi_attention_problem *p = &op->problem;
    if (p->stage_q || p->stage_k) CLXI_TRY(get_prepare(op, p->qkv_dtype, &op->prepare, error));
    CLXI_TRY(get_prepare(op, p->input_dtype, &op->keys, error));
    CLXI_TRY(get_forward(op, error));
    /* drivers may allow a kernel fewer items than the device's limit, once its registers are known */
    if (!clxi_kernel_fits(op->context, op->forward, op->plan.tile.fit_items) ||
        !clxi_kernel_fits(op->context, op->keys, op->plan.prepare_items) ||
        (op->prepare && !clxi_kernel_fits(op->context, op->prepare, op->plan.prepare_items)))
        status = clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: its kernels do not fit the device's work-groups", op->name);
fail:
    return status;
}

clx_status clxi_attention_build(clx_context *context, const clxi_attention_problem *problem,
                                const clxi_attention_plan *plan, clx_attention **out, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text name = CLXI_TEXT_INIT;
    clx_attention *op = calloc(1, sizeof *op);
    if (!op) return clxi_fail_memory(error, "an attention operator");
    clxi_context_retain(context);
    op->context = context;
    op->problem = *problem;
    op->plan = *plan;
    clxi_attention_plan_name(plan, problem, &name);
    op->name = name.data ? clxi_strdup(name.data) : NULL;
    if (!op->name) {
        status = clxi_fail_memory(error, "a variant's name");
        goto fail;
    }
    CLXI_TRY(build_kernels(op, error));
    if (problem->rotary) CLXI_TRY(make_turns(op, error));
    *out = op;
    op = NULL;
fail:
    clx_attention_destroy(op);
    clxi_text_free(&name);
    return status;
}

clx_status clx_attention_create(clx_context *context, const clx_attention_desc *desc, clx_attention **out,
                                clx_error *error)
{
    clxi_attention_problem problem;
    if (out) *out = NULL;
    clx_status status = clxi_check_create(context, desc, out, error);
    if (status == CLX_OK) status = clxi_attention_check_desc(desc, &problem, error);
    if (status != CLX_OK) return status;
    return clxi_attention_choose(context, &problem, out, error);
}

void clx_attention_destroy(clx_attention *op)
{
    if (!op || clxi_context_is_foreign(op->context)) return;
    clxi_kernel_release(op->prepare);
    clxi_kernel_release(op->keys);
    clxi_kernel_release(op->forward);
    clxi_constant_release(op->turns);
    clxi_context_release(op->context);
    free(op->name);
    free(op);
}

const char *clx_attention_variant(const clx_attention *op)
{
    return op ? op->name : NULL;
}

clx_status clx_attention_workspace_size(const clx_attention *op, const clx_attention_sizes *sizes, uint64_t *size_bytes,
                                        clx_error *error)
{
    clxi_attention_call call;
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    if (!sizes) return clxi_fail(error, CLX_ERR_NULL, "sizes: NULL, expected the sizes of a call");
    if (!size_bytes) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: NULL, expected where to put the size");
    const clx_status status = clxi_attention_check_sizes(op, sizes, &call, error);
    if (status == CLX_OK) *size_bytes = call.workspace_bytes;
    return status;
}

/* Groups of attention_prepare.cl for a tensor, which may be absent. */
static uint64_t prepare_groups(const clx_attention *op, const clx_tensor *from)
{
    if (!from) return 0;
    const uint64_t rows = from->size[0] * from->size[1] * from->size[2];
    return clxi_ceil_div(rows * (op->problem.DHQK / clxi_attention_chunk(&op->problem)), op->plan.prepare_items);
}

static void bind_job(clxi_bind *bind, const clx_attention *op, const clx_tensor *from, const clx_tensor *to,
                     int64_t position, bool active)
{
    const uint64_t units = op->problem.DHQK / clxi_attention_chunk(&op->problem);
    clxi_bind_view(bind, from, 3);
    clxi_bind_view(bind, to, 3);
    clxi_bind_u64(bind, from ? from->size[1] : 1);
    clxi_bind_u64(bind, from ? from->size[2] : 1);
    clxi_bind_u64(bind, from ? from->size[0] * from->size[1] * from->size[2] * units : 0);
    clxi_bind_i64(bind, position);
    clxi_bind_u32(bind, active);
}

/* q and k that are to be staged, NULL where one is not. */
static void run_prepare(clxi_call *call, const clx_attention *op, const clx_tensor *q, const clx_tensor *q_out,
                        const clx_tensor *k, const clx_tensor *k_out, int64_t start)
{
    const uint64_t first = prepare_groups(op, q);
    clxi_bind bind = clxi_bind_begin(op->prepare);
    bind_job(&bind, op, q, q_out, start, op->problem.prepare_q);
    bind_job(&bind, op, k, k_out, 0, op->problem.prepare_k);
    clxi_bind_mem(&bind, op->turns);
    clxi_bind_u64(&bind, first);
    clxi_call_kernel(call, &bind, "attention_prepare", first + prepare_groups(op, k), op->plan.prepare_items,
                     100.0 * op->plan.prepare_items);
}

/* Columns that a row sees, about. */
static double mean_columns(const clxi_attention_call *c)
{
    const double middle = 0.5 * (double)c->sizes.S_q;
    const double end = fmin(middle + c->high, (double)c->sizes.S_kv);
    return fmax(end - fmax(middle + c->low, 0.0), 1.0);
}

/* ... and at most. */
static double most_columns(const clxi_attention_call *c)
{
    const double high = (double)c->high, low = (double)c->low;
    return fmax(fmin((double)c->sizes.S_kv, fmin((double)c->sizes.S_q + high, high - low)), 1.0);
}

static void run_forward(clxi_call *call, const clx_attention *op, const clx_attention_args *args, const clx_tensor *q,
                        const clx_tensor *k, const clxi_attention_call *c)
{
    const clxi_tile_params *tile = &op->plan.tile;
    const clxi_attention_problem *p = &op->problem;
    const uint64_t groups =
        c->sizes.B * c->sizes.NH * clxi_ceil_div(c->sizes.S_q, tile->rows) * clxi_ceil_div(p->DHV, tile->slice);
    const uint64_t length = clxi_max_u64(p->bias_length ? p->bias_length : c->sizes.S_kv, 1);
    const bool aligned = c->sizes.S_kv > 0 && clxi_view_aligned(q, tile->vector) &&
                         clxi_view_aligned(k, tile->vector) && clxi_view_aligned(args->v, tile->vector) &&
                         clxi_view_aligned(args->h, tile->vector);
    clxi_bind bind = clxi_bind_begin(op->forward);
    clxi_bind_view(&bind, q, 3);
    clxi_bind_view(&bind, k, 3);
    clxi_bind_view(&bind, args->v, 3);
    clxi_bind_view(&bind, args->mask, 2);
    clxi_bind_view(&bind, args->h, 3);
    clxi_bind_u64(&bind, c->sizes.NH);
    clxi_bind_u64(&bind, c->sizes.NH_kv);
    clxi_bind_u32(&bind, (uint32_t)c->sizes.S_q);
    clxi_bind_u32(&bind, (uint32_t)c->sizes.S_kv);
    clxi_bind_u32(&bind, (uint32_t)c->low);
    clxi_bind_u32(&bind, (uint32_t)c->high);
    clxi_bind_f32(&bind, (float)(1.0 / sqrt((double)p->DHQK)));
    clxi_bind_f32(&bind, (float)log((double)length));
    clxi_bind_u32(&bind, aligned);
    clxi_call_uneven(call, most_columns(c) / mean_columns(c));
    clxi_call_kernel(call, &bind, "attention_forward", groups, tile->items,
                     2.0 * tile->rows * mean_columns(c) * (double)(p->DHQK + tile->slice) / tile->lead);
}

/* A dense tensor like `like` in the workspace. */
static clx_tensor staged(const clxi_call *call, const clx_attention *op, const clx_tensor *like, uint64_t offset_bytes)
{
    clx_tensor out = clx_tensor_dense(call->workspace, op->problem.qkv_dtype, 4, like->size);
    out.offset = (call->workspace_offset + offset_bytes) / clx_dtype_size_bytes(out.dtype);
    return out;
}

clx_status clx_attention_enqueue(clx_attention *op, const clx_launch *launch, const clx_attention_args *args,
                                 clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_attention_call c;
    clxi_extent extents[CLXI_ATTENTION_EXTENTS];
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    const bool stage_q = op->problem.stage_q, stage_k = op->problem.stage_k;
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(clxi_attention_check_args(op, args, &c, extents, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, c.workspace_bytes, extents, CLXI_ATTENTION_EXTENTS, error));
    call.paces = &op->paces;
    if (c.sizes.B > 0 && c.sizes.NH > 0 && c.sizes.S_q > 0) {
        const clx_tensor q = stage_q ? staged(&call, op, args->q, 0) : *args->q;
        const clx_tensor k = stage_k ? staged(&call, op, args->k, c.k_offset) : *args->k;
        clxi_call_more(&call, true);
        if (stage_q || stage_k)
            run_prepare(&call, op, stage_q ? args->q : NULL, &q, stage_k ? args->k : NULL, &k, c.start);
        clxi_call_more(&call, false);
        run_forward(&call, op, args, &q, &k, &c);
    }
    return clxi_call_end(&call);
fail:
    return status;
}

clx_status clx_attention_keys_enqueue(clx_attention *op, const clx_launch *launch, const clx_tensor *k,
                                      const clx_tensor *cache, int64_t start, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_call call;
    clxi_extent extents[2];
    if (!op) return clxi_fail(error, CLX_ERR_NULL, "op: NULL, expected an operator");
    CLXI_TRY(clxi_context_check(op->context, error));
    CLXI_TRY(clxi_attention_check_keys(op, k, cache, start, extents, error));
    CLXI_TRY(clxi_call_begin(&call, op->context, launch, 0, extents, 2, error));
    call.paces = &op->paces;
    clxi_bind bind = clxi_bind_begin(op->keys);
    bind_job(&bind, op, NULL, NULL, 0, false);
    bind_job(&bind, op, k, cache, start, true);
    clxi_bind_mem(&bind, op->turns);
    clxi_bind_u64(&bind, 0);
    clxi_call_kernel(&call, &bind, "attention_prepare", prepare_groups(op, k), op->plan.prepare_items,
                     100.0 * op->plan.prepare_items);
    return clxi_call_end(&call);
fail:
    return status;
}
