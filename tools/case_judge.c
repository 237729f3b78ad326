/* SPDX-License-Identifier: Apache-2.0
 *
 * A call's outputs against what is expected of them. */
#include "case_judge.h"
#include "base/fail.h"
#include "case_reference.h"
#include "element.h"
#include "ref/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is expected of one output: NULL where there is nothing. */
typedef struct expected {
    size_t count;
    double *ref64, *cond, *ref;
} expected;

static double *copy_values(const double *values, size_t count)
{
    double *copy = values ? malloc((count + 1) * sizeof *copy) : NULL;
    if (copy) memcpy(copy, values, count * sizeof *copy);
    return copy;
}

/* From the file ("ref64.h" and its companions), or else from the reference. */
static expected expect_output(const clxi_case *input, const case_reference *reference, const char *output)
{
    char name[TOOL_NAME_SIZE + 8];
    expected wanted = {0};
    snprintf(name, sizeof name, "ref64.%s", output);
    const clxi_st_tensor *tensor = clxi_case_tensor(input, name);
    const reference_output *computed = case_reference_find(reference, output);
    if (tensor) {
        wanted.count = (size_t)clxi_st_count(tensor);
        wanted.ref64 = case_load(input, name, CLX_DTYPE_DEFAULT);
        snprintf(name, sizeof name, "cond.%s", output);
        wanted.cond = case_load(input, name, CLX_DTYPE_DEFAULT);
        snprintf(name, sizeof name, "ref.%s", output);
        wanted.ref = case_load(input, name, CLX_DTYPE_DEFAULT);
    } else if (computed) {
        wanted.count = computed->count;
        wanted.ref64 = copy_values(computed->value, computed->count);
        wanted.cond = copy_values(computed->cond, computed->count);
        wanted.ref = copy_values(computed->rival, computed->count);
    }
    return wanted;
}

static void free_expected(expected *wanted)
{
    free(wanted->ref64);
    free(wanted->cond);
    free(wanted->ref);
}

/* A dtype parameter, where the operator has it. */
static clx_dtype dtype_param(const clxi_case *input, const char *name)
{
    for (const clxi_param_row *row = input->row->params; row->name; ++row) {
        if (!strcmp(row->name, name)) return clxi_case_dtype(input, name);
    }
    return CLX_DTYPE_DEFAULT;
}

static clx_status judge_output(const tool_call *call, const char *output, const expected *wanted, clxi_verdict *verdict,
                               clx_error *error)
{
    const tool_call_tensor *tensor = tool_call_find(call, output);
    if (!tensor) return clxi_fail(error, CLX_ERR_FORMAT, "%s: expected, but the call does not give it", output);
    size_t count = tensor->size_bytes / clx_dtype_size_bytes(tensor->view.dtype);
    if (count != wanted->count) {
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: %zu elements expected, but the call gives %zu", output,
                         wanted->count, count);
    }
    double *ours = malloc((count + 1) * sizeof *ours);
    if (!ours) return clxi_fail_memory(error, "the judgement");
    for (size_t index = 0; index < count; ++index) {
        ours[index] = tool_element_get(tensor->data, tensor->view.dtype, index);
    }
    const clxi_judge question = {.op = call->input->row->name,
                                 .output = output,
                                 .out_dtype = tensor->view.dtype,
                                 .qkv_dtype = clxi_case_qkv_dtype(call->input),
                                 .gate_dtype = dtype_param(call->input, "gate_dtype"),
                                 .state_dtype = dtype_param(call->input, "state_dtype"),
                                 .count = count,
                                 .ours = ours,
                                 .ref64 = wanted->ref64,
                                 .cond = wanted->cond,
                                 .ref = wanted->ref};
    *verdict = clxi_judge_output(&question);
    free(ours);
    return CLX_OK;
}

static void add_verdict(tool_judgement *judgement, const char *output, const clxi_verdict *verdict)
{
    double share = verdict->rms / verdict->rms_limit;
    bool first = judgement->output[0] == '\0';
    judgement->pass = (first || judgement->pass) && verdict->pass;
    if (first || verdict->worst > judgement->worst) {
        judgement->worst = verdict->worst;
        judgement->index = verdict->index;
        snprintf(judgement->output, sizeof judgement->output, "%s", output);
    }
    if (isfinite(verdict->rms_limit) && !(share <= judgement->rms)) judgement->rms = share;
}

/* Does the file say what is expected? */
static bool has_expected(const clxi_case *input)
{
    for (size_t index = 0; index < input->file->tensor_count; ++index) {
        if (!strncmp(input->file->tensors[index].name, "ref64.", 6)) return true;
    }
    return false;
}

clx_status tool_case_judge(const tool_call *call, tool_judgement *judgement, clx_error *error)
{
    clx_status status;
    expected wanted = {0};
    case_reference reference = {.count = 0};
    *judgement = (tool_judgement){.rms = NAN};
    if (!has_expected(call->input) && !case_reference_make(call->input, &reference)) {
        CLXI_TRY(clxi_fail_memory(error, "the reference"));
    }
    for (const clxi_tensor_row *row = call->input->row->outputs; row->name; ++row) {
        clxi_verdict verdict = {0};
        wanted = expect_output(call->input, &reference, row->name);
        if (!wanted.ref64) continue;
        CLXI_TRY(judge_output(call, row->name, &wanted, &verdict, error));
        add_verdict(judgement, row->name, &verdict);
        free_expected(&wanted);
    }
    wanted = (expected){0};
    if (!judgement->output[0])
        CLXI_TRY(clxi_fail(error, CLX_ERR_FORMAT, "it has no expected values, and no reference"));
    status = CLX_OK;
fail:
    free_expected(&wanted);
    case_reference_free(&reference);
    if (status != CLX_OK) judgement->pass = false;
    return status;
}
