/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing whole files. A file is written beside its place and renamed, so that no reader ever sees half of
 * it, whatever happens to the writer. */
#include "base/file.h"

#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifdef _WIN32
#include <io.h>
#include <process.h>
#include <windows.h>
#define IS_REGULAR(mode) (((mode)&_S_IFMT) == _S_IFREG)
#define OPEN_READ (_O_RDONLY | _O_BINARY)
#define OPEN_NEW (_O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY)
#define MODE_PUBLIC (_S_IREAD | _S_IWRITE)
#define THIS_FOLDER (-1)
#define open _open
#define read _read
#define write _write
#define close _close
#define unlink _unlink
#define getpid _getpid
typedef struct _stat64 file_stat;
#define stat_path _stat64

static int open_new(int folder, const char *path, int mode)
{
    (void)folder;
    return _open(path, OPEN_NEW, mode);
}

static int flush_file(int fd)
{
    return _commit(fd);
}

static bool replace_file(int folder, const char *from, const char *to)
{
    (void)folder;
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
}

static void remove_file(int folder, const char *path)
{
    (void)folder;
    _unlink(path);
}

static char *resolve_link(const char *path)
{
    return clxi_strdup(path);
}
#else
#include <unistd.h>
#define IS_REGULAR(mode) S_ISREG(mode)
#define OPEN_READ (O_RDONLY | O_CLOEXEC)
#define OPEN_NEW (O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)
#define MODE_PUBLIC 0666
#define MODE_PRIVATE 0600
#define THIS_FOLDER AT_FDCWD
typedef struct stat file_stat;
#define stat_path stat

static int open_new(int folder, const char *path, int mode)
{
    return openat(folder, path, OPEN_NEW, mode);
}

static int flush_file(int fd)
{
    return fsync(fd);
}

static bool replace_file(int folder, const char *from, const char *to)
{
    return renameat(folder, from, folder, to) == 0;
}

static void remove_file(int folder, const char *path)
{
    unlinkat(folder, path, 0);
}

/* Renaming onto a symbolic link would replace the link and not what it points to. */
static char *resolve_link(const char *path)
{
    char *target = realpath(path, NULL);
    return target != NULL ? target : clxi_strdup(path);
}
#endif

#define CHUNK_BYTES ((size_t)1 << 24)
#define TEMPORARY_TRIES 1000

/* Opens for reading only if it is a regular file: a pipe or a device could block or never end. */
static clx_status open_regular(const char *path, int *fd, uint64_t *size_bytes, clx_error *error)
{
    file_stat info;
    if (stat_path(path, &info) != 0) return clxi_fail(error, CLX_ERR_IO, "%s: %s", path, strerror(errno));
    if (!IS_REGULAR(info.st_mode)) return clxi_fail(error, CLX_ERR_IO, "%s: not a regular file", path);
    *fd = open(path, OPEN_READ);
    if (*fd < 0) return clxi_fail(error, CLX_ERR_IO, "%s: %s", path, strerror(errno));
    *size_bytes = (uint64_t)info.st_size;
    return CLX_OK;
}

/* Reads until `size` bytes are there or the file ends. */
static bool read_all(int fd, char *data, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        size_t chunk = size - *got < CHUNK_BYTES ? size - *got : CHUNK_BYTES;
        long long count = read(fd, data + *got, (unsigned)chunk);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        if (count == 0) break;
        *got += (size_t)count;
    }
    return true;
}

clx_status clxi_file_read_open(int fd, const char *path, uint64_t size, size_t limit_bytes, char **data,
                               size_t *size_bytes, clx_error *error)
{
    clx_status status = CLX_OK;
    char *bytes = NULL;
    if (size > limit_bytes || size >= SIZE_MAX) {
        status = clxi_fail(error, CLX_ERR_IO, "%s: %llu bytes, expected at most %zu", path, (unsigned long long)size,
                           limit_bytes);
        goto fail;
    }
    bytes = malloc((size_t)size + 1);
    if (bytes == NULL) {
        status = clxi_fail_memory(error, path);
        goto fail;
    }
    if (!read_all(fd, bytes, (size_t)size, size_bytes)) {
        status = clxi_fail(error, CLX_ERR_IO, "%s: %s", path, strerror(errno));
        goto fail;
    }
    bytes[*size_bytes] = '\0';
    *data = bytes;
    return CLX_OK;
fail:
    free(bytes);
    *size_bytes = 0;
    return status;
}

clx_status clxi_file_read(const char *path, size_t limit_bytes, char **data, size_t *size_bytes, clx_error *error)
{
    uint64_t size = 0;
    int fd = -1;
    *data = NULL;
    *size_bytes = 0;
    clx_status status = open_regular(path, &fd, &size, error);
    if (status != CLX_OK) return status;
    status = clxi_file_read_open(fd, path, size, limit_bytes, data, size_bytes, error);
    close(fd);
    return status;
}

struct clxi_writer {
    int folder;      /* what the paths are relative to */
    char *path;      /* where the file is to appear, links resolved */
    char *temporary; /* where it is written, in the same folder; NULL until it exists */
    int mode;
    int fd;
};

static void writer_free(clxi_writer *writer)
{
    if (writer->fd >= 0) close(writer->fd);
    if (writer->temporary != NULL) remove_file(writer->folder, writer->temporary);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}

void clxi_writer_abandon(clxi_writer *writer)
{
    if (writer != NULL) writer_free(writer);
}

/* Length of the folder's part of a path, with its last separator. */
static size_t folder_length(const char *path)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] != '/' && path[length - 1] != '\\') {
        length--;
    }
    return length;
}

/* A name that nobody has: O_EXCL decides between threads, processes and machines that share the folder. */
static clx_status open_temporary(clxi_writer *writer, clx_error *error)
{
    int code = EEXIST;
    for (int i = 0; i < TEMPORARY_TRIES && code == EEXIST; i++) {
        clxi_text name = CLXI_TEXT_INIT;
        clxi_text_append(&name, writer->path, folder_length(writer->path));
        clxi_text_printf(&name, CLXI_TEMPORARY_PREFIX "%ld-%d" CLXI_TEMPORARY_SUFFIX, (long)getpid(), i);
        if (name.failed) {
            clxi_text_free(&name);
            return clxi_fail_memory(error, "a file name");
        }
        writer->fd = open_new(writer->folder, name.data, writer->mode);
        if (writer->fd >= 0) {
            writer->temporary = name.data;
            return CLX_OK;
        }
        code = errno;
        clxi_text_free(&name);
    }
    return clxi_fail(error, CLX_ERR_IO, "%s: %s", writer->path, strerror(code));
}

clx_status clxi_writer_open(const char *path, clxi_writer **out, clx_error *error)
{
    clx_status status = CLX_OK;
    file_stat info;
    *out = NULL;
    clxi_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return clxi_fail_memory(error, path);
    writer->folder = THIS_FOLDER;
    writer->mode = MODE_PUBLIC;
    writer->fd = -1;
    writer->path = resolve_link(path);
    if (writer->path == NULL) {
        status = clxi_fail_memory(error, path);
        goto fail;
    }
    if (stat_path(writer->path, &info) == 0 && !IS_REGULAR(info.st_mode)) {
        status = clxi_fail(error, CLX_ERR_IO, "%s: not a regular file", path); /* /dev/null must not be renamed over */
        goto fail;
    }
    CLXI_TRY(open_temporary(writer, error));
    *out = writer;
    return CLX_OK;
fail:
    writer_free(writer);
    return status;
}

#ifndef _WIN32
clx_status clxi_writer_open_in(int folder, const char *name, clxi_writer **out, clx_error *error)
{
    clx_status status = CLX_OK;
    *out = NULL;
    clxi_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return clxi_fail_memory(error, name);
    writer->folder = folder;
    writer->mode = MODE_PRIVATE;
    writer->fd = -1;
    writer->path = clxi_strdup(name);
    if (writer->path == NULL) {
        status = clxi_fail_memory(error, name);
        goto fail;
    }
    CLXI_TRY(open_temporary(writer, error));
    *out = writer;
    return CLX_OK;
fail:
    writer_free(writer);
    return status;
}
#endif

clx_status clxi_writer_append(clxi_writer *writer, const void *data, size_t size_bytes, clx_error *error)
{
    const char *bytes = data;
    while (size_bytes > 0) {
        size_t chunk = size_bytes < CHUNK_BYTES ? size_bytes : CHUNK_BYTES;
        long long count = write(writer->fd, bytes, (unsigned)chunk);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return clxi_fail(error, CLX_ERR_IO, "%s: %s", writer->path, strerror(errno));
        bytes += count;
        size_bytes -= (size_t)count;
    }
    return CLX_OK;
}

clx_status clxi_writer_commit(clxi_writer *writer, clx_error *error)
{
    /* A full disk may show only when the file is flushed or closed. */
    bool good = flush_file(writer->fd) == 0;
    int code = errno;
    if (close(writer->fd) != 0 && good) {
        code = errno;
        good = false;
    }
    writer->fd = -1;
    if (good && !replace_file(writer->folder, writer->temporary, writer->path)) {
        code = errno;
        good = false;
    }
    clx_status status = CLX_OK;
    if (good) {
        free(writer->temporary);
        writer->temporary = NULL;
    } else {
        status = clxi_fail(error, CLX_ERR_IO, "%s: %s", writer->path, strerror(code));
    }
    writer_free(writer);
    return status;
}

clx_status clxi_file_write(const char *path, const void *data, size_t size_bytes, clx_error *error)
{
    clxi_writer *writer = NULL;
    clx_status status = clxi_writer_open(path, &writer, error);
    if (status != CLX_OK) return status;
    status = clxi_writer_append(writer, data, size_bytes, error);
    if (status != CLX_OK) {
        clxi_writer_abandon(writer);
        return status;
    }
    return clxi_writer_commit(writer, error);
}

bool clxi_file_remove(const char *path)
{
    return unlink(path) == 0;
}
