/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders for tests. */
#include "support/support.h"

#include "base/file.h"
#include "base/text.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void remove_file(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)user;
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    clxi_file_remove(path);
}

void folder_empty(const char *path)
{
    clxi_folder_visit(path, remove_file, NULL);
}

char *folder_fresh(const char *name)
{
    clxi_text path = CLXI_TEXT_INIT;
    clxi_text_printf(&path, "%s/test-folders/%s-%ld", CLX_TEST_BINARY_DIR, name, (long)getpid());
    ck_assert(!path.failed);
    ck_assert_msg(clxi_folder_make(path.data), "%s", path.data);
    folder_empty(path.data);
    return path.data;
}

void folder_drop(char *path)
{
    chmod(path, 0700);
    folder_empty(path);
    rmdir(path);
    free(path);
}

char *path_join(const char *folder, const char *name)
{
    clxi_text path = CLXI_TEXT_INIT;
    clxi_text_printf(&path, "%s/%s", folder, name);
    ck_assert(!path.failed);
    return path.data;
}
