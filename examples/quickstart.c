/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest complete program: one mLSTM over a short text. This file is the code in README.md. */
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>

enum { B = 1, NH = 2, S = 64, DHQK = 16, DHV = 32 };

static float q[B * NH * S * DHQK], k[B * NH * S * DHQK], v[B * NH * S * DHV], h[B * NH * S * DHV];
static float igate[B * NH * S], fgate[B * NH * S];

static void fill(float *x, int count, float step)
{
    for (int j = 0; j < count; j++) {
        x[j] = sinf(step * (float)j);
    }
}

/* A buffer of the context's with a copy of `data`. */
static cl_mem upload(clx_context *context, const float *data, size_t size_bytes)
{
    return clCreateBuffer(clx_context_cl_context(context), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, size_bytes,
                          (void *)data, NULL);
}

int main(void)
{
    clx_error error = CLX_ERROR_INIT;
    clx_context *context = NULL;
    clx_mlstm *op = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_mem mem[6] = {0};
    cl_event done = NULL;
    int result = 1;

    fill(q, B * NH * S * DHQK, 0.37f);
    fill(k, B * NH * S * DHQK, 0.71f);
    fill(v, B * NH * S * DHV, 1.13f);
    fill(igate, B * NH * S, 0.5f);
    fill(fgate, B * NH * S, 0.25f);

    /* Once per device. NULL: what CLX_DEVICE names, else the fastest GPU, else a CPU. */
    if (clx_context_create(&context, NULL, &error) != CLX_OK) goto end;

    /* Once per configuration: everything slow happens here. */
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = DHQK;
    desc.DHV = DHV;
    if (clx_mlstm_create(context, &desc, &op, &error) != CLX_OK) goto end;

    /* Your queue and your buffers; a tensor is a view of one. */
    launch.queue = clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, NULL);
    mem[0] = upload(context, q, sizeof q);
    mem[1] = upload(context, k, sizeof k);
    mem[2] = upload(context, v, sizeof v);
    mem[3] = upload(context, igate, sizeof igate);
    mem[4] = upload(context, fgate, sizeof fgate);
    mem[5] = upload(context, h, sizeof h);
    const uint64_t gates[] = {B, NH, S};
    clx_tensor tq = clx_tensor_bhsd(mem[0], CLX_F32, B, NH, S, DHQK);
    clx_tensor tk = clx_tensor_bhsd(mem[1], CLX_F32, B, NH, S, DHQK);
    clx_tensor tv = clx_tensor_bhsd(mem[2], CLX_F32, B, NH, S, DHV);
    clx_tensor ti = clx_tensor_dense(mem[3], CLX_F32, 3, gates);
    clx_tensor tf = clx_tensor_dense(mem[4], CLX_F32, 3, gates);
    clx_tensor th = clx_tensor_bhsd(mem[5], CLX_F32, B, NH, S, DHV);
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    args.q = &tq, args.k = &tk, args.v = &tv, args.igate = &ti, args.fgate = &tf, args.h = &th;

    /* Returns at once; `done` completes when h is there. A missing queue or buffer is refused here, by name. */
    launch.event = &done;
    if (clx_mlstm_enqueue(op, &launch, &args, &error) != CLX_OK) goto end;
    if (clEnqueueReadBuffer(launch.queue, mem[5], CL_TRUE, 0, sizeof h, h, 1, &done, NULL) != CL_SUCCESS) goto end;

    printf("%s: h[0, 0, %d, 0..3] = %.4f %.4f %.4f %.4f\n", clx_mlstm_variant(op), S - 1, h[(S - 1) * DHV],
           h[(S - 1) * DHV + 1], h[(S - 1) * DHV + 2], h[(S - 1) * DHV + 3]);
    result = 0;
end:
    if (result) fprintf(stderr, "quickstart: %s\n", error.message[0] ? error.message : "an OpenCL call failed");
    if (done) clReleaseEvent(done);
    for (int j = 0; j < 6; j++) {
        if (mem[j]) clReleaseMemObject(mem[j]);
    }
    if (launch.queue) clReleaseCommandQueue(launch.queue);
    clx_mlstm_destroy(op);
    clx_context_destroy(context);
    clx_error_clear(&error);
    return result;
}
