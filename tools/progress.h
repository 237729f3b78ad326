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

/* Redraws the line with the time that has passed. */
void tool_progress_tick(void);

/* Removes the line, so that other output can be printed; the next step draws it again. */
void tool_progress_hide(void);

/* Seconds of a clock that only goes forward. */
double tool_seconds(void);

void tool_sleep_ms(unsigned milliseconds);

#endif
