/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors of trials; see the header. */
#include "ops/trial_data.h"
#include "base/half.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t element_count(uint32_t rank, const uint64_t *size)
{
    size_t count = 1;
    for (uint32_t d = 0; d < rank; d++)
        count *= (size_t)size[d];
    return count;
}

/* A fixed sequence of numbers in (-1, 1): a linear congruence's upper bits (Numerical Recipes' constants). */
static float next_number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state / 2147483648.0f;
}

static void put_number(void *data, size_t index, clx_dtype dtype, float value)
{
    if (dtype == CLX_F32) ((float *)data)[index] = value;
    if (dtype == CLX_F16) ((uint16_t *)data)[index] = clxi_f32_to_f16(value);
    if (dtype == CLX_BF16) ((uint16_t *)data)[index] = clxi_f32_to_bf16(value);
    if (dtype == CLX_BOOL) ((uint8_t *)data)[index] = value > 0.0f;
}

static float get_number(const void *data, size_t index, clx_dtype dtype)
{
    if (dtype == CLX_F16) return clxi_f16_to_f32(((const uint16_t *)data)[index]);
    if (dtype == CLX_BF16) return clxi_bf16_to_f32(((const uint16_t *)data)[index]);
    return ((const float *)data)[index];
}

static clx_status make_tensor(clxi_trial *trial, const void *data, clx_dtype dtype, uint32_t rank, const uint64_t *size,
                              clx_tensor *out, clx_error *error)
{
    cl_mem mem = NULL;
    const size_t size_bytes = element_count(rank, size) * clx_dtype_size_bytes(dtype);
    const clx_status status = clxi_trial_buffer(trial, data, size_bytes, &mem, error);
    *out = clx_tensor_dense(mem, dtype, rank, size);
    return status;
}

clx_status clxi_trial_numbers(clxi_trial *trial, clx_dtype dtype, uint32_t rank, const uint64_t *size, float shift,
                              uint32_t seed, clx_tensor *out, clx_error *error)
{
    const size_t count = element_count(rank, size);
    void *data = malloc(count * clx_dtype_size_bytes(dtype));
    if (!data) return clxi_fail_memory(error, "a trial's input");
    for (size_t i = 0; i < count; i++)
        put_number(data, i, dtype, shift + 2.0f * next_number(&seed));
    const clx_status status = make_tensor(trial, data, dtype, rank, size, out, error);
    free(data);
    return status;
}

void clxi_trial_repeat(const clxi_trial *trial, clx_tensor *input)
{
    input->size[0] = trial->copies;
    input->stride[0] = 0;
}

clx_status clxi_trial_result(clxi_trial *trial, clx_dtype dtype, uint32_t rank, const uint64_t *one, clx_tensor *out,
                             clx_error *error)
{
    uint64_t size[CLX_MAX_RANK];
    memcpy(size, one, rank * sizeof *size);
    size[0] = trial->copies;
    const size_t size_bytes = element_count(rank, size) * clx_dtype_size_bytes(dtype);
    void *data = malloc(size_bytes);
    if (!data) return clxi_fail_memory(error, "a trial's result");
    memset(data, 0xff, size_bytes);
    const clx_status status = make_tensor(trial, data, dtype, rank, size, out, error);
    free(data);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest value of each row, and behind them the median of those. */
static void row_maxima(const void *anchor, size_t rows, size_t width, clx_dtype dtype, double *maxima)
{
    for (size_t row = 0; row < rows; row++) {
        maxima[row] = 0.0;
        for (size_t i = 0; i < width; i++)
            maxima[row] = fmax(maxima[row], fabs(get_number(anchor, row * width + i, dtype)));
    }
    double *sorted = maxima + rows;
    memcpy(sorted, maxima, rows * sizeof *maxima);
    qsort(sorted, rows, sizeof *sorted, ascending);
    sorted[0] = sorted[rows / 2];
}

/* The largest difference, as a share of the largest value of its row or, if that is more, of most rows. Where a normaliser
 * nearly cancels, a row is many times as large as others: for all rows it would allow errors of the order of their values. */
static double worst_share(const void *ours, const void *anchor, size_t rows, size_t width, clx_dtype dtype,
                          double *maxima)
{
    double worst = 0.0;
    row_maxima(anchor, rows, width, dtype, maxima);
    for (size_t i = 0; i < rows * width && !isnan(worst); i++) {
        const double difference = fabs(get_number(ours, i, dtype) - get_number(anchor, i, dtype));
        const double share = difference == 0.0 ? 0.0 : difference / fmax(maxima[i / width], maxima[rows]);
        if (!(share <= worst)) worst = share;
    }
    return worst;
}

clx_status clxi_trial_compare(clxi_trial *trial, clx_dtype precision, const clx_tensor *ours, const clx_tensor *anchor,
                              clxi_verdict *verdict, clx_error *error)
{
    clx_status status = CLX_OK;
    const size_t count = element_count(ours->rank, ours->size);
    const size_t size_bytes = count * clx_dtype_size_bytes(ours->dtype);
    const size_t width = (size_t)ours->size[ours->rank - 1], rows = count / width;
    const double limit = ours->dtype == CLX_F32 && precision == CLX_F32 ? 1e-3 : 3e-2;
    void *a = malloc(size_bytes), *b = malloc(size_bytes);
    double *maxima = malloc(2 * rows * sizeof *maxima);
    if (!a || !b || !maxima) {
        status = clxi_fail_memory(error, "a trial's results");
        goto fail;
    }
    CLXI_TRY(clxi_trial_read(trial, ours->mem, a, size_bytes, error));
    CLXI_TRY(clxi_trial_read(trial, anchor->mem, b, size_bytes, error));
    const double worst = worst_share(a, b, rows, width, ours->dtype, maxima);
    *verdict = worst <= limit ? CLXI_VERDICT_GOOD : CLXI_VERDICT_BAD;
    if (*verdict == CLXI_VERDICT_BAD)
        status = clxi_fail(error, CLX_ERR_UNSUPPORTED,
                           "its trial differs from simt by %g of the largest value of a row, expected at most %g",
                           worst, limit);
fail:
    free(a);
    free(b);
    free(maxima);
    return status;
}
