/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the mLSTM cell. */
#include "base/fail.h"
#include "case_run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clx_bias_init_range range_of(const clxi_case *input, const char *name)
{
    const clxi_value *value = clxi_case_value(input, name);
    return (clx_bias_init_range){value->count, {value->number[0], value->number[1]}};
}

static clx_mlstm_backend_config backend_of(const clxi_case *input)
{
    clx_mlstm_backend_config backend = CLX_MLSTM_BACKEND_CONFIG_INIT;
    backend.name = (clx_mlstm_backend)clxi_case_choice(input, "backend");
    backend.context_length = clxi_case_int(input, "backend.context_length");
    backend.activation_function = (clx_attention_activation)clxi_case_choice(input, "backend.activation_function");
    backend.qk_pre_activation_function = clxi_case_choice(input, "backend.qk_pre_activation_function") == CLXI_PRE_NONE
                                             ? CLX_PRE_ACTIVATION_NONE
                                             : CLX_PRE_ACTIVATION_SWISH;
    backend.theta = clxi_case_float(input, "backend.theta");
    return backend;
}

static clx_mlstm_cell_config config_of(const clxi_case *input)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    config.context_length = clxi_case_int(input, "context_length");
    config.embedding_dim = clxi_case_int(input, "embedding_dim");
    config.num_heads = clxi_case_int(input, "num_heads");
    config.backend = backend_of(input);
    config.norm_eps = clxi_case_float(input, "norm_eps");
    config.norm_type = (clx_norm_type)clxi_case_choice(input, "norm_type");
    config.norm_type_v1 = (clx_norm_type)clxi_case_choice(input, "norm_type_v1");
    config.layer_type_v1 = clxi_case_bool(input, "layer_type_v1");
    config.dtype = clxi_case_qkv_dtype(input);
    config.gate_dtype = clxi_case_dtype(input, "gate_dtype");
    config.gate_soft_cap.given = clxi_case_given(input, "gate_soft_cap");
    config.gate_soft_cap.value = clxi_case_float(input, "gate_soft_cap");
    config.gate_linear_headwise = clxi_case_bool(input, "gate_linear_headwise");
    config.igate_bias_init_range = range_of(input, "igate_bias_init_range");
    config.fgate_bias_init_range = range_of(input, "fgate_bias_init_range");
    config.add_qk_norm = clxi_case_bool(input, "add_qk_norm");
    config.reset_at_document_boundaries = clxi_case_bool(input, "reset_at_document_boundaries");
    config.reset_fgate_value = clxi_case_float(input, "reset_fgate_value");
    config.parallel.given = clxi_case_given(input, "tp_size");
    config.parallel.tp_size = clxi_case_int(input, "tp_size");
    config.parallel.tp_rank = clxi_case_int(input, "tp_rank");
    return config;
}

/* gate_input, or gate_input.0, gate_input.1, ...; returns how many. */
static uint32_t gate_inputs(tool_call *call, clx_mlstm_cell_args *args)
{
    args->gate_input[0] = tool_call_input(call, "gate_input", TOOL_PLAIN);
    if (args->gate_input[0]) return 1;
    for (uint32_t i = 0;; i++) {
        char name[32];
        snprintf(name, sizeof name, "gate_input.%u", (unsigned)i);
        if (!clxi_case_tensor(call->input, name)) return i;
        if (i == CLX_MLSTM_CELL_MAX_GATE_INPUTS) {
            call->status = clxi_fail(call->error, CLX_ERR_UNSUPPORTED, "%s: the cell takes at most %d gate inputs",
                                     name, CLX_MLSTM_CELL_MAX_GATE_INPUTS);
            return 0;
        }
        args->gate_input[i] = tool_call_input(call, name, TOOL_PLAIN);
    }
}

static void add_parameters(tool_call *call, clx_mlstm_cell_args *args)
{
    args->document_borders = tool_call_input(call, "document_borders", TOOL_PLAIN);
    args->igate_kernel = tool_call_need(call, "igate.kernel", TOOL_PLAIN);
    args->igate_bias = tool_call_need(call, "igate.bias", TOOL_PLAIN);
    args->fgate_kernel = tool_call_need(call, "fgate.kernel", TOOL_PLAIN);
    args->fgate_bias = tool_call_need(call, "fgate.bias", TOOL_PLAIN);
    args->outnorm_scale = tool_call_need(call, "outnorm.scale", TOOL_PLAIN);
    args->q_norm_scale = tool_call_input(call, "q_norm.scale", TOOL_PLAIN);
    args->k_norm_scale = tool_call_input(call, "k_norm.scale", TOOL_PLAIN);
}

/* C, n and m, in place where the case has a state to start from. */
static void add_state(tool_call *call, clx_dtype dtype, clx_mlstm_cell_args *args)
{
    const clxi_case *input = call->input;
    const uint64_t C_size[4] = {clxi_case_size(input, 'B'), clxi_case_size(input, 'N'), clxi_case_size(input, 'P'),
                                clxi_case_size(input, 'D')};
    args->C_out = tool_call_state(call, "C", "C0", dtype, 4, C_size);
    args->n_out = tool_call_state(call, "n", "n0", dtype, 3, C_size);
    args->m_out = tool_call_state(call, "m", "m0", dtype, 2, C_size);
    if (!clxi_case_tensor(input, "C0")) return;
    args->C = args->C_out;
    args->n = args->n_out;
    args->m = args->m_out;
}

/* The library gives the statistics as one tensor, a case as eight. */
static clx_status split_statistics(tool_call *call)
{
    static const char *const names[CLX_GATE_STATISTIC_COUNT] = {
        "max_igate_preact", "min_igate_preact",  "mean_igate_preact", "max_fgate_preact",
        "min_fgate_preact", "mean_fgate_preact", "igate_bias",        "fgate_bias"};
    const uint64_t one = 1;
    tool_call_tensor *all = (tool_call_tensor *)tool_call_find(call, "statistics");
    for (int i = 0; all && i < CLX_GATE_STATISTIC_COUNT && call->count < TOOL_TENSORS_MAX; i++) {
        tool_call_tensor *each = &call->tensors[call->count++];
        *each = (tool_call_tensor){.view = clx_tensor_dense(NULL, CLX_F32, 1, &one), .output = true};
        snprintf(each->name, sizeof each->name, "%s", names[i]);
        each->size_bytes = sizeof(float);
        each->data = malloc(sizeof(float));
        if (!each->data) return clxi_fail_memory(call->error, names[i]);
        memcpy(each->data, (const float *)all->data + i, sizeof(float));
    }
    if (all) all->output = false;
    return CLX_OK;
}

clx_status tool_case_cell(tool_call *call)
{
    clx_status status;
    const clxi_case *input = call->input;
    clx_mlstm_cell *cell = NULL;
    cl_event event = NULL;
    const clx_mlstm_cell_config config = config_of(input);
    const uint64_t h_size[3] = {clxi_case_size(input, 'B'), clxi_case_size(input, 'S'), clxi_case_size(input, 'W')};
    const uint64_t statistics_size = CLX_GATE_STATISTIC_COUNT;
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    args.q = tool_call_need(call, "q", TOOL_PLAIN);
    args.k = tool_call_need(call, "k", TOOL_PLAIN);
    args.v = tool_call_need(call, "v", TOOL_PLAIN);
    desc.gate_inputs = gate_inputs(call, &args);
    add_parameters(call, &args);
    CLXI_TRY(tool_call_ready(call));

    desc.config = &config;
    desc.DHQK = clxi_case_size(input, 'P');
    desc.DHV = clxi_case_size(input, 'D');
    desc.input_dtype = args.q->dtype;
    if (desc.gate_inputs) desc.gate_input_dtype = args.gate_input[0]->dtype;
    desc.param_dtype = args.igate_kernel->dtype;
    desc.out_dtype = clxi_case_dtype(input, "out_dtype");
    desc.state_dtype = clxi_case_dtype(input, "state_dtype");
    desc.return_state = config.backend.name != CLX_BACKEND_ATTENTION;
    if (desc.return_state) add_state(call, desc.state_dtype, &args);
    args.h = tool_call_output(call, "h", TOOL_PLAIN, desc.out_dtype ? desc.out_dtype : config.dtype, 3, h_size);
    args.statistics = tool_call_output(call, "statistics", TOOL_PLAIN, CLX_F32, 1, &statistics_size);
    CLXI_TRY(tool_call_ready(call));
    CLXI_TRY(clx_mlstm_cell_create(call->session->context, &desc, &cell, call->error));
    clx_launch launch = tool_call_launch(call, &event);
    CLXI_TRY(clx_mlstm_cell_enqueue(cell, &launch, &args, call->error));
    CLXI_TRY(tool_call_finish(call, event, clx_mlstm_cell_variant(cell)));
    CLXI_TRY(split_statistics(call));
fail:
    clx_mlstm_cell_destroy(cell);
    return status;
}
