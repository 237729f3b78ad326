/* SPDX-License-Identifier: Apache-2.0
 *
 * Single elements of arrays of any dtype, on the host. */
#ifndef CLXLSTM_TOOLS_ELEMENT_H
#define CLXLSTM_TOOLS_ELEMENT_H

#include <clxlstm/dtype.h>
#include <stddef.h>

double tool_element_get(const void *data, clx_dtype dtype, size_t index);

/* Stores with rounding to nearest even. */
void tool_element_set(void *data, clx_dtype dtype, size_t index, float value);

#endif
