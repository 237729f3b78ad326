/* SPDX-License-Identifier: Apache-2.0
 *
 * Which problems are measured: what the command line asks for, or a suite. */
#ifndef CLXLSTM_TOOLS_BENCH_LIST_H
#define CLXLSTM_TOOLS_BENCH_LIST_H

#include "bench.h"

typedef struct tool_problem {
    const tool_bench_operator *family;
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype dtype;
    tool_gates gates; /* KEEP where the operator has none */
} tool_problem;

typedef struct tool_problems {
    tool_problem *items;
    size_t count;
    bool failed; /* memory was short */
} tool_problems;

/* Texts as on the command line: lists with commas. */
typedef struct tool_problem_lists {
    const char *shapes, *dtypes, *gates;
    const char *sweep;   /* "S=1024..65536": each shape with S doubling from the first to the last; or NULL */
    const char *command; /* whose they are, for messages */
} tool_problem_lists;

/* Appends every operator (its name, or several with commas) on every shape in every dtype with all gates that matter. A
 * TOOL_ status; one line says what is wrong. */
int tool_problems_product(tool_problems *problems, const char *ops, const tool_problem_lists *lists);

/* Appends the suite of that name for GPUs, or what a CPU gets through; false where there is none. */
bool tool_problems_suite(tool_problems *problems, const char *name, bool gpu);

void tool_problems_free(tool_problems *problems);

/* "1x8x2048x64x128" */
enum { TOOL_SHAPE_SIZE = 96 };
void tool_problem_shape(const tool_problem *problem, char text[TOOL_SHAPE_SIZE]);

/* The gates' name, empty where the operator has none. */
const char *tool_problem_gates(const tool_problem *problem);

#endif
