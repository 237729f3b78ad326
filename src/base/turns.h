/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary frequencies in fixed point, without long double: exact enough for any 64-bit position. */
#ifndef CLXI_BASE_TURNS_H
#define CLXI_BASE_TURNS_H

#include <stdint.h>

/* theta^(-2j/dim) / (2 pi), the fraction of a full turn per position, modulo 1, in units of 2^-128: turns[0] holds the
 * upper 64 bits. Right to about 2^-100 of the frequency. `theta` is positive, finite and normal; 2j < dim. */
void clxi_turns(double theta, uint64_t dim, uint64_t j, uint64_t turns[2]);

#endif
