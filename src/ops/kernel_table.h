/* SPDX-License-Identifier: Apache-2.0
 *
 * Every program that the library can build, whatever the device at hand: what CI compiles offline for devices that are
 * not there, and what the self-test walks through. */
#ifndef CLXI_OPS_KERNEL_TABLE_H
#define CLXI_OPS_KERNEL_TABLE_H

#include "base/text.h"

/* Appends a line for each program: its file in cl/, its family ("*" where it serves all), its compile options. */
void clxi_kernel_table_write(clxi_text *out);

/* The families by name; NULL past the last. */
const char *clxi_kernel_table_family(size_t index);

#endif
