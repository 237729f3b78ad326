/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of the caller's tensors and buffers. The drivers' own checks come too late and say too little. */
#include "runtime/view.h"

#include "base/arith.h"
#include <stdio.h>
#include <string.h>

#define SHAPE_TEXT_BYTES 96

/* "(2,4,128,64)" */
static void shape_text(char *out, const uint64_t *size, uint32_t rank)
{
    size_t at = 0;
    out[at++] = '(';
    for (uint32_t i = 0; i < rank && i < CLX_MAX_RANK; i++) {
        at +=
            (size_t)snprintf(out + at, SHAPE_TEXT_BYTES - at, "%s%llu", i > 0 ? "," : "", (unsigned long long)size[i]);
    }
    snprintf(out + at, SHAPE_TEXT_BYTES - at, ")");
}

/* A buffer made on a sub-buffer's parent starts where CL_MEM_OFFSET says. */
static cl_int find_root(cl_mem mem, cl_mem *root, uint64_t *root_offset)
{
    cl_mem parent = NULL;
    size_t offset = 0;
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL);
    if (code == CL_SUCCESS && parent != NULL) {
        code = clGetMemObjectInfo(mem, CL_MEM_OFFSET, sizeof offset, &offset, NULL);
    }
    *root = parent != NULL ? parent : mem;
    *root_offset = offset;
    return code;
}

clx_status clxi_buffer_check(const clx_context *context, cl_mem mem, const char *name, cl_mem *root,
                             uint64_t *root_offset, uint64_t *size_bytes, clx_error *error)
{
    cl_context owner = NULL;
    cl_mem_object_type type = 0;
    size_t size = 0;
    if (mem == NULL) return clxi_fail(error, CLX_ERR_NULL, "%s: buffer is null", name);
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof owner, &owner, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "%s: not a live buffer", name);
    if (owner != context->cl) {
        return clxi_fail(error, CLX_ERR_CONTEXT, "%s: buffer of another context, expected the operator's", name);
    }
    code = clGetMemObjectInfo(mem, CL_MEM_TYPE, sizeof type, &type, NULL);
    if (code == CL_SUCCESS && type != CL_MEM_OBJECT_BUFFER) {
        return clxi_fail(error, CLX_ERR_VALUE, "%s: an image or a pipe, expected a buffer", name);
    }
    if (code == CL_SUCCESS) code = clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof size, &size, NULL);
    if (code == CL_SUCCESS) code = find_root(mem, root, root_offset);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "%s: its buffer cannot be queried", name);
    *size_bytes = size;
    return CLX_OK;
}

/* May kernels use the buffer as this argument needs? */
static clx_status check_access(cl_mem mem, const char *name, bool output, clx_error *error)
{
    cl_mem_flags flags = 0;
    cl_int code = clGetMemObjectInfo(mem, CL_MEM_FLAGS, sizeof flags, &flags, NULL);
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "%s: its buffer cannot be queried", name);
    if (output && (flags & CL_MEM_READ_ONLY) != 0) {
        return clxi_fail(error, CLX_ERR_VALUE, "%s: buffer is read-only (CL_MEM_READ_ONLY), expected a writable one",
                         name);
    }
    if (!output && (flags & CL_MEM_WRITE_ONLY) != 0) {
        return clxi_fail(error, CLX_ERR_VALUE, "%s: buffer is write-only (CL_MEM_WRITE_ONLY), expected a readable one",
                         name);
    }
    return CLX_OK;
}

static clx_status check_form(const clx_tensor *tensor, const clxi_expect *expect, clx_error *error)
{
    char is[SHAPE_TEXT_BYTES];
    char want[SHAPE_TEXT_BYTES];
    const char *name = expect->name;
    if (tensor->rank != expect->rank) {
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: rank %u, expected %u", name, tensor->rank, expect->rank);
    }
    if (tensor->dtype != expect->dtype) {
        return clxi_fail(error, CLX_ERR_DTYPE, "%s: dtype %s, expected %s", name, clx_dtype_name(tensor->dtype),
                         clx_dtype_name(expect->dtype));
    }
    if (memcmp(tensor->size, expect->size, expect->rank * sizeof *tensor->size) != 0) {
        shape_text(is, tensor->size, tensor->rank);
        shape_text(want, expect->size, expect->rank);
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: shape %s, expected %s%s%s", name, is, want,
                         expect->match != NULL ? " to match " : "", expect->match != NULL ? expect->match : "");
    }
    return CLX_OK;
}

/* Dimensions of more than one element, by falling |stride|. Returns how many. */
static uint32_t sort_by_stride(const clx_tensor *tensor, const uint64_t *size, uint32_t *order)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (size[i] < 2) continue;
        uint32_t at = count++;
        for (; at > 0 && clxi_abs_stride(tensor->stride[order[at - 1]]) < clxi_abs_stride(tensor->stride[i]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return count;
}

/* Each step along a dimension must clear what the smaller ones cover. (Stricter than need be for layouts that
 * interleave dimensions, which nobody uses.) */
static bool writes_twice(const clx_tensor *tensor)
{
    uint32_t order[CLX_MAX_RANK];
    uint64_t covered = 0;
    for (uint32_t i = sort_by_stride(tensor, tensor->size, order); i-- > 0;) {
        uint64_t step = clxi_abs_stride(tensor->stride[order[i]]);
        uint64_t reach;
        if (step <= covered) return true;
        if (!clxi_mul_u64(tensor->size[order[i]] - 1, step, &reach) || !clxi_add_u64(covered, reach, &covered)) {
            return false; /* out of bounds in any case */
        }
    }
    return false;
}

static clx_status check_strides(const clx_tensor *tensor, const clxi_expect *expect, clx_error *error)
{
    uint32_t last = expect->rank - 1;
    if (expect->inner_contiguous && tensor->size[last] > 1 && tensor->stride[last] != 1) {
        return clxi_fail(error, CLX_ERR_STRIDE, "%s: stride %lld in the last dimension, expected 1", expect->name,
                         (long long)tensor->stride[last]);
    }
    if (expect->output && writes_twice(tensor)) {
        return clxi_fail(error, CLX_ERR_STRIDE, "%s: strides that write an element twice, expected distinct elements",
                         expect->name);
    }
    return CLX_OK;
}

/* Lowest and highest element, counted from the buffer's start; false where that overflows or begins before it. */
static bool element_range(const clx_tensor *tensor, uint64_t *lowest, uint64_t *highest)
{
    uint64_t low = tensor->offset;
    uint64_t high = tensor->offset;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t reach;
        if (!clxi_mul_u64(tensor->size[i] - 1, clxi_abs_stride(tensor->stride[i]), &reach)) return false;
        if (tensor->stride[i] < 0) {
            if (reach > low) return false;
            low -= reach;
        } else if (!clxi_add_u64(high, reach, &high)) {
            return false;
        }
    }
    *lowest = low;
    *highest = high;
    return true;
}

static clx_status check_bounds(const clx_tensor *tensor, const char *name, uint64_t root_offset, uint64_t size_bytes,
                               clxi_extent *extent, clx_error *error)
{
    uint64_t lowest = 0;
    uint64_t highest = 0;
    uint64_t element = clx_dtype_size_bytes(tensor->dtype);
    uint64_t capacity = size_bytes / element;
    if (!element_range(tensor, &lowest, &highest)) {
        return clxi_fail(error, CLX_ERR_BOUNDS, "%s: offset %llu and strides reach outside the buffer's %llu elements",
                         name, (unsigned long long)tensor->offset, (unsigned long long)capacity);
    }
    if (highest >= capacity) {
        return clxi_fail(error, CLX_ERR_BOUNDS, "%s: reaches element %llu, the buffer holds %llu", name,
                         (unsigned long long)highest, (unsigned long long)capacity);
    }
    extent->begin = root_offset + lowest * element;
    extent->end = root_offset + (highest + 1) * element;
    return CLX_OK;
}

static bool is_empty(const clx_tensor *tensor)
{
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->size[i] == 0) return true;
    }
    return false;
}

clx_status clxi_view_check(const clx_context *context, const clx_tensor *tensor, const clxi_expect *expect,
                           clxi_extent *extent, clx_error *error)
{
    clx_status status = CLX_OK;
    uint64_t root_offset = 0;
    uint64_t size_bytes = 0;
    memset(extent, 0, sizeof *extent);
    extent->name = expect->name;
    if (tensor == NULL) return clxi_fail(error, CLX_ERR_NULL, "%s: null, expected a tensor", expect->name);
    bool empty = tensor->rank <= CLX_MAX_RANK && is_empty(tensor);
    if (!empty || tensor->mem != NULL) {
        CLXI_TRY(
            clxi_buffer_check(context, tensor->mem, expect->name, &extent->root, &root_offset, &size_bytes, error));
        CLXI_TRY(check_access(tensor->mem, expect->name, expect->output, error));
    }
    CLXI_TRY(check_form(tensor, expect, error));
    extent->tensor = tensor;
    if (empty) return CLX_OK;
    CLXI_TRY(check_strides(tensor, expect, error));
    CLXI_TRY(check_bounds(tensor, expect->name, root_offset, size_bytes, extent, error));
fail:
    return status;
}
