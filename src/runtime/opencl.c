/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding OpenCL's functions; see the header. */
#undef CLXI_LOAD_OPENCL /* the plain names are meant here */
#include "runtime/opencl.h"

#include "base/mutex.h"
#include <clxlstm/context.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#define WHY_BYTES 256

clxi_opencl_table clxi_opencl;

static clxi_mutex mutex = CLXI_MUTEX_INIT; /* guards the two below, and who fills the table */
static bool loaded;
static void *library; /* what clx_opencl_function looks in; never closed, since drivers leave threads behind */

#ifdef _WIN32
/* What the process has loaded under that name, else in the program's own folder and the system's; never the current one. */
static void *open_library(char *why)
{
    HMODULE module = LoadLibraryExA("OpenCL.dll", NULL, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
    if (module == NULL) snprintf(why, WHY_BYTES, "OpenCL.dll cannot be loaded: error %lu", GetLastError());
    return (void *)module;
}

/* The process's own functions cannot be asked for by name alone here. */
static void *open_process(void)
{
    return NULL;
}

static void *find(void *from, const char *name)
{
    void *function = NULL;
    FARPROC found = from != NULL ? GetProcAddress((HMODULE)from, name) : NULL;
    memcpy(&function, &found, sizeof function);
    return function;
}

static void close_library(void *it)
{
    if (it != NULL) FreeLibrary((HMODULE)it);
}
#else
#ifdef __APPLE__
#define LIBRARY_NAME "/System/Library/Frameworks/OpenCL.framework/OpenCL"
#else
#define LIBRARY_NAME "libOpenCL.so.1"
#endif

/* Gives the library that is loaded already where it has this name, whoever loaded it. */
static void *open_library(char *why)
{
    void *it = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
    if (it == NULL) {
        const char *text = dlerror(); /* begins with the name */
        snprintf(why, WHY_BYTES, "%s", text != NULL ? text : LIBRARY_NAME " cannot be loaded");
    }
    return it;
}

/* What the program is linked with, or had put before it (tools that watch OpenCL do that). */
static void *open_process(void)
{
    return dlopen(NULL, RTLD_NOW);
}

static void *find(void *from, const char *name)
{
    return from != NULL ? dlsym(from, name) : NULL;
}

static void close_library(void *it)
{
    if (it != NULL) dlclose(it);
}
#endif

/* Copies the address to a pointer to a function, which POSIX and Windows hold in a void *; notes the first that is
 * missing. */
static void fill_one(void *from, const char *name, void *pointer, const char **missing)
{
    void *function = find(from, name);
    memcpy(pointer, &function, sizeof function);
    if (function == NULL && *missing == NULL) *missing = name;
}

/* All functions from one place, so that none meets the objects of another library. NULL, or the first that is missing. */
static const char *fill(void *from, clxi_opencl_table *table)
{
    const char *missing = NULL;
#define FILL_ONE(name) fill_one(from, #name, &table->name, &missing);
    CLXI_OPENCL_MAP(FILL_ONE)
#undef FILL_ONE
    return missing;
}

/* The caller holds the mutex. */
static clx_status load(clx_error *error)
{
    clxi_opencl_table table;
    char why[WHY_BYTES] = "";
    void *from = open_process();
    const char *missing = fill(from, &table);
    if (missing != NULL) {
        close_library(from);
        from = open_library(why);
        if (from == NULL) return clxi_fail(error, CLX_ERR_DEVICE, "no OpenCL loader: %s; is a driver installed?", why);
        missing = fill(from, &table);
    }
    if (missing != NULL) {
        close_library(from);
        return clxi_fail(error, CLX_ERR_DEVICE, "the OpenCL loader has no %s, expected OpenCL 1.2", missing);
    }
    clxi_opencl = table;
    library = from;
    loaded = true;
    return CLX_OK;
}

clx_status clxi_opencl_load(clx_error *error)
{
    clxi_mutex_lock(&mutex);
    const clx_status status = loaded ? CLX_OK : load(error);
    clxi_mutex_unlock(&mutex);
    return status;
}

clx_function clx_opencl_function(const char *name)
{
    clx_function function = NULL;
    if (name == NULL || clxi_opencl_load(NULL) != CLX_OK) return NULL;
    void *found = find(library, name);
    memcpy(&function, &found, sizeof function);
    return function;
}
