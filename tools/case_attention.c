/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of attention. */
#include "base/fail.h"
#include "case_run.h"

/* What the case asks of the mask; the library refuses one that is both causal and explicit. */
static clx_mask_kind mask_kind(const clxi_case *input)
{
    if (clxi_case_bool(input, "causal")) return CLX_MASK_CAUSAL;
    return clxi_case_tensor(input, "mask") ? CLX_MASK_EXPLICIT : CLX_MASK_NONE;
}

static void describe(const clxi_case *input, clx_attention_desc *desc)
{
    desc->DHQK = clxi_case_size(input, 'K');
    desc->DHV = clxi_case_size(input, 'V');
    desc->qkv_dtype = clxi_case_qkv_dtype(input);
    desc->out_dtype = clxi_case_dtype(input, "out_dtype");
    desc->activation_function = (clx_attention_activation)clxi_case_choice(input, "activation_function");
    if (clxi_case_choice(input, "qk_pre_activation_function") != CLXI_PRE_NONE)
        desc->qk_pre_activation_function = CLX_PRE_ACTIVATION_SILU;
    desc->rotary = clxi_case_bool(input, "rotary");
    desc->theta = clxi_case_float(input, "theta");
    desc->mask = mask_kind(input);
    if (clxi_case_given(input, "window")) desc->window = (uint64_t)clxi_case_int(input, "window");
}

clx_status tool_case_attention(tool_call *call)
{
    clx_status status;
    const clxi_case *input = call->input;
    clx_attention *op = NULL;
    cl_event event = NULL;
    const uint64_t h_size[4] = {clxi_case_size(input, 'B'), clxi_case_size(input, 'H'), clxi_case_size(input, 'S'),
                                clxi_case_size(input, 'V')};
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    describe(input, &desc);
    args.q = tool_call_need(call, "q", TOOL_HEADS);
    args.k = tool_call_need(call, "k", TOOL_HEADS);
    args.v = tool_call_need(call, "v", TOOL_HEADS);
    args.mask = tool_call_input(call, "mask", TOOL_PLAIN);
    args.h = tool_call_output(call, "h", TOOL_HEADS, desc.out_dtype ? desc.out_dtype : desc.qkv_dtype, 4, h_size);
    if (clxi_case_given(input, "start")) args.start = clxi_case_int(input, "start");
    CLXI_TRY(tool_call_ready(call));
    desc.input_dtype = args.q->dtype;
    CLXI_TRY(clx_attention_create(call->session->context, &desc, &op, call->error));
    clx_launch launch = tool_call_launch(call, &event);
    CLXI_TRY(clx_attention_enqueue(op, &launch, &args, call->error));
    CLXI_TRY(tool_call_finish(call, event, clx_attention_variant(op)));
fail:
    clx_attention_destroy(op);
    return status;
}
