/* SPDX-License-Identifier: Apache-2.0
 *
 * The state that the parallel mLSTM returns, against the float64 recurrence started at m = -inf. */
#include "ref/ref.h"
#include "support/support.h"
#include <math.h>
#include <stdlib.h>

enum { B = 2, NH = 3, HEADS = B * NH };

typedef struct head_size {
    size_t DHQK;
    size_t DHV;
} head_size;

/* Rests in both directions of the smallest tiles and of the largest. */
static const head_size head_sizes[] = {{7, 18}, {130, 202}};

typedef enum gate_kind { PLAIN, DECAY, RESETS, SOME_IGNORED, ALL_IGNORED } gate_kind;

static const struct {
    size_t S;
    gate_kind gates;
} rows[] = {
    {1, PLAIN},         /* one token: C = k v^T */
    {5, PLAIN},         /* less than a tile of columns */
    {131, PLAIN},       /* several tiles and a rest */
    {131, DECAY},       /* the first tiles weigh exactly 0 and are skipped */
    {131, RESETS},      /* only what follows the last hard reset counts, a NaN before it does not */
    {40, SOME_IGNORED}, /* igate = -inf here and there, where k and v are NaN */
    {9, ALL_IGNORED},   /* igate = -inf everywhere: nothing seen, m = -inf */
};

static float *make_numbers(random_state *random, size_t count, double **as_double)
{
    float *x = malloc(count * sizeof *x);
    *as_double = malloc(count * sizeof **as_double);
    for (size_t i = 0; i < count; i++)
        (*as_double)[i] = x[i] = random_normal(random);
    return x;
}

static bool is_ignored(gate_kind kind, size_t t)
{
    return kind == ALL_IGNORED || (kind == SOME_IGNORED && t % 3 == 1);
}

static void set_gates(gate_kind kind, size_t S, float *igate, float *fgate)
{
    for (size_t i = 0; i < HEADS * S; i++) {
        const size_t t = i % S;
        if (kind == PLAIN) fgate[i] += 3.0f;
        if (kind == DECAY) fgate[i] -= 2.0f;
        if (kind == RESETS && (t == 3 || t == 70 || t == 71)) fgate[i] = -INFINITY;
        if (kind == RESETS && t == 2) igate[i] = NAN;
        if (is_ignored(kind, t)) igate[i] = -INFINITY;
    }
}

/* What k or v holds at ignored tokens: NaN on the device, 0 in the reference. */
static void spoil_ignored(gate_kind kind, size_t S, size_t width, float *x, double *as_double)
{
    for (size_t i = 0; i < HEADS * S * width; i++) {
        if (!is_ignored(kind, i / width % S)) continue;
        x[i] = NAN;
        as_double[i] = 0.0;
    }
}

static void expect_close(const char *name, cl_mem mem, size_t count, const double *ref, const double *cond)
{
    float *x = malloc(count * sizeof *x);
    buffer_read(mem, 0, count * sizeof *x, x);
    for (size_t i = 0; i < count; i++) {
        const bool same_infinity = isinf(ref[i]) && (double)x[i] == ref[i];
        const double error = fabs(x[i] - ref[i]);
        if (!same_infinity && !(error <= 1e-6 * cond[i] + 1e-30))
            ck_abort_msg("%s[%zu]: %g, expected %g within 1e-6 * %g", name, i, (double)x[i], ref[i], cond[i]);
    }
    free(x);
}

static void run_row(clx_mlstm *op, random_state *random, head_size size, size_t S, gate_kind gates)
{
    const size_t DHQK = size.DHQK, DHV = size.DHV;
    double *q64, *k64, *v64, *i64, *f64;
    float *q = make_numbers(random, HEADS * S * DHQK, &q64), *k = make_numbers(random, HEADS * S * DHQK, &k64);
    float *v = make_numbers(random, HEADS * S * DHV, &v64);
    float *igate = make_numbers(random, HEADS * S, &i64), *fgate = make_numbers(random, HEADS * S, &f64);
    set_gates(gates, S, igate, fgate);
    spoil_ignored(gates, S, DHQK, k, k64);
    spoil_ignored(gates, S, DHV, v, v64);
    double m0[HEADS];
    for (size_t i = 0; i < HEADS * S; i++) {
        i64[i] = igate[i];
        f64[i] = fgate[i];
    }
    for (size_t i = 0; i < HEADS; i++)
        m0[i] = -INFINITY;
    double *C64 = calloc(HEADS * DHQK * DHV * 2, sizeof *C64), *n64 = calloc(HEADS * DHQK * 2, sizeof *n64);
    double m64[2 * HEADS], *h64 = calloc(HEADS * S * DHV * 2, sizeof *h64);
    clxi_ref_recurrent ref = {.B = B, .NH = NH, .S = S, .DHQK = DHQK, .DHV = DHV, .q = q64, .k = k64, .v = v64};
    ref.igate = i64, ref.fgate = f64, ref.m0 = m0, ref.eps = 1e-6;
    ref.h = h64, ref.cond_h = h64 + HEADS * S * DHV;
    ref.C = C64, ref.cond_C = C64 + HEADS * DHQK * DHV;
    ref.n = n64, ref.cond_n = n64 + HEADS * DHQK;
    ref.m = m64, ref.cond_m = m64 + HEADS;
    ck_assert(clxi_ref_mlstm_recurrent(&ref));

    cl_mem mems[9] = {buffer_make(HEADS * S * DHQK * 4, q),
                      buffer_make(HEADS * S * DHQK * 4, k),
                      buffer_make(HEADS * S * DHV * 4, v),
                      buffer_make(HEADS * S * 4, igate),
                      buffer_make(HEADS * S * 4, fgate),
                      buffer_make(HEADS * S * DHV * 4, NULL),
                      buffer_make(HEADS * DHQK * DHV * 4, NULL),
                      buffer_make(HEADS * DHQK * 4, NULL),
                      buffer_make(HEADS * 4, NULL)};
    const uint64_t gate_size[3] = {B, NH, S}, C_size[4] = {B, NH, DHQK, DHV};
    const clx_tensor tensors[9] = {
        clx_tensor_bhsd(mems[0], CLX_F32, B, NH, S, DHQK), clx_tensor_bhsd(mems[1], CLX_F32, B, NH, S, DHQK),
        clx_tensor_bhsd(mems[2], CLX_F32, B, NH, S, DHV),  clx_tensor_dense(mems[3], CLX_F32, 3, gate_size),
        clx_tensor_dense(mems[4], CLX_F32, 3, gate_size),  clx_tensor_bhsd(mems[5], CLX_F32, B, NH, S, DHV),
        clx_tensor_dense(mems[6], CLX_F32, 4, C_size),     clx_tensor_dense(mems[7], CLX_F32, 3, C_size),
        clx_tensor_dense(mems[8], CLX_F32, 2, C_size)};
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    args.q = &tensors[0], args.k = &tensors[1], args.v = &tensors[2], args.igate = &tensors[3];
    args.fgate = &tensors[4], args.h = &tensors[5], args.C = &tensors[6], args.n = &tensors[7], args.m = &tensors[8];
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &args, &test_error));
    expect_close("C", mems[6], HEADS * DHQK * DHV, ref.C, ref.cond_C);
    expect_close("n", mems[7], HEADS * DHQK, ref.n, ref.cond_n);
    expect_close("m", mems[8], HEADS, ref.m, ref.cond_m);

    for (size_t i = 0; i < 9; i++)
        buffer_free(mems[i]);
    free(q), free(k), free(v), free(igate), free(fgate), free(q64), free(k64), free(v64), free(i64), free(f64);
    free(C64), free(n64), free(h64);
}

START_TEST(state_is_the_recurrence)
{
    random_state random = random_start(20);
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm *op = NULL;
    const head_size size = head_sizes[_i];
    desc.DHQK = size.DHQK;
    desc.DHV = size.DHV;
    desc.return_state = 1;
    expect_ok(clx_mlstm_create(device.context, &desc, &op, &test_error));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(op, &random, size, rows[i].S, rows[i].gates);
    clx_mlstm_destroy(op);
}
END_TEST

START_TEST(refusals)
{
    enum { DHQK = 7, DHV = 18 };
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm *op = NULL;
    desc.DHQK = DHQK;
    desc.DHV = DHV;
    desc.return_state = 1;
    desc.mask = CLX_MASK_EXPLICIT;
    expect_refused(clx_mlstm_create(device.context, &desc, &op, &test_error), CLX_ERR_VALUE, "return_state");
    desc.mask = CLX_MASK_CAUSAL;
    desc.state_dtype = CLX_BOOL;
    expect_refused(clx_mlstm_create(device.context, &desc, &op, &test_error), CLX_ERR_DTYPE, "state_dtype");
    desc.state_dtype = CLX_F32;
    expect_ok(clx_mlstm_create(device.context, &desc, &op, &test_error));
    cl_mem mem = buffer_make(65536, NULL);
    const clx_tensor q = clx_tensor_bhsd(mem, CLX_F32, 1, 1, 1, DHQK), v = clx_tensor_bhsd(mem, CLX_F32, 1, 1, 1, DHV);
    const uint64_t one[3] = {1, 1, 1};
    const clx_tensor gate = clx_tensor_dense(mem, CLX_F32, 3, one);
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    launch.queue = device.queue;
    args.q = args.k = &q, args.v = args.h = &v, args.igate = args.fgate = &gate;
    expect_refused(clx_mlstm_enqueue(op, &launch, &args, &test_error), CLX_ERR_NULL, "C: NULL");
    buffer_free(mem);
    clx_mlstm_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm state");
    TCase *all = suite_shared_device_case(suite, "device", 120);
    tcase_add_loop_test(all, state_is_the_recurrence, 0, sizeof head_sizes / sizeof head_sizes[0]);
    tcase_add_test(all, refusals);
    return suite_run_together(suite);
}
