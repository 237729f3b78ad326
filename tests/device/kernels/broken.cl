/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not compile, in a line that the log must name. */
#include "part/scale.clh"

__kernel void broken(__global float *x)
{
    x[0] = no_such_function(x[0]);
}
