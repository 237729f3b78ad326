/* SPDX-License-Identifier: Apache-2.0
 *
 * A small disk of a test's own, for full and read-only disks. */
#ifndef TEST_SUPPORT_TINY_DISK_H
#define TEST_SUPPORT_TINY_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Mounts an empty file system of this size on `folder`, seen by this process alone and gone with it. False where the
 * system does not allow that (it takes namespaces that a user may make). */
bool tiny_disk_mount(const char *folder, size_t size_bytes);

bool tiny_disk_make_read_only(const char *folder);

#endif
