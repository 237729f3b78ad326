/* SPDX-License-Identifier: Apache-2.0
 *
 * Single elements of arrays of any dtype, on the host. */
#include "element.h"
#include "base/half.h"

double tool_element_get(const void *data, clx_dtype dtype, size_t index)
{
    switch (dtype) {
    case CLX_F32:
        return ((const float *)data)[index];
    case CLX_F16:
        return clxi_f16_to_f32(((const uint16_t *)data)[index]);
    case CLX_BF16:
        return clxi_bf16_to_f32(((const uint16_t *)data)[index]);
    default:
        return ((const unsigned char *)data)[index];
    }
}

void tool_element_set(void *data, clx_dtype dtype, size_t index, float value)
{
    switch (dtype) {
    case CLX_F32:
        ((float *)data)[index] = value;
        break;
    case CLX_F16:
        ((uint16_t *)data)[index] = clxi_f32_to_f16(value);
        break;
    case CLX_BF16:
        ((uint16_t *)data)[index] = clxi_f32_to_bf16(value);
        break;
    default:
        ((unsigned char *)data)[index] = value != 0.0f;
        break;
    }
}
