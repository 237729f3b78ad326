/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast the recurrent mLSTM's kernels are on the device: a few tokens of some heads, run when the operator is made. */
#include "ops/recurrent_op.h"
#include "ops/trial_data.h"
#include "runtime/program.h"
#include <math.h>

enum { TRIAL_HEADS = 2, TRIAL_S = 32 };

static clx_status run(void *user, clxi_trial *trial, clx_tensor *h, clx_error *error)
{
    clx_status status = CLX_OK;
    clx_recurrent *op = user;
    const clx_recurrent_desc *d = &op->desc;
    const uint64_t qk[4] = {1, TRIAL_HEADS, TRIAL_S, d->DHQK}, v[4] = {1, TRIAL_HEADS, TRIAL_S, d->DHV};
    clx_tensor q, k, x, igate, fgate;
    CLXI_TRY(clxi_trial_numbers(trial, d->input_dtype, 4, qk, 0.0f, 1, &q, error));
    CLXI_TRY(clxi_trial_numbers(trial, d->input_dtype, 4, qk, 0.0f, 2, &k, error));
    CLXI_TRY(clxi_trial_numbers(trial, d->input_dtype, 4, v, 0.0f, 3, &x, error));
    CLXI_TRY(clxi_trial_numbers(trial, d->gate_input_dtype, 3, qk, 0.0f, 4, &igate, error));
    CLXI_TRY(clxi_trial_numbers(trial, d->gate_input_dtype, 3, qk, 2.0f, 5, &fgate, error));
    CLXI_TRY(clxi_trial_result(trial, d->out_dtype, 4, v, h, error));
    clx_tensor *const inputs[] = {&q, &k, &x, &igate, &fgate};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        clxi_trial_repeat(trial, inputs[i]);
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    args.q = &q;
    args.k = &k;
    args.v = &x;
    args.igate = &igate;
    args.fgate = &fgate;
    args.h = h;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = trial->queue;
    CLXI_TRY(clx_recurrent_enqueue(op, &launch, &args, error));
fail:
    return status;
}

uint64_t clxi_recurrent_heads_timed(const clx_recurrent *op)
{
    return TRIAL_HEADS * clxi_trial_copies_timed(op->context);
}

void clxi_recurrent_find_paces(clx_recurrent *op)
{
    const char *source = op->plan.cpu ? "recurrent_cpu.cl" : "recurrent_sequence.cl";
    clxi_text options = CLXI_TEXT_INIT;
    clxi_hash key;
    if (isinf(op->context->launch_ms)) return;
    clxi_recurrent_shape_options(op, op->plan.cpu ? &op->plan.step[CLXI_STEP_NARROW] : &op->plan.sequence, false,
                                 &options);
    if (!options.failed && clxi_program_fingerprint(op->context, source, options.data, &key, NULL) == CLX_OK)
        clxi_paces_find(op->context, key, &op->paces, run, op);
    clxi_text_free(&options);
}
