/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples and their verdict; see the header. */
#include "flat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* NaN where there is no memory to sort in. */
static double median(const double *samples, size_t count)
{
    double *sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL) return 0.0 / 0.0;
    memcpy(sorted, samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_size);
    const double middle = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    free(sorted);
    return middle;
}

flat_verdict flat_judge(const double *samples, size_t count, double allowed)
{
    flat_verdict verdict = {0};
    const size_t quarter = count / 4;
    if (quarter < 2) return verdict;
    verdict.early = median(samples + quarter, quarter);
    verdict.late = median(samples + count - quarter, quarter);
    for (size_t i = 0; i < count; i++) {
        if (samples[i] > verdict.peak) verdict.peak = samples[i];
    }
    verdict.flat = verdict.late - verdict.early <= allowed;
    return verdict;
}

double flat_resident_bytes(void)
{
    char line[256];
    double kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) return -1;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %lf kB", &kib) == 1) break;
    }
    fclose(file);
    return kib < 0 ? -1 : kib * 1024;
}
