/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test problems of the mLSTM, parallel form. */
#include "case_build.h"
#include "selftest.h"

#include <math.h>

typedef enum gates_kind {
    GATES_UNIT,    /* N(0, 1): most of a long text decays away */
    GATES_TRAINED, /* fgate ~ N(3, 1): little does */
    GATES_KEEP,    /* fgate = 20: everything counts */
    GATES_RESETS   /* hard resets, document borders and ignored tokens among trained gates */
} gates_kind;

typedef enum mask_kind {
    MASK_CAUSAL, /* no tensor */
    MASK_RANDOM, /* with rows that see nothing */
    MASK_CORNER  /* the second half of the rows sees nothing, but for the last, which sees itself */
} mask_kind;

typedef struct problem {
    const char *name;
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype dtype;
    gates_kind gates;
    const char *qkv_dtype, *gate_dtype, *out_dtype; /* NULL: not given */
    mask_kind mask;
    bool global; /* one stabiliser per head */
    const char *eps;
    const char *chunk_size;
} problem;

static const problem problems[] = {
    /* whole tiles, all of them computed */
    {"mlstm_parallel tiles f32", 1, 2, 256, 64, 128, CLX_F32, GATES_KEEP, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     NULL},
    {"mlstm_parallel tiles f16", 1, 2, 256, 64, 128, CLX_F16, GATES_KEEP, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     NULL},
    {"mlstm_parallel tiles bf16", 1, 2, 256, 64, 128, CLX_BF16, GATES_KEEP, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     NULL},
    /* divides no tile; the same program for the other row counts */
    {"mlstm_parallel odd f32", 2, 3, 97, 13, 29, CLX_F32, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, false, NULL, NULL},
    {"mlstm_parallel odd bf16", 2, 3, 97, 13, 29, CLX_BF16, GATES_UNIT, NULL, "bf16", NULL, MASK_CAUSAL, false, NULL,
     NULL},
    {"mlstm_parallel step f32", 3, 2, 1, 13, 29, CLX_F32, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, false, NULL, NULL},
    /* the smallest of everything */
    {"mlstm_parallel one f32", 1, 1, 1, 1, 1, CLX_F32, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, false, NULL, NULL},
    /* large heads: several slices of DHV, many chunks of DHQK */
    {"mlstm_parallel wide bf16", 1, 1, 80, 256, 512, CLX_BF16, GATES_UNIT, NULL, NULL, "f32", MASK_CAUSAL, false, NULL,
     NULL},
    /* whole tiles that contribute nothing, and gates at their ends */
    {"mlstm_parallel skip f32", 1, 1, 700, 64, 128, CLX_F32, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     NULL},
    {"mlstm_parallel resets f32", 2, 1, 300, 64, 128, CLX_F32, GATES_RESETS, NULL, NULL, NULL, MASK_CAUSAL, false, "0",
     NULL},
    /* many tiles in 16 bits, of every width that matrix units take; weights of any size */
    {"mlstm_parallel skip bf16", 1, 1, 900, 64, 128, CLX_BF16, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     NULL},
    {"mlstm_parallel resets bf16", 2, 1, 500, 128, 200, CLX_BF16, GATES_RESETS, NULL, NULL, NULL, MASK_CAUSAL, false,
     "0", NULL},
    {"mlstm_parallel wide f16", 1, 1, 300, 256, 512, CLX_F16, GATES_KEEP, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     NULL},
    {"mlstm_parallel global f16", 1, 2, 300, 80, 120, CLX_F16, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, true, NULL,
     NULL},
    /* other paths through the kernels */
    {"mlstm_parallel mask f32", 1, 2, 130, 64, 128, CLX_F32, GATES_UNIT, NULL, NULL, NULL, MASK_RANDOM, false, NULL,
     NULL},
    {"mlstm_parallel corner f32", 1, 2, 130, 13, 29, CLX_F32, GATES_RESETS, NULL, NULL, NULL, MASK_CORNER, false, NULL,
     NULL},
    {"mlstm_parallel global f32", 1, 2, 130, 64, 128, CLX_F32, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, true, NULL,
     NULL},
    {"mlstm_parallel global mask bf16", 1, 2, 130, 13, 29, CLX_BF16, GATES_KEEP, NULL, NULL, NULL, MASK_RANDOM, true,
     "1e-3", NULL},
    /* variants with chunks: states of every width, with a rest, through resets, dropped where nothing is left of them */
    {"mlstm_parallel chunks bf16", 2, 2, 700, 64, 128, CLX_BF16, GATES_KEEP, NULL, NULL, NULL, MASK_CAUSAL, false, NULL,
     "128"},
    {"mlstm_parallel chunks wide bf16", 1, 2, 600, 200, 500, CLX_BF16, GATES_TRAINED, NULL, NULL, "f32", MASK_CAUSAL,
     false, "0", "256"},
    {"mlstm_parallel chunks f16", 1, 2, 900, 100, 60, CLX_F16, GATES_TRAINED, NULL, NULL, NULL, MASK_CAUSAL, false,
     NULL, "128"},
    {"mlstm_parallel chunks resets f16", 2, 1, 640, 256, 256, CLX_F16, GATES_RESETS, NULL, NULL, NULL, MASK_CAUSAL,
     false, NULL, "256"},
    {"mlstm_parallel chunks resets bf16", 1, 2, 900, 13, 29, CLX_BF16, GATES_RESETS, NULL, NULL, NULL, MASK_CAUSAL,
     false, NULL, "128"},
    {"mlstm_parallel chunks global f16", 1, 1, 520, 64, 64, CLX_F16, GATES_UNIT, NULL, NULL, NULL, MASK_CAUSAL, true,
     NULL, "256"},
    {"mlstm_parallel cast bf16", 1, 2, 65, 64, 128, CLX_F32, GATES_UNIT, "bf16", "f16", NULL, MASK_CAUSAL, false, NULL,
     NULL},
};

static const char *problem_name(size_t index)
{
    return problems[index].name;
}

static void fill_gates(const problem *p, tool_builder *builder, tool_random *random)
{
    const uint64_t size[3] = {p->B, p->NH, p->S};
    float *i = tool_builder_tensor(builder, "i", CLXI_ST_F32, 3, size);
    float *f = tool_builder_tensor(builder, "f", CLXI_ST_F32, 3, size);
    for (size_t index = 0; i && f && index < (size_t)(p->B * p->NH * p->S); ++index) {
        i[index] = tool_random_bell(random);
        f[index] = p->gates == GATES_KEEP ? 20.0f : tool_random_bell(random);
        if (p->gates == GATES_TRAINED) f[index] += 3.0f;
        if (p->gates == GATES_RESETS) {
            uint64_t chance = tool_random_below(random, 40);
            f[index] = chance == 0 ? -INFINITY : chance == 1 ? -25.0f : chance == 2 ? INFINITY : f[index] + 3.0f;
            if (chance == 3) i[index] = -INFINITY;
        }
    }
}

static void fill_mask(const problem *p, tool_builder *builder, tool_random *random)
{
    const uint64_t size[2] = {p->S, p->S};
    if (p->mask == MASK_CAUSAL) return;
    unsigned char *mask = tool_builder_tensor(builder, "mask", CLXI_ST_BOOL, 2, size);
    for (size_t index = 0; mask && index < (size_t)(p->S * p->S); ++index) {
        size_t row = index / (size_t)p->S;
        mask[index] = row % 16 != 5 && tool_random_below(random, 3) == 0;
        if (p->mask == MASK_CORNER && row >= p->S / 2) mask[index] = index + 1 == (size_t)(p->S * p->S);
    }
}

static clx_status make_problem(size_t index, clxi_case **out, clx_error *error)
{
    const problem *p = &problems[index];
    tool_random random = {index + 1};
    tool_builder builder;
    const uint64_t qk_size[4] = {p->B, p->NH, p->S, p->DHQK}, v_size[4] = {p->B, p->NH, p->S, p->DHV};
    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "mlstm_parallel");
    tool_builder_param(&builder, "qkv_dtype", p->qkv_dtype);
    tool_builder_param(&builder, "gate_dtype", p->gate_dtype);
    tool_builder_param(&builder, "out_dtype", p->out_dtype);
    tool_builder_param(&builder, "eps", p->eps);
    tool_builder_param(&builder, "chunk_size", p->chunk_size);
    tool_builder_param(&builder, "stabilize_rowwise", p->global ? "false" : NULL);
    tool_builder_random(&builder, &random, "q", p->dtype, 4, qk_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "k", p->dtype, 4, qk_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "v", p->dtype, 4, v_size, 0.0f, 1.0f);
    fill_gates(p, &builder, &random);
    fill_mask(p, &builder, &random);
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_mlstm = {sizeof problems / sizeof *problems, problem_name, make_problem};
