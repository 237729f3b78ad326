/* SPDX-License-Identifier: Apache-2.0
 *
 * fork: in the child, every call with a context or an operator of before is refused at once, whatever the parent's threads
 * were doing, and destroying them is harmless; the parent goes on. A child of a process that has not used OpenCL works. */
#include "base/process.h"
#include "support/lives.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60

/* Runs `work` in a child, which ends with what it returns: "" or what went wrong. */
static void in_child(const char *(*work)(void *), void *argument)
{
    int ends[2], state = 0;
    char problem[512] = "";
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(CHILD_SECONDS);
        const char *text = work(argument);
        const ssize_t written = write(ends[1], text, strlen(text));
        _exit(written < 0);
    }
    close(ends[1]);
    const ssize_t length = read(ends[0], problem, sizeof problem - 1);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the child ended with %s %d",
                  WIFSIGNALED(state) ? "signal" : "status", WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    ck_assert_msg(length == 0, "%s", problem);
}

/* All operators with memory, of a context of its own. */
typedef struct all_lives {
    life_memory memory[LIFE_KINDS];
    void *ops[LIFE_KINDS];
} all_lives;

static clx_status call(const life_kind *kind, void *op, const life_memory *memory, clx_error *error)
{
    clx_launch launch = CLX_LAUNCH_INIT;
    launch.queue = memory->queue;
    return kind->enqueue(op, &launch, memory->t, error);
}

static const char *text_of(const char *what, clx_status status)
{
    static char text[200];
    snprintf(text, sizeof text, "%s: %s, expected CLX_ERR_CONTEXT", what, clx_status_name(status));
    return text;
}

/* Every function that takes a context or an operator. */
static const char *use_what_was_made_before(void *argument)
{
    all_lives *all = argument;
    clx_error error = CLX_ERROR_INIT;
    char bytes[16];
    size_t size = sizeof bytes, accepted;
    clx_host_memory_info info = CLX_HOST_MEMORY_INFO_INIT;
    clx_tensor tensor = all->memory[0].t[0];
    struct DLManagedTensor *managed = NULL;
    cl_mem mem = NULL;
#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        const clx_status status = (call);                                                                              \
        if (status != CLX_ERR_CONTEXT || strstr(error.message, "fork") == NULL) return text_of(#call, status);         \
        clx_error_clear(&error);                                                                                       \
    } while (0)
    clx_context *context = device.context;
    for (int i = 0; i < LIFE_KINDS; i++) {
        const life_kind *kind = &life_kinds[i];
        void *op = NULL;
        REFUSED(call(kind, all->ops[i], &all->memory[i], &error));
        REFUSED(kind->create(context, &op, &error));
        if (op != NULL) return "an operator was made";
        kind->destroy(all->ops[i]);
    }
    REFUSED(clx_context_blob_get(context, NULL, &size, &error));
    REFUSED(clx_context_blob_set(context, bytes, sizeof bytes, &accepted, &error));
    REFUSED(clx_context_tuning_get(context, NULL, &size, &error));
    REFUSED(clx_context_tuning_set(context, bytes, sizeof bytes, &accepted, &error));
    REFUSED(clx_context_pool_trim(context, &error));
    REFUSED(clx_context_host_memory(context, &info, &error));
    REFUSED(clx_host_buffer_create(context, bytes, 4096, &mem, &error));
    REFUSED(clx_host_buffer_map_enqueue(context, &(clx_launch)CLX_LAUNCH_INIT, tensor.mem, CLX_HOST_READ, &error));
    REFUSED(clx_host_buffer_unmap_enqueue(context, &(clx_launch)CLX_LAUNCH_INIT, tensor.mem, &error));
    REFUSED(clx_tensor_to_dlpack(context, &tensor, 0, &managed, &error));
    if (clx_context_pool_bytes(context) != 0) return "the pool has bytes";
    if (clx_context_build_counts(context).compiled != 0) return "programs were compiled";
    clx_context_destroy(context);
    return "";
}

/* A thread that is in the library and the driver nearly all of the time, with their locks. */
static atomic_bool stop;

static void *keep_busy(void *argument)
{
    all_lives *all = argument;
    clx_error error = CLX_ERROR_INIT;
    while (!stop) {
        for (int i = 0; i < LIFE_KINDS && !stop; i++) {
            call(&life_kinds[i], all->ops[i], &all->memory[i], &error);
            clx_context_pool_trim(device.context, &error);
        }
    }
    clx_error_clear(&error);
    return NULL;
}

START_TEST(child_of_a_busy_parent)
{
    static all_lives all, busy;
    pthread_t thread;
    device_open(NULL);
    for (int i = 0; i < LIFE_KINDS; i++) {
        ck_assert(life_make(&all.memory[i], &life_kinds[i], device.cl, device.queue));
        ck_assert(life_make(&busy.memory[i], &life_kinds[i], device.cl, device.queue));
        expect_ok(life_kinds[i].create(device.context, &all.ops[i], &test_error));
        expect_ok(life_kinds[i].create(device.context, &busy.ops[i], &test_error));
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, keep_busy, &busy), 0);
    for (int round = 0; round < 10; round++) {
        in_child(use_what_was_made_before, &all);
    }
    stop = true;
    pthread_join(thread, NULL);
    for (int i = 0; i < LIFE_KINDS; i++) { /* and the parent goes on */
        expect_ok(call(&life_kinds[i], all.ops[i], &all.memory[i], &test_error));
        ck_assert_int_eq(clFinish(device.queue), CL_SUCCESS);
        ck_assert_int_eq(life_changed(&all.memory[i], true, false), -1);
        life_kinds[i].destroy(all.ops[i]);
        life_kinds[i].destroy(busy.ops[i]);
        life_free(&all.memory[i]);
        life_free(&busy.memory[i]);
    }
    device_close();
}
END_TEST

/* The whole of it, in a child of a process that knows nothing of OpenCL yet. */
static const char *live(void *argument)
{
    life_memory memory;
    void *op = NULL;
    (void)argument;
    device_open(NULL);
    const life_kind *kind = &life_kinds[0];
    if (!life_make(&memory, kind, device.cl, device.queue)) return "buffers";
    if (kind->create(device.context, &op, &test_error) != CLX_OK) return "create";
    if (call(kind, op, &memory, &test_error) != CLX_OK) return "enqueue";
    if (clFinish(device.queue) != CL_SUCCESS) return "finish";
    if (life_changed(&memory, false, true) < 0) return "nothing was computed";
    kind->destroy(op);
    life_free(&memory);
    device_close();
    return "";
}

START_TEST(fork_first)
{
    in_child(live, NULL);
    in_child(live, NULL);
    ck_assert_str_eq(live(NULL), "");
}
END_TEST

static const char *differs(void *argument)
{
    return clxi_process_differs(argument) ? "" : "the child takes itself for its parent";
}

/* With the page that a child finds wiped, and by number. */
START_TEST(marks)
{
    clxi_process process = {0};
    ck_assert(!clxi_process_differs(&process));
    clxi_process_note(&process);
    ck_assert(!clxi_process_differs(&process));
    in_child(differs, &process);
#ifdef __linux__
    ck_assert_ptr_nonnull((void *)process.page);
#endif
    clxi_process_forget(&process);
    ck_assert(!clxi_process_differs(&process));
    in_child(differs, &process);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *tcase = suite_case(suite, "fork", 120);
    tcase_add_test(tcase, child_of_a_busy_parent);
    tcase_add_test(tcase, fork_first);
    tcase_add_test(tcase, marks);
    return suite_run(suite);
}
