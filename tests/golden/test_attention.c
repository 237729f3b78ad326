/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden cases of attention, in three layouts, judged by the golden rule. */
#include "support/attention_problem.h"
#include "support/golden_files.h"

#include "ref/judge.h"
#include "tools/case_reference.h"
#include <stdlib.h>

static golden_files files;

static attention_problem problem_of(const clxi_case *c)
{
    const uint64_t S = clxi_case_size(c, 'S');
    attention_problem p = {.desc = CLX_ATTENTION_DESC_INIT, .start = CLX_ATTENTION_START_AT_END};
    p.sizes = (clx_attention_sizes){clxi_case_size(c, 'B'), clxi_case_size(c, 'H'), clxi_case_size(c, 'H'), S, S};
    p.q = case_load(c, "q", CLX_DTYPE_DEFAULT);
    p.k = case_load(c, "k", CLX_DTYPE_DEFAULT);
    p.v = case_load(c, "v", CLX_DTYPE_DEFAULT);
    p.mask = case_load(c, "mask", CLX_DTYPE_DEFAULT);
    p.desc.DHQK = clxi_case_size(c, 'K');
    p.desc.DHV = clxi_case_size(c, 'V');
    p.desc.input_dtype = clxi_st_to_dtype(clxi_case_tensor(c, "q")->dtype);
    p.desc.qkv_dtype = clxi_case_qkv_dtype(c);
    p.desc.activation_function = (clx_attention_activation)clxi_case_choice(c, "activation_function");
    if (clxi_case_choice(c, "qk_pre_activation_function") != CLXI_PRE_NONE)
        p.desc.qk_pre_activation_function = CLX_PRE_ACTIVATION_SWISH;
    p.desc.theta = clxi_case_float(c, "theta");
    p.desc.mask = p.mask ? CLX_MASK_EXPLICIT : clxi_case_bool(c, "causal") ? CLX_MASK_CAUSAL : CLX_MASK_NONE;
    return p;
}

static void judge(const clxi_case *c, const attention_problem *p, const double *h, int layout)
{
    double *ref64 = case_load(c, "ref64.h", CLX_DTYPE_DEFAULT), *cond = case_load(c, "cond.h", CLX_DTYPE_DEFAULT);
    const clxi_judge j = {.op = "attention",
                          .output = "h",
                          .out_dtype = p->desc.qkv_dtype,
                          .qkv_dtype = p->desc.qkv_dtype,
                          .count = attention_h_count(p),
                          .ours = h,
                          .ref64 = ref64,
                          .cond = cond};
    ck_assert(ref64 != NULL && cond != NULL);
    const clxi_verdict verdict = clxi_judge_output(&j);
    ck_assert_msg(verdict.pass, "%s: layout %d: worst %.3g of the tolerance at %zu", c->label, layout, verdict.worst,
                  verdict.index);
    free(ref64);
    free(cond);
}

START_TEST(case_passes)
{
    clxi_case *c = NULL;
    expect_ok(clxi_case_read(files.path[_i], &c, &test_error));
    attention_problem p = problem_of(c);
    clx_attention *op = attention_make(&p);
    for (int layout = 0; layout < ATTENTION_LAYOUTS; layout++) {
        double *h = attention_run(op, &p, (attention_layout)layout);
        judge(c, &p, h, layout);
        free(h);
    }
    clx_attention_destroy(op);
    attention_problem_free(&p);
    clxi_case_destroy(c);
}
END_TEST

START_TEST(all_cases_are_there)
{
    ck_assert_int_eq(files.count, 26);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attention_golden");
    golden_files_find(&files, "attention");
    TCase *tcase = suite_shared_device_case(suite, "golden", 120);
    tcase_add_test(tcase, all_cases_are_there);
    tcase_add_loop_test(tcase, case_passes, 0, files.count);
    const int failed = suite_run_together(suite);
    golden_files_free(&files);
    return failed;
}
