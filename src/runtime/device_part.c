/* SPDX-License-Identifier: Apache-2.0
 *
 * A part of a device. */
#include "runtime/device.h"

enum { KINDS_MAX = 16 };

/* Can the device be cut into parts of any number of compute units? */
static bool cuts_by_counts(cl_device_id device)
{
    cl_device_partition_property kinds[KINDS_MAX] = {0};
    size_t size = 0;
    bool found = false;
    if (clGetDeviceInfo(device, CL_DEVICE_PARTITION_PROPERTIES, sizeof kinds, kinds, &size) != CL_SUCCESS) return false;
    for (size_t i = 0; i < size / sizeof *kinds && i < KINDS_MAX; i++)
        found = found || kinds[i] == CL_DEVICE_PARTITION_BY_COUNTS;
    return found;
}

clx_status clxi_device_part(const clxi_caps *caps, uint32_t units, cl_device_id *out, clx_error *error)
{
    const cl_device_partition_property wanted[] = {CL_DEVICE_PARTITION_BY_COUNTS, (cl_device_partition_property)units,
                                                   CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_uint count = 0;
    *out = NULL;
    if (!cuts_by_counts(caps->device))
        return clxi_fail(error, CLX_ERR_UNSUPPORTED,
                         "compute_units: %u, expected 0 or at least %u: %s does not partition %s", (unsigned)units,
                         (unsigned)caps->compute_units, caps->platform_name, caps->name);
    const cl_int code = clCreateSubDevices(caps->device, wanted, 1, out, &count);
    if (code != CL_SUCCESS) {
        *out = NULL;
        return clxi_fail_cl(error, code, "a part of %u compute units of %s", (unsigned)units, caps->name);
    }
    return CLX_OK;
}
