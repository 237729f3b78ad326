/* SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of a safetensors file: dtypes, elements, and how they look in a message. */
#include "base/half.h"
#include "io/safetensors.h"
#include <stdio.h>
#include <string.h>

typedef struct dtype_row {
    const char *name;
    size_t size;
    clx_dtype dtype;
} dtype_row;

static const dtype_row rows[] = {{"?", 0, CLX_DTYPE_DEFAULT},
#define CLXI_ST_ROW(name, size, dtype) {#name, size, dtype},
                                 CLXI_ST_DTYPE_MAP(CLXI_ST_ROW)
#undef CLXI_ST_ROW
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static const dtype_row *row_of(clxi_st_dtype dtype)
{
    return (unsigned)dtype < ROW_COUNT ? &rows[dtype] : &rows[0];
}

size_t clxi_st_dtype_size(clxi_st_dtype dtype)
{
    return row_of(dtype)->size;
}

const char *clxi_st_dtype_name(clxi_st_dtype dtype)
{
    return row_of(dtype)->name;
}

clx_dtype clxi_st_to_dtype(clxi_st_dtype dtype)
{
    return row_of(dtype)->dtype;
}

clxi_st_dtype clxi_st_from_dtype(clx_dtype dtype)
{
    for (int i = 1; i < ROW_COUNT; i++)
        if (dtype != CLX_DTYPE_DEFAULT && rows[i].dtype == dtype) return (clxi_st_dtype)i;
    return CLXI_ST_NONE;
}

uint64_t clxi_st_count(const clxi_st_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        count *= tensor->size[i];
    return count;
}

/* One little-endian element as an integer of its size. */
static uint64_t load_bits(const clxi_st_tensor *tensor, uint64_t index)
{
    size_t size = clxi_st_dtype_size(tensor->dtype);
    const unsigned char *byte = (const unsigned char *)tensor->data + index * size;
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)byte[i] << (8 * i);
    return bits;
}

int64_t clxi_st_get_i64(const clxi_st_tensor *tensor, uint64_t index)
{
    uint64_t bits = load_bits(tensor, index);
    if (tensor->dtype == CLXI_ST_I32) bits = (bits ^ 0x80000000u) - 0x80000000u; /* carry the sign up */
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double clxi_st_get(const clxi_st_tensor *tensor, uint64_t index)
{
    uint64_t bits = load_bits(tensor, index);
    uint32_t bits32 = (uint32_t)bits;
    double f64;
    float f32;
    switch (tensor->dtype) {
    case CLXI_ST_F64:
        memcpy(&f64, &bits, sizeof f64);
        return f64;
    case CLXI_ST_F32:
        memcpy(&f32, &bits32, sizeof f32);
        return f32;
    case CLXI_ST_F16:
        return clxi_f16_to_f32((uint16_t)bits);
    case CLXI_ST_BF16:
        return clxi_bf16_to_f32((uint16_t)bits);
    case CLXI_ST_BOOL:
        return bits != 0;
    case CLXI_ST_I32:
    case CLXI_ST_I64:
        return (double)clxi_st_get_i64(tensor, index);
    case CLXI_ST_NONE:
        break;
    }
    return 0;
}

void clxi_st_to_f64(const clxi_st_tensor *tensor, double *out)
{
    uint64_t count = clxi_st_count(tensor);
    for (uint64_t i = 0; i < count; i++)
        out[i] = clxi_st_get(tensor, i);
}

const char *clxi_st_shape_text(const clxi_st_tensor *tensor, char *text, size_t room)
{
    size_t used = (size_t)snprintf(text, room, "(");
    for (uint32_t i = 0; i < tensor->rank && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%llu", i ? "," : "", (unsigned long long)tensor->size[i]);
    if (used < room) snprintf(text + used, room - used, ")");
    return text;
}

const char *clxi_st_printable(const char *name, char *text, size_t room)
{
    size_t i = 0;
    for (; name[i] && i + 1 < room; i++) {
        unsigned char c = (unsigned char)name[i];
        text[i] = c < 0x20 || c == 0x7f ? '?' : name[i];
    }
    text[i] = '\0';
    if (name[i] && room > 4) memcpy(text + room - 4, "...", 4);
    return text;
}
