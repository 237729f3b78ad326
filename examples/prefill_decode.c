/* SPDX-License-Identifier: Apache-2.0
 *
 * A prompt in parallel, then token by token: the parallel backend reads the prompt and leaves the state (C, n, m), the
 * recurrent backend goes on from it, one token a call and in place. At the end the same text is read in one parallel
 * call: both must say the same. */
#define CL_TARGET_OPENCL_VERSION 120
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>

enum { B = 1, PROMPT = 48, S = 64, NH = 4, DHQK = 16, DHV = 32, QK = NH * DHQK, V = NH * DHV, FEATURES = 2 * QK + V };
enum { Q, K, VALUES, IGATE_KERNEL, IGATE_BIAS, FGATE_KERNEL, FGATE_BIAS, OUTNORM, C, N, M, STEPWISE, AT_ONCE, TENSORS };

static clx_error error = CLX_ERROR_INIT;
static clx_context *context;
static cl_command_queue queue;
static clx_tensor tensor[TENSORS];
static float stepwise[B * S * V], at_once[B * S * V];

static void fill(float *x, int count, float step)
{
    for (int i = 0; i < count; i++) {
        x[i] = sinf(step * (float)i + 0.001f * (float)(i % 97));
    }
}

/* A dense tensor in a buffer of its own; sizes behind the rank are 1. */
static void upload(int which, const float *data, uint32_t rank, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t size[] = {a, b, c, d};
    cl_mem mem = clCreateBuffer(clx_context_cl_context(context), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                a * b * c * d * sizeof *data, (void *)data, NULL);
    tensor[which] = clx_tensor_dense(mem, CLX_F32, rank, size);
}

static clx_status upload_all(const clx_mlstm_cell_config *config)
{
    static float x[3][B * S * V], kernel[2][FEATURES * NH], bias[2][NH], outnorm[V], zeros[B * NH * DHQK * DHV];
    clx_mlstm_cell_initial initial = CLX_MLSTM_CELL_INITIAL_INIT;
    initial.gate_features = FEATURES, initial.DHQK = DHQK, initial.DHV = DHV;
    initial.igate_bias = bias[0], initial.fgate_bias = bias[1], initial.outnorm_scale = outnorm;
    if (clx_mlstm_cell_init(config, 7, &initial, &error) != CLX_OK) return error.status;
    fill(x[0], B * S * QK, 0.37f);
    fill(x[1], B * S * QK, 0.71f);
    fill(x[2], B * S * V, 1.13f);
    fill(kernel[0], FEATURES * NH, 0.9f);
    fill(kernel[1], FEATURES * NH, 1.7f);
    upload(Q, x[0], 3, B, S, QK, 1);
    upload(K, x[1], 3, B, S, QK, 1);
    upload(VALUES, x[2], 3, B, S, V, 1);
    upload(IGATE_KERNEL, kernel[0], 2, FEATURES, NH, 1, 1);
    upload(IGATE_BIAS, bias[0], 1, NH, 1, 1, 1);
    upload(FGATE_KERNEL, kernel[1], 2, FEATURES, NH, 1, 1);
    upload(FGATE_BIAS, bias[1], 1, NH, 1, 1, 1);
    upload(OUTNORM, outnorm, 2, NH, DHV, 1, 1);
    upload(C, zeros, 4, B, NH, DHQK, DHV);
    upload(N, zeros, 3, B, NH, DHQK, 1);
    upload(M, zeros, 2, B, NH, 1, 1);
    upload(STEPWISE, stepwise, 3, B, S, V, 1);
    upload(AT_ONCE, at_once, 3, B, S, V, 1);
    return CLX_OK;
}

/* The tokens begin .. end - 1 of a tensor (B, S, features): a view, no copy. */
static clx_tensor tokens(int which, uint64_t begin, uint64_t end)
{
    clx_tensor part = tensor[which];
    part.offset += begin * (uint64_t)part.stride[1];
    part.size[1] = end - begin;
    return part;
}

/* Runs a cell over some tokens into `h`. `start`: from the state so far; the state after them is left in its place. */
static clx_status run(clx_mlstm_cell *cell, uint64_t begin, uint64_t end, int h, int start, int keep)
{
    const clx_tensor q = tokens(Q, begin, end), k = tokens(K, begin, end), v = tokens(VALUES, begin, end);
    const clx_tensor out = tokens(h, begin, end);
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    args.q = &q, args.k = &k, args.v = &v, args.h = &out;
    args.igate_kernel = &tensor[IGATE_KERNEL], args.igate_bias = &tensor[IGATE_BIAS];
    args.fgate_kernel = &tensor[FGATE_KERNEL], args.fgate_bias = &tensor[FGATE_BIAS];
    args.outnorm_scale = &tensor[OUTNORM];
    if (start) args.C = &tensor[C], args.n = &tensor[N], args.m = &tensor[M];
    if (keep) args.C_out = &tensor[C], args.n_out = &tensor[N], args.m_out = &tensor[M];
    launch.queue = queue;
    return clx_mlstm_cell_enqueue(cell, &launch, &args, &error);
}

static clx_status create(clx_mlstm_cell_config config, clx_mlstm_backend backend, int keep, clx_mlstm_cell **cell)
{
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    config.backend.name = backend;
    desc.config = &config;
    desc.DHQK = DHQK, desc.DHV = DHV;
    desc.return_state = keep;
    return clx_mlstm_cell_create(context, &desc, cell, &error);
}

static int read_all(void)
{
    return clEnqueueReadBuffer(queue, tensor[STEPWISE].mem, CL_TRUE, 0, sizeof stepwise, stepwise, 0, NULL, NULL) ==
               CL_SUCCESS &&
           clEnqueueReadBuffer(queue, tensor[AT_ONCE].mem, CL_TRUE, 0, sizeof at_once, at_once, 0, NULL, NULL) ==
               CL_SUCCESS;
}

int main(void)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell *prefill = NULL, *decode = NULL, *whole = NULL;
    float worst = 0;
    int result = 1;
    config.num_heads = NH;
    config.dtype = CLX_F32;
    config.gate_soft_cap = (clx_optional_number){1, 15.0};
    if (clx_context_create(&context, NULL, &error) != CLX_OK) goto end;
    queue = clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, NULL);
    if (upload_all(&config) != CLX_OK) goto end;
    if (create(config, CLX_BACKEND_PARALLEL_STABILIZED, 1, &prefill) != CLX_OK) goto end;
    if (create(config, CLX_BACKEND_RECURRENT, 1, &decode) != CLX_OK) goto end;
    if (create(config, CLX_BACKEND_PARALLEL_STABILIZED, 0, &whole) != CLX_OK) goto end;

    /* The queue is in order: no call waits for another on the host. */
    if (run(prefill, 0, PROMPT, STEPWISE, 0, 1) != CLX_OK) goto end;
    for (uint64_t t = PROMPT; t < S; t++) {
        if (run(decode, t, t + 1, STEPWISE, 1, 1) != CLX_OK) goto end;
    }
    if (run(whole, 0, S, AT_ONCE, 0, 0) != CLX_OK) goto end;
    if (!read_all()) goto end;
    for (int i = 0; i < B * S * V; i++) {
        float difference = fabsf(stepwise[i] - at_once[i]);
        if (!(difference <= worst)) worst = difference;
    }
    printf("%d tokens at once, %d one by one: largest difference to %d at once %.2g\n", PROMPT, S - PROMPT, S,
           (double)worst);
    result = !(worst <= 1e-3f);
end:
    if (error.message[0]) fprintf(stderr, "prefill_decode: %s\n", error.message);
    for (int i = 0; i < TENSORS; i++) {
        if (tensor[i].mem) clReleaseMemObject(tensor[i].mem);
    }
    if (queue) clReleaseCommandQueue(queue);
    clx_mlstm_cell_destroy(prefill);
    clx_mlstm_cell_destroy(decode);
    clx_mlstm_cell_destroy(whole);
    clx_context_destroy(context);
    clx_error_clear(&error);
    return result;
}
