/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime tests' own kernels: they show which item ran in which launch. */
#include "part/scale.clh"
#include "part/offset.clh" /* includes part/scale.clh once more */

#ifndef CLX_WG
#define CLX_WG 32 /* items in a group */
#endif

/* y[i] = scale(x[i]) + offset for the group's items; group by the global id, as launch.h asks. */
__kernel __attribute__((reqd_work_group_size(CLX_WG, 1, 1))) void tiny(__global const float *x, ulong x_offset,
                                                                      __global float *y, ulong y_offset, ulong count)
{
    ulong i = get_global_id(0);
    if (i < count) y[y_offset + i] = scale(x[x_offset + i]) + OFFSET;
}

/* y[i] += 1 and the size of the launch in z[i]: each item must run once, however the grid is cut. */
__kernel void mark(__global float *y, ulong y_offset, __global float *z, ulong z_offset)
{
    ulong i = get_global_id(0);
    y[y_offset + i] += 1.0f;
    z[z_offset + i] = (float)get_global_size(0);
}

/* x[i] = 2 x[i] + add: a chain of these shows the order of launches. */
__kernel void chain(__global float *x, float add)
{
    ulong i = get_global_id(0);
    x[i] = 2.0f * x[i] + add;
}
