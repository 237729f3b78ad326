/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs for measurements and self-tests. */
#include "random.h"
#include "base/half.h"

uint64_t tool_random_bits(tool_random *random)
{
    uint64_t x = random->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t tool_random_below(tool_random *random, uint64_t count)
{
    return tool_random_bits(random) % count; /* the bias is 1 in 2^64 / count */
}

float tool_random_bell(tool_random *random)
{
    uint64_t x = tool_random_bits(random);
    uint32_t sum =
        (uint32_t)(x & 0xffff) + (uint32_t)(x >> 16 & 0xffff) + (uint32_t)(x >> 32 & 0xffff) + (uint32_t)(x >> 48);
    /* four uniform numbers in [0, 1): mean 2, variance 4/12 */
    return ((float)sum / 65536.0f - 2.0f) * 1.7320508f;
}

void tool_random_fill(tool_random *random, void *data, clx_dtype dtype, size_t count, float mean, float deviation)
{
    for (size_t index = 0; index < count; ++index) {
        tool_element_set(data, dtype, index, mean + deviation * tool_random_bell(random));
    }
}

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
