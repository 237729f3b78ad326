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
enum { BAR_WIDTH = 24, WHAT_SIZE = 64, LEFT_SIZE = 32 };

static struct {
    size_t total;
    size_t done;
    char what[WHAT_SIZE];
    double from, to; /* what the step in work is of the whole job; both 0 where nobody said */
    double part;     /* of that step */
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

void tool_sleep_us(unsigned microseconds)
{
#ifdef _WIN32
    Sleep(microseconds / 1000);
#else
    struct timespec pause = {.tv_sec = microseconds / 1000000, .tv_nsec = (long)(microseconds % 1000000) * 1000L};
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

/* What of the job is done. */
static double share_done(void)
{
    if (bar.to > 0.0) return bar.from + (bar.to - bar.from) * bar.part;
    return bar.total ? ((double)bar.done + bar.part) / (double)bar.total : 0.0;
}

/* ", 12 s left", or nothing while there is too little to tell from. */
static const char *time_left(char *text, size_t size, double passed_s)
{
    double share = share_done(), left_s = share > 0.0 ? passed_s * (1.0 - share) / share : 0.0;
    text[0] = '\0';
    if (bar.to <= 0.0 || share < 0.02) return text;
    if (left_s < 100.0) {
        snprintf(text, size, ", about %.0f s left", left_s);
    } else {
        snprintf(text, size, ", about %.0f min left", left_s / 60.0);
    }
    return text;
}

void tool_progress_tick(void)
{
    double now_s = tool_seconds();
    if (!tool_progress_shown() || now_s - bar.began_s < quiet_s || now_s - bar.drawn_s < redraw_s) return;
    char line[BAR_WIDTH + 1], left[LEFT_SIZE];
    size_t filled = (size_t)(share_done() * BAR_WIDTH);
    memset(line, '.', BAR_WIDTH);
    memset(line, '#', filled < BAR_WIDTH ? filled : BAR_WIDTH);
    line[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %zu/%zu %.1f s%s  %s\033[K", line, bar.done, bar.total, now_s - bar.began_s,
            time_left(left, sizeof left, now_s - bar.began_s), bar.what);
    fflush(stderr);
    bar.drawn_s = now_s;
    bar.visible = true;
}

void tool_progress_step(size_t done, const char *what)
{
    bar.done = done;
    bar.part = 0.0;
    snprintf(bar.what, sizeof bar.what, "%s", what);
    tool_progress_tick();
}

void tool_progress_share(double from, double to)
{
    bar.from = from;
    bar.to = to;
}

void tool_progress_part(double part)
{
    bar.part = part;
    tool_progress_tick();
}

void tool_progress_hide(void)
{
    if (!bar.visible) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar.visible = false;
}
