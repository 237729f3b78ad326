/* SPDX-License-Identifier: Apache-2.0
 *
 * A call's outputs against the expected values of its case. */
#ifndef CLXLSTM_TOOLS_CASE_JUDGE_H
#define CLXLSTM_TOOLS_CASE_JUDGE_H

#include "case_run.h"

/* The judgement of all outputs: the largest figures of each. */
typedef struct tool_judgement {
    bool pass;
    double worst;                /* largest error, as a share of what is allowed there */
    double rms;                  /* root mean square of the same; NaN where the rule has none */
    char output[TOOL_NAME_SIZE]; /* where the worst is */
    uint64_t index;
} tool_judgement;

/* Errors: CLX_ERR_FORMAT where the case expects nothing, or something that the call does not give. */
clx_status tool_case_judge(const tool_call *call, tool_judgement *judgement, clx_error *error);

#endif
