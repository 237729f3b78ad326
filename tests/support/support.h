/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests share: running a suite, the device fixture, buffers, random numbers, expecting a refusal. */
#ifndef TEST_SUPPORT_SUPPORT_H
#define TEST_SUPPORT_SUPPORT_H

#include <check.h>
#include <clxlstm/clxlstm.h>
#include <stdbool.h>

/* Runs and frees a suite; what main returns. Each test runs in a process of its own, unless CK_FORK=no. */
int suite_run(Suite *suite);

/* The same with all tests in one process: for suites of many numbers, where each process would load the driver's compiler anew.
 * A crash ends the whole suite, and only ctest's time limit holds. */
int suite_run_together(Suite *suite);

/* A test case with a time limit that also fits a sanitizer's pace. */
TCase *suite_case(Suite *suite, const char *name, double timeout_s);

/* The record that tests hand to the library. */
extern clx_error test_error;

/* The call succeeds; the library's message is shown where it does not. */
#define expect_ok(call) expect_status((call), CLX_OK, "", #call, __FILE__, __LINE__)

/* The call is refused with this status and a message that has this text in it. It must use &test_error. */
#define expect_refused(call, status, text) expect_status((call), (status), (text), #call, __FILE__, __LINE__)

void expect_status(clx_status status, clx_status expected, const char *text, const char *call, const char *file,
                   int line);

/* The device of the test: CLX_DEVICE, or the library's choice. */
typedef struct test_device {
    clx_context *context;
    cl_context cl;
    cl_device_id id;
    cl_command_queue queue;
} test_device;
extern test_device device;

/* A case whose tests find `device` ready. The fixture is a checked one: OpenCL starts behind Check's fork, since a
 * context does not survive one. */
TCase *suite_device_case(Suite *suite, const char *name, double timeout_s);

/* The same with one `device` for the whole case, so that its tests share compiled programs and trials; for suites that are run
 * together. */
TCase *suite_shared_device_case(Suite *suite, const char *name, double timeout_s);

/* The fixture itself, for tests that need options of their own. */
void device_open(const clx_context_options *options);
void device_close(void);

/* A buffer with these bytes. Without data every byte is 0xff, which reads as NaN in f32, f16 and bf16: what nobody
 * wrote shows. Freed by buffer_free or, at the latest, with the test's process. */
cl_mem buffer_make(size_t size_bytes, const void *data);
void buffer_read(cl_mem mem, size_t offset_bytes, size_t size_bytes, void *out);
void buffer_write(cl_mem mem, size_t offset_bytes, size_t size_bytes, const void *data);
void buffer_free(cl_mem mem);

/* Counter-based random numbers (splitmix64). random_start prints the seed: CLX_TEST_SEED, or the one given. */
typedef struct random_state {
    uint64_t state;
} random_state;
random_state random_start(uint64_t seed);
uint64_t random_bits(random_state *random);
uint64_t random_below(random_state *random, uint64_t limit); /* 0 .. limit - 1 */
float random_uniform(random_state *random, float low, float high);
float random_normal(random_state *random);

/* A new empty folder below the build folder, malloc'ed; removed with all in it by folder_drop, which frees it. */
char *folder_fresh(const char *name);
void folder_drop(char *path);
void folder_empty(const char *path);

/* "folder/name", malloc'ed. */
char *path_join(const char *folder, const char *name);

#endif
