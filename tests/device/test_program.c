/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs: assembled, compiled, shared, cached on disk, carried as a blob. */
#include "base/file.h"
#include "base/text.h"
#include "runtime/cache.h"
#include "runtime/program_list.h"
#include "runtime/verdict.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#define KERNELS CLX_TEST_SOURCE_DIR "/tests/device/kernels"

static char *folder;     /* of the cache; fresh for every test */
static size_t log_lines; /* of any level */
static size_t log_warnings;

static void count_line(void *user, clx_log_level level, const char *message)
{
    (void)user;
    ck_assert_ptr_null(strchr(message, '\n'));
    log_lines++;
    log_warnings += level == CLX_LOG_WARNING;
}

static clx_context_options test_options(void)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.kernel_dir = KERNELS;
    options.cache_dir = folder;
    options.log = count_line;
    return options;
}

static void open_fresh(void)
{
    log_lines = 0;
    log_warnings = 0;
    folder = folder_fresh("program-cache");
    clx_context_options options = test_options();
    device_open(&options);
}

static void close_fresh(void)
{
    device_close();
    folder_drop(folder);
}

/* A context of its own, with the same cache. */
static clx_context *another(const clx_context_options *options)
{
    clx_context *context = NULL;
    expect_ok(clx_context_create(&context, options, &test_error));
    return context;
}

static void build(clx_context *context, const char *options)
{
    cl_program program = NULL;
    expect_ok(clxi_program_get(context, "tiny.cl", options, &program, &test_error));
    clReleaseProgram(program);
}

static void expect_counts(const clx_context *context, uint64_t compiled, uint64_t loaded, uint64_t shared)
{
    clx_build_counts counts = clx_context_build_counts(context);
    ck_assert_msg(counts.compiled == compiled && counts.loaded == loaded && counts.shared == shared,
                  "compiled %d loaded %d shared %d, expected %d %d %d", (int)counts.compiled, (int)counts.loaded,
                  (int)counts.shared, (int)compiled, (int)loaded, (int)shared);
}

static void count_file(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)path;
    (void)name;
    (void)size_bytes;
    (void)changed_s;
    ++*(size_t *)user;
}

static size_t files_in(const char *path)
{
    size_t count = 0;
    clxi_folder_visit(path, count_file, &count);
    return count;
}

START_TEST(text_is_assembled)
{
    clxi_text text = CLXI_TEXT_INIT;
    expect_ok(clxi_source_assemble(device.context, "tiny.cl", &text, &test_error));
    const char *first = strstr(text.data, "float scale(float x)");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "float scale(float x)")); /* each file once */
    ck_assert_ptr_nonnull(strstr(text.data, "#line 1 \"tiny.cl\"\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "#line 1 \"part/scale.clh\"\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "#line 6 \"tiny.cl\"\n"));
    ck_assert_ptr_null(strstr(text.data, "#include"));
    clxi_text_free(&text);
}
END_TEST

START_TEST(missing_files)
{
    clxi_text text = CLXI_TEXT_INIT;
    expect_refused(clxi_source_assemble(device.context, "none.cl", &text, &test_error), CLX_ERR_IO, "none.cl");
    expect_refused(clxi_source_assemble(device.context, "lost.cl", &text, &test_error), CLX_ERR_IO, "part/absent.clh");
    clxi_text_free(&text);
    clx_context_options options = test_options();
    options.kernel_dir = "";
    clx_context *built_in = another(&options);
    expect_refused(clxi_source_assemble(built_in, "none.cl", &text, &test_error), CLX_ERR_INTERNAL, "cl/none.cl");
    clxi_text_free(&text);
    clx_context_destroy(built_in);
}
END_TEST

START_TEST(log_is_kept_whole)
{
    cl_program program = NULL;
    clx_status status = clxi_program_get(device.context, "broken.cl", "", &program, &test_error);
    ck_assert_int_eq(status, CLX_ERR_BUILD);
    ck_assert_ptr_null(program);
    ck_assert_int_eq(test_error.cl_code, CL_BUILD_PROGRAM_FAILURE);
    ck_assert_ptr_nonnull(strstr(test_error.message, "broken.cl"));
    ck_assert_ptr_nonnull(test_error.detail);
    ck_assert_ptr_nonnull(strstr(test_error.detail, "no_such_function"));
    ck_assert_uint_gt(log_warnings, 0);
    clx_error_clear(&test_error);
    expect_counts(device.context, 0, 0, 0);
    ck_assert_uint_eq(files_in(folder), 0);
}
END_TEST

START_TEST(second_context_compiles_nothing)
{
    build(device.context, "");
    build(device.context, "");
    build(device.context, "-DOFFSET=3.0f");
    expect_counts(device.context, 2, 0, 1);
    ck_assert_uint_eq(files_in(folder), 2);
    clx_context_options options = test_options();
    clx_context *second = another(&options);
    build(second, "");
    build(second, "-DOFFSET=3.0f");
    build(second, "");
    expect_counts(second, 0, 2, 1);
    clx_context_destroy(second);
}
END_TEST

/* A loaded program computes what a compiled one does. */
START_TEST(loaded_program_runs)
{
    clx_context_options options = test_options();
    float x[3] = {1, 2, 3};
    for (int round = 0; round < 2; round++) {
        device_close();
        device_open(&options);
        cl_kernel kernel = NULL;
        cl_ulong zero = 0;
        cl_ulong count = 3;
        size_t items = 32;
        expect_ok(clxi_kernel_get(device.context, "tiny.cl", "", "tiny", &kernel, &test_error));
        ck_assert(clxi_kernel_fits(device.context, kernel, 32));
        ck_assert(!clxi_kernel_fits(device.context, kernel, (size_t)1 << 30));
        cl_mem in = buffer_make(sizeof x, x);
        cl_mem out = buffer_make(sizeof x, NULL);
        clSetKernelArg(kernel, 0, sizeof in, &in);
        clSetKernelArg(kernel, 1, sizeof zero, &zero);
        clSetKernelArg(kernel, 2, sizeof out, &out);
        clSetKernelArg(kernel, 3, sizeof zero, &zero);
        clSetKernelArg(kernel, 4, sizeof count, &count);
        ck_assert_int_eq(clEnqueueNDRangeKernel(device.queue, kernel, 1, NULL, &items, &items, 0, NULL, NULL), 0);
        float y[3];
        buffer_read(out, 0, sizeof y, y);
        ck_assert(y[0] == 3 && y[1] == 5 && y[2] == 7);
        buffer_free(in);
        buffer_free(out);
        clReleaseKernel(kernel);
        expect_counts(device.context, round == 0, round == 1, 0);
    }
}
END_TEST

START_TEST(unknown_kernel)
{
    cl_kernel kernel = NULL;
    expect_refused(clxi_kernel_get(device.context, "tiny.cl", "", "absent", &kernel, &test_error), CLX_ERR_OPENCL,
                   "absent");
    ck_assert_ptr_null(kernel);
}
END_TEST

/* rusticl ends the process when it is given a binary that it did not write. Ours never come from elsewhere: key and
 * checksum see to it. Here they are made up. */
static bool driver_takes_garbage(void)
{
    clx_device_info info;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    return strstr(info.platform, "rusticl") == NULL;
}

/* Entries that are whole but whose payload the driver cannot use: nothing, text, another device's binary. */
START_TEST(bad_payload_is_rebuilt)
{
    static const char *const payloads[] = {"", "garbage, not a binary", "\177ELF\002\001\001"};
    if (!driver_takes_garbage()) return;
    build(device.context, "");
    const clxi_program_entry *entry = device.context->programs;
    const char *payload = payloads[_i];
    ck_assert(clxi_cache_store(folder, entry->key.data, entry->key.count, payload, strlen(payload), 1 << 30));
    clx_context_options options = test_options();
    clx_context *second = another(&options);
    build(second, "");
    expect_counts(second, 1, 0, 0);
    clx_context_destroy(second);
    clx_context *third = another(&options); /* the bad entry was replaced */
    build(third, "");
    expect_counts(third, 0, 1, 0);
    clx_context_destroy(third);
}
END_TEST

START_TEST(cache_off_writes_nothing)
{
    clx_context_options options = test_options();
    options.cache_off = 1;
    clx_context *off = another(&options);
    build(off, "");
    expect_counts(off, 1, 0, 0);
    clx_context_destroy(off);
    setenv("CLX_CACHE", "0", 1);
    options.cache_off = 0;
    off = another(&options);
    unsetenv("CLX_CACHE");
    build(off, "");
    expect_counts(off, 1, 0, 0);
    clx_context_destroy(off);
    ck_assert_uint_eq(files_in(folder), 0);
}
END_TEST

START_TEST(environment_names_the_folder)
{
    clx_context_options options = test_options();
    char *below = path_join(folder, "a/b");
    options.cache_dir = NULL;
    setenv("CLX_CACHE_DIR", below, 1);
    clx_context *context = another(&options);
    unsetenv("CLX_CACHE_DIR"); /* the environment is read at creation only */
    build(context, "");
    ck_assert_uint_eq(files_in(below), 1);
    clx_context_destroy(context);
    folder_drop(below);
    char *parent = path_join(folder, "a");
    folder_drop(parent);
}
END_TEST

/* A file where the folder should be, and a folder that cannot be made: a log line, never an error. */
START_TEST(unusable_folder)
{
    clx_context_options options = test_options();
    char *file = path_join(folder, "file");
    expect_ok(clxi_file_write(file, "x", 1, &test_error));
    char *below = path_join(file, "below");
    const char *const wrong[] = {file, below, "/dev/null/no/such/folder"};
    options.cache_dir = wrong[_i];
    log_warnings = 0;
    clx_context *context = another(&options);
    build(context, "");
    expect_counts(context, 1, 0, 0);
    ck_assert_uint_eq(log_warnings, 1);
    clx_context_destroy(context);
    free(file);
    free(below);
}
END_TEST

START_TEST(blob_round_trip)
{
    size_t size = 0;
    size_t accepted = 99;
    expect_ok(clx_context_blob_get(device.context, NULL, &size, &test_error));
    ck_assert_uint_eq(size, 0);
    build(device.context, "");
    build(device.context, "-DOFFSET=3.0f");
    expect_ok(clx_context_blob_get(device.context, NULL, &size, &test_error));
    ck_assert_uint_gt(size, 0);
    unsigned char *blob = malloc(size);
    size_t small = size - 1;
    expect_refused(clx_context_blob_get(device.context, blob, &small, &test_error), CLX_ERR_VALUE, "size_bytes");
    expect_ok(clx_context_blob_get(device.context, blob, &size, &test_error));
    clx_context_options options = test_options();
    options.cache_off = 1;
    clx_context *second = another(&options);
    expect_ok(clx_context_blob_set(second, blob, size, &accepted, &test_error));
    ck_assert_uint_eq(accepted, 2);
    expect_ok(clx_context_blob_set(second, NULL, 0, NULL, &test_error));
    build(second, "");
    build(second, "-DOFFSET=3.0f");
    build(second, "-DOFFSET=4.0f");
    expect_counts(second, 1, 2, 0);
    clx_context_destroy(second);

    blob[60] ^= 1; /* damages the first entry; the second is found all the same */
    second = another(&options);
    expect_ok(clx_context_blob_set(second, blob, size, &accepted, &test_error));
    ck_assert_uint_eq(accepted, 1);
    build(second, "");
    build(second, "-DOFFSET=3.0f");
    expect_counts(second, 1, 1, 0);
    clx_context_destroy(second);
    free(blob);
}
END_TEST

/* A blob whose entry is whole and fits, but whose binary the driver refuses. */
START_TEST(bad_blob_binary)
{
    if (!driver_takes_garbage()) return;
    build(device.context, "");
    void *blob = NULL;
    size_t size = 0;
    size_t accepted = 0;
    const clxi_program_entry *entry = device.context->programs;
    ck_assert(clxi_cache_encode(entry->key.data, entry->key.count, "garbage", 7, &blob, &size));
    clx_context_options options = test_options();
    options.cache_off = 1;
    clx_context *second = another(&options);
    expect_ok(clx_context_blob_set(second, blob, size, &accepted, &test_error));
    ck_assert_uint_eq(accepted, 1);
    build(second, "");
    expect_counts(second, 1, 0, 0);
    size_t real = 0;
    expect_ok(clx_context_blob_get(second, NULL, &real, &test_error));
    ck_assert_uint_gt(real, size); /* the true binary took its place */
    clx_context_destroy(second);
    free(blob);
}
END_TEST

START_TEST(fingerprints_and_verdicts)
{
    clxi_hash one;
    clxi_hash same;
    clxi_hash other;
    expect_ok(clxi_program_fingerprint(device.context, "tiny.cl", "", &one, &test_error));
    expect_ok(clxi_program_fingerprint(device.context, "tiny.cl", "", &same, &test_error));
    expect_ok(clxi_program_fingerprint(device.context, "tiny.cl", "-DX", &other, &test_error));
    ck_assert(one.high == same.high && one.low == same.low);
    ck_assert(one.high != other.high || one.low != other.low);
    ck_assert_int_eq(clxi_verdict_get(device.context, one), CLXI_VERDICT_UNKNOWN);
    clxi_verdict_set(device.context, one, CLXI_VERDICT_GOOD);
    clxi_verdict_set(device.context, other, CLXI_VERDICT_BAD);
    ck_assert_int_eq(clxi_verdict_get(device.context, one), CLXI_VERDICT_GOOD);
    clx_context_options options = test_options();
    clx_context *second = another(&options);
    ck_assert_int_eq(clxi_verdict_get(second, one), CLXI_VERDICT_GOOD);
    ck_assert_int_eq(clxi_verdict_get(second, other), CLXI_VERDICT_BAD);
    clx_context_destroy(second);
}
END_TEST

START_TEST(families)
{
    static const struct {
        const char *variants;
        bool simt;
        bool cpu;
    } rows[] = {
        {NULL, true, true},           {"simt", true, false},    {"simt,cpu", true, true},   {"!cpu", true, false},
        {"!cpu,!simt", false, false}, {"nv_mma", false, false}, {"cpu,!simt", false, true}, {",", true, true},
        {"simt_x", false, false}};
    clx_context_options options = test_options();
    options.variants = rows[_i].variants;
    clx_context *context = another(&options);
    ck_assert_int_eq(clxi_context_allows(context, "simt"), rows[_i].simt);
    ck_assert_int_eq(clxi_context_allows(context, "cpu"), rows[_i].cpu);
    clx_context_destroy(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("program");
    TCase *tcase = suite_case(suite, "program", 120);
    tcase_add_checked_fixture(tcase, open_fresh, close_fresh);
    tcase_add_test(tcase, text_is_assembled);
    tcase_add_test(tcase, missing_files);
    tcase_add_test(tcase, log_is_kept_whole);
    tcase_add_test(tcase, second_context_compiles_nothing);
    tcase_add_test(tcase, loaded_program_runs);
    tcase_add_test(tcase, unknown_kernel);
    tcase_add_loop_test(tcase, bad_payload_is_rebuilt, 0, 3);
    tcase_add_test(tcase, cache_off_writes_nothing);
    tcase_add_test(tcase, environment_names_the_folder);
    tcase_add_loop_test(tcase, unusable_folder, 0, 3);
    tcase_add_test(tcase, blob_round_trip);
    tcase_add_test(tcase, bad_blob_binary);
    tcase_add_test(tcase, fingerprints_and_verdicts);
    tcase_add_loop_test(tcase, families, 0, 9);
    return suite_run(suite);
}
