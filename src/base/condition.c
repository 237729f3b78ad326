/* SPDX-License-Identifier: Apache-2.0
 *
 * Condition variables; see the header. */
#include "base/condition.h"

#ifdef _WIN32
int clxi_condition_init(clxi_condition *condition)
{
    InitializeConditionVariable(condition);
    return 0;
}

void clxi_condition_destroy(clxi_condition *condition)
{
    (void)condition;
}

void clxi_condition_signal(clxi_condition *condition)
{
    WakeConditionVariable(condition);
}

void clxi_condition_wait(clxi_condition *condition, clxi_mutex *mutex, double ms)
{
    SleepConditionVariableSRW(condition, mutex, (DWORD)(ms + 0.999), 0);
}

double clxi_clock_ms(void)
{
    LARGE_INTEGER ticks;
    LARGE_INTEGER per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    return 1e3 * (double)ticks.QuadPart / (double)per_second.QuadPart;
}
#else
#include <time.h>

/* A condition's own clock: macOS has only the one that may be set, which costs a wait its length at worst. */
#ifdef __APPLE__
#define WAIT_CLOCK CLOCK_REALTIME
#else
#define WAIT_CLOCK CLOCK_MONOTONIC
#endif

int clxi_condition_init(clxi_condition *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return -1;
#ifndef __APPLE__
    pthread_condattr_setclock(&attributes, WAIT_CLOCK);
#endif
    const int code = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return code;
}

void clxi_condition_destroy(clxi_condition *condition)
{
    pthread_cond_destroy(condition);
}

void clxi_condition_signal(clxi_condition *condition)
{
    pthread_cond_signal(condition);
}

void clxi_condition_wait(clxi_condition *condition, clxi_mutex *mutex, double ms)
{
    struct timespec end;
    clock_gettime(WAIT_CLOCK, &end);
    const long long ns = (long long)(ms * 1e6) + end.tv_nsec;
    end.tv_sec += (time_t)(ns / 1000000000);
    end.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(condition, mutex, &end);
}

double clxi_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}
#endif
