/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the mLSTM, parallel form. */
#include "base/fail.h"
#include "case_run.h"

/* The dtype of an input; CLX_DTYPE_DEFAULT after a failure. */
static clx_dtype dtype_of(const clx_tensor *tensor)
{
    return tensor ? tensor->dtype : CLX_DTYPE_DEFAULT;
}

clx_status tool_case_mlstm(tool_call *call)
{
    clx_status status;
    const clxi_case *input = call->input;
    clx_mlstm *op = NULL;
    cl_event event = NULL;
    uint64_t size[4] = {clxi_case_size(input, 'B'), clxi_case_size(input, 'H'), clxi_case_size(input, 'S'),
                        clxi_case_size(input, 'V')};

    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    args.q = tool_call_need(call, "q", TOOL_HEADS);
    args.k = tool_call_need(call, "k", TOOL_HEADS);
    args.v = tool_call_need(call, "v", TOOL_HEADS);
    args.igate = tool_call_need(call, "i", TOOL_GATE);
    args.fgate = tool_call_need(call, "f", TOOL_GATE);
    args.mask = tool_call_input(call, "mask", TOOL_PLAIN);

    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = clxi_case_size(input, 'K');
    desc.DHV = size[3];
    desc.input_dtype = dtype_of(args.q);
    desc.qkv_dtype = clxi_case_qkv_dtype(input);
    desc.gate_input_dtype = dtype_of(args.igate);
    desc.gate_dtype = clxi_case_dtype(input, "gate_dtype");
    desc.out_dtype = clxi_case_dtype(input, "out_dtype");
    desc.mask = args.mask ? CLX_MASK_EXPLICIT : CLX_MASK_CAUSAL;
    desc.stabilize_rowwise = clxi_case_bool(input, "stabilize_rowwise");
    desc.eps = (float)clxi_case_float(input, "eps");
    desc.chunk_size = (int32_t)clxi_case_int(input, "chunk_size");

    clx_dtype out_dtype = desc.out_dtype ? desc.out_dtype : desc.qkv_dtype;
    args.h = tool_call_output(call, "h", TOOL_HEADS, out_dtype, 4, size);
    CLXI_TRY(tool_call_ready(call));
    CLXI_TRY(clx_mlstm_create(call->session->context, &desc, &op, call->error));
    clx_launch launch = tool_call_launch(call, &event);
    CLXI_TRY(clx_mlstm_enqueue(op, &launch, &args, call->error));
    CLXI_TRY(tool_call_finish(call, event, clx_mlstm_variant(op)));
fail:
    clx_mlstm_destroy(op);
    return status;
}
