/* SPDX-License-Identifier: Apache-2.0
 *
 * One call of an operator among the hostile ones, and the buffers that it may or may not use. */
#ifndef TEST_FAULT_HOSTILE_CALL_H
#define TEST_FAULT_HOSTILE_CALL_H

#include "hostile.h"

/* In order: where right calls have their tensors; a small one; read-only; write-only; a part of the first; of another
 * context; a tiny one; an image. */
enum {
    HOSTILE_FIRST_BYTES = 64 << 10,
    HOSTILE_SMALL_BYTES = 4 << 10,
    HOSTILE_SUB_BEGIN = 1 << 10,
    HOSTILE_SUB_BYTES = 8 << 10,
    HOSTILE_TINY_BYTES = 64
};

/* What there is to be passed. */
typedef struct hostile_world {
    clx_context *context;
    cl_context cl, other_cl;
    cl_device_id id;
    cl_command_queue queue, any_order, other_queue; /* the last is of the other context */
    cl_event event, other_event;                    /* complete */
    cl_event pending;                               /* completes with the world's end */
    cl_mem buffers[HOSTILE_BUFFERS];
    cl_mem workspace;
    size_t bytes;          /* of the first buffer, where right calls have their tensors */
    unsigned char *before; /* what it holds between calls */
    void *ops[HOSTILE_KINDS];
} hostile_world;

void hostile_world_open(hostile_world *world);
void hostile_world_close(hostile_world *world);

typedef struct hostile_call {
    const hostile_kind *kind;
    void *op;
    uint64_t size[128]; /* by the letters of shapes */
    clx_tensor t[HOSTILE_TENSORS];
    const clx_tensor *p[HOSTILE_TENSORS]; /* what is passed: &t[i], another, or NULL */
    int count;                            /* of the kind's tensors */
    size_t used;                          /* bytes of the first buffer */
    int64_t start;
    size_t struct_size_error;
    clx_launch launch;
    bool no_launch;
    cl_event wait_list[3];
    cl_event event;
    int spoils; /* how much is wrong */
} hostile_call;

/* A right call of a random kind, then one with `spoils` things changed at random. */
void hostile_call_make(hostile_world *world, random_state *random, int spoils, hostile_call *call);

clx_status hostile_call_do(hostile_call *call, clx_error *error);

/* May a call that was accepted run? Every tensor lies in its buffer, outputs in memory of their own, written once. NULL, or
 * what is wrong. (Views of many elements are looked at from outside only.) */
const char *hostile_call_why_not(const hostile_world *world, const hostile_call *call);

/* Marks the bytes of the first buffer that the call's outputs are. */
void hostile_call_mark_outputs(const hostile_call *call, unsigned char *marks, size_t bytes);

#endif
