/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files and folders, on POSIX and Windows. */
#ifndef CLXI_BASE_FILE_H
#define CLXI_BASE_FILE_H

#include "base/fail.h"
#include <stdbool.h>

/* Reads a whole regular file of at most `limit_bytes`. *data is malloc'ed, with a NUL behind it. */
clx_status clxi_file_read(const char *path, size_t limit_bytes, char **data, size_t *size_bytes, clx_error *error);

/* The same of a file of `size` bytes that is open; stays open. */
clx_status clxi_file_read_open(int fd, const char *path, uint64_t size, size_t limit_bytes, char **data,
                               size_t *size_bytes, clx_error *error);

/* Writes to a temporary file beside `path`, flushes it, then renames it: complete or not at all. */
clx_status clxi_file_write(const char *path, const void *data, size_t size_bytes, clx_error *error);

/* One part after another into a temporary file beside the target; commit renames it, abandon removes it. */
typedef struct clxi_writer clxi_writer;

/* What the names of such temporary files begin and end with. */
#define CLXI_TEMPORARY_PREFIX ".clx-"
#define CLXI_TEMPORARY_SUFFIX ".tmp"

clx_status clxi_writer_open(const char *path, clxi_writer **out, clx_error *error);

#ifndef _WIN32
/* The same in an open folder, readable by its owner alone. A link that has this name is replaced. */
clx_status clxi_writer_open_in(int folder, const char *name, clxi_writer **out, clx_error *error);
#endif

clx_status clxi_writer_append(clxi_writer *writer, const void *data, size_t size_bytes, clx_error *error);
clx_status clxi_writer_commit(clxi_writer *writer, clx_error *error); /* frees the writer, also on failure */
void clxi_writer_abandon(clxi_writer *writer);

bool clxi_file_remove(const char *path);
bool clxi_folder_make(const char *path); /* with its parents; true where it exists already */

/* Calls `visit` for each regular file in a folder, in no order. False where the folder cannot be read. */
typedef void (*clxi_visit_fn)(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s);
bool clxi_folder_visit(const char *path, clxi_visit_fn visit, void *user);

/* Sets a file's time of change to now (best effort), so that oldest-first removal keeps what is used. */
void clxi_file_touch(const char *path);

/* The folder for cached files, malloc'ed: <user's cache folder>/clxlstm, from the environment; NULL where unknown. */
char *clxi_user_cache_folder(void);

#endif
