/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM operator and its folder of compiled programs: whatever state the folder is in, the operator is made and is
 * right; a second start compiles nothing. */
#include "support/mlstm_problem.h"
#include "support/tiny_disk.h"

#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;
static mlstm_problem problem;

static void open_folder(void)
{
    random_state random = {3};
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 20;
    desc.DHV = 24;
    mlstm_problem_make(&problem, &desc, 1, 2, 40, GATES_PLAIN, MASK_NONE, &random);
    folder = folder_fresh("mlstm-cache");
}

static void close_folder(void)
{
    mlstm_problem_free(&problem);
    folder_drop(folder);
}

/* One start of a program: context, operator, a call that is judged. */
static clx_build_counts start(const char *cache_dir)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.cache_dir = cache_dir;
    options.variants = "simt"; /* one family is enough, and quick to build */
    device_open(&options);
    const mlstm_layout layout = mlstm_layout_bhsd(&problem);
    clx_mlstm *op = mlstm_make(&problem);
    mlstm_check(op, &problem, &layout, cache_dir);
    clx_mlstm_destroy(op);
    const clx_build_counts counts = clx_context_build_counts(device.context);
    device_close();
    return counts;
}

START_TEST(second_start_compiles_nothing)
{
    clx_build_counts counts = start(folder);
    ck_assert_uint_eq(counts.compiled, 2); /* gates, forward */
    counts = start(folder);
    ck_assert_uint_eq(counts.compiled, 0);
    ck_assert_uint_eq(counts.loaded, 2);
}
END_TEST

/* How a file of the folder is spoiled. */
enum { EMPTIED, CUT, ALTERED, REPLACED, SPOILS };
static int spoil;

static void spoil_file(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    char *data = NULL;
    size_t size = 0;
    (void)user;
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    if (clxi_file_read(path, (size_t)1 << 30, &data, &size, NULL) != CLX_OK) return;
    if (spoil == EMPTIED) size = 0;
    if (spoil == CUT) size /= 2;
    for (size_t i = 0; i < size; i++)
        if (spoil == REPLACED || (spoil == ALTERED && i == size - 100)) data[i] = (char)(data[i] + 85);
    clxi_file_write(path, data, size, NULL);
    free(data);
}

START_TEST(garbage_is_rebuilt)
{
    start(folder);
    spoil = _i;
    clxi_folder_visit(folder, spoil_file, NULL);
    ck_assert_uint_eq(start(folder).compiled, 2);
    ck_assert_uint_eq(start(folder).compiled, 0); /* what was bad has been replaced */
}
END_TEST

/* A file where the folder should be, and a folder that nobody can make. */
START_TEST(unusable_folder)
{
    char *file = path_join(folder, "file");
    expect_ok(clxi_file_write(file, "x", 1, &test_error));
    ck_assert_uint_eq(start(_i == 0 ? file : "/dev/null/no/such/folder").compiled, 2);
    free(file);
}
END_TEST

static void keep_cache_line(void *user, clx_log_level level, const char *message)
{
    if (level == CLX_LOG_WARNING && strncmp(message, "cache: ", 7) == 0) snprintf(user, 1000, "%s", message);
}

/* A warm cache that somebody else could have filled: nothing is loaded from it, and the log says why. */
START_TEST(distrusted_folder)
{
    char line[1000] = "";
    char *link = path_join(folder, "link");
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    start(folder);
    ck_assert_int_eq(_i == 0 ? chmod(folder, 0770) : symlink(folder, link), 0);
    options.cache_dir = _i == 0 ? folder : link;
    options.log = keep_cache_line;
    options.log_user = line;
    device_open(&options);
    device_close();
    ck_assert_msg(strstr(line, _i == 0 ? " is writable by others, " : " is a symbolic link, ") != NULL, "'%s'", line);
    ck_assert_uint_eq(start(options.cache_dir).loaded, 0);
    ck_assert_int_eq(_i == 0 ? chmod(folder, 0700) : unlink(link), 0);
    ck_assert_uint_eq(start(folder).loaded, 2); /* it was left as it was */
    free(link);
}
END_TEST

/* Disks of this process's own, where the system allows them. */
START_TEST(full_or_read_only_disk)
{
    if (!tiny_disk_mount(folder, 4096) || (_i == 1 && !tiny_disk_make_read_only(folder))) {
        printf("SKIPPED: a disk that is full or read-only: this system lets the test have none\n");
        return;
    }
    ck_assert_uint_eq(start(folder).compiled, 2);
    ck_assert_uint_eq(start(folder).compiled, 2); /* nothing could be kept */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_cache");
    TCase *tcase = suite_case(suite, "cache", 120);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_add_test(tcase, second_start_compiles_nothing);
    tcase_add_loop_test(tcase, garbage_is_rebuilt, 0, SPOILS);
    tcase_add_loop_test(tcase, unusable_folder, 0, 2);
    tcase_add_loop_test(tcase, distrusted_folder, 0, 2);
    tcase_add_loop_test(tcase, full_or_read_only_disk, 0, 2);
    return suite_run(suite);
}
