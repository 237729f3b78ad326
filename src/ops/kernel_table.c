/* SPDX-License-Identifier: Apache-2.0
 *
 * Every program that the library can build. */
#include "ops/kernel_table.h"

void clxi_kernel_table_write(clxi_text *out)
{
    (void)out;
}

const char *clxi_kernel_table_family(size_t index)
{
    static const char *const names[] = {"simt", "cpu"};
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}
