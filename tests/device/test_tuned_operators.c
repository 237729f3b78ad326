/* SPDX-License-Identifier: Apache-2.0
 *
 * What tuning has found, met by operators: a good result is used, and one that is wrong in whatever way costs a log line
 * and nothing else. */
#include "support/attention_problem.h"
#include "support/mlstm_problem.h"

#include "base/file.h"
#include "runtime/context.h"
#include "runtime/tuning.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MLSTM_SUBJECT "mlstm f32 f32 20x24 plain"
#define CPU_TILE "cpu rows=32 columns=32 slice=32 tx=4 rm=4"
#define SIMT_TILE "simt items=32 tx=8 rm=4 columns=32 slice=32 dk=8 vk=8 prefetch=1"

static char *folder;
static mlstm_problem problem;
static char log_lines[4000];

static void keep_line(void *user, clx_log_level level, const char *message)
{
    (void)user;
    const size_t used = strlen(log_lines);
    if (level == CLX_LOG_WARNING) snprintf(log_lines + used, sizeof log_lines - used, "%s\n", message);
}

static void open_folder(void)
{
    random_state random = {3};
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 20;
    desc.DHV = 24;
    mlstm_problem_make(&problem, &desc, 1, 2, 67, GATES_PLAIN, MASK_NONE, &random);
    folder = folder_fresh("tuning");
}

static void close_folder(void)
{
    device_close();
    mlstm_problem_free(&problem);
    folder_drop(folder);
}

static void open_with(clx_context_options options)
{
    log_lines[0] = '\0';
    options.log = keep_line;
    device_open(&options);
}

static bool is_cpu(void)
{
    return device.context->caps.is_cpu;
}

/* A line for the open device; freed by the caller. */
static char *line_of(const char *subject, const char *value)
{
    clxi_text line = CLXI_TEXT_INIT;
    clxi_tuning_line(device.context, subject, value, "of a test", &line);
    ck_assert(!line.failed);
    return line.data;
}

static void tune(const char *subject, const char *value)
{
    size_t accepted = 0;
    char *line = line_of(subject, value);
    expect_ok(clx_context_tuning_set(device.context, line, strlen(line), &accepted, &test_error));
    ck_assert_uint_eq(accepted, 1);
    free(line);
}

/* Makes the operator, checks its results, and says whether its tile is the tuned one. */
static bool uses_tuned(void)
{
    const mlstm_layout layout = mlstm_layout_bhsd(&problem);
    clx_mlstm *op = mlstm_make(&problem);
    const bool tuned = strstr(clx_mlstm_variant(op), "_tuned") != NULL;
    mlstm_check(op, &problem, &layout, clx_mlstm_variant(op));
    clx_mlstm_destroy(op);
    return tuned;
}

static void expect_log(const char *text)
{
    ck_assert_msg(strstr(log_lines, text) != NULL, "no '%s' in:\n%s", text, log_lines);
}

START_TEST(a_good_result_is_used)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    open_with(options);
    tune(MLSTM_SUBJECT, is_cpu() ? CPU_TILE : SIMT_TILE);
    ck_assert(uses_tuned());
    ck_assert_str_eq(log_lines, "");
}
END_TEST

/* The anchor's own family may win too, but is tried like any other. */
START_TEST(a_tuned_simt_is_tried)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.variants = "simt";
    options.cache_dir = folder; /* without verdicts */
    open_with(options);
    tune(MLSTM_SUBJECT, SIMT_TILE);
    ck_assert(uses_tuned());
    const clx_build_counts counts = clx_context_build_counts(device.context);
    ck_assert_uint_eq(counts.compiled, 3); /* gates, forward, and the anchor's forward */
}
END_TEST

START_TEST(attention_is_tuned_too)
{
    random_state random = {5};
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    const clx_attention_sizes sizes = {1, 2, 1, 67, 80};
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    attention_problem p;
    desc.DHQK = 20;
    desc.DHV = 24;
    desc.rotary = 0;
    open_with(options);
    attention_problem_make(&p, &desc, &sizes, 1.0, &random);
    tune("attention f32 f32 20x24 plain", is_cpu() ? CPU_TILE : SIMT_TILE);
    clx_attention *op = attention_make(&p);
    ck_assert_ptr_nonnull(strstr(clx_attention_variant(op), "_tuned"));
    double *h = attention_run(op, &p, ATTENTION_BHSD);
    attention_judge(&p, h, clx_attention_variant(op));
    free(h);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

/* Results that may not be built, or that are for other problems or forbidden families. */
START_TEST(results_that_are_passed_over)
{
    static const struct {
        const char *subject, *value, *log;
    } rows[] = {
        {"mlstm f32 f32 20x24 mask", SIMT_TILE, ""},
        {"mlstm bf16 bf16 20x24 plain", SIMT_TILE, ""},
        {"attention f32 f32 20x24 plain", SIMT_TILE, ""},
        {MLSTM_SUBJECT, "cpu rows=0 columns=0 slice=0 tx=0 rm=0", "a number that the family does not know"},
        {MLSTM_SUBJECT, "cpu rows=999999 columns=999999 slice=999999 tx=999999 rm=999999", "does not know"},
        {MLSTM_SUBJECT, "simt items=32 tx=32 rm=8 columns=16 slice=16 dk=4 vk=32 prefetch=0", "rows of a tile"},
        {MLSTM_SUBJECT, "simt items=64 tx=16 rm=8 columns=128 slice=64 dk=4 vk=4 prefetch=0", "evenly"},
        {MLSTM_SUBJECT, "nv_wgmma columns=64 slice=64 stages=2", "other devices or problems"},
        {MLSTM_SUBJECT, "%s%n%n%n%n", "a family that does not exist"},
        {MLSTM_SUBJECT, "", "a family that does not exist"},
    };
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.variants = "simt";
    open_with(options);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        log_lines[0] = '\0';
        tune(rows[i].subject, rows[i].value);
        ck_assert(!uses_tuned());
        expect_log(rows[i].log);
        ck_assert(rows[i].log[0] != '\0' || log_lines[0] == '\0');
    }
}
END_TEST

START_TEST(a_forbidden_family_stays_forbidden)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.variants = "simt";
    open_with(options);
    if (!is_cpu()) return;
    tune(MLSTM_SUBJECT, CPU_TILE);
    ck_assert(!uses_tuned());
}
END_TEST

/* The library's kernels, but for one, into which `sed` puts what is wrong with the tuned tile only. */
static char *broken_kernels(const char *expression)
{
    char command[2000];
    char *kernels = path_join(folder, "cl");
    snprintf(command, sizeof command,
             "cp -r '%s/cl' '%s' && sed -i '%s' '%s/mlstm_forward_cpu.cl' && ! cmp -s '%s/cl/mlstm_forward_cpu.cl' "
             "'%s/mlstm_forward_cpu.cl'",
             CLX_TEST_SOURCE_DIR, kernels, expression, kernels, CLX_TEST_SOURCE_DIR, kernels);
    ck_assert_int_eq(system(command), 0);
    return kernels;
}

static void drop_kernels(char *kernels)
{
    char command[2000];
    snprintf(command, sizeof command, "rm -r '%s'", kernels);
    ck_assert_int_eq(system(command), 0);
    free(kernels);
}

/* A legal tile that gives wrong numbers here, and one that the compiler refuses: a second time too, when the verdict is
 * remembered. */
START_TEST(results_that_do_not_work)
{
    static const struct {
        const char *expression, *log, *again;
    } rows[] = {
        {"s/column <= rows.j..t/column <= rows[j].t + (CLX_BM == 32)/", "its trial differs from simt",
         "it failed its trial on this device before"},
        {"1i #if CLX_BM == 32\\n#error no\\n#endif", "does not build", "does not build"},
    };
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.cache_dir = folder;
    open_with(options);
    if (!is_cpu()) return;
    char *kernels = broken_kernels(rows[_i].expression);
    options.kernel_dir = kernels;
    for (int start = 0; start < 2; start++) {
        device_close();
        open_with(options);
        tune(MLSTM_SUBJECT, CPU_TILE);
        ck_assert(!uses_tuned());
        expect_log("mlstm: a tuned cpu variant was dropped: ");
        expect_log(start == 0 ? rows[_i].log : rows[_i].again);
    }
    drop_kernels(kernels);
}
END_TEST

static void write_file(const char *path, const char *text, size_t size_bytes)
{
    expect_ok(clxi_file_write(path, text, size_bytes, &test_error));
    ck_assert_int_eq(chmod(path, 0600), 0);
}

/* The number of results that a new context has read. */
static size_t results(clx_context_options options)
{
    size_t size_bytes = 0;
    device_close();
    open_with(options);
    expect_ok(clx_context_tuning_get(device.context, NULL, &size_bytes, &test_error));
    char *line = line_of(MLSTM_SUBJECT, CPU_TILE);
    const size_t length = strlen(line);
    free(line);
    ck_assert_uint_eq(size_bytes % length, 0);
    return size_bytes / length;
}

/* Where results come from: the cache folder, an option, the environment; and what turns them off. */
START_TEST(places)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    struct stat info;
    char *store = path_join(folder, CLXI_TUNING_FILE), *file = path_join(folder, "elsewhere");
    options.cache_dir = folder;
    open_with(options);
    char *line = line_of(MLSTM_SUBJECT, CPU_TILE);
    ck_assert_uint_eq(results(options), 0);
    expect_ok(clxi_tuning_store(device.context, CLXI_TUNING_FILE, line, strlen(line), &test_error));
    ck_assert_int_eq(stat(store, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
    ck_assert_uint_eq(results(options), 1);
    options.tuning_off = 1;
    ck_assert_uint_eq(results(options), 0);
    options.tuning_off = 0;
    ck_assert_int_eq(setenv("CLX_TUNE", "0", 1), 0);
    ck_assert_uint_eq(results(options), 0);
    ck_assert_int_eq(unsetenv("CLX_TUNE"), 0);
    ck_assert_int_eq(chmod(store, 0666), 0); /* anybody may have written it */
    ck_assert_uint_eq(results(options), 0);
    ck_assert_int_eq(unlink(store), 0);

    write_file(file, line, strlen(line));
    ck_assert_uint_eq(results(options), 0);
    options.tuning = file;
    ck_assert_uint_eq(results(options), 1);
    options.tuning = NULL;
    options.cache_off = 1;
    ck_assert_int_eq(setenv("CLX_TUNE", file, 1), 0);
    ck_assert_uint_eq(results(options), 1);
    options.tuning = "/no/such/file";
    ck_assert_uint_eq(results(options), 0);
    expect_log("tuning: results are not used: /no/such/file");
    free(line);
    free(store);
    free(file);
}
END_TEST

/* A file of anything: contexts and operators are made as if it were not there. */
START_TEST(hostile_files)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    enum { SIZE = 1 << 20 };
    random_state random = random_start(11);
    char *file = path_join(folder, "hostile"), *bytes = malloc(SIZE + 1);
    ck_assert_ptr_nonnull(bytes);
    options.tuning = file;
    options.variants = "simt";
    open_with((clx_context_options)CLX_CONTEXT_OPTIONS_INIT);
    for (int kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i <= SIZE; i++)
            bytes[i] = kind == 0 ? (char)random_bits(&random) : kind == 1 ? '\n' : kind == 2 ? '\0' : ' ';
        write_file(file, bytes, kind == 3 ? SIZE + 1 : SIZE);
        ck_assert_uint_eq(results(options), 0);
    }
    expect_log("tuning: results are not used: ");
    ck_assert(!uses_tuned());
    free(bytes);
    free(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tuned_operators");
    TCase *tcase = suite_case(suite, "tuning", 120);
    tcase_add_checked_fixture(tcase, open_folder, close_folder);
    tcase_add_test(tcase, a_good_result_is_used);
    tcase_add_test(tcase, a_tuned_simt_is_tried);
    tcase_add_test(tcase, attention_is_tuned_too);
    tcase_add_test(tcase, results_that_are_passed_over);
    tcase_add_test(tcase, a_forbidden_family_stays_forbidden);
    tcase_add_loop_test(tcase, results_that_do_not_work, 0, 2);
    tcase_add_test(tcase, places);
    tcase_add_test(tcase, hostile_files);
    return suite_run(suite);
}
