/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors of a test; see the header. */
#include "support/tensors.h"

#include "base/half.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set_strides(clx_tensor *view, test_layout layout)
{
    uint32_t order[CLX_MAX_RANK]; /* outermost first */
    const bool moved = layout != LAYOUT_DENSE && view->rank >= 3;
    const uint64_t gap = layout == LAYOUT_STRIDED ? 3 : 0;
    int64_t stride = 1;
    for (uint32_t d = 0; d < view->rank; d++)
        order[d] = moved && d == 1 ? 2 : moved && d == 2 ? 1 : d;
    for (uint32_t i = view->rank; i-- > 0;) {
        const uint32_t d = order[i];
        view->stride[d] = stride;
        stride *= (int64_t)view->size[d];
        if (i == view->rank - 1) stride += (int64_t)gap;
    }
    view->offset = layout == LAYOUT_STRIDED ? 5 : 0;
}

/* Where element `index`, in logical order, lies. */
static size_t place(const clx_tensor *view, size_t index)
{
    size_t at = (size_t)view->offset;
    for (uint32_t d = view->rank; d-- > 0;) {
        at += index % view->size[d] * (size_t)view->stride[d];
        index /= view->size[d];
    }
    return at;
}

static double get(const unsigned char *data, clx_dtype dtype, size_t at)
{
    uint16_t half;
    float f32;
    int32_t i32;
    int64_t i64;
    switch (dtype) {
    case CLX_F16:
        return memcpy(&half, data + 2 * at, 2), clxi_f16_to_f32(half);
    case CLX_BF16:
        return memcpy(&half, data + 2 * at, 2), clxi_bf16_to_f32(half);
    case CLX_I32:
        return memcpy(&i32, data + 4 * at, 4), i32;
    case CLX_I64:
        return memcpy(&i64, data + 8 * at, 8), (double)i64;
    case CLX_BOOL:
        return data[at];
    default:
        return memcpy(&f32, data + 4 * at, 4), f32;
    }
}

static void set(unsigned char *data, clx_dtype dtype, size_t at, double value)
{
    const uint16_t half = dtype == CLX_F16 ? clxi_f32_to_f16((float)value) : clxi_f32_to_bf16((float)value);
    const float f32 = (float)value;
    const int64_t i64 = dtype == CLX_I32 || dtype == CLX_I64 ? (int64_t)value : 0;
    const int32_t i32 = (int32_t)i64;
    switch (dtype) {
    case CLX_F16:
    case CLX_BF16:
        memcpy(data + 2 * at, &half, 2);
        break;
    case CLX_I32:
        memcpy(data + 4 * at, &i32, 4);
        break;
    case CLX_I64:
        memcpy(data + 8 * at, &i64, 8);
        break;
    case CLX_BOOL:
        data[at] = value != 0;
        break;
    default:
        memcpy(data + 4 * at, &f32, 4);
        break;
    }
}

double tensor_round(clx_dtype dtype, double value)
{
    unsigned char data[8];
    set(data, dtype, 0, value);
    return get(data, dtype, 0);
}

test_tensor tensor_empty(clx_dtype dtype, test_layout layout, uint32_t rank, const uint64_t *size)
{
    test_tensor tensor = {.count = 1};
    tensor.view.dtype = dtype;
    tensor.view.rank = rank;
    for (uint32_t d = 0; d < rank; d++) {
        tensor.view.size[d] = size[d];
        tensor.count *= (size_t)size[d];
    }
    set_strides(&tensor.view, layout);
    const size_t end = tensor.count > 0 ? place(&tensor.view, tensor.count - 1) + 1 : 1;
    tensor.size_bytes = end * clx_dtype_size_bytes(dtype);
    tensor.view.mem = buffer_make(tensor.size_bytes, NULL);
    tensor.value = malloc((tensor.count + 1) * sizeof *tensor.value);
    ck_assert_ptr_nonnull(tensor.value);
    tensor_read(&tensor);
    return tensor;
}

void tensor_write(test_tensor *tensor)
{
    unsigned char *data = tensor_bytes(tensor);
    for (size_t i = 0; i < tensor->count; i++) {
        const size_t at = place(&tensor->view, i);
        set(data, tensor->view.dtype, at, tensor->value[i]);
        tensor->value[i] = get(data, tensor->view.dtype, at);
    }
    buffer_write(tensor->view.mem, 0, tensor->size_bytes, data);
    free(data);
}

void tensor_read(test_tensor *tensor)
{
    unsigned char *data = tensor_bytes(tensor);
    for (size_t i = 0; i < tensor->count; i++)
        tensor->value[i] = get(data, tensor->view.dtype, place(&tensor->view, i));
    free(data);
}

test_tensor tensor_random(random_state *random, clx_dtype dtype, test_layout layout, uint32_t rank,
                          const uint64_t *size, float scale, float shift)
{
    test_tensor tensor = tensor_empty(dtype, layout, rank, size);
    for (size_t i = 0; i < tensor.count; i++)
        tensor.value[i] = random_normal(random) * scale + shift;
    tensor_write(&tensor);
    return tensor;
}

test_tensor tensor_from(const double *value, clx_dtype dtype, test_layout layout, uint32_t rank, const uint64_t *size)
{
    test_tensor tensor = tensor_empty(dtype, layout, rank, size);
    memcpy(tensor.value, value, tensor.count * sizeof *value);
    tensor_write(&tensor);
    return tensor;
}

void tensor_free(test_tensor *tensor)
{
    buffer_free(tensor->view.mem);
    free(tensor->value);
    memset(tensor, 0, sizeof *tensor);
}

void expect_close(const char *name, const test_tensor *x, const double *ref, const double *cond, double tol)
{
    const double tiny = x->view.dtype == CLX_F16 ? 0x1p-25 : 1e-30;
    for (size_t i = 0; i < x->count; i++) {
        const double ours = x->value[i];
        if (isnan(ref[i]) ? isnan(ours) : isinf(ref[i]) && ours == ref[i]) continue;
        const double error = fabs(ours - ref[i]);
        if (!(error <= tol * cond[i] + tiny))
            ck_abort_msg("%s[%zu]: %.9g, expected %.9g within %g * %g", name, i, ours, ref[i], tol, cond[i]);
    }
}

double tensor_tolerance(clx_dtype a, clx_dtype b)
{
    if (a == CLX_BF16 || b == CLX_BF16) return 0x1p-8;
    if (a == CLX_F16 || b == CLX_F16) return 0x1p-10;
    return 1e-6;
}

unsigned char *tensor_bytes(const test_tensor *tensor)
{
    unsigned char *data = malloc(tensor->size_bytes);
    ck_assert_ptr_nonnull(data);
    buffer_read(tensor->view.mem, 0, tensor->size_bytes, data);
    return data;
}

void expect_untouched(const test_tensor *tensor, unsigned char *before)
{
    unsigned char *after = tensor_bytes(tensor);
    ck_assert_mem_eq(after, before, tensor->size_bytes);
    free(after);
    free(before);
}
