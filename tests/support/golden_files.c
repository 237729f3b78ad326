/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of golden files. */
#include "support/golden_files.h"

#include "base/file.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

typedef struct search {
    golden_files *files;
    const char *op;
} search;

static void keep_path(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    static const char ending[] = ".safetensors";
    search *s = user;
    const size_t length = strlen(name), head = strlen(s->op), tail = sizeof ending - 1;
    (void)size_bytes;
    (void)changed_s;
    if (length < head + 1 + tail || strncmp(name, s->op, head) != 0 || name[head] != '.') return;
    if (strcmp(name + length - tail, ending) != 0 || s->files->count == GOLDEN_FILES_MAX) return;
    s->files->path[s->files->count] = clxi_strdup(path);
    if (s->files->path[s->files->count] != NULL) s->files->count++;
}

void golden_files_find(golden_files *files, const char *op)
{
    search s = {files, op};
    files->count = 0;
    clxi_folder_visit(CLX_TEST_SOURCE_DIR "/tests/golden", keep_path, &s);
}

void golden_files_free(golden_files *files)
{
    for (int i = 0; i < files->count; i++)
        free(files->path[i]);
    files->count = 0;
}
