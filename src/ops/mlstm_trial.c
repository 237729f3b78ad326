/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM's side of choosing a variant: how one is built, and the small problem that it is tried on, which has whole
 * tiles, edges, decay and masked pairs. */
#include "ops/mlstm_op.h"
#include "ops/tile_space.h"
#include "ops/trial_data.h"
#include "ops/variants.h"
#include "runtime/program.h"
#include <math.h>

/* Two tiles of 64 rows and three rows more. Where a candidate has chunks, the heads go by themselves, since there are two
 * ways to come by the states (mlstm_chunks.c): one head has a chunk of two tiles of 128 rows, whose state is its sum; the
 * other three chunks of a tile, which pay only when they are summed apart and then joined. */
enum { TRIAL_HEADS = 2, TRIAL_S = 131, TRIAL_CHUNKED_S = 3 * 128 + 3 };
static const int TRIAL_CHUNKS[TRIAL_HEADS] = {256, 128};

/* What the callbacks share. */
typedef struct candidates {
    clx_context *context;
    const clxi_mlstm_problem *problem;
    float eps;
    uint64_t tokens;
    clxi_mlstm_plan plans[CLXI_TILE_CANDIDATES_MAX];
} candidates;

static clxi_family family(const void *user, size_t index)
{
    return ((const candidates *)user)->plans[index].tile.family;
}

static clx_status build(const void *user, size_t index, bool once, void **op, clx_error *error)
{
    const candidates *c = user;
    clx_mlstm *built = NULL;
    clxi_mlstm_plan plan = c->plans[index];
    plan.once = once;
    if (once) plan.gates_items = c->plans[0].gates_items; /* compiled already; a trial is about the other kernels */
    const clx_status status = clxi_mlstm_build(c->context, c->problem, &plan, c->eps, &built, error);
    if (built) built->trial_tokens = c->tokens;
    *op = built;
    return status;
}

static void destroy(void *op)
{
    clx_mlstm_destroy(op);
}

/* Of the forward program and, where there are chunks, of the programs that a trial tries with it. */
static clx_status fingerprint(const void *user, clxi_hash *out, clx_error *error)
{
    const clx_mlstm *op = user;
    clx_status status = CLX_OK;
    clxi_hash hashes[3] = {{0, 0}, {0, 0}, {0, 0}};
    clxi_text forward = CLXI_TEXT_INIT, sums = CLXI_TEXT_INIT, scan = CLXI_TEXT_INIT;
    clxi_mlstm_forward_options(&op->plan, &op->problem, &forward);
    clxi_mlstm_chunks_options(&op->plan, &op->problem, &sums);
    clxi_mlstm_scan_options(&op->plan, &op->problem, &scan);
    if (forward.failed || sums.failed || scan.failed) {
        status = clxi_fail_memory(error, "compile options");
        goto fail;
    }
    CLXI_TRY(clxi_program_fingerprint(op->context, op->plan.forward_source, forward.data, &hashes[0], error));
    if (op->plan.chunks) {
        CLXI_TRY(clxi_program_fingerprint(op->context, CLXI_MLSTM_CHUNKS_SOURCE, sums.data, &hashes[1], error));
        CLXI_TRY(clxi_program_fingerprint(op->context, CLXI_MLSTM_SCAN_SOURCE, scan.data, &hashes[2], error));
    }
    *out = op->plan.chunks ? clxi_hash_bytes(hashes, sizeof hashes) : hashes[0];
fail:
    clxi_text_free(&forward);
    clxi_text_free(&sums);
    clxi_text_free(&scan);
    return status;
}

/* The tensors of the call; the state's values are not compared. */
typedef struct trial_tensors {
    clx_tensor q, k, v, igate, fgate, mask, C, n, m;
} trial_tensors;

static clx_status make_tensors(clxi_trial *trial, const clxi_mlstm_problem *p, uint64_t tokens, trial_tensors *x,
                               clx_error *error)
{
    clx_status status = CLX_OK;
    const uint64_t qk[4] = {1, TRIAL_HEADS, tokens, p->DHQK}, v[4] = {1, TRIAL_HEADS, tokens, p->DHV};
    const float keeps = tokens == TRIAL_S ? 2.0f : 5.0f; /* a chunk later something must be left */
    const uint64_t mask[2] = {tokens, tokens}, state[4] = {1, TRIAL_HEADS, p->DHQK, p->DHV};
    CLXI_TRY(clxi_trial_numbers(trial, p->input_dtype, 4, qk, 0.0f, 1, &x->q, error));
    CLXI_TRY(clxi_trial_numbers(trial, p->input_dtype, 4, qk, 0.0f, 2, &x->k, error));
    CLXI_TRY(clxi_trial_numbers(trial, p->input_dtype, 4, v, 0.0f, 3, &x->v, error));
    CLXI_TRY(clxi_trial_numbers(trial, p->gate_input_dtype, 3, qk, 0.0f, 4, &x->igate, error));
    CLXI_TRY(clxi_trial_numbers(trial, p->gate_input_dtype, 3, qk, keeps, 5, &x->fgate, error));
    clx_tensor *const inputs[] = {&x->q, &x->k, &x->v, &x->igate, &x->fgate};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        clxi_trial_repeat(trial, inputs[i]);
    if (p->explicit_mask) CLXI_TRY(clxi_trial_numbers(trial, CLX_BOOL, 2, mask, 0.0f, 6, &x->mask, error));
    if (p->return_state) {
        CLXI_TRY(clxi_trial_result(trial, p->state_dtype, 4, state, &x->C, error));
        CLXI_TRY(clxi_trial_result(trial, p->state_dtype, 3, state, &x->n, error));
        CLXI_TRY(clxi_trial_result(trial, p->state_dtype, 2, state, &x->m, error));
    }
fail:
    return status;
}

static clx_mlstm_args call_args(const clxi_mlstm_problem *p, const trial_tensors *x, const clx_tensor *h)
{
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    args.q = &x->q;
    args.k = &x->k;
    args.v = &x->v;
    args.igate = &x->igate;
    args.fgate = &x->fgate;
    args.mask = p->explicit_mask ? &x->mask : NULL;
    args.h = h;
    args.C = p->return_state ? &x->C : NULL;
    args.n = p->return_state ? &x->n : NULL;
    args.m = p->return_state ? &x->m : NULL;
    return args;
}

static void choose_head(clx_tensor *x, uint64_t head)
{
    x->offset += head * (uint64_t)x->stride[1];
    x->size[1] = 1;
}

/* One head of a call on all. */
static clx_status run_head(clx_mlstm *op, const clx_launch *launch, trial_tensors x, clx_tensor h, uint64_t head,
                           clx_error *error)
{
    const clxi_mlstm_problem *p = &op->problem;
    clx_tensor *const tensors[] = {&x.q, &x.k, &x.v, &x.igate, &x.fgate, &h};
    clx_tensor *const states[] = {&x.C, &x.n, &x.m};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        choose_head(tensors[i], head);
    for (size_t i = 0; p->return_state && i < sizeof states / sizeof *states; i++)
        choose_head(states[i], head);
    clx_mlstm_args args = call_args(p, &x, &h);
    op->chunk_size = TRIAL_CHUNKS[head]; /* a candidate's is set when it is chosen */
    return clx_mlstm_enqueue(op, launch, &args, error);
}

/* Enqueues the operator on the trial's problem. */
static clx_status run(void *user, clxi_trial *trial, clx_tensor *h, clx_error *error)
{
    clx_status status = CLX_OK;
    clx_mlstm *op = user;
    const clxi_mlstm_problem *p = &op->problem;
    const uint64_t size[4] = {1, TRIAL_HEADS, op->trial_tokens, p->DHV};
    trial_tensors x;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = trial->queue;
    CLXI_TRY(make_tensors(trial, p, op->trial_tokens, &x, error));
    CLXI_TRY(clxi_trial_result(trial, p->out_dtype, 4, size, h, error));
    if (op->trial_tokens == TRIAL_S) {
        clx_mlstm_args args = call_args(p, &x, h);
        CLXI_TRY(clx_mlstm_enqueue(op, &launch, &args, error));
    } else {
        for (uint64_t head = 0; head < TRIAL_HEADS; head++)
            CLXI_TRY(run_head(op, &launch, x, *h, head, error));
    }
fail:
    return status;
}

/* The forward program decides the pace of its own kernel alone; these say which others there are. */
static void find_paces(clx_mlstm *op)
{
    const clxi_mlstm_problem *p = &op->problem;
    clxi_hash key;
    if (isinf(op->context->launch_ms) || fingerprint(op, &key, NULL) != CLX_OK) return;
    const uint64_t parts[] = {key.high,   key.low,         p->explicit_mask,
                              p->rowwise, p->return_state, (uint64_t)p->state_dtype};
    clxi_paces_find(op->context, clxi_hash_bytes(parts, sizeof parts), &op->paces, run, op);
}

clx_status clxi_mlstm_choose(clx_context *context, const clxi_mlstm_problem *problem, float eps, clx_mlstm **out,
                             clx_error *error)
{
    candidates c = {.context = context, .problem = problem, .eps = eps, .tokens = TRIAL_S};
    const clxi_tile_limits limits = clxi_context_tile_limits(context);
    const clxi_tile_problem of_tiles = clxi_mlstm_plan_tiles(problem);
    clxi_tile_params tuned;
    const bool is_tuned = clxi_tile_tuned(context, "mlstm", problem->input_dtype, &limits, &of_tiles, &tuned);
    clxi_variants variants = {.name = "mlstm",
                              .user = &c,
                              .tuned = is_tuned ? 1 : 0,
                              .precision = problem->qkv_dtype,
                              .family = family,
                              .build = build,
                              .destroy = destroy,
                              .fingerprint = fingerprint,
                              .run = run};
    variants.count = clxi_mlstm_plan_candidates(&limits, problem, is_tuned ? &tuned : NULL, c.plans);
    for (size_t i = 0; i < variants.count; i++)
        if (c.plans[i].chunks) c.tokens = TRIAL_CHUNKED_S;
    void *op = NULL;
    const clx_status status = clxi_variants_choose(context, &variants, &op, error);
    *out = op;
    if (op) find_paces(op);
    return status;
}
