/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are believed; see the header. The folder is opened once and looked at, and everything in it is reached
 * through that descriptor: what its name leads to a moment later does not matter. */
#define _GNU_SOURCE /* secure_getenv */
#include "base/trusted.h"

#include "base/file.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
struct clxi_trusted {
    char *path;
};

char *clxi_environment(const char *variable)
{
    return getenv(variable);
}

clxi_trusted *clxi_trusted_open(const char *path, bool make, const char **reason)
{
    *reason = NULL;
    if (make && !clxi_folder_make(path)) return NULL;
    clxi_trusted *folder = malloc(sizeof *folder);
    if (folder == NULL) return NULL;
    folder->path = clxi_strdup(path);
    if (folder->path != NULL) return folder;
    free(folder);
    return NULL;
}

void clxi_trusted_close(clxi_trusted *folder)
{
    if (folder != NULL) free(folder->path);
    free(folder);
}

static bool path_of(const clxi_trusted *folder, const char *name, clxi_text *path)
{
    clxi_text_printf(path, "%s/%s", folder->path, name);
    return !path->failed;
}

bool clxi_trusted_read(const clxi_trusted *folder, const char *name, size_t limit_bytes, char **data,
                       size_t *size_bytes)
{
    clxi_text path = CLXI_TEXT_INIT;
    const bool good =
        path_of(folder, name, &path) && clxi_file_read(path.data, limit_bytes, data, size_bytes, NULL) == CLX_OK;
    clxi_text_free(&path);
    return good;
}

bool clxi_trusted_write(const clxi_trusted *folder, const char *name, const void *data, size_t size_bytes)
{
    clxi_text path = CLXI_TEXT_INIT;
    const bool good = path_of(folder, name, &path) && clxi_file_write(path.data, data, size_bytes, NULL) == CLX_OK;
    clxi_text_free(&path);
    return good;
}

bool clxi_trusted_remove(const clxi_trusted *folder, const char *name)
{
    clxi_text path = CLXI_TEXT_INIT;
    const bool good = path_of(folder, name, &path) && clxi_file_remove(path.data);
    clxi_text_free(&path);
    return good;
}

void clxi_trusted_touch(const clxi_trusted *folder, const char *name)
{
    clxi_text path = CLXI_TEXT_INIT;
    if (path_of(folder, name, &path)) clxi_file_touch(path.data);
    clxi_text_free(&path);
}

typedef struct visitor {
    clxi_trusted_visit_fn visit;
    void *user;
} visitor;

static void visit_file(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    const visitor *v = user;
    (void)path;
    v->visit(v->user, name, size_bytes, changed_s);
}

void clxi_trusted_visit(const clxi_trusted *folder, clxi_trusted_visit_fn visit, void *user)
{
    visitor v = {visit, user};
    clxi_folder_visit(folder->path, visit_file, &v);
}
#else
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct clxi_trusted {
    int fd;
};

char *clxi_environment(const char *variable)
{
#if defined(__linux__) && !defined(__ANDROID__)
    return secure_getenv(variable);
#else
    return getuid() == geteuid() && getgid() == getegid() ? getenv(variable) : NULL;
#endif
}

/* NULL for what this user or root owns and nobody else may write, or what is wrong with it. */
static const char *distrust(const struct stat *info)
{
    if (info->st_uid != geteuid() && info->st_uid != 0) return "owned by another user";
    if ((info->st_mode & (S_IWGRP | S_IWOTH)) != 0) return "writable by others";
    return NULL;
}

/* With a separator at the end, a link would be followed all the same. */
static char *without_last_separators(const char *path)
{
    char *copy = clxi_strdup(path);
    size_t length = copy != NULL ? strlen(copy) : 0;
    while (length > 1 && copy[length - 1] == '/') {
        copy[--length] = '\0';
    }
    return copy;
}

/* Why a folder does not open. */
static const char *why_closed(const char *path, int code)
{
    struct stat info;
    if (code == ENOENT) return NULL;
    if (lstat(path, &info) != 0) return strerror(code);
    if (S_ISLNK(info.st_mode)) return "a symbolic link";
    return S_ISDIR(info.st_mode) ? strerror(code) : "no folder";
}

static int open_folder(const char *path, const char **reason)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        *reason = why_closed(path, errno);
        return -1;
    }
    *reason = fstat(fd, &info) != 0 ? strerror(errno) : distrust(&info);
    if (*reason == NULL) return fd;
    close(fd);
    return -1;
}

clxi_trusted *clxi_trusted_open(const char *path, bool make, const char **reason)
{
    int fd = -1;
    *reason = NULL;
    clxi_trusted *folder = malloc(sizeof *folder);
    char *name = without_last_separators(path);
    if (folder != NULL && name != NULL) {
        if (make) clxi_folder_make(name); /* a failure shows in the next step */
        fd = open_folder(name, reason);
    }
    free(name);
    if (fd < 0) {
        free(folder);
        return NULL;
    }
    folder->fd = fd;
    return folder;
}

void clxi_trusted_close(clxi_trusted *folder)
{
    if (folder != NULL) close(folder->fd);
    free(folder);
}

/* O_NONBLOCK: opening a pipe must not wait for its other end. */
bool clxi_trusted_read(const clxi_trusted *folder, const char *name, size_t limit_bytes, char **data,
                       size_t *size_bytes)
{
    struct stat info;
    const int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return false;
    const bool good =
        fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && distrust(&info) == NULL &&
        clxi_file_read_open(fd, name, (uint64_t)info.st_size, limit_bytes, data, size_bytes, NULL) == CLX_OK;
    close(fd);
    return good;
}

bool clxi_trusted_write(const clxi_trusted *folder, const char *name, const void *data, size_t size_bytes)
{
    clxi_writer *writer = NULL;
    if (clxi_writer_open_in(folder->fd, name, &writer, NULL) != CLX_OK) return false;
    if (clxi_writer_append(writer, data, size_bytes, NULL) == CLX_OK) return clxi_writer_commit(writer, NULL) == CLX_OK;
    clxi_writer_abandon(writer);
    return false;
}

bool clxi_trusted_remove(const clxi_trusted *folder, const char *name)
{
    return unlinkat(folder->fd, name, 0) == 0;
}

void clxi_trusted_touch(const clxi_trusted *folder, const char *name)
{
    utimensat(folder->fd, name, NULL, AT_SYMLINK_NOFOLLOW);
}

void clxi_trusted_visit(const clxi_trusted *folder, clxi_trusted_visit_fn visit, void *user)
{
    struct stat info;
    const int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (entries == NULL) {
        if (fd >= 0) close(fd);
        return;
    }
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (fstatat(folder->fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) continue;
        visit(user, entry->d_name, (uint64_t)info.st_size, (int64_t)info.st_mtime);
    }
    closedir(entries);
}
#endif
