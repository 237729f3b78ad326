/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-test problems of rotary embeddings: the tables, and their application. */
#include "case_build.h"
#include "selftest.h"

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static const struct freqs_problem {
    const char *name, *feat_dim, *max_length, *theta, *start;
} freqs_problems[] = {
    {"precompute_freqs near", "64", "100", NULL, NULL},
    {"precompute_freqs far", "128", "64", NULL, "1000000"}, /* angles that f32 cannot hold */
    {"precompute_freqs odd", "6", "33", "500000", "7"},
};

static const char *freqs_name(size_t index)
{
    return freqs_problems[index].name;
}

static clx_status make_freqs(size_t index, clxi_case **out, clx_error *error)
{
    const struct freqs_problem *p = &freqs_problems[index];
    tool_builder builder;
    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "precompute_freqs");
    tool_builder_param(&builder, "feat_dim", p->feat_dim);
    tool_builder_param(&builder, "max_length", p->max_length);
    tool_builder_param(&builder, "theta", p->theta);
    tool_builder_param(&builder, "start", p->start);
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_freqs = {sizeof freqs_problems / sizeof *freqs_problems, freqs_name,
                                                  make_freqs};

/* ---- application ------------------------------------------------------------------------------------------------ */

static const struct rotary_problem {
    const char *name;
    uint64_t B, NH, S, D;
    clx_dtype dtype;
    const char *start, *pairing, *rotary_dim, *inverse;
} rotary_problems[] = {
    {"rotary interleaved f32", 2, 3, 50, 64, CLX_F32, NULL, NULL, NULL, NULL},
    {"rotary interleaved bf16", 2, 3, 50, 64, CLX_BF16, "1000000", NULL, NULL, NULL},
    {"rotary half f16", 2, 3, 50, 64, CLX_F16, "17", "half", NULL, NULL},
    {"rotary partial f32", 1, 2, 33, 13, CLX_F32, NULL, "half", "6", "true"}, /* no whole vectors */
};

static const char *rotary_name(size_t index)
{
    return rotary_problems[index].name;
}

static clx_status make_rotary(size_t index, clxi_case **out, clx_error *error)
{
    const struct rotary_problem *p = &rotary_problems[index];
    tool_random random = {index + 1};
    tool_builder builder;
    const uint64_t size[4] = {p->B, p->NH, p->S, p->D};
    tool_builder_begin(&builder);
    tool_builder_param(&builder, "op", "rotary");
    tool_builder_param(&builder, "start", p->start);
    tool_builder_param(&builder, "pairing", p->pairing);
    tool_builder_param(&builder, "rotary_dim", p->rotary_dim);
    tool_builder_param(&builder, "inverse", p->inverse);
    tool_builder_random(&builder, &random, "q", p->dtype, 4, size, 0.0f, 1.0f);
    tool_builder_random(&builder, &random, "k", p->dtype, 4, size, 0.0f, 1.0f);
    return tool_builder_end(&builder, p->name, out, error);
}

const tool_selftest_family tool_selftest_rotary = {sizeof rotary_problems / sizeof *rotary_problems, rotary_name,
                                                   make_rotary};
