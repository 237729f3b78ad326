/* SPDX-License-Identifier: Apache-2.0
 *
 * A call's outputs against the expected values of its case. */
#include "case_judge.h"
#include "base/fail.h"
#include "element.h"
#include "ref/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The values of "ref64.h" and the like; NULL where the case has none or memory is short. */
static double *expected_values(const clxi_case *input, const char *prefix, const char *output)
{
    char name[TOOL_NAME_SIZE + 8];
    snprintf(name, sizeof name, "%s.%s", prefix, output);
    const clxi_st_tensor *tensor = clxi_case_tensor(input, name);
    double *values = tensor ? malloc((size_t)(clxi_st_count(tensor) + 1) * sizeof *values) : NULL;
    if (values) clxi_st_to_f64(tensor, values);
    return values;
}

/* A dtype parameter, where the operator has it. */
static clx_dtype dtype_param(const clxi_case *input, const char *name)
{
    for (const clxi_param_row *row = input->row->params; row->name; ++row) {
        if (!strcmp(row->name, name)) return clxi_case_dtype(input, name);
    }
    return CLX_DTYPE_DEFAULT;
}

static clx_status judge_output(const tool_call *call, const tool_call_tensor *tensor, clxi_verdict *verdict,
                               clx_error *error)
{
    clx_status status = CLX_OK;
    const clxi_case *input = call->input;
    size_t count = tensor->size_bytes / clx_dtype_size_bytes(tensor->view.dtype);
    double *ref64 = expected_values(input, "ref64", tensor->name);
    double *ref = expected_values(input, "ref", tensor->name);
    double *cond = expected_values(input, "cond", tensor->name);
    double *ours = malloc((count + 1) * sizeof *ours);
    if (!ours || !ref64) CLXI_TRY(clxi_fail_memory(error, "the judgement"));
    for (size_t index = 0; index < count; ++index) {
        ours[index] = tool_element_get(tensor->data, tensor->view.dtype, index);
    }
    const clxi_judge question = {.op = input->row->name,
                                 .output = tensor->name,
                                 .out_dtype = tensor->view.dtype,
                                 .qkv_dtype = clxi_case_qkv_dtype(input),
                                 .gate_dtype = dtype_param(input, "gate_dtype"),
                                 .state_dtype = dtype_param(input, "state_dtype"),
                                 .count = count,
                                 .ours = ours,
                                 .ref64 = ref64,
                                 .cond = cond,
                                 .ref = ref};
    *verdict = clxi_judge_output(&question);
fail:
    free(ref64);
    free(ref);
    free(cond);
    free(ours);
    return status;
}

/* The expected tensor of an output; its size is the call's own. */
static clx_status find_expected(const tool_call *call, const clxi_tensor_row *row, const tool_call_tensor **found,
                                clx_error *error)
{
    char name[TOOL_NAME_SIZE + 8];
    snprintf(name, sizeof name, "ref64.%s", row->name);
    const clxi_st_tensor *tensor = clxi_case_tensor(call->input, name);
    *found = NULL;
    if (!tensor) return CLX_OK;
    const tool_call_tensor *output = tool_call_find(call, row->name);
    if (!output) return clxi_fail(error, CLX_ERR_FORMAT, "%s: expected, but the call does not give it", row->name);
    uint64_t count = output->size_bytes / clx_dtype_size_bytes(output->view.dtype);
    if (clxi_st_count(tensor) != count) {
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: %llu elements expected, but the call gives %llu", row->name,
                         (unsigned long long)clxi_st_count(tensor), (unsigned long long)count);
    }
    *found = output;
    return CLX_OK;
}

clx_status tool_case_judge(const tool_call *call, tool_judgement *judgement, clx_error *error)
{
    clx_status status;
    size_t judged = 0;
    *judgement = (tool_judgement){.pass = true, .rms = NAN};
    for (const clxi_tensor_row *row = call->input->row->outputs; row->name; ++row) {
        const tool_call_tensor *output;
        clxi_verdict verdict;
        CLXI_TRY(find_expected(call, row, &output, error));
        if (!output) continue;
        CLXI_TRY(judge_output(call, output, &verdict, error));
        if (!verdict.pass) judgement->pass = false;
        if (judged++ == 0 || verdict.worst > judgement->worst) {
            judgement->worst = verdict.worst;
            judgement->index = verdict.index;
            snprintf(judgement->output, sizeof judgement->output, "%s", row->name);
        }
        double share = verdict.rms / verdict.rms_limit;
        if (isfinite(verdict.rms_limit) && !(share <= judgement->rms)) judgement->rms = share;
    }
    if (judged == 0) CLXI_TRY(clxi_fail(error, CLX_ERR_FORMAT, "it has no expected values (ref64.h and the like)"));
    return CLX_OK;
fail:
    judgement->pass = false;
    return status;
}
