/* SPDX-License-Identifier: Apache-2.0
 *
 * The cell's configuration: defaults, refusals by name, JSON there and back. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_ROOM = 4096 };

static clx_mlstm_cell_config defaults(void)
{
    return (clx_mlstm_cell_config)CLX_MLSTM_CELL_CONFIG_INIT;
}

static void to_json(const clx_mlstm_cell_config *config, char text[TEXT_ROOM])
{
    size_t wanted = 0, room = TEXT_ROOM;
    expect_ok(clx_mlstm_cell_config_to_json(config, NULL, &wanted, &test_error));
    expect_ok(clx_mlstm_cell_config_to_json(config, text, &room, &test_error));
    ck_assert_uint_eq(room, wanted);
    ck_assert_uint_eq(room, strlen(text) + 1);
}

/* The page, word by word. */
START_TEST(defaults_are_the_page)
{
    static const char *const lines[] = {"\"context_length\":\t-1",
                                        "\"embedding_dim\":\t-1",
                                        "\"num_heads\":\t-1",
                                        "\"name\":\t\"parallel_stabilized\"",
                                        "\"norm_eps\":\t1e-06",
                                        "\"norm_type\":\t\"layernorm\"",
                                        "\"norm_type_v1\":\t\"layernorm\"",
                                        "\"layer_type_v1\":\tfalse",
                                        "\"dtype\":\t\"bfloat16\"",
                                        "\"gate_dtype\":\t\"float32\"",
                                        "\"gate_soft_cap\":\tnull",
                                        "\"gate_linear_headwise\":\tfalse",
                                        "\"igate_bias_init_range\":\tnull",
                                        "\"fgate_bias_init_range\":\t[3, 6]",
                                        "\"add_qk_norm\":\tfalse",
                                        "\"reset_at_document_boundaries\":\tfalse",
                                        "\"reset_fgate_value\":\t-25",
                                        "\"parallel\":\tnull"};
    clx_mlstm_cell_config config = defaults();
    char text[TEXT_ROOM];
    to_json(&config, text);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no %s in %s", lines[i], text);
    ck_assert_msg(strstr(text, "theta") == NULL, "a field of another backend in %s", text);
    config.backend.name = CLX_BACKEND_ATTENTION;
    to_json(&config, text);
    ck_assert_ptr_nonnull(strstr(text, "\"activation_function\":\t\"softmax\""));
    ck_assert_ptr_nonnull(strstr(text, "\"qk_pre_activation_function\":\t\"none\""));
    ck_assert_ptr_nonnull(strstr(text, "\"theta\":\t10000"));

    clx_mlstm_cell_config read;
    expect_ok(clx_mlstm_cell_config_from_json("{}", &read, &test_error));
    config = defaults();
    ck_assert_int_eq(memcmp(&read.context_length, &config.context_length, sizeof(int64_t)), 0);
    ck_assert_int_eq(read.fgate_bias_init_range.count, 2);
    ck_assert(read.reset_fgate_value == -25.0);
}
END_TEST

/* The fields that a row sets, and what the message must name. */
typedef struct refusal {
    const char *json;
    clx_status status;
    const char *message;
} refusal;

static const refusal refusals[] = {
    {"", CLX_ERR_FORMAT, "text: not JSON"},
    {"[]", CLX_ERR_FORMAT, "text: an array, expected an object"},
    {"{} {}", CLX_ERR_FORMAT, "text: not JSON"},
    {"{\"norm_epsilon\": 1e-6}", CLX_ERR_FORMAT, "norm_epsilon: unknown field"},
    {"{\"num_heads\": 4, \"num_heads\": 5}", CLX_ERR_FORMAT, "num_heads: given twice"},
    {"{\"num_heads\": \"4\"}", CLX_ERR_FORMAT, "num_heads: a string, expected a whole number"},
    {"{\"num_heads\": 4.5}", CLX_ERR_FORMAT, "num_heads: 4.5, expected a whole number"},
    {"{\"num_heads\": 0}", CLX_ERR_VALUE, "num_heads: 0, expected -1 (unset) or 1 to"},
    {"{\"context_length\": -2}", CLX_ERR_VALUE, "context_length: -2"},
    {"{\"embedding_dim\": 0}", CLX_ERR_VALUE, "embedding_dim: 0"},
    {"{\"backend\": \"attention\"}", CLX_ERR_FORMAT, "backend: a string, expected an object"},
    {"{\"backend\": {\"name\": \"triton\"}}", CLX_ERR_VALUE, "backend.name: 'triton', expected parallel_stabilized, "},
    {"{\"backend\": {\"theta\": 500}}", CLX_ERR_FORMAT, "backend.theta: unknown field of parallel_stabilized"},
    {"{\"backend\": {\"theta\": 0, \"name\": \"attention\"}}", CLX_ERR_VALUE, "backend.theta: 0, expected"},
    {"{\"backend\": {\"context_length\": 0}}", CLX_ERR_VALUE, "backend.context_length: 0"},
    {"{\"backend\": {\"name\": \"attention\", \"activation_function\": \"relu\"}}", CLX_ERR_VALUE,
     "backend.activation_function: 'relu', expected softmax, sigmoid or none"},
    {"{\"backend\": {\"name\": \"attention\", \"qk_pre_activation_function\": 1}}", CLX_ERR_FORMAT,
     "backend.qk_pre_activation_function: a number"},
    {"{\"norm_eps\": -1}", CLX_ERR_VALUE, "norm_eps: -1"},
    {"{\"norm_eps\": null}", CLX_ERR_FORMAT, "norm_eps: null, expected a number"},
    {"{\"norm_type\": \"batchnorm\"}", CLX_ERR_VALUE, "norm_type: 'batchnorm', expected layernorm or rmsnorm"},
    {"{\"norm_type_v1\": true}", CLX_ERR_FORMAT, "norm_type_v1: a boolean"},
    {"{\"layer_type_v1\": 1}", CLX_ERR_FORMAT, "layer_type_v1: a number, expected true or false"},
    {"{\"dtype\": \"int8\"}", CLX_ERR_DTYPE, "dtype: 'int8', expected float32"},
    {"{\"dtype\": \"bool\"}", CLX_ERR_DTYPE, "dtype: bool"},
    {"{\"gate_dtype\": []}", CLX_ERR_FORMAT, "gate_dtype: an array"},
    {"{\"gate_soft_cap\": 0}", CLX_ERR_VALUE, "gate_soft_cap: 0, expected a finite number above 0"},
    {"{\"gate_soft_cap\": -15}", CLX_ERR_VALUE, "gate_soft_cap: -15"},
    {"{\"gate_soft_cap\": 1e-60}", CLX_ERR_VALUE, "gate_soft_cap: 1e-60"}, /* 0 in f32 */
    {"{\"gate_soft_cap\": \"inf\"}", CLX_ERR_VALUE, "gate_soft_cap: inf"},
    {"{\"igate_bias_init_range\": [1]}", CLX_ERR_FORMAT, "igate_bias_init_range: an array of 1"},
    {"{\"igate_bias_init_range\": [1, \"x\"]}", CLX_ERR_FORMAT, "igate_bias_init_range: a string"},
    {"{\"fgate_bias_init_range\": 1e300}", CLX_ERR_VALUE, "fgate_bias_init_range: 1e+300"},
    {"{\"reset_fgate_value\": \"nan\"}", CLX_ERR_FORMAT, "reset_fgate_value: a string"},
    {"{\"parallel\": 2}", CLX_ERR_FORMAT, "parallel: a number, expected an object or null"},
    {"{\"parallel\": {\"size\": 2}}", CLX_ERR_FORMAT, "parallel.size: unknown field"},
    {"{\"parallel\": {\"tp_size\": 0}}", CLX_ERR_VALUE, "parallel.tp_size: 0"},
    {"{\"parallel\": {\"tp_size\": 2, \"tp_rank\": 2}}", CLX_ERR_VALUE, "parallel.tp_rank: 2, expected 0 to 1"},
    {"{\"num_heads\": 5, \"parallel\": {\"tp_size\": 2}}", CLX_ERR_VALUE, "num_heads: 5, expected a multiple of"},
};

START_TEST(a_wrong_field_is_named)
{
    const refusal *row = &refusals[_i];
    clx_mlstm_cell_config config = defaults();
    config.num_heads = 77;
    expect_refused(clx_mlstm_cell_config_from_json(row->json, &config, &test_error), row->status, row->message);
    ck_assert_int_eq(config.num_heads, 77);
}
END_TEST

START_TEST(arguments_are_checked)
{
    clx_mlstm_cell_config config = defaults();
    char text[TEXT_ROOM];
    size_t room = 10;
    expect_refused(clx_mlstm_cell_config_from_json(NULL, &config, &test_error), CLX_ERR_NULL, "text: NULL");
    expect_refused(clx_mlstm_cell_config_from_json("{}", NULL, &test_error), CLX_ERR_NULL, "out: NULL");
    expect_refused(clx_mlstm_cell_config_to_json(&config, text, &room, &test_error), CLX_ERR_VALUE, "size_bytes: 10");
    expect_refused(clx_mlstm_cell_config_to_json(&config, text, NULL, &test_error), CLX_ERR_NULL, "size_bytes: NULL");
    expect_refused(clx_mlstm_cell_config_to_json(NULL, text, &room, &test_error), CLX_ERR_NULL, "config: NULL");
    expect_refused(clx_mlstm_cell_config_check(NULL, &test_error), CLX_ERR_NULL, "config: NULL");
    config.struct_size = 8;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_VALUE, "struct_size");
}
END_TEST

START_TEST(values_are_checked)
{
    clx_mlstm_cell_config config = defaults();
    config.norm_eps = NAN;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_VALUE, "norm_eps: nan");
    config = defaults();
    config.reset_fgate_value = NAN;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_VALUE, "reset_fgate_value: NaN");
    config = defaults();
    config.reset_fgate_value = -INFINITY;
    expect_ok(clx_mlstm_cell_config_check(&config, &test_error));
    config = defaults();
    config.backend.name = CLX_BACKEND_CHUNKWISE;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_UNSUPPORTED, "chunkwise is not built");
    config.backend.name = (clx_mlstm_backend)9;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_VALUE, "backend.name: 9");
    config = defaults();
    config.norm_type_v1 = (clx_norm_type)7;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_VALUE, "norm_type_v1: 7");
    config = defaults();
    config.dtype = CLX_BOOL;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_DTYPE, "dtype: bool");
    config = defaults();
    config.igate_bias_init_range.count = 3;
    expect_refused(clx_mlstm_cell_config_check(&config, &test_error), CLX_ERR_VALUE, "igate_bias_init_range.count: 3");
}
END_TEST

START_TEST(context_length_is_assigned)
{
    clx_mlstm_cell_config config = defaults();
    config.context_length = 512;
    clx_mlstm_backend_assign_model_config_params(&config.backend, &config);
    ck_assert_int_eq(config.backend.context_length, 512);
    config.context_length = 64;
    clx_mlstm_backend_assign_model_config_params(&config.backend, &config);
    ck_assert_int_eq(config.backend.context_length, 512);
}
END_TEST

static double random_number(random_state *random)
{
    /* the digits of a double and of a page's short number */
    return random_below(random, 2) ? (double)random_normal(random) * 1.1 : (double)random_below(random, 1000) / 1000;
}

static int64_t random_length(random_state *random)
{
    return random_below(random, 2) ? -1 : 1 + (int64_t)random_below(random, (uint64_t)1 << 53);
}

static clx_bias_init_range random_range(random_state *random)
{
    clx_bias_init_range range = {(int32_t)random_below(random, 3), {0, 0}};
    for (int i = 0; i < range.count; i++)
        range.value[i] = random_number(random);
    return range;
}

static clx_mlstm_cell_config random_config(random_state *random)
{
    static const clx_dtype dtypes[] = {CLX_F32, CLX_F16, CLX_BF16};
    clx_mlstm_cell_config c = defaults();
    c.context_length = random_length(random);
    c.embedding_dim = random_length(random);
    c.parallel.given = (int32_t)random_below(random, 2);
    if (c.parallel.given) c.parallel.tp_size = 1 + (int64_t)random_below(random, 8);
    if (c.parallel.given) c.parallel.tp_rank = (int64_t)random_below(random, (uint64_t)c.parallel.tp_size);
    c.num_heads = random_below(random, 4) ? c.parallel.tp_size * (1 + (int64_t)random_below(random, 16)) : -1;
    c.backend.name = (clx_mlstm_backend)random_below(random, 4);
    c.backend.context_length = random_length(random);
    if (c.backend.name == CLX_BACKEND_ATTENTION) {
        c.backend.activation_function = (clx_attention_activation)random_below(random, 3);
        c.backend.qk_pre_activation_function = (clx_attention_pre_activation)random_below(random, 2);
        c.backend.theta = 0.5 + fabs(random_number(random));
    }
    c.norm_eps = fabs(random_number(random)) * 1e-3;
    c.norm_type = (clx_norm_type)random_below(random, 2);
    c.norm_type_v1 = (clx_norm_type)random_below(random, 2);
    c.layer_type_v1 = (int32_t)random_below(random, 2);
    c.dtype = dtypes[random_below(random, 3)];
    c.gate_dtype = dtypes[random_below(random, 3)];
    c.gate_soft_cap.given = (int32_t)random_below(random, 2);
    if (c.gate_soft_cap.given) c.gate_soft_cap.value = 0.1 + fabs(random_number(random));
    c.gate_linear_headwise = (int32_t)random_below(random, 2);
    c.igate_bias_init_range = random_range(random);
    c.fgate_bias_init_range = random_range(random);
    c.add_qk_norm = (int32_t)random_below(random, 2);
    c.reset_at_document_boundaries = (int32_t)random_below(random, 2);
    c.reset_fgate_value = random_below(random, 4) ? random_number(random) : -INFINITY;
    return c;
}

static void expect_same(const clx_mlstm_cell_config *a, const clx_mlstm_cell_config *b)
{
    ck_assert_int_eq(a->context_length, b->context_length);
    ck_assert_int_eq(a->embedding_dim, b->embedding_dim);
    ck_assert_int_eq(a->num_heads, b->num_heads);
    ck_assert_int_eq(a->backend.name, b->backend.name);
    ck_assert_int_eq(a->backend.context_length, b->backend.context_length);
    ck_assert_int_eq(a->backend.activation_function, b->backend.activation_function);
    ck_assert_int_eq(a->backend.qk_pre_activation_function, b->backend.qk_pre_activation_function);
    ck_assert(a->backend.theta == b->backend.theta);
    ck_assert(a->norm_eps == b->norm_eps);
    ck_assert_int_eq(a->norm_type, b->norm_type);
    ck_assert_int_eq(a->norm_type_v1, b->norm_type_v1);
    ck_assert_int_eq(a->layer_type_v1, b->layer_type_v1);
    ck_assert_int_eq(a->dtype, b->dtype);
    ck_assert_int_eq(a->gate_dtype, b->gate_dtype);
    ck_assert_int_eq(a->gate_soft_cap.given, b->gate_soft_cap.given);
    ck_assert(a->gate_soft_cap.value == b->gate_soft_cap.value);
    ck_assert_int_eq(a->gate_linear_headwise, b->gate_linear_headwise);
    ck_assert_int_eq(a->igate_bias_init_range.count, b->igate_bias_init_range.count);
    ck_assert_int_eq(a->fgate_bias_init_range.count, b->fgate_bias_init_range.count);
    for (int i = 0; i < 2; i++) {
        ck_assert(a->igate_bias_init_range.value[i] == b->igate_bias_init_range.value[i]);
        ck_assert(a->fgate_bias_init_range.value[i] == b->fgate_bias_init_range.value[i]);
    }
    ck_assert_int_eq(a->add_qk_norm, b->add_qk_norm);
    ck_assert_int_eq(a->reset_at_document_boundaries, b->reset_at_document_boundaries);
    ck_assert(a->reset_fgate_value == b->reset_fgate_value);
    ck_assert_int_eq(a->parallel.given, b->parallel.given);
    ck_assert_int_eq(a->parallel.tp_size, b->parallel.tp_size);
    ck_assert_int_eq(a->parallel.tp_rank, b->parallel.tp_rank);
}

START_TEST(json_goes_there_and_back)
{
    random_state random = random_start(4);
    for (int i = 0; i < 500; i++) {
        clx_mlstm_cell_config config = random_config(&random), read;
        char text[TEXT_ROOM];
        to_json(&config, text);
        expect_ok(clx_mlstm_cell_config_from_json(text, &read, &test_error));
        expect_same(&config, &read);
    }
}
END_TEST

/* Whatever a text says, it is read or refused. */
START_TEST(damaged_json_is_refused)
{
    random_state random = random_start(5);
    for (int i = 0; i < 3000; i++) {
        clx_mlstm_cell_config config = random_config(&random);
        char text[TEXT_ROOM];
        to_json(&config, text);
        const size_t length = strlen(text);
        for (uint64_t hits = 1 + random_below(&random, 3); hits > 0; hits--)
            text[random_below(&random, length)] = "\"{}[]:,0.e-ntx\\ \x01\xff"[random_below(&random, 18)];
        if (random_below(&random, 4) == 0) text[random_below(&random, length)] = 0;
        clx_status status = clx_mlstm_cell_config_from_json(text, &config, &test_error);
        if (status != CLX_OK) ck_assert_msg(test_error.message[0], "no message for %s", text);
        clx_error_clear(&test_error);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cell_config");
    TCase *tcase = suite_case(suite, "config", 60);
    tcase_add_test(tcase, defaults_are_the_page);
    tcase_add_loop_test(tcase, a_wrong_field_is_named, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tcase, arguments_are_checked);
    tcase_add_test(tcase, values_are_checked);
    tcase_add_test(tcase, context_length_is_assigned);
    tcase_add_test(tcase, json_goes_there_and_back);
    tcase_add_test(tcase, damaged_json_is_refused);
    return suite_run(suite);
}
