/* SPDX-License-Identifier: Apache-2.0
 *
 * Goes through files as inputs of a fuzz target: replay FILE|FOLDER... Reports how many there were. */
#include "fuzz.h"

#include "base/file.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static size_t count;

static void replay(const char *path)
{
    clx_error error = CLX_ERROR_INIT;
    char *data = NULL;
    size_t size = 0;
    if (clxi_file_read(path, SIZE_MAX / 2, &data, &size, &error) != CLX_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    uint8_t *input = malloc(size > 0 ? size : 1); /* without the NUL behind it, so that sanitizers see its end */
    demand(input != NULL);
    memcpy(input, data, size);
    free(data);
    LLVMFuzzerTestOneInput(input, size);
    free(input);
    count++;
}

static void visit(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)user;
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    replay(path);
}

int main(int argc, char **argv)
{
    struct stat info;
    for (int i = 1; i < argc; i++) {
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            demand(clxi_folder_visit(argv[i], visit, NULL));
        } else {
            replay(argv[i]);
        }
    }
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
