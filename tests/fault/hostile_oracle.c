/* SPDX-License-Identifier: Apache-2.0
 *
 * What the library should have seen, said in another way: element by element. */
#include "hostile_call.h"

#include <string.h>

#define FEW 4096 /* elements that are looked at one by one */

typedef struct span {
    int buffer;   /* of the world; a part of the first counts as the first */
    size_t begin; /* bytes that the part begins at */
    size_t bytes;
} span;

static bool find_span(const hostile_world *w, cl_mem mem, bool output, span *out)
{
    static const span spans[HOSTILE_BUFFERS] = {{0, 0, HOSTILE_FIRST_BYTES},
                                                {1, 0, HOSTILE_SMALL_BYTES},
                                                {2, 0, HOSTILE_SMALL_BYTES},
                                                {3, 0, HOSTILE_SMALL_BYTES},
                                                {0, HOSTILE_SUB_BEGIN, HOSTILE_SUB_BYTES},
                                                {-1, 0, 0},
                                                {6, 0, HOSTILE_TINY_BYTES},
                                                {-1, 0, 0}};
    for (int i = 0; i < HOSTILE_BUFFERS; i++) {
        if (w->buffers[i] != mem || mem == NULL) continue;
        *out = spans[i];
        return out->buffer >= 0 && out->buffer != (output ? 2 : 3);
    }
    return false;
}

/* Elements, up to a limit; 0 where there are none. */
static uint64_t count_of(const clx_tensor *t, uint64_t limit)
{
    uint64_t count = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->size[d] == 0) return 0;
    }
    for (uint32_t d = 0; d < t->rank; d++) {
        if (count < limit) count = t->size[d] < limit ? count * t->size[d] : limit;
    }
    return count < limit ? count : limit;
}

/* Its first and last element lie in the buffer. */
static bool within(const clx_tensor *t, const span *s)
{
    const double bytes = (double)clx_dtype_size_bytes(t->dtype);
    double low = (double)t->offset, high = low; /* what is too large to be exact is too large */
    for (uint32_t d = 0; d < t->rank; d++) {
        const double reach = (double)(t->size[d] - 1) * (double)t->stride[d];
        if (reach < 0) low += reach;
        if (reach > 0) high += reach;
    }
    return low >= 0 && (high + 1) * bytes <= (double)s->bytes;
}

static size_t byte_of(const clx_tensor *t, const span *s, uint64_t element)
{
    int64_t at = (int64_t)t->offset;
    for (uint32_t d = t->rank; d-- > 0; element /= t->size[d]) {
        at += (int64_t)(element % t->size[d]) * t->stride[d];
    }
    return s->begin + (size_t)at * clx_dtype_size_bytes(t->dtype);
}

/* (The stride of a dimension of one element is never walked.) */
static bool same_view(const clx_tensor *a, const clx_tensor *b)
{
    bool same = a->mem == b->mem && a->offset == b->offset && a->dtype == b->dtype && a->rank == b->rank;
    for (uint32_t d = 0; same && d < a->rank; d++) {
        same = a->size[d] == b->size[d] && (a->size[d] < 2 || a->stride[d] == b->stride[d]);
    }
    return same;
}

/* May output o be the very view of tensor i? States, what a rotation turns, what a norm takes. */
static bool in_place(const hostile_call *c, int o, int i)
{
    const hostile_tensor *a = &c->kind->tensors[o], *b = &c->kind->tensors[i];
    if (b->output || strcmp(a->shape, b->shape) != 0) return false;
    return a->dtype == b->dtype || strncmp(c->kind->name, "norm", 4) == 0;
}

static const char *check_output(const hostile_world *w, const hostile_call *c, int o)
{
    static unsigned char mine[HOSTILE_FIRST_BYTES];
    const clx_tensor *t = c->p[o];
    const uint64_t count = count_of(t, FEW);
    const size_t bytes = clx_dtype_size_bytes(t->dtype);
    span s, other;
    if (count == 0 || count == FEW || !find_span(w, t->mem, true, &s)) return NULL;
    memset(mine, 0, sizeof mine);
    for (uint64_t e = 0; e < count; e++) {
        const size_t at = byte_of(t, &s, e);
        if (mine[at]) return "an output that writes an element twice";
        memset(mine + at, 1, bytes);
    }
    for (int i = 0; i < c->count; i++) {
        const clx_tensor *u = c->p[i];
        const uint64_t others = u != NULL ? count_of(u, FEW) : 0;
        if (i == o || others == 0 || others == FEW || !find_span(w, u->mem, false, &other)) continue;
        if (other.buffer != s.buffer || (in_place(c, o, i) && same_view(t, u))) continue;
        for (uint64_t e = 0; e < others; e++) {
            if (mine[byte_of(u, &other, e)]) return "an output over another tensor";
        }
    }
    return NULL;
}

const char *hostile_call_why_not(const hostile_world *w, const hostile_call *c)
{
    span s;
    for (int i = 0; i < c->count; i++) {
        const clx_tensor *t = c->p[i];
        const bool output = c->kind->tensors[i].output;
        if (t == NULL) continue;
        if (t->rank != strlen(c->kind->tensors[i].shape)) return "a rank";
        if (count_of(t, FEW) == 0) continue;
        if (!find_span(w, t->mem, output, &s)) return "a buffer that is none for it";
        if (!within(t, &s)) return "a tensor beyond its buffer";
    }
    for (int i = 0; i < c->count; i++) {
        const char *reason = c->kind->tensors[i].output && c->p[i] != NULL ? check_output(w, c, i) : NULL;
        if (reason != NULL) return reason;
    }
    return NULL;
}
