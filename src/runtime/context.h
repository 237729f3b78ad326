/* SPDX-License-Identifier: Apache-2.0
 *
 * The context's insides. Operators read `caps` and pass the rest on to the other headers of this folder. */
#ifndef CLXI_RUNTIME_CONTEXT_H
#define CLXI_RUNTIME_CONTEXT_H

#include "base/log.h"
#include "base/mutex.h"
#include "base/process.h"
#include "runtime/device.h"
#include "runtime/listing.h"

typedef struct clxi_program_entry clxi_program_entry; /* program.c */
typedef struct clxi_pool_block clxi_pool_block;       /* workspace.c */
typedef struct clxi_verdict_entry clxi_verdict_entry; /* verdict.c */
typedef struct clxi_tuning_entry clxi_tuning_entry;   /* tuning.c */
typedef struct clxi_pace_entry clxi_pace_entry;       /* pace.c */

/* Told of every launch of the context's operators, with an event of its own; set before the first, by tests. */
typedef struct clxi_watch {
    void (*launched)(void *user, const char *kernel, cl_event event);
    void *user;
} clxi_watch;

struct clx_context {
    clxi_process process; /* that made it */
    cl_context cl;
    clxi_caps caps;
    cl_device_id part; /* caps.device, where that is a part that was cut off for this context; else NULL */
    clxi_log log;      /* passes lines on to the two below */
    clx_log_fn user_log;
    void *user_log_user;
    char *cache_dir; /* NULL: no disk cache */
    uint64_t cache_limit_bytes;
    char *kernel_dir;    /* NULL: built-in sources */
    char *tuning_path;   /* NULL: the cache folder's file */
    bool tuning_off;     /* no file is read */
    char *variants;      /* NULL: all families */
    double launch_ms;    /* of one launch at most; INFINITY: never cut */
    double flops_per_ms; /* an estimate of what kernels reach, for those whose pace is not known */
    clxi_watch watch;
    const clxi_listing *listing; /* not NULL: programs are listed, not built */

    clxi_mutex mutex; /* guards everything below */
    uint32_t holders;
    clxi_program_entry *programs;
    clx_build_counts counts;
    clxi_pool_block *pool;
    clxi_verdict_entry *verdicts;
    size_t bad_verdicts; /* given or met so far */
    clxi_tuning_entry *tunings;
    clxi_pace_entry *paces;
};

/* Not NULL, and of this process. Everything that takes a context, or has one, asks first: a child of a fork is refused before
 * it touches a mutex or a driver. */
clx_status clxi_context_check(const clx_context *context, clx_error *error);

/* Of the process before a fork: nothing of it may be touched, not even to free it. */
bool clxi_context_is_foreign(const clx_context *context);

/* Operators hold their context. */
void clxi_context_retain(clx_context *context);
void clxi_context_release(clx_context *context);

/* May kernels of this family ("simt", "cpu") be used, by the `variants` option? */
bool clxi_context_allows(const clx_context *context, const char *family);

/* Is it named there, and so wanted? */
bool clxi_context_names(const clx_context *context, const char *family);

#endif
