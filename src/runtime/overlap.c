/* SPDX-License-Identifier: Apache-2.0
 *
 * Do two views meet? A view is the set of bytes
 *
 *     begin + sum_i d_i * stride_i,   0 <= d_i < size_i
 *
 * whichever way its dimensions are walked. Two of them, a and b, meet where
 *
 *     sum_i d_i * stride_i - sum_j e_j * stride_j = begin_b - begin_a
 *
 * has a solution. Walking the dimensions of both by falling stride leaves few choices at each. */
#include "runtime/view.h"

#define MAX_DIMENSIONS (CLX_MAX_RANK + 1) /* and the bytes of an element */

/* More steps than this mean strides so entangled that the ranges decide. */
#define MAX_VISITS 4096

typedef struct dimension {
    int64_t size;
    int64_t stride; /* bytes, > 0 */
} dimension;

/* Falling strides; dimensions that continue one another are one. */
typedef struct byte_set {
    dimension dimensions[MAX_DIMENSIONS];
    uint32_t count;
} byte_set;

/* One stride: what it is multiplied by lies in [low, high]. `reach_*`: what the steps behind it can add or take away. */
typedef struct step {
    int64_t stride;
    int64_t low;
    int64_t high;
    int64_t reach_low;
    int64_t reach_high;
} step;

typedef struct problem {
    step steps[2 * MAX_DIMENSIONS];
    uint32_t count;
    uint32_t visits;
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

/* All numbers are within a buffer, so nothing overflows. */
static void make_set(const clx_tensor *tensor, byte_set *set)
{
    const int64_t element = (int64_t)clx_dtype_size_bytes(tensor->dtype);
    dimension sorted[MAX_DIMENSIONS] = {{element, 1}};
    uint32_t count = 1;
    for (uint32_t i = 0; i < tensor->rank && i < CLX_MAX_RANK; i++) {
        if (tensor->size[i] < 2 || tensor->stride[i] == 0) continue; /* its stride need not be within anything */
        const int64_t stride = (int64_t)clxi_abs_stride(tensor->stride[i]);
        uint32_t at = count++;
        for (; at > 0 && sorted[at - 1].stride < stride * element; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = (dimension){(int64_t)tensor->size[i], stride * element};
    }
    set->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        dimension *last = set->count > 0 ? &set->dimensions[set->count - 1] : NULL;
        if (last != NULL && last->stride == sorted[i].size * sorted[i].stride) {
            *last = (dimension){last->size * sorted[i].size, sorted[i].stride};
        } else {
            set->dimensions[set->count++] = sorted[i];
        }
    }
}

/* Merges both lists of strides; one that only a or only b has is walked by that one alone. */
static void make_problem(const byte_set *a, const byte_set *b, problem *p)
{
    uint32_t i = 0;
    uint32_t j = 0;
    p->count = p->visits = 0;
    while (i < a->count || j < b->count) {
        const int64_t of_a = i < a->count ? a->dimensions[i].stride : 0;
        const int64_t of_b = j < b->count ? b->dimensions[j].stride : 0;
        step s = {max_i64(of_a, of_b), 0, 0, 0, 0};
        if (of_a == s.stride) s.high = a->dimensions[i++].size - 1;
        if (of_b == s.stride) s.low = 1 - b->dimensions[j++].size;
        p->steps[p->count++] = s;
    }
    for (i = p->count; i-- > 1;) {
        const step *s = &p->steps[i];
        p->steps[i - 1].reach_low = s->reach_low + s->low * s->stride;
        p->steps[i - 1].reach_high = s->reach_high + s->high * s->stride;
    }
}

/* Can the steps from `at` on add up to `distance`? */
static bool solvable(problem *p, uint32_t at, int64_t distance)
{
    if (at == p->count || at == 2 * MAX_DIMENSIONS) return distance == 0; /* the bound is for the compiler */
    const step *s = &p->steps[at];
    int64_t first = max_i64(s->low, -floor_div(s->reach_high - distance, s->stride));
    int64_t last = min_i64(s->high, floor_div(distance - s->reach_low, s->stride));
    for (int64_t d = first; d <= last; d++) {
        if (++p->visits > MAX_VISITS) return true;
        if (solvable(p, at + 1, distance - d * s->stride)) return true;
    }
    return false;
}

bool clxi_extent_overlaps(const clxi_extent *a, const clxi_extent *b)
{
    byte_set set_a;
    byte_set set_b;
    problem p;
    if (a->root == NULL || a->root != b->root || a->begin >= b->end || b->begin >= a->end) return false;
    make_set(a->tensor, &set_a);
    make_set(b->tensor, &set_b);
    make_problem(&set_a, &set_b, &p);
    return solvable(&p, 0, (int64_t)b->begin - (int64_t)a->begin);
}

clx_status clxi_extent_check(const clxi_extent *output, const clxi_extent *others, size_t count, clx_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (others[i].root != output->root || others[i].tensor == NULL || &others[i] == output) continue;
        if (clxi_extent_overlaps(output, &others[i])) {
            return clxi_fail(error, CLX_ERR_OVERLAP, "%s: overlaps %s, expected memory of its own", output->name,
                             others[i].name);
        }
    }
    return CLX_OK;
}
