/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm tune`: what its files share.
 *
 *     command_tune.c    the command: what to tune, the store, import and export
 *     tune_search.c     which tiles are tried for a class of problems, and which of them wins
 *     tune_measure.c    a tile's time: from the journal, or by a process of its own
 *     tune_candidate.c  what that process does, a hidden command */
#ifndef CLXLSTM_TOOLS_TUNE_H
#define CLXLSTM_TOOLS_TUNE_H

#include "bench_list.h"
#include "ops/tile_space.h"
#include "progress.h"

/* In the cache folder. */
#define TUNE_JOURNAL_FILE "tuning-journal.txt"
#define TUNE_SCRATCH_FOLDER "tuning-scratch"

/* What came of a tile on one problem. */
typedef enum tune_outcome {
    TUNE_GOOD,    /* timed, and its numbers are right */
    TUNE_SLOW,    /* several times as slow as the default: not timed further */
    TUNE_REFUSED, /* it may not be built, does not build, or fails its trial against simt */
    TUNE_WRONG,   /* its numbers differ from the float64 reference */
    TUNE_DIED,    /* its process did */
    TUNE_LATE,    /* it did not come to its end in time */
    TUNE_OUTCOMES
} tune_outcome;

const char *tune_outcome_name(tune_outcome outcome);

typedef struct tune_result {
    tune_outcome outcome;
    double ms;
    double ratio; /* to the default's time in the same call of the command */
    bool is_new;  /* not from the journal */
    char reason[CLXI_TUNING_NOTE_SIZE];
} tune_result;

enum { TUNE_PROBLEMS_MAX = 64 };

/* Problems of one operator, dtype, DHQK and DHV, which share what is tuned. */
typedef struct tune_class {
    const char *op; /* the library's name for it */
    char subject[CLXI_TUNING_SUBJECT_SIZE];
    clxi_tile_problem tiles;
    const tool_problem *problems[TUNE_PROBLEMS_MAX];
    size_t count;
    double default_ms[TUNE_PROBLEMS_MAX];
    double default_s; /* the longest that a process took for the default */
} tune_class;

/* One call of the command. */
typedef struct tune_job {
    tool_session session;
    const char *selector;  /* of the session's device */
    const char *variants;  /* kernel families, or NULL */
    char *scratch;         /* where programs of candidates are kept */
    double limit_s;        /* of a candidate; 0: by the default's */
    double begin_s, end_s; /* of the budget, by tool_seconds */
    char *journal;         /* its lines for this device: what is known */
    size_t journal_bytes;
    char device[CLXI_TUNING_DEVICE_LENGTH + 1];
} tune_job;

/* The library's name of an operator that has tiles; NULL for others. */
const char *tune_operator(const tool_problem *problem);

/* Reads the journal, and forgets what it has where `restart`. */
clx_status tune_journal_open(tune_job *job, bool restart, clx_error *error);

/* What is known of a subject; false where nothing is. */
bool tune_journal_find(const tune_job *job, const char *subject, char value[CLXI_TUNING_VALUE_SIZE]);
clx_status tune_journal_put(tune_job *job, const char *subject, const char *value, const char *note, clx_error *error);

/* Times a tile (NULL: the default) on problem `index` of a class. With `again` the journal is neither asked nor
 * written. A tile that does not work is a result; what fails is what stands in the way of any. */
clx_status tune_measure(tune_job *job, tune_class *of, size_t index, const clxi_tile_params *tile, bool again,
                        tune_result *result, clx_error *error);

/* Tunes a class until the time `end_s`, and prints what came of it. `*finished` is false where there was not enough of
 * it; the next call goes on. */
clx_status tune_class_search(tune_job *job, tune_class *of, double end_s, bool *finished, clx_error *error);

#endif
