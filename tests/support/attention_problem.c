/* SPDX-License-Identifier: Apache-2.0
 *
 * Problems of the attention operator, made, run and judged. */
#include "support/attention_problem.h"

#include "ref/judge.h"
#include "ref/ref.h"
#include "support/views.h"
#include "tools/case_reference.h"
#include <stdlib.h>
#include <string.h>

static clx_dtype or_default(clx_dtype dtype, clx_dtype fallback)
{
    return dtype == CLX_DTYPE_DEFAULT ? fallback : dtype;
}

static clx_dtype qkv_dtype(const clx_attention_desc *desc)
{
    return or_default(desc->qkv_dtype, desc->input_dtype);
}

static clx_dtype out_dtype(const clx_attention_desc *desc)
{
    return or_default(desc->out_dtype, qkv_dtype(desc));
}

size_t attention_q_count(const attention_problem *p)
{
    return (size_t)(p->sizes.B * p->sizes.NH * p->sizes.S_q * p->desc.DHQK);
}

size_t attention_k_count(const attention_problem *p)
{
    return (size_t)(p->sizes.B * p->sizes.NH_kv * p->sizes.S_kv * p->desc.DHQK);
}

size_t attention_v_count(const attention_problem *p)
{
    return (size_t)(p->sizes.B * p->sizes.NH_kv * p->sizes.S_kv * p->desc.DHV);
}

size_t attention_h_count(const attention_problem *p)
{
    return (size_t)(p->sizes.B * p->sizes.NH * p->sizes.S_q * p->desc.DHV);
}

static double *doubles(size_t count)
{
    double *data = calloc(count + 1, sizeof *data);
    ck_assert_ptr_nonnull(data);
    return data;
}

static double *draw(size_t count, double scale, clx_dtype dtype, random_state *random)
{
    double *data = doubles(count);
    for (size_t i = 0; i < count; i++)
        data[i] = round_to(scale * random_normal(random), dtype);
    return data;
}

void attention_problem_make(attention_problem *p, const clx_attention_desc *desc, const clx_attention_sizes *sizes,
                            double scale, random_state *random)
{
    *p = (attention_problem){.desc = *desc, .sizes = *sizes, .start = CLX_ATTENTION_START_AT_END};
    p->q = draw(attention_q_count(p), scale, desc->input_dtype, random);
    p->k = draw(attention_k_count(p), scale, desc->input_dtype, random);
    p->v = draw(attention_v_count(p), 1, desc->input_dtype, random);
    if (desc->mask != CLX_MASK_EXPLICIT) return;
    p->mask = doubles((size_t)(sizes->S_q * sizes->S_kv));
    for (uint64_t t = 0; t < sizes->S_q; t++)
        for (uint64_t s = 0; s < sizes->S_kv; s++)
            if (random_below(random, 10) < 6 && t % 7 != 3) p->mask[t * sizes->S_kv + s] = (double)(1 + t % 200);
}

void attention_problem_free(attention_problem *p)
{
    free(p->q);
    free(p->k);
    free(p->v);
    free(p->mask);
    *p = (attention_problem){0};
}

static clx_tensor lay_out(clx_dtype dtype, const uint64_t *size, attention_layout layout)
{
    static const uint32_t bhsd[4] = {0, 1, 2, 3}, bshd[4] = {0, 2, 1, 3}, sbhd[4] = {2, 0, 1, 3};
    if (layout == ATTENTION_BHSD) return view_ordered(dtype, 4, size, bhsd, 0);
    if (layout == ATTENTION_BSHD) return view_ordered(dtype, 4, size, bshd, 0);
    clx_tensor view = view_ordered(dtype, 4, size, sbhd, 3);
    view.offset = 5;
    if (size[2] > 0) view_reverse(&view, 2);
    return view;
}

/* A buffer with the values where the view says, and 0xff elsewhere; without values, everywhere. */
static void fill(clx_tensor *view, const double *values)
{
    const size_t size = view_size_bytes(view);
    if (size == 0) return;
    unsigned char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 0xff, size);
    if (values != NULL) view_put(view, bytes, values);
    view->mem = buffer_make(size, bytes);
    free(bytes);
}

void attention_place(const attention_problem *p, attention_layout layout, attention_tensors *t)
{
    const clx_attention_sizes *s = &p->sizes;
    const uint64_t q[4] = {s->B, s->NH, s->S_q, p->desc.DHQK}, k[4] = {s->B, s->NH_kv, s->S_kv, p->desc.DHQK};
    const uint64_t v[4] = {s->B, s->NH_kv, s->S_kv, p->desc.DHV}, h[4] = {s->B, s->NH, s->S_q, p->desc.DHV};
    const uint64_t mask[2] = {s->S_q, s->S_kv};
    static const uint32_t transposed[2] = {1, 0};
    *t = (attention_tensors){.args = CLX_ATTENTION_ARGS_INIT};
    t->q = lay_out(p->desc.input_dtype, q, layout);
    t->k = lay_out(p->desc.input_dtype, k, layout);
    t->v = lay_out(p->desc.input_dtype, v, layout);
    t->h = lay_out(out_dtype(&p->desc), h, layout);
    t->mask = clx_tensor_dense(NULL, CLX_BOOL, 2, mask);
    if (layout == ATTENTION_STRIDED) t->mask = view_ordered(CLX_BOOL, 2, mask, transposed, 1);
    fill(&t->q, p->q);
    fill(&t->k, p->k);
    fill(&t->v, p->v);
    fill(&t->h, NULL);
    if (p->mask != NULL) fill(&t->mask, p->mask);
    t->args.q = &t->q;
    t->args.k = &t->k;
    t->args.v = &t->v;
    t->args.mask = p->mask != NULL ? &t->mask : NULL;
    t->args.h = &t->h;
    t->args.start = p->start;
}

void attention_tensors_free(attention_tensors *t)
{
    const clx_tensor *all[] = {&t->q, &t->k, &t->v, &t->mask, &t->h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]->mem);
}

clx_attention *attention_make(const attention_problem *p)
{
    clx_attention *op = NULL;
    expect_ok(clx_attention_create(device.context, &p->desc, &op, &test_error));
    return op;
}

double *attention_read(const clx_tensor *h)
{
    const size_t size = view_size_bytes(h);
    unsigned char *bytes = malloc(size + 1);
    double *values = doubles(view_count(h));
    ck_assert_ptr_nonnull(bytes);
    if (size > 0) {
        buffer_read(h->mem, 0, size, bytes);
        view_get(h, bytes, values);
        view_fill(h, bytes, 0xff);
        for (size_t i = 0; i < size; i++)
            ck_assert_msg(bytes[i] == 0xff, "byte %zu of h's buffer belongs to no element but was written", i);
    }
    free(bytes);
    return values;
}

double *attention_run(clx_attention *op, const attention_problem *p, attention_layout layout)
{
    attention_tensors t;
    clx_launch launch = CLX_LAUNCH_INIT;
    attention_place(p, layout, &t);
    launch.queue = device.queue;
    expect_ok(clx_attention_enqueue(op, &launch, &t.args, &test_error));
    double *h = attention_read(&t.h);
    attention_tensors_free(&t);
    return h;
}

static double *rounded(const double *x, size_t count, clx_dtype dtype)
{
    double *out = doubles(count);
    for (size_t i = 0; i < count; i++)
        out[i] = round_to(x[i], dtype);
    return out;
}

void attention_judge(const attention_problem *p, const double *h, const char *what)
{
    const clx_attention_desc *d = &p->desc;
    const clx_attention_sizes *s = &p->sizes;
    const size_t count = attention_h_count(p), pairs = (size_t)(s->S_q * s->S_kv);
    double *q = rounded(p->q, attention_q_count(p), qkv_dtype(d)),
           *k = rounded(p->k, attention_k_count(p), qkv_dtype(d));
    double *v = rounded(p->v, attention_v_count(p), qkv_dtype(d)), *ref = doubles(count), *cond = doubles(count);
    unsigned char *mask = p->mask != NULL ? malloc(pairs + 1) : NULL;
    for (size_t i = 0; mask != NULL && i < pairs; i++)
        mask[i] = p->mask[i] != 0;
    clxi_ref_attention call = {(size_t)s->B,    (size_t)s->NH,   (size_t)s->NH_kv, (size_t)s->S_q,
                               (size_t)s->S_kv, (size_t)d->DHQK, (size_t)d->DHV,   .q = q};
    call.k = k, call.v = v, call.mask = mask, call.h = ref, call.cond = cond;
    call.causal = d->mask == CLX_MASK_CAUSAL;
    call.silu = d->qk_pre_activation_function == CLX_PRE_ACTIVATION_SILU;
    call.rotary = d->rotary != 0;
    call.theta = d->theta;
    call.activation = (clxi_ref_activation)d->activation_function;
    call.bias_length = (double)d->bias_length;
    call.window = d->window;
    call.start = p->start == CLX_ATTENTION_START_AT_END ? (int64_t)s->S_kv - (int64_t)s->S_q : p->start;
    ck_assert(clxi_ref_run_attention(&call));
    const clxi_judge judge = {.op = "attention",
                              .output = "h",
                              .out_dtype = out_dtype(d),
                              .qkv_dtype = qkv_dtype(d),
                              .count = count,
                              .ours = h,
                              .ref64 = ref,
                              .cond = cond};
    const clxi_verdict verdict = clxi_judge_output(&judge);
    const size_t i = verdict.index;
    ck_assert_msg(verdict.pass, "%s: %.3g of the tolerance at %zu (head %zu, row %zu, column %zu): %.9g, expected %.9g",
                  what, verdict.worst, i, i / (size_t)d->DHV / (size_t)s->S_q, i / (size_t)d->DHV % (size_t)s->S_q,
                  i % (size_t)d->DHV, h[i], ref[i]);
    free(q), free(k), free(v), free(ref), free(cond), free(mask);
}
