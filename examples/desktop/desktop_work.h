/* SPDX-License-Identifier: Apache-2.0
 *
 * The work behind the window: an mLSTM reads a long text piece by piece, from state to state, on a thread of its own.
 * The window asks how far it is and never waits for it. */
#ifndef DESKTOP_WORK_H
#define DESKTOP_WORK_H

#include <stdbool.h>
#include <stdint.h>

enum { WORK_CHANNELS = 64, WORK_COLUMNS = 512 };

typedef enum work_phase { WORK_IDLE, WORK_PREPARING, WORK_RUNNING, WORK_DONE, WORK_CANCELLED, WORK_FAILED } work_phase;

/* What the window shows. */
typedef struct work_view {
    work_phase phase;
    uint64_t tokens_done;
    uint64_t tokens;
    double seconds; /* since the first piece was enqueued */
    char device[128];
    char message[512];                          /* why it failed */
    float picture[WORK_COLUMNS][WORK_CHANNELS]; /* h of one head, a column now and then */
    int columns;
} work_view;

typedef struct work work;

work *work_create(uint64_t tokens);

/* Begins on a device ("" the default one); what ran before must have ended. */
bool work_start(work *w, const char *selector);

/* Asks for the end, which comes after the pieces that are on their way. */
void work_cancel(work *w);

/* Anything but WORK_PREPARING and WORK_RUNNING. */
bool work_ended(work *w);

void work_look(work *w, work_view *view);

/* Cancels, waits for the end, frees. NULL is legal. */
void work_destroy(work *w);

#endif
