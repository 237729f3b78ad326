/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cell refuses: by name, before anything is enqueued, with the outputs untouched. */
#include "cell_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cell_problem problem;
static clx_mlstm_cell *cell;

/* A small problem that uses every kind of argument, and its cell. */
static void open_problem(void)
{
    random_state random = random_start(21);
    device_open(NULL);
    problem = cell_problem_plain();
    problem.config.backend.name = CLX_BACKEND_RECURRENT;
    problem.config.add_qk_norm = 1;
    problem.config.reset_at_document_boundaries = 1;
    problem.config.context_length = 9;
    problem.desc.gate_inputs = 2;
    problem.features[0] = 4, problem.features[1] = 3;
    problem.desc.return_state = 1;
    problem.start_state = true;
    problem.statistics = true;
    problem.desc.config = &problem.config;
    cell_problem_fill(&problem, &random);
    expect_ok(clx_mlstm_cell_create(device.context, &problem.desc, &cell, &test_error));
}

static void close_problem(void)
{
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(&problem);
    device_close();
}

/* The call with these arguments is refused, and no output has been touched. */
static void expect_args_refused(const clx_mlstm_cell_args *args, clx_status status, const char *text)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_refused(clx_mlstm_cell_enqueue(cell, &launch, args, &test_error), status, text);
    clFinish(device.queue);
    for (int which = CELL_C_OUT; which <= CELL_STATISTICS; which++) {
        cell_problem_read(&problem, which);
        for (size_t i = 0; i < problem.tensor[which].count; i++)
            ck_assert_msg(isnan(problem.tensor[which].value[i]), "%s: output %d was written", text, which);
    }
}

/* The tensor `which` of the arguments, to be replaced. */
static const clx_tensor **slot(clx_mlstm_cell_args *a, int which)
{
    const clx_tensor **slots[CELL_TENSORS] = {&a->q,
                                              &a->k,
                                              &a->v,
                                              &a->gate_input[0],
                                              &a->gate_input[1],
                                              &a->gate_input[2],
                                              &a->gate_input[3],
                                              &a->gate_input[4],
                                              &a->gate_input[5],
                                              &a->gate_input[6],
                                              &a->gate_input[7],
                                              &a->document_borders,
                                              &a->igate_kernel,
                                              &a->igate_bias,
                                              &a->fgate_kernel,
                                              &a->fgate_bias,
                                              &a->outnorm_scale,
                                              &a->q_norm_scale,
                                              &a->k_norm_scale,
                                              &a->C,
                                              &a->n,
                                              &a->m,
                                              &a->C_out,
                                              &a->n_out,
                                              &a->m_out,
                                              &a->h,
                                              &a->statistics};
    return slots[which];
}

static const char *const names[CELL_TENSORS] = {"q",
                                                "k",
                                                "v",
                                                "gate_input[0]",
                                                "gate_input[1]",
                                                "gate_input[2]",
                                                "gate_input[3]",
                                                "gate_input[4]",
                                                "gate_input[5]",
                                                "gate_input[6]",
                                                "gate_input[7]",
                                                "document_borders",
                                                "igate_kernel",
                                                "igate_bias",
                                                "fgate_kernel",
                                                "fgate_bias",
                                                "outnorm_scale",
                                                "q_norm_scale",
                                                "k_norm_scale",
                                                "C",
                                                "n",
                                                "m",
                                                "C_out",
                                                "n_out",
                                                "m_out",
                                                "h",
                                                "statistics"};

static void expect_tensor_refused(int which, const clx_tensor *tensor, clx_status status)
{
    clx_mlstm_cell_args args = problem.args;
    *slot(&args, which) = tensor;
    expect_args_refused(&args, status, names[which]);
}

START_TEST(missing_tensors_are_named)
{
    for (int which = 0; which < CELL_TENSORS; which++) {
        if (!problem.tensor[which].given || which == CELL_BORDERS || which == CELL_STATISTICS) continue;
        expect_tensor_refused(which, NULL, CLX_ERR_NULL);
    }
}
END_TEST

START_TEST(wrong_tensors_are_named)
{
    for (int which = 0; which < CELL_TENSORS; which++) {
        if (!problem.tensor[which].given) continue;
        const clx_tensor good = problem.tensor[which].view;
        clx_tensor bad = good;
        bad.dtype = good.dtype == CLX_F32 ? CLX_F16 : CLX_F32;
        expect_tensor_refused(which, &bad, CLX_ERR_DTYPE);
        bad = good;
        bad.rank = good.rank == 1 ? 2 : good.rank - 1;
        expect_tensor_refused(which, &bad, CLX_ERR_SHAPE);
        bad = good;
        bad.size[good.rank - 1]++; /* of a gate input: too many for the kernels, which are blamed */
        if (which < CELL_GATE_INPUT || which >= CELL_BORDERS) expect_tensor_refused(which, &bad, CLX_ERR_SHAPE);
        bad = good;
        bad.mem = NULL;
        expect_tensor_refused(which, &bad, CLX_ERR_NULL);
        bad = good;
        bad.offset += (uint64_t)1 << 40;
        expect_tensor_refused(which, &bad, CLX_ERR_BOUNDS);
    }
    clx_tensor wide = problem.tensor[CELL_GATE_INPUT].view;
    wide.size[2]--;
    clx_mlstm_cell_args args = problem.args;
    args.gate_input[0] = &wide;
    expect_args_refused(&args, CLX_ERR_SHAPE, "igate_kernel: shape (7,2), expected (6,2)");
}
END_TEST

START_TEST(strides_are_checked)
{
    static const int contiguous[] = {CELL_Q,       CELL_K,      CELL_V, CELL_GATE_INPUT, CELL_IGATE_KERNEL,
                                     CELL_OUTNORM, CELL_Q_NORM, CELL_C, CELL_C_OUT,      CELL_H};
    for (size_t i = 0; i < sizeof contiguous / sizeof *contiguous; i++) {
        clx_tensor bad = problem.tensor[contiguous[i]].view;
        bad.stride[bad.rank - 1] = 2;
        expect_tensor_refused(contiguous[i], &bad, CLX_ERR_STRIDE);
    }
    clx_tensor twice = problem.tensor[CELL_H].view;
    twice.stride[1] = 1;
    expect_tensor_refused(CELL_H, &twice, CLX_ERR_STRIDE);
}
END_TEST

START_TEST(overlaps_are_refused)
{
    clx_tensor on_v = problem.tensor[CELL_V].view;
    expect_tensor_refused(CELL_H, &on_v, CLX_ERR_OVERLAP);
    clx_tensor on_bias = problem.tensor[CELL_K].view;
    on_bias.rank = 1, on_bias.size[0] = 8, on_bias.stride[0] = 1;
    expect_tensor_refused(CELL_STATISTICS, &on_bias, CLX_ERR_OVERLAP);
    clx_tensor on_n = problem.tensor[CELL_N].view; /* an update in place is for the same tensor only */
    on_n.rank = 2, on_n.stride[1] = 1;
    expect_tensor_refused(CELL_M_OUT, &on_n, CLX_ERR_OVERLAP);
}
END_TEST

START_TEST(texts_must_fit)
{
    clx_mlstm_cell_args args = problem.args;
    clx_tensor q = problem.tensor[CELL_Q].view;
    q.size[1] = 10;
    args.q = &q;
    expect_args_refused(&args, CLX_ERR_SHAPE, "q: 10 tokens, expected at most context_length 9");
    q.size[1] = UINT64_MAX / 2;
    expect_args_refused(&args, CLX_ERR_OVERFLOW, "S: ");
    q.size[0] = (uint64_t)1 << 40;
    expect_args_refused(&args, CLX_ERR_OVERFLOW, "B: ");
    args = problem.args;
    args.gate_input[2] = args.gate_input[0];
    expect_args_refused(&args, CLX_ERR_VALUE, "gate_input[2]: given, expected NULL");
    args.struct_size--;
    expect_args_refused(&args, CLX_ERR_VALUE, "struct_size");
    expect_args_refused(NULL, CLX_ERR_NULL, "args");

    uint64_t size = 0;
    expect_refused(clx_mlstm_cell_workspace_size(cell, 2, 10, &size, &test_error), CLX_ERR_SHAPE, "context_length");
    expect_refused(clx_mlstm_cell_workspace_size(NULL, 2, 9, &size, &test_error), CLX_ERR_NULL, "cell");
    expect_refused(clx_mlstm_cell_workspace_size(cell, 2, 9, NULL, &test_error), CLX_ERR_NULL, "size_bytes");
    expect_refused(clx_mlstm_cell_enqueue(NULL, NULL, &args, &test_error), CLX_ERR_NULL, "cell");
    expect_refused(clx_mlstm_cell_enqueue(cell, NULL, &problem.args, &test_error), CLX_ERR_NULL, "launch");
}
END_TEST

/* Each backend's own states. */
START_TEST(states_belong_to_backends)
{
    clx_mlstm_cell *other = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_mlstm_cell_args args = problem.args;
    launch.queue = device.queue;
    problem.config.backend.name = CLX_BACKEND_PARALLEL_STABILIZED;
    expect_ok(clx_mlstm_cell_create(device.context, &problem.desc, &other, &test_error));
    expect_refused(clx_mlstm_cell_enqueue(other, &launch, &args, &test_error), CLX_ERR_UNSUPPORTED,
                   "backend parallel_stabilized does not start from a state");
    clx_mlstm_cell_destroy(other);
    problem.config.backend.name = CLX_BACKEND_ATTENTION;
    expect_refused(clx_mlstm_cell_create(device.context, &problem.desc, &other, &test_error), CLX_ERR_UNSUPPORTED,
                   "return_state: the attention backend has no state");
    problem.desc.return_state = 0;
    expect_ok(clx_mlstm_cell_create(device.context, &problem.desc, &other, &test_error));
    expect_refused(clx_mlstm_cell_enqueue(other, &launch, &args, &test_error), CLX_ERR_UNSUPPORTED,
                   "backend attention does not start from a state");
    args.C = args.n = args.m = NULL;
    expect_refused(clx_mlstm_cell_enqueue(other, &launch, &args, &test_error), CLX_ERR_VALUE,
                   "C_out: given, expected NULL");
    clx_mlstm_cell_destroy(other);
}
END_TEST

static void expect_desc_refused(clx_status status, const char *text)
{
    clx_mlstm_cell *none = cell;
    expect_refused(clx_mlstm_cell_create(device.context, &problem.desc, &none, &test_error), status, text);
    ck_assert_ptr_null(none);
}

START_TEST(descriptors_are_checked)
{
    const clx_mlstm_cell_desc good = problem.desc;
    const clx_mlstm_cell_config config = problem.config;
#define WITH(change, status, text)                                                                                     \
    do {                                                                                                               \
        change;                                                                                                        \
        expect_desc_refused(status, text);                                                                             \
        problem.desc = good;                                                                                           \
        problem.config = config;                                                                                       \
    } while (0)
    WITH(problem.desc.struct_size = 0, CLX_ERR_VALUE, "struct_size");
    WITH(problem.desc.config = NULL, CLX_ERR_NULL, "config");
    WITH(problem.desc.DHQK = 0, CLX_ERR_VALUE, "DHQK: 0");
    WITH(problem.desc.DHV = UINT64_MAX, CLX_ERR_VALUE, "DHV: ");
    WITH(problem.desc.gate_inputs = 9, CLX_ERR_VALUE, "gate_inputs: 9, expected at most 8");
    WITH(problem.desc.input_dtype = CLX_BOOL, CLX_ERR_DTYPE, "input_dtype");
    WITH(problem.desc.gate_input_dtype = (clx_dtype)77, CLX_ERR_DTYPE, "gate_input_dtype");
    WITH(problem.desc.param_dtype = CLX_BOOL, CLX_ERR_DTYPE, "param_dtype");
    WITH(problem.desc.state_dtype = CLX_BOOL, CLX_ERR_DTYPE, "state_dtype");
    WITH(problem.desc.out_dtype = CLX_BF16, CLX_ERR_DTYPE, "out_dtype: bf16, expected f32");
    WITH(problem.config.num_heads = -1, CLX_ERR_VALUE, "num_heads: -1");
    WITH(problem.config.gate_soft_cap = ((clx_optional_number){1, 0}), CLX_ERR_VALUE, "gate_soft_cap: 0");
    WITH(problem.config.backend.name = CLX_BACKEND_CHUNKWISE, CLX_ERR_UNSUPPORTED, "chunkwise is not built yet");
    WITH(problem.config.backend.name = (clx_mlstm_backend)-1, CLX_ERR_VALUE, "backend.name: -1");
    WITH(problem.config.norm_eps = -1, CLX_ERR_VALUE, "norm_eps: -1");
#undef WITH
    clx_mlstm_cell *none = NULL;
    expect_refused(clx_mlstm_cell_create(NULL, &good, &none, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_mlstm_cell_create(device.context, NULL, &none, &test_error), CLX_ERR_NULL, "desc");
    expect_refused(clx_mlstm_cell_create(device.context, &good, NULL, &test_error), CLX_ERR_NULL, "out");
    clx_mlstm_cell_destroy(NULL);
    ck_assert_ptr_null(clx_mlstm_cell_variant(NULL));
}
END_TEST

START_TEST(headwise_features_must_divide)
{
    clx_mlstm_cell *other = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    problem.config.gate_linear_headwise = 1;
    expect_ok(clx_mlstm_cell_create(device.context, &problem.desc, &other, &test_error));
    expect_refused(clx_mlstm_cell_enqueue(other, &launch, &problem.args, &test_error), CLX_ERR_SHAPE,
                   "gate_input[1]: 3 features, expected a multiple of the 2 heads");
    clx_mlstm_cell_destroy(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cell_refusals");
    TCase *tcase = suite_case(suite, "refusals", 120);
    tcase_add_checked_fixture(tcase, open_problem, close_problem);
    tcase_add_test(tcase, missing_tensors_are_named);
    tcase_add_test(tcase, wrong_tensors_are_named);
    tcase_add_test(tcase, strides_are_checked);
    tcase_add_test(tcase, overlaps_are_refused);
    tcase_add_test(tcase, texts_must_fit);
    tcase_add_test(tcase, states_belong_to_backends);
    tcase_add_test(tcase, descriptors_are_checked);
    tcase_add_test(tcase, headwise_features_must_divide);
    return suite_run(suite);
}
