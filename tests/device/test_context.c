/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts: chosen by selector, made from the caller's objects, refused. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

/* The device that the environment or the library chooses, as a selector. */
static void default_selector(char *out, size_t room)
{
    clx_device_info infos[32];
    clx_device_info chosen;
    size_t count = 0;
    expect_ok(clx_devices_list(infos, sizeof *infos, 32, &count, &test_error));
    expect_ok(clx_context_device_info(device.context, &chosen, sizeof chosen, &test_error));
    for (size_t i = 0; i < count && i < 32; i++) {
        if (strcmp(infos[i].name, chosen.name) != 0 || strcmp(infos[i].platform, chosen.platform) != 0) continue;
        snprintf(out, room, "%s", infos[i].selector);
        return;
    }
    ck_abort_msg("%s is not in the list", chosen.name);
}

START_TEST(list_counts_and_fills)
{
    clx_device_info info;
    size_t count = 0;
    size_t again = 0;
    expect_ok(clx_devices_list(NULL, 0, 0, &count, &test_error));
    ck_assert_uint_gt(count, 0);
    expect_ok(clx_devices_list(&info, sizeof info, 1, &again, &test_error));
    ck_assert_uint_eq(count, again);
    ck_assert_str_eq(info.selector, "0:0");
    ck_assert(info.usable || info.reason[0] != '\0');
    expect_refused(clx_devices_list(&info, sizeof info, 1, NULL, &test_error), CLX_ERR_NULL, "count");
    expect_refused(clx_devices_list(NULL, sizeof(clx_device_info), 1, &count, &test_error), CLX_ERR_NULL, "infos");
}
END_TEST

/* Programs of an older or a newer header have room for less or more of each entry. */
START_TEST(list_keeps_to_the_room)
{
    struct {
        char bytes[24];
        char behind;
    } small = {{0}, 'x'};
    struct {
        clx_device_info info;
        char more[40];
    } large[2];
    char zeros[40] = {0};
    size_t count = 0;
    expect_ok(clx_devices_list((clx_device_info *)(void *)&small, sizeof small.bytes, 1, &count, &test_error));
    ck_assert_str_eq(small.bytes, "0:0");
    ck_assert_int_eq(small.behind, 'x');
    memset(large, 0xff, sizeof large);
    expect_ok(clx_devices_list(&large[0].info, sizeof large[0], 2, &count, &test_error));
    ck_assert_str_eq(large[0].info.selector, "0:0");
    ck_assert_mem_eq(large[0].more, zeros, sizeof zeros);
    if (count > 1) ck_assert_mem_eq(large[1].more, zeros, sizeof zeros);
    expect_refused(clx_devices_list(&large[0].info, 0, 1, &count, &test_error), CLX_ERR_VALUE, "info_bytes: 0");
}
END_TEST

START_TEST(selectors)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    char selector[16];
    clx_device_info info;
    default_selector(selector, sizeof selector);
    options.selector = selector;
    expect_ok(clx_context_create(&context, &options, &test_error));
    ck_assert_ptr_eq(clx_context_cl_device(context), device.id);
    expect_ok(clx_context_device_info(context, &info, sizeof info, &test_error));
    clx_context_destroy(context);
    options.selector = info.type;
    if (strcmp(info.type, "gpu") == 0 || strcmp(info.type, "cpu") == 0) {
        expect_ok(clx_context_create(&context, &options, &test_error));
        clx_context_destroy(context);
    }
    info.platform[0] ^= 0x20; /* the case does not matter */
    options.selector = info.platform;
    expect_ok(clx_context_create(&context, &options, &test_error));
    clx_context_destroy(context);
}
END_TEST

START_TEST(unknown_selector)
{
    static const char *const wrong[] = {"99:0", "0:99", "no such device", "4294967295:1", "-1:0", "0:0:0"};
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = device.context;
    options.selector = wrong[_i];
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_DEVICE, wrong[_i]);
    ck_assert_ptr_null(context);
}
END_TEST

START_TEST(callers_objects)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    cl_uint before = 0;
    cl_uint during = 0;
    options.context = device.cl;
    options.device = device.id;
    clGetContextInfo(device.cl, CL_CONTEXT_REFERENCE_COUNT, sizeof before, &before, NULL);
    expect_ok(clx_context_create(&context, &options, &test_error));
    clGetContextInfo(device.cl, CL_CONTEXT_REFERENCE_COUNT, sizeof during, &during, NULL);
    ck_assert_ptr_eq(clx_context_cl_context(context), device.cl);
    ck_assert_ptr_eq(clx_context_cl_device(context), device.id);
    ck_assert_uint_eq(during, before + 1);
    clx_context_destroy(context);
    clGetContextInfo(device.cl, CL_CONTEXT_REFERENCE_COUNT, sizeof during, &during, NULL);
    ck_assert_uint_eq(during, before);
}
END_TEST

START_TEST(half_given)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_context *context = NULL;
    options.context = device.cl;
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_NULL, "options.device: null");
    options.context = NULL;
    options.device = device.id;
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_NULL, "options.context: null");
    options.context = device.cl;
    options.struct_size = 1;
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_VALUE, "struct_size");
    options.struct_size = sizeof options;
    options.launch_ms = 0.0f / 0.0f;
    expect_refused(clx_context_create(&context, &options, &test_error), CLX_ERR_VALUE, "launch_ms");
    expect_refused(clx_context_create(NULL, &options, &test_error), CLX_ERR_NULL, "out");
}
END_TEST

START_TEST(null_context)
{
    clx_device_info info;
    size_t size = 0;
    clx_context_destroy(NULL);
    ck_assert_ptr_null(clx_context_cl_context(NULL));
    ck_assert_ptr_null(clx_context_cl_device(NULL));
    ck_assert_uint_eq(clx_context_pool_bytes(NULL), 0);
    ck_assert_uint_eq(clx_context_build_counts(NULL).compiled, 0);
    expect_refused(clx_context_device_info(NULL, &info, sizeof info, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_context_device_info(device.context, NULL, sizeof(clx_device_info), &test_error), CLX_ERR_NULL,
                   "info");
    expect_refused(clx_context_pool_trim(NULL, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_context_blob_get(NULL, NULL, &size, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_context_blob_get(device.context, NULL, NULL, &test_error), CLX_ERR_NULL, "size_bytes");
    expect_refused(clx_context_blob_set(NULL, NULL, 0, NULL, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_context_blob_set(device.context, NULL, 1, NULL, &test_error), CLX_ERR_NULL, "blob");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("context");
    TCase *tcase = suite_device_case(suite, "context", 60);
    tcase_add_test(tcase, list_counts_and_fills);
    tcase_add_test(tcase, list_keeps_to_the_room);
    tcase_add_test(tcase, selectors);
    tcase_add_loop_test(tcase, unknown_selector, 0, 6);
    tcase_add_test(tcase, callers_objects);
    tcase_add_test(tcase, half_given);
    tcase_add_test(tcase, null_context);
    return suite_run(suite);
}
