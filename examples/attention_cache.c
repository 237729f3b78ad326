/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention with a key/value cache: a prompt in one call, then token by token, against one call over the whole text. */
#define CL_TARGET_OPENCL_VERSION 120
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>

/* Four query heads share two heads of keys and values. Memory is in the order (B, S, NH, D), so that the tokens of a
 * piece lie side by side. */
enum { B = 1, NH = 4, NH_KV = 2, DHQK = 32, DHV = 32, PROMPT = 40, S = 60 };

static float q[S * NH * DHQK], k[S * NH_KV * DHQK], v[S * NH_KV * DHV], whole[S * NH * DHV], pieces[S * NH * DHV];

static void fill(float *x, int count, float step)
{
    for (int j = 0; j < count; j++) {
        x[j] = sinf(step * (float)j);
    }
}

static cl_mem buffer(clx_context *context, float *data, size_t size_bytes)
{
    return clCreateBuffer(clx_context_cl_context(context), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, size_bytes, data,
                          NULL);
}

/* Tokens first .. first + count - 1 of a tensor (B, NH, S, D). */
static clx_tensor tokens(clx_tensor text, uint64_t first, uint64_t count)
{
    text.offset += first * (uint64_t)text.stride[2];
    text.size[2] = count;
    return text;
}

/* The tensors of the text, and its cache: keys as the products read them, values as they are. */
typedef struct text {
    clx_tensor q, k, v, h, k_cache, v_cache;
} text;

/* Appends `count` tokens to the cache, and computes their rows of h over everything cached so far. */
static clx_status append(clx_attention *op, cl_command_queue queue, const text *t, uint64_t first, uint64_t count,
                         clx_error *error)
{
    const clx_tensor rows = tokens(t->q, first, count), h = tokens(t->h, first, count);
    const clx_tensor k_new = tokens(t->k, first, count), k_room = tokens(t->k_cache, first, count);
    const clx_tensor k_all = tokens(t->k_cache, 0, first + count), v_all = tokens(t->v_cache, 0, first + count);
    const size_t v_token = sizeof(float) * NH_KV * DHV;
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = queue; /* in order: each command sees what the ones before it wrote */
    clx_status status = clx_attention_keys_enqueue(op, &launch, &k_new, &k_room, (int64_t)first, error);
    if (status != CLX_OK) return status;
    if (clEnqueueCopyBuffer(queue, t->v.mem, t->v_cache.mem, first * v_token, first * v_token, count * v_token, 0, NULL,
                            NULL) != CL_SUCCESS)
        return CLX_ERR_OPENCL;
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT; /* start: the last row stands at the last key */
    args.q = &rows, args.k = &k_all, args.v = &v_all, args.h = &h;
    return clx_attention_enqueue(op, &launch, &args, error);
}

static clx_status run_whole(clx_attention *op, cl_command_queue queue, const text *t, clx_error *error)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    launch.queue = queue;
    args.q = &t->q, args.k = &t->k, args.v = &t->v, args.h = &t->h;
    return clx_attention_enqueue(op, &launch, &args, error);
}

static clx_status run_pieces(clx_attention *op, cl_command_queue queue, const text *t, clx_error *error)
{
    clx_status status = append(op, queue, t, 0, PROMPT, error);
    for (uint64_t first = PROMPT; first < S && status == CLX_OK; first++) {
        status = append(op, queue, t, first, 1, error);
    }
    return status;
}

static int read_back(cl_command_queue queue, const clx_tensor *from, float *to, size_t size_bytes)
{
    return clEnqueueReadBuffer(queue, from->mem, CL_TRUE, 0, size_bytes, to, 0, NULL, NULL) == CL_SUCCESS;
}

int main(void)
{
    clx_error error = CLX_ERROR_INIT;
    clx_context *context = NULL;
    clx_attention *op = NULL, *op_cached = NULL;
    cl_command_queue queue = NULL;
    cl_mem mem[6] = {0};
    int result = 1;
    fill(q, S * NH * DHQK, 0.37f);
    fill(k, S * NH_KV * DHQK, 0.71f);
    fill(v, S * NH_KV * DHV, 1.13f);
    if (clx_context_create(&context, NULL, &error) != CLX_OK) goto end;

    /* Causal softmax with rotary embedding; the second operator takes keys that have been prepared. */
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = DHQK;
    desc.DHV = DHV;
    if (clx_attention_create(context, &desc, &op, &error) != CLX_OK) goto end;
    desc.prepare_k = 0;
    if (clx_attention_create(context, &desc, &op_cached, &error) != CLX_OK) goto end;

    queue = clCreateCommandQueue(clx_context_cl_context(context), clx_context_cl_device(context), 0, NULL);
    mem[0] = buffer(context, q, sizeof q);
    mem[1] = buffer(context, k, sizeof k);
    mem[2] = buffer(context, v, sizeof v);
    mem[3] = buffer(context, whole, sizeof whole);
    mem[4] = buffer(context, k, sizeof k);
    mem[5] = buffer(context, v, sizeof v);
    const text t = {
        clx_tensor_bshd(mem[0], CLX_F32, B, NH, S, DHQK),    clx_tensor_bshd(mem[1], CLX_F32, B, NH_KV, S, DHQK),
        clx_tensor_bshd(mem[2], CLX_F32, B, NH_KV, S, DHV),  clx_tensor_bshd(mem[3], CLX_F32, B, NH, S, DHV),
        clx_tensor_bshd(mem[4], CLX_F32, B, NH_KV, S, DHQK), clx_tensor_bshd(mem[5], CLX_F32, B, NH_KV, S, DHV)};
    if (run_whole(op, queue, &t, &error) != CLX_OK || !read_back(queue, &t.h, whole, sizeof whole)) goto end;
    if (run_pieces(op_cached, queue, &t, &error) != CLX_OK || !read_back(queue, &t.h, pieces, sizeof pieces)) goto end;

    float worst = 0;
    for (int i = 0; i < S * NH * DHV; i++) {
        const float difference = fabsf(pieces[i] - whole[i]);
        if (!(difference <= worst)) worst = difference;
    }
    printf("%s: a prompt of %d and %d single tokens differ from one call by %.1e\n", clx_attention_variant(op), PROMPT,
           S - PROMPT, (double)worst);
    result = worst <= 1e-5f ? 0 : 1;
end:
    if (result) fprintf(stderr, "attention_cache: %s\n", error.message[0] ? error.message : "failed");
    for (int j = 0; j < 6; j++) {
        if (mem[j]) clReleaseMemObject(mem[j]);
    }
    if (queue) clReleaseCommandQueue(queue);
    clx_attention_destroy(op_cached);
    clx_attention_destroy(op);
    clx_context_destroy(context);
    clx_error_clear(&error);
    return result;
}
