/* SPDX-License-Identifier: Apache-2.0
 *
 * Which variants were seen to work on this device with this driver; kept in memory and beside the cached binaries. */
#ifndef CLXI_RUNTIME_VERDICT_H
#define CLXI_RUNTIME_VERDICT_H

#include "base/hash.h"
#include "runtime/context.h"

typedef enum clxi_verdict { CLXI_VERDICT_UNKNOWN = 0, CLXI_VERDICT_GOOD = 1, CLXI_VERDICT_BAD = 2 } clxi_verdict;

/* `key` is the variant's clxi_program_fingerprint. */
clxi_verdict clxi_verdict_get(clx_context *context, clxi_hash key);
void clxi_verdict_set(clx_context *context, clxi_hash key, clxi_verdict verdict);

/* How often a bad verdict was given or met in this context. Grows when an operator's creation drops a variant for it. */
size_t clxi_verdict_bad_count(clx_context *context);

void clxi_verdicts_free(clx_context *context);

#endif
