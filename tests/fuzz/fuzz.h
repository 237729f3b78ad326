/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share. Each file fuzz_*.c is one target: with libFuzzer's main it searches (scripts/fuzz), with
 * replay.c's it goes through the corpus as a test. What must hold is asked by `demand`. */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include "runtime/context.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process: that is what fuzzers notice. */
#define demand(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) abort();                                                                                     \
    } while (0)

/* A context that never sees OpenCL; enough for what keeps things in memory and files. */
static inline void blank_context_make(clx_context *context)
{
    *context = (clx_context){.cache_limit_bytes = UINT64_MAX};
    demand(clxi_mutex_init(&context->mutex) == 0);
}

#endif
