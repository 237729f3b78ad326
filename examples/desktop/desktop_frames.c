/* SPDX-License-Identifier: Apache-2.0
 *
 * Times between frames; see the header. */
#include "desktop_frames.h"
#include <stdlib.h>
#include <string.h>

void frames_add(frames *f, double ms)
{
    if (f->count < FRAMES_MAX) f->ms[f->count++] = (float)ms;
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

frames_summary frames_summarise(const frames *f)
{
    static float sorted[FRAMES_MAX];
    frames_summary s = {f->count, 0, 0, 0};
    if (f->count == 0) return s;
    memcpy(sorted, f->ms, f->count * sizeof *sorted);
    qsort(sorted, f->count, sizeof *sorted, compare);
    s.median_ms = (double)sorted[f->count / 2];
    s.p99_ms = (double)sorted[(f->count - 1) * 99 / 100];
    s.worst_ms = (double)sorted[f->count - 1];
    return s;
}
