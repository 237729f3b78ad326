/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test problems of the mLSTM, parallel form. */
#include "base/fail.h"
#include "case_build.h"
#include "element.h"
#include "ref/ref.h"
#include "selftest.h"
#include "tool_random.h"

#include <math.h>
#include <stdlib.h>

typedef enum gates_kind {
    GATES_UNIT,  /* N(0, 1): most of a long text decays away */
    GATES_KEEP,  /* fgate = 20: everything counts */
    GATES_RESETS /* hard resets, document borders and ignored tokens among trained gates */
} gates_kind;

typedef struct problem {
    const char *name;
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype dtype;
    gates_kind gates;
    const char *qkv_dtype, *gate_dtype, *out_dtype; /* NULL: not given */
    bool mask;
    bool global; /* one stabiliser per head */
    const char *eps;
} problem;

static const problem problems[] = {
    /* whole tiles, all of them computed */
    {"mlstm_parallel tiles f32", 1, 2, 256, 64, 128, CLX_F32, GATES_KEEP, NULL, NULL, NULL, false, false, NULL},
    {"mlstm_parallel tiles f16", 1, 2, 256, 64, 128, CLX_F16, GATES_KEEP, NULL, NULL, NULL, false, false, NULL},
    {"mlstm_parallel tiles bf16", 1, 2, 256, 64, 128, CLX_BF16, GATES_KEEP, NULL, NULL, NULL, false, false, NULL},
    /* divides no tile; the same program for the other row counts */
    {"mlstm_parallel odd f32", 2, 3, 97, 13, 29, CLX_F32, GATES_UNIT, NULL, NULL, NULL, false, false, NULL},
    {"mlstm_parallel odd bf16", 2, 3, 97, 13, 29, CLX_BF16, GATES_UNIT, NULL, "bf16", NULL, false, false, NULL},
    {"mlstm_parallel step f32", 3, 2, 1, 13, 29, CLX_F32, GATES_UNIT, NULL, NULL, NULL, false, false, NULL},
    /* the smallest of everything */
    {"mlstm_parallel one f32", 1, 1, 1, 1, 1, CLX_F32, GATES_UNIT, NULL, NULL, NULL, false, false, NULL},
    /* large heads: several slices of DHV, many chunks of DHQK */
    {"mlstm_parallel wide bf16", 1, 1, 80, 256, 512, CLX_BF16, GATES_UNIT, NULL, NULL, "f32", false, false, NULL},
    /* whole tiles that contribute nothing, and gates at their ends */
    {"mlstm_parallel skip f32", 1, 1, 700, 64, 128, CLX_F32, GATES_UNIT, NULL, NULL, NULL, false, false, NULL},
    {"mlstm_parallel resets f32", 2, 1, 300, 64, 128, CLX_F32, GATES_RESETS, NULL, NULL, NULL, false, false, "0"},
    /* other paths through the kernels */
    {"mlstm_parallel mask f32", 1, 2, 130, 64, 128, CLX_F32, GATES_UNIT, NULL, NULL, NULL, true, false, NULL},
    {"mlstm_parallel global f32", 1, 2, 130, 64, 128, CLX_F32, GATES_UNIT, NULL, NULL, NULL, false, true, NULL},
    {"mlstm_parallel global mask bf16", 1, 2, 130, 13, 29, CLX_BF16, GATES_UNIT, NULL, NULL, NULL, true, true, "1e-3"},
    {"mlstm_parallel cast bf16", 1, 2, 65, 64, 128, CLX_F32, GATES_UNIT, "bf16", "f16", NULL, false, false, NULL},
};

static const char *problem_name(size_t index)
{
    return problems[index].name;
}

/* A tensor of random values, and the same as the reference must see it: rounded as stored and as computed. */
static double *fill_random(tool_builder *builder, tool_random *random, const char *name, clx_dtype dtype,
                           const char *computed, uint32_t rank, const uint64_t *size, double *out)
{
    void *data = tool_builder_tensor(builder, name, clxi_st_from_dtype(dtype), rank, size);
    clx_dtype rounded = computed ? clx_dtype_parse(computed) : dtype;
    size_t count = 1;
    for (uint32_t index = 0; index < rank; ++index) {
        count *= (size_t)size[index];
    }
    for (size_t index = 0; data && index < count; ++index) {
        tool_element_set(data, dtype, index, tool_random_bell(random));
        out[index] = tool_element_round(rounded, (float)tool_element_get(data, dtype, index));
    }
    return out + count;
}

static void fill_gates(const problem *p, tool_builder *builder, tool_random *random, double *igate, double *fgate)
{
    const uint64_t size[3] = {p->B, p->NH, p->S};
    float *i = tool_builder_tensor(builder, "i", CLXI_ST_F32, 3, size);
    float *f = tool_builder_tensor(builder, "f", CLXI_ST_F32, 3, size);
    clx_dtype rounded = p->gate_dtype ? clx_dtype_parse(p->gate_dtype) : CLX_F32;
    for (size_t index = 0; i && f && index < (size_t)(p->B * p->NH * p->S); ++index) {
        i[index] = tool_random_bell(random);
        f[index] = p->gates == GATES_KEEP ? 20.0f : tool_random_bell(random);
        if (p->gates == GATES_RESETS) {
            uint64_t chance = tool_random_below(random, 40);
            f[index] = chance == 0 ? -INFINITY : chance == 1 ? -25.0f : chance == 2 ? INFINITY : f[index] + 3.0f;
            if (chance == 3) i[index] = -INFINITY;
        }
        igate[index] = tool_element_round(rounded, i[index]);
        fgate[index] = tool_element_round(rounded, f[index]);
    }
}

static const unsigned char *fill_mask(const problem *p, tool_builder *builder, tool_random *random)
{
    const uint64_t size[2] = {p->S, p->S};
    if (!p->mask) return NULL;
    unsigned char *mask = tool_builder_tensor(builder, "mask", CLXI_ST_BOOL, 2, size);
    for (size_t index = 0; mask && index < (size_t)(p->S * p->S); ++index) {
        size_t row = index / (size_t)p->S;
        mask[index] = row % 16 != 5 && tool_random_below(random, 3) == 0; /* some rows see nothing */
    }
    return mask;
}

static void store_expected(const problem *p, tool_builder *builder, const double *h, const double *cond)
{
    const uint64_t size[4] = {p->B, p->NH, p->S, p->DHV};
    double *ref64 = tool_builder_tensor(builder, "ref64.h", CLXI_ST_F64, 4, size);
    float *allowed = tool_builder_tensor(builder, "cond.h", CLXI_ST_F32, 4, size);
    for (size_t index = 0; ref64 && allowed && index < (size_t)(p->B * p->NH * p->S * p->DHV); ++index) {
        ref64[index] = h[index];
        allowed[index] = (float)cond[index];
    }
}

static clx_status make_problem(size_t index, clxi_case **out, clx_error *error)
{
    const problem *p = &problems[index];
    tool_random random = {index + 1};
    tool_builder builder;
    const uint64_t qk_size[4] = {p->B, p->NH, p->S, p->DHQK}, v_size[4] = {p->B, p->NH, p->S, p->DHV};
    const size_t rows = (size_t)(p->B * p->NH * p->S);
    double *values = calloc(rows * (size_t)(2 * p->DHQK + 3 * p->DHV + 2), sizeof *values);
    if (!values) return clxi_fail_memory(error, p->name);

    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "mlstm_parallel");
    tool_builder_param(&builder, "qkv_dtype", p->qkv_dtype);
    tool_builder_param(&builder, "gate_dtype", p->gate_dtype);
    tool_builder_param(&builder, "out_dtype", p->out_dtype);
    tool_builder_param(&builder, "eps", p->eps);
    tool_builder_param(&builder, "stabilize_rowwise", p->global ? "false" : NULL);
    double *k = fill_random(&builder, &random, "q", p->dtype, p->qkv_dtype, 4, qk_size, values);
    double *v = fill_random(&builder, &random, "k", p->dtype, p->qkv_dtype, 4, qk_size, k);
    double *igate = fill_random(&builder, &random, "v", p->dtype, p->qkv_dtype, 4, v_size, v);
    double *fgate = igate + rows, *h = fgate + rows, *cond = h + rows * (size_t)p->DHV;
    fill_gates(p, &builder, &random, igate, fgate);
    clxi_ref_mlstm reference = {.B = (size_t)p->B,
                                .NH = (size_t)p->NH,
                                .S = (size_t)p->S,
                                .DHQK = (size_t)p->DHQK,
                                .DHV = (size_t)p->DHV,
                                .q = values,
                                .k = k,
                                .v = v,
                                .igate = igate,
                                .fgate = fgate,
                                .mask = fill_mask(p, &builder, &random),
                                .stabilize_rowwise = !p->global,
                                .eps = (float)(p->eps ? strtod(p->eps, NULL) : 1e-6),
                                .h = h,
                                .cond = cond};
    if (!clxi_ref_mlstm_parallel(&reference)) builder.failed = true;
    store_expected(p, &builder, h, cond);
    free(values);
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_mlstm = {sizeof problems / sizeof *problems, problem_name, make_problem};
