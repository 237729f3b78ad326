/* SPDX-License-Identifier: Apache-2.0
 *
 * A condition variable with a time limit, on POSIX and Windows, and a clock to go with it. */
#ifndef CLXI_BASE_CONDITION_H
#define CLXI_BASE_CONDITION_H

#include "base/mutex.h"

#ifdef _WIN32
typedef CONDITION_VARIABLE clxi_condition;
#else
typedef pthread_cond_t clxi_condition;
#endif

int clxi_condition_init(clxi_condition *condition);
void clxi_condition_destroy(clxi_condition *condition);
void clxi_condition_signal(clxi_condition *condition);

/* For `ms` at most (0 to a day), or less for no reason; the mutex is held before and after. */
void clxi_condition_wait(clxi_condition *condition, clxi_mutex *mutex, double ms);

/* Milliseconds since some point in the past, by a clock that nobody sets. */
double clxi_clock_ms(void);

#endif
