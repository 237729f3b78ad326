/* SPDX-License-Identifier: Apache-2.0
 *
 * The recurrent mLSTM, sequence and step, against the float64 reference and against itself. */
#include "ref/ref.h"
#include "support/tensors.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum gate_kind { PLAIN, DECAY, LARGE, RESETS, IGNORED, FAR } gate_kind;

typedef struct recurrent_row {
    uint64_t B, NH, S, DHQK, DHV;
    clx_dtype input, qkv, gate, out, state;
    test_layout layout;
    gate_kind gates;
    bool given; /* a state to start from */
    clx_recurrent_start start;
    float eps;
} recurrent_row;

#define F32 CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32
static const recurrent_row rows[] = {
    {2, 3, 10, 16, 24, F32, LAYOUT_DENSE, PLAIN, false, CLX_START_ZERO, 1e-6f},
    {1, 2, 7, 33, 130, F32, LAYOUT_STRIDED, DECAY, true, CLX_START_ZERO, 1e-3f}, /* divides no block */
    {2, 1, 9, 64, 64, CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, CLX_F32, LAYOUT_BSHD, PLAIN, true, CLX_START_ZERO, 1e-6f},
    {1, 2, 6, 20, 36, CLX_F32, CLX_F16, CLX_BF16, CLX_F16, CLX_F32, LAYOUT_BSHD, PLAIN, false, CLX_START_EMPTY, 0},
    {1, 1, 13, 3, 5, F32, LAYOUT_DENSE, LARGE, true, CLX_START_ZERO, 0}, /* m far from 0, both ways */
    {2, 2, 12, 8, 8, F32, LAYOUT_DENSE, RESETS, true, CLX_START_ZERO, 1e-6f},
    {1, 1, 4, 1, 1, F32, LAYOUT_DENSE, PLAIN, false, CLX_START_EMPTY, 1e-6f},
    {1, 1, 3, 5, 4, F32, LAYOUT_DENSE, IGNORED, false, CLX_START_EMPTY, 1e-6f},   /* nothing seen: h = 0, m = -inf */
    {1, 2, 5, 256, 512, F32, LAYOUT_BSHD, PLAIN, true, CLX_START_ZERO, 1e-6f},    /* a large head */
    {1, 1, 3, 1100, 6, F32, LAYOUT_DENSE, PLAIN, true, CLX_START_ZERO, 1e-6f},    /* more rows than items */
    {1, 1, 8, 16, 1030, F32, LAYOUT_STRIDED, PLAIN, true, CLX_START_ZERO, 1e-6f}, /* many blocks of columns */
};
enum { ROWS = sizeof rows / sizeof *rows, STATE = 3 };

/* A call's tensors. `before` and `after` are C, n, m. */
typedef struct problem {
    const recurrent_row *row;
    test_tensor q, k, v, igate, fgate, h;
    test_tensor before[STATE], after[STATE];
    double *expected; /* h, C, n, m, each followed by its cond */
} problem;

static clx_launch make_launch(void)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    return launch;
}

static clx_recurrent *make_operator(const recurrent_row *row)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    clx_recurrent *op = NULL;
    desc.DHQK = row->DHQK;
    desc.DHV = row->DHV;
    desc.input_dtype = row->input;
    desc.qkv_dtype = row->qkv;
    desc.gate_input_dtype = row->gate;
    desc.out_dtype = row->out;
    desc.state_dtype = row->state;
    desc.start = row->start;
    desc.eps = row->eps;
    expect_ok(clx_recurrent_create(device.context, &desc, &op, &test_error));
    ck_assert_ptr_nonnull(clx_recurrent_variant(op));
    return op;
}

static void set_gates(problem *p)
{
    const recurrent_row *row = p->row;
    for (size_t i = 0; i < p->igate.count; i++) {
        const size_t t = i % row->S;
        if (row->gates == DECAY) p->fgate.value[i] -= 3.0;
        if (row->gates == LARGE) p->igate.value[i] = t < 6 ? 120.0 - (double)t : -150.0;
        if (row->gates == LARGE) p->fgate.value[i] = t < 6 ? 30.0 : -80.0;
        if (row->gates == RESETS && t % 5 == 3) p->fgate.value[i] = -INFINITY;
        if (row->gates == RESETS && t == 4) p->fgate.value[i] = INFINITY;
        if (row->gates == RESETS && t == 6) p->igate.value[i] = -INFINITY;
        if (row->gates == FAR) p->igate.value[i] = t == 0 ? 100.0 : 90.0;
        if (row->gates == FAR) p->fgate.value[i] = 6.0;
        if (row->gates == IGNORED) p->igate.value[i] = -INFINITY;
    }
    tensor_write(&p->igate);
    tensor_write(&p->fgate);
}

static double *rounded(const test_tensor *x, clx_dtype dtype)
{
    double *copy = malloc((x->count + 1) * sizeof *copy);
    for (size_t i = 0; i < x->count; i++)
        copy[i] = tensor_round(dtype, x->value[i]);
    return copy;
}

static void run_reference(problem *p)
{
    const recurrent_row *row = p->row;
    double *q = rounded(&p->q, row->qkv), *k = rounded(&p->k, row->qkv), *v = rounded(&p->v, row->qkv);
    double *m0 = malloc((p->before[2].count + 1) * sizeof *m0);
    for (size_t i = 0; i < p->before[2].count; i++)
        m0[i] = row->given ? p->before[2].value[i] : row->start == CLX_START_EMPTY ? -INFINITY : 0.0;
    const size_t counts[4] = {p->h.count, p->before[0].count, p->before[1].count, p->before[2].count};
    p->expected = malloc(2 * (counts[0] + counts[1] + counts[2] + counts[3] + 1) * sizeof *p->expected);
    clxi_ref_recurrent ref = {.B = row->B, .NH = row->NH, .S = row->S, .DHQK = row->DHQK, .DHV = row->DHV};
    ref.q = q, ref.k = k, ref.v = v, ref.igate = p->igate.value, ref.fgate = p->fgate.value, ref.eps = row->eps;
    ref.C0 = row->given ? p->before[0].value : NULL, ref.n0 = row->given ? p->before[1].value : NULL, ref.m0 = m0;
    ref.h = p->expected, ref.cond_h = ref.h + counts[0];
    ref.C = ref.cond_h + counts[0], ref.cond_C = ref.C + counts[1];
    ref.n = ref.cond_C + counts[1], ref.cond_n = ref.n + counts[2];
    ref.m = ref.cond_n + counts[2], ref.cond_m = ref.m + counts[3];
    ck_assert(clxi_ref_mlstm_recurrent(&ref));
    free(q), free(k), free(v), free(m0);
}

static problem make_problem(const recurrent_row *row, uint64_t seed)
{
    problem p = {.row = row};
    random_state random = random_start(seed);
    const uint64_t B = row->B, NH = row->NH, S = row->S, K = row->DHQK, V = row->DHV;
    const uint64_t qk[4] = {B, NH, S, K}, vh[4] = {B, NH, S, V}, C[4] = {B, NH, K, V};
    p.q = tensor_random(&random, row->input, row->layout, 4, qk, 1.0f, 0.0f);
    p.k = tensor_random(&random, row->input, row->layout, 4, qk, 1.0f, 0.0f);
    p.v = tensor_random(&random, row->input, row->layout, 4, vh, 1.0f, 0.0f);
    p.igate = tensor_random(&random, row->gate, row->layout, 3, qk, 1.0f, 0.0f);
    p.fgate = tensor_random(&random, row->gate, row->layout, 3, qk, 1.0f, 2.0f);
    p.h = tensor_empty(row->out, row->layout, 4, vh);
    const test_layout inner = row->layout == LAYOUT_STRIDED ? LAYOUT_STRIDED : LAYOUT_DENSE;
    for (uint32_t i = 0; i < STATE; i++) {
        p.before[i] = tensor_random(&random, row->state, inner, 4 - i, C, 1.0f, 0.0f);
        p.after[i] = tensor_empty(row->state, LAYOUT_DENSE, 4 - i, C);
    }
    set_gates(&p);
    run_reference(&p);
    return p;
}

static void free_problem(problem *p)
{
    tensor_free(&p->q), tensor_free(&p->k), tensor_free(&p->v), tensor_free(&p->igate), tensor_free(&p->fgate);
    tensor_free(&p->h);
    for (uint32_t i = 0; i < STATE; i++)
        tensor_free(&p->before[i]), tensor_free(&p->after[i]);
    free(p->expected);
}

static void expect_reference(problem *p, bool stepped)
{
    static const char *const names[STATE] = {"C", "n", "m"};
    const recurrent_row *row = p->row;
    const double state_tol = row->state == CLX_F32 ? 1e-6 : 0x1p-8;
    const double *expected = p->expected;
    tensor_read(&p->h);
    /* In steps, a 16-bit state is rounded at each. */
    expect_close("h", &p->h, expected, expected + p->h.count,
                 stepped
                     ? tensor_tolerance(tensor_tolerance(row->qkv, row->out) > 1e-6 ? row->qkv : row->out, row->state)
                     : tensor_tolerance(row->qkv, row->out));
    expected += 2 * p->h.count;
    for (uint32_t i = 0; i < STATE; i++) {
        tensor_read(&p->after[i]);
        expect_close(names[i], &p->after[i], expected, expected + p->after[i].count, state_tol);
        expected += 2 * p->after[i].count;
    }
}

static clx_recurrent_args sequence_args(problem *p)
{
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    args.q = &p->q.view, args.k = &p->k.view, args.v = &p->v.view;
    args.igate = &p->igate.view, args.fgate = &p->fgate.view, args.h = &p->h.view;
    if (p->row->given) args.C = &p->before[0].view, args.n = &p->before[1].view, args.m = &p->before[2].view;
    args.C_out = &p->after[0].view, args.n_out = &p->after[1].view, args.m_out = &p->after[2].view;
    return args;
}

/* Tokens t .. t + count - 1 of a view whose third dimension is time; with `step`, the one token without it. */
static clx_tensor at_time(const clx_tensor *view, uint64_t t, uint64_t count, bool step)
{
    clx_tensor part = *view;
    part.offset += t * (uint64_t)view->stride[2];
    part.size[2] = count;
    if (!step) return part;
    part.size[2] = part.size[3];
    part.stride[2] = part.stride[3];
    part.rank--;
    return part;
}

static void call_part(clx_recurrent *op, const clx_recurrent_args *whole, uint64_t t, uint64_t count, bool step)
{
    clx_launch launch = make_launch();
    clx_recurrent_args args = *whole;
    const clx_tensor q = at_time(whole->q, t, count, step), k = at_time(whole->k, t, count, step);
    const clx_tensor v = at_time(whole->v, t, count, step), h = at_time(whole->h, t, count, step);
    const clx_tensor igate = at_time(whole->igate, t, count, step), fgate = at_time(whole->fgate, t, count, step);
    args.q = &q, args.k = &k, args.v = &v, args.igate = &igate, args.fgate = &fgate, args.h = &h;
    expect_ok(step ? clx_recurrent_step_enqueue(op, &launch, &args, &test_error)
                   : clx_recurrent_enqueue(op, &launch, &args, &test_error));
}

static void check_sequence(const recurrent_row *row, uint64_t seed)
{
    problem p = make_problem(row, seed);
    clx_recurrent *op = make_operator(row);
    const clx_recurrent_args args = sequence_args(&p);
    call_part(op, &args, 0, row->S, false);
    expect_reference(&p, false);
    free_problem(&p);
    clx_recurrent_destroy(op);
}

START_TEST(sequence)
{
    check_sequence(&rows[_i], 300 + (uint64_t)_i);
}
END_TEST

/* m near 100 sinks by a little at each token, and half a unit of its last digit is lost every time, always the same way:
 * after 1500 tokens 5e-3 of m, or of the first token's weight, unless those digits are kept somewhere. */
START_TEST(digits_of_a_large_m)
{
    const recurrent_row row = {1, 2, 1500, 3, 5, F32, LAYOUT_DENSE, FAR, false, CLX_START_ZERO, 1e-6f};
    check_sequence(&row, 350);
}
END_TEST

/* Token by token: C, n and m in place, and with two pairs (n, m) in turn. */
START_TEST(steps)
{
    for (int inplace = 0; inplace < 2; inplace++) {
        problem p = make_problem(&rows[_i], 300 + (uint64_t)_i);
        clx_recurrent *op = make_operator(p.row);
        const uint64_t size[3] = {p.row->B, p.row->NH, p.row->DHQK};
        test_tensor n = tensor_empty(p.row->state, LAYOUT_DENSE, 3, size);
        test_tensor m = tensor_empty(p.row->state, LAYOUT_DENSE, 2, size);
        clx_recurrent_args args = sequence_args(&p);
        for (uint64_t t = 0; t < p.row->S; t++) {
            const bool even = (p.row->S - t) % 2 == 1; /* the last one writes p.after */
            args.n_out = inplace || even ? &p.after[1].view : &n.view;
            args.m_out = inplace || even ? &p.after[2].view : &m.view;
            call_part(op, &args, t, 1, true);
            args.C = args.C_out, args.n = args.n_out, args.m = args.m_out;
        }
        expect_reference(&p, true);
        tensor_free(&n), tensor_free(&m);
        free_problem(&p);
        clx_recurrent_destroy(op);
    }
}
END_TEST

/* Two sequence calls in place, then steps: what one call gives. Workspace of the caller's own, out of order. */
START_TEST(pieces_are_the_whole)
{
    problem p = make_problem(&rows[_i], 300 + (uint64_t)_i);
    clx_recurrent *op = make_operator(p.row);
    clx_recurrent_args args = sequence_args(&p);
    const uint64_t first = p.row->S / 3, second = p.row->S / 2;
    call_part(op, &args, 0, first, false); /* may be empty: copies the state */
    args.C = args.C_out, args.n = args.n_out, args.m = args.m_out;
    call_part(op, &args, first, second - first, false);
    for (uint64_t t = second; t < p.row->S; t++)
        call_part(op, &args, t, 1, true);
    expect_reference(&p, true);
    free_problem(&p);
    clx_recurrent_destroy(op);
}
END_TEST

/* With m = -inf to start from, the recurrence is the parallel form. */
START_TEST(is_the_parallel_form)
{
    const recurrent_row row = {1, 2, 20, 12, 20, F32, LAYOUT_DENSE, PLAIN, false, CLX_START_EMPTY, 1e-6f};
    problem p = make_problem(&row, 11);
    clx_recurrent *op = make_operator(&row);
    clx_recurrent_args args = sequence_args(&p);
    args.C_out = args.n_out = args.m_out = NULL;
    call_part(op, &args, 0, row.S, false);
    tensor_read(&p.h);
    double *h = malloc(2 * p.h.count * sizeof *h);
    clxi_ref_mlstm ref = {.B = 1, .NH = 2, .S = 20, .DHQK = 12, .DHV = 20, .stabilize_rowwise = true, .eps = row.eps};
    ref.q = p.q.value, ref.k = p.k.value, ref.v = p.v.value, ref.igate = p.igate.value, ref.fgate = p.fgate.value;
    ref.h = h, ref.cond = h + p.h.count;
    ck_assert(clxi_ref_mlstm_parallel(&ref));
    expect_close("h", &p.h, h, ref.cond, 2e-6);
    free(h);
    free_problem(&p);
    clx_recurrent_destroy(op);
}
END_TEST

/* A reset clears even a state of NaN, an ignored token may hold NaN, and a NaN that is seen reaches its own head only. */
START_TEST(not_a_number)
{
    const recurrent_row row = {1, 3, 4, 8, 12, F32, LAYOUT_DENSE, PLAIN, true, CLX_START_ZERO, 1e-6f};
    problem p = make_problem(&row, 12);
    clx_recurrent *op = make_operator(&row);
    const clx_recurrent_args args = sequence_args(&p);
    for (size_t i = 0; i < p.before[0].count / 3; i++)
        p.before[0].value[i] = NAN; /* head 0: a state of NaN, cleared by its first token */
    p.before[1].value[3] = NAN;
    p.fgate.value[0] = -INFINITY;
    p.igate.value[4 + 1] = -INFINITY; /* head 1: token 1 is ignored, and is NaN */
    for (size_t e = 0; e < 8; e++)
        p.k.value[(4 + 1) * 8 + e] = NAN;
    p.v.value[(4 + 1) * 12] = NAN;
    p.q.value[(8 + 2) * 8] = NAN; /* head 2: token 2 asks NaN */
    tensor_write(&p.before[0]), tensor_write(&p.before[1]), tensor_write(&p.fgate), tensor_write(&p.igate);
    tensor_write(&p.k), tensor_write(&p.v), tensor_write(&p.q);
    for (int stepped = 0; stepped < 2; stepped++) {
        clx_recurrent_args one = args;
        if (!stepped) call_part(op, &args, 0, row.S, false);
        for (uint64_t t = 0; stepped && t < row.S; t++) {
            call_part(op, &one, t, 1, true);
            one.C = one.C_out, one.n = one.n_out, one.m = one.m_out;
        }
        tensor_read(&p.h);
        for (size_t i = 0; i < p.h.count; i++)
            ck_assert_int_eq(isnan(p.h.value[i]), i / 12 == 8 + 2);
        for (uint32_t i = 0; i < STATE; i++) {
            tensor_read(&p.after[i]);
            for (size_t e = 0; e < p.after[i].count; e++)
                ck_assert(!isnan(p.after[i].value[e]));
        }
    }
    free_problem(&p);
    clx_recurrent_destroy(op);
}
END_TEST

/* A state of 16 bits: rounded once by the sequence, at each token by steps. */
START_TEST(small_states)
{
    recurrent_row row = {2, 2, 5, 16, 32, F32, LAYOUT_DENSE, PLAIN, true, CLX_START_ZERO, 1e-6f};
    row.state = _i == 0 ? CLX_F16 : CLX_BF16;
    for (int stepped = 0; stepped < 2; stepped++) {
        problem p = make_problem(&row, 13);
        clx_recurrent *op = make_operator(&row);
        clx_recurrent_args args = sequence_args(&p);
        if (!stepped) {
            call_part(op, &args, 0, row.S, false);
            expect_reference(&p, false);
        } else {
            for (uint64_t t = 0; t < row.S; t++) {
                call_part(op, &args, t, 1, true);
                args.C = args.C_out, args.n = args.n_out, args.m = args.m_out;
            }
            tensor_read(&p.after[0]);
            const double *C = p.expected + 2 * p.h.count;
            expect_close("C", &p.after[0], C, C + p.after[0].count, 0x1p-6);
        }
        free_problem(&p);
        clx_recurrent_destroy(op);
    }
}
END_TEST

/* The caller's workspace, exactly as large as asked for, with bytes around it that stay. */
START_TEST(own_workspace)
{
    problem p = make_problem(&rows[1], 14);
    clx_recurrent *op = make_operator(p.row);
    clx_launch launch = make_launch();
    const clx_recurrent_args args = sequence_args(&p);
    uint64_t size = 0;
    unsigned char after[64];
    expect_ok(clx_recurrent_workspace_size(op, p.row->B, p.row->NH, &size, &test_error));
    launch.workspace = buffer_make((size_t)size + 128, NULL);
    launch.workspace_offset = 64;
    expect_ok(clx_recurrent_enqueue(op, &launch, &args, &test_error));
    expect_reference(&p, false);
    for (int end = 0; end < 2; end++) {
        buffer_read(launch.workspace, end ? (size_t)size + 64 : 0, 64, after);
        for (int i = 0; i < 64; i++)
            ck_assert_uint_eq(after[i], 0xff);
    }
    launch.workspace_offset = 192;
    expect_refused(clx_recurrent_enqueue(op, &launch, &args, &test_error), CLX_ERR_WORKSPACE, "workspace");
    expect_refused(clx_recurrent_workspace_size(NULL, 1, 1, &size, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_recurrent_workspace_size(op, 1, 1, NULL, &test_error), CLX_ERR_NULL, "size_bytes");
    expect_refused(clx_recurrent_workspace_size(op, UINT64_MAX, 2, &size, &test_error), CLX_ERR_OVERFLOW, "B");
    buffer_free(launch.workspace);
    free_problem(&p);
    clx_recurrent_destroy(op);
}
END_TEST

START_TEST(nothing_to_do)
{
    clx_recurrent *op = make_operator(&rows[0]);
    clx_launch launch = make_launch();
    for (int d = 0; d < 3; d++) {
        uint64_t qk[4] = {2, 3, 1, 16}, vh[4] = {2, 3, 1, 24};
        qk[d] = vh[d] = 0;
        const clx_tensor q = clx_tensor_dense(NULL, CLX_F32, 4, qk), v = clx_tensor_dense(NULL, CLX_F32, 4, vh);
        const clx_tensor gate = clx_tensor_dense(NULL, CLX_F32, 3, qk);
        clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
        args.q = args.k = &q, args.v = args.h = &v, args.igate = args.fgate = &gate;
        expect_ok(clx_recurrent_enqueue(op, &launch, &args, &test_error));
    }
    clx_recurrent_destroy(op);
    clx_recurrent_destroy(NULL);
}
END_TEST

static void expect_no_operator(const clx_recurrent_desc *desc, clx_status status, const char *text)
{
    clx_recurrent *op = (clx_recurrent *)(uintptr_t)1;
    expect_refused(clx_recurrent_create(device.context, desc, &op, &test_error), status, text);
    ck_assert_ptr_null(op);
}

START_TEST(refused_descriptors)
{
    static const float wrong[] = {-1e-6f, 0.0f / 0.0f, 1.0f / 0.0f};
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    clx_recurrent *op = NULL;
    expect_no_operator(&desc, CLX_ERR_VALUE, "DHQK: 0");
    desc.DHQK = 4096;
    expect_no_operator(&desc, CLX_ERR_VALUE, "DHQK: 4096");
    desc.DHQK = 8;
    expect_no_operator(&desc, CLX_ERR_VALUE, "DHV: 0");
    desc.DHV = 8;
    for (size_t i = 0; i < 3; i++) {
        desc.eps = wrong[i];
        expect_no_operator(&desc, CLX_ERR_VALUE, "eps");
    }
    desc.eps = 0;
    clx_dtype *const dtypes[] = {&desc.input_dtype, &desc.qkv_dtype, &desc.gate_input_dtype,
                                 &desc.gate_dtype,  &desc.out_dtype, &desc.state_dtype};
    static const char *const names[] = {"input_dtype", "qkv_dtype", "gate_input_dtype",
                                        "gate_dtype",  "out_dtype", "state_dtype"};
    for (size_t i = 0; i < 6; i++) {
        *dtypes[i] = CLX_BOOL;
        expect_no_operator(&desc, CLX_ERR_DTYPE, names[i]);
        *dtypes[i] = CLX_DTYPE_DEFAULT;
    }
    desc.out_dtype = CLX_F16;
    expect_no_operator(&desc, CLX_ERR_DTYPE, "out_dtype: f16");
    desc.out_dtype = CLX_F32;
    desc.start = (clx_recurrent_start)2;
    expect_no_operator(&desc, CLX_ERR_VALUE, "start: 2");
    desc.start = CLX_START_EMPTY;
    desc.struct_size = 0;
    expect_no_operator(&desc, CLX_ERR_VALUE, "struct_size");
    expect_no_operator(NULL, CLX_ERR_NULL, "desc");
    expect_refused(clx_recurrent_create(NULL, &desc, &op, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_recurrent_create(device.context, &desc, NULL, &test_error), CLX_ERR_NULL, "out");
}
END_TEST

START_TEST(refused_calls)
{
    const recurrent_row row = {1, 2, 3, 4, 8, F32, LAYOUT_DENSE, PLAIN, true, CLX_START_ZERO, 1e-6f};
    problem p = make_problem(&row, 15);
    clx_recurrent *op = make_operator(&row);
    clx_launch launch = make_launch();
    unsigned char *h_before = tensor_bytes(&p.h), *C_before = tensor_bytes(&p.before[0]);
    unsigned char *after_before = tensor_bytes(&p.after[0]);
    const clx_recurrent_args good = sequence_args(&p);
    clx_recurrent_args args = good;
    clx_tensor bad = p.q.view;
#define REFUSE(status, text)                                                                                           \
    expect_refused(clx_recurrent_enqueue(op, &launch, &args, &test_error), status, text);                              \
    args = good;                                                                                                       \
    bad = p.q.view

    expect_refused(clx_recurrent_enqueue(NULL, &launch, &args, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_recurrent_enqueue(op, NULL, &args, &test_error), CLX_ERR_NULL, "launch");
    expect_refused(clx_recurrent_enqueue(op, &launch, NULL, &test_error), CLX_ERR_NULL, "args");
    expect_refused(clx_recurrent_step_enqueue(op, &launch, &args, &test_error), CLX_ERR_SHAPE, "q: rank 4, expected 3");
    args.struct_size = 8;
    REFUSE(CLX_ERR_VALUE, "struct_size");
    args.q = NULL;
    REFUSE(CLX_ERR_NULL, "q: NULL");
    args.v = NULL;
    REFUSE(CLX_ERR_NULL, "v");
    args.fgate = NULL;
    REFUSE(CLX_ERR_NULL, "fgate");
    args.h = NULL;
    REFUSE(CLX_ERR_NULL, "h");
    args.n = NULL;
    REFUSE(CLX_ERR_NULL, "n: NULL, expected a tensor, since C is given");
    args.m_out = NULL;
    REFUSE(CLX_ERR_NULL, "m_out: NULL");
    bad.size[3] = 5;
    args.k = &bad;
    REFUSE(CLX_ERR_SHAPE, "k: shape (1,2,3,5), expected (1,2,3,4) to match q");
    bad = p.igate.view;
    bad.size[2] = 2;
    args.igate = &bad;
    REFUSE(CLX_ERR_SHAPE, "igate: shape (1,2,2)");
    bad.dtype = CLX_F16;
    args.q = &bad;
    REFUSE(CLX_ERR_DTYPE, "q: dtype f16, expected f32");
    bad = p.before[0].view;
    bad.dtype = CLX_BF16;
    args.C = &bad;
    REFUSE(CLX_ERR_DTYPE, "C: dtype bf16, expected f32");
    bad.stride[3] = 2;
    args.k = &bad;
    REFUSE(CLX_ERR_STRIDE, "k");
    bad = p.h.view;
    bad.stride[2] = 0;
    args.h = &bad;
    REFUSE(CLX_ERR_STRIDE, "h");
    bad = p.before[1].view;
    bad.offset = 1;
    args.n = &bad;
    REFUSE(CLX_ERR_BOUNDS, "n");
    args.h = &p.v.view;
    REFUSE(CLX_ERR_OVERLAP, "h: overlaps v");
    args.h = args.v = &p.v.view;
    REFUSE(CLX_ERR_OVERLAP, "h: overlaps v");
    bad = p.before[0].view;
    bad.rank = 3, bad.size[2] = 4, bad.stride[2] = 1; /* n_out on C */
    args.n_out = &bad;
    REFUSE(CLX_ERR_OVERLAP, "n_out: overlaps C");
    args.C_out = &p.before[0].view;
    bad = p.before[0].view;
    bad.stride[0] = 0, bad.stride[1] = 0, bad.stride[2] = 8;
    args.C = &bad; /* one state for all heads, updated "in place" */
    REFUSE(CLX_ERR_OVERLAP, "C_out: overlaps C");
#undef REFUSE
    expect_untouched(&p.h, h_before);
    expect_untouched(&p.before[0], C_before);
    expect_untouched(&p.after[0], after_before);

    args = good;
    args.C_out = args.n_out = args.m_out = NULL;
    const clx_tensor q = at_time(args.q, 0, 1, true);
    args.q = &q;
    expect_refused(clx_recurrent_step_enqueue(op, &launch, &args, &test_error), CLX_ERR_NULL, "C_out: NULL");
    free_problem(&p);
    clx_recurrent_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recurrent");
    TCase *tcase = suite_shared_device_case(suite, "recurrent", 180);
    tcase_add_loop_test(tcase, sequence, 0, ROWS);
    tcase_add_loop_test(tcase, steps, 0, ROWS);
    tcase_add_loop_test(tcase, pieces_are_the_whole, 0, ROWS);
    tcase_add_test(tcase, is_the_parallel_form);
    tcase_add_test(tcase, not_a_number);
    tcase_add_loop_test(tcase, small_states, 0, 2);
    tcase_add_test(tcase, own_workspace);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, refused_descriptors);
    tcase_add_test(tcase, refused_calls);
    tcase = suite_shared_device_case(suite, "digits", 60);
    tcase_add_test(tcase, digits_of_a_large_m);
    return suite_run_together(suite);
}
