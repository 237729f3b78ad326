/* SPDX-License-Identifier: Apache-2.0
 *
 * A call's outputs against what is expected of them: the values in the case's file or, where it has none, the library's
 * float64 reference. */
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

/* Errors: CLX_ERR_FORMAT where something is expected that the call does not give, or nothing is known to expect;
 * CLX_ERR_SHAPE, CLX_ERR_HOST_MEMORY. */
clx_status tool_case_judge(const tool_call *call, tool_judgement *judgement, clx_error *error);

#endif
