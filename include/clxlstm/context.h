/* SPDX-License-Identifier: Apache-2.0
 *
 * The context: one OpenCL device with its capabilities, built programs, binary cache, workspace pool and log. */
#ifndef CLXLSTM_CONTEXT_H
#define CLXLSTM_CONTEXT_H

#include <clxlstm/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clx_context clx_context;

typedef enum clx_log_level { CLX_LOG_DEBUG = 0, CLX_LOG_INFO = 1, CLX_LOG_WARNING = 2 } clx_log_level;

/* Receives one line, without a newline. May be called from any thread that is inside a call of this library. */
typedef void (*clx_log_fn)(void *user, clx_log_level level, const char *message);

/* How a context is made. Start from CLX_CONTEXT_OPTIONS_INIT; zeros mean the defaults.
 *
 *   context, device  the caller's own, both or neither; they are retained. `device` must belong to `context`.
 *   selector         which device otherwise: "P:D" (platform and device index as `clx_devices_list` counts), "gpu",
 *                    "cpu", or a case-insensitive part of the platform's name or version or of the device's name
 *                    ("nvidia", "pocl"), which takes the best of those that fit.
 *                    NULL: the environment's CLX_DEVICE, else the fastest GPU, else a CPU.
 *   cache_dir        where compiled programs are kept. NULL: CLX_CACHE_DIR, else XDG_CACHE_HOME/clxlstm,
 *                    ~/.cache/clxlstm or %LOCALAPPDATA%\clxlstm. Made for its owner alone; a folder that is a symbolic
 *                    link, another user's (but root's) or writable by others is not used, and a log line says so.
 *   cache_off        not 0: neither read nor write the disk (as CLX_CACHE=0 in the environment).
 *   cache_limit_bytes  oldest files beyond it are removed; 0: 256 MiB.
 *   variants         "simt,cpu" allows only those kernel families, "!cpu" forbids one. NULL: CLX_VARIANT, else all.
 *   kernel_dir       kernel sources are read from this folder instead of the built-in ones (development).
 *                    NULL: CLX_KERNEL_DIR, else built-in.
 *   launch_ms        work is cut into launches of at most about this many milliseconds, so that others get at the device
 *                    in between; 0: CLX_LAUNCH_MS, else 100; negative: never cut, and nothing is measured for it (making
 *                    mLSTM and attention operators else takes the time of a few small calls, once for a driver).
 *   log, log_user    where log lines go. NULL: nowhere.
 *   tuning           a file of what `clxlstm tune` has found; see clx_context_tuning_set. NULL: CLX_TUNE, else
 *                    tuning.txt in the cache folder. One that is not there or not whole costs a log line.
 *   tuning_off       not 0: no such file is read (as CLX_TUNE=0 in the environment).
 *   compute_units    of a CPU no more than so many are used, so that threads of the host stay free; 0: all. The context's
 *                    device is then a part of it (clCreateSubDevices). Other devices stay whole, and so does a caller's
 *                    own: with `device` it must be 0.
 *
 * The environment is read here, in clx_context_create, and nowhere else; not at all in a program that runs with more
 * rights than its user (set-uid).
 *
 * fork: what was made before it, contexts and operators, is of no use in the child, since drivers do not survive a fork.
 * There every call with such an object is refused with CLX_ERR_CONTEXT before it touches the driver, and destroying one
 * does nothing. The parent is not affected. A child may make contexts of its own where nobody in the process had used
 * OpenCL before the fork; else that is up to the driver (seen: PoCL 3.1 hangs at the first wait, Intel's CPU runtime works),
 * so fork first, or exec. */
typedef struct clx_context_options {
    size_t struct_size;
    cl_context context;
    cl_device_id device;
    const char *selector;
    const char *cache_dir;
    int32_t cache_off;
    uint64_t cache_limit_bytes;
    const char *variants;
    const char *kernel_dir;
    float launch_ms;
    clx_log_fn log;
    void *log_user;
    const char *tuning;
    int32_t tuning_off;
    uint32_t compute_units;
} clx_context_options;

/* clang-format off */
#define CLX_CONTEXT_OPTIONS_INIT {sizeof(clx_context_options), NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, 0.0f, \
                                  NULL, NULL, NULL, 0, 0}
/* clang-format on */

/* Makes a context. `options` NULL means all defaults. `*out` is NULL on failure.
 * Blocks (it may start a driver). Threads: any; a context may be used by any number of threads at once.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE (options), CLX_ERR_CONTEXT (device not in context), CLX_ERR_DEVICE (there is
 * no OpenCL loader, no driver, or no usable device that fits the selector: the message says which, lists the devices, and
 * says of each what it lacks), CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_context_create(clx_context **out, const clx_context_options *options, clx_error *error);

/* Gives up the caller's hold. Operators keep their context alive, so the order of destruction is free. NULL is
 * legal. */
CLX_API void clx_context_destroy(clx_context *context);

/* The OpenCL objects behind the context, not retained for the caller; NULL for NULL. */
CLX_API cl_context clx_context_cl_context(const clx_context *context);
CLX_API cl_device_id clx_context_cl_device(const clx_context *context);

/* One of OpenCL's own functions, such as "clCreateBuffer", from the very library that clxlstm uses, for programs that
 * must start where OpenCL is missing and so do not link it; to be cast to its type. NULL where there is no such function,
 * or no OpenCL. Loads the library on first use, and never unloads it. Threads: any. */
typedef void (*clx_function)(void);
CLX_API clx_function clx_opencl_function(const char *name);

/* What clxlstm knows of a device. `usable` is 0 where it cannot be used, and `reason` says why. Later versions may know
 * more; a caller says how much of it there is room for. */
typedef struct clx_device_info {
    char selector[16]; /* "P:D" */
    char platform[128];
    char name[128];
    char vendor[128];
    char driver[128];
    char version[128]; /* the device's OpenCL version */
    char type[16];     /* "gpu", "cpu", "accelerator", "other" */
    uint32_t compute_units;
    uint32_t clock_mhz;
    uint64_t max_work_group;
    uint64_t local_bytes;
    uint64_t global_bytes;
    uint64_t max_alloc_bytes;
    double peak_gflops; /* an estimate from units, clock and lanes: for choosing a device, not a measurement */
    int32_t usable;
    char reason[256];
} clx_device_info;

/* Fills up to `capacity` entries of `info_bytes` each, which is sizeof(clx_device_info), and sets `*count` to the number
 * there are, so that a call with capacity 0 asks for the number. A platform without devices gives one unusable entry with
 * its reason.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE (info_bytes), CLX_ERR_DEVICE (the message says whether OpenCL's loader or all
 * drivers are missing; `*count` is 0), CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_devices_list(clx_device_info *infos, size_t info_bytes, size_t capacity, size_t *count,
                                    clx_error *error);

/* The same of a context's device; its selector is empty where the caller brought the device. */
CLX_API clx_status clx_context_device_info(const clx_context *context, clx_device_info *info, size_t info_bytes,
                                           clx_error *error);

/* How often programs were compiled from source, loaded from the disk or a blob, and found in memory. Fixed
 * for the ABI. */
typedef struct clx_build_counts {
    uint64_t compiled;
    uint64_t loaded;
    uint64_t shared;
} clx_build_counts;
CLX_API clx_build_counts clx_context_build_counts(const clx_context *context);

/* Compiled programs as one blob, for embedders who keep files themselves.
 *
 * get: with `blob` NULL sets `*size_bytes`; else writes the blob, whose room is `*size_bytes`. Holds every program that
 * the context has built or loaded so far. set: adds the programs of a blob to the context's memory; entries that do
 * not fit this device, driver or library version are passed over, damaged ones too (`*accepted` counts the good ones;
 * NULL is allowed), so a stale blob costs a compilation and is never an error. */
CLX_API clx_status clx_context_blob_get(clx_context *context, void *blob, size_t *size_bytes, clx_error *error);
CLX_API clx_status clx_context_blob_set(clx_context *context, const void *blob, size_t size_bytes, size_t *accepted,
                                        clx_error *error);

/* What tuning has found for this device, as text, for embedders who keep files themselves: a line for an operator and a
 * class of its problems, with the kernel family and the numbers that are best for it.
 *
 * A line is a proposal. An operator that is created afterwards looks at every number, builds the kernel, and compares it
 * with the plain one on a small problem, as it does with any; what is not allowed, does not build, or differs is passed
 * over with a log line. So a text can make an operator slower, never wrong.
 *
 * get: with `text` NULL sets `*size_bytes`; else writes the text, whose room is `*size_bytes`. No NUL at its end.
 * set: adds the lines of a text of at most 1 MiB; those that are damaged, or of another device, driver or library
 * version, are passed over, and `*accepted` counts the others (NULL is allowed). */
CLX_API clx_status clx_context_tuning_get(clx_context *context, char *text, size_t *size_bytes, clx_error *error);
CLX_API clx_status clx_context_tuning_set(clx_context *context, const char *text, size_t size_bytes, size_t *accepted,
                                          clx_error *error);

/* Where and how a call is enqueued; the same for every operator. Start from CLX_LAUNCH_INIT.
 *
 *   queue       in-order or out-of-order, of the operator's context and device
 *   wait_list   events that the first launch waits for; `wait_count` of them
 *   event       if not NULL, receives one event that completes when all launches of the call have; the caller
 *               releases it. With nothing to do (S = 0) it is a marker behind the wait list.
 *   workspace   device memory for the call, at least what the operator's workspace query says, from
 *               `workspace_offset` (bytes, a multiple of 64) on. It must stay untouched until the event completes.
 *               NULL: the context's pool, which may allocate device memory during the call. */
typedef struct clx_launch {
    size_t struct_size;
    cl_command_queue queue;
    cl_uint wait_count;
    const cl_event *wait_list;
    cl_event *event;
    cl_mem workspace;
    uint64_t workspace_offset;
} clx_launch;

/* clang-format off */
#define CLX_LAUNCH_INIT {sizeof(clx_launch), NULL, 0, NULL, NULL, NULL, 0}
/* clang-format on */

/* Frees the pool's buffers that no call is using. */
CLX_API clx_status clx_context_pool_trim(clx_context *context, clx_error *error);

/* Bytes of device memory that the pool holds now. */
CLX_API uint64_t clx_context_pool_bytes(const clx_context *context);

#ifdef __cplusplus
}
#endif
#endif
