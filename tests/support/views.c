/* SPDX-License-Identifier: Apache-2.0
 *
 * Views on the host. */
#include "support/views.h"

#include "base/half.h"
#include <stdlib.h>
#include <string.h>

size_t view_count(const clx_tensor *view)
{
    size_t count = 1;
    for (uint32_t i = 0; i < view->rank; i++)
        count *= (size_t)view->size[i];
    return count;
}

/* Where element `index` (dense order) lies, in elements. */
static size_t place(const clx_tensor *view, size_t index)
{
    int64_t at = (int64_t)view->offset;
    for (uint32_t i = view->rank; i-- > 0;) {
        at += (int64_t)(index % view->size[i]) * view->stride[i];
        index /= view->size[i];
    }
    return (size_t)at;
}

size_t view_size_bytes(const clx_tensor *view)
{
    int64_t last = (int64_t)view->offset;
    if (view_count(view) == 0) return 0;
    for (uint32_t i = 0; i < view->rank; i++)
        if (view->stride[i] > 0) last += ((int64_t)view->size[i] - 1) * view->stride[i];
    return ((size_t)last + 1) * clx_dtype_size_bytes(view->dtype);
}

static void store(clx_dtype dtype, unsigned char *at, double value)
{
    const float number = (float)value;
    const uint16_t half = dtype == CLX_F16 ? clxi_f32_to_f16(number) : clxi_f32_to_bf16(number);
    if (dtype == CLX_F32)
        memcpy(at, &number, sizeof number);
    else if (dtype == CLX_BOOL)
        *at = (unsigned char)value;
    else
        memcpy(at, &half, sizeof half);
}

static double fetch(clx_dtype dtype, const unsigned char *at)
{
    float number;
    uint16_t half;
    if (dtype == CLX_BOOL) return *at;
    if (dtype == CLX_F32) {
        memcpy(&number, at, sizeof number);
        return number;
    }
    memcpy(&half, at, sizeof half);
    return dtype == CLX_F16 ? clxi_f16_to_f32(half) : clxi_bf16_to_f32(half);
}

void view_put(const clx_tensor *view, void *bytes, const double *values)
{
    const size_t count = view_count(view), size = clx_dtype_size_bytes(view->dtype);
    for (size_t i = 0; i < count; i++)
        store(view->dtype, (unsigned char *)bytes + place(view, i) * size, values[i]);
}

void view_get(const clx_tensor *view, const void *bytes, double *values)
{
    const size_t count = view_count(view), size = clx_dtype_size_bytes(view->dtype);
    for (size_t i = 0; i < count; i++)
        values[i] = fetch(view->dtype, (const unsigned char *)bytes + place(view, i) * size);
}

void view_fill(const clx_tensor *view, void *bytes, unsigned char value)
{
    const size_t count = view_count(view), size = clx_dtype_size_bytes(view->dtype);
    for (size_t i = 0; i < count; i++)
        memset((unsigned char *)bytes + place(view, i) * size, value, size);
}

clx_tensor view_ordered(clx_dtype dtype, uint32_t rank, const uint64_t *size, const uint32_t *order, uint64_t gap)
{
    clx_tensor view = {.dtype = dtype, .rank = rank};
    int64_t step = 1;
    for (uint32_t i = rank; i-- > 0;) {
        view.size[order[i]] = size[order[i]];
        view.stride[order[i]] = step;
        step *= (int64_t)size[order[i]];
        if (i + 1 == rank) step += (int64_t)gap;
    }
    return view;
}

void view_reverse(clx_tensor *view, uint32_t i)
{
    view->offset += (view->size[i] - 1) * (uint64_t)view->stride[i];
    view->stride[i] = -view->stride[i];
}
