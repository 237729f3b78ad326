/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors to and from DLPack, the structs by which frameworks hand each other memory. Nothing is copied. DLPack's own header
 * is not needed here; whoever fills or reads the structs includes it. */
#ifndef CLXLSTM_DLPACK_H
#define CLXLSTM_DLPACK_H

#include <clxlstm/context.h>

#ifdef __cplusplus
extern "C" {
#endif

struct DLManagedTensor; /* of <dlpack/dlpack.h>: the same layout in every version so far, 1.x included */

/* The view that a DLPack tensor of OpenCL memory describes.
 *
 *   managed  in   device_type kDLOpenCL (4), `data` a cl_mem of the context (device_id is not looked at: it numbers devices
 *                 in the producer's own way); 1 to CLX_MAX_RANK dimensions; strides in elements, NULL: dense; byte_offset
 *                 a multiple of the element; dtype of one lane: float32, float16, bfloat16, int32, int64, bool, or uint8,
 *                 which stood for bool before DLPack had it
 *   out      out  borrows the memory: call the tensor's deleter only when the calls that use the view are complete
 *
 * Enqueues nothing; any thread.
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE (device_type, byte_offset), CLX_ERR_SHAPE, CLX_ERR_DTYPE, CLX_ERR_CONTEXT,
 * CLX_ERR_BOUNDS, CLX_ERR_OPENCL (data is no live buffer): `*out` is untouched. */
CLX_API clx_status clx_tensor_from_dlpack(const clx_context *context, const struct DLManagedTensor *managed,
                                          clx_tensor *out, clx_error *error);

/* And back.
 *
 *   tensor     in   a view within its buffer
 *   device_id  in   how the consumer numbers the device; 0 where it has one
 *   out        out  retains the buffer until its consumer calls `(*out)->deleter(*out)`, on any thread; it needs neither the
 *                   context nor `tensor` any more. bool has DLPack's code of its own (kDLBool, 6)
 *
 * What was enqueued on the buffer must be complete, or otherwise waited for, before the consumer uses it: DLPack carries no
 * events. Enqueues nothing; any thread.
 * Errors: CLX_ERR_NULL, CLX_ERR_SHAPE (rank), CLX_ERR_DTYPE, CLX_ERR_CONTEXT, CLX_ERR_BOUNDS, CLX_ERR_OVERFLOW,
 * CLX_ERR_OPENCL, CLX_ERR_HOST_MEMORY: `*out` is NULL. */
CLX_API clx_status clx_tensor_to_dlpack(const clx_context *context, const clx_tensor *tensor, int32_t device_id,
                                        struct DLManagedTensor **out, clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
