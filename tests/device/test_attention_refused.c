/* SPDX-License-Identifier: Apache-2.0
 *
 * What attention refuses: one row per error, and afterwards not a bit of the output has changed. */
#include "support/attention_problem.h"
#include "support/views.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static clx_attention_desc plain(void)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = 10;
    desc.DHV = 21;
    return desc;
}

typedef void (*change_desc)(clx_attention_desc *desc);

static void size_0(clx_attention_desc *d)
{
    d->struct_size = 8;
}
static void dhqk_0(clx_attention_desc *d)
{
    d->DHQK = 0;
}
static void dhqk_odd(clx_attention_desc *d)
{
    d->DHQK = 5;
}
static void dhv_0(clx_attention_desc *d)
{
    d->DHV = 0;
}
static void dhv_large(clx_attention_desc *d)
{
    d->DHV = UINT64_MAX;
}
static void input_bool(clx_attention_desc *d)
{
    d->input_dtype = CLX_BOOL;
}
static void qkv_bad(clx_attention_desc *d)
{
    d->qkv_dtype = (clx_dtype)77;
}
static void out_other(clx_attention_desc *d)
{
    d->out_dtype = CLX_F16;
}
static void activation_bad(clx_attention_desc *d)
{
    d->activation_function = (clx_attention_activation)3;
}
static void pre_bad(clx_attention_desc *d)
{
    d->qk_pre_activation_function = (clx_attention_pre_activation)2;
}
static void mask_bad(clx_attention_desc *d)
{
    d->mask = (clx_mask_kind)3;
}
static void theta_0(clx_attention_desc *d)
{
    d->theta = 0;
}
static void theta_negative(clx_attention_desc *d)
{
    d->theta = -10000;
}
static void theta_nan(clx_attention_desc *d)
{
    d->theta = NAN;
}
static void theta_infinite(clx_attention_desc *d)
{
    d->theta = INFINITY;
}

static const struct {
    change_desc change;
    clx_status status;
    const char *text;
} descs[] = {
    {size_0, CLX_ERR_VALUE, "desc.struct_size: 8"},
    {dhqk_0, CLX_ERR_VALUE, "DHQK: 0"},
    {dhqk_odd, CLX_ERR_VALUE, "DHQK: 5, expected an even number"},
    {dhv_0, CLX_ERR_VALUE, "DHV: 0"},
    {dhv_large, CLX_ERR_VALUE, "DHV: 18446744073709551615"},
    {input_bool, CLX_ERR_DTYPE, "input_dtype: bool"},
    {qkv_bad, CLX_ERR_DTYPE, "qkv_dtype: ?"},
    {out_other, CLX_ERR_DTYPE, "out_dtype: f16"},
    {activation_bad, CLX_ERR_VALUE, "activation_function: 3"},
    {pre_bad, CLX_ERR_VALUE, "qk_pre_activation_function: 2"},
    {mask_bad, CLX_ERR_VALUE, "mask: 3"},
    {theta_0, CLX_ERR_VALUE, "theta: 0"},
    {theta_negative, CLX_ERR_VALUE, "theta: -10000"},
    {theta_nan, CLX_ERR_VALUE, "theta: nan"},
    {theta_infinite, CLX_ERR_VALUE, "theta: inf"},
};

START_TEST(descriptor_refused)
{
    clx_attention_desc desc = plain();
    clx_attention *op = (clx_attention *)&desc;
    descs[_i].change(&desc);
    expect_refused(clx_attention_create(device.context, &desc, &op, &test_error), descs[_i].status, descs[_i].text);
    ck_assert_ptr_null(op);
}
END_TEST

START_TEST(null_handles_refused)
{
    clx_attention_desc desc = plain();
    clx_attention *op = NULL;
    uint64_t size = 0;
    const clx_attention_sizes sizes = {1, 1, 1, 1, 1};
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    expect_refused(clx_attention_create(NULL, &desc, &op, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_attention_create(device.context, NULL, &op, &test_error), CLX_ERR_NULL, "desc");
    expect_refused(clx_attention_create(device.context, &desc, NULL, &test_error), CLX_ERR_NULL, "out");
    expect_refused(clx_attention_enqueue(NULL, &launch, &args, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_attention_keys_enqueue(NULL, &launch, NULL, NULL, 0, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_attention_workspace_size(NULL, &sizes, &size, &test_error), CLX_ERR_NULL, "op");
    attention_problem p = {.desc = desc};
    op = attention_make(&p);
    expect_refused(clx_attention_workspace_size(op, NULL, &size, &test_error), CLX_ERR_NULL, "sizes");
    expect_refused(clx_attention_workspace_size(op, &sizes, NULL, &test_error), CLX_ERR_NULL, "size_bytes");
    expect_refused(clx_attention_enqueue(op, &launch, NULL, &test_error), CLX_ERR_NULL, "args");
    expect_refused(clx_attention_keys_enqueue(op, &launch, NULL, NULL, 0, &test_error), CLX_ERR_NULL, "k");
    clx_attention_destroy(op);
    clx_attention_destroy(NULL);
    ck_assert_ptr_null(clx_attention_variant(NULL));
}
END_TEST

typedef void (*change_call)(attention_tensors *t);

static void args_size(attention_tensors *t)
{
    t->args.struct_size = 3;
}
static void no_q(attention_tensors *t)
{
    t->args.q = NULL;
}
static void no_k(attention_tensors *t)
{
    t->args.k = NULL;
}
static void no_v(attention_tensors *t)
{
    t->args.v = NULL;
}
static void no_h(attention_tensors *t)
{
    t->args.h = NULL;
}
static void extra_mask(attention_tensors *t)
{
    t->args.mask = &t->mask;
}
static void q_rank(attention_tensors *t)
{
    t->q.rank = 3;
}
static void q_inner(attention_tensors *t)
{
    t->q.size[3] = 8;
}
static void q_stride(attention_tensors *t)
{
    t->q.stride[3] = 2;
}
static void q_dtype(attention_tensors *t)
{
    t->q.dtype = CLX_F16;
}
static void q_outside(attention_tensors *t)
{
    t->q.offset = 100000;
}
static void q_overflow(attention_tensors *t)
{
    t->q.stride[0] = INT64_MAX;
}
static void q_no_buffer(attention_tensors *t)
{
    t->q.mem = NULL;
}
static void k_rank(attention_tensors *t)
{
    t->k.rank = 5;
}
static void k_batch(attention_tensors *t)
{
    t->k.size[0] = 1;
}
static void k_heads(attention_tensors *t)
{
    t->k.size[1] = t->v.size[1] = 3, t->k.stride[1] = t->v.stride[1] = 0;
}
static void k_no_heads(attention_tensors *t)
{
    t->k.size[1] = t->v.size[1] = 0;
}
static void k_inner(attention_tensors *t)
{
    t->k.size[3] = 9;
}
static void v_heads(attention_tensors *t)
{
    t->v.size[1] = 1;
}
static void v_length(attention_tensors *t)
{
    t->v.size[2] = 6;
}
static void v_inner(attention_tensors *t)
{
    t->v.size[3] = 20;
}
static void h_shape(attention_tensors *t)
{
    t->h.size[2] = 5;
}
static void h_dtype(attention_tensors *t)
{
    t->h.dtype = CLX_BF16;
}
static void h_twice(attention_tensors *t)
{
    t->h.stride[1] = 0;
}
static void h_is_v(attention_tensors *t)
{
    t->h.mem = t->v.mem, t->h.size[2] = t->q.size[2];
}
static void start_far(attention_tensors *t)
{
    t->args.start = INT64_MAX;
}
static void start_near(attention_tensors *t)
{
    t->args.start = INT64_MIN + 1;
}
static void long_text(attention_tensors *t)
{
    t->k.size[2] = t->v.size[2] = (uint64_t)1 << 31;
    t->k.stride[2] = t->v.stride[2] = 0;
}

static const struct {
    change_call change;
    clx_status status;
    const char *text;
} calls[] = {
    {args_size, CLX_ERR_VALUE, "args.struct_size: 3"},
    {no_q, CLX_ERR_NULL, "q: NULL"},
    {no_k, CLX_ERR_NULL, "k: NULL"},
    {no_v, CLX_ERR_NULL, "v: null"},
    {no_h, CLX_ERR_NULL, "h: null"},
    {extra_mask, CLX_ERR_VALUE, "mask: given, expected NULL"}, /* causal and explicit */
    {q_rank, CLX_ERR_SHAPE, "q: rank 3"},
    {q_inner, CLX_ERR_SHAPE, "q: shape (2,2,7,8), expected (2,2,7,10)"},
    {q_stride, CLX_ERR_STRIDE, "q: stride 2"},
    {q_dtype, CLX_ERR_DTYPE, "q: "},
    {q_outside, CLX_ERR_BOUNDS, "q: "},
    {q_overflow, CLX_ERR_BOUNDS, "q: "},
    {q_no_buffer, CLX_ERR_NULL, "q"},
    {k_rank, CLX_ERR_SHAPE, "k: rank 5"},
    {k_batch, CLX_ERR_SHAPE, "k: shape (1,2,7,10), expected (2,2,7,10) to match q"},
    {k_heads, CLX_ERR_SHAPE, "k: 3 heads, expected 1 to 2"},
    {k_no_heads, CLX_ERR_SHAPE, "k: 0 heads, expected 1 to 2"},
    {k_inner, CLX_ERR_SHAPE, "k: shape (2,2,7,9)"},
    {v_heads, CLX_ERR_SHAPE, "v: shape (2,1,7,21), expected (2,2,7,21)"},
    {v_length, CLX_ERR_SHAPE, "v: shape (2,2,6,21), expected (2,2,7,21)"},
    {v_inner, CLX_ERR_SHAPE, "v: shape (2,2,7,20)"},
    {h_shape, CLX_ERR_SHAPE, "h: shape (2,2,5,21), expected (2,2,7,21)"},
    {h_dtype, CLX_ERR_DTYPE, "h: "},
    {h_twice, CLX_ERR_STRIDE, "h: "},
    {h_is_v, CLX_ERR_OVERLAP, "h: overlaps v"},
    {start_far, CLX_ERR_VALUE, "start: 9223372036854775807"},
    {start_near, CLX_ERR_VALUE, "start: -9223372036854775807"},
    {long_text, CLX_ERR_OVERFLOW, "S_kv: 2147483648"},
};

/* All bytes behind a tensor's buffer. */
static unsigned char *bytes_of(const clx_tensor *view, size_t *size)
{
    *size = view_size_bytes(view);
    unsigned char *bytes = malloc(*size);
    ck_assert_ptr_nonnull(bytes);
    buffer_read(view->mem, 0, *size, bytes);
    return bytes;
}

/* The call is refused, and the buffers behind h and v keep every bit. */
static void expect_untouched(clx_attention *op, const attention_problem *p, change_call change, clx_status status,
                             const char *text)
{
    attention_tensors t;
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_event event = NULL;
    size_t h_size, v_size, size;
    attention_place(p, ATTENTION_BHSD, &t);
    const attention_tensors placed = t;
    t.args.q = &t.q, t.args.k = &t.k, t.args.v = &t.v, t.args.h = &t.h;
    unsigned char *h = bytes_of(&placed.h, &h_size), *v = bytes_of(&placed.v, &v_size);
    launch.queue = device.queue;
    launch.event = &event;
    change(&t);
    expect_refused(clx_attention_enqueue(op, &launch, &t.args, &test_error), status, text);
    ck_assert_ptr_null(event);
    clFinish(device.queue);
    unsigned char *h_after = bytes_of(&placed.h, &size), *v_after = bytes_of(&placed.v, &size);
    ck_assert_int_eq(memcmp(h, h_after, h_size), 0);
    ck_assert_int_eq(memcmp(v, v_after, v_size), 0);
    free(h), free(v), free(h_after), free(v_after);
    attention_tensors_free((attention_tensors *)&placed);
}

START_TEST(call_refused)
{
    random_state random = random_start(50);
    attention_problem p;
    clx_attention_desc desc = plain();
    const clx_attention_sizes sizes = {2, 2, 2, 7, 7};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    clx_attention *op = attention_make(&p);
    expect_untouched(op, &p, calls[_i].change, calls[_i].status, calls[_i].text);
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

static void no_mask(attention_tensors *t)
{
    t->args.mask = NULL;
}
static void mask_shape(attention_tensors *t)
{
    t->mask.size[1] = 8;
}
static void mask_dtype(attention_tensors *t)
{
    t->mask.dtype = CLX_F32;
}

START_TEST(mask_refused)
{
    random_state random = random_start(60);
    attention_problem p;
    clx_attention_desc desc = plain();
    const clx_attention_sizes sizes = {2, 2, 2, 7, 7};
    desc.mask = CLX_MASK_EXPLICIT;
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    clx_attention *op = attention_make(&p);
    expect_untouched(op, &p, no_mask, CLX_ERR_NULL, "mask: NULL");
    expect_untouched(op, &p, mask_shape, CLX_ERR_SHAPE, "mask: shape (7,8), expected (7,7)");
    expect_untouched(op, &p, mask_dtype, CLX_ERR_DTYPE, "mask: ");
    clx_attention_destroy(op);
    attention_problem_free(&p);
}
END_TEST

START_TEST(keys_refused)
{
    random_state random = random_start(70);
    attention_problem p;
    attention_tensors t;
    clx_attention_desc desc = plain();
    clx_launch launch = CLX_LAUNCH_INIT;
    const clx_attention_sizes sizes = {2, 2, 2, 7, 7};
    size_t size;
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    attention_place(&p, ATTENTION_BHSD, &t);
    clx_attention *op = attention_make(&p);
    launch.queue = device.queue;
    unsigned char *before = bytes_of(&t.k, &size);
    clx_tensor cache = t.k;
    cache.size[2] = 6;
    expect_refused(clx_attention_keys_enqueue(op, &launch, &t.k, &cache, 0, &test_error), CLX_ERR_SHAPE,
                   "cache: shape");
    expect_refused(clx_attention_keys_enqueue(op, &launch, &t.k, NULL, 0, &test_error), CLX_ERR_NULL, "cache");
    clx_tensor first = t.k, later = t.k;
    first.size[2] = later.size[2] = 5;
    later.offset += 10;
    expect_refused(clx_attention_keys_enqueue(op, &launch, &first, &later, 0, &test_error), CLX_ERR_OVERLAP, "cache");
    expect_refused(clx_attention_keys_enqueue(op, &launch, &t.v, &t.v, 0, &test_error), CLX_ERR_SHAPE, "k: shape");
    expect_refused(clx_attention_keys_enqueue(op, &launch, &t.k, &t.k, INT64_MIN, &test_error), CLX_ERR_VALUE, "start");
    launch.queue = NULL;
    expect_refused(clx_attention_keys_enqueue(op, &launch, &t.k, &t.k, 0, &test_error), CLX_ERR_NULL, "queue");
    unsigned char *after = bytes_of(&t.k, &size);
    ck_assert_int_eq(memcmp(before, after, size), 0);
    free(before), free(after);
    clx_attention_destroy(op);
    attention_tensors_free(&t);
    attention_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attention_refused");
    TCase *tcase = suite_device_case(suite, "refused", 120);
    tcase_add_loop_test(tcase, descriptor_refused, 0, sizeof descs / sizeof *descs);
    tcase_add_test(tcase, null_handles_refused);
    tcase_add_loop_test(tcase, call_refused, 0, sizeof calls / sizeof *calls);
    tcase_add_test(tcase, mask_refused);
    tcase_add_test(tcase, keys_refused);
    return suite_run(suite);
}
