/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are believed: compiled programs are run, verdicts are acted on, so nobody but this user (or root) may have
 * had a hand in them. Where the system has no owners and modes (Windows), the folder's own protection has to do. */
#ifndef CLXI_BASE_TRUSTED_H
#define CLXI_BASE_TRUSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct clxi_trusted clxi_trusted;

/* Opens a folder that is this user's (or root's), no symbolic link, and not writable by anybody else. With `make` it is
 * made where it is missing, with its parents, for its owner alone. Otherwise NULL: `*reason` is what it is, as part of a
 * sentence, or NULL where it is only missing or memory is short. */
clxi_trusted *clxi_trusted_open(const char *path, bool make, const char **reason);
void clxi_trusted_close(clxi_trusted *folder);

/* A regular file of at most `limit_bytes` to which the same applies; *data is malloc'ed. Names have no folder in them. */
bool clxi_trusted_read(const clxi_trusted *folder, const char *name, size_t limit_bytes, char **data,
                       size_t *size_bytes);

/* Complete or not at all, readable and writable by its owner alone. */
bool clxi_trusted_write(const clxi_trusted *folder, const char *name, const void *data, size_t size_bytes);

bool clxi_trusted_remove(const clxi_trusted *folder, const char *name);

/* Sets a file's time of change to now (best effort). */
void clxi_trusted_touch(const clxi_trusted *folder, const char *name);

/* Calls `visit` for each regular file, in no order; links are none. */
typedef void (*clxi_trusted_visit_fn)(void *user, const char *name, uint64_t size_bytes, int64_t changed_s);
void clxi_trusted_visit(const clxi_trusted *folder, clxi_trusted_visit_fn visit, void *user);

/* A variable of the environment; NULL also in a program that runs with more rights than whoever started it (set-uid),
 * since it must not be told by them what to load. */
char *clxi_environment(const char *variable);

#endif
