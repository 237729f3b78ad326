/* SPDX-License-Identifier: Apache-2.0
 *
 * A benchmark's report as JSON, both ways. */
#include "bench_sheet.h"
#include "base/file.h"
#include "bench_fields.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_LIMIT_BYTES ((size_t)64 << 20)
enum { RECORDS_MAX = 4096 };

static cJSON *record_to_json(const tool_field_table *table, void *record)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t index = 0; index < table->field_count; ++index) {
        const tool_field *field = &table->fields[index];
        if (field->kind == TOOL_FIELD_TEXT) {
            tool_json_text(object, field->name, tool_field_text(field, record));
        } else {
            tool_json_number(object, field->name, *tool_field_number(field, record));
        }
    }
    return object;
}

char *tool_sheet_write(const tool_sheet *sheet)
{
    cJSON *root = cJSON_CreateObject();
    tool_json_text(root, "schema", TOOL_SHEET_SCHEMA);
    tool_json_number(root, "schema_version", TOOL_SHEET_VERSION);
    for (size_t t = 0; t < TOOL_SHEET_TABLES; ++t) {
        const tool_field_table *table = &tool_field_tables[t];
        cJSON *list = cJSON_AddArrayToObject(root, table->name);
        for (size_t index = 0; list && index < sheet->count[t]; ++index) {
            char *record = (char *)sheet->records[t] + index * table->record_bytes;
            cJSON_AddItemToArray(list, record_to_json(table, record));
        }
    }
    char *printed = sheet->failed ? NULL : cJSON_Print(root);
    char *text = printed ? malloc(strlen(printed) + 2) : NULL;
    if (text) sprintf(text, "%s\n", printed);
    cJSON_free(printed);
    cJSON_Delete(root);
    return text;
}

/* What is being read, for messages. */
typedef struct place {
    const char *path;
    const tool_field_table *table;
    size_t index;
    clx_error *error;
} place;

static clx_status refuse(const place *at, const tool_field *field, const char *expected)
{
    return clxi_fail(at->error, CLX_ERR_FORMAT, "%s: %s[%zu].%s: expected %s", at->path, at->table->name, at->index,
                     field->name, expected);
}

/* Cut where it is longer than its room, but not within a character of UTF-8. */
static void copy_text(char *to, size_t room, const char *from)
{
    size_t count = strlen(from);
    if (count >= room) {
        count = room - 1;
        while (count > 0 && ((unsigned char)from[count] & 0xc0u) == 0x80u) {
            --count;
        }
    }
    memcpy(to, from, count);
    to[count] = '\0';
}

static clx_status read_field(const place *at, const tool_field *field, const cJSON *object, const size_t *before,
                             const size_t *after, void *record)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field->name);
    if (field->kind == TOOL_FIELD_TEXT) {
        if (!cJSON_IsString(item) || !item->valuestring) return refuse(at, field, "a text");
        copy_text(tool_field_text(field, record), field->room, item->valuestring);
        return CLX_OK;
    }
    double *number = tool_field_number(field, record);
    if (field->kind == TOOL_FIELD_NUMBER) {
        if (!cJSON_IsNumber(item) && !cJSON_IsNull(item)) return refuse(at, field, "a number or null");
        *number = cJSON_IsNumber(item) ? item->valuedouble : NAN;
        return CLX_OK;
    }
    const size_t count = after[field->table] - before[field->table];
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0.0 && item->valuedouble < (double)count) ||
        floor(item->valuedouble) < item->valuedouble) {
        return refuse(at, field, "the index of a record");
    }
    *number = item->valuedouble + (double)before[field->table];
    return CLX_OK;
}

static clx_status check_result(const place *at, const tool_sheet_result *result)
{
    static const char *const statuses[] = {"passed", "wrong", "failed", "skipped"};
    double sizes[5];
    for (size_t index = 0; index < sizeof statuses / sizeof *statuses; ++index) {
        if (strcmp(result->status, statuses[index])) continue;
        if (tool_sheet_sizes(result->shape, sizes)) return CLX_OK;
        return clxi_fail(at->error, CLX_ERR_FORMAT, "%s: results[%zu].shape: expected BxNHxSxDHQKxDHV", at->path,
                         at->index);
    }
    return clxi_fail(at->error, CLX_ERR_FORMAT, "%s: results[%zu].status: expected passed, wrong, failed or skipped",
                     at->path, at->index);
}

static clx_status read_table(tool_sheet *sheet, tool_sheet_table t, const cJSON *root, const char *path,
                             const size_t *before, clx_error *error)
{
    clx_status status = CLX_OK;
    const tool_field_table *table = &tool_field_tables[t];
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, table->name);
    const cJSON *object = NULL;
    place at = {path, table, 0, error};
    if (!cJSON_IsArray(list)) return clxi_fail(error, CLX_ERR_FORMAT, "%s: %s: expected a list", path, table->name);
    cJSON_ArrayForEach(object, list)
    {
        if (!cJSON_IsObject(object)) {
            return clxi_fail(error, CLX_ERR_FORMAT, "%s: %s[%zu]: expected an object", path, table->name, at.index);
        }
        if (at.index == RECORDS_MAX) {
            return clxi_fail(error, CLX_ERR_FORMAT, "%s: %s: expected at most %d records", path, table->name,
                             RECORDS_MAX);
        }
        void *record = tool_sheet_add(sheet, t);
        if (!record) return clxi_fail_memory(error, path);
        for (size_t index = 0; index < table->field_count; ++index) {
            CLXI_TRY(read_field(&at, &table->fields[index], object, before, sheet->count, record));
        }
        if (t == TOOL_RESULTS) CLXI_TRY(check_result(&at, record));
        ++at.index;
    }
fail:
    return status;
}

/* Line and column of a position in a text. */
static clx_status refuse_text(const char *path, const char *text, const char *stop, clx_error *error)
{
    size_t line = 1, column = 1;
    for (const char *at = text; stop && at < stop && *at; ++at) {
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
    }
    return clxi_fail(error, CLX_ERR_FORMAT, "%s: no JSON from line %zu, column %zu on", path, line, column);
}

static clx_status read_root(tool_sheet *sheet, const cJSON *root, const char *path, clx_error *error)
{
    clx_status status = CLX_OK;
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(root, "schema");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "schema_version");
    size_t before[TOOL_SHEET_TABLES];
    if (!cJSON_IsString(schema) || strcmp(schema->valuestring, TOOL_SHEET_SCHEMA) != 0) {
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: schema: expected \"%s\"", path, TOOL_SHEET_SCHEMA);
    }
    if (!cJSON_IsNumber(version) || version->valueint != TOOL_SHEET_VERSION) {
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: schema_version: expected %d", path, TOOL_SHEET_VERSION);
    }
    memcpy(before, sheet->count, sizeof before);
    for (int table = 0; table < TOOL_SHEET_TABLES; ++table) {
        CLXI_TRY(read_table(sheet, (tool_sheet_table)table, root, path, before, error));
    }
fail:
    return status;
}

clx_status tool_sheet_read(tool_sheet *sheet, const char *path, clx_error *error)
{
    char *text = NULL;
    const char *stop = NULL;
    size_t size = 0;
    clx_status status = clxi_file_read(path, REPORT_LIMIT_BYTES, &text, &size, error);
    if (status != CLX_OK) return status;
    /* (a NUL in the middle ends the text for the parser, and is then what stands there) */
    cJSON *root = cJSON_ParseWithOpts(text, &stop, true);
    if (!root || strlen(text) != size) {
        status = refuse_text(path, text, root ? text + strlen(text) : stop, error);
    } else {
        status = read_root(sheet, root, path, error);
    }
    cJSON_Delete(root);
    free(text);
    return status;
}

bool tool_sheet_sizes(const char *shape, double sizes[5])
{
    for (size_t index = 0; index < 5; ++index) {
        char *end = NULL;
        if (*shape < '1' || *shape > '9') return false;
        sizes[index] = (double)strtoull(shape, &end, 10);
        if (*end != (index < 4 ? 'x' : '\0')) return false;
        shape = end + 1;
    }
    return true;
}

bool tool_sheet_passed(const tool_sheet_result *result)
{
    return strcmp(result->status, "passed") == 0;
}
