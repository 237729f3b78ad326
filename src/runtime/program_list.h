/* SPDX-License-Identifier: Apache-2.0
 *
 * The programs that a context has built, loaded or been given as a blob. Shared by program.c and blob.c. */
#ifndef CLXI_RUNTIME_PROGRAM_LIST_H
#define CLXI_RUNTIME_PROGRAM_LIST_H

#include "runtime/program.h"

struct clxi_program_entry {
    clxi_program_entry *next;
    clxi_text key; /* everything that decides the binary, sources included */
    void *binary;  /* NULL until it is asked for, or came with a blob */
    size_t binary_bytes;
    cl_program program; /* NULL while only the blob's binary is there */
};

/* The part of every key that names the library, the device and its driver. */
void clxi_key_device(const clx_context *context, clxi_text *key);

/* The entry of a key, or NULL. The caller holds the mutex. */
clxi_program_entry *clxi_program_find(clx_context *context, const clxi_text *key);

/* An entry for a key that has none; takes the key over. The caller holds the mutex. NULL: memory is short. */
clxi_program_entry *clxi_program_add(clx_context *context, clxi_text *key);

/* The device's binary of a built program, malloc'ed; false where the driver gives none. */
bool clxi_program_binary(const clx_context *context, cl_program program, void **binary, size_t *binary_bytes);

#endif
