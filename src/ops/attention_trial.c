/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention's side of choosing a variant: how one is built, and the small problem that it is tried on, which has whole
 * tiles, edges, grouped heads and masked pairs. */
#include "ops/attention_op.h"
#include "ops/tile_space.h"
#include "ops/trial_data.h"
#include "ops/variants.h"
#include "runtime/program.h"
#include <math.h>

enum { TRIAL_HEADS = 2, TRIAL_S_Q = 131, TRIAL_S_KV = 150 }; /* two tiles of 64 rows and three rows more */

/* What the callbacks share. */
typedef struct candidates {
    clx_context *context;
    const clxi_attention_problem *problem;
    clxi_attention_plan plans[CLXI_TILE_CANDIDATES_MAX];
} candidates;

static clxi_family family(const void *user, size_t index)
{
    return ((const candidates *)user)->plans[index].tile.family;
}

static clx_status build(const void *user, size_t index, bool once, void **op, clx_error *error)
{
    const candidates *c = user;
    clx_attention *built = NULL;
    clxi_attention_plan plan = c->plans[index];
    plan.once = once;
    const clx_status status = clxi_attention_build(c->context, c->problem, &plan, &built, error);
    *op = built;
    return status;
}

static void destroy(void *op)
{
    clx_attention_destroy(op);
}

static clx_status fingerprint(const void *user, clxi_hash *out, clx_error *error)
{
    const clx_attention *op = user;
    clxi_text options = CLXI_TEXT_INIT;
    clxi_attention_forward_options(&op->plan, &op->problem, &options);
    const clx_status status =
        options.failed ? clxi_fail_memory(error, "compile options")
                       : clxi_program_fingerprint(op->context, op->plan.forward_source, options.data, out, error);
    clxi_text_free(&options);
    return status;
}

/* Enqueues the operator on the trial's problem. */
static clx_status run(void *user, clxi_trial *trial, clx_tensor *h, clx_error *error)
{
    clx_status status = CLX_OK;
    clx_attention *op = user;
    const clxi_attention_problem *p = &op->problem;
    const uint64_t q_size[4] = {1, TRIAL_HEADS, TRIAL_S_Q, p->DHQK}, k_size[4] = {1, 1, TRIAL_S_KV, p->DHQK};
    const uint64_t v_size[4] = {1, 1, TRIAL_S_KV, p->DHV}, h_size[4] = {1, TRIAL_HEADS, TRIAL_S_Q, p->DHV};
    const uint64_t mask_size[2] = {TRIAL_S_Q, TRIAL_S_KV};
    clx_tensor q, k, v, mask;
    CLXI_TRY(clxi_trial_numbers(trial, p->input_dtype, 4, q_size, 0.0f, 1, &q, error));
    CLXI_TRY(clxi_trial_numbers(trial, p->input_dtype, 4, k_size, 0.0f, 2, &k, error));
    CLXI_TRY(clxi_trial_numbers(trial, p->input_dtype, 4, v_size, 0.0f, 3, &v, error));
    clxi_trial_repeat(trial, &q);
    clxi_trial_repeat(trial, &k);
    clxi_trial_repeat(trial, &v);
    if (p->explicit_mask) CLXI_TRY(clxi_trial_numbers(trial, CLX_BOOL, 2, mask_size, 0.0f, 4, &mask, error));
    CLXI_TRY(clxi_trial_result(trial, p->out_dtype, 4, h_size, h, error));
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    args.q = &q;
    args.k = &k;
    args.v = &v;
    args.mask = p->explicit_mask ? &mask : NULL;
    args.h = h;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = trial->queue;
    CLXI_TRY(clx_attention_enqueue(op, &launch, &args, error));
fail:
    return status;
}

static void find_paces(clx_attention *op)
{
    const clxi_attention_problem *p = &op->problem;
    clxi_hash key;
    if (isinf(op->context->launch_ms) || fingerprint(op, &key, NULL) != CLX_OK) return;
    const uint64_t parts[] = {key.high, key.low, p->stage_q, p->stage_k};
    clxi_paces_find(op->context, clxi_hash_bytes(parts, sizeof parts), &op->paces, run, op);
}

clx_status clxi_attention_choose(clx_context *context, const clxi_attention_problem *problem, clx_attention **out,
                                 clx_error *error)
{
    candidates c = {.context = context, .problem = problem};
    const clxi_tile_limits limits = clxi_context_tile_limits(context);
    const clxi_tile_problem of_tiles = clxi_attention_plan_tiles(problem);
    clxi_tile_params tuned;
    const bool is_tuned = clxi_tile_tuned(context, "attention", problem->input_dtype, &limits, &of_tiles, &tuned);
    clxi_variants variants = {.name = "attention",
                              .user = &c,
                              .tuned = is_tuned ? 1 : 0,
                              .precision = problem->qkv_dtype,
                              .family = family,
                              .build = build,
                              .destroy = destroy,
                              .fingerprint = fingerprint,
                              .run = run};
    variants.count = clxi_attention_plan_candidates(&limits, problem, is_tuned ? &tuned : NULL, c.plans);
    void *op = NULL;
    const clx_status status = clxi_variants_choose(context, &variants, &op, error);
    *out = op;
    if (op) find_paces(op);
    return status;
}
