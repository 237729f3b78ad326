/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a variant to be trusted on this device with this driver? It runs once beside the anchor on a small problem that
 * has whole tiles, edges, decay and masked pairs; the verdict is kept with the cached binaries. */
#include "base/half.h"
#include "ops/mlstm_op.h"
#include "runtime/program.h"
#include "runtime/trial.h"
#include "runtime/verdict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIAL_HEADS = 2, TRIAL_S = 131 }; /* two tiles of 64 rows and three rows more */

/* A fixed sequence of numbers in (-1, 1): a linear congruence's upper bits (Numerical Recipes' constants). */
static float next_number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state / 2147483648.0f;
}

static void put_number(void *data, size_t index, clx_dtype dtype, float value)
{
    if (dtype == CLX_F32) ((float *)data)[index] = value;
    if (dtype == CLX_F16) ((uint16_t *)data)[index] = clxi_f32_to_f16(value);
    if (dtype == CLX_BF16) ((uint16_t *)data)[index] = clxi_f32_to_bf16(value);
}

static float get_number(const void *data, size_t index, clx_dtype dtype)
{
    if (dtype == CLX_F16) return clxi_f16_to_f32(((const uint16_t *)data)[index]);
    if (dtype == CLX_BF16) return clxi_bf16_to_f32(((const uint16_t *)data)[index]);
    return ((const float *)data)[index];
}

/* A dense (1, TRIAL_HEADS, TRIAL_S, D) tensor of numbers in shift +- 2 (D = 0: no such dimension). */
static clx_status make_tensor(clxi_trial *trial, clx_dtype dtype, uint64_t D, float shift, uint32_t seed,
                              clx_tensor *out, clx_error *error)
{
    const uint64_t size[4] = {1, TRIAL_HEADS, TRIAL_S, D};
    const size_t count = (size_t)(TRIAL_HEADS * TRIAL_S * (D ? D : 1));
    void *data = malloc(count * clx_dtype_size_bytes(dtype));
    cl_mem mem = NULL;
    if (!data) return clxi_fail_memory(error, "a trial's input");
    for (size_t i = 0; i < count; i++)
        put_number(data, i, dtype, shift + 2.0f * next_number(&seed));
    const clx_status status = clxi_trial_buffer(trial, data, count * clx_dtype_size_bytes(dtype), &mem, error);
    free(data);
    *out = clx_tensor_dense(mem, dtype, D ? 4 : 3, size);
    return status;
}

static clx_status make_mask(clxi_trial *trial, clx_tensor *out, clx_error *error)
{
    static const uint64_t size[2] = {TRIAL_S, TRIAL_S};
    uint32_t seed = 6;
    cl_mem mem = NULL;
    uint8_t *data = malloc(TRIAL_S * TRIAL_S);
    if (!data) return clxi_fail_memory(error, "a trial's mask");
    for (size_t i = 0; i < TRIAL_S * TRIAL_S; i++)
        data[i] = next_number(&seed) > 0.0f;
    const clx_status status = clxi_trial_buffer(trial, data, TRIAL_S * TRIAL_S, &mem, error);
    free(data);
    *out = clx_tensor_dense(mem, CLX_BOOL, 2, size);
    return status;
}

static clx_status make_inputs(clxi_trial *trial, const clxi_mlstm_problem *problem, clx_tensor tensors[6],
                              clx_error *error)
{
    clx_status status = CLX_OK;
    CLXI_TRY(make_tensor(trial, problem->input_dtype, problem->DHQK, 0.0f, 1, &tensors[0], error));
    CLXI_TRY(make_tensor(trial, problem->input_dtype, problem->DHQK, 0.0f, 2, &tensors[1], error));
    CLXI_TRY(make_tensor(trial, problem->input_dtype, problem->DHV, 0.0f, 3, &tensors[2], error));
    CLXI_TRY(make_tensor(trial, problem->gate_input_dtype, 0, 0.0f, 4, &tensors[3], error));
    CLXI_TRY(make_tensor(trial, problem->gate_input_dtype, 0, 2.0f, 5, &tensors[4], error));
    if (problem->explicit_mask) CLXI_TRY(make_mask(trial, &tensors[5], error));
fail:
    return status;
}

/* Room for the state that an operator with return_state writes; its values are not compared. */
static clx_status make_state(clxi_trial *trial, const clxi_mlstm_problem *problem, clx_tensor state[3],
                             clx_error *error)
{
    clx_status status = CLX_OK;
    const uint64_t size[4] = {1, TRIAL_HEADS, problem->DHQK, problem->DHV};
    for (uint32_t i = 0; i < 3; i++) { /* C, n, m: each without the last dimension of the one before */
        const uint32_t rank = 4 - i;
        size_t size_bytes = clx_dtype_size_bytes(problem->state_dtype);
        for (uint32_t d = 0; d < rank; d++)
            size_bytes *= (size_t)size[d];
        cl_mem mem = NULL;
        void *zeros = calloc(1, size_bytes);
        if (!zeros) return clxi_fail_memory(error, "a trial's state");
        status = clxi_trial_buffer(trial, zeros, size_bytes, &mem, error);
        free(zeros);
        if (status != CLX_OK) break;
        state[i] = clx_tensor_dense(mem, problem->state_dtype, rank, size);
    }
    return status;
}

/* Runs one operator into a tensor poisoned with bits that no result has. */
static clx_status run(clxi_trial *trial, clx_mlstm *op, const clx_tensor tensors[6], void *result, size_t size_bytes,
                      clx_error *error)
{
    clx_status status = CLX_OK;
    const uint64_t size[4] = {1, TRIAL_HEADS, TRIAL_S, op->problem.DHV};
    cl_mem mem = NULL;
    clx_tensor state[3];
    memset(result, 0xff, size_bytes);
    CLXI_TRY(clxi_trial_buffer(trial, result, size_bytes, &mem, error));
    const clx_tensor h = clx_tensor_dense(mem, op->problem.out_dtype, 4, size);
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    args.q = &tensors[0];
    args.k = &tensors[1];
    args.v = &tensors[2];
    args.igate = &tensors[3];
    args.fgate = &tensors[4];
    args.mask = op->problem.explicit_mask ? &tensors[5] : NULL;
    args.h = &h;
    if (op->problem.return_state) {
        CLXI_TRY(make_state(trial, &op->problem, state, error));
        args.C = &state[0];
        args.n = &state[1];
        args.m = &state[2];
    }
    launch.queue = trial->queue;
    CLXI_TRY(clx_mlstm_enqueue(op, &launch, &args, error));
    CLXI_TRY(clxi_trial_read(trial, mem, result, size_bytes, error));
fail:
    return status;
}

/* Both accumulate in f32, in different orders; rows whose normaliser nearly cancels amplify that. A wrong index, a
 * missing barrier or a wrong mask shows as an error of the order of the values. */
static clx_status compare(const void *ours, const void *anchor, size_t count, clx_dtype dtype, clx_error *error)
{
    double worst = 0.0, largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double a = get_number(ours, i, dtype), b = get_number(anchor, i, dtype);
        const double difference = fabs(a - b);
        if (!(difference <= worst)) worst = difference; /* NaN counts as worst */
        if (isnan(worst)) break;
        if (fabs(b) > largest) largest = fabs(b);
    }
    const double limit = (dtype == CLX_F32 ? 1e-3 : 3e-2) * largest;
    if (worst <= limit) return CLX_OK;
    return clxi_fail(error, CLX_ERR_UNSUPPORTED, "its trial differs from simt by %g, expected at most %g", worst,
                     limit);
}

/* The anchor of the same problem, whatever the `variants` option says: the first simt plan that builds. */
static clx_status build_anchor(const clx_mlstm *op, clx_mlstm **out, clx_error *error)
{
    const clxi_caps *caps = &op->context->caps;
    const clxi_tile_limits limits = {caps->is_cpu, caps->max_work_group, caps->local_bytes, caps->native_float_width};
    clxi_mlstm_plan plans[8];
    clxi_mlstm_problem problem = op->problem;
    problem.return_state = false; /* the state's kernel is the same in every plan */
    const size_t count = clxi_mlstm_plan_candidates(&limits, &problem, plans, sizeof plans / sizeof plans[0]);
    clx_status status = clxi_fail(error, CLX_ERR_UNSUPPORTED, "no simt variant to compare with");
    for (size_t i = 0; i < count && status != CLX_OK; i++)
        if (plans[i].tile.family == CLXI_FAMILY_SIMT)
            status = clxi_mlstm_build(op->context, &problem, &plans[i], op->eps, out, error);
    return status;
}

static clx_status run_trial(clx_mlstm *op, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_trial trial = {0};
    clx_mlstm *anchor = NULL;
    clx_tensor tensors[6];
    const size_t count = (size_t)(TRIAL_HEADS * TRIAL_S * op->problem.DHV);
    const size_t size_bytes = count * clx_dtype_size_bytes(op->problem.out_dtype);
    void *ours = malloc(size_bytes), *theirs = malloc(size_bytes);
    if (!ours || !theirs) {
        status = clxi_fail_memory(error, "a trial's results");
        goto fail;
    }
    CLXI_TRY(build_anchor(op, &anchor, error));
    CLXI_TRY(clxi_trial_begin(&trial, op->context, error));
    CLXI_TRY(make_inputs(&trial, &op->problem, tensors, error));
    CLXI_TRY(run(&trial, op, tensors, ours, size_bytes, error));
    CLXI_TRY(run(&trial, anchor, tensors, theirs, size_bytes, error));
    CLXI_TRY(compare(ours, theirs, count, op->problem.out_dtype, error));
fail:
    clxi_trial_end(&trial);
    clx_mlstm_destroy(anchor);
    free(ours);
    free(theirs);
    return status;
}

clx_status clxi_mlstm_trial(clx_mlstm *op, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_hash key;
    clxi_text options = CLXI_TEXT_INIT;
    clxi_mlstm_forward_options(&op->plan, &op->problem, &options);
    if (options.failed) {
        status = clxi_fail_memory(error, "compile options");
        goto fail;
    }
    CLXI_TRY(clxi_program_fingerprint(op->context, op->plan.forward_source, options.data, &key, error));
    switch (clxi_verdict_get(op->context, key)) {
    case CLXI_VERDICT_GOOD:
        break;
    case CLXI_VERDICT_BAD:
        status = clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: failed its trial on this device before", op->name);
        break;
    case CLXI_VERDICT_UNKNOWN:
        status = run_trial(op, error);
        /* a shortage says nothing about the variant */
        if (status == CLX_OK || status == CLX_ERR_UNSUPPORTED || status == CLX_ERR_OPENCL)
            clxi_verdict_set(op->context, key, status == CLX_OK ? CLXI_VERDICT_GOOD : CLXI_VERDICT_BAD);
        break;
    }
fail:
    clxi_text_free(&options);
    return status;
}
