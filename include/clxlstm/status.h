/* SPDX-License-Identifier: Apache-2.0
 *
 * Status codes, the error record that every fallible call fills, and the library's version. No OpenCL here. */
#ifndef CLXLSTM_STATUS_H
#define CLXLSTM_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLX_VERSION_MAJOR 0
#define CLX_VERSION_MINOR 1
#define CLX_VERSION_PATCH 0
#define CLX_VERSION_STRING "0.1.0"

#if defined(CLX_SHARED) && defined(_WIN32)
#ifdef CLX_BUILDING
#define CLX_API __declspec(dllexport)
#else
#define CLX_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define CLX_API __attribute__((visibility("default")))
#else
#define CLX_API
#endif

/* The one table of statuses: enumerator, value, text. */
#define CLX_STATUS_MAP(XX)                                                                                             \
    XX(OK, 0, "success")                                                                                               \
    XX(ERR_NULL, 1, "a required pointer or handle is null")                                                            \
    XX(ERR_VALUE, 2, "an argument's value is not allowed")                                                             \
    XX(ERR_DTYPE, 3, "a dtype is unknown or not allowed here")                                                         \
    XX(ERR_SHAPE, 4, "shapes do not agree")                                                                            \
    XX(ERR_STRIDE, 5, "strides are not allowed here")                                                                  \
    XX(ERR_BOUNDS, 6, "a view reaches outside its buffer")                                                             \
    XX(ERR_OVERLAP, 7, "an output overlaps another argument")                                                          \
    XX(ERR_OVERFLOW, 8, "a size overflows")                                                                            \
    XX(ERR_CONTEXT, 9, "an object belongs to another context or device")                                               \
    XX(ERR_DEVICE, 10, "no usable device")                                                                             \
    XX(ERR_UNSUPPORTED, 11, "not supported")                                                                           \
    XX(ERR_BUILD, 12, "a program did not build")                                                                       \
    XX(ERR_OPENCL, 13, "an OpenCL call failed")                                                                        \
    XX(ERR_HOST_MEMORY, 14, "out of host memory")                                                                      \
    XX(ERR_DEVICE_MEMORY, 15, "the device does not have the memory")                                                   \
    XX(ERR_WORKSPACE, 16, "the workspace is too small")                                                                \
    XX(ERR_IO, 17, "a file could not be read or written")                                                              \
    XX(ERR_FORMAT, 18, "malformed data")                                                                               \
    XX(ERR_INTERNAL, 19, "internal error")                                                                             \
    XX(ERR_TIMEOUT, 20, "not complete in time")

typedef enum clx_status {
#define CLX_STATUS_ENUMERATOR(name, value, text) CLX_##name = value,
    CLX_STATUS_MAP(CLX_STATUS_ENUMERATOR)
#undef CLX_STATUS_ENUMERATOR
} clx_status;

#define CLX_ERROR_MESSAGE_SIZE 512

/* What went wrong, in the caller's own memory: no global or per-thread state is kept, so a message is never stale.
 *
 * Every fallible function takes a `clx_error *` last; NULL is allowed. A call that succeeds leaves it alone; a call
 * that fails overwrites it. `message` is one line naming the argument, what it was and what was expected. `detail`
 * is NULL, or text of any length (a whole build log) that `clx_error_clear` frees. The struct is fixed for the ABI. */
typedef struct clx_error {
    clx_status status;
    int32_t cl_code; /* the OpenCL error code behind it, or 0 */
    char message[CLX_ERROR_MESSAGE_SIZE];
    char *detail;
} clx_error;

/* clang-format off */
#define CLX_ERROR_INIT {CLX_OK, 0, "", NULL}
/* clang-format on */

/* Frees `detail` and resets the record. NULL is allowed. */
CLX_API void clx_error_clear(clx_error *error);

/* The enumerator's name ("CLX_ERR_SHAPE") and its text; "CLX_ERR_?" and "unknown status" for other values. */
CLX_API const char *clx_status_name(clx_status status);
CLX_API const char *clx_status_text(clx_status status);

/* The version of the library that is linked, as "major.minor.patch". */
CLX_API const char *clx_version(void);

#ifdef __cplusplus
}
#endif
#endif
