/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operator of the library on a small fixed problem, behind one interface: for tests to which it does not matter what
 * is computed, as long as it is the same each time. Faults, threads, endurance. */
#ifndef TEST_SUPPORT_LIVES_H
#define TEST_SUPPORT_LIVES_H

#include "support/support.h"

#define LIFE_TENSORS 20

/* A state is read and written in place. */
typedef enum life_role { LIFE_NONE, LIFE_IN, LIFE_OUT, LIFE_STATE } life_role;

typedef struct life_tensor {
    life_role role;
    uint32_t rank;
    uint64_t size[CLX_MAX_RANK];
} life_tensor;

/* All tensors are f32. */
typedef struct life_kind {
    const char *name;
    bool made_as_next; /* the same operator as in the next row, only called in another way */
    bool one_launch;   /* a call that fails, for whatever reason, has changed nothing */
    life_tensor tensors[LIFE_TENSORS];
    clx_status (*create)(clx_context *context, void **op, clx_error *error);
    clx_status (*enqueue)(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error);
    void (*destroy)(void *op);
    const char *(*variant)(const void *op);
} life_kind;

enum { LIFE_KINDS = 12 };
extern const life_kind life_kinds[LIFE_KINDS];

/* The tensors of one call in buffers of their own, and what each held at first. */
typedef struct life_memory {
    const life_kind *kind;
    cl_command_queue queue;
    clx_tensor t[LIFE_TENSORS];
    size_t count[LIFE_TENSORS]; /* elements */
    float *start[LIFE_TENSORS];
} life_memory;

/* The calls of OpenCL are the caller's own: they may fail, and `false` says so. */
bool life_make(life_memory *memory, const life_kind *kind, cl_context context, cl_command_queue queue);
/* The same of another batch and length: operators take any. */
bool life_make_sized(life_memory *memory, const life_kind *kind, uint64_t batch, uint64_t length, cl_context context,
                     cl_command_queue queue);
bool life_reset(life_memory *memory);
void life_free(life_memory *memory);

/* What a call has left in outputs and states, one after another, malloc'ed; NULL where that cannot be read. */
float *life_results(const life_memory *memory, size_t *count);

/* Is a tensor of these roles other than it was at first? Its number, -1: none, -2: cannot be read. */
int life_changed(const life_memory *memory, bool inputs, bool others);

#endif
