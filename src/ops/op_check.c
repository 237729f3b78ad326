/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks that several operators share; see the header. */
#include "ops/op_check.h"

#include <math.h>

clx_status clxi_check_create(const clx_context *context, const void *desc, const void *out, clx_error *error)
{
    if (!out) return clxi_fail(error, CLX_ERR_NULL, "out: NULL, expected where to put the operator");
    if (!context) return clxi_fail(error, CLX_ERR_NULL, "context: NULL, expected a clx_context");
    if (!desc) return clxi_fail(error, CLX_ERR_NULL, "desc: NULL, expected a descriptor");
    return clxi_context_check(context, error);
}

clx_status clxi_check_struct(const char *name, size_t size, size_t expected, clx_error *error)
{
    if (size == expected) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "%s.struct_size: %zu, expected %zu (start from the _INIT of its type)", name,
                     size, expected);
}

clx_status clxi_check_float_dtype(const char *name, clx_dtype dtype, clx_error *error)
{
    if (dtype == CLX_F32 || dtype == CLX_F16 || dtype == CLX_BF16) return CLX_OK;
    return clxi_fail(error, CLX_ERR_DTYPE, "%s: %s (%d), expected f32, f16 or bf16", name, clx_dtype_name(dtype),
                     (int)dtype);
}

clx_status clxi_check_dimension(const char *name, uint64_t value, uint64_t limit, clx_error *error)
{
    if (value >= 1 && value <= limit) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "%s: %llu, expected 1 to %llu", name, (unsigned long long)value,
                     (unsigned long long)limit);
}

clx_status clxi_check_eps(float eps, clx_error *error)
{
    if (eps >= 0.0f && !isinf(eps)) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "eps: %g, expected a finite number of 0 or more", (double)eps);
}

clx_status clxi_check_out_dtype(clx_dtype out_dtype, clx_dtype qkv_dtype, clx_error *error)
{
    clx_status status = clxi_check_float_dtype("out_dtype", out_dtype, error);
    if (status != CLX_OK || out_dtype == CLX_F32 || out_dtype == qkv_dtype) return status;
    return clxi_fail(error, CLX_ERR_DTYPE, "out_dtype: %s, expected %s (qkv_dtype) or f32", clx_dtype_name(out_dtype),
                     clx_dtype_name(qkv_dtype));
}

clx_dtype clxi_dtype_or(clx_dtype dtype, clx_dtype fallback)
{
    return dtype == CLX_DTYPE_DEFAULT ? fallback : dtype;
}

clx_status clxi_check_count(const char *name, uint64_t count, clx_error *error)
{
    if (count <= INT32_MAX) return CLX_OK;
    return clxi_fail(error, CLX_ERR_OVERFLOW, "%s: %llu, expected at most %d", name, (unsigned long long)count,
                     INT32_MAX);
}

clx_status clxi_check_rank(const clx_tensor *tensor, const char *name, uint32_t rank, const char *dims,
                           clx_error *error)
{
    if (!tensor) return clxi_fail(error, CLX_ERR_NULL, "%s: NULL, expected a tensor %s", name, dims);
    if (tensor->rank == rank) return CLX_OK;
    return clxi_fail(error, CLX_ERR_SHAPE, "%s: rank %u, expected %u: %s", name, tensor->rank, rank, dims);
}

bool clxi_view_same(const clx_tensor *a, const clx_tensor *b)
{
    if (a->mem != b->mem || a->offset != b->offset || a->dtype != b->dtype || a->rank != b->rank) return false;
    for (uint32_t d = 0; d < a->rank; d++) {
        if (a->size[d] != b->size[d]) return false;
        if (a->size[d] > 1 && a->stride[d] != b->stride[d]) return false;
    }
    return true;
}

clx_status clxi_extent_check_inplace(const clxi_extent *output, const clxi_extent *own, const clxi_extent *others,
                                     size_t count, clx_error *error)
{
    const bool inplace = own->tensor && output->tensor && clxi_view_same(output->tensor, own->tensor);
    for (size_t i = 0; i < count; i++) {
        if (inplace && &others[i] == own) continue;
        clx_status status = clxi_extent_check(output, &others[i], 1, error);
        if (status != CLX_OK) return status;
    }
    return CLX_OK;
}
