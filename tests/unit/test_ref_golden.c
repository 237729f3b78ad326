/* SPDX-License-Identifier: Apache-2.0
 *
 * The float64 reference against every golden case: unless it gives their `ref64` and `cond`, nothing that it judges
 * counts. */
#include "support/support.h"
#include "tools/case_reference.h"

#include "base/file.h"
#include "base/text.h"
#include "ref/judge.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `ref64` is given to 1e-11 of cond (of the tensor's largest element where there is none): float64 rounding grows with
 * the same sums that cond measures. `cond` is stored in F32, whose smallest normal number is below 1e-37. */
#define REF64_TOLERANCE 1e-11
#define TABLE_TOLERANCE 1e-10 /* angles reach 1e6, whose own rounding is that large */
#define COND_TOLERANCE 1e-6
#define COND_FLOOR 1e-37

enum { MAX_FILES = 400 };
static char *paths[MAX_FILES];
static int path_count;

/* Runs outside of any test, where Check allows no assertion: a list that is too short fails all_files_are_there. */
static void keep_path(void *user, const char *path, const char *name, uint64_t size_bytes, int64_t changed_s)
{
    (void)user;
    (void)size_bytes;
    (void)changed_s;
    size_t length = strlen(name);
    if (length < 12 || strcmp(name + length - 12, ".safetensors") != 0 || path_count == MAX_FILES) return;
    paths[path_count] = clxi_strdup(path);
    if (paths[path_count]) path_count++;
}

static double largest(const double *x, size_t count)
{
    double value = 0;
    for (size_t i = 0; i < count; i++)
        if (fabs(x[i]) > value) value = fabs(x[i]);
    return value > 0 ? value : 1;
}

/* One expected tensor of an output. */
static double *load_expected(const clxi_case *c, const char *kind, const char *output)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", kind, output);
    return case_load(c, name, CLX_DTYPE_DEFAULT);
}

static void compare_output(const clxi_case *c, const reference_output *ours)
{
    double *ref64 = load_expected(c, "ref64", ours->name), *cond = load_expected(c, "cond", ours->name);
    double tolerance = c->op == CLXI_OP_PRECOMPUTE_FREQS ? TABLE_TOLERANCE : REF64_TOLERANCE;
    double scale = ref64 ? largest(ref64, ours->count) : 0;
    for (size_t i = 0; ref64 && i < ours->count; i++) {
        double allowed = tolerance * (ours->cond ? ours->cond[i] : scale);
        double err = fabs(ours->value[i] - ref64[i]);
        ck_assert_msg(err <= allowed, "%s: %s[%zu]: %.17g, expected %.17g (error %.2g, allowed %.2g)", c->label,
                      ours->name, i, ours->value[i], ref64[i], err, allowed);
    }
    for (size_t i = 0; cond && ours->cond && i < ours->count; i++) {
        double err = fabs(ours->cond[i] - cond[i]);
        ck_assert_msg(err <= COND_TOLERANCE * cond[i] + COND_FLOOR, "%s: cond.%s[%zu]: %.9g, expected %.9g", c->label,
                      ours->name, i, ours->cond[i], cond[i]);
    }
    free(ref64);
    free(cond);
}

START_TEST(reference_agrees)
{
    clxi_case *c = NULL;
    case_reference reference;
    expect_ok(clxi_case_read(paths[_i], &c, &test_error));
    ck_assert(case_reference_make(c, &reference));
    for (size_t i = 0; i < reference.count; i++)
        compare_output(c, &reference.output[i]);
    for (const clxi_tensor_row *row = c->row->outputs; row->name && reference.count; row++) {
        char name[64];
        snprintf(name, sizeof name, "ref64.%s", row->name);
        if (clxi_case_tensor(c, name))
            ck_assert_msg(case_reference_find(&reference, row->name), "%s: no reference of %s", c->label, row->name);
    }
    case_reference_free(&reference);
    clxi_case_destroy(c);
}
END_TEST

/* ref64 rounded to the output's dtype is the best that there is: it must pass everywhere. */
START_TEST(rounded_reference_passes)
{
    clxi_case *c = NULL;
    expect_ok(clxi_case_read(paths[_i], &c, &test_error));
    for (const clxi_tensor_row *row = c->row->outputs; row->name; row++) {
        double *ref64 = load_expected(c, "ref64", row->name);
        if (ref64 == NULL) continue;
        double *cond = load_expected(c, "cond", row->name), *ref = load_expected(c, "ref", row->name);
        char name[64];
        snprintf(name, sizeof name, "ref64.%s", row->name);
        clxi_judge j = {.op = c->row->name, .output = row->name, .ref64 = ref64, .cond = cond, .ref = ref};
        j.count = (size_t)clxi_st_count(clxi_case_tensor(c, name));
        bool wide = strlen(row->name) == 1 ? *row->name != 'h' : strcmp(row->shape, "1") == 0; /* states, statistics */
        j.qkv_dtype = j.out_dtype = clxi_case_qkv_dtype(c);
        double *ours = malloc((j.count + 1) * sizeof *ours);
        for (size_t i = 0; i < j.count; i++)
            ours[i] = round_to(ref64[i], wide ? CLX_F32 : j.out_dtype);
        j.ours = ours;
        clxi_verdict verdict = clxi_judge_output(&j);
        ck_assert_msg(verdict.pass, "%s: %s: worst %.3g at %zu, rms %.3g", c->label, row->name, verdict.worst,
                      verdict.index, verdict.rms);
        free(ours);
        free(ref64);
        free(cond);
        free(ref);
    }
    clxi_case_destroy(c);
}
END_TEST

START_TEST(all_files_are_there)
{
    ck_assert_int_eq(path_count, 141);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ref_golden");
    clxi_folder_visit(CLX_TEST_SOURCE_DIR "/tests/golden", keep_path, NULL);
    TCase *tcase = suite_case(suite, "golden", 60);
    tcase_add_test(tcase, all_files_are_there);
    tcase_add_loop_test(tcase, reference_agrees, 0, path_count);
    tcase_add_loop_test(tcase, rounded_reference_passes, 0, path_count);
    int failed = suite_run(suite);
    for (int i = 0; i < path_count; i++)
        free(paths[i]);
    return failed;
}
