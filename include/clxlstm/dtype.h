/* SPDX-License-Identifier: Apache-2.0
 *
 * Element types. No OpenCL here, so that the reference and the file reader can use it. */
#ifndef CLXLSTM_DTYPE_H
#define CLXLSTM_DTYPE_H

#include <clxlstm/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one table of dtypes: enumerator, value, size in bytes, short name, the seed pages' name. */
#define CLX_DTYPE_MAP(XX)                                                                                              \
    XX(F32, 1, 4, "f32", "float32")                                                                                    \
    XX(F16, 2, 2, "f16", "float16")                                                                                    \
    XX(BF16, 3, 2, "bf16", "bfloat16")                                                                                 \
    XX(BOOL, 4, 1, "bool", "bool")                                                                                     \
    XX(I32, 5, 4, "i32", "int32")                                                                                      \
    XX(I64, 6, 8, "i64", "int64")

typedef enum clx_dtype {
    CLX_DTYPE_DEFAULT = 0, /* "as documented where it is used", mostly: the dtype of the input */
#define CLX_DTYPE_ENUMERATOR(name, value, size, text, page) CLX_##name = value,
    CLX_DTYPE_MAP(CLX_DTYPE_ENUMERATOR)
#undef CLX_DTYPE_ENUMERATOR
} clx_dtype;

/* Bytes of one element; 0 for CLX_DTYPE_DEFAULT and unknown values. */
CLX_API size_t clx_dtype_size_bytes(clx_dtype dtype);

/* "f32" and so on; "?" for CLX_DTYPE_DEFAULT and unknown values. */
CLX_API const char *clx_dtype_name(clx_dtype dtype);

/* Parses a short name or the seed pages' name ("bf16", "bfloat16"); CLX_DTYPE_DEFAULT where it is neither. */
CLX_API clx_dtype clx_dtype_parse(const char *text);

#ifdef __cplusplus
}
#endif
#endif
