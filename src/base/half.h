/* SPDX-License-Identifier: Apache-2.0
 *
 * 16-bit floats on the host, rounded to nearest even; NaN stays NaN. */
#ifndef CLXI_BASE_HALF_H
#define CLXI_BASE_HALF_H

#include <stdint.h>

float clxi_f16_to_f32(uint16_t bits);
float clxi_bf16_to_f32(uint16_t bits);
uint16_t clxi_f32_to_f16(float value);
uint16_t clxi_f32_to_bf16(float value);

#endif
