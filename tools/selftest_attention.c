/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test problems of attention. */
#include "case_build.h"
#include "selftest.h"

typedef struct problem {
    const char *name;
    uint64_t B, NH, NH_kv, S_q, S_kv, DHQK, DHV;
    clx_dtype dtype;
    const char *activation_function, *pre_activation, *causal, *rotary, *window, *out_dtype; /* NULL: not given */
    bool mask;
} problem;

static const problem problems[] = {
    /* whole tiles; the default: softmax, causal, rotary */
    {"attention tiles f32", 1, 2, 2, 256, 256, 64, 128, CLX_F32, NULL, NULL, "true", NULL, NULL, NULL, false},
    {"attention tiles f16", 1, 2, 2, 256, 256, 64, 128, CLX_F16, NULL, NULL, "true", NULL, NULL, NULL, false},
    {"attention tiles bf16", 1, 2, 2, 256, 256, 64, 128, CLX_BF16, NULL, NULL, "true", NULL, NULL, "f32", false},
    /* divides no tile */
    {"attention odd f32", 2, 3, 3, 97, 97, 14, 29, CLX_F32, NULL, "silu", "true", NULL, NULL, NULL, false},
    {"attention sigmoid f32", 1, 2, 2, 130, 130, 64, 128, CLX_F32, "sigmoid", NULL, "false", NULL, NULL, NULL, false},
    {"attention none bf16", 1, 2, 2, 130, 130, 64, 128, CLX_BF16, "none", "swish", "true", "false", NULL, NULL, false},
    {"attention sigmoid bf16", 1, 2, 1, 300, 310, 80, 200, CLX_BF16, "sigmoid", NULL, "false", NULL, NULL, NULL, false},
    {"attention none f16", 1, 2, 2, 200, 200, 128, 64, CLX_F16, "none", NULL, "true", "false", NULL, NULL, false},
    {"attention wide f16", 1, 1, 1, 300, 300, 256, 512, CLX_F16, NULL, NULL, "true", NULL, NULL, "f32", false},
    {"attention mask f32", 1, 2, 2, 130, 130, 64, 128, CLX_F32, NULL, NULL, NULL, "false", NULL, NULL, true},
    /* a key/value cache: the last queries of a longer text, grouped heads, a window */
    {"attention cache f32", 1, 6, 2, 7, 150, 64, 128, CLX_F32, NULL, NULL, "true", NULL, NULL, NULL, false},
    {"attention window f16", 1, 4, 1, 100, 150, 64, 128, CLX_F16, NULL, NULL, "true", NULL, "40", NULL, false},
    {"attention step bf16", 3, 4, 2, 1, 130, 64, 128, CLX_BF16, NULL, NULL, "true", NULL, NULL, NULL, false},
};

static const char *problem_name(size_t index)
{
    return problems[index].name;
}

static clx_status make_problem(size_t index, clxi_case **out, clx_error *error)
{
    const problem *p = &problems[index];
    tool_random random = {index + 1};
    tool_builder builder;
    const uint64_t q_size[4] = {p->B, p->NH, p->S_q, p->DHQK}, k_size[4] = {p->B, p->NH_kv, p->S_kv, p->DHQK};
    const uint64_t v_size[4] = {p->B, p->NH_kv, p->S_kv, p->DHV}, mask_size[2] = {p->S_q, p->S_kv};
    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "attention");
    tool_builder_param(&builder, "activation_function", p->activation_function);
    tool_builder_param(&builder, "qk_pre_activation_function", p->pre_activation);
    tool_builder_param(&builder, "causal", p->causal);
    tool_builder_param(&builder, "rotary", p->rotary);
    tool_builder_param(&builder, "window", p->window);
    tool_builder_param(&builder, "out_dtype", p->out_dtype);
    tool_builder_random(&builder, &random, "q", p->dtype, 4, q_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "k", p->dtype, 4, k_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "v", p->dtype, 4, v_size, 0.0f, 1.0f);
    unsigned char *mask = p->mask ? tool_builder_tensor(&builder, "mask", CLXI_ST_BOOL, 2, mask_size) : NULL;
    for (size_t at = 0; mask && at < (size_t)(p->S_q * p->S_kv); ++at) {
        size_t row = at / (size_t)p->S_kv;
        mask[at] = row % 16 != 5 && tool_random_below(&random, 3) == 0; /* some rows see nothing */
    }
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_attention = {sizeof problems / sizeof *problems, problem_name, make_problem};
