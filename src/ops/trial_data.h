/* SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of a trial: fixed numbers to run a variant and its anchor on, and the comparison of what they give. */
#ifndef CLXI_OPS_TRIAL_DATA_H
#define CLXI_OPS_TRIAL_DATA_H

#include "runtime/trial.h"
#include "runtime/verdict.h"

/* A dense tensor of numbers in shift +- 2, the same for the same seed; CLX_BOOL gives a mask that keeps one half. */
clx_status clxi_trial_numbers(clxi_trial *trial, clx_dtype dtype, uint32_t rank, const uint64_t *size, float shift,
                              uint32_t seed, clx_tensor *out, clx_error *error);

/* Makes an input of one copy one of all copies, which read the same memory: the first dimension repeats. */
void clxi_trial_repeat(const clxi_trial *trial, clx_tensor *input);

/* A dense tensor to write to, poisoned with bits that read as NaN; its first dimension is the copies', and size[0] is not
 * looked at. */
clx_status clxi_trial_result(clxi_trial *trial, clx_dtype dtype, uint32_t rank, const uint64_t *one, clx_tensor *out,
                             clx_error *error);

/* Waits, reads two dense results of one size and dtype, and accepts `ours` where it agrees with `anchor`. Both
 * accumulate in f32, in different orders; where sums nearly cancel that shows, and so does the rounding of weights to
 * `precision`, the dtype of the products: a share of the values of each row (the last dimension) is allowed. A wrong
 * index, a missing barrier or a wrong mask shows as an error of the order of the values. CLX_ERR_UNSUPPORTED where they
 * differ. `verdict` stays as it is where the results could not be read. */
clx_status clxi_trial_compare(clxi_trial *trial, clx_dtype precision, const clx_tensor *ours, const clx_tensor *anchor,
                              clxi_verdict *verdict, clx_error *error);

#endif
