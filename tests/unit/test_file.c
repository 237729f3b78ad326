/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole or not at all, on full, read-only and odd places. */
#include "base/file.h"
#include "base/text.h"
#include "support/support.h"
#include "support/tiny_disk.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static char *folder;
static char *path;

static void open_folder(void)
{
    folder = folder_fresh("file");
    path = path_join(folder, "target");
}

static void close_folder(void)
{
    free(path);
    folder_drop(folder);
    clx_error_clear(&test_error);
}

static void count_file(void *user, const char *file, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)file;
    (void)name;
    (void)size_bytes;
    ck_assert_int_gt(changed_s, 0);
    ++*(size_t *)user;
}

static size_t files(void)
{
    size_t count = 0;
    ck_assert(clxi_folder_visit(folder, count_file, &count));
    return count;
}

static void expect_content(const char *file, const char *wanted)
{
    char *data = NULL;
    size_t size = 0;
    expect_ok(clxi_file_read(file, 1 << 20, &data, &size, &test_error));
    ck_assert_uint_eq(size, strlen(wanted));
    ck_assert_str_eq(data, wanted);
    free(data);
}

START_TEST(write_and_read)
{
    expect_ok(clxi_file_write(path, "first", 5, &test_error));
    expect_content(path, "first");
    expect_ok(clxi_file_write(path, "2nd", 3, &test_error));
    expect_content(path, "2nd");
    expect_ok(clxi_file_write(path, "", 0, &test_error));
    expect_content(path, "");
    ck_assert_uint_eq(files(), 1);
    ck_assert(clxi_file_remove(path));
    ck_assert(!clxi_file_remove(path));
}
END_TEST

START_TEST(read_refusals)
{
    char *data = (char *)1;
    size_t size = 1;
    expect_refused(clxi_file_read(path, 10, &data, &size, &test_error), CLX_ERR_IO, "No such file");
    ck_assert(data == NULL && size == 0);
    expect_refused(clxi_file_read(folder, 10, &data, &size, &test_error), CLX_ERR_IO, "not a regular file");
    expect_refused(clxi_file_read("/dev/zero", 10, &data, &size, &test_error), CLX_ERR_IO, "not a regular file");
    expect_ok(clxi_file_write(path, "0123456789a", 11, &test_error));
    expect_refused(clxi_file_read(path, 10, &data, &size, &test_error), CLX_ERR_IO, "11 bytes, expected at most 10");
}
END_TEST

/* A writer that is abandoned, or dies, leaves the old file; a second writer is not in its way. */
START_TEST(old_file_stays)
{
    clxi_writer *first = NULL;
    clxi_writer *second = NULL;
    expect_ok(clxi_file_write(path, "old", 3, &test_error));
    expect_ok(clxi_writer_open(path, &first, &test_error));
    expect_ok(clxi_writer_append(first, "half of", 7, &test_error));
    expect_ok(clxi_writer_open(path, &second, &test_error));
    expect_ok(clxi_writer_append(second, "new", 3, &test_error));
    expect_content(path, "old");
    ck_assert_uint_eq(files(), 3);
    expect_ok(clxi_writer_commit(second, &test_error));
    expect_content(path, "new");
    clxi_writer_abandon(first);
    clxi_writer_abandon(NULL);
    expect_content(path, "new");
    ck_assert_uint_eq(files(), 1);
}
END_TEST

START_TEST(odd_places)
{
    clxi_writer *writer = NULL;
    char *missing = path_join(folder, "no/such/target");
    expect_refused(clxi_file_write(missing, "x", 1, &test_error), CLX_ERR_IO, "No such file");
    expect_refused(clxi_file_write(folder, "x", 1, &test_error), CLX_ERR_IO, "not a regular file");
    expect_refused(clxi_writer_open("/dev/null", &writer, &test_error), CLX_ERR_IO, "/dev/null: not a regular file");
    ck_assert_ptr_null(writer);
    expect_refused(clxi_file_write("", "x", 1, &test_error), CLX_ERR_IO, "");
    free(missing);
}
END_TEST

START_TEST(links_are_followed)
{
    char *link = path_join(folder, "link");
    struct stat info;
    expect_ok(clxi_file_write(path, "old", 3, &test_error));
    ck_assert_int_eq(symlink(path, link), 0);
    expect_ok(clxi_file_write(link, "new", 3, &test_error));
    expect_content(path, "new");
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    free(link);
}
END_TEST

/* A limit on file sizes: the write fails half-way, as on a full disk. */
START_TEST(write_fails_half_way)
{
    static char data[100000];
    const struct rlimit limit = {50000, 50000};
    expect_ok(clxi_file_write(path, "old", 3, &test_error));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_refused(clxi_file_write(path, data, sizeof data, &test_error), CLX_ERR_IO, "File too large");
    expect_content(path, "old");
    ck_assert_uint_eq(files(), 1);
}
END_TEST

START_TEST(full_and_read_only_disks)
{
    static char data[1 << 20];
    if (!tiny_disk_mount(folder, 256 << 10)) return; /* not allowed here */
    expect_ok(clxi_file_write(path, "old", 3, &test_error));
    expect_refused(clxi_file_write(path, data, sizeof data, &test_error), CLX_ERR_IO, "No space left");
    expect_content(path, "old");
    ck_assert_uint_eq(files(), 1);
    if (!tiny_disk_make_read_only(folder)) return;
    expect_refused(clxi_file_write(path, "x", 1, &test_error), CLX_ERR_IO, "Read-only file system");
    expect_content(path, "old");
}
END_TEST

START_TEST(folders)
{
    size_t count = 0;
    char *deep = path_join(folder, "a/b/c");
    char *below_file = path_join(path, "x");
    ck_assert(clxi_folder_make(deep));
    ck_assert(clxi_folder_make(deep));
    ck_assert(clxi_folder_make("/"));
    ck_assert(!clxi_folder_make(""));
    expect_ok(clxi_file_write(path, "x", 1, &test_error));
    ck_assert(!clxi_folder_make(path));
    ck_assert(!clxi_folder_make(below_file));
    ck_assert(!clxi_folder_visit(path, count_file, &count));
    ck_assert_uint_eq(files(), 1); /* folders are passed over */
    rmdir(deep);
    deep[strlen(deep) - 2] = '\0';
    rmdir(deep);
    deep[strlen(deep) - 2] = '\0';
    rmdir(deep);
    free(deep);
    free(below_file);
}
END_TEST

START_TEST(touch)
{
    struct stat info;
    const struct timeval old[2] = {{1000, 0}, {1000, 0}};
    expect_ok(clxi_file_write(path, "x", 1, &test_error));
    ck_assert_int_eq(utimes(path, old), 0);
    clxi_file_touch(path);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_gt(info.st_mtime, 1000);
    clxi_file_touch("/no/such/file");
}
END_TEST

START_TEST(cache_folder)
{
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    setenv("HOME", "/home/user", 1);
    char *found = clxi_user_cache_folder();
    ck_assert_str_eq(found, "/xdg/clxlstm");
    free(found);
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, by the XDG rules */
    found = clxi_user_cache_folder();
    ck_assert_str_eq(found, "/home/user/.cache/clxlstm");
    free(found);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_assert_ptr_null(clxi_user_cache_folder());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = suite_case(suite, "file", 20);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_add_test(tcase, write_and_read);
    tcase_add_test(tcase, read_refusals);
    tcase_add_test(tcase, old_file_stays);
    tcase_add_test(tcase, odd_places);
    tcase_add_test(tcase, links_are_followed);
    tcase_add_test(tcase, write_fails_half_way);
    tcase_add_test(tcase, full_and_read_only_disks);
    tcase_add_test(tcase, folders);
    tcase_add_test(tcase, touch);
    tcase_add_test(tcase, cache_folder);
    return suite_run(suite);
}
