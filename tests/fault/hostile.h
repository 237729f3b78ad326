/* SPDX-License-Identifier: Apache-2.0
 *
 * Random calls, most of them wrong: what the tests of hostile calls are made of. A call begins as a right one, of random
 * small sizes and layouts, and then some of it is spoilt. */
#ifndef TEST_FAULT_HOSTILE_H
#define TEST_FAULT_HOSTILE_H

#include "support/support.h"

#define HOSTILE_TENSORS 26
#define HOSTILE_BUFFERS 8

/* ---- Values that code gets wrong. */

uint64_t hostile_u64(random_state *random);
int64_t hostile_i64(random_state *random);
double hostile_double(random_state *random);
int hostile_enum(random_state *random); /* mostly small, often no enumerator */
clx_dtype hostile_dtype(random_state *random);
bool hostile_chance(random_state *random, uint64_t one_in);

/* ---- Calls of the operators. */

/* A tensor's shape, by letters: B NH=H S K=DHQK V=DHV, G=heads of k and v, T=S_kv, R=half of the rotary dimension, L=rows of
 * tables, F f=features of q and of v, X Y=features of both gate inputs together and of one, 8=statistics. Its dtype: x=of
 * the inputs, o=of the output, g=of gates, p=of parameters, s=of the state, t=of tables; always b=bool, i=positions, f=f32. */
typedef struct hostile_tensor {
    const char *shape;
    char dtype;
    bool output;
    bool optional; /* a call may do without */
} hostile_tensor;

typedef struct hostile_kind {
    const char *name;
    const hostile_tensor *tensors; /* up to one whose shape is NULL */
    clx_status (*create)(clx_context *context, void **op, clx_error *error);
    clx_status (*enqueue)(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                          size_t struct_size_error, clx_error *error);
    clx_status (*workspace_size)(void *op, const uint64_t *sizes, uint64_t *size_bytes, clx_error *error);
    void (*destroy)(void *op);
    const char *(*variant)(const void *op);
    uint64_t K, V, R;   /* DHQK, DHV (or D), half of the rotary dimension */
    const char *dtypes; /* a letter of a class, then its clx_dtype: "x1o1" is f32 in and out */
} hostile_kind;

enum { HOSTILE_KINDS = 18 };
extern const hostile_kind hostile_kinds[HOSTILE_KINDS];

/* ---- Descriptors: one call that creates something on a context that lists programs. Returns what the library returned;
 * *made says whether it gave an object. Nothing is left. */
void hostile_config(random_state *random, clx_mlstm_cell_config *config);
clx_status hostile_create(random_state *random, clx_context *context, bool *made, clx_error *error);

#endif
