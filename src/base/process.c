/* SPDX-License-Identifier: Apache-2.0
 *
 * Noticing a fork; see the header. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise */
#include "base/process.h"

#include <stddef.h>

#ifdef _WIN32
void clxi_process_note(clxi_process *process)
{
    *process = (clxi_process){NULL, 0};
}

void clxi_process_forget(clxi_process *process)
{
    (void)process;
}

bool clxi_process_differs(const clxi_process *process)
{
    (void)process;
    return false;
}
#else
#include <sys/mman.h>
#include <unistd.h>

/* Memory that is zero in a child. */
static unsigned char *make_page(size_t bytes)
{
#ifdef MADV_WIPEONFORK
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return NULL;
    if (madvise(page, bytes, MADV_WIPEONFORK) == 0) return page;
    munmap(page, bytes);
#else
    (void)bytes;
#endif
    return NULL;
}

static size_t page_bytes(void)
{
    const long bytes = sysconf(_SC_PAGESIZE);
    return bytes > 0 ? (size_t)bytes : 4096;
}

void clxi_process_note(clxi_process *process)
{
    process->id = (long)getpid();
    process->page = make_page(page_bytes());
    if (process->page != NULL) *process->page = 1;
}

void clxi_process_forget(clxi_process *process)
{
    if (process->page != NULL) munmap((void *)process->page, page_bytes());
    process->page = NULL;
}

bool clxi_process_differs(const clxi_process *process)
{
    if (process->page != NULL) return *process->page == 0;
    return process->id != 0 && process->id != (long)getpid();
}
#endif
