/* SPDX-License-Identifier: Apache-2.0
 *
 * How many launches a call of the cell is, and how many events it asks for: for one token they are what it costs. The
 * test stands between the library and the OpenCL loader by having a function of the same name. */
#define _GNU_SOURCE 1 /* RTLD_NEXT */
#include "cell_fixture.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int launches, events;

typedef cl_int (*enqueue_fn)(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *,
                             cl_uint, const cl_event *, cl_event *);

#pragma GCC visibility push(default) /* the library asks the process for the name */
CL_API_ENTRY cl_int CL_API_CALL clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                                                       const size_t *offset, const size_t *items, const size_t *group,
                                                       cl_uint wait_count, const cl_event *wait_list, cl_event *event)
{
    enqueue_fn next = NULL;
    void *symbol = dlsym(RTLD_NEXT, "clEnqueueNDRangeKernel");
    memcpy(&next, &symbol, sizeof next); /* ISO C has no cast between the two */
    launches++;
    events += event != NULL;
    return next(queue, kernel, dimensions, offset, items, group, wait_count, wait_list, event);
}
#pragma GCC visibility pop

static const struct {
    bool statistics;
    int launches;
} rows[] = {
    {false, 3}, /* gates, step, norm */
    {true, 4},  /* and the statistics */
};

START_TEST(a_token_is_few_launches)
{
    random_state random = random_start(30);
    cell_problem p = cell_problem_plain();
    clx_mlstm_cell *cell = NULL;
    p.B = 1;
    p.S = 1;
    p.config.backend.name = CLX_BACKEND_RECURRENT;
    p.statistics = rows[_i].statistics;
    p.desc.return_state = 1;
    p.desc.config = &p.config;
    cell_problem_fill(&p, &random);
    expect_ok(clx_mlstm_cell_create(device.context, &p.desc, &cell, &test_error));
    launches = events = 0;
    cell_problem_run(&p, cell);
    ck_assert_int_eq(launches, rows[_i].launches);
    ck_assert_int_eq(events, 1); /* of the workspace, which is the pool's */
    clx_mlstm_cell_destroy(cell);
    cell_problem_free(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cell_launches");
    TCase *tcase = suite_device_case(suite, "launches", 120);
    tcase_add_loop_test(tcase, a_token_is_few_launches, 0, sizeof rows / sizeof *rows);
    return suite_run(suite);
}
