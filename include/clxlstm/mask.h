/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pairs of a row (query) and a column (key) count. */
#ifndef CLXLSTM_MASK_H
#define CLXLSTM_MASK_H

/* Columns up to the row's own position, what a boolean mask of the call says (not 0 = keep), or, for attention, all. */
typedef enum clx_mask_kind { CLX_MASK_CAUSAL = 0, CLX_MASK_EXPLICIT = 1, CLX_MASK_NONE = 2 } clx_mask_kind;

#endif
