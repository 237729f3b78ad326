/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void clxi_log_line(const clxi_log *log, int level, const char *format, ...)
{
    if (log == NULL || log->write == NULL) return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    for (char *c = message; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\r') *c = ' ';
    }
    log->write(log->user, level, message);
}
