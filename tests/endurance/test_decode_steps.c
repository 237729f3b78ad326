/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding for a long time: step after step of the recurrent mLSTM, the state kept in the device's memory, as a program that
 * writes a long text does. Every h on the way and the state at the end are held against the float64 reference of the whole
 * sequence, by the rule of src/ref/judge.h.
 *
 * A state (C, n, m) stands for C e^m and n e^m. Where the stabiliser sinks by less than it can say in one f32, the library
 * rounds m and makes up for it in C and n; over many steps m itself may so wander off, and C and n with it, while what they
 * stand for does not. So C and n are judged as they are brought to the reference's m. How far that is off is printed.
 *
 * CLX_DECODE_STEPS says how many steps are made with each kind of gates. */
#include "ref/judge.h"
#include "ref/ref.h"
#include "support/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NH = 2, DHQK = 16, DHV = 24, FLIGHT = 500, MOST_STEPS = 1000000 };

/* What the gates do: forget within some tokens, as a fresh model does (f from 3 to 6); remember some hundred; reset and ignore
 * now and then; remember nearly all. */
typedef enum gate_kind { FORGETS, REMEMBERS, RESETS, REMEMBERS_ALL, GATE_KINDS } gate_kind;
static const char *const gate_names[GATE_KINDS] = {"forgets", "remembers", "resets", "remembers all"};

typedef struct decode_row {
    gate_kind gates;
    clx_dtype dtype; /* of q, k, v and h; the state is f32 */
    bool inplace;    /* n and m too, or two pairs in turn */
} decode_row;

static const decode_row rows[] = {
    {FORGETS, CLX_F32, true},    {REMEMBERS, CLX_F32, false}, {RESETS, CLX_F32, true},
    {REMEMBERS, CLX_BF16, true}, {FORGETS, CLX_F16, false},   {REMEMBERS_ALL, CLX_F32, false},
};
enum { ROWS = sizeof rows / sizeof *rows, STATE = 3 };

static uint64_t steps_wanted(void)
{
    const char *text = getenv("CLX_DECODE_STEPS");
    const long steps = text != NULL ? strtol(text, NULL, 10) : 1000;
    return steps < 1 ? 1 : steps > MOST_STEPS ? MOST_STEPS : (uint64_t)steps;
}

/* A text, its gates, and what is to come of it: h, C, n, m, each followed by its cond. */
typedef struct text {
    const decode_row *row;
    uint64_t S;
    test_tensor q, k, v, igate, fgate, h;
    test_tensor state[STATE], other[STATE]; /* `other`: the second pair (n, m) */
    double *expected;
} text;

static void set_gates(text *x)
{
    for (size_t i = 0; i < x->igate.count; i++) {
        const size_t t = i % x->S;
        double *f = &x->fgate.value[i];
        if (x->row->gates == REMEMBERS) *f += 4.0;
        if (x->row->gates == REMEMBERS_ALL) *f += 9.0;
        if (x->row->gates != RESETS) continue;
        if (t % 997 == 500) *f = -INFINITY;
        if (t % 13 == 5) *f = INFINITY;
        if (t % 7 == 3) x->igate.value[i] = -INFINITY;
    }
    tensor_write(&x->igate);
    tensor_write(&x->fgate);
}

static void run_reference(text *x)
{
    const size_t counts[4] = {x->h.count, x->state[0].count, x->state[1].count, x->state[2].count};
    x->expected = malloc(2 * (counts[0] + counts[1] + counts[2] + counts[3]) * sizeof *x->expected);
    ck_assert_ptr_nonnull(x->expected);
    clxi_ref_recurrent ref = {.B = 1, .NH = NH, .S = x->S, .DHQK = DHQK, .DHV = DHV, .eps = 1e-6f};
    ref.q = x->q.value, ref.k = x->k.value, ref.v = x->v.value;
    ref.igate = x->igate.value, ref.fgate = x->fgate.value;
    ref.h = x->expected, ref.cond_h = ref.h + counts[0];
    ref.C = ref.cond_h + counts[0], ref.cond_C = ref.C + counts[1];
    ref.n = ref.cond_C + counts[1], ref.cond_n = ref.n + counts[2];
    ref.m = ref.cond_n + counts[2], ref.cond_m = ref.m + counts[3];
    ck_assert(clxi_ref_mlstm_recurrent(&ref));
}

static text make_text(const decode_row *row, uint64_t S, uint64_t seed)
{
    text x = {.row = row, .S = S};
    random_state random = random_start(seed);
    const uint64_t qk[4] = {1, NH, S, DHQK}, vh[4] = {1, NH, S, DHV}, C[4] = {1, NH, DHQK, DHV};
    x.q = tensor_random(&random, row->dtype, LAYOUT_BSHD, 4, qk, 1.0f, 0.0f);
    x.k = tensor_random(&random, row->dtype, LAYOUT_BSHD, 4, qk, 1.0f, 0.0f);
    x.v = tensor_random(&random, row->dtype, LAYOUT_BSHD, 4, vh, 1.0f, 0.0f);
    x.igate = tensor_random(&random, CLX_F32, LAYOUT_BSHD, 3, qk, 1.0f, 0.0f);
    x.fgate = tensor_random(&random, CLX_F32, LAYOUT_BSHD, 3, qk, 1.0f, 3.0f);
    x.h = tensor_empty(row->dtype, LAYOUT_BSHD, 4, vh);
    for (uint32_t i = 0; i < STATE; i++) {
        x.state[i] = tensor_empty(CLX_F32, LAYOUT_DENSE, 4 - i, C);
        x.other[i] = tensor_empty(CLX_F32, LAYOUT_DENSE, 4 - i, C);
    }
    set_gates(&x);
    run_reference(&x);
    return x;
}

static void free_text(text *x)
{
    tensor_free(&x->q), tensor_free(&x->k), tensor_free(&x->v), tensor_free(&x->igate), tensor_free(&x->fgate);
    tensor_free(&x->h);
    for (uint32_t i = 0; i < STATE; i++)
        tensor_free(&x->state[i]), tensor_free(&x->other[i]);
    free(x->expected);
}

/* Token t of a view whose third dimension is time, without that. */
static clx_tensor at_time(const clx_tensor *view, uint64_t t)
{
    clx_tensor part = *view;
    part.offset += t * (uint64_t)view->stride[2];
    part.size[2] = part.size[3];
    part.stride[2] = part.stride[3];
    part.rank--;
    return part;
}

static void decode(text *x, clx_recurrent *op)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    launch.queue = device.queue;
    args.C_out = &x->state[0].view;
    for (uint64_t t = 0; t < x->S; t++) {
        const clx_tensor q = at_time(&x->q.view, t), k = at_time(&x->k.view, t), v = at_time(&x->v.view, t);
        const clx_tensor igate = at_time(&x->igate.view, t), fgate = at_time(&x->fgate.view, t);
        const clx_tensor h = at_time(&x->h.view, t);
        const bool second = !x->row->inplace && (x->S - t) % 2 == 0; /* the last step writes `state` */
        args.n_out = second ? &x->other[1].view : &x->state[1].view;
        args.m_out = second ? &x->other[2].view : &x->state[2].view;
        args.q = &q, args.k = &k, args.v = &v, args.igate = &igate, args.fgate = &fgate, args.h = &h;
        if (clx_recurrent_step_enqueue(op, &launch, &args, &test_error) != CLX_OK) {
            ck_abort_msg("step %llu: %s", (unsigned long long)t, test_error.message);
        }
        if (t % FLIGHT == FLIGHT - 1) ck_assert_int_eq(clFinish(device.queue), CL_SUCCESS);
        args.C = args.C_out, args.n = args.n_out, args.m = args.m_out;
    }
    ck_assert_int_eq(clFinish(device.queue), CL_SUCCESS);
}

static double judge(const text *x, const char *output, const test_tensor *ours, const double *expected)
{
    const clxi_judge j = {.op = "mlstm_recurrent",
                          .output = output,
                          .out_dtype = x->row->dtype,
                          .qkv_dtype = x->row->dtype,
                          .gate_dtype = CLX_F32,
                          .state_dtype = CLX_F32,
                          .count = ours->count,
                          .ours = ours->value,
                          .ref64 = expected,
                          .cond = expected + ours->count};
    const clxi_verdict verdict = clxi_judge_output(&j);
    ck_assert_msg(verdict.pass, "%s, %s: %s[%zu] is %.9g, expected %.9g: %.3g of what is allowed, rms %.3g of %.3g",
                  gate_names[x->row->gates], clx_dtype_name(x->row->dtype), output, verdict.index,
                  ours->value[verdict.index], expected[verdict.index], verdict.worst, verdict.rms, verdict.rms_limit);
    return verdict.worst;
}

/* Brings C and n to the reference's m. Returns how far m is from it, at most. */
static double bring_to(text *x, const double *m)
{
    double most = 0;
    for (uint32_t i = 0; i < STATE; i++) {
        tensor_read(&x->state[i]);
    }
    for (size_t head = 0; head < NH; head++) {
        const double off = x->state[2].value[head] - m[head];
        for (size_t i = 0; i < DHQK * DHV; i++)
            x->state[0].value[head * DHQK * DHV + i] *= exp(off);
        for (size_t i = 0; i < DHQK; i++)
            x->state[1].value[head * DHQK + i] *= exp(off);
        if (!(fabs(off) <= most)) most = fabs(off);
    }
    return most;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(decode_steps)
{
    const decode_row *row = &rows[_i];
    text x = make_text(row, steps_wanted(), 900 + (uint64_t)_i);
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    clx_recurrent *op = NULL;
    desc.DHQK = DHQK, desc.DHV = DHV, desc.input_dtype = row->dtype;
    expect_ok(clx_recurrent_create(device.context, &desc, &op, &test_error));
    const double start = now_s();
    decode(&x, op);
    const double took = now_s() - start;
    tensor_read(&x.h);
    const double *C = x.expected + 2 * x.h.count, *n = C + 2 * x.state[0].count, *m = n + 2 * x.state[1].count;
    const double off = bring_to(&x, m);
    const double worst_h = judge(&x, "h", &x.h, x.expected);
    const double worst_C = judge(&x, "C", &x.state[0], C), worst_n = judge(&x, "n", &x.state[1], n);
    ck_assert_msg(off < 1e-2, "m is off by %g", off);
    printf("decoding, %s, %s, %s: %llu steps in %.1f s; of what is allowed at most %.2f of h, %.2f of C, %.2f of n; "
           "m is off by %.1e\n",
           clx_recurrent_variant(op), gate_names[row->gates], clx_dtype_name(row->dtype), (unsigned long long)x.S, took,
           worst_h, worst_C, worst_n, off);
    fflush(stdout);
    free_text(&x);
    clx_recurrent_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode_steps");
    TCase *tcase = suite_shared_device_case(suite, "decode_steps", 60 + (double)steps_wanted() / 100);
    tcase_add_loop_test(tcase, decode_steps, 0, ROWS);
    return suite_run_together(suite);
}
