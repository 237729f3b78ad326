/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tile is best for a class of problems.
 *
 * First the library's own candidates are timed, then, beginning with the best of them, one number after another takes
 * every value that it may have, as long as something gets better. What is known from the journal costs nothing, so a
 * second call walks the same way and goes on where the first one was.
 *
 * The best one then meets the default: several rounds, each in turn and each in processes of their own. It wins where its
 * worst round is better than the default's best, and by more than a little: noise does not do that. */
#include "base/hash.h"
#include "ops/variants.h"
#include "tool.h"
#include "tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 4 };
static const double search_share = 0.7; /* of the time; the rest is for the rounds */
static const double step_gain = 0.99;   /* what a better tile takes of the time of the best so far, at most */
static const double win_gain = 0.98;    /* ... and what a winner takes of the default's */
static const double near_gain = 1.5;    /* families that are not much slower than the best are searched too */

typedef struct search {
    tune_job *job;
    tune_class *of;
    clxi_tile_limits limits;
    double end_s; /* of the search */
    bool cut;     /* the time was over before everything had been tried */
    clxi_tile_params best;
    double best_ratio; /* geometric mean over the problems; INFINITY: none works */
    size_t tried[TUNE_OUTCOMES], fresh;
    clxi_hash *seen; /* the tiles that are counted: the search comes by some of them again */
    size_t seen_count;
} search;

static bool allowed(const search *s, clxi_family family)
{
    return clxi_context_allows(s->job->session.context, clxi_family_name(family));
}

static void show_progress(const search *s)
{
    const tune_job *job = s->job;
    tool_progress_share(fmin((tool_seconds() - job->begin_s) / (job->end_s - job->begin_s), 1.0), 1.0);
}

/* The geometric mean of a tile's times in this very moment; INFINITY where it does not work. */
static clx_status time_once(search *s, const clxi_tile_params *tile, double *mean_ms, clx_error *error)
{
    clx_status status = CLX_OK;
    double sum = 0.0;
    *mean_ms = INFINITY;
    for (size_t index = 0; index < s->of->count; ++index) {
        tune_result result;
        show_progress(s);
        CLXI_TRY(tune_measure(s->job, s->of, index, tile, true, &result, error));
        if (result.outcome != TUNE_GOOD) return CLX_OK;
        sum += log(result.ms);
    }
    *mean_ms = exp(sum / (double)s->of->count);
fail:
    return status;
}

/* A lucky moment may have made a tile look good: it and the default once more, one after the other. The ratio is the worse
 * one of both times. */
static clx_status confirm(search *s, const clxi_tile_params *tile, double *ratio, clx_error *error)
{
    clx_status status = CLX_OK;
    char value[CLXI_TUNING_VALUE_SIZE];
    clxi_text subject = CLXI_TEXT_INIT;
    double theirs_ms, ours_ms, again;
    clxi_text_printf(&subject, "%s again ", s->of->subject);
    clxi_tile_write(tile, &subject);
    if (subject.failed) CLXI_TRY(clxi_fail_memory(error, "a tile"));
    if (tune_journal_find(s->job, subject.data, value)) {
        again = strtod(value, NULL);
    } else {
        CLXI_TRY(time_once(s, NULL, &theirs_ms, error));
        CLXI_TRY(time_once(s, tile, &ours_ms, error));
        again = ours_ms / theirs_ms;
        snprintf(value, sizeof value, "%.4f", again);
        CLXI_TRY(tune_journal_put(s->job, subject.data, value, "", error));
    }
    if (!(again <= *ratio)) *ratio = again;
fail:
    clxi_text_free(&subject);
    return status;
}

static clx_status count(search *s, const clxi_tile_params *tile, const tune_result *result, bool is_new,
                        clx_error *error)
{
    clxi_text text = CLXI_TEXT_INIT;
    clxi_tile_write(tile, &text);
    clxi_hash *seen = realloc(s->seen, (s->seen_count + 1) * sizeof *seen);
    if (seen) s->seen = seen;
    if (text.failed || !seen) {
        clxi_text_free(&text);
        return clxi_fail_memory(error, "a tile");
    }
    const clxi_hash hash = clxi_hash_bytes(text.data, text.count);
    bool found = false;
    for (size_t index = 0; index < s->seen_count; ++index) {
        found = found || (seen[index].high == hash.high && seen[index].low == hash.low);
    }
    clxi_text_free(&text);
    if (found) return CLX_OK;
    seen[s->seen_count++] = hash;
    s->tried[result->outcome]++;
    s->fresh += is_new;
    return CLX_OK;
}

/* Times a tile on all problems; a ratio of INFINITY where it does not work on one of them. */
static clx_status try_tile(search *s, const clxi_tile_params *tile, double *ratio, clx_error *error)
{
    clx_status status = CLX_OK;
    tune_result result = {0};
    double sum = 0.0;
    bool is_new = false;
    *ratio = INFINITY;
    for (size_t index = 0; index < s->of->count; ++index) {
        show_progress(s);
        CLXI_TRY(tune_measure(s->job, s->of, index, tile, false, &result, error));
        is_new = is_new || result.is_new;
        sum += log(result.ratio);
        if (result.outcome != TUNE_GOOD) break;
    }
    CLXI_TRY(count(s, tile, &result, is_new, error));
    if (result.outcome != TUNE_GOOD) goto fail;
    *ratio = exp(sum / (double)s->of->count);
    if (*ratio < fmin(s->best_ratio, 1.0) * step_gain) CLXI_TRY(confirm(s, tile, ratio, error));
    if (*ratio < s->best_ratio * step_gain) {
        s->best_ratio = *ratio;
        s->best = *tile;
    }
fail:
    return status;
}

static bool time_is_over(search *s)
{
    s->cut = s->cut || tool_seconds() >= s->end_s;
    return s->cut;
}

/* The best of a family so far; `ratio` is INFINITY where none is known to work. */
typedef struct family_best {
    clxi_tile_params tile;
    double ratio;
    size_t tried; /* of the library's own candidates */
} family_best;

/* The library's own candidates of a family: the first, or those that follow. */
static clx_status try_candidates(search *s, clxi_family family, family_best *best, bool first, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_tile_params own[CLXI_TILE_CANDIDATES_MAX];
    const size_t count = clxi_tile_candidates(&s->limits, &s->of->tiles, own, CLXI_TILE_CANDIDATES_MAX);
    size_t number = 0;
    for (size_t index = 0; index < count; ++index) {
        double ratio;
        if (own[index].family != family || number++ < best->tried) continue;
        if (time_is_over(s)) break;
        CLXI_TRY(try_tile(s, &own[index], &ratio, error));
        best->tried++;
        if (ratio < best->ratio) {
            best->ratio = ratio;
            best->tile = own[index];
        }
        if (first) break;
    }
fail:
    return status;
}

/* Every value of one number, the others as in `tile`, which follows where one is better. */
static clx_status try_axis(search *s, const clxi_tile_axis *axis, clxi_tile_params *tile, double *ratio,
                           clx_error *error)
{
    clx_status status = CLX_OK;
    const uint32_t start = *(const uint32_t *)(const void *)((const char *)tile + axis->offset);
    const clxi_tile_params base = *tile;
    for (size_t index = 0; index < axis->count; ++index) {
        clxi_tile_params other = base;
        double other_ratio;
        if (axis->values[index] == start) continue;
        *(uint32_t *)(void *)((char *)&other + axis->offset) = axis->values[index];
        if (clxi_tile_settle(&s->limits, &s->of->tiles, &other) != NULL) continue;
        if (time_is_over(s)) break;
        CLXI_TRY(try_tile(s, &other, &other_ratio, error));
        if (!(other_ratio < *ratio * step_gain)) continue;
        *ratio = other_ratio;
        *tile = other;
    }
fail:
    return status;
}

static clx_status try_family(search *s, clxi_family family, family_best *best, clx_error *error)
{
    clx_status status;
    const clxi_tile_axis *axes;
    const size_t count = clxi_tile_axes(family, &axes);
    double before = INFINITY;
    CLXI_TRY(try_candidates(s, family, best, false, error));
    while (best->ratio < before && !s->cut) {
        before = best->ratio;
        for (size_t index = 0; index < count && !s->cut; ++index) {
            CLXI_TRY(try_axis(s, &axes[index], &best->tile, &best->ratio, error));
        }
    }
fail:
    return status;
}

/* One candidate of each family, then all of those families that are not far behind, the best first. */
static clx_status try_all(search *s, clx_error *error)
{
    clx_status status = CLX_OK;
    family_best best[CLXI_FAMILY_COUNT];
    for (int family = 0; family < CLXI_FAMILY_COUNT; ++family) {
        best[family] = (family_best){.ratio = INFINITY};
        if (!allowed(s, (clxi_family)family)) continue;
        CLXI_TRY(try_candidates(s, (clxi_family)family, &best[family], true, error));
    }
    for (int round = 0; round < CLXI_FAMILY_COUNT && !s->cut; ++round) {
        int next = 0;
        for (int family = 1; family < CLXI_FAMILY_COUNT; ++family) {
            if (best[family].ratio < best[next].ratio) next = family;
        }
        if (!(best[next].ratio < near_gain * s->best_ratio)) break;
        CLXI_TRY(try_family(s, (clxi_family)next, &best[next], error));
        best[next].ratio = INFINITY;
    }
fail:
    return status;
}

/* `*gain` is how many times as fast as the default the best one was in its worst round against the default's best; 0
 * where the time was over. */
static clx_status compare(search *s, double end_s, double *gain, double *typical, clx_error *error)
{
    clx_status status = CLX_OK;
    double fastest_ms = INFINITY, slowest_ms = 0.0, theirs_ms, ours_ms, sum = 0.0;
    *gain = 0.0;
    for (int round = 0; round < ROUNDS; ++round) {
        if (tool_seconds() >= end_s) return CLX_OK;
        CLXI_TRY(time_once(s, NULL, &theirs_ms, error));
        CLXI_TRY(time_once(s, &s->best, &ours_ms, error));
        fastest_ms = fmin(fastest_ms, theirs_ms);
        slowest_ms = fmax(slowest_ms, ours_ms);
        sum += log(theirs_ms / ours_ms);
    }
    *gain = fastest_ms / slowest_ms;
    *typical = exp(sum / ROUNDS);
fail:
    return status;
}

static clx_status measure_default(search *s, clx_error *error)
{
    clx_status status = CLX_OK;
    for (size_t index = 0; index < s->of->count; ++index) {
        tune_result result;
        for (int time = 0; time < 2; ++time) { /* the first may have to compile */
            show_progress(s);
            CLXI_TRY(tune_measure(s->job, s->of, index, NULL, true, &result, error));
            if (result.outcome != TUNE_GOOD) {
                return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: the default cannot be timed: %s: %s", s->of->subject,
                                 tune_outcome_name(result.outcome), result.reason);
            }
            if (time == 0 || result.ms < s->of->default_ms[index]) s->of->default_ms[index] = result.ms;
        }
    }
fail:
    return status;
}

static void print_tried(const search *s)
{
    size_t total = 0;
    for (int outcome = 0; outcome < TUNE_OUTCOMES; ++outcome) {
        total += s->tried[outcome];
    }
    printf("  tried    %zu tiles, %zu of them now:", total, s->fresh);
    for (int outcome = 0; outcome < TUNE_OUTCOMES; ++outcome) {
        if (s->tried[outcome]) printf(" %zu %s", s->tried[outcome], tune_outcome_name((tune_outcome)outcome));
    }
    printf("%s\n", s->cut ? "; there are more" : "");
}

/* Keeps a winner where operators find it. */
static clx_status keep(const search *s, const char *tile, double typical, clx_error *error)
{
    char note[CLXI_TUNING_NOTE_SIZE];
    clxi_text line = CLXI_TEXT_INIT;
    clx_status status = CLX_OK;
    snprintf(note, sizeof note, "%.2f times as fast as the default, %.80s, driver %.80s", typical,
             s->job->session.info.name, s->job->session.info.driver);
    clxi_tuning_line(s->job->session.context, s->of->subject, tile, note, &line);
    if (line.failed)
        status = clxi_fail_memory(error, "a result");
    else
        status = clxi_tuning_store(s->job->session.context, CLXI_TUNING_FILE, line.data, line.count, error);
    clxi_text_free(&line);
    return status;
}

/* What the rounds have said of a tile before, or say now. */
static clx_status decide(search *s, const char *tile, double end_s, bool *finished, clx_error *error)
{
    clx_status status = CLX_OK;
    char value[CLXI_TUNING_VALUE_SIZE];
    clxi_text subject = CLXI_TEXT_INIT;
    double gain = 0.0, typical = 0.0;
    clxi_text_printf(&subject, "%s default or %s", s->of->subject, tile);
    if (subject.failed) CLXI_TRY(clxi_fail_memory(error, "a tile"));
    if (!tune_journal_find(s->job, subject.data, value)) {
        CLXI_TRY(compare(s, end_s, &gain, &typical, error));
        *finished = gain > 0.0;
        if (!*finished) goto fail;
        snprintf(value, sizeof value, "%s %.3f", gain * win_gain > 1.0 ? "won" : "lost", typical);
        CLXI_TRY(tune_journal_put(s->job, subject.data, value, "", error));
    }
    tool_progress_hide();
    typical = strtod(value + strcspn(value, " "), NULL);
    if (strncmp(value, "won", 3) == 0) {
        CLXI_TRY(keep(s, tile, typical, error));
        printf("  best     %s: %.2f times as fast\n", tile, typical);
    } else {
        printf("  best     the default; %s is not faster by more than the noise (%.2f times)\n", tile, typical);
    }
fail:
    clxi_text_free(&subject);
    return status;
}

clx_status tune_class_search(tune_job *job, tune_class *of, double end_s, bool *finished, clx_error *error)
{
    clx_status status;
    clxi_text tile = CLXI_TEXT_INIT;
    const double now_s = tool_seconds();
    search s = {.job = job, .of = of, .best_ratio = INFINITY, .end_s = now_s + search_share * (end_s - now_s)};
    s.limits = clxi_context_tile_limits(job->session.context);
    *finished = true;
    printf("%s\n", of->subject);
    CLXI_TRY(measure_default(&s, error));
    CLXI_TRY(try_all(&s, error));
    tool_progress_hide();
    for (size_t index = 0; index < of->count; ++index) {
        char shape[TOOL_SHAPE_SIZE];
        tool_problem_shape(of->problems[index], shape);
        printf("  default  %.4g ms at %s %s\n", of->default_ms[index], shape, tool_problem_gates(of->problems[index]));
    }
    print_tried(&s);
    if (!(s.best_ratio < win_gain)) {
        printf("  best     the default\n");
    } else {
        clxi_tile_write(&s.best, &tile);
        if (tile.failed) CLXI_TRY(clxi_fail_memory(error, "a tile"));
        CLXI_TRY(decide(&s, tile.data, end_s, finished, error));
    }
    if (s.cut) *finished = false;
fail:
    tool_progress_hide();
    free(s.seen);
    clxi_text_free(&tile);
    return status;
}
