/* SPDX-License-Identifier: Apache-2.0
 *
 * May a kernel use loads of several elements on a view? */
#ifndef CLXI_RUNTIME_ALIGN_H
#define CLXI_RUNTIME_ALIGN_H

#include "runtime/context.h"

/* Do all rows of a checked view (its innermost dimension) start at multiples of `count` elements? Looks at offset,
 * strides, and, for buffers over the caller's memory, at where that lies. */
bool clxi_view_aligned(const clx_tensor *tensor, uint32_t count);

#endif
