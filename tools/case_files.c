/* SPDX-License-Identifier: Apache-2.0
 *
 * The case files that operands name. */
#include "case_files.h"
#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".safetensors";

static void add_path(tool_files *files, const char *path)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 64;
        char **paths = realloc(files->paths, room * sizeof *paths);
        if (!paths) {
            files->failed = 1;
            return;
        }
        files->paths = paths;
        files->room = room;
    }
    char *copy = clxi_strdup(path);
    if (!copy) {
        files->failed = 1;
        return;
    }
    files->paths[files->count++] = copy;
}

static void visit(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    size_t length = strlen(name);
    (void)size_bytes;
    (void)changed_s;
    if (length < sizeof suffix || strcmp(name + length - (sizeof suffix - 1), suffix) != 0) return;
    if (name[0] != '.') add_path(user, path);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

clx_status tool_files_find(tool_files *files, char **operands, size_t operand_count, clx_error *error)
{
    memset(files, 0, sizeof *files);
    for (size_t index = 0; index < operand_count; ++index) {
        size_t before = files->count;
        if (!clxi_folder_visit(operands[index], visit, files)) {
            add_path(files, operands[index]); /* a file, or nothing: reading it will say */
            continue;
        }
        if (files->count == before && !files->failed) {
            return clxi_fail(error, CLX_ERR_IO, "%s: no .safetensors file in this folder", operands[index]);
        }
        qsort(files->paths + before, files->count - before, sizeof *files->paths, compare_paths);
    }
    return files->failed ? clxi_fail_memory(error, "the list of files") : CLX_OK;
}

void tool_files_free(tool_files *files)
{
    for (size_t index = 0; index < files->count; ++index) {
        free(files->paths[index]);
    }
    free(files->paths);
    memset(files, 0, sizeof *files);
}

const char *tool_case_name(const char *path, char *name, size_t room)
{
    const char *base = path;
    for (const char *c = path; *c; ++c) {
        if (*c == '/' || *c == '\\') base = c + 1;
    }
    size_t length = strlen(base);
    if (length > sizeof suffix - 1 && !strcmp(base + length - (sizeof suffix - 1), suffix)) length -= sizeof suffix - 1;
    snprintf(name, room, "%.*s", (int)length, base);
    return name;
}
