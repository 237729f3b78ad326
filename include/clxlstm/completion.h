/* SPDX-License-Identifier: Apache-2.0
 *
 * When is a call complete? A function that is called then, and a wait that does not spin. */
#ifndef CLXLSTM_COMPLETION_H
#define CLXLSTM_COMPLETION_H

#include <clxlstm/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called once: `status` is CLX_OK, or CLX_ERR_OPENCL where the call, or one that it waited for, ended in an error, whose
 * OpenCL code `cl_code` then is (else 0).
 *
 * On which thread: a thread of the driver's, or one that is inside an OpenCL call, which may be the very one that asked,
 * before clx_event_notify returns. So it must not block, hold locks that such a thread may hold, or call OpenCL or this
 * library (OpenCL leaves nearly all of that undefined here); it sets a flag, posts a semaphore or a message to a loop. */
typedef void (*clx_notify_fn)(void *user, clx_status status, int32_t cl_code);

/* Have `notify` called when the event of a call (clx_launch.event, or any other event) is complete. Flushes the event's
 * queue, since nothing would happen without that. The event may be released at once. Any thread.
 * Of failures some drivers do not tell (seen: PoCL 3.1, Mesa's rusticl), nor can the library then; clx_event_wait notices.
 * Errors: CLX_ERR_NULL, CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY, CLX_ERR_DEVICE (no OpenCL): `notify` is not called. */
CLX_API clx_status clx_event_notify(cl_event event, clx_notify_fn notify, void *user, clx_error *error);

/* Sleep until the event is complete, for at most `timeout_ms` (negative: for ever; 0: only look). clWaitForEvents does the
 * same, but keeps a processor busy with some drivers. Looks at the event 20 times a second besides being told. Not to be
 * called from a callback of OpenCL. Any other thread.
 * Errors: CLX_ERR_TIMEOUT (not complete yet: wait again, or not); CLX_ERR_OPENCL (what the event stands for has failed,
 * the code is in error->cl_code; or the event is not a live one), CLX_ERR_NULL, CLX_ERR_VALUE (NaN),
 * CLX_ERR_HOST_MEMORY, CLX_ERR_DEVICE. */
CLX_API clx_status clx_event_wait(cl_event event, double timeout_ms, clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
