/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of safetensors files on hostile input, and the writer. */
#include "support/support.h"

#include "base/file.h"
#include "io/case.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making files ----------------------------------------------------------------------------------------------- */

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

/* Exactly `size` bytes, so that a sanitizer sees a read of one more. */
static bytes bytes_make(size_t size)
{
    bytes b = {malloc(size ? size : 1), size};
    ck_assert_ptr_nonnull(b.data);
    memset(b.data, 0, size);
    return b;
}

static void put_length(unsigned char *at, uint64_t length)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(length >> (8 * i));
}

static bytes file_of(const char *header, size_t header_size, size_t data_size)
{
    bytes b = bytes_make(8 + header_size + data_size);
    put_length(b.data, header_size);
    memcpy(b.data + 8, header, header_size);
    return b;
}

static void expect_malformed(bytes b, const char *text)
{
    clxi_safetensors *file = NULL;
    expect_refused(clxi_safetensors_parse("x.st", b.data, b.size, &file, &test_error), CLX_ERR_FORMAT, text);
    ck_assert_ptr_null(file);
    free(b.data);
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

typedef struct hostile_row {
    const char *header;
    size_t data_size;
    const char *text; /* in the message */
} hostile_row;

#define TENSOR(name, dtype, shape, offsets)                                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE(dtype, shape, offsets) "{" TENSOR("q", dtype, shape, offsets) "}"

static const hostile_row hostile[] = {
    /* not a header */
    {"", 0, "header does not begin with '{'"},
    {"[]", 0, "header does not begin with '{'"},
    {" {}", 0, "header does not begin with '{'"},
    {"{", 0, "not valid JSON"},
    {"{\"1\":1,", 0, "not valid JSON"},
    {"{\"q\":", 0, "not valid JSON"},
    {"{\"q", 0, "not valid JSON"},
    {"{\"q\\", 0, "not valid JSON"},
    {"{\"\\ud800\":1}", 0, "not valid JSON"},
    {"{\"q\":nan}", 0, "not valid JSON"},
    {"{}x", 0, "byte 2 follows the JSON, expected only spaces"},
    {"{}{}", 0, "byte 2 follows the JSON"},
    {"{\"a\\u0000b\":1}", 0, "a NUL in a string"},
    {"{\"a\nb\":1}", 0, "byte 0x0a at 3, expected text"},
    {"{\"a\x01\":1}", 0, "byte 0x01"},
    {"{\"\xff\":1}", 0, "byte 2 is not UTF-8"},
    {"{\"\xc0\x80\":1}", 0, "byte 2 is not UTF-8"},
    {"{\"\xed\xa0\x80\":1}", 0, "is not UTF-8"},
    {"{\"\xf4\x90\x80\x80\":1}", 0, "is not UTF-8"},
    {"{\"q\":{\"shape\":[[1]]}}", 0, "nested too deeply"},
    /* entries */
    {"{\"q\":1}", 0, "tensor 'q': is not an object"},
    {"{\"q\":null}", 0, "tensor 'q': is not an object"},
    {"{\"\":{}}", 0, "a tensor has an empty name"},
    {"{\"q\":{}}", 0, "tensor 'q': dtype is missing"},
    {"{\"q\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "tensor 'q': data_offsets is missing"},
    {"{\"q\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "tensor 'q': shape is missing"},
    {"{\"q\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "dtype appears twice"},
    {"{\"q\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}", 4, "unknown key 'x'"},
    /* dtypes */
    {ONE("F8_E4M3", "[4]", "[0,4]"), 4, "tensor 'q': dtype F8_E4M3, expected F64, F32"},
    {ONE("f32", "[1]", "[0,4]"), 4, "tensor 'q': dtype f32, expected"},
    {ONE("?", "[1]", "[0,4]"), 4, "tensor 'q': dtype ?, expected"},
    {ONE("", "[1]", "[0,4]"), 4, "tensor 'q': dtype , expected"},
    {"{\"q\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype is not a string"},
    /* shapes */
    {ONE("F32", "{}", "[0,4]"), 4, "tensor 'q': shape is not an array"},
    {ONE("F32", "[-1]", "[0,4]"), 4, "tensor 'q': shape[0] is not a size"},
    {ONE("F32", "[1,1.5]", "[0,4]"), 4, "tensor 'q': shape[1] is not a size"},
    {ONE("F32", "[1e300]", "[0,4]"), 4, "tensor 'q': shape[0] is not a size"},
    {ONE("F32", "[1e999]", "[0,4]"), 4, "tensor 'q': shape[0] is not a size"},
    {ONE("F32", "[9007199254740992]", "[0,4]"), 4, "tensor 'q': shape[0] is not a size"},
    {ONE("F32", "[\"1\"]", "[0,4]"), 4, "tensor 'q': shape[0] is not a size"},
    {ONE("F32", "[null]", "[0,4]"), 4, "tensor 'q': shape[0] is not a size"},
    {ONE("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "tensor 'q': shape has more than 8 dimensions"},
    {ONE("F32", "[4294967296,4294967296]", "[0,0]"), 0, "tensor 'q': its shape overflows"},
    {ONE("F32", "[2147483648,2147483649,1]", "[0,8]"), 8, "tensor 'q': its shape overflows"},
    {ONE("F64", "[0,4294967296,4294967296]", "[0,0]"), 0, "tensor 'q': its shape overflows"},
    {ONE("F64", "[4294967296,4294967296,0]", "[0,0]"), 0, "tensor 'q': its shape overflows"},
    /* offsets */
    {ONE("F32", "[1]", "4"), 4, "tensor 'q': data_offsets is not an array"},
    {ONE("F32", "[1]", "[4]"), 4, "tensor 'q': data_offsets has 1 entries, expected 2"},
    {ONE("F32", "[1]", "[]"), 4, "tensor 'q': data_offsets has 0 entries, expected 2"},
    {ONE("F32", "[1]", "[0,4,8]"), 4, "tensor 'q': data_offsets has more than 2 entries"},
    {ONE("F32", "[1]", "[-4,0]"), 4, "tensor 'q': data_offsets[0] is not a size"},
    {ONE("F32", "[1]", "[0,4.5]"), 4, "tensor 'q': data_offsets[1] is not a size"},
    {ONE("F32", "[1]", "[0,1e300]"), 4, "tensor 'q': data_offsets[1] is not a size"},
    {ONE("F32", "[1]", "[0,18446744073709551616]"), 4, "tensor 'q': data_offsets[1] is not a size"},
    {ONE("F32", "[1]", "[4,0]"), 4, "tensor 'q': data_offsets end at 0, before they begin at 4"},
    {ONE("F32", "[1]", "[0,4]"), 3, "tensor 'q': data_offsets end at 4, but the file has 3 bytes of data"},
    {ONE("F32", "[2]", "[0,4]"), 4, "tensor 'q': data_offsets span 4 bytes, expected 8 for F32 (2)"},
    {ONE("BF16", "[2,2]", "[0,16]"), 16, "data_offsets span 16 bytes, expected 8 for BF16 (2,2)"},
    {ONE("F32", "[]", "[0,8]"), 8, "data_offsets span 8 bytes, expected 4 for F32 ()"},
    {ONE("F32", "[1099511627776]", "[0,4398046511104]"), 4, "but the file has 4 bytes of data"},
    /* cover */
    {ONE("F32", "[1]", "[4,8]"), 8, "tensor 'q': its data leave a hole of 4 bytes before them"},
    {ONE("F32", "[1]", "[0,4]"), 5, "1 bytes follow the last tensor"},
    {"{}", 1, "1 bytes follow the last tensor"},
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}", 4, "overlap those of"},
    {"{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F16", "[2]", "[6,10]") "}", 10,
     "tensor 'b': its data overlap those of 'a'"},
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[8,12]") "}", 12,
     "tensor 'b': its data leave a hole of 4 bytes"},
    /* names */
    {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[4,8]") "}", 8, "tensor 'a': appears twice"},
    {"{" TENSOR("a", "F32", "[0]", "[0,0]") "," TENSOR("\\u0061", "F32", "[0]", "[0,0]") "}", 0, "appears twice"},
    {"{\"a\\u001b[31m\":1}", 0, "tensor 'a?[31m': is not an object"},
    /* metadata */
    {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":\"x\"}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"op\":1}}", 0, "metadata 'op': its value is not a string"},
    {"{\"__metadata__\":{\"op\":null}}", 0, "metadata 'op': its value is not a string"},
    {"{\"__metadata__\":{\"op\":{}}}", 0, "metadata 'op': its value is not a string"},
    {"{\"__metadata__\":{\"op\":\"a\",\"eps\":\"1\",\"op\":\"b\"}}", 0, "metadata 'op': appears twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ appears twice"},
};

START_TEST(hostile_header)
{
    const hostile_row *row = &hostile[_i];
    expect_malformed(file_of(row->header, strlen(row->header), row->data_size), row->text);
}
END_TEST

/* Every message begins with the file's name. */
START_TEST(message_names_the_file)
{
    bytes b = file_of("{}x", 3, 0);
    clxi_safetensors *file;
    clxi_safetensors_parse("x.st", b.data, b.size, &file, &test_error);
    ck_assert_int_eq(strncmp(test_error.message, "x.st: ", 6), 0);
    free(b.data);
}
END_TEST

/* ---- lengths ---------------------------------------------------------------------------------------------------- */

START_TEST(too_short)
{
    for (size_t size = 0; size < 8; size++) {
        char text[64];
        snprintf(text, sizeof text, "%zu bytes, expected at least 8", size);
        expect_malformed(bytes_make(size), text);
    }
}
END_TEST

START_TEST(header_length)
{
    static const uint64_t lengths[] = {
        3, 4, 0x80000000u, (uint64_t)1 << 32, (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char text[96];
        bytes b = file_of("{}", 2, 0);
        put_length(b.data, lengths[i]);
        snprintf(text, sizeof text, "header of %llu bytes, but only 2 follow", (unsigned long long)lengths[i]);
        expect_malformed(b, text);
    }
}
END_TEST

START_TEST(header_beyond_the_limit)
{
    bytes b = bytes_make(8 + CLXI_ST_HEADER_LIMIT + 1);
    put_length(b.data, CLXI_ST_HEADER_LIMIT + 1);
    expect_malformed(b, "expected at most 1048576");
}
END_TEST

/* Each with the largest header that is read at all: deep nesting, many numbers, many names, one long name. */
static void bomb(const char *head, const char *repeated, const char *tail, const char *text)
{
    size_t size = CLXI_ST_HEADER_LIMIT, length = strlen(repeated), at = strlen(head);
    char *header = malloc(size);
    ck_assert_ptr_nonnull(header);
    memset(header, ' ', size);
    memcpy(header, head, at);
    for (; at + length + strlen(tail) <= size; at += length)
        memcpy(header + at, repeated, length);
    memcpy(header + at, tail, strlen(tail));
    expect_malformed(file_of(header, size, 0), text);
    free(header);
}

START_TEST(bombs)
{
    bomb("{\"q\":", "[", "", "nested too deeply");
    bomb("{", "\"q\":{", "", "nested too deeply");
    bomb("{\"q\":{\"dtype\":\"F32\",\"data_offsets\":[0,0],\"shape\":[0", ",0", "]}}", "more than 8 dimensions");
    bomb("{\"q\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0", ",0", "]}}", "more than 2 entries");
    bomb("{\"a\":1", ",\"a\":1", "}", "tensor 'a': is not an object");
    bomb("{\"__metadata__\":{\"a\":\"\"", ",\"a\":\"\"", "}}", "metadata 'a': appears twice");
    bomb("{\"", "x", "\":1}", "xxx...': is not an object");
    bomb("{\"q\":", "9", "}", "");
    bomb("{\"q\":\"", "\\n", "\"}", "tensor 'q': is not an object");
}
END_TEST

/* Ten thousand tensors, all with one name: found without comparing each with each. */
START_TEST(many_twins)
{
    const char one[] = TENSOR("a", "F32", "[0]", "[0,0]");
    size_t count = 10000, size = 0;
    char *header = malloc(count * sizeof one + 2);
    ck_assert_ptr_nonnull(header);
    for (size_t i = 0; i < count; i++)
        size += (size_t)sprintf(header + size, "%c%s", i ? ',' : '{', one);
    header[size++] = '}';
    expect_malformed(file_of(header, size, 0), "tensor 'a': appears twice");
    free(header);
}
END_TEST

/* Every prefix of a good file is malformed, and no prefix crashes. */
/* clang-format off */
static const char good_header[] =
    "{\"__metadata__\":{\"op\":\"mlstm_parallel\",\"eps\":\"1e-6\",\"note\":\"\\u00e9\\n\"},"
    TENSOR("q", "F32", "[1,1,2,1]", "[0,8]") ","
    TENSOR("k", "F32", "[1,1,2,1]", "[8,16]") ","
    TENSOR("v", "F32", "[1,1,2,1]", "[16,24]") ","
    TENSOR("i", "F16", "[1,1,2]", "[24,28]") ","
    TENSOR("f", "F16", "[1,1,2]", "[28,32]") "}";
/* clang-format on */

static bytes good_file(void)
{
    return file_of(good_header, sizeof good_header - 1, 32);
}

START_TEST(every_truncation)
{
    bytes whole = good_file();
    for (size_t size = 0; size < whole.size; size++) {
        bytes part = bytes_make(size);
        memcpy(part.data, whole.data, size);
        expect_malformed(part, "x.st: ");
    }
    free(whole.data);
}
END_TEST

/* ---- what is good ----------------------------------------------------------------------------------------------- */

START_TEST(good_file_is_read)
{
    bytes b = good_file();
    b.data[b.size - 1] = 0xc0; /* f[1] = -2 in F16 */
    clxi_safetensors *file = NULL;
    expect_ok(clxi_safetensors_parse("x.st", b.data, b.size, &file, &test_error));
    ck_assert_uint_eq(file->tensor_count, 5);
    const clxi_st_tensor *f = clxi_safetensors_tensor(file, "f");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(f->dtype, CLXI_ST_F16);
    ck_assert_uint_eq(f->rank, 3);
    ck_assert_uint_eq(clxi_st_count(f), 2);
    ck_assert_double_eq(clxi_st_get(f, 1), -2);
    ck_assert_ptr_null(clxi_safetensors_tensor(file, "x"));
    ck_assert_str_eq(clxi_safetensors_metadata(file, "note"), "\xc3\xa9\n");
    ck_assert_ptr_null(clxi_safetensors_metadata(file, "x"));
    clxi_safetensors_destroy(file);
    free(b.data);
}
END_TEST

START_TEST(small_files_are_read)
{
    static const char *const headers[] = {"{}",
                                          "{}      ",
                                          "{ \n\t}",
                                          "{\"__metadata__\":{}}",
                                          ONE("F32", "[0]", "[0,0]"),
                                          ONE("I64", "[3,0,2]", "[0,0]")};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        bytes b = file_of(headers[i], strlen(headers[i]), 0);
        clxi_safetensors *file = NULL;
        expect_ok(clxi_safetensors_parse("x.st", b.data, b.size, &file, &test_error));
        ck_assert_uint_eq(file->tensor_count, i > 3);
        clxi_safetensors_destroy(file);
        free(b.data);
    }
    clxi_safetensors_destroy(NULL);
}
END_TEST

/* clang-format off */
static const char dtypes_header[] =
    "{" TENSOR("a", "F64", "[]", "[0,8]") ","
    TENSOR("b", "F32", "[1]", "[8,12]") ","
    TENSOR("c", "F16", "[1]", "[12,14]") ","
    TENSOR("d", "BF16", "[1]", "[14,16]") ","
    TENSOR("e", "I32", "[1]", "[16,20]") ","
    TENSOR("f", "I64", "[1]", "[20,28]") ","
    TENSOR("g", "BOOL", "[1]", "[28,29]") "}";
static const unsigned char dtypes_data[] = {
    0, 0, 0, 0, 0, 0, 0xf8, 0xbf,                   /* F64 -1.5 */
    0, 0, 0xc0, 0xbf,                               /* F32 -1.5 */
    0, 0xbe, 0xc0, 0xbf,                            /* F16 and BF16 -1.5 */
    0xfe, 0xff, 0xff, 0xff,                         /* I32 -2 */
    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* I64 -2 */
    7,                                              /* BOOL, not 0 */
};
/* clang-format on */

START_TEST(every_dtype_is_read)
{
    static const double expected[] = {-1.5, -1.5, -1.5, -1.5, -2, -2, 1};
    bytes b = file_of(dtypes_header, sizeof dtypes_header - 1, sizeof dtypes_data);
    memcpy(b.data + 8 + sizeof dtypes_header - 1, dtypes_data, sizeof dtypes_data);
    clxi_safetensors *file = NULL;
    expect_ok(clxi_safetensors_parse("x.st", b.data, b.size, &file, &test_error));
    for (size_t i = 0; i < 7; i++) {
        double value;
        clxi_st_to_f64(&file->tensors[i], &value);
        ck_assert_double_eq(value, expected[i]);
    }
    ck_assert_int_eq(clxi_st_get_i64(&file->tensors[4], 0), -2);
    ck_assert_int_eq(clxi_st_get_i64(&file->tensors[5], 0), -2);
    clxi_safetensors_destroy(file);
    free(b.data);
}
END_TEST

START_TEST(dtypes_match_the_library)
{
    for (int i = CLX_F32; i <= CLX_BOOL; i++) {
        clxi_st_dtype dtype = clxi_st_from_dtype((clx_dtype)i);
        ck_assert_int_eq(clxi_st_to_dtype(dtype), i);
        ck_assert_uint_eq(clxi_st_dtype_size(dtype), clx_dtype_size_bytes((clx_dtype)i));
    }
    ck_assert_int_eq(clxi_st_from_dtype(CLX_DTYPE_DEFAULT), CLXI_ST_NONE);
    ck_assert_int_eq(clxi_st_to_dtype(CLXI_ST_F64), CLX_DTYPE_DEFAULT);
    ck_assert_uint_eq(clxi_st_dtype_size((clxi_st_dtype)99), 0);
    ck_assert_str_eq(clxi_st_dtype_name((clxi_st_dtype)-1), "?");
}
END_TEST

/* ---- mutations -------------------------------------------------------------------------------------------------- */

/* Whatever the bytes are: an error with a message, or a file whose every element can be read, and which then is a case
 * or not. Under a sanitizer this is the test that matters. */
static void survive(const bytes *b)
{
    clx_error error = CLX_ERROR_INIT;
    clxi_safetensors *file = NULL;
    clxi_case *c = NULL;
    if (clxi_safetensors_parse("x.st", b->data, b->size, &file, &error) != CLX_OK) {
        ck_assert(error.status != CLX_OK && error.message[0] != '\0' && file == NULL);
        return;
    }
    double sum = 0;
    for (size_t i = 0; i < file->tensor_count; i++)
        for (uint64_t at = 0; at < clxi_st_count(&file->tensors[i]); at++)
            sum += clxi_st_get(&file->tensors[i], at);
    ck_assert(isnan(sum) || !isnan(sum));
    if (clxi_case_make("x.st", file, &c, &error) != CLX_OK) ck_assert(error.message[0] != '\0' && c == NULL);
    clxi_case_destroy(c);
}

START_TEST(mutations)
{
    random_state random = random_start(20240607);
    bytes whole = good_file();
    for (int round = 0; round < 20000; round++) {
        size_t size = whole.size - (random_below(&random, 8) == 0 ? random_below(&random, whole.size) : 0);
        bytes b = bytes_make(size);
        memcpy(b.data, whole.data, size);
        for (uint64_t flips = 1 + random_below(&random, 4); flips > 0 && size > 0; flips--) {
            size_t at = random_below(&random, size);
            b.data[at] = random_below(&random, 2)
                             ? (unsigned char)random_bits(&random)
                             : (unsigned char)"0123456789{}[]\",:\\eE.-"[random_below(&random, 23)];
        }
        survive(&b);
        free(b.data);
    }
    free(whole.data);
}
END_TEST

/* ---- the writer ------------------------------------------------------------------------------------------------- */

static const float three[3] = {1, -2, 3};
static const double two[2] = {0.5, 1e300};
static const unsigned char flag[1] = {1};
static const clxi_st_pair pairs[] = {{"op", "x"}, {"note", "a \"quoted\"\n\xc3\xa9\\"}};
static const clxi_st_tensor tensors[] = {
    {"mask", CLXI_ST_BOOL, 2, {1, 1}, flag},
    {"b", CLXI_ST_F32, 1, {3}, three},
    {"empty", CLXI_ST_F32, 2, {0, 7}, NULL},
    {"ref64.h", CLXI_ST_F64, 2, {2, 1}, two},
};

START_TEST(written_is_read_back)
{
    char *folder = folder_fresh("safetensors"), *path = path_join(folder, "a.safetensors");
    clxi_safetensors *file = NULL;
    expect_ok(clxi_safetensors_write(path, pairs, 2, tensors, 4, &test_error));
    expect_ok(clxi_safetensors_read(path, &file, &test_error));
    ck_assert_uint_eq(file->tensor_count, 4);
    ck_assert_uint_eq(file->pair_count, 2);
    ck_assert_str_eq(clxi_safetensors_metadata(file, "note"), pairs[1].value);
    const clxi_st_tensor *b = clxi_safetensors_tensor(file, "b");
    ck_assert_double_eq(clxi_st_get(b, 1), -2);
    ck_assert_double_eq(clxi_st_get(clxi_safetensors_tensor(file, "ref64.h"), 1), 1e300);
    ck_assert_double_eq(clxi_st_get(clxi_safetensors_tensor(file, "mask"), 0), 1);
    ck_assert_uint_eq(clxi_safetensors_tensor(file, "empty")->size[1], 7);
    for (size_t i = 0; i < 4; i++) /* each aligned to its elements, counted from the file's begin */
        ck_assert_uint_eq((size_t)((const char *)file->tensors[i].data - file->bytes) %
                              clxi_st_dtype_size(file->tensors[i].dtype),
                          0);
    clxi_safetensors_destroy(file);
    free(path);
    folder_drop(folder);
}
END_TEST

START_TEST(order_does_not_matter)
{
    char *folder = folder_fresh("safetensors"), *first = path_join(folder, "1"), *second = path_join(folder, "2");
    clxi_st_tensor turned[4];
    clxi_st_pair turned_pairs[] = {pairs[1], pairs[0]};
    char *x = NULL, *y = NULL;
    size_t x_size, y_size;
    for (size_t i = 0; i < 4; i++)
        turned[i] = tensors[3 - i];
    expect_ok(clxi_safetensors_write(first, pairs, 2, tensors, 4, &test_error));
    expect_ok(clxi_safetensors_write(second, turned_pairs, 2, turned, 4, &test_error));
    expect_ok(clxi_file_read(first, 1 << 20, &x, &x_size, &test_error));
    expect_ok(clxi_file_read(second, 1 << 20, &y, &y_size, &test_error));
    ck_assert_uint_eq(x_size, y_size);
    ck_assert_mem_eq(x, y, x_size);
    free(x);
    free(y);
    free(first);
    free(second);
    folder_drop(folder);
}
END_TEST

/* What is refused leaves the file that was there. */
START_TEST(refused_writes_change_nothing)
{
    char *folder = folder_fresh("safetensors"), *path = path_join(folder, "a");
    clxi_st_tensor bad[2] = {tensors[1], tensors[1]};
    clxi_st_pair twins[] = {pairs[0], pairs[0]};
    clxi_safetensors *file = NULL;
    expect_ok(clxi_safetensors_write(path, pairs, 2, tensors, 4, &test_error));
    expect_refused(clxi_safetensors_write(path, NULL, 0, bad, 2, &test_error), CLX_ERR_VALUE, "'b': given twice");
    expect_refused(clxi_safetensors_write(path, twins, 2, bad, 1, &test_error), CLX_ERR_VALUE, "'op': given twice");
    bad[0].dtype = CLXI_ST_NONE;
    expect_refused(clxi_safetensors_write(path, NULL, 0, bad, 1, &test_error), CLX_ERR_DTYPE, "'b': unknown dtype");
    bad[0] = tensors[1], bad[0].data = NULL;
    expect_refused(clxi_safetensors_write(path, NULL, 0, bad, 1, &test_error), CLX_ERR_NULL, "'b': no data");
    bad[0] = tensors[1], bad[0].rank = 9;
    expect_refused(clxi_safetensors_write(path, NULL, 0, bad, 1, &test_error), CLX_ERR_SHAPE, "9 dimensions");
    bad[0] = tensors[1], bad[0].rank = 2, bad[0].size[0] = bad[0].size[1] = (uint64_t)1 << 40;
    expect_refused(clxi_safetensors_write(path, NULL, 0, bad, 1, &test_error), CLX_ERR_OVERFLOW, "shape overflows");
    bad[0] = tensors[1], bad[0].name = "__metadata__";
    expect_refused(clxi_safetensors_write(path, NULL, 0, bad, 1, &test_error), CLX_ERR_VALUE, "not a name");
    expect_ok(clxi_safetensors_read(path, &file, &test_error));
    ck_assert_uint_eq(file->tensor_count, 4);
    clxi_safetensors_destroy(file);
    free(path);
    folder_drop(folder);
}
END_TEST

START_TEST(files_that_cannot_be)
{
    char *folder = folder_fresh("safetensors"), *missing = path_join(folder, "missing/a");
    clxi_safetensors *file = NULL;
    expect_refused(clxi_safetensors_read(missing, &file, &test_error), CLX_ERR_IO, "missing/a");
    expect_refused(clxi_safetensors_read(folder, &file, &test_error), CLX_ERR_IO, folder);
    expect_refused(clxi_safetensors_write(missing, NULL, 0, tensors, 4, &test_error), CLX_ERR_IO, "missing/a");
    free(missing);
    folder_drop(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *reader = suite_case(suite, "hostile", 30);
    tcase_add_loop_test(reader, hostile_header, 0, sizeof hostile / sizeof *hostile);
    tcase_add_test(reader, message_names_the_file);
    tcase_add_test(reader, too_short);
    tcase_add_test(reader, header_length);
    tcase_add_test(reader, header_beyond_the_limit);
    tcase_add_test(reader, bombs);
    tcase_add_test(reader, many_twins);
    tcase_add_test(reader, every_truncation);
    tcase_add_test(reader, mutations);
    TCase *good = suite_case(suite, "good", 30);
    tcase_add_test(good, good_file_is_read);
    tcase_add_test(good, small_files_are_read);
    tcase_add_test(good, every_dtype_is_read);
    tcase_add_test(good, dtypes_match_the_library);
    TCase *writer = suite_case(suite, "writer", 30);
    tcase_add_test(writer, written_is_read_back);
    tcase_add_test(writer, order_does_not_matter);
    tcase_add_test(writer, refused_writes_change_nothing);
    tcase_add_test(writer, files_that_cannot_be);
    return suite_run(suite);
}
