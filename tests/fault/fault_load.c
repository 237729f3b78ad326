/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting hold of the layer. */
#include "layer.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdlib.h>

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
