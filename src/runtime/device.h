/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device can do. The only place that looks at vendors' names and extensions. */
#ifndef CLXI_RUNTIME_DEVICE_H
#define CLXI_RUNTIME_DEVICE_H

#include "base/text.h"
#include "runtime/opencl.h"
#include <clxlstm/context.h>
#include <stdbool.h>

typedef struct clxi_caps {
    cl_platform_id platform;
    cl_device_id device;
    cl_device_type type;
    char selector[16]; /* "P:D"; empty for a device that the caller brought */
    char platform_name[128];
    char platform_version[128];
    char name[128];
    char vendor[128];
    char driver[128];
    char version[128];
    uint32_t compute_units;
    uint32_t clock_mhz;
    uint32_t address_bits;
    uint32_t native_float_width; /* CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT: the CPU family's vector length */
    uint64_t max_work_group;
    uint64_t local_bytes;
    uint64_t global_bytes;
    uint64_t max_alloc_bytes;
    uint32_t registers; /* floats that a work-item can keep in registers, by vendor; an estimate */
    uint32_t subgroup;  /* the smallest sub-group size that Intel's compiler can be asked for; 0: none to ask */
    uint32_t nv_sm;     /* NVIDIA's compute capability, 90 for 9.0; 0 elsewhere */
    bool xmx;           /* Intel's matrix engines, as far as the device's extensions say */
    uint32_t amd_gfx; /* the number of AMD's GPUs that are named so, in its hexadecimal digits: 0x90a, 0x1100; else 0 */
    double peak_gflops; /* units * clock * lanes * 2, lanes by vendor; an estimate */
    bool is_cpu;        /* CPU families apply: kernels of one work-item per group */
    bool usable;
    char reason[256]; /* why not, where it is not */
} clxi_caps;

/* Queries a device; failures of single queries make it unusable with a reason, never an error. */
void clxi_caps_query(cl_device_id device, clxi_caps *caps);

/* Appends what every program is compiled with on this device; see cl/group.clh. */
void clxi_caps_options(const clxi_caps *caps, clxi_text *out);

/* Into the `info_bytes` that there are for it; what this library does not know of is 0. */
void clxi_caps_describe(const clxi_caps *caps, void *info, size_t info_bytes);

/* A part of a device with so many of its compute units, fewer than it has; the caller releases it. CLX_ERR_UNSUPPORTED where
 * the platform does not cut its devices. */
clx_status clxi_device_part(const clxi_caps *caps, uint32_t units, cl_device_id *out, clx_error *error);

/* Finds the device of a selector (see clx_context_options); NULL or "" means the default order. */
clx_status clxi_device_select(const char *selector, clxi_caps *caps, clx_error *error);

#endif
