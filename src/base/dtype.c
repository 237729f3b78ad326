/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes and names of element types, from the one table. */
#include <clxlstm/dtype.h>

#include <string.h>

size_t clx_dtype_size_bytes(clx_dtype dtype)
{
    switch (dtype) {
#define SIZE_CASE(name, value, size, text, page)                                                                       \
    case CLX_##name:                                                                                                   \
        return size;
        CLX_DTYPE_MAP(SIZE_CASE)
#undef SIZE_CASE
    case CLX_DTYPE_DEFAULT:
        break;
    }
    return 0;
}

const char *clx_dtype_name(clx_dtype dtype)
{
    switch (dtype) {
#define NAME_CASE(name, value, size, text, page)                                                                       \
    case CLX_##name:                                                                                                   \
        return text;
        CLX_DTYPE_MAP(NAME_CASE)
#undef NAME_CASE
    case CLX_DTYPE_DEFAULT:
        break;
    }
    return "?";
}

clx_dtype clx_dtype_parse(const char *text)
{
    if (text == NULL) return CLX_DTYPE_DEFAULT;
#define PARSE_LINE(name, value, size, short_name, page)                                                                \
    if (strcmp(text, short_name) == 0 || strcmp(text, page) == 0) return CLX_##name;
    CLX_DTYPE_MAP(PARSE_LINE)
#undef PARSE_LINE
    return CLX_DTYPE_DEFAULT;
}
