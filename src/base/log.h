/* SPDX-License-Identifier: Apache-2.0
 *
 * Where log lines go: the caller's function, or nowhere. */
#ifndef CLXI_BASE_LOG_H
#define CLXI_BASE_LOG_H

#include "base/fail.h"

typedef struct clxi_log {
    void (*write)(void *user, int level, const char *message);
    void *user;
} clxi_log;

enum { CLXI_LOG_DEBUG = 0, CLXI_LOG_INFO = 1, CLXI_LOG_WARNING = 2 };

void clxi_log_line(const clxi_log *log, int level, const char *format, ...) CLXI_PRINTF(3, 4);

#endif
