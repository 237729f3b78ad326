/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs for measurements and self-tests: the same on every machine, fast enough for gigabytes. */
#ifndef CLXLSTM_TOOLS_TOOL_RANDOM_H
#define CLXLSTM_TOOLS_TOOL_RANDOM_H

#include <clxlstm/dtype.h>
#include <stddef.h>

typedef struct tool_random {
    uint64_t state;
} tool_random;

/* SplitMix64 (Steele, Lea and Flood, 2014). */
uint64_t tool_random_bits(tool_random *random);

/* Uniform in [0, count). */
uint64_t tool_random_below(tool_random *random, uint64_t count);

/* Mean 0, deviation 1, by adding four uniform numbers: the tails end at 3.5, which is fine for q, k and v. */
float tool_random_bell(tool_random *random);

/* Fills `count` elements of `dtype` with mean + deviation * tool_random_bell. */
void tool_random_fill(tool_random *random, void *data, clx_dtype dtype, size_t count, float mean, float deviation);

#endif
