/* SPDX-License-Identifier: Apache-2.0
 *
 * How the gate kernels share out their work. */
#include "base/arith.h"
#include "ops/gates.h"

/* The largest power of two of at most `limit` (and at least 1). */
static uint32_t power_up_to(uint64_t limit)
{
    uint32_t power = 1;
    while ((uint64_t)power * 2 <= limit)
        power *= 2;
    return power;
}

clxi_gates_shape clxi_gates_plan(const clxi_gates_problem *problem, bool is_cpu, uint64_t items_limit, bool few)
{
    /* Few tokens on a GPU: a group for each head, since the loads of a single group for them all would take ten times as
     * long as a decoding step. */
    const bool single = problem->headwise || (few && !is_cpu);
    const uint32_t heads = single ? 1 : power_up_to(clxi_min_u64(problem->NH, 8));
    if (is_cpu) {
        /* one item a group; few tokens leave only the heads to share between cores */
        const uint32_t shared = few && heads > 4 ? 4 : heads;
        return (clxi_gates_shape){.items = 1, .tokens = few ? 1 : 4, .heads = shared, .block = 256};
    }
    const uint32_t items = power_up_to(clxi_min_u64(items_limit, 256));
    if (few || items < 32)
        return (clxi_gates_shape){.items = items, .tokens = few ? 1 : 4, .heads = heads, .unroll = true};
    /* eight sets of items, each with 16 features of a tile: with fewer sets and more tokens a group would read the weights
     * less often, but 2048 tokens would keep only a fourth of a large GPU busy */
    return (clxi_gates_shape){.items = items, .tokens = items / 8, .heads = heads, .tile = 128, .unroll = true};
}

void clxi_gates_options(const clxi_gates_problem *problem, const clxi_gates_shape *shape, clxi_text *out)
{
    clxi_text_printf(out,
                     " -D CLX_WG=%u -D CLX_TOKENS=%u -D CLX_HEADS=%u -D CLX_HEADWISE=%d -D CLX_SOURCES=%u"
                     " -D CLX_TILE=%u -D CLX_BLOCK=%u -D CLX_IN=%d -D CLX_PARAM=%d -D CLX_GATE=%d -D CLX_UNROLL=%d",
                     shape->items, shape->tokens, shape->heads, problem->headwise, problem->sources, shape->tile,
                     shape->block, (int)problem->input_dtype, (int)problem->param_dtype, (int)problem->gate_dtype,
                     shape->unroll);
}

void clxi_gates_statistics_options(const clxi_gates_problem *problem, uint32_t items, clxi_text *out)
{
    clxi_text_printf(out, " -D CLX_WG=%u -D CLX_GATE=%d -D CLX_PARAM=%d", items, (int)problem->gate_dtype,
                     (int)problem->param_dtype);
}
