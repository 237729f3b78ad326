/* SPDX-License-Identifier: Apache-2.0
 *
 * From a case (one file of the golden format) to calls of the library and back. This is what run, check and selftest
 * share; one file per operator family (case_mlstm.c, ...) does the part between:
 *
 *     const clx_tensor *q = tool_call_need(call, "q", TOOL_HEADS);      inputs, on the device
 *     const clx_tensor *h = tool_call_output(call, "h", ...);           outputs
 *     CLXI_TRY(tool_call_ready(call));                                  the first failure of the above
 *     ...                                                               create the operator
 *     clx_launch launch = tool_call_launch(call, &event);               starts the clock
 *     ...                                                               enqueue
 *     CLXI_TRY(tool_call_finish(call, event, variant));                 waits, fetches the outputs */
#ifndef CLXLSTM_TOOLS_CASE_RUN_H
#define CLXLSTM_TOOLS_CASE_RUN_H

#include "io/case.h"
#include "session.h"

/* The order in memory of the tensors with heads; their logical order stays (B, NH, S, ...). */
typedef enum tool_layout { TOOL_LAYOUT_BHSD, TOOL_LAYOUT_BSHD } tool_layout;

bool tool_layout_parse(const char *text, tool_layout *layout);

/* What a tensor's dimensions are. */
typedef enum tool_role {
    TOOL_PLAIN, /* no heads, or none that a layout moves: masks, states, parameters */
    TOOL_HEADS, /* (B, NH, S, D) or (B, NH, S) */
    TOOL_GATE   /* (B, NH, S); a trailing 1 in the file is dropped */
} tool_role;

enum { TOOL_TENSORS_MAX = 40, TOOL_NAME_SIZE = 64 };

typedef struct tool_call_tensor {
    char name[TOOL_NAME_SIZE];
    clx_tensor view;
    size_t size_bytes;
    bool output;
    bool moved; /* its memory is in the order (B, S, NH, ...) */
    void *data; /* of an output, dense in logical order, once finished */
} tool_call_tensor;

typedef struct tool_call {
    const tool_session *session;
    const clxi_case *input;
    tool_layout layout;
    clx_status status; /* the first failure */
    clx_error *error;

    char variant[128];
    double began_s;
    double wall_ms; /* from before the enqueue until the event has completed */
    size_t count;
    tool_call_tensor tensors[TOOL_TENSORS_MAX];
} tool_call;

/* Runs the case. The outputs are in call->tensors afterwards; tool_call_free takes whatever a failure has left. */
clx_status tool_case_run(tool_call *call, const tool_session *session, const clxi_case *input, tool_layout layout,
                         clx_error *error);
void tool_call_free(tool_call *call);

/* The output `name`, or NULL. */
const tool_call_tensor *tool_call_find(const tool_call *call, const char *name);

/* ---- For the families. Views live as long as the call; after a failure they are NULL. */

/* An input of the case, or NULL where the case has none; `need` makes that a failure. */
const clx_tensor *tool_call_input(tool_call *call, const char *name, tool_role role);
const clx_tensor *tool_call_need(tool_call *call, const char *name, tool_role role);

/* An output. It starts as NaN, so that an element that is never written shows. */
const clx_tensor *tool_call_output(tool_call *call, const char *name, tool_role role, clx_dtype dtype, uint32_t rank,
                                   const uint64_t *size);

/* An output that the operator updates in place: starts as the case's tensor `from`, or as zeros without one. */
const clx_tensor *tool_call_state(tool_call *call, const char *name, const char *from, clx_dtype dtype, uint32_t rank,
                                  const uint64_t *size);

clx_status tool_call_ready(const tool_call *call);
clx_launch tool_call_launch(tool_call *call, cl_event *event);
clx_status tool_call_finish(tool_call *call, cl_event event, const char *variant);

/* The families. */
clx_status tool_case_attention(tool_call *call);
clx_status tool_case_mlstm(tool_call *call);
clx_status tool_case_recurrent(tool_call *call);
clx_status tool_case_freqs(tool_call *call);
clx_status tool_case_rotary(tool_call *call);
clx_status tool_case_cell(tool_call *call);

#endif
