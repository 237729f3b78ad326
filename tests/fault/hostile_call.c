/* SPDX-License-Identifier: Apache-2.0
 *
 * Making hostile calls; see the headers. */
#include "hostile_call.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES HOSTILE_FIRST_BYTES
#define SMALL_BYTES HOSTILE_SMALL_BYTES

/* ---- the world */

static cl_mem make_buffer(cl_context context, cl_mem_flags flags, size_t bytes)
{
    cl_int code = CL_SUCCESS;
    cl_mem mem = clCreateBuffer(context, flags, bytes, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return mem;
}

static cl_event completed_event(cl_command_queue queue)
{
    cl_event event = NULL;
    ck_assert_int_eq(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event), CL_SUCCESS);
    ck_assert_int_eq(clFinish(queue), CL_SUCCESS);
    return event;
}

/* Devices need have no images. */
static cl_mem make_image(cl_context context)
{
    const cl_image_format format = {CL_RGBA, CL_FLOAT};
    const cl_image_desc desc = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 16, .image_height = 16};
    return clCreateImage(context, CL_MEM_READ_WRITE, &format, &desc, NULL, NULL);
}

static void make_buffers(hostile_world *w)
{
    const cl_buffer_region region = {HOSTILE_SUB_BEGIN, HOSTILE_SUB_BYTES};
    random_state random = {5};
    w->bytes = BUFFER_BYTES;
    w->before = malloc(w->bytes);
    ck_assert_ptr_nonnull(w->before);
    for (size_t i = 0; i < w->bytes; i++) {
        w->before[i] = (unsigned char)(random_bits(&random) & 0x3f); /* no large numbers, whatever the dtype */
    }
    w->buffers[0] = make_buffer(w->cl, CL_MEM_READ_WRITE, w->bytes);
    w->buffers[1] = make_buffer(w->cl, CL_MEM_READ_WRITE, SMALL_BYTES);
    w->buffers[2] = make_buffer(w->cl, CL_MEM_READ_ONLY, SMALL_BYTES);
    w->buffers[3] = make_buffer(w->cl, CL_MEM_WRITE_ONLY, SMALL_BYTES);
    w->buffers[4] = clCreateSubBuffer(w->buffers[0], CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, NULL);
    w->buffers[5] = make_buffer(w->other_cl, CL_MEM_READ_WRITE, SMALL_BYTES);
    w->buffers[6] = make_buffer(w->cl, CL_MEM_READ_WRITE, HOSTILE_TINY_BYTES);
    w->buffers[7] = make_image(w->cl);
    w->workspace = make_buffer(w->cl, CL_MEM_READ_WRITE, (size_t)1 << 20);
}

void hostile_world_open(hostile_world *w)
{
    cl_int code = CL_SUCCESS;
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    options.variants = "simt"; /* one family is enough, and quick to build */
    memset(w, 0, sizeof *w);
    expect_ok(clx_context_create(&w->context, &options, &test_error));
    w->cl = clx_context_cl_context(w->context);
    w->id = clx_context_cl_device(w->context);
    w->other_cl = clCreateContext(NULL, 1, &w->id, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    w->queue = clCreateCommandQueue(w->cl, w->id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    w->any_order = clCreateCommandQueue(w->cl, w->id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code != CL_SUCCESS) w->any_order = clCreateCommandQueue(w->cl, w->id, 0, &code);
    w->other_queue = clCreateCommandQueue(w->other_cl, w->id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    w->event = completed_event(w->queue);
    w->other_event = completed_event(w->other_queue);
    w->pending = clCreateUserEvent(w->cl, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    make_buffers(w);
    for (int i = 0; i < HOSTILE_KINDS; i++) {
        expect_ok(hostile_kinds[i].create(w->context, &w->ops[i], &test_error));
    }
}

void hostile_world_close(hostile_world *w)
{
    for (int i = 0; i < HOSTILE_KINDS; i++) {
        hostile_kinds[i].destroy(w->ops[i]);
    }
    for (int i = HOSTILE_BUFFERS - 1; i >= 0; i--) {
        if (w->buffers[i] != NULL) clReleaseMemObject(w->buffers[i]);
    }
    clReleaseMemObject(w->workspace);
    clSetUserEventStatus(w->pending, CL_COMPLETE); /* whoever still waits for it is told */
    clReleaseEvent(w->pending);
    clReleaseEvent(w->event);
    clReleaseEvent(w->other_event);
    clReleaseCommandQueue(w->queue);
    clReleaseCommandQueue(w->any_order);
    clReleaseCommandQueue(w->other_queue);
    clReleaseContext(w->other_cl);
    clx_context_destroy(w->context);
    free(w->before);
}

/* ---- right calls */

static void choose_sizes(hostile_call *c, random_state *random)
{
    const hostile_kind *kind = c->kind;
    uint64_t *size = c->size;
    const bool cell = kind->name[0] == 'c';
    size['B'] = hostile_chance(random, 30) ? 0 : 1 + random_below(random, 2);
    size['H'] = cell ? 2 : hostile_chance(random, 30) ? 0 : 1 + random_below(random, 3);
    size['S'] = hostile_chance(random, 30) ? 0 : 1 + random_below(random, 5);
    size['K'] = kind->K;
    size['V'] = kind->V;
    size['R'] = kind->R;
    size['G'] = size['H'] == 0 ? 0 : 1 + random_below(random, size['H']);
    size['T'] = hostile_chance(random, 30) ? 0 : 1 + random_below(random, 7);
    size['L'] = 8 + random_below(random, 4);
    size['F'] = 2 * kind->K;
    size['f'] = 2 * kind->V;
    size['Y'] = 3;
    size['X'] = strcmp(kind->name, "cell inputs") == 0 ? 2 * size['Y'] : 2 * size['F'] + size['f'];
    size['8'] = CLX_GATE_STATISTIC_COUNT;
}

static clx_dtype dtype_of(const hostile_kind *kind, char letter, random_state *random)
{
    if (letter == 'b') return CLX_BOOL;
    if (letter == 'f') return CLX_F32;
    if (letter == 'i') return hostile_chance(random, 2) ? CLX_I32 : CLX_I64;
    return (clx_dtype)(strchr(kind->dtypes, letter)[1] - '0');
}

/* Memory of its own in the first buffer: dimensions in a random order but for the last one, which is contiguous, with gaps,
 * and with some of them backwards. Inputs may repeat. */
static void place(hostile_world *w, hostile_call *c, random_state *random, const hostile_tensor *wanted, clx_tensor *t)
{
    uint32_t order[CLX_MAX_RANK];
    uint64_t step = 1, first = 0;
    const size_t bytes = clx_dtype_size_bytes(t->dtype);
    uint64_t at = (c->used + bytes - 1) / bytes;
    for (uint32_t i = 0; i < t->rank; i++) {
        order[i] = t->rank - 1 - i;
    }
    for (uint32_t i = t->rank - 1; i > 1; i--) { /* (the first in this order stays the fastest) */
        const uint32_t other = 1 + (uint32_t)random_below(random, i);
        const uint32_t swapped = order[i];
        order[i] = order[other], order[other] = swapped;
    }
    for (uint32_t i = 0; i < t->rank; i++) {
        const uint32_t d = order[i];
        const uint64_t extent = t->size[d] > 0 ? t->size[d] : 1;
        if (i > 0 && hostile_chance(random, 4)) step += random_below(random, 3);
        t->stride[d] = (int64_t)step;
        if (i > 0 && hostile_chance(random, 6)) {
            first += (extent - 1) * step;
            t->stride[d] = -(int64_t)step;
        }
        if (i > 0 && !wanted->output && hostile_chance(random, 12)) {
            if (t->stride[d] < 0) first -= (extent - 1) * step;
            t->stride[d] = 0;
            continue;
        }
        step *= extent;
    }
    t->mem = w->buffers[0];
    t->offset = at + first;
    c->used = (size_t)(at + step + random_below(random, 9)) * bytes;
    if (c->used > w->bytes) ck_abort_msg("%s: %zu bytes of tensors", c->kind->name, c->used);
}

static void make_tensors(hostile_world *w, hostile_call *c, random_state *random)
{
    for (c->count = 0; c->kind->tensors[c->count].shape != NULL; c->count++) {
        const hostile_tensor *wanted = &c->kind->tensors[c->count];
        clx_tensor *t = &c->t[c->count];
        t->dtype = dtype_of(c->kind, wanted->dtype, random);
        t->rank = (uint32_t)strlen(wanted->shape);
        for (uint32_t d = 0; d < t->rank; d++) {
            t->size[d] = c->size[(unsigned char)wanted->shape[d]];
        }
        place(w, c, random, wanted, t);
        c->p[c->count] = wanted->optional && hostile_chance(random, 2) ? NULL : t;
    }
}

/* ---- and wrong ones */

static void spoil_tensor(hostile_world *w, hostile_call *c, random_state *random)
{
    const uint64_t i = random_below(random, (uint64_t)c->count);
    clx_tensor *t = &c->t[i];
    const uint64_t d = random_below(random, CLX_MAX_RANK);
    switch (random_below(random, 12)) {
    case 0:
        c->p[i] = NULL;
        break;
    case 1:
        t->mem = w->buffers[random_below(random, HOSTILE_BUFFERS)];
        break;
    case 2:
        t->mem = NULL;
        break;
    case 3:
        t->offset = hostile_u64(random);
        break;
    case 4:
        t->dtype = hostile_dtype(random);
        break;
    case 5:
        t->rank = hostile_chance(random, 2) ? (uint32_t)hostile_u64(random) : (uint32_t)random_below(random, 6);
        break;
    case 6:
        t->size[d] = hostile_u64(random);
        break;
    case 7:
        t->size[d] += random_below(random, 3) - 1;
        break;
    case 8:
        t->stride[d] = hostile_i64(random);
        break;
    case 9:
        t->stride[d] += (int64_t)random_below(random, 5) - 2;
        break;
    case 10:
        c->p[i] = &c->t[random_below(random, (uint64_t)c->count)]; /* twice the same */
        break;
    default:
        t->offset = c->t[random_below(random, (uint64_t)c->count)].offset; /* over another one */
        break;
    }
}

/* A size that all tensors agree on. */
static void spoil_size(hostile_call *c, random_state *random)
{
    static const char letters[] = "BHSGTLKVRFX";
    const char letter = letters[random_below(random, sizeof letters - 1)];
    const uint64_t value = hostile_u64(random);
    for (int i = 0; i < c->count; i++) {
        const char *shape = c->kind->tensors[i].shape;
        for (size_t d = 0; shape[d] != '\0'; d++) {
            if (shape[d] == letter) c->t[i].size[d] = value;
            if (shape[d] == letter && !c->kind->tensors[i].output && hostile_chance(random, 2)) c->t[i].stride[d] = 0;
        }
    }
}

static void spoil_launch(hostile_world *w, hostile_call *c, random_state *random)
{
    clx_launch *launch = &c->launch;
    switch (random_below(random, 8)) {
    case 0:
        c->no_launch = true;
        break;
    case 1:
        launch->queue = hostile_chance(random, 2) ? NULL : w->other_queue;
        break;
    case 2:
        launch->wait_list = NULL;
        launch->wait_count = (cl_uint)hostile_u64(random);
        break;
    case 3:
        c->wait_list[random_below(random, 3)] = hostile_chance(random, 2) ? NULL : w->other_event;
        launch->wait_count = 3;
        break;
    case 4:
        launch->workspace = w->buffers[random_below(random, HOSTILE_BUFFERS)];
        break;
    case 5:
        launch->workspace = w->workspace;
        launch->workspace_offset = hostile_u64(random);
        break;
    case 6:
        launch->struct_size = (size_t)hostile_u64(random);
        break;
    default:
        launch->event = NULL;
        break;
    }
}

static void spoil(hostile_world *w, hostile_call *c, random_state *random)
{
    switch (random_below(random, 10)) {
    case 0:
        c->start = hostile_i64(random);
        break;
    case 1:
        c->struct_size_error = (size_t)hostile_u64(random);
        break;
    case 2:
    case 3:
        spoil_launch(w, c, random);
        break;
    case 4:
    case 5:
        spoil_size(c, random);
        break;
    case 6:
        if (hostile_chance(random, 20)) c->op = NULL;
        spoil_tensor(w, c, random);
        break;
    default:
        spoil_tensor(w, c, random);
        break;
    }
}

void hostile_call_make(hostile_world *w, random_state *random, int spoils, hostile_call *c)
{
    const uint64_t kind = random_below(random, HOSTILE_KINDS);
    const clx_launch launch = CLX_LAUNCH_INIT;
    memset(c, 0, sizeof *c);
    c->kind = &hostile_kinds[kind];
    c->op = w->ops[kind];
    choose_sizes(c, random);
    make_tensors(w, c, random);
    c->launch = launch;
    c->launch.queue = hostile_chance(random, 2) ? w->queue : w->any_order;
    for (int i = 0; i < 3; i++) {
        c->wait_list[i] = w->event;
    }
    c->launch.wait_list = c->wait_list;
    c->launch.wait_count = (cl_uint)random_below(random, 4);
    c->launch.event = &c->event;
    if (hostile_chance(random, 3)) {
        c->launch.workspace = w->workspace;
        c->launch.workspace_offset = 64 * random_below(random, 100);
    }
    c->spoils = spoils;
    for (int i = 0; i < spoils; i++) {
        spoil(w, c, random);
    }
}

clx_status hostile_call_do(hostile_call *c, clx_error *error)
{
    return c->kind->enqueue(c->op, c->no_launch ? NULL : &c->launch, c->p, c->start, c->struct_size_error, error);
}

void hostile_call_mark_outputs(const hostile_call *c, unsigned char *marks, size_t bytes)
{
    memset(marks, 0, bytes);
    for (int i = 0; i < c->count; i++) {
        const clx_tensor *t = c->p[i];
        if (t == NULL || !c->kind->tensors[i].output) continue;
        const size_t size = clx_dtype_size_bytes(t->dtype);
        uint64_t count = 1;
        for (uint32_t d = 0; d < t->rank; d++) {
            count *= t->size[d];
        }
        for (uint64_t e = 0; e < count; e++) {
            uint64_t rest = e, at = t->offset;
            for (uint32_t d = t->rank; d-- > 0; rest /= t->size[d]) {
                at += (uint64_t)((int64_t)(rest % t->size[d]) * t->stride[d]);
            }
            memset(marks + at * size, 1, size);
        }
    }
}
