/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunkwise way; see the header. */
#include "ops/mlstm_chunks.h"
#include "base/arith.h"
#include "runtime/align.h"
#include "runtime/program.h"
#include <math.h>

enum { SUM_ROWS = 128 }; /* of DHQK, of a group of mlstm_chunks */

clx_status clxi_mlstm_chunks_build(clx_mlstm *op, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_text sums = CLXI_TEXT_INIT, scan = CLXI_TEXT_INIT;
    if (!op->plan.chunks) return CLX_OK;
    clxi_mlstm_chunks_options(&op->plan, &op->problem, &sums);
    clxi_mlstm_scan_options(&op->plan, &op->problem, &scan);
    if (sums.failed || scan.failed) {
        status = clxi_fail_memory(error, "compile options");
        goto fail;
    }
    CLXI_TRY(clxi_kernel_get(op->context, CLXI_MLSTM_CHUNKS_SOURCE, sums.data, "mlstm_chunks", &op->chunks, error));
    CLXI_TRY(clxi_kernel_get(op->context, CLXI_MLSTM_SCAN_SOURCE, scan.data, "mlstm_chunks_scan", &op->scan, error));
fail:
    clxi_text_free(&sums);
    clxi_text_free(&scan);
    return status;
}

static uint64_t carried(uint64_t S, uint32_t chunk)
{
    return clxi_ceil_div(S, chunk) - 1;
}

/* ---- what a call costs with chunks of so many tokens, in microseconds. The numbers were fitted to 22 measurements on
 * an H200, at S = 1024, 2048 and 16384 with chunks from 256 to all (2026-11-28, driver 580.159.04), which they give
 * within 15 % but for two (18 and 24 %) ---- */

static const double FLOP_PER_US = 4.8e6; /* of a compute unit */
static const double ROWS_US = 7;         /* of a group of the forward kernel, before and behind its products, */
static const double SUMS_US = 5;         /* and of one of the sums' */
static const double SUMS_FLOP = 9;       /* in a token's products of one number by another: these wait for memory */
static const double SCAN_BYTES_PER_US = 1.5e6;
static const double LAUNCH_US = 6;

static uint64_t sum_groups(const clx_mlstm *op, const clxi_mlstm_sizes *sizes)
{
    return sizes->heads * clxi_ceil_div(op->problem.DHQK, SUM_ROWS) *
           clxi_ceil_div(op->problem.DHV, op->plan.tile.slice);
}

/* Groups that are so many times as many as compute units, in whole rounds. */
static double rounds(const clx_mlstm *op, double groups)
{
    return ceil(groups / op->context->caps.compute_units);
}

/* The sums, a group to each chunk, and the scan that joins them; ... */
static double apart_us(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk)
{
    const double each = SUMS_US + SUMS_FLOP * chunk * SUM_ROWS * op->plan.tile.slice / FLOP_PER_US;
    const double states = (double)sizes->heads * (double)carried(sizes->S, chunk);
    return rounds(op, (double)sum_groups(op, sizes) * (double)carried(sizes->S, chunk)) * each + LAUNCH_US +
           4 * states * (double)(op->problem.DHQK * op->problem.DHV) / SCAN_BYTES_PER_US;
}

/* ... or a group to all chunks, without a scan. */
static double whole_us(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk)
{
    const double each = SUMS_US + SUMS_FLOP * chunk * SUM_ROWS * op->plan.tile.slice / FLOP_PER_US;
    return rounds(op, (double)sum_groups(op, sizes)) * each * (double)carried(sizes->S, chunk);
}

static bool walks_whole(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk)
{
    return op->problem.qkv_dtype == CLX_BF16 && whole_us(op, sizes, chunk) < apart_us(op, sizes, chunk);
}

/* The forward kernel: a group reads half of its chunk on average, all of it at worst, and a state. */
static double forward_us(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk)
{
    const clxi_tile_params *tile = &op->plan.tile;
    const bool chunked = chunk < sizes->S;
    const double columns = chunked ? chunk : (double)sizes->S;
    const double column_us = 2.0 * tile->rows * (tile->dk + tile->slice) / FLOP_PER_US;
    const double state_us = chunked ? 2.0 * tile->rows * tile->dk * tile->slice / FLOP_PER_US : 0;
    const double groups = (double)sizes->heads * (double)clxi_ceil_div(sizes->S, tile->rows) *
                          (double)clxi_ceil_div(op->problem.DHV, tile->slice);
    const double mean = ROWS_US + state_us + (columns / 2 + tile->rows) * column_us;
    return fmax(groups * mean / op->context->caps.compute_units,
                ROWS_US + state_us + (columns + tile->columns) * column_us);
}

static double call_us(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk)
{
    const double forward = forward_us(op, sizes, chunk);
    if (chunk >= sizes->S) return forward;
    const double sums = walks_whole(op, sizes, chunk) ? whole_us(op, sizes, chunk) : apart_us(op, sizes, chunk);
    return forward + sums + LAUNCH_US;
}

uint32_t clxi_mlstm_chunk(const clx_mlstm *op, const clxi_mlstm_sizes *sizes)
{
    static const uint32_t choices[] = {256, 512, 1024, 2048, 4096};
    uint32_t best = 0;
    if (!op->plan.chunks || op->chunk_size < 0) return 0;
    if (op->chunk_size > 0) {
        const uint64_t chunk = clxi_ceil_div((uint64_t)op->chunk_size, op->plan.tile.rows) * op->plan.tile.rows;
        return chunk < sizes->S ? (uint32_t)chunk : 0;
    }
    double least = 0.97 * call_us(op, sizes, UINT32_MAX); /* a doubtful gain is none */
    for (size_t i = 0; i < sizeof choices / sizeof *choices && choices[i] < sizes->S; i++) {
        const double here = call_us(op, sizes, choices[i]);
        if (here < least) {
            least = here;
            best = choices[i];
        }
    }
    return best;
}

clx_status clxi_mlstm_chunks_floats(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk,
                                    uint64_t *floats, clx_error *error)
{
    if (chunk == 0) return CLX_OK;
    const clxi_mlstm_problem *p = &op->problem;
    const uint64_t slices = clxi_ceil_div(p->DHV, op->plan.tile.slice), stride = clxi_ceil_div(p->DHV, 8) * 8;
    /* head dimensions are far from overflow: see DIMENSION_LIMIT */
    const uint64_t each = p->DHQK * stride / 2 + p->DHQK + clxi_ceil_div(p->DHQK, 64) * slices + slices;
    uint64_t states = 0, all = 0;
    if (!clxi_mul_u64(sizes->heads, carried(sizes->S, chunk), &states) || !clxi_mul_u64(states, each, &all) ||
        !clxi_add_u64(all, 16, &all) || !clxi_add_u64(*floats, all, floats) || *floats > UINT64_MAX / 4)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "workspace: its size overflows");
    return CLX_OK;
}

static void run_sums(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args, const clxi_mlstm_sizes *sizes,
                     uint32_t chunk, bool whole)
{
    const clxi_tile_params *tile = &op->plan.tile;
    const uint64_t runs = whole ? 1 : carried(sizes->S, chunk), chunks = whole ? carried(sizes->S, chunk) : 1;
    const bool aligned = clxi_view_aligned(args->k, tile->vector) && clxi_view_aligned(args->v, tile->vector);
    clxi_bind bind = clxi_bind_begin(op->chunks);
    clxi_bind_view(&bind, args->k, 3);
    clxi_bind_view(&bind, args->v, 3);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u64(&bind, sizes->NH);
    clxi_bind_u32(&bind, (uint32_t)sizes->S);
    clxi_bind_u32(&bind, chunk);
    clxi_bind_u32(&bind, op->problem.rowwise);
    clxi_bind_u32(&bind, whole);
    clxi_bind_u32(&bind, aligned);
    clxi_call_kernel(call, &bind, "mlstm_chunks", sum_groups(op, sizes) * runs, tile->items,
                     2.0 * (double)chunks * chunk * SUM_ROWS * tile->slice / tile->lead);
}

void clxi_mlstm_chunks_run(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args,
                           const clxi_mlstm_sizes *sizes, uint32_t chunk)
{
    const uint64_t numbers =
        op->problem.DHQK * (clxi_ceil_div(op->problem.DHV, 8) + 1); /* eight of C an item, one of n */
    const bool whole = walks_whole(op, sizes, chunk);
    run_sums(call, op, args, sizes, chunk, whole);
    if (whole) return;
    clxi_bind bind = clxi_bind_begin(op->scan);
    clxi_bind_workspace(&bind, call);
    clxi_bind_u64(&bind, sizes->heads);
    clxi_bind_u32(&bind, (uint32_t)sizes->S);
    clxi_bind_u32(&bind, chunk);
    clxi_bind_u32(&bind, op->problem.rowwise);
    clxi_call_kernel(call, &bind, "mlstm_chunks_scan", sizes->heads * clxi_ceil_div(numbers, CLXI_MLSTM_SCAN_ITEMS),
                     CLXI_MLSTM_SCAN_ITEMS, 16.0 * CLXI_MLSTM_SCAN_ITEMS * (double)carried(sizes->S, chunk));
}
