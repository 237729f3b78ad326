/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs for measurements and self-tests. */
#include "tool_random.h"
#include "element.h"

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
