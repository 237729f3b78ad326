/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators' small lives; see the header. */
#include "support/lives.h"

#include <stdlib.h>
#include <string.h>

/* B and S differ from all other sizes of the table: life_make_sized finds them by their values. */
#define B 1
#define NH 2
#define S 20
#define DH 8
#define F (NH * DH) /* features */

/* clang-format off */
#define IN(...) {LIFE_IN, SIZES(__VA_ARGS__)}
#define OUT(...) {LIFE_OUT, SIZES(__VA_ARGS__)}
#define STATE(...) {LIFE_STATE, SIZES(__VA_ARGS__)}
#define SIZES(...) sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), {__VA_ARGS__}
/* clang-format on */

#define HEADS B, NH, S, DH
#define GATES B, NH, S
#define STATE_C B, NH, DH, DH
#define STATE_N B, NH, DH
#define STATE_M B, NH

/* ---- mLSTM */

static clx_status create_mlstm(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = desc.DHV = DH;
    return clx_mlstm_create(context, &desc, (clx_mlstm **)op, error);
}

static clx_status create_mlstm_state(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = desc.DHV = DH;
    desc.return_state = 1;
    return clx_mlstm_create(context, &desc, (clx_mlstm **)op, error);
}

static clx_status enqueue_mlstm(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    args.q = &t[0], args.k = &t[1], args.v = &t[2], args.igate = &t[3], args.fgate = &t[4], args.h = &t[5];
    if (t[6].mem != NULL) args.C = &t[6], args.n = &t[7], args.m = &t[8];
    return clx_mlstm_enqueue(op, launch, &args, error);
}

static void destroy_mlstm(void *op)
{
    clx_mlstm_destroy(op);
}

static const char *variant_mlstm(const void *op)
{
    return clx_mlstm_variant(op);
}

/* ---- recurrent */

static clx_status create_recurrent(clx_context *context, void **op, clx_error *error)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.DHQK = desc.DHV = DH;
    return clx_recurrent_create(context, &desc, (clx_recurrent **)op, error);
}

static clx_recurrent_args recurrent_args(const clx_tensor *t)
{
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    args.q = &t[0], args.k = &t[1], args.v = &t[2], args.igate = &t[3], args.fgate = &t[4], args.h = &t[5];
    args.C = args.C_out = &t[6], args.n = args.n_out = &t[7], args.m = args.m_out = &t[8];
    return args;
}

static clx_status enqueue_sequence(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    const clx_recurrent_args args = recurrent_args(t);
    return clx_recurrent_enqueue(op, launch, &args, error);
}

static clx_status enqueue_step(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    const clx_recurrent_args args = recurrent_args(t);
    return clx_recurrent_step_enqueue(op, launch, &args, error);
}

static void destroy_recurrent(void *op)
{
    clx_recurrent_destroy(op);
}

static const char *variant_recurrent(const void *op)
{
    return clx_recurrent_variant(op);
}

/* ---- rotary */

static clx_status create_rotary(clx_context *context, void **op, clx_error *error)
{
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.D = DH;
    return clx_rotary_create(context, &desc, (clx_rotary **)op, error);
}

static clx_status enqueue_tables(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    return clx_rotary_tables_enqueue(op, launch, 1000, &t[0], &t[1], error);
}

static clx_status enqueue_rotary(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    args.q = args.q_out = &t[0];
    args.k = &t[1], args.k_out = &t[2], args.sin = &t[3], args.cos = &t[4];
    return clx_rotary_enqueue(op, launch, &args, error);
}

static void destroy_rotary(void *op)
{
    clx_rotary_destroy(op);
}

static const char *variant_rotary(const void *op)
{
    return clx_rotary_variant(op);
}

/* ---- attention */

static clx_status create_attention(clx_context *context, void **op, clx_error *error)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = desc.DHV = DH;
    return clx_attention_create(context, &desc, (clx_attention **)op, error);
}

static clx_status enqueue_attention(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    args.q = &t[0], args.k = &t[1], args.v = &t[2], args.h = &t[3];
    return clx_attention_enqueue(op, launch, &args, error);
}

static clx_status enqueue_keys(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    return clx_attention_keys_enqueue(op, launch, &t[0], &t[1], 7, error);
}

static void destroy_attention(void *op)
{
    clx_attention_destroy(op);
}

static const char *variant_attention(const void *op)
{
    return clx_attention_variant(op);
}

/* ---- norm */

static clx_status create_norm(clx_context *context, void **op, clx_error *error)
{
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    desc.D = DH;
    return clx_norm_create(context, &desc, (clx_norm **)op, error);
}

static clx_status enqueue_norm(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    args.x = args.y = &t[0], args.weight = &t[1];
    return clx_norm_enqueue(op, launch, &args, error);
}

static void destroy_norm(void *op)
{
    clx_norm_destroy(op);
}

static const char *variant_norm(const void *op)
{
    return clx_norm_variant(op);
}

/* ---- cell */

static clx_status create_cell(clx_context *context, clx_mlstm_backend backend, void **op, clx_error *error)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    config.num_heads = NH;
    config.dtype = CLX_F32;
    config.add_qk_norm = 1;
    config.backend.name = backend;
    desc.config = &config;
    desc.DHQK = desc.DHV = DH;
    desc.return_state = backend == CLX_BACKEND_RECURRENT;
    return clx_mlstm_cell_create(context, &desc, (clx_mlstm_cell **)op, error);
}

static clx_status create_cell_parallel(clx_context *context, void **op, clx_error *error)
{
    return create_cell(context, CLX_BACKEND_PARALLEL_STABILIZED, op, error);
}

static clx_status create_cell_recurrent(clx_context *context, void **op, clx_error *error)
{
    return create_cell(context, CLX_BACKEND_RECURRENT, op, error);
}

static clx_status create_cell_attention(clx_context *context, void **op, clx_error *error)
{
    return create_cell(context, CLX_BACKEND_ATTENTION, op, error);
}

static clx_status enqueue_cell(void *op, const clx_launch *launch, const clx_tensor *t, clx_error *error)
{
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    args.q = &t[0], args.k = &t[1], args.v = &t[2];
    args.igate_kernel = &t[3], args.igate_bias = &t[4], args.fgate_kernel = &t[5], args.fgate_bias = &t[6];
    args.outnorm_scale = &t[7], args.q_norm_scale = &t[8], args.k_norm_scale = &t[9];
    args.h = &t[10], args.statistics = &t[11];
    if (t[12].mem != NULL) {
        args.C = args.C_out = &t[12], args.n = args.n_out = &t[13], args.m = args.m_out = &t[14];
    }
    return clx_mlstm_cell_enqueue(op, launch, &args, error);
}

static void destroy_cell(void *op)
{
    clx_mlstm_cell_destroy(op);
}

static const char *variant_cell(const void *op)
{
    return clx_mlstm_cell_variant(op);
}

/* ---- the table */

/* clang-format off */
#define SEQUENCE IN(HEADS), IN(HEADS), IN(HEADS), IN(GATES), IN(GATES), OUT(HEADS)
#define STEP IN(B, NH, DH), IN(B, NH, DH), IN(B, NH, DH), IN(B, NH), IN(B, NH), OUT(B, NH, DH)
#define STATES STATE(STATE_C), STATE(STATE_N), STATE(STATE_M)
#define CELL IN(B, S, F), IN(B, S, F), IN(B, S, F), IN(3 * F, NH), IN(NH), IN(3 * F, NH), IN(NH), \
             IN(NH, DH), IN(DH), IN(DH), OUT(B, S, F), OUT(CLX_GATE_STATISTIC_COUNT)

const life_kind life_kinds[LIFE_KINDS] = {
    {"mlstm", false, false, {SEQUENCE}, create_mlstm, enqueue_mlstm, destroy_mlstm, variant_mlstm},
    {"mlstm with state", false, false, {SEQUENCE, OUT(STATE_C), OUT(STATE_N), OUT(STATE_M)}, create_mlstm_state, enqueue_mlstm,
     destroy_mlstm, variant_mlstm},
    {"recurrent sequence", true, false, {SEQUENCE, STATES}, create_recurrent, enqueue_sequence, destroy_recurrent,
     variant_recurrent},
    {"recurrent step", false, true, {STEP, STATES}, create_recurrent, enqueue_step, destroy_recurrent, variant_recurrent},
    {"rotary tables", true, true, {OUT(S, DH / 2), OUT(S, DH / 2)}, create_rotary, enqueue_tables, destroy_rotary,
     variant_rotary},
    {"rotary", false, true, {STATE(HEADS), IN(HEADS), OUT(HEADS), IN(S, DH / 2), IN(S, DH / 2)}, create_rotary, enqueue_rotary,
     destroy_rotary, variant_rotary},
    {"attention keys", true, true, {IN(HEADS), OUT(HEADS)}, create_attention, enqueue_keys, destroy_attention,
     variant_attention},
    {"attention", false, false, {IN(HEADS), IN(HEADS), IN(HEADS), OUT(HEADS)}, create_attention, enqueue_attention,
     destroy_attention, variant_attention},
    {"norm", false, true, {STATE(HEADS), IN(NH, DH)}, create_norm, enqueue_norm, destroy_norm, variant_norm},
    {"cell", false, false, {CELL}, create_cell_parallel, enqueue_cell, destroy_cell, variant_cell},
    {"cell recurrent", false, false, {CELL, STATES}, create_cell_recurrent, enqueue_cell, destroy_cell, variant_cell},
    {"cell attention", false, false, {CELL}, create_cell_attention, enqueue_cell, destroy_cell, variant_cell},
};
/* clang-format on */

/* ---- memory */

/* Outputs begin as NaN, so that what nobody wrote shows. */
static void fill(float *value, size_t count, life_role role, random_state *random)
{
    if (role == LIFE_OUT) {
        memset(value, 0xff, count * sizeof *value);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        value[i] = random_normal(random);
    }
}

bool life_make(life_memory *memory, const life_kind *kind, cl_context context, cl_command_queue queue)
{
    return life_make_sized(memory, kind, B, S, context, queue);
}

bool life_make_sized(life_memory *memory, const life_kind *kind, uint64_t batch, uint64_t length, cl_context context,
                     cl_command_queue queue)
{
    random_state random = {17};
    memset(memory, 0, sizeof *memory);
    memory->kind = kind;
    memory->queue = queue;
    for (int i = 0; i < LIFE_TENSORS && kind->tensors[i].role != LIFE_NONE; i++) {
        life_tensor wanted = kind->tensors[i];
        cl_int code = CL_SUCCESS;
        size_t count = 1;
        for (uint32_t d = 0; d < wanted.rank; d++) {
            if (wanted.size[d] == B || wanted.size[d] == S) wanted.size[d] = wanted.size[d] == B ? batch : length;
            count *= (size_t)wanted.size[d];
        }
        memory->count[i] = count;
        memory->start[i] = malloc(count * sizeof(float));
        if (memory->start[i] == NULL) return false;
        fill(memory->start[i], count, wanted.role, &random);
        cl_mem mem = clCreateBuffer(context, CL_MEM_READ_WRITE, count * sizeof(float), NULL, &code);
        if (code != CL_SUCCESS) return false;
        memory->t[i] = clx_tensor_dense(mem, CLX_F32, wanted.rank, wanted.size);
    }
    return life_reset(memory);
}

bool life_reset(life_memory *memory)
{
    for (int i = 0; i < LIFE_TENSORS && memory->t[i].mem != NULL; i++) {
        if (clEnqueueWriteBuffer(memory->queue, memory->t[i].mem, CL_TRUE, 0, memory->count[i] * sizeof(float),
                                 memory->start[i], 0, NULL, NULL) != CL_SUCCESS) {
            return false;
        }
    }
    return clFinish(memory->queue) == CL_SUCCESS;
}

void life_free(life_memory *memory)
{
    for (int i = 0; i < LIFE_TENSORS; i++) {
        if (memory->t[i].mem != NULL) clReleaseMemObject(memory->t[i].mem);
        free(memory->start[i]);
    }
    memset(memory, 0, sizeof *memory);
}

static bool read_tensor(const life_memory *memory, int i, float *out)
{
    return clEnqueueReadBuffer(memory->queue, memory->t[i].mem, CL_TRUE, 0, memory->count[i] * sizeof(float), out, 0,
                               NULL, NULL) == CL_SUCCESS;
}

float *life_results(const life_memory *memory, size_t *count)
{
    float *all = NULL;
    *count = 0;
    for (int i = 0; i < LIFE_TENSORS && memory->t[i].mem != NULL; i++) {
        if (memory->kind->tensors[i].role == LIFE_IN) continue;
        float *more = realloc(all, (*count + memory->count[i]) * sizeof *all);
        if (more == NULL || !read_tensor(memory, i, more + *count)) {
            free(more != NULL ? more : all);
            return NULL;
        }
        all = more;
        *count += memory->count[i];
    }
    return all;
}

int life_changed(const life_memory *memory, bool inputs, bool others)
{
    for (int i = 0; i < LIFE_TENSORS && memory->t[i].mem != NULL; i++) {
        if (memory->kind->tensors[i].role == LIFE_IN ? !inputs : !others) continue;
        float *now = malloc(memory->count[i] * sizeof *now);
        if (now == NULL || !read_tensor(memory, i, now)) {
            free(now);
            return -2;
        }
        const bool same = memcmp(now, memory->start[i], memory->count[i] * sizeof *now) == 0;
        free(now);
        if (!same) return i;
    }
    return -1;
}
