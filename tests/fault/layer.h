/* SPDX-License-Identifier: Apache-2.0
 *
 * How the test talks to the layer that it had the OpenCL loader put between the library and the driver. */
#ifndef TEST_FAULT_LAYER_H
#define TEST_FAULT_LAYER_H

#include <stdbool.h>

#define FAULT_CONTROL "fault_control" /* the symbol of the layer's fault_state */

typedef struct fault_state {
    bool armed;      /* count calls, and fail them */
    int at;          /* the call that fails, from 1 on; 0: none */
    bool sticky;     /* all later ones fail, too */
    int code;        /* what they return */
    int seen;        /* calls counted since it was armed */
    int live;        /* objects: made and retained less released, armed or not */
    const char *hit; /* the function that failed first */
} fault_state;

#endif
