/* SPDX-License-Identifier: Apache-2.0
 *
 * DLPack's tensors; see the header. The structs are DLPack's ABI, written down here so that building needs no header of it:
 * https://dmlc.github.io/dlpack/latest/c_api.html */
#include <clxlstm/dlpack.h>

#include "base/arith.h"
#include "runtime/view.h"
#include <stdlib.h>
#include <string.h>

enum { DL_OPENCL = 4 };
enum { DL_INT = 0, DL_UINT = 1, DL_FLOAT = 2, DL_BFLOAT = 4, DL_BOOL = 6 };

typedef struct dl_tensor {
    void *data;
    int32_t device_type;
    int32_t device_id;
    int32_t ndim;
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
    int64_t *shape;
    int64_t *strides;
    uint64_t byte_offset;
} dl_tensor;

struct DLManagedTensor {
    dl_tensor dl;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensor *self);
};

/* The first of a dtype is how it is given out. */
static const struct {
    clx_dtype dtype;
    uint8_t code;
    uint8_t bits;
} dtypes[] = {{CLX_F32, DL_FLOAT, 32}, {CLX_F16, DL_FLOAT, 16}, {CLX_BF16, DL_BFLOAT, 16}, {CLX_I32, DL_INT, 32},
              {CLX_I64, DL_INT, 64},   {CLX_BOOL, DL_BOOL, 8},  {CLX_BOOL, DL_UINT, 8}};
#define DTYPES (sizeof dtypes / sizeof *dtypes)

static clx_status read_dtype(const dl_tensor *dl, clx_dtype *out, clx_error *error)
{
    for (size_t i = 0; i < DTYPES && dl->lanes == 1; i++) {
        if (dtypes[i].code != dl->code || dtypes[i].bits != dl->bits) continue;
        *out = dtypes[i].dtype;
        return CLX_OK;
    }
    return clxi_fail(
        error, CLX_ERR_DTYPE,
        "managed.dtype: code %u, %u bits, %u lanes, expected one lane of float32, float16, bfloat16, int32, "
        "int64, bool or uint8",
        dl->code, dl->bits, dl->lanes);
}

static clx_status read_shape(const dl_tensor *dl, clx_tensor *out, clx_error *error)
{
    if (dl->ndim < 1 || dl->ndim > CLX_MAX_RANK)
        return clxi_fail(error, CLX_ERR_SHAPE, "managed.ndim: %d, expected 1 to %d", (int)dl->ndim, CLX_MAX_RANK);
    if (dl->shape == NULL) return clxi_fail(error, CLX_ERR_NULL, "managed.shape: null");
    uint64_t size[CLX_MAX_RANK];
    for (int i = 0; i < dl->ndim; i++) {
        if (dl->shape[i] < 0)
            return clxi_fail(error, CLX_ERR_SHAPE, "managed.shape[%d]: %lld, expected 0 or more", i,
                             (long long)dl->shape[i]);
        size[i] = (uint64_t)dl->shape[i];
    }
    *out = clx_tensor_dense(dl->data, out->dtype, (uint32_t)dl->ndim, size);
    for (int i = 0; i < dl->ndim && dl->strides != NULL; i++) {
        out->stride[i] = dl->strides[i];
    }
    return CLX_OK;
}

/* Is it a view that any operator could take, but for the shape that it wants? */
static clx_status check_view(const clx_context *context, const clx_tensor *tensor, const char *name, clx_error *error)
{
    clxi_expect expect = {.name = name, .dtype = tensor->dtype, .rank = tensor->rank};
    clxi_extent extent;
    memcpy(expect.size, tensor->size, sizeof expect.size);
    return clxi_view_check(context, tensor, &expect, &extent, error);
}

clx_status clx_tensor_from_dlpack(const clx_context *context, const struct DLManagedTensor *managed, clx_tensor *out,
                                  clx_error *error)
{
    clx_status status = CLX_OK;
    clx_tensor tensor = {0};
    CLXI_TRY(clxi_context_check(context, error));
    if (managed == NULL) return clxi_fail(error, CLX_ERR_NULL, "managed: null");
    if (out == NULL) return clxi_fail(error, CLX_ERR_NULL, "out: null");
    const dl_tensor *dl = &managed->dl;
    if (dl->device_type != DL_OPENCL)
        return clxi_fail(error, CLX_ERR_VALUE, "managed.device_type: %d, expected %d (kDLOpenCL)", (int)dl->device_type,
                         DL_OPENCL);
    CLXI_TRY(read_dtype(dl, &tensor.dtype, error));
    CLXI_TRY(read_shape(dl, &tensor, error));
    const size_t element = clx_dtype_size_bytes(tensor.dtype);
    if (dl->byte_offset % element != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "managed.byte_offset: %llu, expected a multiple of %zu",
                         (unsigned long long)dl->byte_offset, element);
    tensor.offset = dl->byte_offset / element;
    CLXI_TRY(check_view(context, &tensor, "managed", error));
    *out = tensor;
fail:
    return status;
}

/* DLPack counts in signed numbers. A view within its buffer may yet be too large for them: it repeats or has no elements. */
static clx_status check_numbers(const clx_tensor *tensor, clx_error *error)
{
    uint64_t bytes = 0;
    bool fits = clxi_mul_u64(tensor->offset, clx_dtype_size_bytes(tensor->dtype), &bytes);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        fits = fits && tensor->size[i] <= INT64_MAX;
    }
    if (fits) return CLX_OK;
    return clxi_fail(error, CLX_ERR_OVERFLOW, "tensor: its offset or a size does not fit DLPack's 63 bits");
}

/* What is given out: the struct first, so that a pointer to it is one to the whole. */
typedef struct exported {
    struct DLManagedTensor managed;
    int64_t shape[CLX_MAX_RANK];
    int64_t strides[CLX_MAX_RANK];
} exported;

static void delete_exported(struct DLManagedTensor *self)
{
    if (self == NULL) return;
    if (self->dl.data != NULL) clReleaseMemObject(self->dl.data);
    free(self);
}

static void fill(exported *e, const clx_tensor *tensor, int32_t device_id)
{
    dl_tensor *dl = &e->managed.dl;
    size_t row = 0;
    while (dtypes[row].dtype != tensor->dtype) {
        row++;
    }
    *dl = (dl_tensor){tensor->mem,
                      DL_OPENCL,
                      device_id,
                      (int32_t)tensor->rank,
                      dtypes[row].code,
                      dtypes[row].bits,
                      1,
                      e->shape,
                      e->strides,
                      tensor->offset * clx_dtype_size_bytes(tensor->dtype)};
    for (uint32_t i = 0; i < tensor->rank; i++) {
        e->shape[i] = (int64_t)tensor->size[i];
        e->strides[i] = tensor->stride[i];
    }
    e->managed.deleter = delete_exported;
}

clx_status clx_tensor_to_dlpack(const clx_context *context, const clx_tensor *tensor, int32_t device_id,
                                struct DLManagedTensor **out, clx_error *error)
{
    if (out == NULL) return clxi_fail(error, CLX_ERR_NULL, "out: null");
    *out = NULL;
    clx_status status = clxi_context_check(context, error);
    if (status != CLX_OK) return status;
    if (tensor == NULL) return clxi_fail(error, CLX_ERR_NULL, "tensor: null");
    if (tensor->rank < 1 || tensor->rank > CLX_MAX_RANK)
        return clxi_fail(error, CLX_ERR_SHAPE, "tensor: rank %u, expected 1 to %d", tensor->rank, CLX_MAX_RANK);
    if (clx_dtype_size_bytes(tensor->dtype) == 0)
        return clxi_fail(error, CLX_ERR_DTYPE, "tensor: dtype %d, expected a known one", (int)tensor->dtype);
    status = check_view(context, tensor, "tensor", error);
    if (status == CLX_OK) status = check_numbers(tensor, error);
    if (status != CLX_OK) return status;
    exported *e = calloc(1, sizeof *e);
    if (e == NULL) return clxi_fail_memory(error, "a DLPack tensor");
    if (tensor->mem != NULL) {
        const cl_int code = clRetainMemObject(tensor->mem);
        if (code != CL_SUCCESS) {
            free(e);
            return clxi_fail_cl(error, code, "tensor: clRetainMemObject");
        }
    }
    fill(e, tensor, device_id);
    *out = &e->managed;
    return CLX_OK;
}
