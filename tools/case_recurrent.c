/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the mLSTM, recurrent form. A text of one token goes through the single-step call, longer ones through the
 * sequence call. */
#include "base/fail.h"
#include "case_run.h"

/* The tensors of a sequence of one token as those of a step: without the dimension S. */
static clx_tensor drop_time(const clx_tensor *tensor)
{
    clx_tensor step = *tensor;
    step.size[2] = step.size[3];
    step.stride[2] = step.stride[3];
    step.rank--;
    return step;
}

static clx_status run_step(clx_recurrent *op, const clx_launch *launch, const clx_recurrent_args *sequence,
                           clx_error *error)
{
    const clx_tensor q = drop_time(sequence->q), k = drop_time(sequence->k), v = drop_time(sequence->v);
    const clx_tensor igate = drop_time(sequence->igate), fgate = drop_time(sequence->fgate);
    const clx_tensor h = drop_time(sequence->h);
    clx_recurrent_args args = *sequence;
    args.q = &q;
    args.k = &k;
    args.v = &v;
    args.igate = &igate;
    args.fgate = &fgate;
    args.h = &h;
    return clx_recurrent_step_enqueue(op, launch, &args, error);
}

clx_status tool_case_recurrent(tool_call *call)
{
    clx_status status;
    const clxi_case *input = call->input;
    clx_recurrent *op = NULL;
    cl_event event = NULL;
    const uint64_t B = clxi_case_size(input, 'B'), NH = clxi_case_size(input, 'H'), S = clxi_case_size(input, 'S');
    const uint64_t K = clxi_case_size(input, 'K'), V = clxi_case_size(input, 'V');
    const uint64_t h_size[4] = {B, NH, S, V}, C_size[4] = {B, NH, K, V}, n_size[3] = {B, NH, K};
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    args.q = tool_call_need(call, "q", TOOL_HEADS);
    args.k = tool_call_need(call, "k", TOOL_HEADS);
    args.v = tool_call_need(call, "v", TOOL_HEADS);
    args.igate = tool_call_need(call, "i", TOOL_GATE);
    args.fgate = tool_call_need(call, "f", TOOL_GATE);
    desc.state_dtype = clxi_case_dtype(input, "state_dtype");
    if (desc.state_dtype == CLX_DTYPE_DEFAULT) desc.state_dtype = CLX_F32;
    args.C_out = tool_call_state(call, "C", "C0", desc.state_dtype, 4, C_size);
    args.n_out = tool_call_state(call, "n", "n0", desc.state_dtype, 3, n_size);
    args.m_out = tool_call_state(call, "m", "m0", desc.state_dtype, 2, n_size);
    CLXI_TRY(tool_call_ready(call));
    if (clxi_case_tensor(input, "C0")) { /* in place */
        args.C = args.C_out;
        args.n = args.n_out;
        args.m = args.m_out;
    }

    desc.DHQK = K;
    desc.DHV = V;
    desc.input_dtype = args.q->dtype;
    desc.qkv_dtype = clxi_case_qkv_dtype(input);
    desc.gate_input_dtype = args.igate->dtype;
    desc.out_dtype = clxi_case_dtype(input, "out_dtype");
    desc.eps = (float)clxi_case_float(input, "eps");
    args.h = tool_call_output(call, "h", TOOL_HEADS, desc.out_dtype ? desc.out_dtype : desc.qkv_dtype, 4, h_size);
    CLXI_TRY(tool_call_ready(call));
    CLXI_TRY(clx_recurrent_create(call->session->context, &desc, &op, call->error));
    clx_launch launch = tool_call_launch(call, &event);
    CLXI_TRY(S == 1 ? run_step(op, &launch, &args, call->error)
                    : clx_recurrent_enqueue(op, &launch, &args, call->error));
    CLXI_TRY(tool_call_finish(call, event, clx_recurrent_variant(op)));
fail:
    clx_recurrent_destroy(op);
    return status;
}
