/* SPDX-License-Identifier: Apache-2.0
 *
 * Views on the host: numbers in and out of bytes that lie as a clx_tensor says. A view's `mem` is not used here. */
#ifndef TEST_SUPPORT_VIEWS_H
#define TEST_SUPPORT_VIEWS_H

#include <clxlstm/tensor.h>

/* Elements of the view. */
size_t view_count(const clx_tensor *view);

/* Bytes that a buffer must have for it, counted from the buffer's start. */
size_t view_size_bytes(const clx_tensor *view);

/* Stores `values` (dense, last dimension fastest), rounded to the view's dtype; reads them back. */
void view_put(const clx_tensor *view, void *bytes, const double *values);
void view_get(const clx_tensor *view, const void *bytes, double *values);

/* Sets every byte of the view's elements. */
void view_fill(const clx_tensor *view, void *bytes, unsigned char value);

/* A view whose dimensions lie in memory in this order, slowest first: {0, 2, 1, 3} is (B, S, NH, D) for (B, NH, S, D).
 * `gap`: elements left unused behind each row of the fastest dimension. */
clx_tensor view_ordered(clx_dtype dtype, uint32_t rank, const uint64_t *size, const uint32_t *order, uint64_t gap);

/* The same elements found from the other end: dimension `i` has a negative stride. */
void view_reverse(clx_tensor *view, uint32_t i);

#endif
