/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of the recurrent mLSTM; see the header. */
#include "base/arith.h"
#include "ops/recurrent_op.h"
#include <math.h>

#define SIMT_ROWS 32 /* rows of items, where DHQK asks for no more */
#define SIMT_HELD 16 /* rows of C in an item at most, as long as groups may grow */
#define SIMT_TOKENS 4
#define LOCAL_BYTES 32768 /* that every device has */
#define CPU_SLICE 32      /* columns; with DHQK = 256 that is 32 KiB, a first cache */
#define CPU_WIDTH 512     /* columns; with v and the sums of h that is 4 KiB of the first cache */
#define GROUPS_PER_UNIT 16

static uint32_t power_of_two_from(uint64_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

/* Local memory of the sequence kernel in bytes. */
static uint64_t local_bytes(const clxi_recurrent_plan *plan, uint64_t DHQK)
{
    const uint64_t floats = 2 * DHQK + plan->slice + 5 * plan->items + plan->items / 16 + 1 + 8;
    return 4 * plan->tokens * floats;
}

static clxi_recurrent_plan plan_simt(const clxi_caps *caps, const clx_recurrent_desc *desc, uint32_t limit)
{
    clxi_recurrent_plan plan = {0};
    const uint32_t columns = power_of_two_from(clxi_ceil_div(desc->DHV, 4));
    uint32_t rows = (uint32_t)clxi_min_u64(power_of_two_from(clxi_ceil_div(desc->DHQK, 4)), SIMT_ROWS);
    while (clxi_ceil_div(desc->DHQK, rows) > SIMT_HELD && rows < limit)
        rows *= 2;
    if (rows > limit) rows = limit;
    const uint32_t across = (uint32_t)clxi_min_u64(limit / rows, columns);
    /* Groups below 32 items waste a device's lanes. */
    while (rows * across < 32 && rows * across * 2 <= limit)
        rows *= 2;
    plan.rows = rows;
    plan.items = rows * across;
    plan.held = (uint32_t)clxi_ceil_div(desc->DHQK, rows);
    plan.slice = 4 * across;
    plan.width = plan.slice;
    plan.tokens = SIMT_TOKENS;
    const uint64_t room = clxi_min_u64(LOCAL_BYTES, caps->local_bytes);
    while (plan.tokens > 1 && local_bytes(&plan, desc->DHQK) > room)
        plan.tokens /= 2;
    return plan;
}

clxi_recurrent_plan clxi_recurrent_plan_make(const clxi_caps *caps, const clx_recurrent_desc *desc, bool cpu,
                                             uint64_t items)
{
    if (!cpu) return plan_simt(caps, desc, (uint32_t)items);
    clxi_recurrent_plan plan = {.cpu = true, .items = 1, .rows = 1, .held = 1, .slice = CPU_SLICE, .tokens = 1};
    plan.width = (uint32_t)clxi_min_u64(CPU_WIDTH, 8 * clxi_ceil_div(desc->DHV, 8));
    return plan;
}

void clxi_recurrent_options(const clxi_recurrent_plan *plan, const clx_recurrent_desc *desc, clxi_text *out)
{
    clxi_text_printf(out,
                     "-D CLX_DHQK=%llu -D CLX_DHV=%llu -D CLX_SCALE=%af -D CLX_IN=%d -D CLX_QKV=%d -D CLX_GATE_IN=%d "
                     "-D CLX_GATE=%d -D CLX_STATE=%d -D CLX_OUT=%d -D CLX_SLICE=%u",
                     (unsigned long long)desc->DHQK, (unsigned long long)desc->DHV,
                     (double)(float)(1.0 / sqrt((double)desc->DHQK)), (int)desc->input_dtype, (int)desc->qkv_dtype,
                     (int)desc->gate_input_dtype, (int)desc->gate_dtype, (int)desc->state_dtype, (int)desc->out_dtype,
                     plan->slice);
}

uint64_t clxi_recurrent_step_slices(const clxi_recurrent_plan *plan, const clxi_caps *caps, uint64_t DHV,
                                    uint64_t heads, bool inplace)
{
    const uint64_t blocks = clxi_ceil_div(DHV, plan->width);
    const uint64_t wanted = caps->compute_units * (uint64_t)(plan->cpu ? 1 : GROUPS_PER_UNIT);
    if (inplace) return 1;
    const uint64_t slices = clxi_min_u64(blocks, clxi_ceil_div(wanted, heads));
    return clxi_ceil_div(blocks, clxi_ceil_div(blocks, slices)); /* as few as do the same number of rounds */
}
