/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of safetensors files. See safetensors.h for what it promises. */
#include "io/safetensors.h"
#include "base/arith.h"
#include "base/file.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 64, SHAPE_ROOM = 96 };

/* What the parser needs to know everywhere: the file's name for messages, and where its data lie. */
typedef struct source {
    const char *label;
    const char *data;
    size_t data_bytes;
    clx_error *error;
} source;

/* Nothing but strings may hold a byte below 0x20 (but white space), nothing may hold a NUL in disguise, and no valid
 * header nests deeper than {name: {shape: [...]}}. cJSON is lenient or slow about all three. */
static clx_status scan_header(const source *s, const char *text, size_t size)
{
    bool in_string = false;
    int depth = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 && (in_string || !strchr("\t\n\r", c) || c == 0))
            return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: header: byte 0x%02x at %zu, expected text", s->label, c, i);
        if (in_string && c == '\\') {
            if (size - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
                return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: header: a NUL in a string at byte %zu", s->label, i);
            i++; /* what follows is escaped: it ends no string */
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > 3)
                return clxi_fail(s->error, CLX_ERR_FORMAT,
                                 "%s: header: nested too deeply at byte %zu, expected at "
                                 "most 3 levels",
                                 s->label, i);
        } else if (!in_string && (c == '}' || c == ']')) {
            depth--;
        }
    }
    return CLX_OK;
}

/* Bytes of the UTF-8 sequence at `text`, 0 where it is none. Overlong forms and surrogates are none. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
    unsigned char c = text[0];
    size_t length = c < 0x80                ? 1
                    : c >= 0xc2 && c < 0xe0 ? 2
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    if (length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    if (c == 0xe0 && text[1] < 0xa0) return 0;
    if (c == 0xed && text[1] >= 0xa0) return 0;
    if (c == 0xf0 && text[1] < 0x90) return 0;
    if (c == 0xf4 && text[1] >= 0x90) return 0;
    return length;
}

static clx_status check_utf8(const source *s, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = utf8_length((const unsigned char *)text + i, size - i);
        if (length == 0) return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: header: byte %zu is not UTF-8", s->label, i);
        i += length;
    }
    return CLX_OK;
}

static clx_status parse_json(const source *s, const char *text, size_t size, cJSON **out)
{
    clx_status status = CLX_OK;
    char *copy = NULL; /* with a NUL behind it: some cJSON versions look one byte too far */
    const char *end = NULL;
    if (size == 0 || text[0] != '{') {
        return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: header does not begin with '{'", s->label);
    }
    CLXI_TRY(scan_header(s, text, size));
    CLXI_TRY(check_utf8(s, text, size));
    copy = malloc(size + 1);
    if (!copy) {
        status = clxi_fail_memory(s->error, "a safetensors header");
        goto fail;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    *out = cJSON_ParseWithLengthOpts(copy, size + 1, &end, 0);
    if (!*out) {
        status = clxi_fail(s->error, CLX_ERR_FORMAT, "%s: header: not valid JSON at byte %zu", s->label,
                           end ? (size_t)(end - copy) : 0);
        goto fail;
    }
    for (; *end; end++) {
        if (*end == ' ') continue;
        status = clxi_fail(s->error, CLX_ERR_FORMAT, "%s: header: byte %zu follows the JSON, expected only spaces",
                           s->label, (size_t)(end - copy));
        goto fail;
    }
fail:
    free(copy);
    return status;
}

/* A JSON number that is a size: whole, not negative, and small enough to be exact in a double. */
static bool as_size(const cJSON *item, uint64_t *out)
{
    const double limit = 9007199254740992.0; /* 2^53 */
    if (!cJSON_IsNumber(item)) return false;
    double value = item->valuedouble;
    if (!(value >= 0 && value < limit) || floor(value) != value) return false;
    *out = (uint64_t)value;
    return true;
}

#define TENSOR_FAIL(...) clxi_fail(s->error, CLX_ERR_FORMAT, "%s: tensor '%s': " __VA_ARGS__)

static clx_status parse_dtype(const source *s, const char *shown, const cJSON *item, clxi_st_tensor *tensor)
{
    const char *text = cJSON_GetStringValue(item);
    for (int dtype = CLXI_ST_NONE + 1; text && clxi_st_dtype_size((clxi_st_dtype)dtype); dtype++)
        if (strcmp(text, clxi_st_dtype_name((clxi_st_dtype)dtype)) == 0) tensor->dtype = (clxi_st_dtype)dtype;
    if (tensor->dtype != CLXI_ST_NONE) return CLX_OK;
    char value[NAME_ROOM];
    return TENSOR_FAIL("dtype %s, expected F64, F32, F16, BF16, BOOL, I32 or I64", s->label, shown,
                       text ? clxi_st_printable(text, value, sizeof value) : "is not a string");
}

static clx_status parse_shape(const source *s, const char *shown, const cJSON *item, clxi_st_tensor *tensor)
{
    const cJSON *entry;
    if (!cJSON_IsArray(item)) return TENSOR_FAIL("shape is not an array", s->label, shown);
    cJSON_ArrayForEach(entry, item)
    {
        if (tensor->rank == CLXI_ST_MAX_RANK)
            return TENSOR_FAIL("shape has more than %d dimensions", s->label, shown, CLXI_ST_MAX_RANK);
        if (!as_size(entry, &tensor->size[tensor->rank]))
            return TENSOR_FAIL("shape[%u] is not a size (a whole number from 0 to 2^53 - 1)", s->label, shown,
                               (unsigned)tensor->rank);
        tensor->rank++;
    }
    return CLX_OK;
}

static clx_status parse_offsets(const source *s, const char *shown, const cJSON *item, uint64_t offset[2])
{
    const cJSON *entry;
    int count = 0;
    if (!cJSON_IsArray(item)) return TENSOR_FAIL("data_offsets is not an array", s->label, shown);
    cJSON_ArrayForEach(entry, item)
    {
        if (count == 2) return TENSOR_FAIL("data_offsets has more than 2 entries", s->label, shown);
        if (!as_size(entry, &offset[count]))
            return TENSOR_FAIL("data_offsets[%d] is not a size (a whole number from 0 to 2^53 - 1)", s->label, shown,
                               count);
        count++;
    }
    if (count != 2) return TENSOR_FAIL("data_offsets has %d entries, expected 2", s->label, shown, count);
    return CLX_OK;
}

/* Bytes of a tensor by its dtype and shape. Zeros are left out of the test for overflow, so that it does not depend
 * on where in the shape they stand. */
static bool extent_bytes(const clxi_st_tensor *tensor, uint64_t *out)
{
    uint64_t whole = clxi_st_dtype_size(tensor->dtype);
    bool empty = false;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (!clxi_mul_u64(whole, clxi_max_u64(tensor->size[i], 1), &whole)) return false;
        if (tensor->size[i] == 0) empty = true;
    }
    *out = empty ? 0 : whole;
    return true;
}

static clx_status place_tensor(const source *s, const char *shown, const uint64_t offset[2], clxi_st_tensor *tensor)
{
    uint64_t expected;
    if (!extent_bytes(tensor, &expected)) return TENSOR_FAIL("its shape overflows", s->label, shown);
    if (offset[0] > offset[1])
        return TENSOR_FAIL("data_offsets end at %llu, before they begin at %llu", s->label, shown,
                           (unsigned long long)offset[1], (unsigned long long)offset[0]);
    if (offset[1] > s->data_bytes)
        return TENSOR_FAIL("data_offsets end at %llu, but the file has %zu bytes of data", s->label, shown,
                           (unsigned long long)offset[1], s->data_bytes);
    if (offset[1] - offset[0] != expected) {
        char shape[SHAPE_ROOM];
        return TENSOR_FAIL("data_offsets span %llu bytes, expected %llu for %s %s", s->label, shown,
                           (unsigned long long)(offset[1] - offset[0]), (unsigned long long)expected,
                           clxi_st_dtype_name(tensor->dtype), clxi_st_shape_text(tensor, shape, sizeof shape));
    }
    tensor->data = s->data + offset[0];
    return CLX_OK;
}

static clx_status parse_tensor(const source *s, const cJSON *item, clxi_st_tensor *tensor)
{
    static const char *const keys[3] = {"dtype", "shape", "data_offsets"};
    const cJSON *value[3] = {NULL, NULL, NULL};
    const cJSON *entry;
    uint64_t offset[2] = {0, 0};
    char shown[NAME_ROOM], key_shown[NAME_ROOM];
    clx_status status = CLX_OK;

    clxi_st_printable(item->string, shown, sizeof shown);
    tensor->name = item->string;
    if (*item->string == '\0') return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: a tensor has an empty name", s->label);
    if (!cJSON_IsObject(item)) return TENSOR_FAIL("is not an object", s->label, shown);
    cJSON_ArrayForEach(entry, item)
    {
        int i = 0;
        while (i < 3 && strcmp(entry->string, keys[i]) != 0)
            i++;
        if (i == 3)
            return TENSOR_FAIL("unknown key '%s', expected dtype, shape and data_offsets", s->label, shown,
                               clxi_st_printable(entry->string, key_shown, sizeof key_shown));
        if (value[i]) return TENSOR_FAIL("%s appears twice", s->label, shown, keys[i]);
        value[i] = entry;
    }
    for (int i = 0; i < 3; i++)
        if (!value[i]) return TENSOR_FAIL("%s is missing", s->label, shown, keys[i]);
    CLXI_TRY(parse_dtype(s, shown, value[0], tensor));
    CLXI_TRY(parse_shape(s, shown, value[1], tensor));
    CLXI_TRY(parse_offsets(s, shown, value[2], offset));
    CLXI_TRY(place_tensor(s, shown, offset, tensor));
fail:
    return status;
}

static int by_place(const void *left, const void *right)
{
    const clxi_st_tensor *a = left, *b = right;
    if (a->data != b->data) return (const char *)a->data < (const char *)b->data ? -1 : 1;
    uint64_t x = clxi_st_count(a), y = clxi_st_count(b); /* an empty tensor stands before what begins where it is */
    return x == y ? 0 : x < y ? -1 : 1;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const clxi_st_tensor *)left)->name, ((const clxi_st_tensor *)right)->name);
}

static int by_key(const void *left, const void *right)
{
    return strcmp(((const clxi_st_pair *)left)->key, ((const clxi_st_pair *)right)->key);
}

/* The tensors must cover the data exactly: sorted by place, each begins where the one before it ends. */
static clx_status check_cover(const source *s, clxi_safetensors *file)
{
    const char *end = s->data;
    char shown[NAME_ROOM], other[NAME_ROOM];
    if (file->tensor_count) qsort(file->tensors, file->tensor_count, sizeof *file->tensors, by_place);
    for (size_t i = 0; i < file->tensor_count; i++) {
        const clxi_st_tensor *tensor = &file->tensors[i];
        const char *begin = tensor->data;
        clxi_st_printable(tensor->name, shown, sizeof shown);
        if (begin < end)
            return TENSOR_FAIL("its data overlap those of '%s'", s->label, shown,
                               clxi_st_printable(file->tensors[i - 1].name, other, sizeof other));
        if (begin > end)
            return TENSOR_FAIL("its data leave a hole of %zu bytes before them", s->label, shown,
                               (size_t)(begin - end));
        end = begin + clxi_st_count(tensor) * clxi_st_dtype_size(tensor->dtype);
    }
    if (end != s->data + s->data_bytes)
        return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: %zu bytes follow the last tensor", s->label,
                         (size_t)(s->data + s->data_bytes - end));
    return CLX_OK;
}

static clx_status check_names(const source *s, clxi_safetensors *file)
{
    char shown[NAME_ROOM];
    if (file->tensor_count) qsort(file->tensors, file->tensor_count, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < file->tensor_count; i++)
        if (by_name(&file->tensors[i - 1], &file->tensors[i]) == 0)
            return TENSOR_FAIL("appears twice", s->label,
                               clxi_st_printable(file->tensors[i].name, shown, sizeof shown));
    return CLX_OK;
}

static clx_status parse_metadata(const source *s, const cJSON *item, clxi_safetensors *file)
{
    const cJSON *entry;
    char shown[NAME_ROOM];
    if (file->pairs) return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: __metadata__ appears twice", s->label);
    if (!cJSON_IsObject(item))
        return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: __metadata__ is not an object", s->label);
    file->pairs = calloc((size_t)cJSON_GetArraySize(item) + 1, sizeof *file->pairs);
    if (!file->pairs) return clxi_fail_memory(s->error, "the metadata of a safetensors file");
    cJSON_ArrayForEach(entry, item)
    {
        if (!cJSON_IsString(entry))
            return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: metadata '%s': its value is not a string", s->label,
                             clxi_st_printable(entry->string, shown, sizeof shown));
        file->pairs[file->pair_count++] = (clxi_st_pair){entry->string, entry->valuestring};
    }
    qsort(file->pairs, file->pair_count, sizeof *file->pairs, by_key);
    for (size_t i = 1; i < file->pair_count; i++)
        if (by_key(&file->pairs[i - 1], &file->pairs[i]) == 0)
            return clxi_fail(s->error, CLX_ERR_FORMAT, "%s: metadata '%s': appears twice", s->label,
                             clxi_st_printable(file->pairs[i].key, shown, sizeof shown));
    return CLX_OK;
}

static clx_status parse_entries(const source *s, clxi_safetensors *file)
{
    const cJSON *entry;
    clx_status status = CLX_OK;
    file->tensors = calloc((size_t)cJSON_GetArraySize(file->json) + 1, sizeof *file->tensors);
    if (!file->tensors) return clxi_fail_memory(s->error, "the tensors of a safetensors file");
    cJSON_ArrayForEach(entry, (const cJSON *)file->json)
    {
        if (strcmp(entry->string, "__metadata__") == 0)
            CLXI_TRY(parse_metadata(s, entry, file));
        else
            CLXI_TRY(parse_tensor(s, entry, &file->tensors[file->tensor_count++]));
    }
    CLXI_TRY(check_cover(s, file));
    CLXI_TRY(check_names(s, file));
fail:
    return status;
}

clx_status clxi_safetensors_parse(const char *label, const void *data, size_t size_bytes, clxi_safetensors **out,
                                  clx_error *error)
{
    const unsigned char *bytes = data;
    uint64_t header_bytes = 0;
    cJSON *json = NULL;
    clxi_safetensors *file = NULL;
    clx_status status = CLX_OK;

    *out = NULL;
    if (size_bytes < 8)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: %zu bytes, expected at least 8 (the header's length)", label,
                         size_bytes);
    for (int i = 0; i < 8; i++)
        header_bytes |= (uint64_t)bytes[i] << (8 * i);
    if (header_bytes > size_bytes - 8)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: header of %llu bytes, but only %zu follow", label,
                         (unsigned long long)header_bytes, size_bytes - 8);
    if (header_bytes > CLXI_ST_HEADER_LIMIT)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: header of %llu bytes, expected at most %zu", label,
                         (unsigned long long)header_bytes, CLXI_ST_HEADER_LIMIT);

    const char *text = (const char *)bytes + 8;
    source s = {label, text + header_bytes, size_bytes - 8 - (size_t)header_bytes, error};
    CLXI_TRY(parse_json(&s, text, (size_t)header_bytes, &json));
    file = calloc(1, sizeof *file);
    if (!file) {
        status = clxi_fail_memory(error, "a safetensors file");
        goto fail;
    }
    file->json = json;
    json = NULL;
    CLXI_TRY(parse_entries(&s, file));
    *out = file;
    return CLX_OK;
fail:
    cJSON_Delete(json);
    clxi_safetensors_destroy(file);
    return status;
}

clx_status clxi_safetensors_read(const char *path, clxi_safetensors **out, clx_error *error)
{
    char *bytes = NULL;
    size_t size_bytes = 0;
    clx_status status = CLX_OK;
    *out = NULL;
    CLXI_TRY(clxi_file_read(path, SIZE_MAX / 2, &bytes, &size_bytes, error));
    CLXI_TRY(clxi_safetensors_parse(path, bytes, size_bytes, out, error));
    (*out)->bytes = bytes;
    return CLX_OK;
fail:
    free(bytes);
    return status;
}

void clxi_safetensors_destroy(clxi_safetensors *file)
{
    if (!file) return;
    cJSON_Delete(file->json);
    free(file->tensors);
    free(file->pairs);
    free(file->bytes);
    free(file);
}

const clxi_st_tensor *clxi_safetensors_tensor(const clxi_safetensors *file, const char *name)
{
    clxi_st_tensor wanted = {.name = name};
    if (file->tensor_count == 0) return NULL;
    return bsearch(&wanted, file->tensors, file->tensor_count, sizeof wanted, by_name);
}

const char *clxi_safetensors_metadata(const clxi_safetensors *file, const char *key)
{
    clxi_st_pair wanted = {key, NULL};
    if (file->pair_count == 0) return NULL;
    const clxi_st_pair *found = bsearch(&wanted, file->pairs, file->pair_count, sizeof wanted, by_key);
    return found ? found->value : NULL;
}
