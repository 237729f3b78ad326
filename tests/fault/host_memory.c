/* SPDX-License-Identifier: Apache-2.0
 *
 * Failing allocations; see the header. Linked with --wrap. */
#include "host_memory.h"

#include <errno.h>
#include <stddef.h>

host_memory_state host_memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

void host_memory_arm(int at, bool sticky)
{
    host_memory.armed = false;
    host_memory.at = at;
    host_memory.sticky = sticky;
    host_memory.seen = 0;
    host_memory.hits = 0;
    host_memory.armed = true;
}

static bool fails(void)
{
    host_memory_state *h = &host_memory;
    if (!h->armed || !h->watched) return false;
    const int number = atomic_fetch_add(&h->seen, 1) + 1;
    if (h->at == 0 || !(number == h->at || (h->sticky && number > h->at))) return false;
    atomic_fetch_add(&h->hits, 1);
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    if (block != NULL && host_memory.watched) atomic_fetch_add(&host_memory.live, 1);
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails()) return NULL;
    void *moved = __real_realloc(block, size);
    if (block == NULL) counted(moved);
    return moved;
}

void __wrap_free(void *block)
{
    if (block != NULL && host_memory.watched) atomic_fetch_sub(&host_memory.live, 1);
    __real_free(block);
}
