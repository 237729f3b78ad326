/* SPDX-License-Identifier: Apache-2.0
 *
 * The progress bar, and the program's clock. */
#include "progress.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <io.h>
#include <windows.h>
#else
#include <time.h>
#include <unistd.h>
#endif

/* Shorter work does not flicker. */
static const double quiet_s = 0.5;
static const double redraw_s = 0.1;
enum { BAR_WIDTH = 24, WHAT_SIZE = 48 };

static struct {
    size_t total;
    size_t done;
    char what[WHAT_SIZE];
    double began_s;
    double drawn_s;
    bool visible;
} bar;

double tool_seconds(void)
{
#ifdef _WIN32
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
#endif
}

void tool_sleep_ms(unsigned milliseconds)
{
#ifdef _WIN32
    Sleep(milliseconds);
#else
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000L};
    nanosleep(&pause, NULL);
#endif
}

bool tool_progress_shown(void)
{
#ifdef _WIN32
    return _isatty(_fileno(stderr)) != 0;
#else
    return isatty(STDERR_FILENO) != 0;
#endif
}

void tool_progress_begin(size_t total)
{
    tool_progress_hide();
    memset(&bar, 0, sizeof bar);
    bar.total = total;
    bar.began_s = tool_seconds();
}

void tool_progress_tick(void)
{
    double now_s = tool_seconds();
    if (!tool_progress_shown() || now_s - bar.began_s < quiet_s || now_s - bar.drawn_s < redraw_s) return;
    char line[BAR_WIDTH + 1];
    size_t filled = bar.total ? bar.done * BAR_WIDTH / bar.total : 0;
    memset(line, '.', BAR_WIDTH);
    memset(line, '#', filled < BAR_WIDTH ? filled : BAR_WIDTH);
    line[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %zu/%zu %.1f s  %s\033[K", line, bar.done, bar.total, now_s - bar.began_s, bar.what);
    fflush(stderr);
    bar.drawn_s = now_s;
    bar.visible = true;
}

void tool_progress_step(size_t done, const char *what)
{
    bar.done = done;
    snprintf(bar.what, sizeof bar.what, "%s", what);
    tool_progress_tick();
}

void tool_progress_hide(void)
{
    if (!bar.visible) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar.visible = false;
}
