/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and freeing a context. The only file that reads the environment. */
#include "runtime/context.h"

#include "base/file.h"
#include "base/text.h"
#include "base/trusted.h"
#include "runtime/cache.h"
#include "runtime/pace.h"
#include "runtime/program.h"
#include "runtime/tuning.h"
#include "runtime/verdict.h"
#include "runtime/workspace.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CACHE_LIMIT_BYTES ((uint64_t)256 << 20)
#define DEFAULT_LAUNCH_MS 100.0
#define LAUNCH_EFFICIENCY 0.05 /* of the estimated peak: what slow kernels reach, so that launches end in time */

/* An option, or else an environment variable; "" counts as absent. */
static const char *option_or_variable(const char *option, const char *variable)
{
    if (option != NULL && option[0] != '\0') return option;
    const char *value = clxi_environment(variable);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static clx_status check_options(const clx_context_options *options, clx_error *error)
{
    if (options->struct_size != sizeof *options) {
        return clxi_fail(error, CLX_ERR_VALUE, "options.struct_size: %zu, expected %zu (CLX_CONTEXT_OPTIONS_INIT)",
                         options->struct_size, sizeof *options);
    }
    if ((options->context == NULL) != (options->device == NULL)) {
        return clxi_fail(error, CLX_ERR_NULL, "options.%s: null, expected context and device together",
                         options->context == NULL ? "context" : "device");
    }
    if (options->compute_units != 0 && options->context != NULL) {
        return clxi_fail(
            error, CLX_ERR_VALUE,
            "options.compute_units: %u, expected 0 with a context of the caller's, whose device stays whole "
            "(make the context on a sub-device)",
            (unsigned)options->compute_units);
    }
    if (isnan(options->launch_ms)) return clxi_fail(error, CLX_ERR_VALUE, "options.launch_ms: NaN, expected a number");
    return CLX_OK;
}

/* Is the device one of the context's? */
static clx_status check_device_in_context(cl_context context, cl_device_id device, clx_error *error)
{
    size_t size = 0;
    cl_int code = clGetContextInfo(context, CL_CONTEXT_DEVICES, 0, NULL, &size);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "options.context: clGetContextInfo");
    cl_device_id *devices = malloc(size + 1);
    if (devices == NULL) return clxi_fail_memory(error, "the context's devices");
    bool found = false;
    code = clGetContextInfo(context, CL_CONTEXT_DEVICES, size, devices, NULL);
    for (size_t i = 0; code == CL_SUCCESS && i < size / sizeof *devices; i++) {
        found = found || devices[i] == device;
    }
    free(devices);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "options.context: clGetContextInfo");
    if (!found) return clxi_fail(error, CLX_ERR_CONTEXT, "options.device: not a device of options.context");
    return CLX_OK;
}

static clx_status take_callers_device(clx_context *context, const clx_context_options *options, clx_error *error)
{
    clx_status status = clxi_opencl_load(error);
    if (status == CLX_OK) status = check_device_in_context(options->context, options->device, error);
    if (status != CLX_OK) return status;
    clxi_caps_query(options->device, &context->caps);
    if (!context->caps.usable) {
        return clxi_fail(error, CLX_ERR_DEVICE, "options.device: %s: %s", context->caps.name, context->caps.reason);
    }
    cl_int code = clRetainContext(options->context);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "clRetainContext");
    context->cl = options->context;
    return CLX_OK;
}

/* Fewer compute units of a CPU, if it has more than are wanted. */
static clx_status cut_device(clx_context *context, uint32_t units, clx_error *error)
{
    clxi_caps *caps = &context->caps;
    char selector[sizeof caps->selector];
    if (units == 0 || !caps->is_cpu || units >= caps->compute_units) return CLX_OK;
    clx_status status = clxi_device_part(caps, units, &context->part, error);
    if (status != CLX_OK) return status;
    memcpy(selector, caps->selector, sizeof selector);
    clxi_caps_query(context->part, caps);
    memcpy(caps->selector, selector, sizeof selector);
    if (!caps->usable) return clxi_fail(error, CLX_ERR_DEVICE, "a part of %s: %s", caps->name, caps->reason);
    return CLX_OK;
}

static clx_status choose_device(clx_context *context, const clx_context_options *options, clx_error *error)
{
    const char *selector = option_or_variable(options->selector, "CLX_DEVICE");
    clx_status status = clxi_device_select(selector, &context->caps, error);
    if (status == CLX_OK) status = cut_device(context, options->compute_units, error);
    if (status != CLX_OK) return status;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)context->caps.platform, 0};
    cl_int code = CL_SUCCESS;
    context->cl = clCreateContext(properties, 1, &context->caps.device, NULL, NULL, &code);
    if (context->cl == NULL) return clxi_fail_cl(error, code, "clCreateContext on %s", context->caps.name);
    return CLX_OK;
}

/* Copies an optional string. */
static clx_status keep(char **out, const char *string, clx_error *error)
{
    *out = clxi_strdup(string);
    return string != NULL && *out == NULL ? clxi_fail_memory(error, "the context's options") : CLX_OK;
}

/* Programs are code: a folder that others may have written to, or that is a link, is not used. */
static void check_cache(clx_context *context)
{
    const char *reason = NULL;
    if (clxi_cache_usable(context->cache_dir, &reason)) return;
    clxi_log_line(&context->log, CLXI_LOG_WARNING, "cache: %s is %s, expected a folder of this user's alone; not used",
                  context->cache_dir, reason);
    free(context->cache_dir);
    context->cache_dir = NULL;
}

/* Off by option or by CLX_CACHE=0; no folder known also means no cache. */
static clx_status set_cache(clx_context *context, const clx_context_options *options, clx_error *error)
{
    const char *variable = clxi_environment("CLX_CACHE");
    context->cache_limit_bytes =
        options->cache_limit_bytes != 0 ? options->cache_limit_bytes : DEFAULT_CACHE_LIMIT_BYTES;
    if (options->cache_off != 0 || (variable != NULL && strcmp(variable, "0") == 0)) return CLX_OK;
    const char *folder = option_or_variable(options->cache_dir, "CLX_CACHE_DIR");
    clx_status status = CLX_OK;
    if (folder != NULL) {
        status = keep(&context->cache_dir, folder, error);
    } else {
        context->cache_dir = clxi_user_cache_folder();
        if (context->cache_dir == NULL)
            clxi_log_line(&context->log, CLXI_LOG_INFO, "cache: no folder known, none used");
    }
    if (context->cache_dir != NULL) check_cache(context);
    return status;
}

/* Off by option or by CLX_TUNE=0, which may also name a file. */
static clx_status set_tuning(clx_context *context, const clx_context_options *options, clx_error *error)
{
    const char *path = option_or_variable(options->tuning, "CLX_TUNE");
    context->tuning_off = options->tuning_off != 0 || (path != NULL && strcmp(path, "0") == 0);
    return context->tuning_off ? CLX_OK : keep(&context->tuning_path, path, error);
}

/* An option, or else CLX_LAUNCH_MS; 0 counts as absent. */
static clx_status set_launch_ms(clx_context *context, const clx_context_options *options, clx_error *error)
{
    const char *variable = option_or_variable(NULL, "CLX_LAUNCH_MS");
    double ms = (double)options->launch_ms;
    if (ms == 0 && variable != NULL) {
        char *end = NULL;
        ms = strtod(variable, &end);
        if (end == variable || *end != '\0' || isnan(ms))
            return clxi_fail(error, CLX_ERR_VALUE, "CLX_LAUNCH_MS: '%s', expected a number", variable);
    }
    context->launch_ms = ms < 0 ? INFINITY : ms > 0 ? ms : DEFAULT_LAUNCH_MS;
    context->flops_per_ms = context->caps.peak_gflops * 1e6 * LAUNCH_EFFICIENCY;
    return CLX_OK;
}

static void write_log(void *user, int level, const char *message)
{
    const clx_context *context = user;
    context->user_log(context->user_log_user, (clx_log_level)level, message);
}

static clx_status set_options(clx_context *context, const clx_context_options *options, clx_error *error)
{
    clx_status status = CLX_OK;
    if (options->log != NULL) {
        context->user_log = options->log;
        context->user_log_user = options->log_user;
        context->log = (clxi_log){write_log, context};
    }
    CLXI_TRY(set_cache(context, options, error));
    CLXI_TRY(keep(&context->kernel_dir, option_or_variable(options->kernel_dir, "CLX_KERNEL_DIR"), error));
    CLXI_TRY(keep(&context->variants, option_or_variable(options->variants, "CLX_VARIANT"), error));
    CLXI_TRY(set_tuning(context, options, error));
fail:
    return status;
}

static void context_free(clx_context *context)
{
    clxi_programs_free(context);
    clxi_verdicts_free(context);
    clxi_tunings_free(context);
    clxi_paces_free(context);
    clxi_pool_free(context);
    if (context->cl != NULL) clReleaseContext(context->cl);
    if (context->part != NULL) clReleaseDevice(context->part);
    free(context->cache_dir);
    free(context->kernel_dir);
    free(context->variants);
    free(context->tuning_path);
    clxi_process_forget(&context->process);
    clxi_mutex_destroy(&context->mutex);
    free(context);
}

clx_status clx_context_create(clx_context **out, const clx_context_options *options, clx_error *error)
{
    const clx_context_options defaults = CLX_CONTEXT_OPTIONS_INIT;
    clx_status status = CLX_OK;
    if (out == NULL) return clxi_fail(error, CLX_ERR_NULL, "out: null");
    *out = NULL;
    if (options == NULL) options = &defaults;
    status = check_options(options, error);
    if (status != CLX_OK) return status;
    clx_context *context = calloc(1, sizeof *context);
    if (context == NULL) return clxi_fail_memory(error, "the context");
    if (clxi_mutex_init(&context->mutex) != 0) {
        free(context);
        return clxi_fail_memory(error, "the context's mutex");
    }
    context->holders = 1;
    clxi_process_note(&context->process);
    CLXI_TRY(set_options(context, options, error));
    if (options->context != NULL) {
        CLXI_TRY(take_callers_device(context, options, error));
    } else {
        CLXI_TRY(choose_device(context, options, error));
    }
    CLXI_TRY(set_launch_ms(context, options, error));
    clxi_log_line(&context->log, CLXI_LOG_INFO, "device: %s (%s), driver %s", context->caps.name,
                  context->caps.platform_name, context->caps.driver);
    clxi_tuning_load(context);
    *out = context;
    return CLX_OK;
fail:
    context_free(context);
    return status;
}

bool clxi_context_is_foreign(const clx_context *context)
{
    return context != NULL && clxi_process_differs(&context->process);
}

clx_status clxi_context_check(const clx_context *context, clx_error *error)
{
    if (context == NULL) return clxi_fail(error, CLX_ERR_NULL, "context: null");
    if (!clxi_process_differs(&context->process)) return CLX_OK;
    return clxi_fail(error, CLX_ERR_CONTEXT, "context: made before a fork, expected one of this process");
}

void clxi_context_retain(clx_context *context)
{
    clxi_mutex_lock(&context->mutex);
    context->holders++;
    clxi_mutex_unlock(&context->mutex);
}

void clxi_context_release(clx_context *context)
{
    if (context == NULL || clxi_context_is_foreign(context)) return;
    clxi_mutex_lock(&context->mutex);
    uint32_t holders = --context->holders;
    clxi_mutex_unlock(&context->mutex);
    if (holders == 0) context_free(context);
}

void clx_context_destroy(clx_context *context)
{
    clxi_context_release(context);
}

cl_context clx_context_cl_context(const clx_context *context)
{
    return context != NULL ? context->cl : NULL;
}

cl_device_id clx_context_cl_device(const clx_context *context)
{
    return context != NULL ? context->caps.device : NULL;
}

clx_status clx_context_device_info(const clx_context *context, clx_device_info *info, size_t info_bytes,
                                   clx_error *error)
{
    if (context == NULL) return clxi_fail(error, CLX_ERR_NULL, "context: null");
    if (info == NULL) return clxi_fail(error, CLX_ERR_NULL, "info: null");
    clxi_caps_describe(&context->caps, info, info_bytes);
    return CLX_OK;
}

/* What a comma-separated list says of a name. */
typedef struct list_word {
    bool named;     /* "x" */
    bool forbidden; /* "!x" */
    bool others;    /* some name without "!" */
} list_word;

static list_word look_up(const char *list, const char *name)
{
    list_word word = {false, false, false};
    const char *item = list;
    while (item != NULL && *item != '\0') {
        const size_t length = strcspn(item, ",");
        const bool forbid = item[0] == '!';
        const bool same = strlen(name) == length - forbid && memcmp(item + forbid, name, length - forbid) == 0;
        word.forbidden = word.forbidden || (forbid && same);
        word.named = word.named || (!forbid && same);
        word.others = word.others || (!forbid && length > 0);
        item += length;
        item += *item == ',';
    }
    return word;
}

/* "!x" forbids x; any name without "!" forbids all that are not named. */
bool clxi_context_allows(const clx_context *context, const char *family)
{
    const list_word word = look_up(context->variants, family);
    return !word.forbidden && (word.named || !word.others);
}

bool clxi_context_names(const clx_context *context, const char *family)
{
    const list_word word = look_up(context->variants, family);
    return word.named && !word.forbidden;
}
