/* SPDX-License-Identifier: Apache-2.0
 *
 * How a test talks to the layer that it had the OpenCL loader put between the library and the driver. */
#ifndef TEST_FAULT_LAYER_H
#define TEST_FAULT_LAYER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define FAULT_CONTROL "fault_control" /* the symbol of the layer's fault_state */

/* What becomes of the call that is hit. */
typedef enum fault_mode {
    FAULT_CODE,    /* it fails with `code` and is not passed on */
    FAULT_ZEROS,   /* a query succeeds and says 0 to everything; other calls are passed on, and do not count */
    FAULT_SHORT,   /* a program's binary is half as long, by its size too; other calls do not count */
    FAULT_GARBLED, /* the second half of a program's binary is other bytes; other calls do not count */
    FAULT_DELAY,   /* it is passed on after `delay_us` */
    FAULT_MEMORY   /* buffers beyond `budget_bytes` in all are refused; nothing else counts */
} fault_mode;

typedef struct fault_state {
    bool armed;      /* count calls, and spoil them */
    fault_mode mode; /* what is done to them */
    int at;          /* the call that is hit, from 1 on; 0: none */
    bool sticky;     /* all later ones are hit, too */
    int code;
    unsigned delay_us;
    size_t budget_bytes;
    bool dry; /* launches are not passed on: a marker stands for each */

    atomic_int seen;           /* calls counted since it was armed */
    atomic_int hits;           /* of these spoilt */
    _Atomic(const char *) hit; /* the function that was hit first */
    atomic_int live;           /* objects: made and retained less released, armed or not */
    atomic_llong live_bytes;   /* of buffers that are alive */
    atomic_llong launches;     /* kernels that were enqueued, or would have been */
} fault_state;

/* The layer's state, with the layer loaded into this process by the OpenCL loader; NULL where that has no layers. Before
 * the first OpenCL call of the process. */
fault_state *fault_load(void);

/* CLX_FAULT in the environment: "full" spoils every call with every code, which takes minutes; "few" is for sanitizers;
 * otherwise a sample. */
typedef enum fault_effort { FAULT_FEW, FAULT_SAMPLE, FAULT_FULL } fault_effort;
fault_effort fault_effort_wanted(void);

/* Every how many calls one is spoilt, `stride` being that of a sample. */
int fault_stride(int stride);

/* Starts counting from 1, with nothing hit yet. */
void fault_arm(fault_state *fault, fault_mode mode, int at, bool sticky, int code);

#endif
