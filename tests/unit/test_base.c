/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors, texts, names, arithmetic, log lines. */
#include "base/arith.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

START_TEST(messages)
{
    clx_error error = CLX_ERROR_INIT;
    ck_assert_int_eq(clxi_fail(NULL, CLX_ERR_SHAPE, "x"), CLX_ERR_SHAPE);
    ck_assert_int_eq(clxi_fail(&error, CLX_ERR_SHAPE, "k: %d\nand\r%s", 7, "more"), CLX_ERR_SHAPE);
    ck_assert_str_eq(error.message, "k: 7 and more");
    ck_assert_int_eq(error.status, CLX_ERR_SHAPE);
    clxi_error_set_detail(&error, "a whole\nlog");
    clxi_error_set_detail(&error, "another");
    ck_assert_str_eq(error.detail, "another");
    clxi_fail(&error, CLX_ERR_VALUE, "outer: %s", error.message); /* made from itself */
    ck_assert_str_eq(error.message, "outer: k: 7 and more");
    ck_assert_ptr_null(error.detail);
    clx_error_clear(&error);
    ck_assert(error.status == CLX_OK && error.message[0] == '\0');
    clx_error_clear(NULL);
    clxi_error_set_detail(NULL, "x");
}
END_TEST

START_TEST(long_messages_are_cut)
{
    clx_error error = CLX_ERROR_INIT;
    char text[2 * CLX_ERROR_MESSAGE_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    clxi_fail(&error, CLX_ERR_VALUE, "%s", text);
    ck_assert_uint_eq(strlen(error.message), CLX_ERROR_MESSAGE_SIZE - 1);
    clxi_fail_cl(&error, -30, "%s", text);
    ck_assert_uint_eq(strlen(error.message), CLX_ERROR_MESSAGE_SIZE - 1);
}
END_TEST

START_TEST(cl_codes)
{
    clx_error error = CLX_ERROR_INIT;
    ck_assert_int_eq(clxi_fail_cl(&error, -4, "workspace"), CLX_ERR_DEVICE_MEMORY);
    ck_assert_str_eq(error.message, "workspace: CL_MEM_OBJECT_ALLOCATION_FAILURE");
    ck_assert_int_eq(error.cl_code, -4);
    ck_assert_int_eq(clxi_fail_cl(&error, -6, "x"), CLX_ERR_HOST_MEMORY);
    ck_assert_int_eq(clxi_fail_cl(&error, -30, "x"), CLX_ERR_OPENCL);
    ck_assert_int_eq(clxi_fail_cl(NULL, -30, "x"), CLX_ERR_OPENCL);
    ck_assert_int_eq(clxi_fail_memory(&error, "a list"), CLX_ERR_HOST_MEMORY);
    ck_assert_str_eq(error.message, "out of host memory for a list");
    for (int32_t code = -70; code <= 0; code++) {
        ck_assert_uint_gt(strlen(clxi_cl_code_name(code)), 5);
    }
    ck_assert_str_eq(clxi_cl_code_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    ck_assert_str_eq(clxi_cl_code_name(12345), "an OpenCL error code without a name");
}
END_TEST

START_TEST(status_names)
{
    ck_assert_str_eq(clx_status_name(CLX_OK), "CLX_OK");
    ck_assert_str_eq(clx_status_name(CLX_ERR_INTERNAL), "CLX_ERR_INTERNAL");
    ck_assert_str_eq(clx_status_text(CLX_ERR_SHAPE), "shapes do not agree");
    ck_assert_str_eq(clx_status_name((clx_status)999), "CLX_ERR_?");
    ck_assert_str_eq(clx_status_text((clx_status)999), "unknown status");
    ck_assert_str_eq(clx_version(), CLX_VERSION_STRING);
}
END_TEST

START_TEST(dtypes)
{
    ck_assert_uint_eq(clx_dtype_size_bytes(CLX_F32), 4);
    ck_assert_uint_eq(clx_dtype_size_bytes(CLX_BF16), 2);
    ck_assert_uint_eq(clx_dtype_size_bytes(CLX_BOOL), 1);
    ck_assert_uint_eq(clx_dtype_size_bytes(CLX_DTYPE_DEFAULT), 0);
    ck_assert_uint_eq(clx_dtype_size_bytes((clx_dtype)99), 0);
    ck_assert_str_eq(clx_dtype_name(CLX_F16), "f16");
    ck_assert_str_eq(clx_dtype_name(CLX_DTYPE_DEFAULT), "?");
    ck_assert_str_eq(clx_dtype_name((clx_dtype)99), "?");
    ck_assert_int_eq(clx_dtype_parse("bf16"), CLX_BF16);
    ck_assert_int_eq(clx_dtype_parse("bfloat16"), CLX_BF16);
    ck_assert_int_eq(clx_dtype_parse("float64"), CLX_DTYPE_DEFAULT);
    ck_assert_int_eq(clx_dtype_parse(""), CLX_DTYPE_DEFAULT);
    ck_assert_int_eq(clx_dtype_parse(NULL), CLX_DTYPE_DEFAULT);
}
END_TEST

START_TEST(texts_grow)
{
    clxi_text text = CLXI_TEXT_INIT;
    for (int i = 0; i < 1000; i++) {
        clxi_text_printf(&text, "%d,", i);
    }
    clxi_text_append(&text, "end", 2);
    clxi_text_append(&text, NULL, 0);
    ck_assert_uint_eq(text.count, 10 * 2 + 90 * 3 + 900 * 4 + 2);
    ck_assert_uint_eq(strlen(text.data), text.count);
    ck_assert_str_eq(text.data + text.count - 6, "999,en");
    ck_assert(!text.failed);
    clxi_text_append(&text, "x", SIZE_MAX - 3); /* too much: refused, and so is all that follows */
    ck_assert(text.failed);
    size_t count = text.count;
    clxi_text_printf(&text, "more");
    ck_assert_uint_eq(text.count, count);
    clxi_text_free(&text);
    ck_assert(text.data == NULL && !text.failed);
}
END_TEST

START_TEST(strings)
{
    ck_assert(clxi_contains_nocase("NVIDIA CUDA", "cuda"));
    ck_assert(clxi_contains_nocase("Portable Computing Language", "LANG"));
    ck_assert(clxi_contains_nocase("x", ""));
    ck_assert(clxi_contains_nocase("", ""));
    ck_assert(!clxi_contains_nocase("", "x"));
    ck_assert(!clxi_contains_nocase("aab", "ab "));
    ck_assert(clxi_contains_nocase("aab", "ab"));
    ck_assert_ptr_null(clxi_strdup(NULL));
    char *copy = clxi_strdup("abc");
    ck_assert_str_eq(copy, "abc");
    free(copy);
}
END_TEST

START_TEST(arithmetic)
{
    uint64_t out = 7;
    ck_assert(!clxi_add_u64(UINT64_MAX, 1, &out) && out == 7);
    ck_assert(clxi_add_u64(UINT64_MAX, 0, &out) && out == UINT64_MAX);
    ck_assert(!clxi_mul_u64((uint64_t)1 << 32, (uint64_t)1 << 32, &out));
    ck_assert(clxi_mul_u64(0, UINT64_MAX, &out) && out == 0);
    ck_assert(clxi_mul_u64((uint64_t)1 << 32, ((uint64_t)1 << 32) - 1, &out));
    ck_assert_uint_eq(clxi_ceil_div(UINT64_MAX, 2), (uint64_t)1 << 63);
    ck_assert_uint_eq(clxi_ceil_div(0, 5), 0);
    ck_assert_uint_eq(clxi_ceil_div(10, 5), 2);
}
END_TEST

START_TEST(hashes)
{
    /* XXH3's own 128-bit value of the empty input: the files on disk depend on it. */
    clxi_hash empty = clxi_hash_bytes("", 0);
    ck_assert_uint_eq(empty.high, 0x99aa06d3014798d8u);
    ck_assert_uint_eq(empty.low, 0x6001c324468d497fu);
}
END_TEST

static char last_line[2048];
static int last_level;

static void keep_line(void *user, int level, const char *message)
{
    ck_assert_ptr_eq(user, last_line);
    strcpy(last_line, message);
    last_level = level;
}

START_TEST(log_lines)
{
    const clxi_log log = {keep_line, last_line};
    const clxi_log nowhere = {NULL, NULL};
    clxi_log_line(&log, CLXI_LOG_WARNING, "a\nb %d", 3);
    ck_assert_str_eq(last_line, "a b 3");
    ck_assert_int_eq(last_level, CLXI_LOG_WARNING);
    clxi_log_line(&nowhere, CLXI_LOG_INFO, "x");
    clxi_log_line(NULL, CLXI_LOG_INFO, "x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = suite_case(suite, "base", 10);
    tcase_add_test(tcase, messages);
    tcase_add_test(tcase, long_messages_are_cut);
    tcase_add_test(tcase, cl_codes);
    tcase_add_test(tcase, status_names);
    tcase_add_test(tcase, dtypes);
    tcase_add_test(tcase, texts_grow);
    tcase_add_test(tcase, strings);
    tcase_add_test(tcase, arithmetic);
    tcase_add_test(tcase, hashes);
    tcase_add_test(tcase, log_lines);
    return suite_run(suite);
}
