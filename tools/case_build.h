/* SPDX-License-Identifier: Apache-2.0
 *
 * Building a case in memory, as if it had been read from a file: the parameters and tensors one by one, then the case,
 * which owns everything. A failure sticks until the end. Names, keys and values must outlive the case. */
#ifndef CLXLSTM_TOOLS_CASE_BUILD_H
#define CLXLSTM_TOOLS_CASE_BUILD_H

#include "io/case.h"
#include "tool_random.h"
#include <stdbool.h>

typedef struct tool_builder {
    clxi_safetensors *file;
    size_t used_bytes;
    bool failed;
} tool_builder;

void tool_builder_begin(tool_builder *builder);

/* A parameter; `value` NULL leaves it out. */
void tool_builder_param(tool_builder *builder, const char *key, const char *value);

/* A tensor of zeros, to be filled; NULL after a failure. */
void *tool_builder_tensor(tool_builder *builder, const char *name, clxi_st_dtype dtype, uint32_t rank,
                          const uint64_t *size);

/* A tensor of random values, about N(mean, deviation). */
void tool_builder_random(tool_builder *builder, tool_random *random, const char *name, clx_dtype dtype, uint32_t rank,
                         const uint64_t *size, float mean, float deviation);

/* Makes the case and empties the builder, also on failure. */
clx_status tool_builder_end(tool_builder *builder, const char *label, clxi_case **out, clx_error *error);

#endif
