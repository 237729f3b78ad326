/* SPDX-License-Identifier: Apache-2.0
 *
 * A mutex on POSIX and Windows. CLXI_MUTEX_INIT is for one that lives as long as the process. */
#ifndef CLXI_BASE_MUTEX_H
#define CLXI_BASE_MUTEX_H

#ifdef _WIN32
#include <windows.h>
typedef SRWLOCK clxi_mutex;
#define CLXI_MUTEX_INIT SRWLOCK_INIT
static inline int clxi_mutex_init(clxi_mutex *m)
{
    InitializeSRWLock(m);
    return 0;
}
static inline void clxi_mutex_destroy(clxi_mutex *m)
{
    (void)m;
}
static inline void clxi_mutex_lock(clxi_mutex *m)
{
    AcquireSRWLockExclusive(m);
}
static inline void clxi_mutex_unlock(clxi_mutex *m)
{
    ReleaseSRWLockExclusive(m);
}
#else
#include <pthread.h>
typedef pthread_mutex_t clxi_mutex;
#define CLXI_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
static inline int clxi_mutex_init(clxi_mutex *m)
{
    return pthread_mutex_init(m, NULL);
}
static inline void clxi_mutex_destroy(clxi_mutex *m)
{
    pthread_mutex_destroy(m);
}
static inline void clxi_mutex_lock(clxi_mutex *m)
{
    pthread_mutex_lock(m);
}
static inline void clxi_mutex_unlock(clxi_mutex *m)
{
    pthread_mutex_unlock(m);
}
#endif

#endif
