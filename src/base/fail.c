/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the caller's error record. */
#include "base/fail.h"

#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The message may be made from error->message itself, so it is formatted aside first. */
static void fill(clx_error *error, clx_status status, int32_t cl_code, const char *format, va_list args)
{
    char message[CLX_ERROR_MESSAGE_SIZE];
    vsnprintf(message, sizeof message, format, args);
    for (char *c = message; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\r') *c = ' ';
    }
    clx_error_clear(error);
    error->status = status;
    error->cl_code = cl_code;
    memcpy(error->message, message, sizeof message);
}

clx_status clxi_fail(clx_error *error, clx_status status, const char *format, ...)
{
    if (error != NULL) {
        va_list args;
        va_start(args, format);
        fill(error, status, 0, format, args);
        va_end(args);
    }
    return status;
}

/* CL_DEVICE_NOT_AVAILABLE and the like stay CLX_ERR_OPENCL: only codes that speak of memory mean memory. */
static clx_status status_of_code(int32_t cl_code)
{
    switch (cl_code) {
    case -4:  /* CL_MEM_OBJECT_ALLOCATION_FAILURE */
    case -5:  /* CL_OUT_OF_RESOURCES */
    case -61: /* CL_INVALID_BUFFER_SIZE */
        return CLX_ERR_DEVICE_MEMORY;
    case -6: /* CL_OUT_OF_HOST_MEMORY */
        return CLX_ERR_HOST_MEMORY;
    default:
        return CLX_ERR_OPENCL;
    }
}

clx_status clxi_fail_cl(clx_error *error, int32_t cl_code, const char *format, ...)
{
    clx_status status = status_of_code(cl_code);
    if (error != NULL) {
        va_list args;
        va_start(args, format);
        fill(error, status, cl_code, format, args);
        va_end(args);
        size_t count = strlen(error->message);
        snprintf(error->message + count, sizeof error->message - count, ": %s", clxi_cl_code_name(cl_code));
    }
    return status;
}

clx_status clxi_fail_also(clx_error *error, clx_status status, const char *more)
{
    if (error != NULL) {
        const size_t count = strlen(error->message);
        error->status = status;
        snprintf(error->message + count, sizeof error->message - count, "%s", more);
    }
    return status;
}

clx_status clxi_fail_memory(clx_error *error, const char *what)
{
    return clxi_fail(error, CLX_ERR_HOST_MEMORY, "out of host memory for %s", what);
}

void clxi_error_set_detail(clx_error *error, const char *text)
{
    if (error == NULL) return;
    char *copy = clxi_strdup(text);
    free(error->detail);
    error->detail = copy;
}

/* By number, so that base needs no OpenCL header. */
#define CODE_MAP(XX)                                                                                                   \
    XX(CL_SUCCESS, 0)                                                                                                  \
    XX(CL_DEVICE_NOT_FOUND, -1)                                                                                        \
    XX(CL_DEVICE_NOT_AVAILABLE, -2)                                                                                    \
    XX(CL_COMPILER_NOT_AVAILABLE, -3)                                                                                  \
    XX(CL_MEM_OBJECT_ALLOCATION_FAILURE, -4)                                                                           \
    XX(CL_OUT_OF_RESOURCES, -5)                                                                                        \
    XX(CL_OUT_OF_HOST_MEMORY, -6)                                                                                      \
    XX(CL_PROFILING_INFO_NOT_AVAILABLE, -7)                                                                            \
    XX(CL_MEM_COPY_OVERLAP, -8)                                                                                        \
    XX(CL_IMAGE_FORMAT_MISMATCH, -9)                                                                                   \
    XX(CL_IMAGE_FORMAT_NOT_SUPPORTED, -10)                                                                             \
    XX(CL_BUILD_PROGRAM_FAILURE, -11)                                                                                  \
    XX(CL_MAP_FAILURE, -12)                                                                                            \
    XX(CL_MISALIGNED_SUB_BUFFER_OFFSET, -13)                                                                           \
    XX(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14)                                                              \
    XX(CL_COMPILE_PROGRAM_FAILURE, -15)                                                                                \
    XX(CL_LINKER_NOT_AVAILABLE, -16)                                                                                   \
    XX(CL_LINK_PROGRAM_FAILURE, -17)                                                                                   \
    XX(CL_DEVICE_PARTITION_FAILED, -18)                                                                                \
    XX(CL_KERNEL_ARG_INFO_NOT_AVAILABLE, -19)                                                                          \
    XX(CL_INVALID_VALUE, -30)                                                                                          \
    XX(CL_INVALID_DEVICE_TYPE, -31)                                                                                    \
    XX(CL_INVALID_PLATFORM, -32)                                                                                       \
    XX(CL_INVALID_DEVICE, -33)                                                                                         \
    XX(CL_INVALID_CONTEXT, -34)                                                                                        \
    XX(CL_INVALID_QUEUE_PROPERTIES, -35)                                                                               \
    XX(CL_INVALID_COMMAND_QUEUE, -36)                                                                                  \
    XX(CL_INVALID_HOST_PTR, -37)                                                                                       \
    XX(CL_INVALID_MEM_OBJECT, -38)                                                                                     \
    XX(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR, -39)                                                                        \
    XX(CL_INVALID_IMAGE_SIZE, -40)                                                                                     \
    XX(CL_INVALID_SAMPLER, -41)                                                                                        \
    XX(CL_INVALID_BINARY, -42)                                                                                         \
    XX(CL_INVALID_BUILD_OPTIONS, -43)                                                                                  \
    XX(CL_INVALID_PROGRAM, -44)                                                                                        \
    XX(CL_INVALID_PROGRAM_EXECUTABLE, -45)                                                                             \
    XX(CL_INVALID_KERNEL_NAME, -46)                                                                                    \
    XX(CL_INVALID_KERNEL_DEFINITION, -47)                                                                              \
    XX(CL_INVALID_KERNEL, -48)                                                                                         \
    XX(CL_INVALID_ARG_INDEX, -49)                                                                                      \
    XX(CL_INVALID_ARG_VALUE, -50)                                                                                      \
    XX(CL_INVALID_ARG_SIZE, -51)                                                                                       \
    XX(CL_INVALID_KERNEL_ARGS, -52)                                                                                    \
    XX(CL_INVALID_WORK_DIMENSION, -53)                                                                                 \
    XX(CL_INVALID_WORK_GROUP_SIZE, -54)                                                                                \
    XX(CL_INVALID_WORK_ITEM_SIZE, -55)                                                                                 \
    XX(CL_INVALID_GLOBAL_OFFSET, -56)                                                                                  \
    XX(CL_INVALID_EVENT_WAIT_LIST, -57)                                                                                \
    XX(CL_INVALID_EVENT, -58)                                                                                          \
    XX(CL_INVALID_OPERATION, -59)                                                                                      \
    XX(CL_INVALID_GL_OBJECT, -60)                                                                                      \
    XX(CL_INVALID_BUFFER_SIZE, -61)                                                                                    \
    XX(CL_INVALID_MIP_LEVEL, -62)                                                                                      \
    XX(CL_INVALID_GLOBAL_WORK_SIZE, -63)                                                                               \
    XX(CL_INVALID_PROPERTY, -64)                                                                                       \
    XX(CL_INVALID_IMAGE_DESCRIPTOR, -65)                                                                               \
    XX(CL_INVALID_COMPILER_OPTIONS, -66)                                                                               \
    XX(CL_INVALID_LINKER_OPTIONS, -67)                                                                                 \
    XX(CL_INVALID_DEVICE_PARTITION_COUNT, -68)                                                                         \
    XX(CL_PLATFORM_NOT_FOUND_KHR, -1001)

const char *clxi_cl_code_name(int32_t cl_code)
{
    switch (cl_code) {
#define CODE_CASE(name, value)                                                                                         \
    case value:                                                                                                        \
        return #name;
        CODE_MAP(CODE_CASE)
#undef CODE_CASE
    default:
        return "an OpenCL error code without a name";
    }
}
