/* SPDX-License-Identifier: Apache-2.0
 *
 * Does something grow? Samples of one figure over a run, and a verdict on them. */
#ifndef TEST_ENDURANCE_FLAT_H
#define TEST_ENDURANCE_FLAT_H

#include <stdbool.h>
#include <stddef.h>

/* Samples at equal distances in time. The last quarter of a run is held against the second one, by their medians: what the
 * process takes at first and single peaks say nothing, while what grows steadily by some amount over the run grows by half of
 * it between these two. */
typedef struct flat_verdict {
    double early, late; /* medians of the second and the last quarter */
    double peak;        /* the largest sample */
    bool flat;          /* late is above early by no more than was allowed; false for fewer than 8 samples */
} flat_verdict;

flat_verdict flat_judge(const double *samples, size_t count, double allowed);

/* Bytes of memory that the process has in use (VmRSS), or -1. */
double flat_resident_bytes(void);

#endif
