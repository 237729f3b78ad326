/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk cache: whatever happened to a file, a load gives the stored payload or a miss. */
#include "base/file.h"
#include "base/hash.h"
#include "runtime/cache.h"
#include "support/support.h"
#include "support/tiny_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNLIMITED UINT64_MAX

static const char key[] = "a key";
static const char payload[] = "the payload, a little longer";
static char *folder;

static void open_folder(void)
{
    folder = folder_fresh("cache");
}

static void close_folder(void)
{
    folder_drop(folder);
}

static bool store(const char *name, const char *data)
{
    return clxi_cache_store(folder, name, strlen(name), data, strlen(data), UNLIMITED);
}

static bool load_is(const char *name, const char *wanted)
{
    void *data = NULL;
    size_t size = 0;
    if (!clxi_cache_load(folder, name, strlen(name), &data, &size)) return false;
    bool same = size == strlen(wanted) && memcmp(data, wanted, size) == 0;
    free(data);
    ck_assert(same); /* anything but the truth must be a miss */
    return true;
}

static void keep_path(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    snprintf(user, 4096, "%s", path);
}

static void add_size(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)path;
    (void)name;
    (void)changed_s;
    *(uint64_t *)user += size_bytes;
}

static uint64_t folder_bytes(void)
{
    uint64_t total = 0;
    ck_assert(clxi_folder_visit(folder, add_size, &total));
    return total;
}

static void only_path(char *path)
{
    path[0] = '\0';
    ck_assert(clxi_folder_visit(folder, keep_path, path));
    ck_assert(path[0] != '\0');
}

START_TEST(store_and_load)
{
    ck_assert(!load_is(key, payload));
    ck_assert(store(key, payload));
    ck_assert(load_is(key, payload));
    ck_assert(!load_is("a kez", payload));
    ck_assert(store(key, "another"));
    ck_assert(load_is(key, "another"));
    ck_assert(store("empty", ""));
    ck_assert(load_is("empty", ""));
}
END_TEST

static char *read_entry(const char *path, size_t *size)
{
    char *data = NULL;
    expect_ok(clxi_file_read(path, 1 << 20, &data, size, &test_error));
    return data;
}

START_TEST(every_truncation_misses)
{
    char path[4096];
    size_t size = 0;
    ck_assert(store(key, payload));
    only_path(path);
    char *data = read_entry(path, &size);
    for (size_t count = 0; count < size; count++) {
        expect_ok(clxi_file_write(path, data, count, &test_error));
        ck_assert(!load_is(key, payload));
    }
    char *longer = calloc(1, size + 1);
    memcpy(longer, data, size);
    expect_ok(clxi_file_write(path, longer, size + 1, &test_error));
    ck_assert(!load_is(key, payload));
    free(longer);
    free(data);
}
END_TEST

START_TEST(every_flipped_bit_misses)
{
    char path[4096];
    size_t size = 0;
    ck_assert(store(key, payload));
    only_path(path);
    char *data = read_entry(path, &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
        const void *k;
        const void *p;
        size_t k_size;
        size_t p_size;
        size_t used;
        ck_assert(!clxi_cache_decode(data, size, &k, &k_size, &p, &p_size, &used));
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
    }
    data[size / 2] ^= 4;
    expect_ok(clxi_file_write(path, data, size, &test_error));
    ck_assert(!load_is(key, payload));
    ck_assert(store(key, payload)); /* the next store heals it */
    ck_assert(load_is(key, payload));
    free(data);
}
END_TEST

/* A whole entry under another key's name, as after a collision of hashes. */
START_TEST(key_is_compared)
{
    char path[4096];
    size_t size = 0;
    void *entry = NULL;
    ck_assert(store(key, payload));
    only_path(path);
    ck_assert(clxi_cache_encode("other", 5, "lie", 3, &entry, &size));
    expect_ok(clxi_file_write(path, entry, size, &test_error));
    ck_assert(!load_is(key, payload));
    free(entry);
}
END_TEST

START_TEST(garbage_files)
{
    char path[4096];
    static char garbage[100000];
    random_state random = random_start(7);
    ck_assert(store(key, payload));
    only_path(path);
    for (int round = 0; round < 20; round++) {
        size_t size = random_below(&random, sizeof garbage);
        for (size_t i = 0; i < size; i++) {
            garbage[i] = (char)random_bits(&random);
        }
        if (round % 2 == 0) memcpy(garbage, "clxcache", 8);
        expect_ok(clxi_file_write(path, garbage, size, &test_error));
        ck_assert(!load_is(key, payload));
    }
}
END_TEST

/* Sizes near 2^64 must not wrap. */
START_TEST(huge_sizes)
{
    void *entry = NULL;
    size_t size = 0;
    const void *k;
    const void *p;
    size_t k_size;
    size_t p_size;
    size_t used;
    ck_assert(clxi_cache_encode(key, 5, payload, 8, &entry, &size));
    const uint64_t rows[][2] = {
        {UINT64_MAX, 8}, {5, UINT64_MAX}, {UINT64_MAX - 7, 8}, {UINT64_MAX, UINT64_MAX}, {6, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy((char *)entry + 32, rows[i], sizeof rows[i]);
        clxi_hash sum = clxi_hash_bytes((char *)entry + 24, size - 24); /* even with a right checksum */
        memcpy((char *)entry + 8, &sum, sizeof sum);
        ck_assert(!clxi_cache_decode(entry, size, &k, &k_size, &p, &p_size, &used));
    }
    free(entry);
}
END_TEST

START_TEST(several_in_a_row)
{
    void *one = NULL;
    void *two = NULL;
    size_t one_size = 0;
    size_t two_size = 0;
    const void *k;
    const void *p;
    size_t k_size;
    size_t p_size;
    size_t used;
    ck_assert(clxi_cache_encode("k1", 2, "p1", 2, &one, &one_size));
    ck_assert(clxi_cache_encode("k2", 2, "p2", 2, &two, &two_size));
    char *both = malloc(one_size + two_size);
    memcpy(both, one, one_size);
    memcpy(both + one_size, two, two_size);
    ck_assert(clxi_cache_decode(both, one_size + two_size, &k, &k_size, &p, &p_size, &used));
    ck_assert_uint_eq(used, one_size);
    ck_assert(clxi_cache_decode(both + used, two_size, &k, &k_size, &p, &p_size, &used));
    ck_assert(k_size == 2 && memcmp(k, "k2", 2) == 0 && p_size == 2 && memcmp(p, "p2", 2) == 0);
    free(both);
    free(one);
    free(two);
}
END_TEST

/* The time of change of an entry, `age_s` seconds ago. */
static void set_age(const char *path, long age_s)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    const struct timeval times[2] = {{now.tv_sec - age_s, 0}, {now.tv_sec - age_s, 0}};
    ck_assert_int_eq(utimes(path, times), 0);
}

static void age_all(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    set_age(path, *(long *)user);
}

START_TEST(oldest_go_first)
{
    static char big[1000];
    char name[8];
    memset(big, 'x', sizeof big);
    for (int i = 0; i < 8; i++) {
        long age = 1000;
        clxi_folder_visit(folder, age_all, &age); /* all that is there becomes old; younger ones are set below */
        snprintf(name, sizeof name, "k%d", i);
        ck_assert(clxi_cache_store(folder, name, 2, big, sizeof big, UNLIMITED));
    }
    void *data = NULL;
    size_t size = 0;
    ck_assert(clxi_cache_load(folder, "k2", 2, &data, &size)); /* used: young again */
    free(data);
    ck_assert(clxi_cache_store(folder, "k8", 2, big, sizeof big, 3300)); /* room for three */
    ck_assert_uint_le(folder_bytes(), 3300);
    ck_assert(clxi_cache_load(folder, "k8", 2, &data, &size));
    free(data);
    ck_assert(clxi_cache_load(folder, "k2", 2, &data, &size));
    free(data);
    ck_assert(!clxi_cache_load(folder, "k0", 2, &data, &size));
    ck_assert(clxi_cache_store(folder, "k9", 2, big, sizeof big, 100)); /* larger than the limit itself */
    ck_assert_uint_eq(folder_bytes(), 0);
}
END_TEST

/* Other people's files in the folder stay; what dead writers left goes after an hour. */
START_TEST(other_files_stay)
{
    char *theirs = path_join(folder, "notes.txt");
    char *dead = path_join(folder, CLXI_TEMPORARY_PREFIX "1-0" CLXI_TEMPORARY_SUFFIX);
    char *alive = path_join(folder, CLXI_TEMPORARY_PREFIX "2-0" CLXI_TEMPORARY_SUFFIX);
    expect_ok(clxi_file_write(theirs, "x", 1, &test_error));
    expect_ok(clxi_file_write(dead, "x", 1, &test_error));
    expect_ok(clxi_file_write(alive, "x", 1, &test_error));
    set_age(theirs, 100000);
    set_age(dead, 100000);
    ck_assert(clxi_cache_store(folder, key, 5, payload, 5, 0));
    ck_assert_int_eq(access(theirs, F_OK), 0);
    ck_assert_int_eq(access(alive, F_OK), 0);
    ck_assert_int_ne(access(dead, F_OK), 0);
    free(theirs);
    free(dead);
    free(alive);
}
END_TEST

START_TEST(unusable_folders)
{
    char *file = path_join(folder, "file");
    void *data = NULL;
    size_t size = 0;
    expect_ok(clxi_file_write(file, "x", 1, &test_error));
    ck_assert(!clxi_cache_store(file, key, 5, payload, 5, UNLIMITED));
    ck_assert(!clxi_cache_load(file, key, 5, &data, &size));
    ck_assert(!clxi_cache_store("/dev/null/no/such", key, 5, payload, 5, UNLIMITED));
    ck_assert(!clxi_cache_store("", key, 5, payload, 5, UNLIMITED));
    free(file);
    if (geteuid() == 0) return; /* no folder is read-only to the superuser */
    chmod(folder, 0500);
    ck_assert(!store(key, payload));
}
END_TEST

START_TEST(full_and_read_only_disks)
{
    static char big[1 << 20];
    if (!tiny_disk_mount(folder, 256 << 10)) return; /* not allowed here */
    ck_assert(store(key, payload));
    ck_assert(!clxi_cache_store(folder, "big", 3, big, sizeof big, UNLIMITED));
    ck_assert(load_is(key, payload));
    if (!tiny_disk_make_read_only(folder)) return;
    ck_assert(!store("new", payload));
    ck_assert(load_is(key, payload));
}
END_TEST

/* What each of many processes does for a while: store, load, compare, under a limit that makes them remove each
 * other's files all the time. */
static int hammer(uint64_t seed)
{
    random_state random = {seed};
    char name[16];
    static char data[5000];
    for (int round = 0; round < 150; round++) {
        unsigned which = (unsigned)random_below(&random, 6);
        size_t size = 1000 + 500 * which;
        snprintf(name, sizeof name, "entry %u", which);
        memset(data, 'a' + (int)which, size);
        if (random_below(&random, 2) == 0) {
            if (!clxi_cache_store(folder, name, strlen(name), data, size, 9000)) return 1;
            continue;
        }
        void *loaded = NULL;
        size_t loaded_size = 0;
        if (!clxi_cache_load(folder, name, strlen(name), &loaded, &loaded_size)) continue;
        bool same = loaded_size == size && memcmp(loaded, data, size) == 0;
        free(loaded);
        if (!same) return 2;
    }
    return 0;
}

START_TEST(many_processes)
{
    enum { PROCESSES = 8 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) _exit(hammer((uint64_t)i + 1));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %d: %x", i, (unsigned)status);
    }
    ck_assert(clxi_cache_store(folder, key, 5, payload, 5, 9000));
    ck_assert_uint_le(folder_bytes(), 9000); /* and no temporary file is left */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tcase = suite_case(suite, "cache", 60);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_add_test(tcase, store_and_load);
    tcase_add_test(tcase, every_truncation_misses);
    tcase_add_test(tcase, every_flipped_bit_misses);
    tcase_add_test(tcase, key_is_compared);
    tcase_add_test(tcase, garbage_files);
    tcase_add_test(tcase, huge_sizes);
    tcase_add_test(tcase, several_in_a_row);
    tcase_add_test(tcase, oldest_go_first);
    tcase_add_test(tcase, other_files_stay);
    tcase_add_test(tcase, unusable_folders);
    tcase_add_test(tcase, full_and_read_only_disks);
    tcase_add_test(tcase, many_processes);
    return suite_run(suite);
}
