/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring an operator: what `clxlstm bench` gives to the file of an operator family, and what that file gives back. */
#ifndef CLXLSTM_TOOLS_BENCH_H
#define CLXLSTM_TOOLS_BENCH_H

#include "ref/judge.h"
#include "session.h"

typedef enum tool_gates { TOOL_GATES_KEEP, TOOL_GATES_UNIT, TOOL_GATES_TRAINED } tool_gates;

typedef struct tool_bench {
    /* what to measure */
    tool_session *session;
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype dtype;
    tool_gates gates;
    uint64_t
        set_bytes_wanted; /* inputs and outputs of all sets together fill at least this, so that no cache holds them */

    /* what prepare leaves */
    void *state;            /* the family's own */
    size_t sets;            /* calls rotate over so many copies of the tensors */
    uint64_t tensor_bytes;  /* of one set */
    uint64_t extra_bytes;   /* device memory beyond inputs and outputs: the workspace */
    double flops;           /* useful operations of one call */
    const char *flops_text; /* how they are counted */
    char variant[128];

    /* what judge leaves */
    size_t judged_rows;
    clxi_verdict verdict;
} tool_bench;

typedef struct tool_bench_operator {
    const char *op;
    clx_status (*prepare)(tool_bench *bench, clx_error *error);
    /* Enqueues one call on the tensors of `set`; `event` is the caller's to release. */
    clx_status (*enqueue)(tool_bench *bench, size_t set, cl_event *event, clx_error *error);
    /* Holds the outputs of `set` against the float64 reference. */
    clx_status (*judge)(tool_bench *bench, size_t set, clx_error *error);
    void (*release)(tool_bench *bench); /* accepts what a failed prepare has left */
} tool_bench_operator;

extern const tool_bench_operator tool_bench_mlstm;

#endif
