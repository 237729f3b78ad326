/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test problems of the mLSTM, recurrent form: sequences, and single steps (S = 1). */
#include "case_build.h"
#include "selftest.h"

typedef struct problem {
    const char *name;
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype dtype;
    const char *state_dtype, *out_dtype; /* NULL: not given */
    bool state;                          /* starts from one */
} problem;

static const problem problems[] = {
    {"mlstm_recurrent sequence f32", 2, 2, 40, 64, 128, CLX_F32, NULL, NULL, false},
    {"mlstm_recurrent sequence bf16", 2, 2, 40, 64, 128, CLX_BF16, NULL, "f32", true},
    {"mlstm_recurrent sequence f16", 2, 2, 40, 64, 128, CLX_F16, NULL, NULL, true},
    {"mlstm_recurrent odd f32", 1, 3, 23, 13, 29, CLX_F32, NULL, NULL, true}, /* no whole vectors */
    {"mlstm_recurrent step f32", 2, 2, 1, 64, 128, CLX_F32, NULL, NULL, true},
    {"mlstm_recurrent step bf16", 1, 1, 1, 256, 512, CLX_BF16, NULL, NULL, true},
    {"mlstm_recurrent step f16 state", 2, 2, 1, 64, 128, CLX_F16, "f16", NULL, true},
    {"mlstm_recurrent step odd f32", 1, 3, 1, 13, 29, CLX_F32, NULL, NULL, false},
    {"mlstm_recurrent one f32", 1, 1, 1, 1, 1, CLX_F32, NULL, NULL, false},
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
    const uint64_t qk_size[4] = {p->B, p->NH, p->S, p->DHQK}, v_size[4] = {p->B, p->NH, p->S, p->DHV};
    const uint64_t C_size[4] = {p->B, p->NH, p->DHQK, p->DHV}, n_size[3] = {p->B, p->NH, p->DHQK};
    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "mlstm_recurrent");
    tool_builder_param(&builder, "out_dtype", p->out_dtype);
    tool_builder_param(&builder, "state_dtype", p->state_dtype);
    tool_builder_random(&builder, &random, "q", p->dtype, 4, qk_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "k", p->dtype, 4, qk_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "v", p->dtype, 4, v_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "i", CLX_F32, 3, qk_size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "f", CLX_F32, 3, qk_size, 3.0f, 1.0f);
    if (p->state) {
        clx_dtype dtype = p->state_dtype ? clx_dtype_parse(p->state_dtype) : CLX_F32;
        tool_builder_random(&builder, &random, "C0", dtype, 4, C_size, 0.0f, 1.0f);
        tool_builder_random(&builder, &random, "n0", dtype, 3, n_size, 0.0f, 1.0f);
        tool_builder_random(&builder, &random, "m0", dtype, 2, n_size, 0.0f, 1.0f);
    }
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_recurrent = {sizeof problems / sizeof *problems, problem_name, make_problem};
