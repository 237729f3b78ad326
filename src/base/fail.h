/* SPDX-License-Identifier: Apache-2.0
 *
 * How a function of ours reports a failure: it returns what clxi_fail returns. */
#ifndef CLXI_BASE_FAIL_H
#define CLXI_BASE_FAIL_H

#include <clxlstm/status.h>

#if defined(__MINGW32__)
#define CLXI_PRINTF(string, first) __attribute__((format(gnu_printf, string, first)))
#elif defined(__GNUC__)
#define CLXI_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define CLXI_PRINTF(string, first)
#endif

/* Fills `error` (NULL is allowed) and returns `status`. The message is cut, never overrun. */
clx_status clxi_fail(clx_error *error, clx_status status, const char *format, ...) CLXI_PRINTF(3, 4);

/* The same for an OpenCL error: the message ends in the error's name. Chooses CLX_ERR_DEVICE_MEMORY for the codes that
 * mean it, else CLX_ERR_OPENCL. (Only the number is used: no OpenCL here.) */
clx_status clxi_fail_cl(clx_error *error, int32_t cl_code, const char *format, ...) CLXI_PRINTF(3, 4);

/* Gives a failure that is told already another status, and says more of it behind its message. */
clx_status clxi_fail_also(clx_error *error, clx_status status, const char *more);

/* Out of host memory, naming what for. */
clx_status clxi_fail_memory(clx_error *error, const char *what);

/* Replaces error->detail by a copy of `text`; silently keeps none when memory is short. */
void clxi_error_set_detail(clx_error *error, const char *text);

/* "CL_INVALID_VALUE" for -30, and so on. */
const char *clxi_cl_code_name(int32_t cl_code);

/* Leaves the enclosing function through its one `fail:` label; `status` must be in scope. */
#define CLXI_TRY(call)                                                                                                 \
    do {                                                                                                               \
        status = (call);                                                                                               \
        if (status != CLX_OK) goto fail;                                                                               \
    } while (0)

#endif
