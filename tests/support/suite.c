/* SPDX-License-Identifier: Apache-2.0
 *
 * Running suites; expectations. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

clx_error test_error;

/* Sanitizers and simulators are slow; CLX_TEST_SLOWNESS multiplies every time limit. */
static double slowness(void)
{
    const char *text = getenv("CLX_TEST_SLOWNESS");
    double factor = text != NULL ? strtod(text, NULL) : 1;
    return factor > 1 ? factor : 1;
}

TCase *suite_case(Suite *suite, const char *name, double timeout_s)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, timeout_s * slowness());
    suite_add_tcase(suite, tcase);
    return tcase;
}

static int run(Suite *suite, bool together)
{
    SRunner *runner = srunner_create(suite);
    if (together) srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int suite_run(Suite *suite)
{
    return run(suite, false);
}

int suite_run_together(Suite *suite)
{
    return run(suite, true);
}

void expect_status(clx_status status, clx_status expected, const char *text, const char *call, const char *file,
                   int line)
{
    if (status != expected) {
        ck_abort_msg("%s:%d: %s gave %s (%s), expected %s\n%s", file, line, call, clx_status_name(status),
                     test_error.message, clx_status_name(expected), test_error.detail != NULL ? test_error.detail : "");
    }
    if (expected == CLX_OK) return;
    if (test_error.status != expected || strstr(test_error.message, text) == NULL) {
        ck_abort_msg("%s:%d: %s: %s: message '%s', expected '%s' in it", file, line, call,
                     clx_status_name(test_error.status), test_error.message, text);
    }
    clx_error_clear(&test_error);
}
