/* SPDX-License-Identifier: Apache-2.0
 *
 * Philox4x32-10, a counter-based random number generator: four words that depend on a counter and a key only. Source:
 * Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011). */
#ifndef CLXI_BASE_PHILOX_H
#define CLXI_BASE_PHILOX_H

#include <stdint.h>

typedef struct clxi_philox_block {
    uint32_t word[4];
} clxi_philox_block;

/* The key's lower half is the first key word. */
clxi_philox_block clxi_philox(clxi_philox_block counter, uint64_t key);

#endif
