/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: the readers of safetensors files and of cases. */
#include "fuzz.h"

#include "io/case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clxi_safetensors *file = NULL;
    clxi_case *c = NULL;
    clx_error error = CLX_ERROR_INIT;
    volatile double sum = 0;
    if (clxi_safetensors_parse("input", data, size, &file, &error) == CLX_OK) {
        for (size_t i = 0; i < file->tensor_count; i++)
            for (uint64_t at = 0; at < clxi_st_count(&file->tensors[i]); at++)
                sum += clxi_st_get(&file->tensors[i], at);
        if (clxi_case_make("input", file, &c, &error) == CLX_OK) demand(c != NULL);
        clxi_case_destroy(c);
    }
    if (error.status != CLX_OK) demand(error.message[0] != '\0');
    clx_error_clear(&error);
    return 0;
}
