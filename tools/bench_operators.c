/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators that can be measured, and the gates. */
#include "bench.h"

#include <string.h>

static const tool_bench_operator *const operators[] = {&tool_bench_mlstm,  &tool_bench_attention, &tool_bench_recurrent,
                                                       &tool_bench_cell,   &tool_bench_rotary,    &tool_bench_layernorm,
                                                       &tool_bench_rmsnorm};

static const char *const gates_names[] = {"keep", "unit", "trained"};

const char *tool_gates_name(tool_gates gates)
{
    return gates_names[gates];
}

bool tool_gates_parse(const char *text, tool_gates *gates)
{
    for (size_t index = 0; index < sizeof gates_names / sizeof *gates_names; ++index) {
        if (!strcmp(text, gates_names[index])) return *gates = (tool_gates)index, true;
    }
    return false;
}

const tool_bench_operator *tool_bench_at(size_t index)
{
    return index < sizeof operators / sizeof *operators ? operators[index] : NULL;
}

const tool_bench_operator *tool_bench_find(const char *op)
{
    for (size_t index = 0; tool_bench_at(index); ++index) {
        if (!strcmp(op, operators[index]->op)) return operators[index];
    }
    return NULL;
}
