/* SPDX-License-Identifier: Apache-2.0
 *
 * Problems of the mLSTM operator on the device. */
#include "support/mlstm_problem.h"
#include "support/views.h"

#include <stdlib.h>
#include <string.h>

mlstm_layout mlstm_layout_bhsd(const mlstm_problem *p)
{
    mlstm_layout layout;
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        layout.view[i] = mlstm_view(p, i);
        layout.buffer[i] = i;
    }
    return layout;
}

mlstm_layout mlstm_layout_bshd(const mlstm_problem *p)
{
    static const uint32_t order[] = {0, 2, 1, 3};
    mlstm_layout layout = mlstm_layout_bhsd(p);
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        clx_tensor *view = &layout.view[i];
        if (i != MLSTM_MASK) *view = view_ordered(view->dtype, view->rank, view->size, order, 0);
    }
    return layout;
}

static void set_args(mlstm_tensors *tensors, bool mask)
{
    const clx_tensor *view = tensors->layout.view;
    tensors->args = (clx_mlstm_args)CLX_MLSTM_ARGS_INIT;
    tensors->args.q = &view[MLSTM_Q];
    tensors->args.k = &view[MLSTM_K];
    tensors->args.v = &view[MLSTM_V];
    tensors->args.igate = &view[MLSTM_I];
    tensors->args.fgate = &view[MLSTM_F];
    tensors->args.mask = mask ? &view[MLSTM_MASK] : NULL;
    tensors->args.h = &view[MLSTM_H];
}

void mlstm_place(const mlstm_problem *p, const mlstm_layout *layout, mlstm_buffer_fn make, mlstm_tensors *out)
{
    *out = (mlstm_tensors){.layout = *layout};
    const bool mask = p->value[MLSTM_MASK] != NULL;
    for (int i = 0; i < MLSTM_TENSORS; i++) {
        const size_t needed = view_size_bytes(&layout->view[i]);
        size_t *size = &out->size_bytes[layout->buffer[i]];
        if ((i != MLSTM_MASK || mask) && needed > *size) *size = needed;
    }
    for (int b = 0; b < MLSTM_TENSORS; b++) {
        if (out->size_bytes[b] == 0) continue;
        out->image[b] = malloc(out->size_bytes[b]);
        ck_assert_ptr_nonnull(out->image[b]);
        memset(out->image[b], 0xff, out->size_bytes[b]);
    }
    for (int i = 0; i < MLSTM_INPUTS; i++)
        if (p->value[i] != NULL) view_put(&layout->view[i], out->image[layout->buffer[i]], p->value[i]);
    for (int b = 0; b < MLSTM_TENSORS; b++)
        if (out->size_bytes[b] != 0)
            out->mem[b] = (make != NULL ? make : buffer_make)(out->size_bytes[b], out->image[b]);
    for (int i = 0; i < MLSTM_TENSORS; i++)
        out->layout.view[i].mem = out->mem[layout->buffer[i]];
    set_args(out, mask);
}

void mlstm_tensors_free(mlstm_tensors *tensors)
{
    for (int b = 0; b < MLSTM_TENSORS; b++) {
        buffer_free(tensors->mem[b]);
        free(tensors->image[b]);
    }
    *tensors = (mlstm_tensors){0};
}

void mlstm_fetch(mlstm_tensors *tensors, double *h)
{
    const clx_tensor *view = &tensors->layout.view[MLSTM_H];
    for (int b = 0; b < MLSTM_TENSORS; b++) {
        const size_t size = tensors->size_bytes[b];
        if (size == 0) continue;
        unsigned char *now = malloc(size);
        ck_assert_ptr_nonnull(now);
        buffer_read(tensors->mem[b], 0, size, now);
        if (tensors->layout.buffer[MLSTM_H] == b) {
            view_get(view, now, h);
            view_fill(view, now, 0xff);
        }
        size_t i = 0;
        while (i < size && now[i] == tensors->image[b][i])
            i++;
        ck_assert_msg(i == size, "byte %zu of buffer %d was overwritten", i, b);
        free(now);
    }
}

void mlstm_spoil(mlstm_tensors *tensors)
{
    const int b = tensors->layout.buffer[MLSTM_H];
    buffer_write(tensors->mem[b], 0, tensors->size_bytes[b], tensors->image[b]);
}

clx_mlstm *mlstm_make(const mlstm_problem *p)
{
    clx_mlstm *op = NULL;
    expect_ok(clx_mlstm_create(device.context, &p->desc, &op, &test_error));
    return op;
}

double *mlstm_run(clx_mlstm *op, const mlstm_problem *p, const mlstm_layout *layout, mlstm_buffer_fn make)
{
    mlstm_tensors tensors;
    clx_launch launch = CLX_LAUNCH_INIT;
    double *h = malloc((size_t)(p->B * p->NH * p->S * p->desc.DHV + 1) * sizeof *h);
    ck_assert_ptr_nonnull(h);
    mlstm_place(p, layout, make, &tensors);
    launch.queue = device.queue;
    expect_ok(clx_mlstm_enqueue(op, &launch, &tensors.args, &test_error));
    mlstm_fetch(&tensors, h);
    mlstm_tensors_free(&tensors);
    return h;
}

void mlstm_check(clx_mlstm *op, const mlstm_problem *p, const mlstm_layout *layout, const char *what)
{
    mlstm_reference reference = mlstm_refer(p);
    double *h = mlstm_run(op, p, layout, NULL);
    mlstm_judge(p, &reference, h, what);
    mlstm_reference_free(&reference);
    free(h);
}
