/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of problems from the command line. */
#include "bench_list.h"
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZES = 5, LIST_MAX = 64, WORD_SIZE = 128 };

void tool_problem_shape(const tool_problem *problem, char text[TOOL_SHAPE_SIZE])
{
    snprintf(text, TOOL_SHAPE_SIZE, "%" PRIu64 "x%" PRIu64 "x%" PRIu64 "x%" PRIu64 "x%" PRIu64, problem->B, problem->NH,
             problem->S, problem->DHQK, problem->DHV);
}

const char *tool_problem_gates(const tool_problem *problem)
{
    return problem->family->gated ? tool_gates_name(problem->gates) : "";
}

void tool_problems_free(tool_problems *problems)
{
    free(problems->items);
    memset(problems, 0, sizeof *problems);
}

static void add(tool_problems *problems, const tool_problem *problem)
{
    tool_problem *items = realloc(problems->items, (problems->count + 1) * sizeof *items);
    if (!items) {
        problems->failed = true;
        return;
    }
    problems->items = items;
    items[problems->count++] = *problem;
}

/* A positive number that a size may be. */
static bool parse_size(const char *text, uint64_t *value, const char **end)
{
    char *stop = NULL;
    if (*text < '1' || *text > '9') return false;
    *value = strtoull(text, &stop, 10);
    *end = stop;
    return *value <= UINT32_MAX;
}

/* "8x16x2048x128x256" */
static bool parse_shape(const char *text, tool_problem *problem)
{
    uint64_t *const sizes[SIZES] = {&problem->B, &problem->NH, &problem->S, &problem->DHQK, &problem->DHV};
    for (size_t index = 0; index < SIZES; ++index) {
        const char *end;
        if (!parse_size(text, sizes[index], &end) || *end != (index < SIZES - 1 ? 'x' : '\0')) return false;
        text = end + 1;
    }
    return true;
}

/* "S=1024..65536" */
static bool parse_sweep(const char *text, uint64_t *first, uint64_t *last)
{
    const char *end;
    if (strncmp(text, "S=", 2) != 0 || !parse_size(text + 2, first, &end)) return false;
    return strncmp(end, "..", 2) == 0 && parse_size(end + 2, last, &end) && *end == '\0' && *first <= *last;
}

/* The words of a list with commas; false where one is empty or there are too many. */
typedef struct words {
    char text[LIST_MAX][WORD_SIZE];
    size_t count;
} words;

static bool split(const char *list, words *out)
{
    out->count = 0;
    for (const char *at = list;; ++at) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= WORD_SIZE || out->count == LIST_MAX) return false;
        memcpy(out->text[out->count], at, length);
        out->text[out->count++][length] = '\0';
        at += length;
        if (*at == '\0') return true;
    }
}

typedef struct product {
    const char *command;
    words ops, shapes, dtypes, gates;
    uint64_t first_S, last_S; /* 0: as the shapes say */
} product;

static int split_lists(const char *ops, const tool_problem_lists *lists, product *p)
{
    const struct {
        const char *option, *text;
        words *out;
    } all[] = {{"OP", ops, &p->ops},
               {"--shape", lists->shapes, &p->shapes},
               {"--dtype", lists->dtypes, &p->dtypes},
               {"--gates", lists->gates, &p->gates}};
    for (size_t index = 0; index < sizeof all / sizeof *all; ++index) {
        if (!split(all[index].text, all[index].out)) {
            return tool_usage(lists->command, "%s: '%s' is no list of 1 to %d words with commas", all[index].option,
                              all[index].text, LIST_MAX);
        }
    }
    p->command = lists->command;
    p->first_S = p->last_S = 0;
    if (lists->sweep && !parse_sweep(lists->sweep, &p->first_S, &p->last_S)) {
        return tool_usage(lists->command, "--sweep: '%s' is not S=FIRST..LAST", lists->sweep);
    }
    return TOOL_OK;
}

/* One operator on one shape in one dtype, with all gates and lengths. */
static int add_gates(tool_problems *problems, const product *p, tool_problem problem)
{
    for (size_t gates = 0; gates < p->gates.count; ++gates) {
        if (!tool_gates_parse(p->gates.text[gates], &problem.gates)) {
            return tool_usage(p->command, "--gates: '%s' is not keep, unit or trained", p->gates.text[gates]);
        }
        if (!problem.family->gated && gates > 0) continue;
        if (!problem.family->gated) problem.gates = TOOL_GATES_KEEP;
        if (p->first_S == 0) add(problems, &problem);
        for (uint64_t S = p->first_S; S != 0 && S <= p->last_S; S *= 2) {
            problem.S = S;
            add(problems, &problem);
        }
    }
    return TOOL_OK;
}

static int add_dtypes(tool_problems *problems, const product *p, tool_problem problem)
{
    for (size_t dtype = 0; dtype < p->dtypes.count; ++dtype) {
        problem.dtype = clx_dtype_parse(p->dtypes.text[dtype]);
        if (problem.dtype != CLX_F32 && problem.dtype != CLX_F16 && problem.dtype != CLX_BF16) {
            return tool_usage(p->command, "--dtype: '%s' is not f32, f16 or bf16", p->dtypes.text[dtype]);
        }
        int result = add_gates(problems, p, problem);
        if (result != TOOL_OK) return result;
    }
    return TOOL_OK;
}

int tool_problems_product(tool_problems *problems, const char *ops, const tool_problem_lists *lists)
{
    static product p;
    int result = split_lists(ops, lists, &p);
    for (size_t op = 0; result == TOOL_OK && op < p.ops.count; ++op) {
        tool_problem problem = {.family = tool_bench_find(p.ops.text[op])};
        if (!problem.family) {
            return tool_usage(p.command, "'%s' is no operator that can be measured", p.ops.text[op]);
        }
        for (size_t shape = 0; result == TOOL_OK && shape < p.shapes.count; ++shape) {
            if (!parse_shape(p.shapes.text[shape], &problem)) {
                return tool_usage(p.command, "--shape: '%s' is not BxNHxSxDHQKxDHV", p.shapes.text[shape]);
            }
            result = add_dtypes(problems, &p, problem);
        }
    }
    if (result == TOOL_OK && problems->failed) return tool_fail("out of host memory for the list of problems");
    return result;
}

/* What a suite measures on a kind of device; lists as on the command line. */
static const struct suite_row {
    const char *suite;
    bool gpu;
    const char *ops, *shapes, *dtypes, *gates, *sweep;
} suite_rows[] = {
    {"quick", true, "mlstm_parallel", "8x16x2048x128x256,1x8x2048x256x512", "f32,bf16", "keep,unit", NULL},
    {"quick", true, "attention", "8x16x2048x128x128", "f32,bf16", "keep", NULL},
    {"quick", true, "mlstm_recurrent", "1x8x1x256x512,64x8x1x256x512", "bf16", "keep", NULL},
    {"quick", true, "mlstm_cell", "1x8x2048x256x512", "bf16", "keep", NULL},
    {"quick", true, "rotary", "8x16x4096x128x128", "bf16", "keep", NULL},
    {"quick", true, "rmsnorm", "1x1x131072x4096x4096", "bf16", "keep", NULL},

    {"quick", false, "mlstm_parallel", "1x4x1024x64x64,1x4x512x256x512", "f32,bf16", "keep", NULL},
    {"quick", false, "attention", "1x4x1024x64x64,1x4x512x256x256", "f32,bf16", "keep", NULL},
    {"quick", false, "mlstm_recurrent", "1x8x1x256x512", "f32,bf16", "keep", NULL},
    {"quick", false, "mlstm_cell", "1x4x512x64x64", "f32", "keep", NULL},
    {"quick", false, "rotary", "1x8x2048x128x128", "f32", "keep", NULL},
    {"quick", false, "rmsnorm", "1x1x4096x4096x4096", "f32,bf16", "keep", NULL},

    {"full", true, "mlstm_parallel",
     "4x12x1024x64x64,1x8x2048x256x512,8x16x2048x128x256,8x8x2048x256x512,1x8x16384x128x256,1x8x16384x256x512",
     "f32,f16,bf16", "keep,unit,trained", NULL},
    {"full", true, "attention", "8x16x2048x128x128,1x8x2048x256x256,8x8x2048x256x256,1x8x16384x256x256", "f32,f16,bf16",
     "keep", NULL},
    {"full", true, "mlstm_recurrent", "1x8x1x256x512,8x8x1x256x512,64x8x1x256x512,256x8x1x256x512", "f32,bf16", "keep",
     NULL},
    {"full", true, "mlstm_recurrent", "1x8x256x256x512", "bf16", "keep", NULL},
    {"full", true, "mlstm_cell", "1x8x1x256x512,64x8x1x256x512,1x8x2048x256x512,8x8x2048x256x512", "f32,bf16", "keep",
     NULL},
    {"full", true, "rotary", "8x16x4096x128x128", "f32,bf16", "keep", NULL},
    {"full", true, "layernorm,rmsnorm", "1x1x131072x4096x4096", "f32,bf16", "keep", NULL},

    {"full", false, "mlstm_parallel", "1x4x1024x64x64,1x8x2048x64x128,1x4x2048x128x256,1x4x512x256x512", "f32,f16,bf16",
     "keep,unit,trained", NULL},
    {"full", false, "attention", "1x4x1024x64x64,1x8x2048x64x64,1x4x2048x128x128,1x4x512x256x256", "f32,f16,bf16",
     "keep", NULL},
    {"full", false, "mlstm_recurrent", "1x8x1x256x512,8x8x1x256x512", "f32,bf16", "keep", NULL},
    {"full", false, "mlstm_recurrent", "1x8x64x256x512", "f32", "keep", NULL},
    {"full", false, "mlstm_cell", "1x8x1x256x512,1x4x1024x64x64", "f32,bf16", "keep", NULL},
    {"full", false, "rotary", "1x8x2048x128x128", "f32,bf16", "keep", NULL},
    {"full", false, "layernorm,rmsnorm", "1x1x4096x4096x4096", "f32,bf16", "keep", NULL},

    {"sweep", true, "mlstm_parallel", "1x8x1x128x256", "bf16", "keep,trained", "S=1024..65536"},
    {"sweep", true, "attention", "1x8x1x128x128", "bf16", "keep", "S=1024..65536"},

    {"sweep", false, "mlstm_parallel", "1x1x1x64x64", "f32", "keep,trained", "S=1024..65536"},
    {"sweep", false, "attention", "1x1x1x64x64", "f32", "keep", "S=1024..65536"},
};

bool tool_problems_suite(tool_problems *problems, const char *name, bool gpu)
{
    bool found = false;
    for (size_t index = 0; index < sizeof suite_rows / sizeof *suite_rows; ++index) {
        const struct suite_row *row = &suite_rows[index];
        const tool_problem_lists lists = {row->shapes, row->dtypes, row->gates, row->sweep, "bench"};
        if (strcmp(row->suite, name) != 0) continue;
        found = true;
        if (row->gpu == gpu) tool_problems_product(problems, row->ops, &lists);
    }
    return found;
}
