/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of rotary embeddings: the tables, and their application. */
#include "base/fail.h"
#include "case_run.h"

clx_status tool_case_freqs(tool_call *call)
{
    clx_status status;
    const clxi_case *input = call->input;
    clx_rotary *op = NULL;
    cl_event event = NULL;
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.D = (uint64_t)clxi_case_int(input, "feat_dim");
    desc.theta = clxi_case_float(input, "theta");
    const uint64_t size[2] = {(uint64_t)clxi_case_int(input, "max_length"), desc.D / 2};
    const clx_tensor *sin = tool_call_output(call, "sin", TOOL_PLAIN, CLX_F32, 2, size);
    const clx_tensor *cos = tool_call_output(call, "cos", TOOL_PLAIN, CLX_F32, 2, size);
    CLXI_TRY(tool_call_ready(call));
    CLXI_TRY(clx_rotary_create(call->session->context, &desc, &op, call->error));
    clx_launch launch = tool_call_launch(call, &event);
    CLXI_TRY(clx_rotary_tables_enqueue(op, &launch, clxi_case_int(input, "start"), sin, cos, call->error));
    CLXI_TRY(tool_call_finish(call, event, clx_rotary_variant(op)));
fail:
    clx_rotary_destroy(op);
    return status;
}

/* The output beside an input, in its dtype. */
static const clx_tensor *output_like(tool_call *call, const char *name, const clx_tensor *from)
{
    return from ? tool_call_output(call, name, TOOL_HEADS, from->dtype, 4, from->size) : NULL;
}

/* (S) as (B, S), the same in each batch. */
static clx_tensor same_for_batches(const clx_tensor *positions, uint64_t B)
{
    clx_tensor all = *positions;
    all.rank = 2;
    all.size[1] = positions->size[0];
    all.stride[1] = positions->stride[0];
    all.size[0] = B;
    all.stride[0] = 0;
    return all;
}

clx_status tool_case_rotary(tool_call *call)
{
    clx_status status;
    const clxi_case *input = call->input;
    clx_rotary *op = NULL;
    cl_event event = NULL;
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    args.q = tool_call_need(call, "q", TOOL_HEADS);
    args.k = tool_call_need(call, "k", TOOL_HEADS);
    args.sin = tool_call_input(call, "sin", TOOL_PLAIN);
    args.cos = tool_call_input(call, "cos", TOOL_PLAIN);
    args.positions = tool_call_input(call, "positions", TOOL_PLAIN);
    args.q_out = output_like(call, "q_out", args.q);
    args.k_out = output_like(call, "k_out", args.k);
    CLXI_TRY(tool_call_ready(call));
    /* Tables of a case belong to its tokens, from the first one on. */
    args.start = args.sin ? 0 : clxi_case_int(input, "start");
    clx_tensor positions;
    if (args.positions && args.positions->rank == 1) {
        positions = same_for_batches(args.positions, args.q->size[0]);
        args.positions = &positions;
    }

    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.D = args.q->size[3];
    desc.rotary_dim = (uint64_t)clxi_case_int(input, "rotary_dim");
    desc.theta = clxi_case_float(input, "theta");
    desc.dtype = args.q->dtype;
    desc.table_dtype = args.sin ? args.sin->dtype : CLX_F32;
    desc.pairing = clxi_case_choice(input, "pairing") == CLXI_HALF ? CLX_PAIRS_HALF : CLX_PAIRS_INTERLEAVED;
    desc.inverse = clxi_case_bool(input, "inverse");
    CLXI_TRY(clx_rotary_create(call->session->context, &desc, &op, call->error));
    clx_launch launch = tool_call_launch(call, &event);
    CLXI_TRY(clx_rotary_enqueue(op, &launch, &args, call->error));
    CLXI_TRY(tool_call_finish(call, event, clx_rotary_variant(op)));
fail:
    clx_rotary_destroy(op);
    return status;
}
