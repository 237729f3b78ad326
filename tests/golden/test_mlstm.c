/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden cases of the mLSTM's parallel form, in both layouts, with the variant that CLX_VARIANT or the library
 * chooses, judged by the golden rule. CLX_TEST_CASES="odd default" runs only these. */
#include "support/golden_files.h"
#include "support/mlstm_problem.h"
#include "tools/case_reference.h"

#include "ref/judge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static golden_files files;

/* Does CLX_TEST_CASES, where it is set, name this file? */
static bool is_wanted(const char *path)
{
    const char *list = getenv("CLX_TEST_CASES"), *name = strstr(path, "mlstm_parallel.");
    if (list == NULL) return true;
    name += strlen("mlstm_parallel.");
    const size_t length = strlen(name) - strlen(".safetensors");
    for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
        const size_t next = strcspn(at, " ");
        if (next == length && memcmp(at, name, length) == 0) return true;
        at += next;
    }
    return false;
}

static mlstm_problem problem_of(const clxi_case *c)
{
    static const char *const names[MLSTM_INPUTS] = {"q", "k", "v", "i", "f", "mask"};
    mlstm_problem p = {.B = clxi_case_size(c, 'B'), .NH = clxi_case_size(c, 'H'), .S = clxi_case_size(c, 'S')};
    p.desc = (clx_mlstm_desc)CLX_MLSTM_DESC_INIT;
    p.desc.DHQK = clxi_case_size(c, 'K');
    p.desc.DHV = clxi_case_size(c, 'V');
    p.desc.input_dtype = clxi_st_to_dtype(clxi_case_tensor(c, "q")->dtype);
    p.desc.qkv_dtype = clxi_case_dtype(c, "qkv_dtype");
    p.desc.gate_input_dtype = clxi_st_to_dtype(clxi_case_tensor(c, "i")->dtype);
    p.desc.gate_dtype = clxi_case_dtype(c, "gate_dtype");
    p.desc.mask = clxi_case_tensor(c, "mask") != NULL ? CLX_MASK_EXPLICIT : CLX_MASK_CAUSAL;
    p.desc.stabilize_rowwise = clxi_case_bool(c, "stabilize_rowwise");
    p.desc.eps = (float)clxi_case_float(c, "eps");
    for (int i = 0; i < MLSTM_INPUTS; i++)
        p.value[i] = case_load(c, names[i], CLX_DTYPE_DEFAULT);
    return p;
}

static void judge(const clxi_case *c, const double *h, const char *layout, const char *variant)
{
    double *ref64 = case_load(c, "ref64.h", CLX_DTYPE_DEFAULT), *cond = case_load(c, "cond.h", CLX_DTYPE_DEFAULT);
    const clx_dtype dtype = clxi_case_qkv_dtype(c);
    const clxi_judge j = {.op = "mlstm_parallel",
                          .output = "h",
                          .out_dtype = dtype,
                          .qkv_dtype = dtype,
                          .count = (size_t)clxi_st_count(clxi_case_tensor(c, "ref64.h")),
                          .ours = h,
                          .ref64 = ref64,
                          .cond = cond};
    const clxi_verdict verdict = clxi_judge_output(&j);
    ck_assert_msg(verdict.pass, "%s: %s, %s: worst %.3g of the tolerance at %zu, rms %.3g (limit %.3g)", c->label,
                  variant, layout, verdict.worst, verdict.index, verdict.rms, verdict.rms_limit);
    free(ref64);
    free(cond);
}

START_TEST(case_passes)
{
    clxi_case *c = NULL;
    if (!is_wanted(files.path[_i])) return;
    expect_ok(clxi_case_read(files.path[_i], &c, &test_error));
    mlstm_problem p = problem_of(c);
    clx_mlstm *op = mlstm_make(&p);
    const mlstm_layout layouts[] = {mlstm_layout_bhsd(&p), mlstm_layout_bshd(&p)};
    for (int i = 0; i < 2; i++) {
        double *h = mlstm_run(op, &p, &layouts[i], NULL);
        judge(c, h, i == 0 ? "(B,NH,S,D)" : "(B,S,NH,D)", clx_mlstm_variant(op));
        free(h);
    }
    clx_mlstm_destroy(op);
    mlstm_problem_free(&p);
    clxi_case_destroy(c);
}
END_TEST

START_TEST(all_cases_are_there)
{
    ck_assert_int_eq(files.count, 54);
}
END_TEST

/* On a CPU with room for its tiles the `cpu` family is what a user gets: a variant that was dropped shows here. */
START_TEST(cpu_is_chosen_on_cpus)
{
    clx_device_info info;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    mlstm_problem p = {.desc = desc};
    p.desc.DHQK = 16;
    p.desc.DHV = 24;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    clx_mlstm *op = mlstm_make(&p);
    printf("%s: %s\n", info.name, clx_mlstm_variant(op));
    if (getenv("CLX_VARIANT") == NULL && strcmp(info.type, "cpu") == 0 && info.local_bytes >= 65536)
        ck_assert_msg(strncmp(clx_mlstm_variant(op), "cpu_", 4) == 0, "%s", clx_mlstm_variant(op));
    clx_mlstm_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_golden");
    golden_files_find(&files, "mlstm_parallel");
    TCase *tcase = suite_shared_device_case(suite, "golden", 120);
    tcase_add_test(tcase, all_cases_are_there);
    tcase_add_test(tcase, cpu_is_chosen_on_cpus);
    tcase_add_loop_test(tcase, case_passes, 0, files.count);
    const int failed = suite_run_together(suite);
    golden_files_free(&files);
    return failed;
}
