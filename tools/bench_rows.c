/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging a measured result by rows chosen at random, each of which costs the reference O(S). */
#include "base/fail.h"
#include "bench.h"
#include "tool_random.h"

#include <stdlib.h>
#include <string.h>

enum { HEADS = 8, ROWS = 8 }; /* of each head */
/* In shorter texts a row is a sum of few terms, or one: its elements are off together, and nothing cancels. */
enum { FEW_TERMS = 32 };

/* The first, the last, and others by chance, in no order. */
static void choose_rows(const tool_bench *bench, tool_random *random, size_t *rows)
{
    for (size_t index = 0; index < ROWS; ++index) {
        rows[index] = (size_t)tool_random_below(random, bench->S);
    }
    rows[0] = 0;
    rows[1] = (size_t)bench->S - 1;
}

/* Are the heads side by side, (B, S, NH * DHV)? */
static bool merged(const tool_bench *bench, size_t tensor)
{
    return bench->tensors[tensor].rank == 3;
}

static uint64_t row_width(const tool_bench *bench, size_t tensor)
{
    return merged(bench, tensor) ? bench->DHV : bench->tensors[tensor].size[3];
}

/* Rows of the output as doubles; false where memory is short. */
static bool take_rows(const tool_bench *bench, size_t tensor, uint64_t head, const size_t *rows, double *out)
{
    const uint64_t D = row_width(bench, tensor), b = head / bench->NH, n = head % bench->NH;
    for (size_t index = 0; index < ROWS; ++index) {
        const uint64_t at =
            merged(bench, tensor) ? (b * bench->S + rows[index]) * bench->NH + n : head * bench->S + rows[index];
        double *row = tool_bench_doubles(bench, tensor, at * D, D);
        if (!row) return false;
        memcpy(out + index * D, row, (size_t)D * sizeof *row);
        free(row);
    }
    return true;
}

clx_status tool_bench_judge_rows(tool_bench *bench, size_t set, size_t tensor, const char *op, const char *output,
                                 tool_bench_reference_fn reference, clx_error *error)
{
    clx_status status;
    tool_random random = {2};
    const bool has_cond = strcmp(op, "mlstm_cell") != 0;
    const size_t head_elements = ROWS * (size_t)row_width(bench, tensor), elements = HEADS * head_elements;
    double *ours = malloc(3 * elements * sizeof *ours);
    if (!ours) return clxi_fail_memory(error, "the judgement");
    double *ref64 = ours + elements, *cond = ref64 + elements;
    CLXI_TRY(tool_bench_fetch(bench, set, tensor, error));
    for (size_t index = 0; index < HEADS; ++index) {
        size_t rows[ROWS], first = index * head_elements;
        uint64_t head = tool_random_below(&random, bench->B * bench->NH);
        choose_rows(bench, &random, rows);
        if (!take_rows(bench, tensor, head, rows, ours + first) ||
            !reference(bench, head, rows, ROWS, ref64 + first, has_cond ? cond + first : NULL)) {
            CLXI_TRY(clxi_fail_memory(error, "the judgement"));
        }
    }
    const clxi_judge question = {.op = op,
                                 .output = output,
                                 .out_dtype = bench->tensors[tensor].dtype,
                                 .qkv_dtype = bench->dtype,
                                 .count = elements,
                                 .ours = ours,
                                 .ref64 = ref64,
                                 .cond = has_cond ? cond : NULL,
                                 .few_terms = bench->S < FEW_TERMS};
    bench->verdict = clxi_judge_output(&question);
    bench->judged_rows = HEADS * ROWS;
fail:
    free(ours);
    return status;
}
