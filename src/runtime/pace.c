/* SPDX-License-Identifier: Apache-2.0
 *
 * Paces: remembered, or measured; see the header. On disk they are lines of a kernel's name and a number, beside the
 * verdicts. */
#include "runtime/pace.h"

#include "runtime/cache.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 3        /* the first of which may have to load or compile; the fastest counts */
#define LONG_RUN_MS 5 /* so long a run tells enough by itself */
#define DISK_KEY_BYTES 64
#define LINE_BYTES (CLXI_PACE_NAME + 32)

/* What is tried lies in caches, and a long call's tensors do not: with PoCL, launches of 1x8x16384x256x512 took 1.5 times as
 * long as measured, those of the recurrent form 1.6 times. */
#define MARGIN 0.6

struct clxi_pace_entry {
    clxi_pace_entry *next;
    clxi_hash key;
    clxi_paces paces;
};

double clxi_pace_of(const clxi_paces *paces, const char *kernel)
{
    for (size_t i = 0; paces != NULL && i < paces->count; i++) {
        if (strcmp(paces->kernels[i].name, kernel) == 0) return MARGIN * paces->kernels[i].flops_per_ms;
    }
    return 0;
}

void clxi_laps_note(clxi_laps *laps, const char *kernel, double flops, cl_event event)
{
    if (laps->count == CLXI_LAPS || clRetainEvent(event) != CL_SUCCESS) return;
    laps->rows[laps->count].name = kernel;
    laps->rows[laps->count].flops = flops;
    laps->rows[laps->count++].event = event;
}

static void release_laps(clxi_laps *laps)
{
    for (size_t i = 0; i < laps->count; i++) {
        clReleaseEvent(laps->rows[i].event);
    }
    laps->count = 0;
}

/* 0 where the driver does not tell. */
static double lap_ms(cl_event event)
{
    cl_ulong start = 0;
    cl_ulong end = 0;
    if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) != CL_SUCCESS) return 0;
    if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) != CL_SUCCESS) return 0;
    return end > start ? 1e-6 * (double)(end - start) : 0;
}

/* Keeps the faster pace. */
static void improve(clxi_paces *paces, const char *kernel, double flops_per_ms)
{
    size_t i = 0;
    if (!(flops_per_ms > 0) || isinf(flops_per_ms) || strlen(kernel) >= CLXI_PACE_NAME) return;
    while (i < paces->count && strcmp(paces->kernels[i].name, kernel) != 0) {
        i++;
    }
    if (i == CLXI_PACE_KERNELS) return;
    if (i == paces->count) {
        memset(&paces->kernels[i], 0, sizeof paces->kernels[i]);
        memcpy(paces->kernels[i].name, kernel, strlen(kernel));
        paces->count++;
    }
    if (flops_per_ms > paces->kernels[i].flops_per_ms) paces->kernels[i].flops_per_ms = flops_per_ms;
}

/* Adds up the laps of each kernel of one run. Returns how long all of them took. */
static double take_laps(clxi_paces *paces, const clxi_laps *laps)
{
    double all_ms = 0;
    for (size_t i = 0; i < laps->count; i++) {
        double flops = 0;
        double ms = 0;
        for (size_t j = 0; j < laps->count; j++) {
            if (strcmp(laps->rows[i].name, laps->rows[j].name) != 0) continue;
            flops += laps->rows[j].flops;
            ms += lap_ms(laps->rows[j].event);
        }
        if (ms > 0) improve(paces, laps->rows[i].name, flops / ms);
        all_ms += lap_ms(laps->rows[i].event);
    }
    return all_ms;
}

static clx_status measure(clx_context *context, clxi_paces *paces, clxi_pace_run_fn run, void *op, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_laps laps = {.count = 0};
    clxi_trial trial = {0};
    double run_ms = 0;
    CLXI_TRY(clxi_trial_begin_timed(&trial, context, error));
    paces->laps = &laps;
    for (int i = 0; i < RUNS && run_ms < LONG_RUN_MS; i++) {
        clx_tensor result;
        CLXI_TRY(run(op, &trial, &result, error));
        CLXI_TRY(clxi_trial_wait(&trial, error));
        run_ms = take_laps(paces, &laps);
        release_laps(&laps);
    }
fail:
    paces->laps = NULL;
    clxi_trial_end(&trial);
    release_laps(&laps);
    return status;
}

static size_t disk_key(clxi_hash key, char *out)
{
    return (size_t)snprintf(out, DISK_KEY_BYTES, "clxlstm pace %016llx%016llx", (unsigned long long)key.high,
                            (unsigned long long)key.low);
}

/* Lines that are none are passed over. */
static void parse(const char *text, clxi_paces *paces)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        char name[CLXI_PACE_NAME];
        double value = 0;
        line += *line == '\n';
        if (sscanf(line, "%23s %lf", name, &value) == 2) improve(paces, name, value);
    }
}

static void read_from_disk(const clx_context *context, clxi_hash key, clxi_paces *paces)
{
    char name[DISK_KEY_BYTES];
    void *payload = NULL;
    size_t size = 0;
    if (context->cache_dir == NULL) return;
    if (!clxi_cache_load(context->cache_dir, name, disk_key(key, name), &payload, &size)) return;
    char *text = malloc(size + 1);
    if (text != NULL) {
        memcpy(text, payload, size);
        text[size] = '\0';
        parse(text, paces);
    }
    free(text);
    free(payload);
}

static void write_to_disk(const clx_context *context, clxi_hash key, const clxi_paces *paces)
{
    char name[DISK_KEY_BYTES];
    char text[CLXI_PACE_KERNELS * LINE_BYTES];
    size_t size = 0;
    if (context->cache_dir == NULL) return;
    for (size_t i = 0; i < paces->count; i++) {
        size += (size_t)snprintf(text + size, LINE_BYTES, "%s %.17g\n", paces->kernels[i].name,
                                 paces->kernels[i].flops_per_ms);
    }
    clxi_cache_store(context->cache_dir, name, disk_key(key, name), text, size, context->cache_limit_bytes);
}

static bool recall(clx_context *context, clxi_hash key, clxi_paces *paces)
{
    bool found = false;
    clxi_mutex_lock(&context->mutex);
    for (const clxi_pace_entry *e = context->paces; e != NULL && !found; e = e->next) {
        found = e->key.high == key.high && e->key.low == key.low;
        if (found) *paces = e->paces;
    }
    clxi_mutex_unlock(&context->mutex);
    return found;
}

/* Where memory is short they are forgotten, and found again. */
static void remember(clx_context *context, clxi_hash key, const clxi_paces *paces)
{
    clxi_pace_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return;
    entry->key = key;
    entry->paces = *paces;
    clxi_mutex_lock(&context->mutex);
    entry->next = context->paces;
    context->paces = entry;
    clxi_mutex_unlock(&context->mutex);
}

void clxi_paces_find(clx_context *context, clxi_hash key, clxi_paces *paces, clxi_pace_run_fn run, void *op)
{
    if (isinf(context->launch_ms) || recall(context, key, paces)) return;
    read_from_disk(context, key, paces);
    if (paces->count == 0) {
        clx_error error = CLX_ERROR_INIT;
        if (measure(context, paces, run, op, &error) == CLX_OK) {
            write_to_disk(context, key, paces);
        } else {
            clxi_log_line(&context->log, CLXI_LOG_INFO, "how fast a kernel is was not measured: %s", error.message);
            paces->count = 0;
        }
        clx_error_clear(&error);
    }
    if (paces->count > 0) remember(context, key, paces);
}

void clxi_paces_free(clx_context *context)
{
    while (context->paces != NULL) {
        clxi_pace_entry *entry = context->paces;
        context->paces = entry->next;
        free(entry);
    }
}
