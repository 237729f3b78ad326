/* SPDX-License-Identifier: Apache-2.0
 *
 * Running the kernels of src/ops/ceilings.h: each in launches long enough to be timed, the best of several, and its
 * result held against what arithmetic says. */
#include "bench_ceiling.h"
#include "base/arith.h"
#include "base/fail.h"
#include "ops/ceilings.h"
#include "progress.h"
#include "runtime/launch.h"
#include "runtime/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAUNCHES = 24, STEPS_FIRST = 64, STEPS_MOST = 1 << 17, STARTS = 12 * 16 };
static const double launch_ms = 5.0;

/* One ceiling in the making. */
typedef struct trial {
    const tool_session *session;
    const clxi_ceiling *ceiling;
    cl_kernel kernel;
    cl_mem from, to;
    size_t groups;
    cl_uint steps;
    size_t size_bytes; /* COPY: of each buffer */
    uint32_t *pattern;
    double best_ms;
} trial;

static clx_status buffer(const trial *t, size_t size_bytes, const void *data, cl_mem *out, clx_error *error)
{
    cl_int code = CL_SUCCESS;
    cl_context context = clx_context_cl_context(t->session->context);
    cl_mem_flags flags = CL_MEM_READ_WRITE | (data ? CL_MEM_COPY_HOST_PTR : 0);
    *out = clCreateBuffer(context, flags, size_bytes, (void *)(uintptr_t)data, &code);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "a buffer of %zu bytes", size_bytes);
}

/* Waits for a command and takes its time from its own begin to its end. */
static clx_status time_of(const trial *t, cl_int code, cl_event event, double *ms, clx_error *error)
{
    clx_status status = CLX_OK;
    cl_ulong began_ns = 0, ended_ns = 0;
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "%s", t->ceiling->kernel);
    CLXI_TRY(tool_session_wait(t->session, event, error));
    code = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof began_ns, &began_ns, NULL);
    if (code == CL_SUCCESS) {
        code = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof ended_ns, &ended_ns, NULL);
    }
    if (code != CL_SUCCESS) CLXI_TRY(clxi_fail_cl(error, code, "profiling of an event"));
    *ms = 1e-6 * ((double)ended_ns - (double)began_ns);
fail:
    clReleaseEvent(event);
    return status;
}

static clx_status launch(trial *t, double *ms, clx_error *error)
{
    cl_event event = NULL;
    size_t local = t->ceiling->items, global = t->groups * local;
    cl_int code = clEnqueueNDRangeKernel(t->session->queue, t->kernel, 1, NULL, &global, &local, 0, NULL, &event);
    return time_of(t, code, event, ms, error);
}

static clx_status copy_buffer(trial *t, double *ms, clx_error *error)
{
    cl_event event = NULL;
    cl_int code = clEnqueueCopyBuffer(t->session->queue, t->from, t->to, 0, 0, t->size_bytes, 0, NULL, &event);
    return time_of(t, code, event, ms, error);
}

static clx_status best_of(trial *t, clx_status (*run)(trial *, double *, clx_error *), clx_error *error)
{
    clx_status status = CLX_OK;
    t->best_ms = INFINITY;
    for (int index = 0; index < LAUNCHES; ++index) {
        double ms = 0.0;
        CLXI_TRY(run(t, &ms, error));
        if (ms > 0.0 && ms < t->best_ms) t->best_ms = ms;
    }
    if (!isfinite(t->best_ms)) CLXI_TRY(clxi_fail(error, CLX_ERR_OPENCL, "profiling events without times"));
fail:
    return status;
}

/* ---- operations ------------------------------------------------------------------------------------------------- */

static float fma_start(size_t index)
{
    return (float)(index % 5);
}

static double product_of(size_t row, size_t column, size_t depth)
{
    double sum = 0.0;
    for (size_t k = 0; k < depth; ++k) {
        sum += ((double)((row + k) % 3) - 1.0) * ((double)((k + 2 * column) % 5) - 2.0);
    }
    return sum;
}

/* What item `item` of a group must have found; `size` is that of the numbers added up. The comments on top of the kernels
 * say why. */
static double expected_of(const trial *t, size_t item, double *size)
{
    const clxi_ceiling *c = t->ceiling;
    const size_t lane = item % 32, g = lane / 4, pair = 2 * (lane % 4);
    double sum = 0.0;
    *size = 0.0;
    if (c->kind == CLXI_CEILING_FMA) {
        for (size_t index = 0; index < (size_t)12 * c->width; ++index) {
            sum += fma_start(index) + (double)(item % 4) + (double)t->steps;
        }
        *size = sum;
        return sum;
    }
    const size_t count = c->kind == CLXI_CEILING_MMA ? 8 * 4 : 128;
    for (size_t e = 0; e < count; ++e) {
        const bool mma = c->kind == CLXI_CEILING_MMA;
        const size_t row = (mma ? 0 : 16 * (item % 128 / 32)) + g + 8 * (e % 4 / 2);
        const size_t column = (mma ? 0 : 8 * (e / 4)) + pair + e % 2;
        const double product = product_of(row, column, !mma ? 64 : c->dtype == CLX_F32 ? 8 : 16);
        const double value = (mma ? (double)(e / 4) : 0.0) + (double)t->steps * product;
        const double term = (double)(mma ? e % 4 + 1 : e % 7 + 1) * value;
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* The results of the first group and the last. */
static clx_status check_numbers(const trial *t, clx_error *error)
{
    clx_status status = CLX_OK;
    const size_t items = t->ceiling->items;
    float *found = malloc(items * sizeof *found);
    if (!found) return clxi_fail_memory(error, "the results");
    for (size_t group = 0; group < t->groups; group += clxi_max_u64(t->groups - 1, 1)) {
        cl_int code = clEnqueueReadBuffer(t->session->queue, t->to, CL_TRUE, group * items * sizeof *found,
                                          items * sizeof *found, found, 0, NULL, NULL);
        if (code != CL_SUCCESS) CLXI_TRY(clxi_fail_cl(error, code, "reading the results"));
        for (size_t item = 0; item < items; ++item) {
            double size, expected = expected_of(t, item, &size);
            if (!(fabs((double)found[item] - expected) <= 1e-4 * size + 1e-3)) {
                CLXI_TRY(clxi_fail(error, CLX_ERR_OPENCL, "its result is wrong: %g, expected %g", (double)found[item],
                                   expected));
            }
        }
    }
fail:
    free(found);
    return status;
}

static clx_status bound(const trial *t, const clxi_bind *bind, clx_error *error)
{
    return bind->code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, bind->code, "%s", t->ceiling->kernel);
}

static clx_status bind_numbers(const trial *t, clx_error *error)
{
    clxi_bind bind = clxi_bind_begin(t->kernel);
    if (t->ceiling->kind == CLXI_CEILING_FMA) clxi_bind_mem(&bind, t->from);
    clxi_bind_mem(&bind, t->to);
    if (t->ceiling->kind == CLXI_CEILING_FMA) {
        clxi_bind_f32(&bind, 1.0f);
        clxi_bind_f32(&bind, 1.0f);
    }
    clxi_bind_u32(&bind, t->steps);
    return bound(t, &bind, error);
}

static clx_status run_numbers(trial *t, clx_error *error)
{
    clx_status status;
    float start[STARTS];
    double ms = 0.0;
    for (size_t index = 0; index < STARTS; ++index) {
        start[index] = fma_start(index);
    }
    /* many more groups than a device runs at once, so that the last round does not count */
    const size_t per_unit = t->ceiling->items == 1 ? 16 : t->ceiling->kind == CLXI_CEILING_WGMMA ? 16 : 128;
    t->groups = per_unit * t->session->info.compute_units;
    CLXI_TRY(buffer(t, sizeof start, start, &t->from, error));
    CLXI_TRY(buffer(t, t->groups * t->ceiling->items * sizeof(float), NULL, &t->to, error));
    for (t->steps = STEPS_FIRST;; t->steps *= 2) {
        CLXI_TRY(bind_numbers(t, error));
        CLXI_TRY(launch(t, &ms, error));
        if (ms >= launch_ms || t->steps >= STEPS_MOST) break;
    }
    CLXI_TRY(best_of(t, launch, error));
    CLXI_TRY(check_numbers(t, error));
fail:
    return status;
}

/* ---- copies ----------------------------------------------------------------------------------------------------- */

/* Far more than the caches hold, where the memory allows; on GPUs also enough to keep them busy. */
static size_t copy_bytes(const tool_session *session)
{
    const uint64_t mebi = (uint64_t)1 << 20;
    const uint64_t least = strcmp(session->info.type, "gpu") == 0 ? 1024 * mebi : 128 * mebi;
    cl_ulong cache_bytes = 0;
    clGetDeviceInfo(clx_context_cl_device(session->context), CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache_bytes,
                    &cache_bytes, NULL);
    uint64_t bytes = clxi_min_u64(clxi_max_u64(least, 2 * cache_bytes), 1024 * mebi);
    bytes = clxi_min_u64(bytes, clxi_min_u64(session->info.max_alloc_bytes, session->info.global_bytes / 8));
    return (size_t)(bytes / 4096 * 4096);
}

static clx_status check_copy(const trial *t, clx_error *error)
{
    clx_status status = CLX_OK;
    uint32_t *found = malloc(t->size_bytes);
    if (!found) return clxi_fail_memory(error, "the copy");
    cl_int code = clEnqueueReadBuffer(t->session->queue, t->to, CL_TRUE, 0, t->size_bytes, found, 0, NULL, NULL);
    if (code != CL_SUCCESS) CLXI_TRY(clxi_fail_cl(error, code, "reading the copy"));
    if (memcmp(found, t->pattern, t->size_bytes) != 0) {
        CLXI_TRY(clxi_fail(error, CLX_ERR_OPENCL, "its result is wrong: the copy differs"));
    }
fail:
    free(found);
    return status;
}

static clx_status prepare_copy(trial *t, clx_error *error)
{
    clx_status status = CLX_OK;
    const clxi_ceiling *c = t->ceiling;
    t->size_bytes = copy_bytes(t->session);
    t->pattern = malloc(t->size_bytes);
    if (!t->pattern) return clxi_fail_memory(error, "the pattern");
    for (size_t index = 0; index < t->size_bytes / sizeof *t->pattern; ++index) {
        t->pattern[index] = (uint32_t)index * 2654435761u;
    }
    CLXI_TRY(buffer(t, t->size_bytes, t->pattern, &t->from, error));
    CLXI_TRY(buffer(t, t->size_bytes, NULL, &t->to, error));
    const cl_ulong pieces = t->size_bytes / (c->width * sizeof(float));
    t->groups = (size_t)clxi_ceil_div(pieces, c->items * c->runs);
    clxi_bind bind = clxi_bind_begin(t->kernel);
    clxi_bind_mem(&bind, t->from);
    clxi_bind_mem(&bind, t->to);
    clxi_bind_u64(&bind, pieces);
    CLXI_TRY(bound(t, &bind, error));
fail:
    return status;
}

/* So that the next copy can be told from this one. */
static clx_status change_pattern(trial *t, clx_error *error)
{
    for (size_t index = 0; index < t->size_bytes / sizeof *t->pattern; ++index) {
        t->pattern[index] = ~t->pattern[index];
    }
    cl_int code =
        clEnqueueWriteBuffer(t->session->queue, t->from, CL_TRUE, 0, t->size_bytes, t->pattern, 0, NULL, NULL);
    return code == CL_SUCCESS ? CLX_OK : clxi_fail_cl(error, code, "writing the pattern");
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static void record(tool_sheet *sheet, size_t device, const char *name, const char *unit, double value, const char *note)
{
    tool_sheet_ceiling *r = tool_sheet_add(sheet, TOOL_CEILINGS);
    if (!r) return;
    r->device = (double)device;
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->unit, sizeof r->unit, "%s", unit);
    snprintf(r->note, sizeof r->note, "%.255s", note);
    r->value = value;
}

/* A measured one, or why there is none. */
static void record_trial(tool_sheet *sheet, size_t device, const trial *t, const char *name, double work,
                         clx_status status, clx_error *error)
{
    char note[192];
    const char *unit = t->ceiling->kind == CLXI_CEILING_COPY ? "B/s" : "FLOP/s";
    if (status == CLX_OK) {
        snprintf(note, sizeof note, "best of %d launches of about %.3g ms, result checked", LAUNCHES, t->best_ms);
        record(sheet, device, name, unit, work / t->best_ms * 1e3, note);
    } else {
        record(sheet, device, name, unit, NAN, error->message);
    }
    clx_error_clear(error);
}

static void measure_copies(trial *t, tool_sheet *sheet, size_t device)
{
    clx_error error = CLX_ERROR_INIT;
    clx_status status = prepare_copy(t, &error);
    const double work = 2.0 * (double)t->size_bytes;
    if (status == CLX_OK) status = best_of(t, launch, &error);
    if (status == CLX_OK) status = check_copy(t, &error);
    record_trial(sheet, device, t, t->ceiling->name, work, status, &error);
    if (!t->to) return;
    status = change_pattern(t, &error);
    if (status == CLX_OK) status = best_of(t, copy_buffer, &error);
    if (status == CLX_OK) status = check_copy(t, &error);
    record_trial(sheet, device, t, "copy_buffer", work, status, &error);
}

static void measure(const tool_session *session, const clxi_ceiling *ceiling, tool_sheet *sheet, size_t device)
{
    clx_error error = CLX_ERROR_INIT;
    trial t = {.session = session, .ceiling = ceiling};
    clx_status status =
        clxi_kernel_get(session->context, ceiling->source, ceiling->options, ceiling->kernel, &t.kernel, &error);
    if (status == CLX_OK && ceiling->kind == CLXI_CEILING_COPY) {
        measure_copies(&t, sheet, device);
    } else {
        if (status == CLX_OK) status = run_numbers(&t, &error);
        const double work = ceiling->work * (double)t.groups * (double)t.steps;
        record_trial(sheet, device, &t, ceiling->name, work, status, &error);
    }
    clxi_kernel_release(t.kernel);
    if (t.from) clReleaseMemObject(t.from);
    if (t.to) clReleaseMemObject(t.to);
    free(t.pattern);
    clx_error_clear(&error);
}

void tool_ceilings_measure(const tool_session *session, tool_sheet *sheet, size_t device)
{
    clxi_ceiling ceilings[CLXI_CEILINGS_MAX];
    const size_t count = clxi_ceilings(session->context, ceilings);
    for (size_t index = 0; index < count; ++index) {
        tool_progress_part((double)index / (double)count);
        measure(session, &ceilings[index], sheet, device);
        const tool_sheet_ceiling *last = NULL;
        if (sheet->count[TOOL_CEILINGS] > 0) last = tool_sheet_ceiling_at(sheet, sheet->count[TOOL_CEILINGS] - 1);
        if (last && ceilings[index].dtype == CLX_F32 && ceilings[index].kind == CLXI_CEILING_MMA) {
            record(sheet, device, "mma_tf32_3x_f32", "FLOP/s", last->value / 3.0,
                   "a third of mma_tf32: products in f32 take three in tf32");
        }
    }
}

/* Is it one for this dtype, by the end of its name? */
static bool is_for(const tool_sheet_ceiling *ceiling, const char *dtype)
{
    const size_t name = strlen(ceiling->name), end = strlen(dtype);
    return name > end && ceiling->name[name - end - 1] == '_' && strcmp(ceiling->name + name - end, dtype) == 0;
}

const tool_sheet_ceiling *tool_ceiling_of(const tool_sheet *sheet, size_t device, const char *dtype)
{
    const tool_sheet_ceiling *best = NULL;
    for (size_t index = 0; index < sheet->count[TOOL_CEILINGS]; ++index) {
        const tool_sheet_ceiling *c = tool_sheet_ceiling_at(sheet, index);
        const bool fits = is_for(c, dtype) || strcmp(c->name, "fma_f32") == 0;
        if ((size_t)c->device != device || !fits || !(c->value > 0.0)) continue;
        if (!best || c->value > best->value) best = c;
    }
    return best;
}

const tool_sheet_ceiling *tool_ceiling_of_traffic(const tool_sheet *sheet, size_t device)
{
    const tool_sheet_ceiling *best = NULL;
    for (size_t index = 0; index < sheet->count[TOOL_CEILINGS]; ++index) {
        const tool_sheet_ceiling *c = tool_sheet_ceiling_at(sheet, index);
        if ((size_t)c->device != device || strcmp(c->unit, "B/s") != 0 || !(c->value > 0.0)) continue;
        if (!best || c->value > best->value) best = c;
    }
    return best;
}
