/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs: found in memory, else loaded from a blob or the disk, else compiled. */
#include "runtime/program.h"

#include "runtime/cache.h"
#include "runtime/program_list.h"
#include "runtime/reload.h"
#include <stdlib.h>
#include <string.h>

void clxi_key_device(const clx_context *context, clxi_text *key)
{
    const clxi_caps *caps = &context->caps;
    clxi_text_printf(key, "clxlstm program %d\nlibrary %s\nplatform %s\nplatform version %s\n", CLXI_CACHE_FORMAT,
                     CLX_VERSION_STRING, caps->platform_name, caps->platform_version);
    clxi_text_printf(key, "device %s\nvendor %s\nversion %s\ndriver %s\naddress bits %u\nunits %u\n", caps->name,
                     caps->vendor, caps->version, caps->driver, caps->address_bits, caps->compute_units);
}

/* Every kernel is OpenCL C 1.2, unless its family needs another version and says so. */
static void render_options(const clx_context *context, const char *options, clxi_text *out)
{
    if (strstr(options, "-cl-std=") == NULL) clxi_text_printf(out, "-cl-std=CL1.2 -w ");
    clxi_text_printf(out, "%s", options);
    clxi_caps_options(&context->caps, out);
}

/* What goes into a build, and its key: the device's part, the options, the text. */
typedef struct recipe {
    const char *name;
    clxi_text text;
    clxi_text options;
    clxi_text key;
} recipe;

static void recipe_free(recipe *r)
{
    clxi_text_free(&r->text);
    clxi_text_free(&r->options);
    clxi_text_free(&r->key);
}

static clx_status recipe_make(const clx_context *context, const char *source, const char *options, recipe *r,
                              clx_error *error)
{
    memset(r, 0, sizeof *r);
    r->name = source;
    clx_status status = clxi_source_assemble(context, source, &r->text, error);
    if (status != CLX_OK) return status;
    render_options(context, options, &r->options);
    clxi_key_device(context, &r->key);
    clxi_text_printf(&r->key, "options %s\nsource %s\n", r->options.data != NULL ? r->options.data : "", source);
    clxi_text_append(&r->key, r->text.data, r->text.count);
    if (r->options.failed || r->key.failed) return clxi_fail_memory(error, "a program's key");
    return CLX_OK;
}

clxi_program_entry *clxi_program_find(clx_context *context, const clxi_text *key)
{
    for (clxi_program_entry *e = context->programs; e != NULL; e = e->next) {
        if (e->key.count == key->count && memcmp(e->key.data, key->data, key->count) == 0) return e;
    }
    return NULL;
}

clxi_program_entry *clxi_program_add(clx_context *context, clxi_text *key)
{
    clxi_program_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return NULL;
    entry->key = *key;
    memset(key, 0, sizeof *key);
    entry->next = context->programs;
    context->programs = entry;
    return entry;
}

void clxi_programs_free(clx_context *context)
{
    while (context->programs != NULL) {
        clxi_program_entry *entry = context->programs;
        context->programs = entry->next;
        if (entry->program != NULL) clReleaseProgram(entry->program);
        clxi_text_free(&entry->key);
        free(entry->binary);
        free(entry);
    }
}

/* Which of the program's devices is ours? A caller's context may have several. */
static bool device_index(const clx_context *context, cl_program program, cl_uint *index, cl_uint *count)
{
    bool found = false;
    if (clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof *count, count, NULL) != CL_SUCCESS) return false;
    cl_device_id *devices = calloc((size_t)*count + 1, sizeof *devices);
    if (devices == NULL) return false;
    cl_int code = clGetProgramInfo(program, CL_PROGRAM_DEVICES, *count * sizeof *devices, devices, NULL);
    for (cl_uint i = 0; code == CL_SUCCESS && i < *count && !found; i++) {
        found = devices[i] == context->caps.device;
        *index = i;
    }
    free(devices);
    return found;
}

bool clxi_program_binary(const clx_context *context, cl_program program, void **binary, size_t *binary_bytes)
{
    cl_uint index = 0;
    cl_uint count = 0;
    unsigned char *bytes = NULL;
    if (!device_index(context, program, &index, &count)) return false;
    size_t *sizes = calloc(count, sizeof *sizes);
    unsigned char **places = calloc(count, sizeof *places); /* NULL: that device's binary is not wanted */
    bool good = sizes != NULL && places != NULL &&
                clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, count * sizeof *sizes, sizes, NULL) == CL_SUCCESS &&
                sizes[index] > 0;
    if (good) {
        bytes = malloc(sizes[index]);
        places[index] = bytes;
        good = bytes != NULL &&
               clGetProgramInfo(program, CL_PROGRAM_BINARIES, count * sizeof *places, places, NULL) == CL_SUCCESS;
    }
    if (good) {
        *binary = bytes;
        *binary_bytes = sizes[index];
    } else {
        free(bytes);
    }
    free(sizes);
    free(places);
    return good;
}

/* A program from a binary, or NULL where the driver does not take it. */
static cl_program load_binary(const clx_context *context, const recipe *r, const void *binary, size_t binary_bytes)
{
    const unsigned char *bytes = binary;
    cl_device_id device = context->caps.device;
    cl_int taken = CL_SUCCESS;
    cl_int code = CL_SUCCESS;
    if (binary_bytes == 0) return NULL;
    cl_program program = clCreateProgramWithBinary(context->cl, 1, &device, &binary_bytes, &bytes, &taken, &code);
    if (program == NULL) return NULL;
    if (code == CL_SUCCESS && taken == CL_SUCCESS) {
        code = clBuildProgram(program, 1, &device, r->options.data, NULL, NULL);
    } else {
        code = CL_INVALID_BINARY;
    }
    if (code == CL_SUCCESS) return program;
    clReleaseProgram(program);
    return NULL;
}

/* The build log, whole, malloc'ed; NULL where there is none. */
static char *build_log(const clx_context *context, cl_program program)
{
    size_t size = 0;
    cl_device_id device = context->caps.device;
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS) return NULL;
    char *log = calloc(1, size + 1);
    if (log != NULL && clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log, NULL) != CL_SUCCESS) {
        free(log);
        log = NULL;
    }
    return log;
}

/* The first line of a log that speaks of an error, for the message; the whole goes into the detail. */
static clx_status fail_build(const clx_context *context, const recipe *r, cl_program program, cl_int code,
                             clx_error *error)
{
    if (code == CL_OUT_OF_HOST_MEMORY) return clxi_fail_cl(error, code, "cl/%s: build", r->name);
    char *log = build_log(context, program);
    const char *line = log != NULL ? strstr(log, "error") : NULL;
    while (line != NULL && line > log && line[-1] != '\n') {
        line--;
    }
    int length = line != NULL ? (int)strcspn(line, "\n") : 0;
    clx_status status = clxi_fail(error, CLX_ERR_BUILD, "cl/%s: does not build on %s (%s): %.*s", r->name,
                                  context->caps.name, clxi_cl_code_name(code), length, line != NULL ? line : "");
    if (error != NULL) error->cl_code = code;
    clxi_error_set_detail(error, log);
    clxi_log_line(&context->log, CLXI_LOG_WARNING, "cl/%s: does not build with: %s", r->name, r->options.data);
    free(log);
    return status;
}

/* Puts the program of a source with marks in place of what the driver compiled; see reload.h. */
static clx_status reload(const clx_context *context, const recipe *r, cl_program *program, clx_error *error)
{
    void *binary = NULL;
    size_t binary_bytes = 0;
    clxi_text edited = CLXI_TEXT_INIT;
    cl_program reloaded = NULL;
    const char *reason = "the driver gives no binary";
    if (clxi_program_binary(context, *program, &binary, &binary_bytes) &&
        clxi_reload_edit(binary, binary_bytes, &edited, &reason)) {
        reloaded = load_binary(context, r, edited.data, edited.count);
        reason = "the driver does not take its own PTX back";
    }
    free(binary);
    clxi_text_free(&edited);
    if (reloaded == NULL)
        return clxi_fail(error, CLX_ERR_BUILD, "cl/%s: cannot be reloaded on %s: %s", r->name, context->caps.name,
                         reason);
    clReleaseProgram(*program);
    *program = reloaded;
    return CLX_OK;
}

static clx_status compile(const clx_context *context, const recipe *r, cl_program *out, clx_error *error)
{
    clx_status status = CLX_OK;
    cl_int code = CL_SUCCESS;
    cl_device_id device = context->caps.device;
    const char *text = r->text.data;
    clxi_log_line(&context->log, CLXI_LOG_INFO, "compiling cl/%s with: %s", r->name, r->options.data);
    cl_program program = clCreateProgramWithSource(context->cl, 1, &text, &r->text.count, &code);
    if (program == NULL) return clxi_fail_cl(error, code, "cl/%s: clCreateProgramWithSource", r->name);
    code = clBuildProgram(program, 1, &device, r->options.data, NULL, NULL);
    if (code != CL_SUCCESS) {
        status = fail_build(context, r, program, code, error);
        clReleaseProgram(program);
        return status;
    }
    if (clxi_reload_wanted(text)) status = reload(context, r, &program, error);
    if (status == CLX_OK)
        *out = program;
    else
        clReleaseProgram(program);
    return status;
}

static void store(const clx_context *context, const recipe *r, cl_program program)
{
    void *binary = NULL;
    size_t binary_bytes = 0;
    if (context->cache_dir == NULL) return;
    if (!clxi_program_binary(context, program, &binary, &binary_bytes)) {
        clxi_log_line(&context->log, CLXI_LOG_INFO, "cache: the driver gives no binary of cl/%s", r->name);
        return;
    }
    if (!clxi_cache_store(context->cache_dir, r->key.data, r->key.count, binary, binary_bytes,
                          context->cache_limit_bytes)) {
        clxi_log_line(&context->log, CLXI_LOG_WARNING, "cache: %s cannot be written", context->cache_dir);
    }
    free(binary);
}

/* From memory: the program itself, retained, or a copy of the binary that a blob brought. */
static void look_in_memory(clx_context *context, const recipe *r, cl_program *program, void **binary,
                           size_t *binary_bytes)
{
    clxi_mutex_lock(&context->mutex);
    const clxi_program_entry *entry = clxi_program_find(context, &r->key);
    if (entry != NULL && entry->program != NULL) {
        if (clRetainProgram(entry->program) == CL_SUCCESS) {
            *program = entry->program;
            context->counts.shared++;
        }
    } else if (entry != NULL && entry->binary != NULL) {
        *binary = malloc(entry->binary_bytes);
        if (*binary != NULL) {
            memcpy(*binary, entry->binary, entry->binary_bytes);
            *binary_bytes = entry->binary_bytes;
        }
    }
    clxi_mutex_unlock(&context->mutex);
}

/* Makes a program known to the context, which retains it. Where another thread built the same one meanwhile, that one
 * stays known and both work. */
static clx_status remember(clx_context *context, recipe *r, cl_program program, bool loaded, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_mutex_lock(&context->mutex);
    clxi_program_entry *entry = clxi_program_find(context, &r->key);
    if (entry == NULL) entry = clxi_program_add(context, &r->key);
    if (entry == NULL) {
        status = clxi_fail_memory(error, "the list of programs");
    } else if (entry->program == NULL) {
        cl_int code = clRetainProgram(program);
        if (code == CL_SUCCESS) entry->program = program;
        if (code != CL_SUCCESS) status = clxi_fail_cl(error, code, "clRetainProgram");
        free(entry->binary); /* a blob's, which may have been refused; the program knows the right one */
        entry->binary = NULL;
    }
    if (loaded) {
        context->counts.loaded++;
    } else {
        context->counts.compiled++;
    }
    clxi_mutex_unlock(&context->mutex);
    return status;
}

static clx_status make_program(clx_context *context, recipe *r, bool keep, void *blob_binary, size_t blob_bytes,
                               cl_program *out, clx_error *error)
{
    clx_status status = CLX_OK;
    void *binary = NULL;
    size_t binary_bytes = 0;
    cl_program program = NULL;
    if (blob_binary != NULL) program = load_binary(context, r, blob_binary, blob_bytes);
    if (program == NULL && context->cache_dir != NULL &&
        clxi_cache_load(context->cache_dir, r->key.data, r->key.count, &binary, &binary_bytes)) {
        program = load_binary(context, r, binary, binary_bytes);
    }
    bool loaded = program != NULL;
    if (!loaded) {
        CLXI_TRY(compile(context, r, &program, error));
        if (keep) store(context, r, program);
    }
    CLXI_TRY(remember(context, r, program, loaded, error));
    *out = program;
    program = NULL;
fail:
    if (program != NULL) clReleaseProgram(program);
    free(binary);
    return status;
}

static clx_status get_program(clx_context *context, const char *source, const char *options, bool keep, cl_program *out,
                              clx_error *error)
{
    recipe r;
    void *binary = NULL;
    size_t binary_bytes = 0;
    *out = NULL;
    clx_status status = recipe_make(context, source, options, &r, error);
    if (status == CLX_OK) {
        look_in_memory(context, &r, out, &binary, &binary_bytes);
        if (*out == NULL) status = make_program(context, &r, keep, binary, binary_bytes, out, error);
    }
    free(binary);
    recipe_free(&r);
    return status;
}

clx_status clxi_program_get(clx_context *context, const char *source, const char *options, cl_program *out,
                            clx_error *error)
{
    return get_program(context, source, options, true, out, error);
}

static clx_status get_kernel(clx_context *context, const char *source, const char *options, const char *name, bool keep,
                             cl_kernel *out, clx_error *error)
{
    cl_program program = NULL;
    cl_int code = CL_SUCCESS;
    *out = NULL;
    clx_status status = CLX_OK;
    if (context->listing != NULL) {
        clxi_text rendered = CLXI_TEXT_INIT;
        clxi_text_printf(&rendered, "%s", options);
        clxi_caps_options(&context->caps, &rendered);
        if (rendered.failed) status = clxi_fail_memory(error, "compile options");
        if (status == CLX_OK) clxi_listing_add(context->listing, source, rendered.data);
        clxi_text_free(&rendered);
        return status;
    }
    status = get_program(context, source, options, keep, &program, error);
    if (status != CLX_OK) return status;
    *out = clCreateKernel(program, name, &code);
    if (*out == NULL) status = clxi_fail_cl(error, code, "kernel %s of cl/%s", name, source);
    clReleaseProgram(program); /* the kernel keeps it */
    return status;
}

clx_status clxi_kernel_get(clx_context *context, const char *source, const char *options, const char *name,
                           cl_kernel *out, clx_error *error)
{
    return get_kernel(context, source, options, name, true, out, error);
}

clx_status clxi_kernel_get_once(clx_context *context, const char *source, const char *options, const char *name,
                                cl_kernel *out, clx_error *error)
{
    clxi_text all = CLXI_TEXT_INIT;
    const bool is_pocl = strcmp(context->caps.platform_name, "Portable Computing Language") == 0;
    clxi_text_printf(&all, "%s%s", options, is_pocl ? " -cl-opt-disable" : "");
    const clx_status status = all.failed ? clxi_fail_memory(error, "compile options")
                                         : get_kernel(context, source, all.data, name, false, out, error);
    clxi_text_free(&all);
    return status;
}

void clxi_kernel_release(cl_kernel kernel)
{
    if (kernel != NULL) clReleaseKernel(kernel);
}

bool clxi_kernel_fits(const clx_context *context, cl_kernel kernel, size_t items)
{
    size_t limit = 0;
    if (context->listing != NULL) return items <= context->caps.max_work_group;
    cl_int code =
        clGetKernelWorkGroupInfo(kernel, context->caps.device, CL_KERNEL_WORK_GROUP_SIZE, sizeof limit, &limit, NULL);
    return code == CL_SUCCESS && items <= limit;
}

clx_status clxi_program_fingerprint(const clx_context *context, const char *source, const char *options, clxi_hash *out,
                                    clx_error *error)
{
    recipe r;
    clx_status status = recipe_make(context, source, options, &r, error);
    if (status == CLX_OK) *out = clxi_hash_bytes(r.key.data, r.key.count);
    recipe_free(&r);
    return status;
}

clx_build_counts clx_context_build_counts(const clx_context *context)
{
    clx_build_counts counts = {0, 0, 0};
    if (context == NULL || clxi_context_is_foreign(context)) return counts;
    clx_context *locked = (clx_context *)context; /* the mutex alone changes */
    clxi_mutex_lock(&locked->mutex);
    counts = locked->counts;
    clxi_mutex_unlock(&locked->mutex);
    return counts;
}
