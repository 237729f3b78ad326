/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting hold of the layer. */
#include "layer.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

fault_state *fault_load(void)
{
#ifdef FAULT_LAYER
    setenv("OPENCL_LAYERS", FAULT_LAYER, 1);
    clGetPlatformIDs(0, NULL, NULL); /* starts the loader */
    void *library = dlopen(FAULT_LAYER, RTLD_NOW | RTLD_NOLOAD);
    return library != NULL ? dlsym(library, FAULT_CONTROL) : NULL;
#else
    return NULL;
#endif
}

fault_effort fault_effort_wanted(void)
{
    const char *effort = getenv("CLX_FAULT");
    if (effort != NULL && strcmp(effort, "full") == 0) return FAULT_FULL;
    return effort != NULL && strcmp(effort, "few") == 0 ? FAULT_FEW : FAULT_SAMPLE;
}

int fault_stride(int stride)
{
    const fault_effort effort = fault_effort_wanted();
    return effort == FAULT_FULL ? 1 : effort == FAULT_FEW ? 5 * stride : stride;
}

void fault_arm(fault_state *fault, fault_mode mode, int at, bool sticky, int code)
{
    fault->armed = false;
    fault->mode = mode;
    fault->at = at;
    fault->sticky = sticky;
    fault->code = code;
    fault->seen = 0;
    fault->hits = 0;
    fault->hit = NULL;
    fault->armed = true;
}
