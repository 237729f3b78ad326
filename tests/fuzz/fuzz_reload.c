/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: the editing of a driver's PTX. */
#include "fuzz.h"

#include "runtime/reload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clxi_text out = CLXI_TEXT_INIT;
    const char *reason = NULL;
    if (!clxi_reload_edit((const char *)data, size, &out, &reason)) demand(reason != NULL);
    clxi_text_free(&out);
    return 0;
}
