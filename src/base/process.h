/* SPDX-License-Identifier: Apache-2.0
 *
 * Which process made something. A fork copies memory, but neither threads nor what drivers hold: in the child, OpenCL's objects
 * of before are of no use, and to touch them hangs with some drivers. */
#ifndef CLXI_BASE_PROCESS_H
#define CLXI_BASE_PROCESS_H

#include <stdbool.h>

/* All zeros: of any process. */
typedef struct clxi_process {
    volatile unsigned char *page; /* 1 here, and 0 in a child (Linux), so that asking costs a load; else NULL ... */
    long id;                      /* ... and this one is compared */
} clxi_process;

void clxi_process_note(clxi_process *process);
void clxi_process_forget(clxi_process *process);
bool clxi_process_differs(const clxi_process *process);

#endif
