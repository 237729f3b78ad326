/* SPDX-License-Identifier: Apache-2.0
 *
 * Times between frames: what a person sees of a program that stalls. */
#ifndef DESKTOP_FRAMES_H
#define DESKTOP_FRAMES_H

#include <stddef.h>

enum { FRAMES_MAX = 1 << 16 };

/* The first FRAMES_MAX times of a phase, in milliseconds. */
typedef struct frames {
    size_t count;
    float ms[FRAMES_MAX];
} frames;

typedef struct frames_summary {
    size_t count;
    double median_ms;
    double p99_ms;
    double worst_ms;
} frames_summary;

void frames_add(frames *f, double ms);

/* Zeros where there are none. */
frames_summary frames_summarise(const frames *f);

#endif
