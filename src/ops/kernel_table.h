/* SPDX-License-Identifier: Apache-2.0
 *
 * Every program that the library can build, whatever the device at hand: what CI compiles offline for devices that are
 * not there, and what the self-test walks through. */
#ifndef CLXI_OPS_KERNEL_TABLE_H
#define CLXI_OPS_KERNEL_TABLE_H

#include "base/text.h"
#include <stdbool.h>

/* Appends a line for each program: its file in cl/, its family, its compile options. Programs for CPUs are of the family
 * "cpu" here, whatever their tiles: what other compilers should look at are programs for GPUs. */
clx_status clxi_kernel_table_write(clxi_text *out, clx_error *error);

/* The families by name, without or with those that only exist for tests; NULL past the last. */
const char *clxi_kernel_table_family(size_t index, bool twins);

#endif
