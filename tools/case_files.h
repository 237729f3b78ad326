/* SPDX-License-Identifier: Apache-2.0
 *
 * The case files that operands name: files as they are, folders as all .safetensors files in them, sorted. */
#ifndef CLXLSTM_TOOLS_CASE_FILES_H
#define CLXLSTM_TOOLS_CASE_FILES_H

#include "base/fail.h"
#include <stddef.h>

typedef struct tool_files {
    char **paths;
    size_t count;
    size_t room;
    int failed; /* not 0: memory was short */
} tool_files;

/* Errors: CLX_ERR_IO (a folder that cannot be read, or without cases). A file that is missing shows when it is read. */
clx_status tool_files_find(tool_files *files, char **operands, size_t operand_count, clx_error *error);
void tool_files_free(tool_files *files);

/* The file's name without folders and ".safetensors", cut to the room. */
const char *tool_case_name(const char *path, char *name, size_t room);

#endif
