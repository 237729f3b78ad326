/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's OpenCL is the program's own, however many threads ask for it first. */
#include "support/support.h"

#include <pthread.h>

#define THREADS 8

static pthread_barrier_t together;

static void *ask(void *out)
{
    pthread_barrier_wait(&together);
    *(clx_function *)out = clx_opencl_function("clGetPlatformIDs");
    return NULL;
}

START_TEST(first_of_many)
{
    pthread_t threads[THREADS];
    clx_function found[THREADS] = {0};
    ck_assert_int_eq(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &found[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(found[i] == (clx_function)clGetPlatformIDs);
    }
    pthread_barrier_destroy(&together);
}
END_TEST

START_TEST(unknown_functions)
{
    ck_assert(clx_opencl_function("clFrobnicate") == NULL);
    ck_assert(clx_opencl_function("") == NULL);
    ck_assert(clx_opencl_function(NULL) == NULL);
    ck_assert(clx_opencl_function("clCreateSubBuffer") != NULL); /* one that the library itself does not call */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("opencl");
    TCase *tcase = suite_case(suite, "opencl", 60);
    tcase_add_test(tcase, first_of_many);
    tcase_add_test(tcase, unknown_functions);
    return suite_run(suite);
}
