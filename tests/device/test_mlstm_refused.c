/* SPDX-License-Identifier: Apache-2.0
 *
 * What the mLSTM operator refuses. Each refusal has a status and a message that names the argument; no command is
 * enqueued, no memory taken, and not a bit of any buffer changes. */
#include "support/counted_calls.h"

#include "support/mlstm_problem.h"
#include "support/views.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[MLSTM_TENSORS] = {"q", "k", "v", "igate", "fgate", "mask", "h"};

/* A call that is right; each test spoils one thing of it. The explicit form has all seven tensors. */
static mlstm_problem problem;
static mlstm_tensors good;
static clx_mlstm *op;
static clx_tensor view[MLSTM_TENSORS];
static clx_mlstm_args args;
static clx_launch launch;
static cl_event event;

/* Everything as it should be again. */
static void restore(void)
{
    memcpy(view, good.layout.view, sizeof view);
    args = good.args;
    const clx_tensor **tensor[MLSTM_TENSORS] = {&args.q,     &args.k,    &args.v, &args.igate,
                                                &args.fgate, &args.mask, &args.h};
    for (int i = 0; i < MLSTM_TENSORS; i++)
        *tensor[i] = &view[i];
    launch = (clx_launch)CLX_LAUNCH_INIT;
    launch.queue = device.queue;
    launch.event = &event;
}

static void open_call(void)
{
    random_state random = {1};
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 20;
    desc.DHV = 24;
    device_open(NULL);
    mlstm_problem_make(&problem, &desc, 2, 3, 5, GATES_PLAIN, MASK_RANDOM, &random);
    const mlstm_layout layout = mlstm_layout_bhsd(&problem);
    mlstm_place(&problem, &layout, NULL, &good);
    op = mlstm_make(&problem);
    restore();
}

static void close_call(void)
{
    clx_mlstm_destroy(op);
    mlstm_tensors_free(&good);
    mlstm_problem_free(&problem);
    device_close();
}

/* The call as it stands is refused and leaves no trace; then everything is restored. */
static void refuse(clx_status status, const char *text)
{
    static const cl_event untouched = (cl_event)&event;
    double *h = malloc((mlstm_at(&problem, MLSTM_H, problem.B, 0, 0) + 1) * sizeof *h);
    ck_assert_ptr_nonnull(h);
    event = untouched;
    calls = (call_counts){0};
    expect_refused(clx_mlstm_enqueue(op, &launch, &args, &test_error), status, text);
    ck_assert_ptr_eq(event, untouched);
    ck_assert_int_eq(calls.kernels + calls.others + calls.buffers, 0);
    mlstm_fetch(&good, h); /* fails where any byte but h's has changed */
    for (size_t i = 0; i < mlstm_at(&problem, MLSTM_H, problem.B, 0, 0); i++)
        if (!isnan(h[i])) ck_abort_msg("h[%zu] was written by a refused call: %s", i, text);
    free(h);
    restore();
}

/* "NAME: text" */
static void refuse_tensor(int i, clx_status status, const char *text)
{
    char message[64];
    snprintf(message, sizeof message, "%s: %s", names[i], text);
    refuse(status, message);
}

START_TEST(good_call_passes)
{
    mlstm_reference reference = mlstm_refer(&problem);
    double *h = malloc(mlstm_at(&problem, MLSTM_H, problem.B, 0, 0) * sizeof *h);
    ck_assert_ptr_nonnull(h);
    expect_ok(clx_mlstm_enqueue(op, &launch, &args, &test_error));
    ck_assert_int_eq(clWaitForEvents(1, &event), CL_SUCCESS);
    mlstm_fetch(&good, h);
    mlstm_judge(&problem, &reference, h, "the call that the others spoil");
    clReleaseEvent(event);
    mlstm_reference_free(&reference);
    free(h);
}
END_TEST

START_TEST(null_arguments)
{
    expect_refused(clx_mlstm_enqueue(NULL, &launch, &args, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_mlstm_enqueue(op, NULL, &args, &test_error), CLX_ERR_NULL, "launch");
    expect_refused(clx_mlstm_enqueue(op, &launch, NULL, &test_error), CLX_ERR_NULL, "args");
    ck_assert_int_eq(clx_mlstm_enqueue(NULL, NULL, NULL, NULL), CLX_ERR_NULL);
    const clx_tensor **tensor[MLSTM_TENSORS] = {&args.q,     &args.k,    &args.v, &args.igate,
                                                &args.fgate, &args.mask, &args.h};
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        *tensor[i] = NULL;
        refuse(CLX_ERR_NULL, names[i]);
        view[i].mem = NULL;
        refuse_tensor(i, CLX_ERR_NULL, "buffer is null");
    }
}
END_TEST

START_TEST(struct_sizes)
{
    args.struct_size--;
    refuse(CLX_ERR_VALUE, "args->struct_size");
    launch.struct_size = 0;
    refuse(CLX_ERR_VALUE, "launch.struct_size");
}
END_TEST

START_TEST(shapes)
{
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        view[i].rank--;
        refuse_tensor(i, CLX_ERR_SHAPE, "rank");
        view[i].rank = CLX_MAX_RANK + 1;
        refuse_tensor(i, CLX_ERR_SHAPE, "rank");
        view[i].rank = 0;
        refuse_tensor(i, CLX_ERR_SHAPE, "rank");
        for (uint32_t d = 0; d < view[i].rank; d++) {
            view[i].size[d]--;
            refuse(CLX_ERR_SHAPE, i == MLSTM_Q && d < 3 ? "k: shape" : names[i]);
        }
    }
    view[MLSTM_K].size[2] = 4;
    refuse(CLX_ERR_SHAPE, "k: shape (2,3,4,20), expected (2,3,5,20) to match q");
    view[MLSTM_MASK].size[1] = 4;
    refuse(CLX_ERR_SHAPE, "mask: shape (5,4), expected (5,5)");
    view[MLSTM_V].size[3] = 20;
    refuse(CLX_ERR_SHAPE, "v: shape (2,3,5,20), expected (2,3,5,24)");
}
END_TEST

START_TEST(dtypes)
{
    static const int wrong[] = {CLX_DTYPE_DEFAULT, CLX_BF16, 99, -1};
    for (int i = 0; i < MLSTM_TENSORS; i++)
        for (size_t d = 0; d < sizeof wrong / sizeof *wrong; d++) {
            view[i].dtype = (clx_dtype)wrong[d];
            refuse_tensor(i, CLX_ERR_DTYPE, "dtype");
        }
    view[MLSTM_MASK].dtype = CLX_F32;
    refuse_tensor(MLSTM_MASK, CLX_ERR_DTYPE, "dtype f32, expected bool");
    view[MLSTM_Q].dtype = CLX_BOOL;
    refuse_tensor(MLSTM_Q, CLX_ERR_DTYPE, "dtype bool, expected f32");
}
END_TEST

START_TEST(strides)
{
    static const int rows[] = {MLSTM_Q, MLSTM_K, MLSTM_V, MLSTM_H};
    static const int64_t wrong[] = {0, -1, 2};
    for (int i = 0; i < 4; i++)
        for (int w = 0; w < 3; w++) {
            view[rows[i]].stride[3] = wrong[w];
            refuse_tensor(rows[i], CLX_ERR_STRIDE, "stride");
        }
    for (int d = 0; d < 3; d++) {
        view[MLSTM_H].stride[d] = 0;
        refuse_tensor(MLSTM_H, CLX_ERR_STRIDE, "strides that write an element twice");
    }
    view[MLSTM_H].stride[2] = 23; /* rows of 24 */
    refuse_tensor(MLSTM_H, CLX_ERR_STRIDE, "strides that write an element twice");
}
END_TEST

START_TEST(bounds)
{
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        view[i].offset = 1;
        refuse_tensor(i, CLX_ERR_BOUNDS, "reaches element");
        view[i].offset = UINT64_MAX;
        refuse_tensor(i, CLX_ERR_BOUNDS, "");
        view[i].stride[0] *= 2;
        refuse_tensor(i, CLX_ERR_BOUNDS, "reaches element");
        view[i].stride[0] = -view[i].stride[0]; /* before the buffer's start */
        refuse_tensor(i, CLX_ERR_BOUNDS, "offset 0");
        view[i].stride[0] = INT64_MAX;
        refuse_tensor(i, CLX_ERR_BOUNDS, "");
        view[i].stride[0] = INT64_MIN;
        refuse_tensor(i, CLX_ERR_BOUNDS, "");
    }
}
END_TEST

START_TEST(overlaps)
{
    char text[32];
    for (int i = 0; i < MLSTM_INPUTS; i++) {
        /* a buffer that has room for both: h from the input's last element on */
        cl_mem mem = buffer_make(16384, NULL);
        const size_t end = view_size_bytes(&view[i]);
        view[i].mem = view[MLSTM_H].mem = mem;
        view[MLSTM_H].offset = (end - 1) / sizeof(float);
        snprintf(text, sizeof text, "h: overlaps %s", names[i]);
        refuse(CLX_ERR_OVERLAP, text);
        view[i].mem = view[MLSTM_H].mem = mem; /* the input begins in the middle of h */
        view[i].offset = i == MLSTM_MASK ? 400 : 100;
        refuse(CLX_ERR_OVERLAP, text);
        buffer_free(mem);
    }
    view[MLSTM_H].mem = view[MLSTM_V].mem; /* in place is not offered */
    refuse(CLX_ERR_OVERLAP, "h: overlaps v");
}
END_TEST

START_TEST(overlapping_sub_buffers)
{
    cl_int code = CL_SUCCESS;
    cl_uint align_bits = 0;
    clGetDeviceInfo(device.id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits, &align_bits, NULL);
    const size_t align = align_bits / 8 > 0 ? align_bits / 8 : 128, size = good.size_bytes[MLSTM_H];
    const cl_buffer_region low = {0, align + size}, high = {align, size};
    cl_mem parent = buffer_make(2 * align + size, NULL);
    cl_mem a = clCreateSubBuffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &low, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    cl_mem b = clCreateSubBuffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &high, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    view[MLSTM_H].mem = b;
    view[MLSTM_V].mem = a;
    refuse(CLX_ERR_OVERLAP, "h: overlaps v");
    buffer_free(a);
    buffer_free(b);
    buffer_free(parent);
}
END_TEST

START_TEST(access_flags)
{
    cl_int code = CL_SUCCESS;
    const size_t size = good.size_bytes[MLSTM_H];
    cl_mem read_only = clCreateBuffer(device.cl, CL_MEM_READ_ONLY, size, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    cl_mem write_only = clCreateBuffer(device.cl, CL_MEM_WRITE_ONLY, size, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    view[MLSTM_H].mem = read_only;
    refuse_tensor(MLSTM_H, CLX_ERR_VALUE, "buffer is read-only");
    for (int i = 0; i < MLSTM_INPUTS; i++) {
        view[i].mem = write_only;
        refuse_tensor(i, CLX_ERR_VALUE, "buffer is write-only");
    }
    buffer_free(read_only);
    buffer_free(write_only);
}
END_TEST

START_TEST(sizes_that_overflow)
{
    /* every input repeats one element, so only the sizes are wrong */
    static const uint64_t sizes[][3] = {{(uint64_t)1 << 40, (uint64_t)1 << 40, 5},
                                        {(uint64_t)1 << 32, (uint64_t)1 << 20, (uint64_t)1 << 20},
                                        {1, 1, (uint64_t)1 << 31},
                                        {1, 1, UINT64_MAX}};
    uint64_t size = 77;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int i = 0; i < MLSTM_TENSORS; i++)
            for (int d = 0; d < 3 && i != MLSTM_MASK; d++) {
                view[i].size[d] = sizes[s][d];
                view[i].stride[d] = 0;
            }
        refuse(CLX_ERR_OVERFLOW, s < 2 ? "B, NH, S" : "S: ");
        expect_refused(clx_mlstm_workspace_size(op, sizes[s][0], sizes[s][1], sizes[s][2], &size, &test_error),
                       CLX_ERR_OVERFLOW, s < 2 ? "B, NH, S" : "S: ");
        ck_assert_uint_eq(size, 77);
    }
    expect_refused(clx_mlstm_workspace_size(NULL, 1, 1, 1, &size, &test_error), CLX_ERR_NULL, "op");
    expect_refused(clx_mlstm_workspace_size(op, 1, 1, 1, NULL, &test_error), CLX_ERR_NULL, "size_bytes");
    ck_assert_ptr_null(clx_mlstm_variant(NULL));
}
END_TEST

START_TEST(masks)
{
    clx_mlstm_desc desc = problem.desc;
    clx_mlstm *explicit_op = op;
    args.mask = NULL;
    refuse(CLX_ERR_NULL, "mask: NULL, expected a tensor");
    desc.mask = CLX_MASK_CAUSAL;
    expect_ok(clx_mlstm_create(device.context, &desc, &op, &test_error));
    refuse(CLX_ERR_VALUE, "mask: given, expected NULL");
    clx_mlstm_destroy(op);
    op = explicit_op;
    view[MLSTM_MASK].size[0] = view[MLSTM_MASK].size[1] = 6;
    refuse(CLX_ERR_SHAPE, "mask: shape (6,6), expected (5,5)");
}
END_TEST

START_TEST(workspaces)
{
    uint64_t size = 0;
    cl_int code = CL_SUCCESS;
    expect_ok(clx_mlstm_workspace_size(op, 2, 3, 5, &size, &test_error));
    cl_mem exact = buffer_make((size_t)size, NULL), large = buffer_make((size_t)size + 4096, NULL);
    cl_mem small = buffer_make((size_t)size - 1, NULL);
    cl_mem read_only = clCreateBuffer(device.cl, CL_MEM_READ_ONLY, (size_t)size, NULL, &code);
    launch.workspace = small;
    refuse(CLX_ERR_WORKSPACE, "launch.workspace: ");
    launch.workspace = exact;
    launch.workspace_offset = 64;
    refuse(CLX_ERR_WORKSPACE, "launch.workspace: ");
    launch.workspace = large;
    launch.workspace_offset = 63;
    refuse(CLX_ERR_VALUE, "launch.workspace_offset: 63, expected a multiple of 64");
    launch.workspace = large;
    launch.workspace_offset = UINT64_MAX - 63;
    refuse(CLX_ERR_WORKSPACE, "launch.workspace: ");
    launch.workspace = read_only;
    refuse(CLX_ERR_VALUE, "launch.workspace: read-only");
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        launch.workspace = view[i].mem = large;
        char text[48];
        snprintf(text, sizeof text, "launch.workspace: overlaps %s", names[i]);
        refuse(CLX_ERR_OVERLAP, text);
    }
    launch.workspace = exact;
    expect_ok(clx_mlstm_enqueue(op, &launch, &args, &test_error)); /* the size that was asked for is enough */
    clWaitForEvents(1, &event);
    clReleaseEvent(event);
    buffer_free(exact);
    buffer_free(large);
    buffer_free(small);
    buffer_free(read_only);
}
END_TEST

START_TEST(queues_and_wait_lists)
{
    cl_event none = NULL;
    launch.queue = NULL;
    refuse(CLX_ERR_NULL, "launch.queue");
    launch.wait_count = 1;
    refuse(CLX_ERR_NULL, "launch.wait_list");
    launch.wait_count = 1;
    launch.wait_list = &none;
    refuse(CLX_ERR_NULL, "launch.wait_list[0]");
}
END_TEST

/* Live objects of another context, on the same device or on another platform. */
static void refuse_foreign(cl_context context, cl_device_id id)
{
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = clCreateCommandQueue(context, id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    cl_event user = clCreateUserEvent(context, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    cl_mem mem = clCreateBuffer(context, CL_MEM_READ_WRITE, 65536, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        view[i].mem = mem;
        refuse_tensor(i, CLX_ERR_CONTEXT, "buffer of another context");
    }
    launch.queue = queue;
    refuse(CLX_ERR_CONTEXT, "launch.queue: of another context");
    launch.wait_count = 1;
    launch.wait_list = &user;
    refuse(CLX_ERR_CONTEXT, "launch.wait_list[0]: of another context");
    launch.workspace = mem;
    refuse(CLX_ERR_CONTEXT, "launch.workspace: buffer of another context");
    clSetUserEventStatus(user, CL_COMPLETE);
    clReleaseEvent(user);
    buffer_free(mem);
    clReleaseCommandQueue(queue);
}

START_TEST(another_context)
{
    cl_int code = CL_SUCCESS;
    cl_context context = clCreateContext(NULL, 1, &device.id, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    refuse_foreign(context, device.id);
    clReleaseContext(context);
}
END_TEST

START_TEST(another_platform)
{
    cl_platform_id platforms[16], own = NULL;
    cl_uint count = 0, tried = 0;
    clGetDeviceInfo(device.id, CL_DEVICE_PLATFORM, sizeof own, &own, NULL);
    clGetPlatformIDs(16, platforms, &count);
    for (cl_uint i = 0; i < count && i < 16; i++) {
        cl_device_id id = NULL;
        cl_int code = CL_SUCCESS;
        if (platforms[i] == own || clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &id, NULL) != CL_SUCCESS)
            continue;
        cl_context context = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
        if (code != CL_SUCCESS) continue;
        refuse_foreign(context, id);
        clReleaseContext(context);
        tried++;
    }
    if (tried == 0) printf("SKIPPED: objects of another platform: there is only one with a device\n");
}
END_TEST

/* A queue of a device beside the operator's, in one context. */
START_TEST(another_device)
{
    cl_platform_id platform = NULL;
    cl_device_id ids[8];
    cl_uint count = 0;
    cl_int code = CL_SUCCESS;
    clGetDeviceInfo(device.id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL);
    clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 8, ids, &count);
    if (count < 2) {
        printf("SKIPPED: a queue of another device: the platform has one\n");
        return;
    }
    cl_context context = clCreateContext(NULL, 2, ids, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *both = NULL;
    clx_mlstm *first = NULL;
    options.context = context;
    options.device = ids[0];
    expect_ok(clx_context_create(&both, &options, &test_error));
    expect_ok(clx_mlstm_create(both, &problem.desc, &first, &test_error));
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        view[i].mem = clCreateBuffer(context, CL_MEM_READ_WRITE, good.size_bytes[i], NULL, &code);
        ck_assert_int_eq(code, CL_SUCCESS);
    }
    launch.queue = clCreateCommandQueue(context, ids[1], 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    calls = (call_counts){0};
    expect_refused(clx_mlstm_enqueue(first, &launch, &args, &test_error), CLX_ERR_CONTEXT,
                   "launch.queue: of another device");
    ck_assert_int_eq(calls.kernels + calls.others, 0);
    clReleaseCommandQueue(launch.queue);
    for (int i = 0; i < MLSTM_TENSORS; i++)
        buffer_free(view[i].mem);
    clx_mlstm_destroy(first);
    clx_context_destroy(both);
    clReleaseContext(context);
}
END_TEST

/* A text so long that its workspace is more than one buffer of the device can be: the pool says so. Inputs repeat one
 * element and h has a single column, so that nothing else is large. A small call passes afterwards. */
START_TEST(device_without_the_memory)
{
    clx_device_info info;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm *small = op;
    expect_ok(clx_context_device_info(device.context, &info, sizeof info, &test_error));
    const uint64_t S = info.max_alloc_bytes / 20; /* a position takes 24 bytes of workspace, 4 of h */
    cl_int code = CL_SUCCESS;
    cl_mem mem = clCreateBuffer(device.cl, CL_MEM_READ_WRITE, (size_t)(S * 4), NULL, &code);
    if (S > INT32_MAX - 8192 || code != CL_SUCCESS) {
        printf("SKIPPED: a device without the memory: %s has too much, or none for h\n", info.name);
        return;
    }
    desc.DHQK = desc.DHV = 1;
    expect_ok(clx_mlstm_create(device.context, &desc, &op, &test_error));
    expect_ok(clx_context_pool_trim(device.context, &test_error)); /* trying a variant took some */
    args.mask = NULL;
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        const uint64_t size[] = {1, 1, S, 1};
        memcpy(view[i].size, size, sizeof size);
        view[i].stride[2] = i == MLSTM_H;
    }
    view[MLSTM_H].mem = mem;
    refuse(CLX_ERR_DEVICE_MEMORY, "workspace: ");
    ck_assert_uint_eq(clx_context_pool_bytes(device.context), 0);
    clx_mlstm_destroy(op);
    op = small;
    expect_ok(clx_mlstm_enqueue(op, &launch, &args, &test_error));
    clWaitForEvents(1, &event);
    clReleaseEvent(event);
    buffer_free(mem);
}
END_TEST

START_TEST(descriptors)
{
    clx_mlstm *out = op;
    clx_mlstm_desc desc = problem.desc;
    const clx_mlstm_desc fine = desc;
    const struct {
        const char *name;
        clx_dtype *dtype;
    } dtypes[] = {{"input_dtype", &desc.input_dtype},
                  {"qkv_dtype", &desc.qkv_dtype},
                  {"gate_input_dtype", &desc.gate_input_dtype},
                  {"gate_dtype", &desc.gate_dtype},
                  {"out_dtype", &desc.out_dtype}};
    static const int wrong_dtypes[] = {CLX_BOOL, 99, -3};
    static const float wrong_eps[] = {NAN, -1e-6f, INFINITY, -INFINITY};
    static const uint64_t wrong_sizes[] = {0, UINT64_MAX, (uint64_t)1 << 40};

    expect_refused(clx_mlstm_create(NULL, &desc, &out, &test_error), CLX_ERR_NULL, "context");
    ck_assert_ptr_null(out);
    expect_refused(clx_mlstm_create(device.context, NULL, &out, &test_error), CLX_ERR_NULL, "desc");
    expect_refused(clx_mlstm_create(device.context, &desc, NULL, &test_error), CLX_ERR_NULL, "out");
    desc.struct_size = 0;
    expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_VALUE, "struct_size");
    for (int i = 0; i < 3; i++) {
        desc = fine;
        desc.DHQK = wrong_sizes[i];
        expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_VALUE, "DHQK");
        desc = fine;
        desc.DHV = wrong_sizes[i];
        expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_VALUE, "DHV");
    }
    for (int i = 0; i < 4; i++) {
        desc = fine;
        desc.eps = wrong_eps[i];
        expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_VALUE, "eps");
    }
    for (int i = 0; i < 15; i++) {
        desc = fine;
        *dtypes[i / 3].dtype = (clx_dtype)wrong_dtypes[i % 3];
        expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_DTYPE, dtypes[i / 3].name);
    }
    desc = fine;
    desc.out_dtype = CLX_F16;
    expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_DTYPE,
                   "out_dtype: f16, expected f32");
    desc = fine;
    desc.mask = (clx_mask_kind)7;
    expect_refused(clx_mlstm_create(device.context, &desc, &out, &test_error), CLX_ERR_VALUE, "mask: 7");
    ck_assert_ptr_null(out);
    clx_mlstm_destroy(NULL);
}
END_TEST

/* Families that do not exist leave nothing to choose from. */
START_TEST(no_variant_left)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    clx_mlstm *out = op;
    options.context = device.cl;
    options.device = device.id;
    options.variants = "no_such_family";
    expect_ok(clx_context_create(&context, &options, &test_error));
    expect_refused(clx_mlstm_create(context, &problem.desc, &out, &test_error), CLX_ERR_UNSUPPORTED, "variant");
    ck_assert_ptr_null(out);
    clx_context_destroy(context);
}
END_TEST

/* Not one refusal needs somewhere to put its message. */
START_TEST(no_error_record)
{
    view[MLSTM_K].size[2] = 4;
    ck_assert_int_eq(clx_mlstm_enqueue(op, &launch, &args, NULL), CLX_ERR_SHAPE);
    restore();
    launch.queue = NULL;
    ck_assert_int_eq(clx_mlstm_enqueue(op, &launch, &args, NULL), CLX_ERR_NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mlstm_refused");
    TCase *tcase = suite_case(suite, "refused", 120);
    tcase_add_checked_fixture(tcase, open_call, close_call);
    tcase_add_test(tcase, good_call_passes);
    tcase_add_test(tcase, null_arguments);
    tcase_add_test(tcase, struct_sizes);
    tcase_add_test(tcase, shapes);
    tcase_add_test(tcase, dtypes);
    tcase_add_test(tcase, strides);
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, overlaps);
    tcase_add_test(tcase, overlapping_sub_buffers);
    tcase_add_test(tcase, access_flags);
    tcase_add_test(tcase, sizes_that_overflow);
    tcase_add_test(tcase, masks);
    tcase_add_test(tcase, workspaces);
    tcase_add_test(tcase, queues_and_wait_lists);
    tcase_add_test(tcase, another_context);
    tcase_add_test(tcase, another_platform);
    tcase_add_test(tcase, another_device);
    tcase_add_test(tcase, device_without_the_memory);
    tcase_add_test(tcase, descriptors);
    tcase_add_test(tcase, no_variant_left);
    tcase_add_test(tcase, no_error_record);
    return suite_run(suite);
}
