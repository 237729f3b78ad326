/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration to JSON and back, along the fields' tables. */
#include "base/fail.h"
#include "base/text.h"
#include "cell/config_fields.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing: a NULL item is a failed allocation, which adding to an object passes on ----------------------------- */

static const char *page_dtype_name(clx_dtype dtype)
{
    switch (dtype) {
#define PAGE_NAME(name, value, size, text, page)                                                                       \
    case CLX_##name:                                                                                                   \
        return page;
        CLX_DTYPE_MAP(PAGE_NAME)
#undef PAGE_NAME
    default:
        return "?";
    }
}

/* The shortest digits that read back as the very number (cJSON's own may be off in the last bit), whatever the locale's
 * decimal point. JSON has no infinity. */
static cJSON *number_json(double value)
{
    char text[40];
    if (isinf(value)) return cJSON_CreateString(value > 0 ? "inf" : "-inf");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    text[strcspn(text, ",")] = strchr(text, ',') ? '.' : '\0';
    return cJSON_CreateRaw(text);
}

static cJSON *pair_json(const double value[2])
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; array != NULL && i < 2; i++) {
        cJSON *item = number_json(value[i]);
        if (item == NULL || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            cJSON_Delete(array);
            return NULL;
        }
    }
    return array;
}

static cJSON *range_json(const clx_bias_init_range *range)
{
    if (range->count == 2) return pair_json(range->value);
    return range->count == 1 ? number_json(range->value[0]) : cJSON_CreateNull();
}

static cJSON *fields_json(const clxi_config_field *fields, const void *values, unsigned backend);

static cJSON *field_json(const clxi_config_field *field, const void *value)
{
    const clx_optional_number *optional = value;
    const clx_mlstm_backend_config *backend = value;
    const clx_parallel_config *parallel = value;
    switch (field->kind) {
    case CLXI_CONFIG_INT:
        return number_json((double)*(const int64_t *)value);
    case CLXI_CONFIG_BOOL:
        return cJSON_CreateBool(*(const int32_t *)value != 0);
    case CLXI_CONFIG_NUMBER:
        return number_json(*(const double *)value);
    case CLXI_CONFIG_DTYPE:
        return cJSON_CreateString(page_dtype_name(*(const clx_dtype *)value));
    case CLXI_CONFIG_WORD:
        return cJSON_CreateString(field->words[*(const int *)value]);
    case CLXI_CONFIG_OPTIONAL:
        return optional->given ? number_json(optional->value) : cJSON_CreateNull();
    case CLXI_CONFIG_RANGE:
        return range_json(value);
    case CLXI_CONFIG_BACKEND:
        return fields_json(clxi_backend_fields, value, 1u << backend->name);
    case CLXI_CONFIG_PARALLEL:
        return parallel->given ? fields_json(clxi_parallel_fields, value, 0) : cJSON_CreateNull();
    }
    return NULL;
}

/* An object of the fields; of a backend's, those that this backend (a bit) has. */
static cJSON *fields_json(const clxi_config_field *fields, const void *values, unsigned backend)
{
    cJSON *object = cJSON_CreateObject();
    for (const clxi_config_field *f = fields; object != NULL && f->name != NULL; f++) {
        if (backend != 0 && (f->backends & backend) == 0) continue;
        cJSON *item = field_json(f, (const char *)values + f->offset);
        if (item == NULL || !cJSON_AddItemToObject(object, f->name, item)) {
            cJSON_Delete(item);
            cJSON_Delete(object);
            return NULL;
        }
    }
    return object;
}

clx_status clx_mlstm_cell_config_to_json(const clx_mlstm_cell_config *config, char *text, size_t *size_bytes,
                                         clx_error *error)
{
    clx_status status = CLX_OK;
    cJSON *object = NULL;
    char *printed = NULL;
    size_t needed = 0;
    if (!size_bytes) return clxi_fail(error, CLX_ERR_NULL, "size_bytes: NULL, expected where to put the size");
    CLXI_TRY(clxi_cell_config_check_values(config, error));
    object = fields_json(clxi_cell_fields, config, 0);
    printed = object ? cJSON_Print(object) : NULL;
    if (!printed) {
        status = clxi_fail_memory(error, "a configuration's text");
        goto fail;
    }
    needed = strlen(printed) + 1;
    if (text && *size_bytes < needed)
        status = clxi_fail(error, CLX_ERR_VALUE, "size_bytes: %zu, expected at least %zu", *size_bytes, needed);
    else if (text)
        memcpy(text, printed, needed);
    if (status == CLX_OK) *size_bytes = needed;
fail:
    cJSON_free(printed);
    cJSON_Delete(object);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static const char *type_name(const cJSON *item)
{
    if (cJSON_IsNull(item)) return "null";
    if (cJSON_IsBool(item)) return "a boolean";
    if (cJSON_IsNumber(item)) return "a number";
    if (cJSON_IsString(item)) return "a string";
    return cJSON_IsArray(item) ? "an array" : "an object";
}

static clx_status wrong_type(const char *name, const cJSON *item, const char *expected, clx_error *error)
{
    return clxi_fail(error, CLX_ERR_FORMAT, "%s: %s, expected %s", name, type_name(item), expected);
}

static clx_status read_int(const char *name, const cJSON *item, int64_t *out, clx_error *error)
{
    const double value = item->valuedouble;
    if (!cJSON_IsNumber(item)) return wrong_type(name, item, "a whole number", error);
    if (!(fabs(value) <= 0x1p53) || floor(value) != value)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: %g, expected a whole number", name, value);
    *out = (int64_t)value;
    return CLX_OK;
}

static clx_status read_number(const char *name, const cJSON *item, double *out, clx_error *error)
{
    const char *text = cJSON_GetStringValue(item);
    if (text && strcmp(text, "inf") == 0)
        *out = INFINITY;
    else if (text && strcmp(text, "-inf") == 0)
        *out = -INFINITY;
    else if (cJSON_IsNumber(item))
        *out = item->valuedouble;
    else
        return wrong_type(name, item, "a number", error);
    return CLX_OK;
}

static clx_status read_dtype(const char *name, const cJSON *item, clx_dtype *out, clx_error *error)
{
    const char *text = cJSON_GetStringValue(item);
    if (!text) return wrong_type(name, item, "a dtype's name", error);
    *out = clx_dtype_parse(text);
    if (*out != CLX_DTYPE_DEFAULT) return CLX_OK;
    return clxi_fail(error, CLX_ERR_DTYPE, "%s: '%.40s', expected float32, float16 or bfloat16", name, text);
}

static clx_status read_word(const char *name, const cJSON *item, const char *const *words, int *out, clx_error *error)
{
    const char *text = cJSON_GetStringValue(item);
    clxi_text known = CLXI_TEXT_INIT;
    if (!text) return wrong_type(name, item, "a name", error);
    for (int i = 0; words[i] != NULL; i++) {
        *out = i;
        if (strcmp(words[i], text) == 0) return CLX_OK;
    }
    for (int i = 0; words[i] != NULL; i++)
        clxi_text_printf(&known, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    const clx_status status = clxi_fail(error, CLX_ERR_VALUE, "%s: '%.40s', expected %s", name, text,
                                        known.failed ? "another name" : known.data);
    clxi_text_free(&known);
    return status;
}

static clx_status read_optional(const char *name, const cJSON *item, clx_optional_number *out, clx_error *error)
{
    *out = (clx_optional_number){0, 0.0};
    if (cJSON_IsNull(item)) return CLX_OK;
    out->given = 1;
    return read_number(name, item, &out->value, error);
}

static clx_status read_range(const char *name, const cJSON *item, clx_bias_init_range *out, clx_error *error)
{
    clx_status status = CLX_OK;
    *out = (clx_bias_init_range){0, {0.0, 0.0}};
    if (cJSON_IsNull(item)) return CLX_OK;
    if (!cJSON_IsArray(item)) {
        out->count = 1;
        return read_number(name, item, &out->value[0], error);
    }
    if (cJSON_GetArraySize(item) != 2)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: an array of %d, expected 2 numbers, a number or null", name,
                         cJSON_GetArraySize(item));
    out->count = 2;
    for (int i = 0; i < 2; i++)
        CLXI_TRY(read_number(name, cJSON_GetArrayItem(item, i), &out->value[i], error));
fail:
    return status;
}

static clx_status read_fields(const char *prefix, const clxi_config_field *fields, const cJSON *object, void *values,
                              clx_error *error);

/* A field of a backend that this backend does not have is unknown to it. */
static clx_status check_backend_fields(const cJSON *object, const clx_mlstm_backend_config *backend, clx_error *error)
{
    for (const clxi_config_field *f = clxi_backend_fields; f->name != NULL; f++)
        if ((f->backends & 1u << backend->name) == 0 && cJSON_GetObjectItemCaseSensitive(object, f->name))
            return clxi_fail(error, CLX_ERR_FORMAT, "backend.%s: unknown field of %s", f->name,
                             clxi_backend_words[backend->name]);
    return CLX_OK;
}

static clx_status read_field(const char *name, const clxi_config_field *field, const cJSON *item, void *value,
                             clx_error *error)
{
    clx_status status = CLX_OK;
    switch (field->kind) {
    case CLXI_CONFIG_INT:
        return read_int(name, item, value, error);
    case CLXI_CONFIG_BOOL:
        if (!cJSON_IsBool(item)) return wrong_type(name, item, "true or false", error);
        *(int32_t *)value = cJSON_IsTrue(item);
        return CLX_OK;
    case CLXI_CONFIG_NUMBER:
        return read_number(name, item, value, error);
    case CLXI_CONFIG_DTYPE:
        return read_dtype(name, item, value, error);
    case CLXI_CONFIG_WORD:
        return read_word(name, item, field->words, value, error);
    case CLXI_CONFIG_OPTIONAL:
        return read_optional(name, item, value, error);
    case CLXI_CONFIG_RANGE:
        return read_range(name, item, value, error);
    case CLXI_CONFIG_BACKEND:
        if (!cJSON_IsObject(item)) return wrong_type(name, item, "an object with the backend's name", error);
        CLXI_TRY(read_fields("backend.", clxi_backend_fields, item, value, error));
        return check_backend_fields(item, value, error);
    case CLXI_CONFIG_PARALLEL:
        ((clx_parallel_config *)value)->given = !cJSON_IsNull(item);
        if (cJSON_IsNull(item)) return CLX_OK;
        if (!cJSON_IsObject(item)) return wrong_type(name, item, "an object or null", error);
        return read_fields("parallel.", clxi_parallel_fields, item, value, error);
    }
fail:
    return status;
}

static clx_status read_fields(const char *prefix, const clxi_config_field *fields, const cJSON *object, void *values,
                              clx_error *error)
{
    clx_status status = CLX_OK;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, object)
    {
        char name[96];
        const clxi_config_field *field = fields;
        snprintf(name, sizeof name, "%s%.60s", prefix, item->string);
        while (field->name != NULL && strcmp(field->name, item->string) != 0)
            field++;
        if (field->name == NULL) return clxi_fail(error, CLX_ERR_FORMAT, "%s: unknown field", name);
        if (cJSON_GetObjectItemCaseSensitive(object, item->string) != item)
            return clxi_fail(error, CLX_ERR_FORMAT, "%s: given twice", name);
        CLXI_TRY(read_field(name, field, item, (char *)values + field->offset, error));
    }
fail:
    return status;
}

clx_status clx_mlstm_cell_config_from_json(const char *text, clx_mlstm_cell_config *out, clx_error *error)
{
    clx_status status = CLX_OK;
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    const char *end = NULL;
    if (!text) return clxi_fail(error, CLX_ERR_NULL, "text: NULL, expected JSON");
    if (!out) return clxi_fail(error, CLX_ERR_NULL, "out: NULL, expected where to put the configuration");
    cJSON *object = cJSON_ParseWithOpts(text, &end, 1);
    if (!object) {
        status = clxi_fail(error, CLX_ERR_FORMAT, "text: not JSON from byte %td on", end ? end - text : 0);
        goto fail;
    }
    if (!cJSON_IsObject(object)) {
        status = wrong_type("text", object, "an object", error);
        goto fail;
    }
    CLXI_TRY(read_fields("", clxi_cell_fields, object, &config, error));
    CLXI_TRY(clxi_cell_config_check_values(&config, error));
    *out = config;
fail:
    cJSON_Delete(object);
    return status;
}
