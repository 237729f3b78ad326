/* SPDX-License-Identifier: Apache-2.0
 *
 * Do two views meet? Views of one layout meet where
 *
 *     sum_i d_i * stride_i = distance,   d_i = index in a - index in b, within its sizes
 *
 * has a solution. Walking the dimensions by falling stride leaves few choices of d_i at each. */
#include "base/arith.h"
#include "runtime/view.h"

#include <string.h>

/* More choices than this in one dimension mean strides so entangled that the ranges decide. */
#define MAX_CHOICES 4

/* One dimension: d lies in [low, high], stride > 0. `reach_*`: what the dimensions behind it can add or take away. */
typedef struct step {
    int64_t stride;
    int64_t low;
    int64_t high;
    int64_t reach_low;
    int64_t reach_high;
} step;

typedef struct problem {
    step steps[CLX_MAX_RANK];
    uint32_t count;
} problem;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && a < 0);
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Can the steps from `at` on add up to `distance`? */
static bool solvable(const problem *p, uint32_t at, int64_t distance)
{
    if (at == p->count || at == CLX_MAX_RANK) return distance == 0; /* the bound is for the compiler */
    const step *s = &p->steps[at];
    int64_t first = max_i64(s->low, -floor_div(s->reach_high - distance, s->stride));
    int64_t last = min_i64(s->high, floor_div(distance - s->reach_low, s->stride));
    if (last - first >= MAX_CHOICES) return true;
    for (int64_t d = first; d <= last; d++) {
        if (solvable(p, at + 1, distance - d * s->stride)) return true;
    }
    return false;
}

static bool same_layout(const clx_tensor *a, const clx_tensor *b)
{
    if (a->rank != b->rank || clx_dtype_size_bytes(a->dtype) != clx_dtype_size_bytes(b->dtype)) return false;
    for (uint32_t i = 0; i < a->rank; i++) {
        bool used = a->size[i] > 1 || b->size[i] > 1;
        if (used && (a->stride[i] != b->stride[i] || a->stride[i] == 0)) return false;
    }
    return true;
}

/* The dimensions that count, by falling stride; a negative stride is a positive one walked backwards. */
static void make_problem(const clx_tensor *a, const clx_tensor *b, problem *p)
{
    p->count = 0;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->size[i] < 2 && b->size[i] < 2) continue;
        bool forward = a->stride[i] > 0;
        int64_t reach_a = (int64_t)a->size[i] - 1;
        int64_t reach_b = (int64_t)b->size[i] - 1;
        step s = {forward ? a->stride[i] : -a->stride[i], -(forward ? reach_b : reach_a), forward ? reach_a : reach_b,
                  0, 0};
        uint32_t at = p->count++;
        for (; at > 0 && p->steps[at - 1].stride < s.stride; at--) {
            p->steps[at] = p->steps[at - 1];
        }
        p->steps[at] = s;
    }
    for (uint32_t i = p->count; i-- > 1;) {
        const step *s = &p->steps[i];
        p->steps[i - 1].reach_low = s->reach_low + s->low * s->stride;
        p->steps[i - 1].reach_high = s->reach_high + s->high * s->stride;
    }
}

/* Where index (0, ..., 0) lies, in bytes from the root buffer's start: the lowest byte, and back along the dimensions
 * that are walked backwards. All numbers are within a buffer, so nothing overflows. */
static int64_t origin(const clxi_extent *e, int64_t element)
{
    int64_t at = (int64_t)e->begin;
    for (uint32_t i = 0; i < e->tensor->rank; i++) {
        if (e->tensor->stride[i] < 0) at -= element * e->tensor->stride[i] * ((int64_t)e->tensor->size[i] - 1);
    }
    return at;
}

bool clxi_extent_overlaps(const clxi_extent *a, const clxi_extent *b)
{
    if (a->root == NULL || a->root != b->root || a->begin >= b->end || b->begin >= a->end) return false;
    if (!same_layout(a->tensor, b->tensor)) return true;
    int64_t element = (int64_t)clx_dtype_size_bytes(a->tensor->dtype);
    int64_t distance = origin(b, element) - origin(a, element);
    if (distance % element != 0) return true;
    problem p;
    make_problem(a->tensor, b->tensor, &p);
    return solvable(&p, 0, distance / element);
}

clx_status clxi_extent_check(const clxi_extent *output, const clxi_extent *others, size_t count, clx_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (others[i].tensor == NULL || &others[i] == output) continue;
        if (clxi_extent_overlaps(output, &others[i])) {
            return clxi_fail(error, CLX_ERR_OVERLAP, "%s: overlaps %s, expected memory of its own", output->name,
                             others[i].name);
        }
    }
    return CLX_OK;
}
