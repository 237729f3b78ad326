/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc, calloc and realloc of the library and of the test itself (the linker puts these in their place; drivers keep
 * theirs): a chosen one fails, and the blocks that are alive are counted. */
#ifndef TEST_FAULT_HOST_MEMORY_H
#define TEST_FAULT_HOST_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>

typedef struct host_memory_state {
    bool watched; /* inside calls of the library; what the test and Check do is none of ours */
    bool armed;
    int at;      /* the allocation that fails, from 1 on; 0: none */
    bool sticky; /* all later ones, too */
    atomic_int seen;
    atomic_int hits;
    atomic_llong live; /* blocks, watched and made less freed, armed or not */
} host_memory_state;

extern host_memory_state host_memory;

void host_memory_arm(int at, bool sticky);

#endif
