/* SPDX-License-Identifier: Apache-2.0
 *
 * clxlstm inside a program that has an OpenCL context, a queue and buffers of its own: what it had before, and what was
 * added. docs/embedding.md walks through it. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>

enum { B = 1, NH = 2, S = 64, D = 32, COUNT = B * NH * S * D };

/* ---- what the program had before */

typedef struct program {
    cl_context context;
    cl_device_id device;
    cl_command_queue queue;
    cl_mem x; /* written by a step before; here: q, k and v at once */
    cl_mem gates;
    cl_mem y; /* read by a step after */
} program;

static int start(program *p)
{
    static float x[COUNT], gates[B * NH * S];
    cl_platform_id platform;
    for (int i = 0; i < COUNT; i++)
        x[i] = sinf(0.1f * (float)i);
    for (int i = 0; i < B * NH * S; i++)
        gates[i] = 1.0f;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS) return 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &p->device, NULL) != CL_SUCCESS) return 0;
    p->context = clCreateContext(NULL, 1, &p->device, NULL, NULL, NULL);
    p->queue = clCreateCommandQueue(p->context, p->device, 0, NULL);
    p->x = clCreateBuffer(p->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof x, x, NULL);
    p->gates = clCreateBuffer(p->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof gates, gates, NULL);
    p->y = clCreateBuffer(p->context, CL_MEM_READ_WRITE, sizeof x, NULL, NULL);
    return p->queue && p->x && p->gates && p->y;
}

static void stop(program *p)
{
    if (p->y) clReleaseMemObject(p->y);
    if (p->gates) clReleaseMemObject(p->gates);
    if (p->x) clReleaseMemObject(p->x);
    if (p->queue) clReleaseCommandQueue(p->queue);
    if (p->context) clReleaseContext(p->context);
}

/* ---- what was added */

typedef struct lstm {
    clx_context *context;
    clx_mlstm *op;
} lstm;

/* Once, perhaps on another thread: this is where kernels are compiled. */
static clx_status lstm_start(lstm *l, const program *p, clx_error *error)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    options.context = p->context;
    options.device = p->device;
    desc.DHQK = desc.DHV = D;
    clx_status status = clx_context_create(&l->context, &options, error);
    if (status == CLX_OK) status = clx_mlstm_create(l->context, &desc, &l->op, error);
    return status;
}

/* Between two steps of the program, on its queue; returns at once. */
static clx_status lstm_enqueue(const lstm *l, const program *p, clx_error *error)
{
    const uint64_t gate_size[3] = {B, NH, S};
    const clx_tensor x = clx_tensor_bhsd(p->x, CLX_F32, B, NH, S, D);
    const clx_tensor y = clx_tensor_bhsd(p->y, CLX_F32, B, NH, S, D);
    const clx_tensor gates = clx_tensor_dense(p->gates, CLX_F32, 3, gate_size);
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    args.q = args.k = args.v = &x;
    args.igate = args.fgate = &gates;
    args.h = &y;
    launch.queue = p->queue;
    return clx_mlstm_enqueue(l->op, &launch, &args, error);
}

static void lstm_stop(lstm *l)
{
    clx_mlstm_destroy(l->op);
    clx_context_destroy(l->context);
}

int main(void)
{
    program p = {0};
    lstm l = {0};
    clx_error error = CLX_ERROR_INIT;
    float y[D];
    int good = start(&p);
    if (good && (lstm_start(&l, &p, &error) != CLX_OK || lstm_enqueue(&l, &p, &error) != CLX_OK)) {
        fprintf(stderr, "embed: %s\n", error.message);
        good = 0;
    }
    if (good) good = clEnqueueReadBuffer(p.queue, p.y, CL_TRUE, 0, sizeof y, y, 0, NULL, NULL) == CL_SUCCESS;
    if (good) printf("%s: y[0, 0, 0, 0..3] = %.4f %.4f %.4f %.4f\n", clx_mlstm_variant(l.op), y[0], y[1], y[2], y[3]);
    lstm_stop(&l);
    stop(&p);
    clx_error_clear(&error);
    return good ? 0 : 1;
}
