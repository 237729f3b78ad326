/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of cl/, embedded at build time (cmake/ClxlstmKernels.cmake writes the table). */
#ifndef CLXI_RUNTIME_EMBEDDED_H
#define CLXI_RUNTIME_EMBEDDED_H

#include <stddef.h>

typedef struct clxi_embedded {
    const char *name; /* path below cl/, such as "tile/simt.clh" */
    const unsigned char *data;
    size_t size;
} clxi_embedded;

/* Ends with an entry whose name is NULL. */
extern const clxi_embedded clxi_embedded_files[];

#endif
