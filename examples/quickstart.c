/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest complete program: one mLSTM cell over a short text. This file is the code in README.md. */
#define CL_TARGET_OPENCL_VERSION 120
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>

/* A letter at a time; two heads. */
static const char text[] = "an xLSTM reads from left to right, and forgets what it need not keep";
enum { B = 1, S = sizeof text - 1, NH = 2, DHQK = 16, DHV = 32, GATE_FEATURES = NH * (2 * DHQK + DHV) };

static float q[B * S * NH * DHQK], k[B * S * NH * DHQK], v[B * S * NH * DHV], h[B * S * NH * DHV];
static float igate_kernel[GATE_FEATURES * NH], fgate_kernel[GATE_FEATURES * NH];
static float igate_bias[NH], fgate_bias[NH], outnorm[NH * DHV];

/* Stands for a model's projections: features of each letter. */
static void embed(float *x, int features, float step)
{
    for (int t = 0; t < S; t++) {
        for (int d = 0; d < features; d++) {
            x[t * features + d] = sinf(step * (float)(text[t] * (d + 1)));
        }
    }
}

/* A tensor in a buffer of its own, with a copy of `data`. */
static clx_tensor upload(clx_context *context, float *data, uint32_t rank, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t size[] = {a, b, c};
    return clx_tensor_dense(clCreateBuffer(clx_context_cl_context(context), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                           a * b * c * sizeof *data, data, NULL),
                            CLX_F32, rank, size);
}

int main(void)
{
    clx_error error = CLX_ERROR_INIT;
    clx_context *context = NULL;
    clx_mlstm_cell *cell = NULL;
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_tensor t[9] = {{0}};
    cl_event done = NULL;
    int result = 1;

    /* The configuration has the names and defaults of mLSTMCellConfig. */
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    config.num_heads = NH;
    config.dtype = CLX_F32;
    clx_mlstm_cell_initial initial = CLX_MLSTM_CELL_INITIAL_INIT;
    initial.gate_features = GATE_FEATURES, initial.DHQK = DHQK, initial.DHV = DHV;
    initial.igate_kernel = igate_kernel, initial.igate_bias = igate_bias;
    initial.fgate_kernel = fgate_kernel, initial.fgate_bias = fgate_bias, initial.outnorm_scale = outnorm;
    if (clx_mlstm_cell_init(&config, 1, &initial, &error) != CLX_OK) goto end;
    embed(q, NH * DHQK, 0.37f);
    embed(k, NH * DHQK, 0.71f);
    embed(v, NH * DHV, 1.13f);

    /* Once per device. NULL: what CLX_DEVICE names, else the fastest GPU, else a CPU. */
    if (clx_context_create(&context, NULL, &error) != CLX_OK) goto end;

    /* Once per configuration: everything slow happens here. */
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    desc.config = &config, desc.DHQK = DHQK, desc.DHV = DHV;
    if (clx_mlstm_cell_create(context, &desc, &cell, &error) != CLX_OK) goto end;

    /* Your queue and your buffers; a tensor is a view of one. */
    launch.queue = clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, NULL);
    t[0] = upload(context, q, 3, B, S, NH * DHQK);
    t[1] = upload(context, k, 3, B, S, NH * DHQK);
    t[2] = upload(context, v, 3, B, S, NH * DHV);
    t[3] = upload(context, igate_kernel, 2, GATE_FEATURES, NH, 1);
    t[4] = upload(context, igate_bias, 1, NH, 1, 1);
    t[5] = upload(context, fgate_kernel, 2, GATE_FEATURES, NH, 1);
    t[6] = upload(context, fgate_bias, 1, NH, 1, 1);
    t[7] = upload(context, outnorm, 2, NH, DHV, 1);
    t[8] = upload(context, h, 3, B, S, NH * DHV);
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    args.q = &t[0], args.k = &t[1], args.v = &t[2];
    args.igate_kernel = &t[3], args.igate_bias = &t[4], args.fgate_kernel = &t[5], args.fgate_bias = &t[6];
    args.outnorm_scale = &t[7], args.h = &t[8];

    /* Returns at once; `done` completes when h is there. A missing queue or buffer is refused here, by name. */
    launch.event = &done;
    if (clx_mlstm_cell_enqueue(cell, &launch, &args, &error) != CLX_OK) goto end;
    if (clEnqueueReadBuffer(launch.queue, t[8].mem, CL_TRUE, 0, sizeof h, h, 1, &done, NULL) != CL_SUCCESS) goto end;

    const float *last = h + (S - 1) * NH * DHV;
    printf("%s: h[0, %d, 0..3] = %.4f %.4f %.4f %.4f\n", clx_mlstm_cell_variant(cell), (int)S - 1, last[0], last[1],
           last[2], last[3]);
    result = 0;
end:
    if (result) fprintf(stderr, "quickstart: %s\n", error.message[0] ? error.message : "an OpenCL call failed");
    if (done) clReleaseEvent(done);
    for (int j = 0; j < 9; j++) {
        if (t[j].mem) clReleaseMemObject(t[j].mem);
    }
    if (launch.queue) clReleaseCommandQueue(launch.queue);
    clx_mlstm_cell_destroy(cell);
    clx_context_destroy(context);
    clx_error_clear(&error);
    return result;
}
