/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers that are the same everywhere. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

random_state random_start(uint64_t seed)
{
    const char *text = getenv("CLX_TEST_SEED");
    if (text != NULL) seed = strtoull(text, NULL, 0);
    printf("seed %llu (CLX_TEST_SEED)\n", (unsigned long long)seed);
    return (random_state){seed};
}

uint64_t random_bits(random_state *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t random_below(random_state *random, uint64_t limit)
{
    return random_bits(random) % limit;
}

static double unit(random_state *random)
{
    return (double)(random_bits(random) >> 11) * 0x1p-53;
}

float random_uniform(random_state *random, float low, float high)
{
    return low + (high - low) * (float)unit(random);
}

float random_normal(random_state *random)
{
    double radius = sqrt(-2 * log(1 - unit(random)));
    return (float)(radius * cos(6.283185307179586 * unit(random)));
}
