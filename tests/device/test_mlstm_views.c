/* SPDX-License-Identifier: Apache-2.0
 *
 * The mLSTM operator on tensors that lie in memory in every way that its header allows. */
#include "support/mlstm_problem.h"
#include "support/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DHQK = 20, DHV = 24 };

static mlstm_problem make(clx_dtype dtype, mlstm_mask mask, random_state *random)
{
    mlstm_problem p;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = DHQK;
    desc.DHV = DHV;
    desc.input_dtype = dtype;
    mlstm_problem_make(&p, &desc, 2, 3, 70, GATES_PLAIN, mask, random);
    return p;
}

/* Runs, judges, and frees the problem. */
static void check(mlstm_problem *p, const mlstm_layout *layout, mlstm_buffer_fn buffer, const char *what)
{
    mlstm_reference reference = mlstm_refer(p);
    clx_mlstm *op = mlstm_make(p);
    double *h = mlstm_run(op, p, layout, buffer);
    mlstm_judge(p, &reference, h, what);
    free(h);
    clx_mlstm_destroy(op);
    mlstm_reference_free(&reference);
    mlstm_problem_free(p);
}

static bool has_rows(int tensor)
{
    return tensor <= MLSTM_V || tensor == MLSTM_H;
}

/* Gaps behind rows: multiples of four elements keep loads of four possible, others do not. */
START_TEST(gaps_between_rows)
{
    static const uint32_t bshd[] = {0, 2, 1, 3};
    static const uint64_t gaps[] = {4, 3};
    random_state random = random_start(10);
    mlstm_problem p = make(CLX_F32, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bhsd(&p);
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        clx_tensor *view = &layout.view[i];
        if (has_rows(i)) *view = view_ordered(view->dtype, 4, view->size, bshd, gaps[_i]);
        view->offset = 8 * gaps[_i];
    }
    check(&p, &layout, NULL, "gaps");
}
END_TEST

/* Memory in the order (S, B, NH, D), as sequence-first models hold it. */
START_TEST(sequence_first)
{
    static const uint32_t sbhd[] = {2, 0, 1, 3};
    random_state random = random_start(20);
    mlstm_problem p = make(CLX_F32, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bhsd(&p);
    for (int i = 0; i < MLSTM_TENSORS; i++)
        if (i != MLSTM_MASK)
            layout.view[i] = view_ordered(layout.view[i].dtype, layout.view[i].rank, layout.view[i].size, sbhd, 0);
    check(&p, &layout, NULL, "sequence first");
}
END_TEST

/* q, k, v and h side by side in one buffer: per head, and per token as one wide projection leaves them. */
START_TEST(packed_in_one_buffer)
{
    static const int tensors[] = {MLSTM_Q, MLSTM_K, MLSTM_V, MLSTM_H};
    static const int64_t width[] = {DHQK, DHQK, DHV, DHV};
    enum { WIDTH = 2 * DHQK + 2 * DHV };
    random_state random = random_start(30);
    mlstm_problem p = make(CLX_F32, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bhsd(&p);
    const int64_t NH = (int64_t)p.NH, S = (int64_t)p.S;
    int64_t at = 0;
    for (int i = 0; i < 4; i++) {
        clx_tensor *view = &layout.view[tensors[i]];
        layout.buffer[tensors[i]] = MLSTM_Q;
        view->offset = (uint64_t)(_i == 0 ? at : NH * at);
        view->stride[0] = S * NH * WIDTH;
        view->stride[1] = _i == 0 ? WIDTH : width[i];
        view->stride[2] = NH * WIDTH;
        at += width[i];
    }
    check(&p, &layout, NULL, _i == 0 ? "packed per head" : "packed per token");
}
END_TEST

/* Both gates from one projection: (B, S, 2 NH). */
START_TEST(packed_gates)
{
    random_state random = random_start(40);
    mlstm_problem p = make(CLX_F32, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bshd(&p);
    const int64_t stride[] = {(int64_t)(p.S * 2 * p.NH), 1, (int64_t)(2 * p.NH)};
    memcpy(layout.view[MLSTM_I].stride, stride, sizeof stride);
    memcpy(layout.view[MLSTM_F].stride, stride, sizeof stride);
    layout.view[MLSTM_F].offset = p.NH;
    layout.buffer[MLSTM_F] = MLSTM_I;
    check(&p, &layout, NULL, "packed gates");
}
END_TEST

START_TEST(negative_strides)
{
    random_state random = random_start(50);
    mlstm_problem p = make(CLX_F32, _i == 3 ? MASK_RANDOM : MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bshd(&p);
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        clx_tensor *view = &layout.view[i];
        if (i == MLSTM_MASK) {
            view_reverse(view, 0);
            view_reverse(view, 1);
        } else if (_i < 3) {
            view_reverse(view, (uint32_t)_i); /* one dimension of all tensors */
        } else {
            for (uint32_t d = 0; d < 3; d++)
                if ((i + (int)d) % 2 == 0) view_reverse(view, d); /* each tensor differently */
        }
    }
    check(&p, &layout, NULL, "negative strides");
}
END_TEST

/* One tensor at an offset that is no multiple of four is enough to rule out loads of four. */
START_TEST(odd_offsets)
{
    random_state random = random_start(60);
    mlstm_problem p = make(_i / 4 == 0 ? CLX_F32 : CLX_BF16, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bhsd(&p);
    for (int i = 0; i < MLSTM_TENSORS; i++)
        layout.view[i].offset = has_rows(i) ? 4 : 1;
    layout.view[_i % 4 == 3 ? MLSTM_H : _i % 4].offset = 1 + (uint64_t)_i % 3;
    check(&p, &layout, NULL, "odd offsets");
}
END_TEST

/* One key and value head for all query heads: a stride of 0 repeats an input. */
START_TEST(repeated_heads)
{
    random_state random = random_start(70);
    mlstm_problem p = make(CLX_F32, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bshd(&p);
    for (int i = MLSTM_K; i <= MLSTM_V; i++) {
        const size_t length = mlstm_at(&p, i, 0, 1, 0);
        for (uint64_t b = 0; b < p.B; b++)
            for (uint64_t head = 1; head < p.NH; head++)
                memcpy(p.value[i] + mlstm_at(&p, i, b, head, 0), p.value[i] + mlstm_at(&p, i, b, 0, 0),
                       length * sizeof(double));
        layout.view[i].stride[1] = 0;
    }
    check(&p, &layout, NULL, "repeated heads");
}
END_TEST

START_TEST(mask_layouts)
{
    static const uint32_t transposed[] = {1, 0};
    static const mlstm_mask kinds[] = {MASK_RANDOM, MASK_SAME_ROWS, MASK_SAME_COLUMNS, MASK_RANDOM};
    random_state random = random_start(80);
    mlstm_problem p = make(CLX_F32, kinds[_i], &random);
    mlstm_layout layout = mlstm_layout_bhsd(&p);
    clx_tensor *mask = &layout.view[MLSTM_MASK];
    if (_i == 0) *mask = view_ordered(CLX_BOOL, 2, mask->size, transposed, 0);
    if (_i == 1) mask->stride[0] = 0;
    if (_i == 2) mask->stride[1] = 0;
    if (_i == 3) *mask = view_ordered(CLX_BOOL, 2, mask->size, transposed, 5);
    if (_i == 3) mask->offset = 3;
    check(&p, &layout, NULL, "mask layouts");
}
END_TEST

/* Memory of the caller's that begins one element behind an aligned address. Lives as long as the test's process. */
static size_t element_bytes;
static void *host_memory[MLSTM_TENSORS];
static int host_count;

static cl_mem host_buffer(size_t size_bytes, const void *bytes)
{
    cl_int code = CL_SUCCESS;
    unsigned char *memory = malloc(size_bytes + 4096), *at = memory;
    ck_assert_ptr_nonnull(memory);
    host_memory[host_count++ % MLSTM_TENSORS] = memory;
    while ((uintptr_t)at % 4096 != 0)
        at++;
    at += element_bytes;
    memcpy(at, bytes, size_bytes);
    cl_mem mem = clCreateBuffer(device.cl, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, size_bytes, at, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return mem;
}

START_TEST(odd_host_memory)
{
    random_state random = random_start(90);
    mlstm_problem p = make(_i == 0 ? CLX_F32 : CLX_BF16, MASK_NONE, &random);
    const mlstm_layout layout = mlstm_layout_bhsd(&p);
    element_bytes = _i == 0 ? 4 : 2;
    check(&p, &layout, host_buffer, "odd host memory");
    for (int i = 0; i < host_count; i++)
        free(host_memory[i]);
}
END_TEST

/* A part of a larger buffer, which must stay as it is around it. */
static cl_mem parents[MLSTM_TENSORS];
static int parent_count;
static size_t margin_bytes;

static cl_mem sub_buffer(size_t size_bytes, const void *bytes)
{
    cl_int code = CL_SUCCESS;
    cl_uint align_bits = 0;
    clGetDeviceInfo(device.id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits, &align_bits, NULL);
    margin_bytes = align_bits / 8 > 0 ? align_bits / 8 : 128;
    const cl_buffer_region region = {margin_bytes, size_bytes};
    ck_assert_int_lt(parent_count, MLSTM_TENSORS);
    cl_mem parent = parents[parent_count++] = buffer_make(margin_bytes + size_bytes + margin_bytes, NULL);
    cl_mem mem = clCreateSubBuffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    buffer_write(mem, 0, size_bytes, bytes);
    return mem;
}

START_TEST(sub_buffers)
{
    random_state random = random_start(100);
    mlstm_problem p = make(CLX_F32, MASK_RANDOM, &random);
    const mlstm_layout layout = mlstm_layout_bshd(&p);
    check(&p, &layout, sub_buffer, "sub-buffers");
    for (int i = 0; i < parent_count; i++) {
        size_t size = 0;
        unsigned char edge[8192];
        ck_assert_uint_le(margin_bytes, sizeof edge);
        clGetMemObjectInfo(parents[i], CL_MEM_SIZE, sizeof size, &size, NULL);
        for (int end = 0; end < 2; end++) {
            buffer_read(parents[i], end == 0 ? 0 : size - margin_bytes, margin_bytes, edge);
            for (size_t e = 0; e < margin_bytes; e++)
                if (edge[e] != 0xff) ck_abort_msg("buffer %d: byte %zu beside the sub-buffer was written", i, e);
        }
        buffer_free(parents[i]);
    }
}
END_TEST

/* Heads that lie more than 2^32 elements apart. The buffers are too large for an image on the host: rows are written and
 * read one by one. */
static cl_mem huge_buffer(size_t size_bytes)
{
    cl_int code = CL_SUCCESS;
    cl_mem mem = clCreateBuffer(device.cl, CL_MEM_READ_WRITE, size_bytes, NULL, &code);
    if (code != CL_SUCCESS) {
        printf("SKIPPED: no buffer of %zu bytes for views beyond 2^32 elements (OpenCL code %d)\n", size_bytes, code);
        return NULL;
    }
    return mem;
}

/* Writes the rows of a view, or reads them where `values` is to be filled. */
static void move_rows(const clx_tensor *view, double *values, bool fill)
{
    const size_t size = clx_dtype_size_bytes(view->dtype), D = (size_t)view->size[3];
    const clx_tensor row = view_ordered(view->dtype, 1, &view->size[3], (const uint32_t[]){0}, 0);
    unsigned char bytes[4 * DHV];
    size_t index = 0;
    for (uint64_t b = 0; b < view->size[0]; b++)
        for (uint64_t head = 0; head < view->size[1]; head++)
            for (uint64_t t = 0; t < view->size[2]; t++, index += D) {
                const int64_t at = (int64_t)view->offset + (int64_t)b * view->stride[0] +
                                   (int64_t)head * view->stride[1] + (int64_t)t * view->stride[2];
                if (fill) {
                    buffer_read(view->mem, (size_t)at * size, D * size, bytes);
                    view_get(&row, bytes, values + index);
                } else {
                    view_put(&row, bytes, values + index);
                    buffer_write(view->mem, (size_t)at * size, D * size, bytes);
                }
            }
}

static bool device_has_memory(uint64_t buffer_bytes, uint64_t total_bytes)
{
    clx_device_info info;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    if (info.max_alloc_bytes >= buffer_bytes && info.global_bytes >= total_bytes) return true;
    printf("SKIPPED: views beyond 2^32 elements need buffers of %llu bytes and %llu in all; %s has %llu and %llu\n",
           (unsigned long long)buffer_bytes, (unsigned long long)total_bytes, info.name,
           (unsigned long long)info.max_alloc_bytes, (unsigned long long)info.global_bytes);
    return false;
}

START_TEST(beyond_32_bits)
{
    static const int tensors[] = {MLSTM_Q, MLSTM_K, MLSTM_V, MLSTM_H};
    const uint64_t apart = ((uint64_t)1 << 32) + 64, size_bytes = 2 * (apart + 4096);
    random_state random = random_start(110);
    mlstm_problem p;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = DHQK;
    desc.DHV = DHV;
    desc.input_dtype = CLX_BF16;
    if (!device_has_memory(size_bytes, 4 * size_bytes + ((uint64_t)1 << 28))) return;
    mlstm_problem_make(&p, &desc, 1, 2, 9, GATES_PLAIN, MASK_NONE, &random);
    mlstm_layout layout = mlstm_layout_bhsd(&p);
    mlstm_tensors placed;
    mlstm_place(&p, &layout, NULL, &placed); /* the gates stay; the rest is moved */
    for (int i = 0; i < 4; i++) {
        clx_tensor *view = &placed.layout.view[tensors[i]];
        view->mem = huge_buffer(size_bytes);
        if (view->mem == NULL) return;
        view->stride[1] = (int64_t)apart;
        if (i == 1) view_reverse(view, 1); /* k begins behind 2^32 and goes back */
        if (tensors[i] != MLSTM_H) move_rows(view, p.value[tensors[i]], false);
    }
    clx_mlstm *op = mlstm_make(&p);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &placed.args, &test_error));
    double *h = malloc(mlstm_at(&p, MLSTM_H, 1, 0, 0) * sizeof *h);
    ck_assert_ptr_nonnull(h);
    move_rows(&placed.layout.view[MLSTM_H], h, true);
    mlstm_reference reference = mlstm_refer(&p);
    mlstm_judge(&p, &reference, h, "beyond 32 bits");
    for (int i = 0; i < 4; i++)
        buffer_free(placed.layout.view[tensors[i]].mem);
    mlstm_reference_free(&reference);
    mlstm_tensors_free(&placed);
    mlstm_problem_free(&p);
    clx_mlstm_destroy(op);
    free(h);
}
END_TEST

/* A mask behind 2^32 elements takes half the memory of the above. */
START_TEST(mask_beyond_32_bits)
{
    random_state random = random_start(120);
    mlstm_problem p = make(CLX_F32, MASK_RANDOM, &random);
    const mlstm_layout layout = mlstm_layout_bhsd(&p);
    const uint64_t offset = ((uint64_t)1 << 32) + 7, size_bytes = offset + p.S * p.S;
    mlstm_tensors placed;
    mlstm_place(&p, &layout, NULL, &placed);
    clx_tensor *mask = &placed.layout.view[MLSTM_MASK];
    mask->mem = device_has_memory(size_bytes, size_bytes + ((uint64_t)1 << 28)) ? huge_buffer(size_bytes) : NULL;
    if (mask->mem == NULL) {
        mlstm_tensors_free(&placed);
        mlstm_problem_free(&p);
        return;
    }
    mask->offset = offset;
    buffer_write(mask->mem, offset, placed.size_bytes[MLSTM_MASK], placed.image[MLSTM_MASK]);
    clx_mlstm *op = mlstm_make(&p);
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &placed.args, &test_error));
    double *h = malloc(mlstm_at(&p, MLSTM_H, p.B, 0, 0) * sizeof *h);
    ck_assert_ptr_nonnull(h);
    mlstm_fetch(&placed, h);
    mlstm_reference reference = mlstm_refer(&p);
    mlstm_judge(&p, &reference, h, "a mask beyond 32 bits");
    buffer_free(mask->mem);
    mlstm_reference_free(&reference);
    mlstm_tensors_free(&placed);
    mlstm_problem_free(&p);
    clx_mlstm_destroy(op);
    free(h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_views");
    TCase *tcase = suite_device_case(suite, "views", 120);
    tcase_add_loop_test(tcase, gaps_between_rows, 0, 2);
    tcase_add_test(tcase, sequence_first);
    tcase_add_loop_test(tcase, packed_in_one_buffer, 0, 2);
    tcase_add_test(tcase, packed_gates);
    tcase_add_loop_test(tcase, negative_strides, 0, 4);
    tcase_add_loop_test(tcase, odd_offsets, 0, 8);
    tcase_add_test(tcase, repeated_heads);
    tcase_add_loop_test(tcase, mask_layouts, 0, 4);
    tcase_add_loop_test(tcase, odd_host_memory, 0, 2);
    tcase_add_test(tcase, sub_buffers);
    tcase_add_test(tcase, beyond_32_bits);
    tcase_add_test(tcase, mask_beyond_32_bits);
    return suite_run(suite);
}
