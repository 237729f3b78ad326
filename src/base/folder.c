/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders, times of change, and where a user's cached files belong. */
#include "base/file.h"

#include "base/text.h"
#include "base/trusted.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifdef _WIN32
#include <direct.h>
#include <io.h>
#include <sys/utime.h>
#else
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#endif

static bool is_separator(char c)
{
#ifdef _WIN32
    return c == '/' || c == '\\';
#else
    return c == '/';
#endif
}

/* Compiled programs are code: only their owner may write them. */
static int make_one(const char *path)
{
#ifdef _WIN32
    return _mkdir(path);
#else
    return mkdir(path, 0700);
#endif
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && (info.st_mode & S_IFMT) == S_IFDIR;
}

bool clxi_folder_make(const char *path)
{
    if (path[0] == '\0') return false;
    if (is_folder(path)) return true;
    char *part = clxi_strdup(path);
    if (part == NULL) return false;
    for (char *c = part + 1; *c != '\0'; c++) {
        if (!is_separator(*c)) continue;
        char separator = *c;
        *c = '\0';
        make_one(part); /* a failure shows in the last one */
        *c = separator;
    }
    make_one(part);
    free(part);
    return is_folder(path);
}

/* Tells the visitor of one entry, if it is a regular file. */
static void visit_entry(const char *folder, const char *name, clxi_visit_fn visit, void *user)
{
    clxi_text path = CLXI_TEXT_INIT;
    clxi_text_printf(&path, "%s/%s", folder, name);
    struct stat info;
    if (!path.failed && stat(path.data, &info) == 0 && (info.st_mode & S_IFMT) == S_IFREG) {
        visit(user, path.data, name, (uint64_t)info.st_size, (int64_t)info.st_mtime);
    }
    clxi_text_free(&path);
}

bool clxi_folder_visit(const char *path, clxi_visit_fn visit, void *user)
{
#ifdef _WIN32
    clxi_text pattern = CLXI_TEXT_INIT;
    clxi_text_printf(&pattern, "%s/*", path);
    if (pattern.failed) return false;
    struct _finddata_t entry;
    intptr_t search = _findfirst(pattern.data, &entry);
    clxi_text_free(&pattern);
    if (search == -1) return false;
    do {
        visit_entry(path, entry.name, visit, user);
    } while (_findnext(search, &entry) == 0);
    _findclose(search);
#else
    DIR *folder = opendir(path);
    if (folder == NULL) return false;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        visit_entry(path, entry->d_name, visit, user);
    }
    closedir(folder);
#endif
    return true;
}

void clxi_file_touch(const char *path)
{
#ifdef _WIN32
    _utime(path, NULL);
#else
    utimensat(AT_FDCWD, path, NULL, 0);
#endif
}

/* <value of the variable>/<rest>, or NULL. Only absolute paths count, as the XDG rules say. */
static char *below_variable(const char *variable, const char *rest)
{
    const char *value = clxi_environment(variable);
    if (value == NULL || value[0] == '\0') return NULL;
#ifndef _WIN32
    if (value[0] != '/') return NULL;
#endif
    clxi_text path = CLXI_TEXT_INIT;
    clxi_text_printf(&path, "%s/%s", value, rest);
    if (path.failed) clxi_text_free(&path);
    return path.data;
}

char *clxi_user_cache_folder(void)
{
#ifdef _WIN32
    return below_variable("LOCALAPPDATA", "clxlstm");
#else
    char *path = below_variable("XDG_CACHE_HOME", "clxlstm");
    return path != NULL ? path : below_variable("HOME", ".cache/clxlstm");
#endif
}
