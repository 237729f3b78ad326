/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache's folder and files: what somebody else could have written is not read, and what is written nobody else can
 * read. Some of it takes root, who alone can give files away. */
#include "base/file.h"
#include "base/trusted.h"
#include "runtime/cache.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNLIMITED UINT64_MAX
#define ANOTHER_USER 65534

static char *folder; /* of ours, to put others in */
static char *inner;  /* not made yet */
static char *link_path;

static void open_folder(void)
{
    folder = folder_fresh("trusted");
    inner = path_join(folder, "inner");
    link_path = path_join(folder, "link");
    umask(0);
}

static void close_folder(void)
{
    unlink(link_path);
    if (access(inner, F_OK) == 0) {
        folder_drop(inner);
    } else {
        free(inner);
    }
    folder_drop(folder);
    free(link_path);
}

static bool store(const char *where)
{
    return clxi_cache_store(where, "key", 3, "payload", 7, UNLIMITED);
}

static bool load(const char *where)
{
    void *data = NULL;
    size_t size = 0;
    if (!clxi_cache_load(where, "key", 3, &data, &size)) return false;
    ck_assert(size == 7 && memcmp(data, "payload", 7) == 0);
    free(data);
    return true;
}

static void keep_path(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    snprintf(user, 4096, "%s", path);
}

/* The one file of the inner folder. */
static void find_entry(char *path)
{
    path[0] = '\0';
    ck_assert(clxi_folder_visit(inner, keep_path, path));
    ck_assert(path[0] != '\0');
}

static void expect_distrust(const char *where, const char *wanted)
{
    const char *reason = NULL;
    ck_assert_ptr_null(clxi_trusted_open(where, false, &reason));
    ck_assert_msg(reason != NULL && strcmp(reason, wanted) == 0, "%s: '%s', expected '%s'", where,
                  reason != NULL ? reason : "", wanted);
    ck_assert(!clxi_cache_usable(where, &reason));
    ck_assert(!store(where));
    ck_assert(!load(where));
}

START_TEST(modes)
{
    char entry[4096];
    struct stat info;
    ck_assert(store(inner));
    ck_assert_int_eq(stat(inner, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0700);
    find_entry(entry);
    ck_assert_int_eq(stat(entry, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0600);
    ck_assert(load(inner));
}
END_TEST

START_TEST(missing_folder_is_no_reason)
{
    const char *reason = "";
    ck_assert_ptr_null(clxi_trusted_open(inner, false, &reason));
    ck_assert_ptr_null(reason);
    ck_assert(clxi_cache_usable(inner, &reason));
}
END_TEST

START_TEST(linked_folder)
{
    char *with_slash = path_join(link_path, "");
    ck_assert(store(inner));
    ck_assert_int_eq(symlink(inner, link_path), 0);
    expect_distrust(link_path, "a symbolic link");
    expect_distrust(with_slash, "a symbolic link");
    ck_assert(load(inner));
    free(with_slash);
}
END_TEST

START_TEST(folder_others_may_write)
{
    static const mode_t modes[] = {0720, 0702, 0777};
    ck_assert(store(inner));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ck_assert_int_eq(chmod(inner, modes[i]), 0);
        expect_distrust(inner, "writable by others");
    }
    ck_assert_int_eq(chmod(inner, 0755), 0); /* that others may read is their gain, not our loss */
    ck_assert(load(inner));
}
END_TEST

START_TEST(no_folder)
{
    expect_ok(clxi_file_write(link_path, "x", 1, &test_error));
    expect_distrust(link_path, "no folder");
}
END_TEST

START_TEST(file_others_may_write)
{
    char entry[4096];
    ck_assert(store(inner));
    find_entry(entry);
    ck_assert_int_eq(chmod(entry, 0620), 0);
    ck_assert(!load(inner));
    ck_assert_int_eq(chmod(entry, 0602), 0);
    ck_assert(!load(inner));
    ck_assert_int_eq(chmod(entry, 0644), 0);
    ck_assert(load(inner));
}
END_TEST

/* A link in place of an entry: not read; and writing replaces it, and leaves alone what it points to. */
START_TEST(linked_file)
{
    char entry[4096];
    struct stat info;
    char *data = NULL;
    size_t size = 0;
    ck_assert(store(inner));
    find_entry(entry);
    ck_assert_int_eq(rename(entry, link_path), 0); /* the true entry, elsewhere */
    ck_assert_int_eq(symlink(link_path, entry), 0);
    ck_assert(!load(inner));
    ck_assert_int_eq(unlink(link_path), 0);
    expect_ok(clxi_file_write(link_path, "theirs", 6, &test_error));
    ck_assert(store(inner));
    ck_assert(load(inner));
    ck_assert_int_eq(lstat(entry, &info), 0);
    ck_assert(S_ISREG(info.st_mode));
    expect_ok(clxi_file_read(link_path, 100, &data, &size, &test_error));
    ck_assert_str_eq(data, "theirs");
    free(data);
}
END_TEST

/* A pipe has no end to wait for, a folder no bytes. */
START_TEST(odd_files)
{
    char entry[4096];
    ck_assert(store(inner));
    find_entry(entry);
    unlink(entry);
    ck_assert_int_eq(mkfifo(entry, 0600), 0);
    ck_assert(!load(inner));
    unlink(entry);
    ck_assert_int_eq(mkdir(entry, 0700), 0);
    ck_assert(!load(inner));
    ck_assert(!store(inner));
    rmdir(entry);
    ck_assert(store(inner));
}
END_TEST

/* Links are not followed, or counted, when old files are removed, and what they point to stays. */
START_TEST(removal_follows_no_link)
{
    char *old = path_join(inner, "0.clx");
    char *target = path_join(folder, "target");
    ck_assert(store(inner));
    expect_ok(clxi_file_write(target, "far larger than the limit", 25, &test_error));
    ck_assert_int_eq(symlink(target, old), 0);
    ck_assert(clxi_cache_store(inner, "key", 3, "payload", 7, 60));
    ck_assert_int_eq(access(target, F_OK), 0);
    ck_assert(load(inner));
    ck_assert_int_eq(unlink(old), 0); /* the link itself was none of its files, either */
    unlink(target);
    free(old);
    free(target);
}
END_TEST

START_TEST(another_owner)
{
    char entry[4096];
    if (geteuid() != 0) return; /* only root gives files away */
    ck_assert(store(inner));
    find_entry(entry);
    ck_assert_int_eq(chown(entry, ANOTHER_USER, ANOTHER_USER), 0);
    ck_assert(!load(inner));
    ck_assert_int_eq(chown(entry, 0, 0), 0);
    ck_assert(load(inner));
    ck_assert_int_eq(chown(inner, ANOTHER_USER, ANOTHER_USER), 0);
    expect_distrust(inner, "owned by another user");
    ck_assert_int_eq(chown(inner, 0, 0), 0);
}
END_TEST

/* Root could do anything anyway, and may have filled a cache for all. In /tmp, where another user gets to. */
START_TEST(roots_folder)
{
    char theirs[] = "/tmp/clxlstm-trusted-XXXXXX";
    char entry[4096];
    if (geteuid() != 0) return;
    ck_assert_ptr_nonnull(mkdtemp(theirs));
    free(inner);
    inner = path_join(theirs, "inner");
    ck_assert(store(inner));
    find_entry(entry);
    ck_assert_int_eq(chmod(theirs, 0755) | chmod(inner, 0755) | chmod(entry, 0644), 0);
    ck_assert_int_eq(seteuid(ANOTHER_USER), 0);
    const bool loaded = load(inner), stored = store(inner);
    ck_assert_int_eq(seteuid(0), 0);
    folder_empty(inner);
    rmdir(inner);
    rmdir(theirs);
    ck_assert(loaded && !stored);
}
END_TEST

/* This program again, under a name and with modes of its own: what does it see of the environment? */
static void run_copy(const char *path, char *seen, size_t room)
{
    char command[8192];
    snprintf(command, sizeof command, "CLX_DEVICE=chosen '%s' --environment", path);
    FILE *out = popen(command, "r");
    ck_assert_ptr_nonnull(out);
    seen[fread(seen, 1, room - 1, out)] = '\0';
    ck_assert_int_eq(pclose(out), 0);
}

START_TEST(set_uid)
{
    char *program = NULL;
    char seen[200];
    size_t size = 0;
    char *copy = path_join(folder, "copy");
    expect_ok(clxi_file_read("/proc/self/exe", SIZE_MAX / 2, &program, &size, &test_error));
    expect_ok(clxi_file_write(copy, program, size, &test_error));
    free(program);
    ck_assert_int_eq(chmod(copy, 0755), 0);
    run_copy(copy, seen, sizeof seen);
    ck_assert_str_eq(seen, "same user: chosen");
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(copy, ANOTHER_USER, ANOTHER_USER), 0);
        ck_assert_int_eq(chmod(copy, 04755), 0);
        run_copy(copy, seen, sizeof seen);
        /* a file system may be mounted so that the mode means nothing */
        ck_assert_msg(strcmp(seen, "another user: -") == 0 || strcmp(seen, "same user: chosen") == 0, "%s", seen);
        printf("set-uid: %s\n", seen);
    }
    free(copy);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--environment") == 0) {
        const char *seen = clxi_environment("CLX_DEVICE");
        printf("%s user: %s", getuid() == geteuid() ? "same" : "another", seen != NULL ? seen : "-");
        return 0;
    }
    Suite *suite = suite_create("trusted");
    TCase *tcase = suite_case(suite, "trusted", 60);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_add_test(tcase, modes);
    tcase_add_test(tcase, missing_folder_is_no_reason);
    tcase_add_test(tcase, linked_folder);
    tcase_add_test(tcase, folder_others_may_write);
    tcase_add_test(tcase, no_folder);
    tcase_add_test(tcase, file_others_may_write);
    tcase_add_test(tcase, linked_file);
    tcase_add_test(tcase, odd_files);
    tcase_add_test(tcase, removal_follows_no_link);
    tcase_add_test(tcase, another_owner);
    tcase_add_test(tcase, roots_folder);
    tcase_add_test(tcase, set_uid);
    return suite_run(suite);
}
