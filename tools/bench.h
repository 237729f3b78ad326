/* SPDX-License-Identifier: Apache-2.0
 *
 * Measuring an operator: what `clxlstm bench` gives to the file of an operator family, and what that file gives back. */
#ifndef CLXLSTM_TOOLS_BENCH_H
#define CLXLSTM_TOOLS_BENCH_H

#include "ref/judge.h"
#include "session.h"

typedef enum tool_gates { TOOL_GATES_KEEP, TOOL_GATES_UNIT, TOOL_GATES_TRAINED } tool_gates;

/* What a tensor starts as. */
typedef enum tool_fill {
    TOOL_FILL_VALUES,  /* about N(0, 1) */
    TOOL_FILL_WEIGHTS, /* about N(0, 0.01^2): of a projection */
    TOOL_FILL_IGATE,   /* N(0, 1) */
    TOOL_FILL_FGATE,   /* as the gates are to be */
    TOOL_FILL_ZEROS,   /* outputs and states */
} tool_fill;

enum { TOOL_BENCH_TENSORS_MAX = 16, TOOL_BENCH_SETS_MAX = 64 };

typedef struct tool_bench_tensor {
    const char *name;
    tool_fill fill;
    clx_dtype dtype;
    uint32_t rank;
    uint64_t size[CLX_MAX_RANK];
    uint64_t count;
    size_t size_bytes;
    void *host; /* what every set starts as; after tool_bench_fetch what was fetched */
    cl_mem mem[TOOL_BENCH_SETS_MAX];
} tool_bench_tensor;

typedef struct tool_bench {
    /* what to measure */
    const char *op;
    tool_session *session;
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype dtype;
    tool_gates gates;
    uint64_t footprint_bytes; /* the tensors of all sets together fill at least this, so that no cache holds them */

    /* what prepare leaves */
    void *state;          /* the family's own */
    uint64_t extra_bytes; /* device memory beyond the tensors: the workspace */
    double work;          /* what the speed of a call counts: operations, or bytes of memory traffic */
    bool work_is_traffic;
    const char *work_text; /* how it is counted */
    double flops, bytes;   /* useful operations of a call, and what it must read and write: one of them binds it */
    char variant[128];

    /* the tensors, by tool_bench_add and tool_bench_upload */
    size_t tensor_count;
    tool_bench_tensor tensors[TOOL_BENCH_TENSORS_MAX];
    size_t sets;           /* calls rotate over so many copies of the tensors */
    uint64_t tensor_bytes; /* of one set */
    double upload_s;       /* what making and filling them took */

    /* what judge leaves */
    size_t judged_rows;
    clxi_verdict verdict;
} tool_bench;

typedef struct tool_bench_operator {
    const char *op;
    clx_status (*prepare)(tool_bench *bench, clx_error *error);
    /* Enqueues one call on the tensors of `set`; `event` is the caller's to release. */
    clx_status (*enqueue)(tool_bench *bench, size_t set, cl_event *event, clx_error *error);
    /* Holds results of `set` against the float64 reference. */
    clx_status (*judge)(tool_bench *bench, size_t set, clx_error *error);
    void (*release)(tool_bench *bench); /* of `state`; accepts what a failed prepare has left */
    bool gated;                         /* do the gates matter? */
} tool_bench_operator;

/* Declares a tensor; returns its number. Sizes that overflow show in upload. */
size_t tool_bench_add(tool_bench *bench, const char *name, tool_fill fill, clx_dtype dtype, uint32_t rank,
                      const uint64_t *size);

/* Fills the tensors, chooses the number of sets, and makes the buffers. */
clx_status tool_bench_upload(tool_bench *bench, clx_error *error);

clx_tensor tool_bench_view(const tool_bench *bench, size_t set, size_t tensor);

/* Reads a tensor of a set into its `host`. */
clx_status tool_bench_fetch(tool_bench *bench, size_t set, size_t tensor, clx_error *error);

/* Writes a tensor's `host` into a set again. */
clx_status tool_bench_restore(const tool_bench *bench, size_t set, size_t tensor, clx_error *error);

/* `count` elements from `first` on as doubles, to be freed; NULL where memory is short. */
double *tool_bench_doubles(const tool_bench *bench, size_t tensor, uint64_t first, uint64_t count);

void tool_bench_free(tool_bench *bench);

/* Device memory for the workspace, of bench->extra_bytes; NULL where that is 0. */
clx_status tool_bench_workspace(const tool_bench *bench, cl_mem *out, clx_error *error);

/* The float64 values of rows (positions of S) of one head, head = b * NH + its number, and their cond, where `cond` is
 * not NULL; false where memory is short. */
typedef bool (*tool_bench_reference_fn)(const tool_bench *bench, uint64_t head, const size_t *rows, size_t row_count,
                                        double *values, double *cond);

/* Judges rows chosen at random of the output `tensor`, (B, NH, S, D) or (B, S, NH * DHV), by the rule for `output` of the
 * operator `op`. No cond is asked for where the rule has none. */
clx_status tool_bench_judge_rows(tool_bench *bench, size_t set, size_t tensor, const char *op, const char *output,
                                 tool_bench_reference_fn reference, clx_error *error);

/* The operator that is measured under a name; NULL where none is. And by number; NULL past the last. */
const tool_bench_operator *tool_bench_find(const char *op);
const tool_bench_operator *tool_bench_at(size_t index);

/* "keep" and so on. */
const char *tool_gates_name(tool_gates gates);
bool tool_gates_parse(const char *text, tool_gates *gates);

extern const tool_bench_operator tool_bench_mlstm;
extern const tool_bench_operator tool_bench_attention;
extern const tool_bench_operator tool_bench_recurrent;
extern const tool_bench_operator tool_bench_cell;
extern const tool_bench_operator tool_bench_rotary;
extern const tool_bench_operator tool_bench_layernorm;
extern const tool_bench_operator tool_bench_rmsnorm;

#endif
