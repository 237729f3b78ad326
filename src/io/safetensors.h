/* SPDX-License-Identifier: Apache-2.0
 *
 * Safetensors files: 8 bytes of little-endian header length, a JSON header, then the tensors' bytes.
 *
 *     {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *
 * The reader takes its input for hostile: whatever the bytes are, it returns a file in which every tensor is whole, or
 * an error that names the file, the tensor and what is wrong. It allocates the file's size, plus at most a small
 * multiple of the header's, which may not exceed CLXI_ST_HEADER_LIMIT. Tensors must cover the data without overlap,
 * hole or trailing bytes, as the format demands. */
#ifndef CLXI_IO_SAFETENSORS_H
#define CLXI_IO_SAFETENSORS_H

#include "base/fail.h"
#include <clxlstm/dtype.h>

#define CLXI_ST_MAX_RANK 8
#define CLXI_ST_HEADER_LIMIT ((size_t)1 << 20)

/* The dtypes we read: name in the file, size in bytes, the library's dtype for it. */
#define CLXI_ST_DTYPE_MAP(XX)                                                                                          \
    XX(F64, 8, CLX_DTYPE_DEFAULT)                                                                                      \
    XX(F32, 4, CLX_F32)                                                                                                \
    XX(F16, 2, CLX_F16)                                                                                                \
    XX(BF16, 2, CLX_BF16)                                                                                              \
    XX(BOOL, 1, CLX_BOOL)                                                                                              \
    XX(I32, 4, CLX_I32)                                                                                                \
    XX(I64, 8, CLX_I64)

typedef enum clxi_st_dtype {
    CLXI_ST_NONE = 0,
#define CLXI_ST_ENUMERATOR(name, size, dtype) CLXI_ST_##name,
    CLXI_ST_DTYPE_MAP(CLXI_ST_ENUMERATOR)
#undef CLXI_ST_ENUMERATOR
} clxi_st_dtype;

/* A dense tensor, last dimension fastest. `data` belongs to the file (or to the writer's caller), is little-endian and
 * has no alignment: read it by clxi_st_get, clxi_st_to_f64 or memcpy. */
typedef struct clxi_st_tensor {
    const char *name;
    clxi_st_dtype dtype;
    uint32_t rank;
    uint64_t size[CLXI_ST_MAX_RANK];
    const void *data;
} clxi_st_tensor;

typedef struct clxi_st_pair {
    const char *key;
    const char *value;
} clxi_st_pair;

/* A file in memory; read only. Tensors are sorted by name, pairs (the metadata) by key. */
typedef struct clxi_safetensors {
    clxi_st_tensor *tensors;
    size_t tensor_count;
    clxi_st_pair *pairs;
    size_t pair_count;
    void *json;  /* owns the names, keys and values */
    char *bytes; /* the whole file, where the reader owns it */
} clxi_safetensors;

/* Reads a file. Errors: CLX_ERR_IO (cannot be read), CLX_ERR_FORMAT (malformed), CLX_ERR_HOST_MEMORY. */
clx_status clxi_safetensors_read(const char *path, clxi_safetensors **out, clx_error *error);

/* The same for bytes in memory, which must outlive the result; `label` names them in messages. */
clx_status clxi_safetensors_parse(const char *label, const void *data, size_t size_bytes, clxi_safetensors **out,
                                  clx_error *error);

void clxi_safetensors_destroy(clxi_safetensors *file); /* NULL is legal */

const clxi_st_tensor *clxi_safetensors_tensor(const clxi_safetensors *file, const char *name); /* NULL: none */
const char *clxi_safetensors_metadata(const clxi_safetensors *file, const char *key);          /* NULL: none */

/* Writes a file, complete or not at all. The same content gives the same bytes: metadata sorted by key, tensors by
 * falling element size, then by name, so that each is aligned to its elements; data begins at a multiple of 8.
 * Errors: CLX_ERR_VALUE (a name twice, an unknown dtype), CLX_ERR_OVERFLOW, CLX_ERR_IO, CLX_ERR_HOST_MEMORY. */
clx_status clxi_safetensors_write(const char *path, const clxi_st_pair *pairs, size_t pair_count,
                                  const clxi_st_tensor *tensors, size_t tensor_count, clx_error *error);

size_t clxi_st_dtype_size(clxi_st_dtype dtype);      /* 0 where unknown */
const char *clxi_st_dtype_name(clxi_st_dtype dtype); /* "?" where unknown */
clx_dtype clxi_st_to_dtype(clxi_st_dtype dtype);     /* CLX_DTYPE_DEFAULT: the library has none such */
clxi_st_dtype clxi_st_from_dtype(clx_dtype dtype);   /* CLXI_ST_NONE where unknown */

uint64_t clxi_st_count(const clxi_st_tensor *tensor);             /* elements; the sizes were checked not to overflow */
double clxi_st_get(const clxi_st_tensor *tensor, uint64_t index); /* one element; a BOOL gives 0 or 1 */
int64_t clxi_st_get_i64(const clxi_st_tensor *tensor, uint64_t index); /* the same of an I32 or I64, exactly */
void clxi_st_to_f64(const clxi_st_tensor *tensor, double *out);        /* all of them */

/* "(2,4,128,64)", cut to the room. */
const char *clxi_st_shape_text(const clxi_st_tensor *tensor, char *text, size_t room);

/* A name from a file made fit for a message: cut to the room, control characters replaced. */
const char *clxi_st_printable(const char *name, char *text, size_t room);

#endif
