/* SPDX-License-Identifier: Apache-2.0
 *
 * tmpfs in a mount namespace of its own. */
#define _GNU_SOURCE
#include "support/tiny_disk.h"

#ifdef __linux__
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

bool tiny_disk_mount(const char *folder, size_t size_bytes)
{
    char options[64];
    snprintf(options, sizeof options, "size=%zu,mode=700", size_bytes);
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return false;
    return mount("tiny", folder, "tmpfs", 0, options) == 0;
}

bool tiny_disk_make_read_only(const char *folder)
{
    return mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
}
#else
bool tiny_disk_mount(const char *folder, size_t size_bytes)
{
    (void)folder;
    (void)size_bytes;
    return false;
}

bool tiny_disk_make_read_only(const char *folder)
{
    (void)folder;
    return false;
}
#endif
