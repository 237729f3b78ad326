/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of the recurrent mLSTM; see the header. The numbers were measured on an H200 (simt) and under PoCL (cpu). */
#include "base/arith.h"
#include "ops/recurrent_op.h"
#include <math.h>

#define HELD_LIMIT 16    /* rows of C in an item at most, as long as groups may grow */
#define SEQUENCE_ROWS 32 /* rows of items; more only where DHQK asks for it */
#define SEQUENCE_TOKENS 4
#define STEP_ROWS 16
#define NARROW_COLUMNS 32
#define LOCAL_BYTES 32768 /* that every device has */
#define CPU_SLICE 32      /* columns; with DHQK = 256 that is 32 KiB, a first cache */
#define CPU_WIDTH 512     /* columns; with v and the sums of h that is 4 KiB of the first cache */

static uint32_t power_of_two_from(uint64_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

/* Groups of at most `limit` items and blocks of at most `columns` columns. */
static clxi_recurrent_shape shape_make(const clx_recurrent_desc *desc, uint32_t rows_wanted, uint64_t columns,
                                       uint32_t limit)
{
    uint32_t rows = (uint32_t)clxi_min_u64(power_of_two_from(clxi_ceil_div(desc->DHQK, 4)), rows_wanted);
    while (clxi_ceil_div(desc->DHQK, rows) > HELD_LIMIT && rows < limit)
        rows *= 2;
    if (rows > limit) rows = limit;
    const uint64_t fours = clxi_min_u64(power_of_two_from(clxi_ceil_div(desc->DHV, 4)), columns / 4);
    const uint32_t across = (uint32_t)clxi_min_u64(limit / rows, fours);
    /* Groups below 64 items waste a device's lanes. */
    while (rows * across < 64 && rows * across * 2 <= limit)
        rows *= 2;
    return (clxi_recurrent_shape){rows * across, 4 * across, rows, (uint32_t)clxi_ceil_div(desc->DHQK, rows)};
}

/* Local memory of the sequence kernel in bytes. */
static uint64_t local_bytes(const clxi_recurrent_plan *plan, uint64_t DHQK)
{
    const clxi_recurrent_shape *shape = &plan->sequence;
    return 4 * plan->tokens * (2 * DHQK + shape->width + 5 * shape->items + shape->items / 16 + 1 + 8);
}

clxi_recurrent_plan clxi_recurrent_plan_make(const clxi_caps *caps, const clx_recurrent_desc *desc, bool cpu,
                                             uint64_t items)
{
    clxi_recurrent_plan plan = {.cpu = cpu, .unroll = !caps->is_cpu, .tokens = SEQUENCE_TOKENS};
    if (cpu) {
        const uint32_t width = (uint32_t)clxi_min_u64(CPU_WIDTH, 8 * clxi_ceil_div(desc->DHV, 8));
        plan.sequence = (clxi_recurrent_shape){1, CPU_SLICE, 1, 1};
        plan.step[CLXI_STEP_NARROW] = (clxi_recurrent_shape){1, width, 1, 1};
        return plan;
    }
    const uint32_t limit = (uint32_t)items;
    plan.sequence = shape_make(desc, SEQUENCE_ROWS, UINT64_MAX, limit);
    plan.step[CLXI_STEP_NARROW] = shape_make(desc, STEP_ROWS, NARROW_COLUMNS, limit);
    plan.step[CLXI_STEP_WIDE] = shape_make(desc, STEP_ROWS, UINT64_MAX, limit);
    if (plan.sequence.items < 64) plan.tokens = 1; /* of a small device: has few registers for loops */
    while (plan.tokens > 1 && local_bytes(&plan, desc->DHQK) > clxi_min_u64(LOCAL_BYTES, caps->local_bytes))
        plan.tokens /= 2;
    return plan;
}

void clxi_recurrent_options(const clxi_recurrent_plan *plan, const clx_recurrent_desc *desc, clxi_text *out)
{
    clxi_text_printf(out,
                     "-D CLX_UNROLL=%d -D CLX_DHQK=%llu -D CLX_DHV=%llu -D CLX_SCALE=%af -D CLX_IN=%d -D CLX_QKV=%d "
                     "-D CLX_GATE_IN=%d -D CLX_GATE=%d -D CLX_STATE=%d -D CLX_OUT=%d",
                     plan->unroll, (unsigned long long)desc->DHQK, (unsigned long long)desc->DHV,
                     (double)(float)(1.0 / sqrt((double)desc->DHQK)), (int)desc->input_dtype, (int)desc->qkv_dtype,
                     (int)desc->gate_input_dtype, (int)desc->gate_dtype, (int)desc->state_dtype, (int)desc->out_dtype);
}

clxi_recurrent_step clxi_recurrent_step_choose(const clxi_recurrent_plan *plan, const clxi_caps *caps, uint64_t DHV,
                                               uint64_t heads, bool inplace)
{
    const uint64_t units = caps->compute_units;
    const uint64_t narrow = clxi_ceil_div(DHV, plan->step[CLXI_STEP_NARROW].width);
    if (plan->cpu) return (clxi_recurrent_step){CLXI_STEP_NARROW, inplace || heads >= units ? 1 : narrow};
    const uint64_t wide = clxi_ceil_div(DHV, plan->step[CLXI_STEP_WIDE].width);
    if (inplace) return (clxi_recurrent_step){CLXI_STEP_WIDE, 1};
    const bool few = heads * wide < 2 * units;
    const uint64_t blocks = few ? narrow : wide;
    /* Two blocks a group, so that one loads while the other is summed up, where there are groups enough. */
    const uint64_t halves = clxi_ceil_div(blocks, 2);
    return (clxi_recurrent_step){few ? CLXI_STEP_NARROW : CLXI_STEP_WIDE, heads * halves >= units ? halves : blocks};
}
