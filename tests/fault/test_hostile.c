/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile calls: random descriptors, views and arguments for every public function, most of them wrong. Each gives a status
 * with a message, or success; nothing crashes, hangs, or touches memory that it was not given. Made for sanitizers.
 *
 * The layer keeps launches from the driver, so that a call that is accepted, however large, costs nothing; right calls
 * are also run, and may write nothing but their outputs. CLX_HOSTILE_CALLS says how many calls are made. */
#include "hostile_call.h"
#include "layer.h"
#include "runtime/context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#define HAVE_DLPACK
#endif

static hostile_world world;
static fault_state *fault;
static random_state chance;
static clx_error error;
static long calls, accepted;

/* Without ck_assert's note of each place that was passed, which would take most of the time. */
#define demand(condition, ...)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) ck_abort_msg(__VA_ARGS__);                                                                   \
    } while (0)

static long calls_wanted(void)
{
    const char *text = getenv("CLX_HOSTILE_CALLS");
    return text != NULL ? strtol(text, NULL, 10) : 100000;
}

static void open_world(void)
{
    fault = fault_load();
    if (fault == NULL) return;
    hostile_world_open(&world);
    chance = random_start(23);
}

static void close_world(void)
{
    if (fault == NULL) return;
    clx_error_clear(&error);
    hostile_world_close(&world);
    ck_assert_int_eq(fault->live, 0);
}

/* What every function promises of its status and its record. */
static bool expect_answer(clx_status status, const char *what)
{
    calls++;
    demand(strcmp(clx_status_name(status), "CLX_ERR_?") != 0, "%s: status %d", what, (int)status);
    demand(status == error.status, "%s: %s, and the record says %s", what, clx_status_name(status),
           clx_status_name(error.status));
    const size_t length = strnlen(error.message, sizeof error.message);
    demand(length < sizeof error.message, "%s: the message does not end", what);
    demand((status == CLX_OK) == (length == 0), "%s: %s with message '%s'", what, clx_status_name(status),
           error.message);
    demand(strchr(error.message, '\n') == NULL, "%s: a message of several lines: %s", what, error.message);
    demand(status != CLX_ERR_INTERNAL, "%s: %s", what, error.message);
    if (status != CLX_OK) clx_error_clear(&error);
    accepted += status == CLX_OK;
    return status == CLX_OK;
}

/* ---- enqueue */

/* Runs a right call: it is accepted, and writes its outputs only. */
static void run_right_call(void)
{
    static unsigned char after[64 << 10], marks[64 << 10];
    hostile_call c;
    hostile_call_make(&world, &chance, 0, &c);
    ck_assert_uint_le(world.bytes, sizeof after);
    ck_assert_int_eq(
        clEnqueueWriteBuffer(world.queue, world.buffers[0], CL_TRUE, 0, world.bytes, world.before, 0, NULL, NULL),
        CL_SUCCESS);
    fault->dry = false;
    const clx_status status = hostile_call_do(&c, &error);
    fault->dry = true;
    demand(status == CLX_OK, "%s: a right call is refused: %s", c.kind->name, error.message);
    expect_answer(status, c.kind->name);
    ck_assert_int_eq(clWaitForEvents(1, &c.event), CL_SUCCESS);
    clReleaseEvent(c.event);
    ck_assert_int_eq(clEnqueueReadBuffer(world.queue, world.buffers[0], CL_TRUE, 0, world.bytes, after, 0, NULL, NULL),
                     CL_SUCCESS);
    hostile_call_mark_outputs(&c, marks, world.bytes);
    for (size_t i = 0; i < world.bytes; i++) {
        demand(marks[i] || after[i] == world.before[i], "%s: byte %zu is no output, and was written", c.kind->name, i);
    }
}

static void enqueue_something(void)
{
    hostile_call c;
    hostile_call_make(&world, &chance, (int)random_below(&chance, 4), &c);
    cl_event *event = c.launch.event;
    const clx_status status = hostile_call_do(&c, &error);
    if (c.spoils == 0) demand(status == CLX_OK, "%s: a right call is refused: %s", c.kind->name, error.message);
    const bool ok = expect_answer(status, c.kind->name);
    const char *reason = ok ? hostile_call_why_not(&world, &c) : NULL;
    demand(reason == NULL, "%s: accepted: %s", c.kind->name, reason);
    if (ok && event != NULL) demand(c.event != NULL, "%s: accepted, and no event", c.kind->name);
    if (!ok) demand(c.event == NULL, "%s: refused, and an event", c.kind->name);
    if (c.event != NULL) clReleaseEvent(c.event);
}

static void ask_workspace(void)
{
    uint64_t sizes[5], bytes = 7;
    const hostile_kind *kind = &hostile_kinds[random_below(&chance, HOSTILE_KINDS)];
    void *op = world.ops[kind - hostile_kinds];
    if (kind->workspace_size == NULL) return;
    for (int i = 0; i < 5; i++) {
        sizes[i] = hostile_u64(&chance);
    }
    uint64_t *where = hostile_chance(&chance, 100) ? NULL : &bytes;
    if (!expect_answer(kind->workspace_size(op, sizes, where, &error), kind->name))
        demand(bytes == 7, "%s: the size was set", kind->name);
    demand(kind->variant(op) != NULL, "%s: no variant", kind->name);
}

/* ---- create, on devices of several kinds that are not there */

static void create_something(void)
{
    static const clxi_caps devices[] = {
        {.usable = true,
         .is_cpu = true,
         .native_float_width = 8,
         .max_work_group = 4096,
         .local_bytes = 1 << 20,
         .compute_units = 8,
         .registers = 64},
        {.usable = true, .max_work_group = 1024, .local_bytes = 48 << 10, .compute_units = 8, .registers = 255},
        {.usable = true,
         .max_work_group = 1024,
         .local_bytes = 227 << 10,
         .compute_units = 8,
         .registers = 255,
         .nv_sm = 90},
        {.usable = true, .max_work_group = 32, .local_bytes = 32 << 10, .compute_units = 1, .registers = 64},
        {.usable = true,
         .max_work_group = 512,
         .local_bytes = 64 << 10,
         .compute_units = 32,
         .registers = 128,
         .subgroup = 8}};
    clxi_text lines = CLXI_TEXT_INIT;
    clxi_listing listing = {.lines = &lines, .family = "any"};
    clx_context context = {.launch_ms = INFINITY, .holders = 1, .listing = &listing};
    bool made = false;
    context.caps = devices[random_below(&chance, sizeof devices / sizeof *devices)];
    listing.best_only = hostile_chance(&chance, 2);
    demand(clxi_mutex_init(&context.mutex) == 0, "mutex");
    const bool ok = expect_answer(hostile_create(&chance, &context, &made, &error), "create");
    demand(ok == made, "create: the status does not fit the object");
    demand(context.holders == 1, "create: the context is held");
    clxi_mutex_destroy(&context.mutex);
    clxi_text_free(&lines);
}

/* ---- what needs no device */

static void use_config(void)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT, copy;
    char text[2000];
    size_t size = hostile_chance(&chance, 3) ? (size_t)random_below(&chance, sizeof text) : sizeof text;
    hostile_config(&chance, &config);
    const bool good = expect_answer(clx_mlstm_cell_config_check(&config, &error), "config_check");
    copy = config;
    if (!expect_answer(clx_mlstm_cell_config_to_json(&config, hostile_chance(&chance, 20) ? NULL : text, &size, &error),
                       "config_to_json")) {
        demand(memcmp(&copy, &config, sizeof copy) == 0, "config_to_json: the configuration was changed");
        return;
    }
    clx_mlstm_backend_assign_model_config_params(&config.backend, &config);
    if (size > sizeof text || memchr(text, '\0', size) == NULL) return; /* only its size was asked for */
    const size_t length = strlen(text);
    if (hostile_chance(&chance, 2) && length > 0) text[random_below(&chance, length)] = (char)random_bits(&chance);
    expect_answer(clx_mlstm_cell_config_from_json(text, &copy, &error), "config_from_json");
    (void)good;
}

static void init_cell(void)
{
    static float room[7][4096];
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_initial initial = CLX_MLSTM_CELL_INITIAL_INIT;
    config.num_heads = 1 + (int64_t)random_below(&chance, 8);
    if (hostile_chance(&chance, 4)) hostile_config(&chance, &config);
    initial.gate_features = random_below(&chance, 256);
    initial.DHQK = random_below(&chance, 256);
    initial.DHV = random_below(&chance, 256);
    const bool fits = config.num_heads > 0 && config.num_heads <= 16;
    if (!fits || hostile_chance(&chance, 3)) {
        initial.gate_features = hostile_u64(&chance);
        initial.DHQK = hostile_u64(&chance);
        initial.DHV = hostile_u64(&chance);
        if (hostile_chance(&chance, 4)) initial.struct_size = (size_t)hostile_u64(&chance);
    } else {
        initial.igate_kernel = room[0], initial.igate_bias = room[1], initial.fgate_kernel = room[2];
        initial.fgate_bias = room[3], initial.outnorm_scale = room[4], initial.q_norm_scale = room[5];
        initial.k_norm_scale = hostile_chance(&chance, 2) ? room[6] : NULL;
    }
    expect_answer(
        clx_mlstm_cell_init(&config, random_bits(&chance), hostile_chance(&chance, 50) ? NULL : &initial, &error),
        "cell_init");
}

static void use_small_functions(void)
{
    uint64_t size[CLX_MAX_RANK];
    for (int i = 0; i < CLX_MAX_RANK; i++) {
        size[i] = hostile_u64(&chance);
    }
    const clx_dtype dtype = hostile_dtype(&chance);
    const uint32_t rank = (uint32_t)hostile_u64(&chance);
    const clx_tensor t = clx_tensor_dense(world.buffers[0], dtype, rank, size);
    demand(t.rank == rank || (t.rank == 0 && (rank < 1 || rank > CLX_MAX_RANK)), "tensor_dense: rank %u", rank);
    clx_tensor_bhsd(NULL, dtype, size[0], size[1], size[2], size[3]);
    clx_tensor_bshd(NULL, dtype, size[0], size[1], size[2], size[3]);
    demand(clx_dtype_size_bytes(dtype) <= 8 && clx_dtype_name(dtype) != NULL, "dtype %d", (int)dtype);
    const clx_status status = (clx_status)hostile_enum(&chance);
    demand(clx_status_name(status) != NULL && clx_status_text(status) != NULL, "status %d", (int)status);
    demand(clx_dtype_parse(hostile_chance(&chance, 2) ? NULL : "nothing") == CLX_DTYPE_DEFAULT, "dtype_parse");
    static const char *const names[] = {"clFinish", "clNoSuchThing", "", "%s", NULL};
    demand(clx_version() != NULL, "version");
    clx_opencl_function(names[random_below(&chance, sizeof names / sizeof *names)]);
    clx_error_clear(NULL);
    clx_mlstm_destroy(NULL), clx_recurrent_destroy(NULL), clx_rotary_destroy(NULL), clx_attention_destroy(NULL);
    clx_norm_destroy(NULL), clx_mlstm_cell_destroy(NULL), clx_context_destroy(NULL);
    calls += 16;
}

/* ---- contexts */

/* What the context gives as bytes, damaged and given back. */
static void use_bytes(void)
{
    static char bytes[256 << 10];
    size_t size = sizeof bytes, taken = 0;
    const bool blob = hostile_chance(&chance, 2);
    const clx_status got = blob ? clx_context_blob_get(world.context, bytes, &size, &error)
                                : clx_context_tuning_get(world.context, bytes, &size, &error);
    if (!expect_answer(got, blob ? "blob_get" : "tuning_get")) size = 100;
    for (uint64_t i = random_below(&chance, 4); i > 0 && size > 0; i--) {
        bytes[random_below(&chance, size)] = (char)random_bits(&chance);
    }
    if (hostile_chance(&chance, 3)) size = (size_t)random_below(&chance, size + 1);
    const char *from = hostile_chance(&chance, 50) ? NULL : bytes;
    expect_answer(blob ? clx_context_blob_set(world.context, from, size, &taken, &error)
                       : clx_context_tuning_set(world.context, from, size, &taken, &error),
                  blob ? "blob_set" : "tuning_set");
}

static void make_context(void)
{
    static const char *const words[] = {"",        "simt",     "!simt", "simt,,!cpu,", "0:0", "99:1",
                                        "no such", "\x01\xff", "/",     "%s%n",        NULL};
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    static clx_device_info infos[8];
    /* the caller's idea of the record: an older one, this library's, a newer one */
    const size_t info_bytes = (size_t)random_below(&chance, 2 * sizeof *infos);
    size_t count = 0;
#define WORD words[random_below(&chance, sizeof words / sizeof *words)]
    if (hostile_chance(&chance, 6)) options.struct_size = (size_t)hostile_u64(&chance);
    if (hostile_chance(&chance, 2)) options.context = hostile_chance(&chance, 6) ? NULL : world.cl;
    if (hostile_chance(&chance, 2)) options.device = hostile_chance(&chance, 6) ? NULL : world.id;
    if (hostile_chance(&chance, 2)) options.selector = WORD;
    if (hostile_chance(&chance, 2)) options.variants = WORD;
    if (hostile_chance(&chance, 4)) options.kernel_dir = WORD;
    options.cache_dir = hostile_chance(&chance, 2) ? "/dev/null/no/folder" : WORD;
    options.cache_off = 1;
    options.launch_ms = (float)hostile_double(&chance);
    if (expect_answer(clx_context_create(&context, &options, &error), "context_create")) {
        expect_answer(clx_context_device_info(context, &infos[0], info_bytes, &error), "device_info");
        expect_answer(clx_context_pool_trim(context, &error), "pool_trim");
        ck_assert_uint_eq(clx_context_pool_bytes(context), 0);
        clx_context_build_counts(context);
    } else {
        demand(context == NULL, "context_create: refused, and a context");
    }
    clx_context_destroy(context);
    expect_answer(clx_devices_list(infos, info_bytes, random_below(&chance, 5),
                                   hostile_chance(&chance, 10) ? NULL : &count, &error),
                  "devices_list");
    expect_answer(clx_context_device_info(NULL, NULL, info_bytes, &error), "device_info");
    expect_answer(clx_context_pool_trim(hostile_chance(&chance, 2) ? NULL : world.context, &error), "pool_trim");
}

/* ---- events, host memory, DLPack */

static void ignore(void *user, clx_status status, int32_t cl_code)
{
    (void)user;
    (void)status;
    (void)cl_code;
}

static void use_event(void)
{
    const bool waits = hostile_chance(&chance, 8); /* for what does not come */
    cl_event event = hostile_chance(&chance, 8) ? NULL : waits ? world.pending : world.event;
    const double timeout_ms = waits ? 0.01 : hostile_double(&chance);
    expect_answer(clx_event_wait(event, timeout_ms, &error), "event_wait");
    event = hostile_chance(&chance, 8) ? NULL : world.event;
    expect_answer(clx_event_notify(event, hostile_chance(&chance, 8) ? NULL : ignore, NULL, &error), "event_notify");
}

static void use_host_memory(void)
{
    static _Alignas(4096) unsigned char memory[16384];
    clx_host_memory_info info = CLX_HOST_MEMORY_INFO_INIT;
    hostile_call c;
    cl_mem mem = NULL;
    const size_t at = hostile_chance(&chance, 2) ? 0 : (size_t)random_below(&chance, 4096);
    const size_t size = hostile_chance(&chance, 2) ? 4096 : (size_t)random_below(&chance, sizeof memory - at);
    if (hostile_chance(&chance, 4)) info.struct_size = (size_t)hostile_u64(&chance);
    expect_answer(clx_context_host_memory(hostile_chance(&chance, 20) ? NULL : world.context, &info, &error),
                  "host_memory");
    void *data = hostile_chance(&chance, 20) ? NULL : memory + at;
    const bool made = expect_answer(clx_host_buffer_create(world.context, data, size, &mem, &error), "host_buffer");
    demand(made == (mem != NULL), "host_buffer: the status does not fit the buffer");
    hostile_call_make(&world, &chance, (int)random_below(&chance, 3), &c); /* for its launch */
    cl_mem used = made && !hostile_chance(&chance, 4) ? mem : world.buffers[random_below(&chance, HOSTILE_BUFFERS)];
    const clx_launch *launch = c.no_launch ? NULL : &c.launch;
    clx_host_access access = (clx_host_access)hostile_enum(&chance);
    if (expect_answer(clx_host_buffer_map_enqueue(world.context, launch, used, access, &error), "map")) {
        if (c.event != NULL) clReleaseEvent(c.event);
        c.event = NULL;
        clFinish(launch->queue);
        if (expect_answer(clx_host_buffer_unmap_enqueue(world.context, launch, used, &error), "unmap")) {
            clFinish(launch->queue);
        }
    }
    if (c.event != NULL) clReleaseEvent(c.event);
    if (mem != NULL) clReleaseMemObject(mem);
}

/* To DLPack, with something changed there, and back. */
static void use_dlpack(void)
{
    hostile_call c;
    struct DLManagedTensor *managed = NULL;
    clx_tensor back;
    hostile_call_make(&world, &chance, (int)random_below(&chance, 3), &c);
    const clx_tensor *t = c.p[random_below(&chance, (uint64_t)c.count)];
    const clx_context *context = hostile_chance(&chance, 20) ? NULL : world.context;
    const bool made =
        expect_answer(clx_tensor_to_dlpack(context, t, (int32_t)hostile_enum(&chance), &managed, &error), "to_dlpack");
    demand(made == (managed != NULL), "to_dlpack: the status does not fit the tensor");
    if (!made) {
        expect_answer(clx_tensor_from_dlpack(world.context, NULL, &back, &error), "from_dlpack");
        return;
    }
#ifdef HAVE_DLPACK
    DLTensor *dl = &managed->dl_tensor;
    const DLTensor kept = *dl;
    switch (random_below(&chance, 10)) {
    case 0:
        dl->device.device_type = (DLDeviceType)hostile_enum(&chance);
        break;
    case 1:
        dl->ndim = hostile_enum(&chance);
        if (dl->ndim > kept.ndim && dl->ndim <= CLX_MAX_RANK) dl->ndim = kept.ndim; /* there are no more numbers */
        break;
    case 2:
        dl->dtype.code = (uint8_t)hostile_u64(&chance);
        break;
    case 3:
        dl->dtype.bits = (uint8_t)hostile_u64(&chance);
        break;
    case 4:
        dl->dtype.lanes = (uint16_t)hostile_u64(&chance);
        break;
    case 5:
        dl->shape[random_below(&chance, (uint64_t)dl->ndim)] = hostile_i64(&chance);
        break;
    case 6:
        dl->strides[random_below(&chance, (uint64_t)dl->ndim)] = hostile_i64(&chance);
        break;
    case 7:
        dl->byte_offset = hostile_u64(&chance);
        break;
    case 8:
        dl->shape = hostile_chance(&chance, 2) ? NULL : dl->shape;
        dl->strides = NULL;
        break;
    default:
        break;
    }
    expect_answer(clx_tensor_from_dlpack(context, managed, hostile_chance(&chance, 50) ? NULL : &back, &error),
                  "from_dlpack");
    *dl = kept;
    managed->deleter(managed);
#endif
}

/* How often each, of a thousand. */
static const struct action {
    unsigned share;
    void (*act)(void);
} actions[] = {{500, enqueue_something}, {200, create_something},   {80, ask_workspace},   {50, use_config},
               {40, init_cell},          {50, use_small_functions}, {8, run_right_call},   {10, use_bytes},
               {2, make_context},        {20, use_event},           {20, use_host_memory}, {20, use_dlpack}};

START_TEST(hostile_calls)
{
    const long wanted = calls_wanted();
    if (fault == NULL) return; /* no layers here */
    fault->dry = true;
    while (calls < wanted) {
        uint64_t drawn = random_below(&chance, 1000);
        size_t a = 0;
        for (; drawn >= actions[a].share; a++) {
            drawn -= actions[a].share;
        }
        actions[a].act();
    }
    fault->dry = false;
    clFinish(world.queue);
    clFinish(world.any_order);
    printf("hostile calls: %ld, of which %ld were accepted; %lld launches\n", calls, accepted,
           (long long)fault->launches);
    ck_assert_int_gt(accepted, calls / 20);
    ck_assert_int_lt(accepted, calls - calls / 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tcase = suite_case(suite, "hostile", 60 + (double)calls_wanted() / 500);
    tcase_add_checked_fixture(tcase, open_world, close_world);
    tcase_add_test(tcase, hostile_calls);
    return suite_run(suite);
}
