/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test problems of the whole cell. */
#include "case_build.h"
#include "selftest.h"

typedef struct problem {
    const char *name;
    uint64_t B, S, NH, DHQK, DHV;
    const char *num_heads;
    clx_dtype dtype;
    const char *backend, *norm_type, *gate_soft_cap; /* NULL: not given */
    bool headwise, qk_norm, borders;
} problem;

static const problem problems[] = {
    {"mlstm_cell default f32", 2, 70, 4, 16, 32, "4", CLX_F32, NULL, NULL, NULL, false, false, false},
    {"mlstm_cell default bf16", 2, 70, 4, 16, 32, "4", CLX_BF16, NULL, NULL, NULL, false, false, false},
    /* as the 7B model: rmsnorm, a soft cap; and everything that may be switched on */
    {"mlstm_cell options f32", 1, 70, 4, 16, 32, "4", CLX_F32, NULL, "rmsnorm", "15", true, true, true},
    {"mlstm_cell attention f16", 1, 70, 4, 16, 32, "4", CLX_F16, "attention", NULL, NULL, false, true, false},
    {"mlstm_cell recurrent f32", 1, 20, 4, 16, 32, "4", CLX_F32, "recurrent", NULL, NULL, false, false, false},
    /* divides nothing */
    {"mlstm_cell odd f32", 1, 37, 3, 14, 29, "3", CLX_F32, NULL, NULL, NULL, false, false, false},
    /* several tiles of features, some in part, and several groups of tokens */
    {"mlstm_cell wide f32", 1, 70, 3, 90, 43, "3", CLX_F32, NULL, NULL, NULL, false, false, false},
    {"mlstm_cell wide bf16", 1, 70, 8, 32, 48, "8", CLX_BF16, NULL, NULL, NULL, false, false, true},
    {"mlstm_cell wide headwise f32", 1, 70, 2, 160, 130, "2", CLX_F32, NULL, NULL, NULL, true, false, false},
    /* so few tokens that the gate projection shares out their features instead */
    {"mlstm_cell two tokens f32", 1, 2, 3, 90, 43, "3", CLX_F32, NULL, NULL, NULL, false, false, false},
};

static const char *problem_name(size_t index)
{
    return problems[index].name;
}

static void add_inputs(const problem *p, tool_builder *builder, tool_random *random)
{
    const uint64_t qk_size[3] = {p->B, p->S, p->NH * p->DHQK}, v_size[3] = {p->B, p->S, p->NH * p->DHV};
    tool_builder_random(builder, random, "q", p->dtype, 3, qk_size, 0.0f, 1.0f);
    tool_builder_random(builder, random, "k", p->dtype, 3, qk_size, 0.0f, 1.0f);
    tool_builder_random(builder, random, "v", p->dtype, 3, v_size, 0.0f, 1.0f);
    if (!p->borders) return;
    unsigned char *borders = tool_builder_tensor(builder, "document_borders", CLXI_ST_BOOL, 2, qk_size);
    for (uint64_t at = 0; borders && at < p->B * p->S; ++at) {
        borders[at] = tool_random_below(random, 10) == 0;
    }
}

static void add_parameters(const problem *p, tool_builder *builder, tool_random *random)
{
    const uint64_t features = 2 * p->DHQK + p->DHV; /* of one head: q, k, v */
    const uint64_t dense[2] = {p->NH * features, p->NH}, headwise[3] = {p->NH, 1, features}, bias[1] = {p->NH};
    const uint64_t norm[2] = {p->NH, p->DHV}, qk_norm[1] = {p->DHQK};
    const uint64_t *kernel = p->headwise ? headwise : dense;
    const uint32_t kernel_rank = p->headwise ? 3 : 2;
    tool_builder_random(builder, random, "igate.kernel", CLX_F32, kernel_rank, kernel, 0.0f, 0.05f);
    tool_builder_random(builder, random, "igate.bias", CLX_F32, 1, bias, 0.0f, 0.1f);
    tool_builder_random(builder, random, "fgate.kernel", CLX_F32, kernel_rank, kernel, 0.0f, 0.05f);
    tool_builder_random(builder, random, "fgate.bias", CLX_F32, 1, bias, 4.5f, 1.0f);
    tool_builder_random(builder, random, "outnorm.scale", CLX_F32, 2, norm, 1.0f, 0.1f);
    if (!p->qk_norm) return;
    tool_builder_random(builder, random, "q_norm.scale", CLX_F32, 1, qk_norm, 1.0f, 0.1f);
    tool_builder_random(builder, random, "k_norm.scale", CLX_F32, 1, qk_norm, 1.0f, 0.1f);
}

static clx_status make_problem(size_t index, clxi_case **out, clx_error *error)
{
    const problem *p = &problems[index];
    tool_random random = {index + 1};
    tool_builder builder;
    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "mlstm_cell");
    tool_builder_param(&builder, "num_heads", p->num_heads);
    tool_builder_param(&builder, "dtype", clx_dtype_name(p->dtype));
    tool_builder_param(&builder, "backend", p->backend);
    tool_builder_param(&builder, "norm_type", p->norm_type);
    tool_builder_param(&builder, "gate_soft_cap", p->gate_soft_cap);
    tool_builder_param(&builder, "gate_linear_headwise", p->headwise ? "true" : NULL);
    tool_builder_param(&builder, "add_qk_norm", p->qk_norm ? "true" : NULL);
    tool_builder_param(&builder, "reset_at_document_boundaries", p->borders ? "true" : NULL);
    add_inputs(p, &builder, &random);
    add_parameters(p, &builder, &random);
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_cell = {sizeof problems / sizeof *problems, problem_name, make_problem};
