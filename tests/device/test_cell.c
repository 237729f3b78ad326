/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM cell against the float64 reference, on sizes chosen for a reason and on random ones; queues, workspaces and
 * strides; states carried over. */
#include "cell_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clx_mlstm_cell *make_cell(cell_problem *p)
{
    clx_mlstm_cell *cell = NULL;
    p->desc.config = &p->config;
    expect_ok(clx_mlstm_cell_create(device.context, &p->desc, &cell, &test_error));
    return cell;
}

/* Fills, runs and judges. */
static void check_problem(cell_problem *p, random_state *random, double slack)
{
    clx_mlstm_cell *cell = make_cell(p);
    cell_problem_fill(p, random);
    cell_problem_run(p, cell);
    cell_problem_expect(p, slack);
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(p);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

static const struct {
    int64_t heads;
    uint64_t B, S, DHQK, DHV;
    bool headwise;
    uint32_t gate_inputs;
    uint64_t features[3];
} sizes[] = {
    {1, 1, 1, 1, 2, false, 0, {0}},           /* one of everything; layernorm of one element would be 0 */
    {3, 2, 5, 7, 9, false, 0, {0}},           /* two groups of heads that overlap; no chunk of four is whole */
    {8, 1, 130, 4, 8, false, 0, {0}},         /* more tokens than the few; chunks of four are aligned */
    {11, 3, 31, 4, 8, false, 1, {13}},        /* groups of eight heads that overlap; a rest of one feature */
    {4, 2, 3, 4, 8, true, 0, {0}},            /* headwise, aligned */
    {5, 3, 43, 4, 8, true, 2, {15, 40}},      /* headwise, odd slices of 3 and 8 */
    {2, 2, 9, 4, 8, false, 3, {1, 300, 600}}, /* longer than a block of 256 features; a source of one */
};

START_TEST(sizes_match_the_reference)
{
    random_state random = random_start(100 + (uint64_t)_i);
    cell_problem p = cell_problem_plain();
    p.config.num_heads = sizes[_i].heads;
    p.NH = (uint64_t)sizes[_i].heads;
    p.B = sizes[_i].B, p.S = sizes[_i].S;
    p.desc.DHQK = sizes[_i].DHQK, p.desc.DHV = sizes[_i].DHV;
    p.config.gate_linear_headwise = sizes[_i].headwise;
    p.desc.gate_inputs = sizes[_i].gate_inputs;
    memcpy(p.features, sizes[_i].features, sizeof sizes[_i].features);
    p.statistics = true;
    check_problem(&p, &random, 2);
}
END_TEST

/* ---- random configurations -------------------------------------------------------------------------------------- */

static clx_dtype random_dtype(random_state *random)
{
    static const clx_dtype dtypes[] = {CLX_F32, CLX_F32, CLX_F16, CLX_BF16};
    return dtypes[random_below(random, 4)];
}

static void random_backend(cell_problem *p, random_state *random)
{
    clx_mlstm_backend_config *backend = &p->config.backend;
    backend->name = (clx_mlstm_backend)random_below(random, 3);
    if (backend->name == CLX_BACKEND_ATTENTION) {
        backend->activation_function = (clx_attention_activation)random_below(random, 2);
        backend->qk_pre_activation_function = (clx_attention_pre_activation)random_below(random, 2);
        backend->theta = 100;
        if (random_below(random, 2)) backend->context_length = 64; /* of sigmoid's bias */
    }
    p->desc.return_state = backend->name == CLX_BACKEND_RECURRENT && random_below(random, 2);
    p->start_state = backend->name == CLX_BACKEND_RECURRENT && random_below(random, 2);
}

static cell_problem random_problem(random_state *random)
{
    cell_problem p = cell_problem_plain();
    p.NH = 1 + random_below(random, 9);
    p.config.parallel.given = (int32_t)random_below(random, 2);
    if (p.config.parallel.given) p.config.parallel = (clx_parallel_config){1, 2, (int64_t)random_below(random, 2)};
    p.config.num_heads = (int64_t)(p.NH * (p.config.parallel.given ? 2 : 1));
    p.B = 1 + random_below(random, 3);
    p.S = 1 + random_below(random, 70);
    p.desc.DHQK = random_below(random, 2) ? 6 : 16; /* few different ones: every pair is compiled */
    p.desc.DHV = random_below(random, 2) ? 10 : 24;
    random_backend(&p, random);
    p.config.dtype = random_dtype(random);
    p.desc.input_dtype = random_below(random, 2) ? CLX_F32 : p.config.dtype;
    p.config.gate_dtype = random_dtype(random);
    p.desc.out_dtype = random_below(random, 2) ? CLX_F32 : CLX_DTYPE_DEFAULT;
    p.config.norm_type = (clx_norm_type)random_below(random, 2);
    p.config.layer_type_v1 = (int32_t)random_below(random, 2);
    p.config.add_qk_norm = (int32_t)random_below(random, 2);
    p.config.gate_linear_headwise = (int32_t)random_below(random, 2);
    p.config.gate_soft_cap = (clx_optional_number){(int32_t)random_below(random, 2), 4};
    p.config.reset_at_document_boundaries = (int32_t)random_below(random, 2);
    p.desc.gate_inputs = (uint32_t)random_below(random, 3);
    for (int i = 0; i < 2; i++)
        p.features[i] = p.NH * (1 + random_below(random, 30));
    p.row_padding = random_below(random, 2) ? random_below(random, 5) : 0;
    p.statistics = true;
    return p;
}

START_TEST(random_configurations_match_the_reference)
{
    random_state random = random_start(1000 + (uint64_t)_i);
    cell_problem p = random_problem(&random);
    char text[4096];
    size_t room = sizeof text;
    expect_ok(clx_mlstm_cell_config_to_json(&p.config, text, &room, &test_error));
    printf("B %llu S %llu DHQK %llu DHV %llu %s\n", (unsigned long long)p.B, (unsigned long long)p.S,
           (unsigned long long)p.desc.DHQK, (unsigned long long)p.desc.DHV, text);
    check_problem(&p, &random, 4); /* the rival's error is one draw, ours another */
}
END_TEST

/* ---- one call, however it is enqueued --------------------------------------------------------------------------- */

static void expect_same_bits(cell_problem *p, int which, const double *before)
{
    cell_problem_read(p, which);
    ck_assert_msg(memcmp(before, p->tensor[which].value, p->tensor[which].count * sizeof *before) == 0,
                  "tensor %d differs", which);
}

static double *copy_of(cell_problem *p, int which)
{
    cell_problem_read(p, which);
    double *copy = malloc((p->tensor[which].count + 1) * sizeof *copy);
    memcpy(copy, p->tensor[which].value, p->tensor[which].count * sizeof *copy);
    return copy;
}

static void poison(cell_problem *p, int which)
{
    size_t bytes = 0;
    clGetMemObjectInfo(p->tensor[which].view.mem, CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    void *data = malloc(bytes);
    memset(data, 0xff, bytes);
    buffer_write(p->tensor[which].view.mem, 0, bytes, data);
    free(data);
}

/* All stages at once, behind a wait list, on an out-of-order queue, with one event, on the caller's own workspace at an
 * offset, between guards that nobody may touch. */
START_TEST(queues_and_workspaces_do_not_matter)
{
    enum { GUARD = 256 };
    random_state random = random_start(3);
    cell_problem p = cell_problem_plain();
    p.S = 70;
    p.config.add_qk_norm = 1;
    p.statistics = true;
    clx_mlstm_cell *cell = make_cell(&p);
    cell_problem_fill(&p, &random);
    cell_problem_run(&p, cell);
    cell_problem_expect(&p, 1);
    double *h = copy_of(&p, CELL_H), *statistics = copy_of(&p, CELL_STATISTICS);

    uint64_t size = 0;
    cl_int code = CL_SUCCESS;
    expect_ok(clx_mlstm_cell_workspace_size(cell, p.B, p.S, &size, &test_error));
    cl_mem workspace = buffer_make((size_t)size + 2 * GUARD, NULL);
    cl_command_queue queue = clCreateCommandQueue(device.cl, device.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code != CL_SUCCESS) queue = clCreateCommandQueue(device.cl, device.id, 0, &code);
    cl_event gate = clCreateUserEvent(device.cl, &code), done = NULL;
    poison(&p, CELL_H);
    poison(&p, CELL_STATISTICS);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = queue;
    launch.wait_count = 1;
    launch.wait_list = &gate;
    launch.event = &done;
    launch.workspace = workspace;
    launch.workspace_offset = GUARD;
    expect_ok(clx_mlstm_cell_enqueue(cell, &launch, &p.args, &test_error));
    ck_assert_ptr_nonnull(done);
    ck_assert_int_eq(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    ck_assert_int_eq(clWaitForEvents(1, &done), CL_SUCCESS);
    expect_same_bits(&p, CELL_H, h);
    expect_same_bits(&p, CELL_STATISTICS, statistics);
    unsigned char guards[2][GUARD];
    buffer_read(workspace, 0, GUARD, guards[0]);
    buffer_read(workspace, GUARD + (size_t)size, GUARD, guards[1]);
    for (int i = 0; i < 2 * GUARD; i++)
        ck_assert_int_eq(guards[i / GUARD][i % GUARD], 0xff);

    launch.workspace_offset = 2 * GUARD + 64;
    expect_refused(clx_mlstm_cell_enqueue(cell, &launch, &p.args, &test_error), CLX_ERR_WORKSPACE, "launch.workspace");
    clReleaseEvent(gate);
    clReleaseEvent(done);
    clReleaseCommandQueue(queue);
    buffer_free(workspace);
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(&p);
    free(h);
    free(statistics);
}
END_TEST

/* More gates than one group reduces: two launches, and the same bits every time. */
START_TEST(statistics_of_many_tokens)
{
    random_state random = random_start(8);
    cell_problem p = cell_problem_plain();
    p.config.num_heads = 5, p.NH = 5;
    p.B = 3, p.S = 300;
    p.config.reset_at_document_boundaries = 1;
    p.statistics = true;
    clx_mlstm_cell *cell = make_cell(&p);
    cell_problem_fill(&p, &random);
    cell_problem_run(&p, cell);
    cell_problem_expect(&p, 1);
    double *statistics = copy_of(&p, CELL_STATISTICS);
    ck_assert(statistics[CLX_MIN_FGATE_PREACT] == -25);
    for (int i = 0; i < 3; i++) {
        cell_problem_run(&p, cell);
        expect_same_bits(&p, CELL_STATISTICS, statistics);
    }
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(&p);
    free(statistics);
}
END_TEST

/* A mask of borders changes nothing, not even by being wrong, while the configuration does not ask for resets. */
START_TEST(borders_are_ignored_unless_asked_for)
{
    random_state random = random_start(9);
    cell_problem p = cell_problem_plain();
    clx_mlstm_cell *cell = make_cell(&p);
    cell_problem_fill(&p, &random);
    clx_tensor wrong = p.tensor[CELL_Q].view;
    p.args.document_borders = &wrong;
    cell_problem_run(&p, cell);
    cell_problem_expect(&p, 1);
    clx_mlstm_cell_destroy(cell);
    p.config.reset_at_document_boundaries = 1; /* and asked for, but not given: no resets */
    cell = make_cell(&p);
    p.args.document_borders = NULL;
    poison(&p, CELL_H);
    cell_problem_run(&p, cell);
    cell_problem_expect(&p, 1);
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(&p);
}
END_TEST

START_TEST(nothing_to_do_is_a_success)
{
    random_state random = random_start(10);
    cell_problem p = cell_problem_plain();
    p.S = 0;
    cl_event done = NULL;
    clx_mlstm_cell *cell = make_cell(&p);
    cell_problem_fill(&p, &random);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    launch.event = &done;
    expect_ok(clx_mlstm_cell_enqueue(cell, &launch, &p.args, &test_error));
    ck_assert_int_eq(clWaitForEvents(1, &done), CL_SUCCESS);
    clReleaseEvent(done);
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(&p);
}
END_TEST

/* ---- states ----------------------------------------------------------------------------------------------------- */

/* Tokens begin .. end - 1 of a tensor (B, S, ...). */
static clx_tensor piece(const clx_tensor *whole, uint64_t begin, uint64_t end)
{
    clx_tensor part = *whole;
    part.offset += begin * (uint64_t)whole->stride[1];
    part.size[1] = end - begin;
    return part;
}

/* Runs tokens begin .. end - 1; `from` whether the state so far is the start. The state is updated in place. */
static void run_piece(cell_problem *p, clx_mlstm_cell *cell, uint64_t begin, uint64_t end, bool from)
{
    clx_mlstm_cell_args args = p->args;
    const clx_tensor q = piece(args.q, begin, end), k = piece(args.k, begin, end), v = piece(args.v, begin, end);
    const clx_tensor h = piece(args.h, begin, end), borders = piece(args.document_borders, begin, end);
    args.q = &q, args.k = &k, args.v = &v, args.h = &h, args.document_borders = &borders;
    if (from) args.C = args.C_out, args.n = args.n_out, args.m = args.m_out;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_cell_enqueue(cell, &launch, &args, &test_error));
}

static void expect_near(cell_problem *p, int which, const double *expected, double tolerance)
{
    double largest = 0;
    cell_problem_read(p, which);
    for (size_t i = 0; i < p->tensor[which].count; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < p->tensor[which].count; i++) {
        const double err = fabs(p->tensor[which].value[i] - expected[i]);
        if (!(err <= tolerance * largest))
            ck_abort_msg("tensor %d: element %zu is %.9g, expected %.9g", which, i, p->tensor[which].value[i],
                         expected[i]);
    }
}

/* One recurrent call = recurrent pieces = a prompt in parallel, then token by token. The parallel form's m differs from
 * the recurrent one's by its start (-inf, not 0), so its state is compared by what follows from it. */
START_TEST(pieces_are_the_whole)
{
    enum { PROMPT = 13, LENGTH = 21 };
    random_state random = random_start(11);
    cell_problem p = cell_problem_plain();
    p.S = LENGTH;
    p.config.add_qk_norm = 1;
    p.config.reset_at_document_boundaries = 1;
    p.config.backend.name = CLX_BACKEND_RECURRENT;
    p.desc.return_state = 1;
    clx_mlstm_cell *recurrent = make_cell(&p);
    p.config.backend.name = CLX_BACKEND_PARALLEL_STABILIZED;
    clx_mlstm_cell *parallel = make_cell(&p);
    p.config.backend.name = CLX_BACKEND_RECURRENT;
    cell_problem_fill(&p, &random);
    cell_problem_run(&p, recurrent);
    cell_problem_expect(&p, 1);
    double *h = copy_of(&p, CELL_H), *C = copy_of(&p, CELL_C_OUT), *n = copy_of(&p, CELL_N_OUT);
    double *m = copy_of(&p, CELL_M_OUT);

    for (int by_parallel = 0; by_parallel < 2; by_parallel++) {
        poison(&p, CELL_H);
        for (int i = 0; i < 3; i++)
            poison(&p, CELL_C_OUT + i);
        run_piece(&p, by_parallel ? parallel : recurrent, 0, PROMPT, false);
        run_piece(&p, recurrent, PROMPT, PROMPT, true); /* no token: the state is handed through */
        run_piece(&p, recurrent, PROMPT, PROMPT + 3, true);
        for (uint64_t t = PROMPT + 3; t < LENGTH; t++)
            run_piece(&p, recurrent, t, t + 1, true);
        expect_near(&p, CELL_H, h, 1e-5);
        if (by_parallel) break;
        expect_near(&p, CELL_C_OUT, C, 1e-6);
        expect_near(&p, CELL_N_OUT, n, 1e-6);
        expect_near(&p, CELL_M_OUT, m, 1e-6);
    }
    clx_mlstm_cell_destroy(recurrent);
    clx_mlstm_cell_destroy(parallel);
    cell_problem_free(&p);
    free(h), free(C), free(n), free(m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cell");
    TCase *tcase = suite_shared_device_case(suite, "cell", 120);
    const char *more = getenv("CLX_TEST_ROUNDS");
    tcase_add_loop_test(tcase, sizes_match_the_reference, 0, sizeof sizes / sizeof *sizes);
    tcase_add_loop_test(tcase, random_configurations_match_the_reference, 0, more ? atoi(more) : 6);
    tcase_add_test(tcase, queues_and_workspaces_do_not_matter);
    tcase_add_test(tcase, statistics_of_many_tokens);
    tcase_add_test(tcase, borders_are_ignored_unless_asked_for);
    tcase_add_test(tcase, nothing_to_do_is_a_success);
    tcase_add_test(tcase, pieces_are_the_whole);
    return suite_run_together(suite);
}
