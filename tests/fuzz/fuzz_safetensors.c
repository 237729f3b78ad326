/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer entry for the readers of safetensors files and of cases. Not part of the build or of CI; by hand, from the
 * source folder:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_XOPEN_SOURCE=700 -Iinclude -Isrc \
 *         tests/fuzz/fuzz_safetensors.c src/io/[a-z]*.c src/base/[a-z]*.c -lcjson -lxxhash -lpthread -lm -o fuzz
 *     mkdir corpus && cp tests/golden/[a-z]*one.safetensors corpus && ./fuzz corpus */
#include "io/case.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clxi_safetensors *file = NULL;
    clxi_case *c = NULL;
    double sum = 0;
    if (clxi_safetensors_parse("input", data, size, &file, NULL) != CLX_OK) return 0;
    for (size_t i = 0; i < file->tensor_count; i++)
        for (uint64_t at = 0; at < clxi_st_count(&file->tensors[i]); at++)
            sum += clxi_st_get(&file->tensors[i], at);
    if (clxi_case_make("input", file, &c, NULL) == CLX_OK && sum == 0) sum = 1;
    clxi_case_destroy(c);
    return 0;
}
