/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention with a key/value cache, its workspace, and its positions. */
#include "support/attention_problem.h"
#include "support/views.h"

#include <stdlib.h>
#include <string.h>

enum { B = 2, NH = 4, NH_KV = 2, S = 100, DHQK = 10, DHV = 21, CAPACITY = 120 };

static const clx_attention_sizes whole = {B, NH, NH_KV, S, S};

static clx_attention_desc plain(void)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = DHQK;
    desc.DHV = DHV;
    desc.qk_pre_activation_function = CLX_PRE_ACTIVATION_SILU;
    return desc;
}

/* Tokens first .. first + count - 1 of a view (B, heads, S, D). */
static clx_tensor tokens(const clx_tensor *view, uint64_t first, uint64_t count)
{
    clx_tensor part = *view;
    part.offset += first * (uint64_t)view->stride[2];
    part.size[2] = count;
    return part;
}

/* A cache of NaN for CAPACITY tokens. */
static clx_tensor make_cache(uint64_t D)
{
    const cl_mem mem = buffer_make(B * NH_KV * CAPACITY * D * sizeof(float), NULL);
    return clx_tensor_bhsd(mem, CLX_F32, B, NH_KV, CAPACITY, D);
}

static void copy_tokens(const clx_tensor *from, const clx_tensor *to)
{
    const size_t from_bytes = view_size_bytes(from), to_bytes = view_size_bytes(to);
    unsigned char *source = malloc(from_bytes), *target = malloc(to_bytes);
    double *values = malloc(view_count(from) * sizeof *values);
    buffer_read(from->mem, 0, from_bytes, source);
    buffer_read(to->mem, 0, to_bytes, target);
    view_get(from, source, values);
    view_put(to, target, values);
    buffer_write(to->mem, 0, to_bytes, target);
    free(source), free(target), free(values);
}

static void zero_tokens(const clx_tensor *cache, uint64_t first, uint64_t count)
{
    const clx_tensor part = tokens(cache, first, count);
    const uint64_t size[4] = {part.size[0], part.size[1], part.size[2], part.size[3]};
    clx_tensor zeros = clx_tensor_dense(NULL, CLX_F32, 4, size);
    float *data = calloc(view_count(&zeros), sizeof *data);
    zeros.mem = buffer_make(view_size_bytes(&zeros), data);
    copy_tokens(&zeros, &part);
    buffer_free(zeros.mem);
    free(data);
}

static const struct {
    uint64_t window;
    uint64_t piece[8];
} texts[] = {
    {0, {37, 1, 1, 48, 13}},       /* a prompt, two tokens, two more pieces */
    {0, {1, 1, 1, 1, 1, 95}},      /* token by token from the start */
    {30, {50, 1, 1, 1, 1, 1, 45}}, /* with a window that forgets the prompt */
};

/* Pieces with a cache give what one call gives. */
START_TEST(pieces_are_the_whole)
{
    random_state random = random_start(10 + (uint64_t)_i);
    attention_problem p;
    attention_tensors t;
    clx_attention_desc desc = plain();
    desc.window = texts[_i].window;
    attention_problem_make(&p, &desc, &whole, 1, &random);
    attention_place(&p, ATTENTION_BSHD, &t);
    p.desc.prepare_k = 0;
    clx_attention *op = attention_make(&p);
    p.desc.prepare_k = 1;
    const clx_tensor k_cache = make_cache(DHQK), v_cache = make_cache(DHV);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    for (uint64_t first = 0, i = 0; i < 8 && texts[_i].piece[i] > 0; first += texts[_i].piece[i++]) {
        const uint64_t count = texts[_i].piece[i];
        const clx_tensor q = tokens(&t.q, first, count), h = tokens(&t.h, first, count);
        const clx_tensor k_new = tokens(&t.k, first, count), v_new = tokens(&t.v, first, count);
        const clx_tensor k_room = tokens(&k_cache, first, count), v_room = tokens(&v_cache, first, count);
        const clx_tensor k = tokens(&k_cache, 0, first + count), v = tokens(&v_cache, 0, first + count);
        clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
        args.q = &q, args.k = &k, args.v = &v, args.h = &h;
        expect_ok(clx_attention_keys_enqueue(op, &launch, &k_new, &k_room, (int64_t)first, &test_error));
        copy_tokens(&v_new, &v_room);
        expect_ok(clx_attention_enqueue(op, &launch, &args, &test_error));
    }
    double *h = attention_read(&t.h);
    attention_judge(&p, h, "pieces");
    free(h);
    buffer_free(k_cache.mem);
    buffer_free(v_cache.mem);
    clx_attention_destroy(op);
    attention_tensors_free(&t);
    attention_problem_free(&p);
}
END_TEST

/* A text against a cache with room behind it, whose keys were prepared in place: `start` says where the rows stand, and
 * tiles behind the diagonal, which hold NaN, are not touched. */
START_TEST(room_behind_the_rows)
{
    enum { ROWS = 48 };
    random_state random = random_start(20);
    attention_problem p;
    attention_tensors t;
    clx_attention_desc desc = plain();
    clx_launch launch = CLX_LAUNCH_INIT;
    const clx_attention_sizes sizes = {B, NH, NH_KV, ROWS, ROWS};
    attention_problem_make(&p, &desc, &sizes, 1, &random);
    attention_place(&p, ATTENTION_BHSD, &t);
    p.desc.prepare_k = 0;
    clx_attention *op = attention_make(&p);
    p.desc.prepare_k = 1;
    launch.queue = device.queue;
    expect_ok(clx_attention_keys_enqueue(op, &launch, &t.k, &t.k, 0, &test_error));
    const clx_tensor k_cache = make_cache(DHQK), v_cache = make_cache(DHV);
    const clx_tensor k_room = tokens(&k_cache, 0, ROWS), v_room = tokens(&v_cache, 0, ROWS);
    copy_tokens(&t.k, &k_room);
    copy_tokens(&t.v, &v_room);
    zero_tokens(&v_cache, ROWS, 64 - ROWS); /* a tile of 64 reaches this far, and zero times NaN would show */
    zero_tokens(&k_cache, ROWS, 64 - ROWS);
    t.args.k = &k_cache, t.args.v = &v_cache, t.args.start = 0;
    expect_ok(clx_attention_enqueue(op, &launch, &t.args, &test_error));
    double *h = attention_read(&t.h);
    attention_judge(&p, h, "room");
    free(h);
    buffer_free(k_cache.mem);
    buffer_free(v_cache.mem);
    clx_attention_destroy(op);
    attention_tensors_free(&t);
    attention_problem_free(&p);
}
END_TEST

/* Rotary embedding knows only distances: the same text far away gives the same h. */
START_TEST(positions_are_relative)
{
    static const int64_t shifts[] = {1, 1000000, -5000, (int64_t)1 << 40};
    random_state random = random_start(30);
    attention_problem p;
    attention_tensors t;
    clx_attention_desc desc = plain();
    clx_launch launch = CLX_LAUNCH_INIT;
    desc.mask = CLX_MASK_NONE; /* the causal mask counts from key 0 */
    attention_problem_make(&p, &desc, &whole, 1, &random);
    attention_place(&p, ATTENTION_BHSD, &t);
    p.desc.prepare_k = 0;
    clx_attention *op = attention_make(&p);
    p.desc.prepare_k = 1;
    launch.queue = device.queue;
    expect_ok(clx_attention_keys_enqueue(op, &launch, &t.k, &t.k, shifts[_i], &test_error));
    t.args.start = shifts[_i];
    expect_ok(clx_attention_enqueue(op, &launch, &t.args, &test_error));
    double *h = attention_read(&t.h);
    attention_judge(&p, h, "shifted");
    free(h);
    clx_attention_destroy(op);
    attention_tensors_free(&t);
    attention_problem_free(&p);
}
END_TEST

/* The workspace is as large as is said, is used where it is said, and nothing around it is touched. */
START_TEST(workspace_is_kept_to)
{
    enum { BEFORE = 192, BEHIND = 256 };
    random_state random = random_start(40);
    attention_problem p;
    attention_tensors t;
    clx_attention_desc desc = plain();
    clx_launch launch = CLX_LAUNCH_INIT;
    uint64_t size = 0;
    attention_problem_make(&p, &desc, &whole, 1, &random);
    attention_place(&p, ATTENTION_BHSD, &t);
    clx_attention *op = attention_make(&p);
    expect_ok(clx_attention_workspace_size(op, &whole, &size, &test_error));
    ck_assert_uint_ge(size, (B * NH * S * DHQK + B * NH_KV * S * DHQK) * sizeof(float));
    ck_assert_uint_le(size, (B * NH * S * DHQK + B * NH_KV * S * DHQK) * sizeof(float) + 128);
    const size_t total = BEFORE + (size_t)size + BEHIND;
    unsigned char *bytes = malloc(total);
    launch.queue = device.queue;
    launch.workspace = buffer_make(total, NULL);
    launch.workspace_offset = BEFORE;
    expect_ok(clx_attention_enqueue(op, &launch, &t.args, &test_error));
    double *h = attention_read(&t.h);
    attention_judge(&p, h, "workspace");
    buffer_read(launch.workspace, 0, total, bytes);
    for (size_t i = 0; i < total; i++)
        if (i < BEFORE || i >= BEFORE + size) ck_assert_uint_eq(bytes[i], 0xff);
    launch.workspace_offset = BEFORE + 512;
    expect_refused(clx_attention_enqueue(op, &launch, &t.args, &test_error), CLX_ERR_WORKSPACE, "workspace");
    free(h);
    free(bytes);
    buffer_free(launch.workspace);
    clx_attention_destroy(op);
    attention_tensors_free(&t);
    attention_problem_free(&p);
}
END_TEST

/* Nothing to prepare: no workspace. Memory grows with S, not with S^2. */
START_TEST(workspace_sizes)
{
    clx_attention_desc desc = plain();
    attention_problem p = {.desc = desc};
    clx_attention_sizes sizes = {1, 1, 1, 1000000, 1000000};
    uint64_t size = 1;
    clx_attention *op = attention_make(&p);
    expect_ok(clx_attention_workspace_size(op, &sizes, &size, &test_error));
    ck_assert_uint_eq(size, 2 * 1000000 * DHQK * sizeof(float));
    sizes.B = UINT64_MAX / 1000;
    expect_refused(clx_attention_workspace_size(op, &sizes, &size, &test_error), CLX_ERR_OVERFLOW, "q");
    sizes.B = 1;
    sizes.NH_kv = 2;
    expect_refused(clx_attention_workspace_size(op, &sizes, &size, &test_error), CLX_ERR_SHAPE, "k: 2 heads");
    clx_attention_destroy(op);
    p.desc.rotary = 0;
    p.desc.qk_pre_activation_function = CLX_PRE_ACTIVATION_NONE;
    sizes.NH_kv = 1;
    op = attention_make(&p);
    expect_ok(clx_attention_workspace_size(op, &sizes, &size, &test_error));
    ck_assert_uint_eq(size, 0);
    clx_attention_destroy(op);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attention_cache");
    TCase *tcase = suite_shared_device_case(suite, "cache", 120);
    tcase_add_loop_test(tcase, pieces_are_the_whole, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tcase, room_behind_the_rows);
    tcase_add_loop_test(tcase, positions_are_relative, 0, 4);
    tcase_add_test(tcase, workspace_is_kept_to);
    tcase_add_test(tcase, workspace_sizes);
    return suite_run_together(suite);
}
