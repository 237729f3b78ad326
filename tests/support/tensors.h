/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors of a test: a view of a buffer, and the same numbers as doubles in logical order, as the reference takes them. */
#ifndef TEST_SUPPORT_TENSORS_H
#define TEST_SUPPORT_TENSORS_H

#include "support/support.h"

/* Where the elements lie. Strided: as BSHD, with gaps between the rows and an offset that is no multiple of anything. */
typedef enum test_layout { LAYOUT_DENSE, LAYOUT_BSHD, LAYOUT_STRIDED, LAYOUT_COUNT } test_layout;

typedef struct test_tensor {
    clx_tensor view;
    size_t count;
    size_t size_bytes; /* of the buffer */
    double *value;     /* (count), rounded to the dtype */
} test_tensor;

/* A tensor of NaN, whatever is not written shows. Rank 1 to 4; layouts other than dense move dimension 1 behind 2 where
 * there are three or more. */
test_tensor tensor_empty(clx_dtype dtype, test_layout layout, uint32_t rank, const uint64_t *size);

/* One of normal numbers times `scale` plus `shift`, and one of given numbers. */
test_tensor tensor_random(random_state *random, clx_dtype dtype, test_layout layout, uint32_t rank,
                          const uint64_t *size, float scale, float shift);
test_tensor tensor_from(const double *value, clx_dtype dtype, test_layout layout, uint32_t rank, const uint64_t *size);

void tensor_write(test_tensor *tensor); /* value, which is rounded, to the buffer */
void tensor_read(test_tensor *tensor);  /* the buffer to value */
void tensor_free(test_tensor *tensor);

/* The value as a dtype keeps it. */
double tensor_round(clx_dtype dtype, double value);

/* |x[i] - ref[i]| <= tol * cond[i] + tiny for every i, or the same infinity; NaN in ref wants NaN. */
void expect_close(const char *name, const test_tensor *x, const double *ref, const double *cond, double tol);

/* What the golden rule allows: the coarser of two dtypes. */
double tensor_tolerance(clx_dtype a, clx_dtype b);

/* The bytes of a buffer, to compare after a refused call. Freed by the caller. */
unsigned char *tensor_bytes(const test_tensor *tensor);
void expect_untouched(const test_tensor *tensor, unsigned char *before); /* frees `before` */

#endif
