/* SPDX-License-Identifier: Apache-2.0
 *
 * A progress bar on stderr: only on a terminal, only for work that has taken a while, gone before anything else is
 * printed. */
#ifndef CLXLSTM_TOOLS_PROGRESS_H
#define CLXLSTM_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Is there a terminal to draw on? */
bool tool_progress_shown(void);

/* Starts a job of `total` steps; its clock starts now. */
void tool_progress_begin(size_t total);

/* `done` steps are finished and `what` is being worked on. Draws at most ten times a second. */
void tool_progress_step(size_t done, const char *what);

/* The next step goes from one share of the whole job to another, 0 to 1. With that, the line says how much time is about
 * left; to be called before each step or none. */
void tool_progress_share(double from, double to);

/* A part of the step in work is done, 0 to 1. Draws like tool_progress_step. */
void tool_progress_part(double part);

/* Redraws the line with the time that has passed. */
void tool_progress_tick(void);

/* Removes the line, so that other output can be printed; the next step draws it again. */
void tool_progress_hide(void);

/* Seconds of a clock that only goes forward. */
double tool_seconds(void);

void tool_sleep_us(unsigned microseconds);

#endif
