/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault injection: the first OpenCL call of a whole life of an operator, or of the cell that is made of many, fails, then
 * the second, and so on until none does. Each time the library reports it, or does without, and holds nothing afterwards;
 * and it holds nothing against a kernel variant that was on trial. */
#include "layer.h"
#include "support/support.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define B 1
#define NH 2
#define S 20
#define D 8
#define COUNT (B * NH * S * D)

static fault_state *fault;
static char *folder;

/* The caller's side of a call: made before the faults begin, and looked at behind them. */
typedef struct caller {
    cl_context cl;
    cl_device_id id;
    cl_command_queue queue;
    cl_mem qkv;
    cl_mem gates;
    cl_mem h;
    cl_mem statistics;
    float expected[COUNT];
    char variant[128]; /* of the last operator made */
    char best[128];    /* without faults */
} caller;

static caller own;

static void make_caller(void)
{
    float data[COUNT];
    cl_int code = CL_SUCCESS;
    random_state random = random_start(11);
    for (int i = 0; i < COUNT; i++) {
        data[i] = random_normal(&random);
    }
    device_open(NULL); /* chooses the device */
    own.id = device.id;
    device_close();
    own.cl = clCreateContext(NULL, 1, &own.id, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    own.queue = clCreateCommandQueue(own.cl, own.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code != CL_SUCCESS) own.queue = clCreateCommandQueue(own.cl, own.id, 0, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    device.cl = own.cl;
    device.queue = own.queue;
    own.qkv = buffer_make(sizeof data, data);
    own.gates = buffer_make(sizeof data, data);
    own.h = buffer_make(sizeof data, NULL);
    own.statistics = buffer_make(CLX_GATE_STATISTIC_COUNT * sizeof(float), NULL);
}

static void load_layer(void)
{
#ifdef FAULT_LAYER
    setenv("OPENCL_LAYERS", FAULT_LAYER, 1);
    clGetPlatformIDs(0, NULL, NULL); /* starts the loader */
    void *library = dlopen(FAULT_LAYER, RTLD_NOW | RTLD_NOLOAD);
    if (library != NULL) fault = dlsym(library, FAULT_CONTROL);
#endif
}

static void open_sweep(void)
{
    folder = folder_fresh("fault-cache");
    load_layer();
    if (fault != NULL) make_caller();
}

static void close_sweep(void)
{
    if (fault != NULL) {
        buffer_free(own.qkv);
        buffer_free(own.gates);
        buffer_free(own.h);
        buffer_free(own.statistics);
        clReleaseCommandQueue(own.queue);
        clReleaseContext(own.cl);
        ck_assert_int_eq(fault->live, 0);
    }
    folder_drop(folder);
    clx_error_clear(&test_error);
}

/* Makes an operator, enqueues it unless `done` is NULL, and destroys it. */
typedef clx_status (*life_part)(clx_context *context, cl_event *done);

typedef struct life {
    life_part use;
    bool callers_context; /* else the library chooses the device and makes its own */
    bool cache;
    bool fresh_cache; /* emptied each time, so that programs are compiled and stored */
    bool sticky;
    int code;
    int stride; /* every how many calls one fails: lives that compile are slow. CLX_FAULT_FULL=1: every one */
} life;

static void note_variant(const char *variant)
{
    snprintf(own.variant, sizeof own.variant, "%s", variant);
}

static clx_status enqueue_mlstm(clx_mlstm *op, cl_event *done)
{
    clx_tensor q = clx_tensor_bhsd(own.qkv, CLX_F32, B, NH, S, D);
    const uint64_t gate_size[3] = {B, NH, S};
    clx_tensor gate = clx_tensor_dense(own.gates, CLX_F32, 3, gate_size);
    clx_tensor h = clx_tensor_bhsd(own.h, CLX_F32, B, NH, S, D);
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    args.q = args.k = args.v = &q;
    args.igate = args.fgate = &gate;
    args.h = &h;
    launch.queue = own.queue;
    launch.event = done;
    return clx_mlstm_enqueue(op, &launch, &args, &test_error);
}

static clx_status use_mlstm(clx_context *context, cl_event *done)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    clx_mlstm *op = NULL;
    desc.DHQK = desc.DHV = D;
    clx_status status = clx_mlstm_create(context, &desc, &op, &test_error);
    ck_assert_int_eq(status == CLX_OK, op != NULL);
    if (status == CLX_OK) note_variant(clx_mlstm_variant(op));
    if (status == CLX_OK && done != NULL) status = enqueue_mlstm(op, done);
    clx_mlstm_destroy(op);
    return status;
}

static clx_status enqueue_cell(clx_mlstm_cell *cell, cl_event *done)
{
    const uint64_t features[3] = {B, S, NH * D}, kernel_size[2] = {3 * NH * D, NH}, norm_size[2] = {NH, D};
    const uint64_t statistics_size[1] = {CLX_GATE_STATISTIC_COUNT};
    const clx_tensor x = clx_tensor_dense(own.qkv, CLX_F32, 3, features);
    const clx_tensor h = clx_tensor_dense(own.h, CLX_F32, 3, features);
    const clx_tensor kernel = clx_tensor_dense(own.gates, CLX_F32, 2, kernel_size);
    const clx_tensor bias = clx_tensor_dense(own.gates, CLX_F32, 1, norm_size);
    const clx_tensor norm = clx_tensor_dense(own.gates, CLX_F32, 2, norm_size);
    const clx_tensor qk_norm = clx_tensor_dense(own.gates, CLX_F32, 1, norm_size + 1);
    const clx_tensor statistics = clx_tensor_dense(own.statistics, CLX_F32, 1, statistics_size);
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    args.q = args.k = args.v = &x;
    args.igate_kernel = args.fgate_kernel = &kernel;
    args.igate_bias = args.fgate_bias = &bias;
    args.outnorm_scale = &norm;
    args.q_norm_scale = args.k_norm_scale = &qk_norm;
    args.h = &h;
    args.statistics = &statistics;
    launch.queue = own.queue;
    launch.event = done;
    return clx_mlstm_cell_enqueue(cell, &launch, &args, &test_error);
}

static clx_status use_cell(clx_context *context, cl_event *done)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    clx_mlstm_cell *cell = NULL;
    config.num_heads = NH;
    config.dtype = CLX_F32;
    config.add_qk_norm = 1;
    desc.config = &config;
    desc.DHQK = desc.DHV = D;
    clx_status status = clx_mlstm_cell_create(context, &desc, &cell, &test_error);
    ck_assert_int_eq(status == CLX_OK, cell != NULL);
    if (status == CLX_OK) note_variant(clx_mlstm_cell_variant(cell));
    if (status == CLX_OK && done != NULL) status = enqueue_cell(cell, done);
    clx_mlstm_cell_destroy(cell);
    return status;
}

/* Context, operator, call, and all of it away again. */
static clx_status live_once(const life *how, cl_event *done)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    options.cache_dir = folder;
    options.cache_off = !how->cache;
    if (how->callers_context) {
        options.context = own.cl;
        options.device = own.id;
    }
    clx_status status = clx_context_create(&context, &options, &test_error);
    ck_assert_int_eq(status == CLX_OK, context != NULL);
    if (status == CLX_OK) status = how->use(context, how->callers_context ? done : NULL);
    clx_context_destroy(context);
    return status;
}

/* A fault may have led to another kernel variant, which rounds in its own way. */
static void expect_result(const char *hit)
{
    float h[COUNT];
    buffer_read(own.h, 0, sizeof h, h);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_msg(fabsf(h[i] - own.expected[i]) <= 1e-3f * (1 + fabsf(own.expected[i])),
                      "%s failed, and h[%d] is %g, expected %g", hit, i, (double)h[i], (double)own.expected[i]);
    }
}

/* With the cache as a fault has left it. */
static void expect_best_variant(const life *how, const char *hit, int at)
{
    cl_event done = NULL;
    expect_ok(live_once(how, &done));
    clReleaseEvent(done);
    ck_assert_msg(strcmp(own.variant, own.best) == 0, "%s (call %d) failed, and from then on %s takes the place of %s",
                  hit, at, own.variant, own.best);
}

/* With call number `at` failing. False where the life has fewer calls. */
static bool step(const life *how, int at, const char *name)
{
    float poison[COUNT];
    cl_event done = NULL;
    memset(poison, 0xff, sizeof poison);
    buffer_write(own.h, 0, sizeof poison, poison);
    int before = fault->live;
    *fault = (fault_state){true, at, how->sticky, how->code, 0, before, NULL};
    clx_error_clear(&test_error);
    clx_status status = live_once(how, &done);
    fault->armed = false;
    const char *hit = fault->hit;
    if (status != CLX_OK) {
        ck_assert_msg(hit != NULL, "%s: %s without a fault: %s", name, clx_status_name(status), test_error.message);
        ck_assert_int_eq(status, test_error.status);
        ck_assert_msg(test_error.message[0] != '\0', "%s: %s failed, and the message is empty", name, hit);
        ck_assert_msg(done == NULL, "%s: %s failed, and there is an event", name, hit);
    }
    clFinish(own.queue);
    if (done != NULL) clReleaseEvent(done);
    ck_assert_msg(fault->live == before, "%s: %s (call %d) failed, and %d objects are left", name, hit, at,
                  fault->live - before);
    if (status == CLX_OK && how->callers_context) expect_result(hit);
    if (how->fresh_cache) expect_best_variant(how, hit, at);
    return hit != NULL;
}

START_TEST(sweep)
{
    static const struct {
        const char *name;
        life how;
    } rows[] = {
        {"own context", {use_mlstm, false, true, false, false, CL_OUT_OF_RESOURCES, 1}},
        {"mlstm, warm cache", {use_mlstm, true, true, false, false, CL_OUT_OF_RESOURCES, 1}},
        {"mlstm, warm cache, sticky", {use_mlstm, true, true, false, true, CL_OUT_OF_HOST_MEMORY, 1}},
        {"mlstm, no cache", {use_mlstm, true, false, false, false, CL_MEM_OBJECT_ALLOCATION_FAILURE, 9}},
        {"mlstm, cold cache", {use_mlstm, true, true, true, false, CL_INVALID_VALUE, 13}},
        {"cell, warm cache", {use_cell, true, true, false, false, CL_OUT_OF_RESOURCES, 2}},
        {"cell, warm cache, sticky", {use_cell, true, true, false, true, CL_OUT_OF_HOST_MEMORY, 5}},
        {"cell, no cache", {use_cell, true, false, false, false, CL_MEM_OBJECT_ALLOCATION_FAILURE, 61}},
    };
    const life *how = &rows[_i].how;
    const life calm = {how->use, true, true, false, false, CL_SUCCESS, 1};
    cl_event done = NULL;
    if (fault == NULL) return; /* no layers here */
    expect_ok(live_once(&calm, &done));
    ck_assert_int_eq(clWaitForEvents(1, &done), CL_SUCCESS);
    clReleaseEvent(done);
    memcpy(own.best, own.variant, sizeof own.best);
    buffer_read(own.h, 0, sizeof own.expected, own.expected);
    int stride = getenv("CLX_FAULT_FULL") != NULL ? 1 : how->stride;
    int at = 1;
    for (; step(how, at, rows[_i].name); at += stride) {
        if (how->fresh_cache) folder_empty(folder);
    }
    printf("%s: up to call %d\n", rows[_i].name, at - 1);
    ck_assert_int_gt(at, 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sweep");
    TCase *tcase = suite_case(suite, "sweep", 300);
    tcase_add_checked_fixture(tcase, open_sweep, close_sweep);
    tcase_add_loop_test(tcase, sweep, 0, 8);
    return suite_run(suite);
}
