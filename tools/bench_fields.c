/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a report's records, and where a report keeps them. */
#include "bench_fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define TEXT(type, field) {#field, TOOL_FIELD_TEXT, offsetof(type, field), sizeof(((type *)0)->field), 0}
#define NUMBER(type, field) {#field, TOOL_FIELD_NUMBER, offsetof(type, field), 0, 0}
#define INDEX(type, field, table) {#field, TOOL_FIELD_INDEX, offsetof(type, field), 0, table}
/* clang-format on */

#define T tool_sheet_run
static const tool_field run_fields[] = {
    TEXT(T, generator), TEXT(T, version),  TEXT(T, date),         TEXT(T, command),   TEXT(T, system),
    TEXT(T, cpu),       TEXT(T, governor), NUMBER(T, processors), NUMBER(T, cpu_mhz),
};
#undef T

#define T tool_sheet_device
static const tool_field device_fields[] = {
    INDEX(T, run, TOOL_RUNS), TEXT(T, name),          TEXT(T, platform),        TEXT(T, driver),
    TEXT(T, version),         TEXT(T, type),          NUMBER(T, compute_units), NUMBER(T, clock_mhz),
    NUMBER(T, global_bytes),  NUMBER(T, local_bytes),
};
#undef T

#define T tool_sheet_ceiling
static const tool_field ceiling_fields[] = {
    INDEX(T, device, TOOL_DEVICES), TEXT(T, name), TEXT(T, unit), NUMBER(T, value), TEXT(T, note),
};
#undef T

#define T tool_sheet_result
static const tool_field result_fields[] = {
    INDEX(T, device, TOOL_DEVICES),
    TEXT(T, engine),
    TEXT(T, op),
    TEXT(T, shape),
    TEXT(T, dtype),
    TEXT(T, gates),
    TEXT(T, variant),
    TEXT(T, status),
    TEXT(T, message),
    NUMBER(T, runs),
    NUMBER(T, warmup),
    NUMBER(T, buffer_sets),
    NUMBER(T, median_ms),
    NUMBER(T, min_ms),
    NUMBER(T, p10_ms),
    NUMBER(T, p90_ms),
    NUMBER(T, max_ms),
    NUMBER(T, events_ms),
    NUMBER(T, wall_ms),
    TEXT(T, clock),
    NUMBER(T, host_us),
    NUMBER(T, host_max_us),
    NUMBER(T, row_us),
    NUMBER(T, flops),
    NUMBER(T, bytes),
    TEXT(T, work),
    TEXT(T, unit),
    NUMBER(T, speed),
    TEXT(T, ceiling),
    NUMBER(T, ceiling_percent),
    NUMBER(T, extra_bytes),
    NUMBER(T, tensor_bytes),
    NUMBER(T, judged_rows),
    NUMBER(T, worst_ratio),
    NUMBER(T, rms_ratio),
    NUMBER(T, rms_limit),
};
#undef T

#define T tool_sheet_start
static const tool_field start_fields[] = {
    INDEX(T, device, TOOL_DEVICES),
    TEXT(T, op),
    TEXT(T, shape),
    TEXT(T, dtype),
    TEXT(T, caches),
    TEXT(T, status),
    TEXT(T, message),
    NUMBER(T, context_ms),
    NUMBER(T, operator_ms),
    NUMBER(T, call_ms),
    NUMBER(T, total_ms),
    NUMBER(T, compiled),
    NUMBER(T, loaded),
};
#undef T

#define COUNT(array) (sizeof(array) / sizeof *(array))

const tool_field_table tool_field_tables[TOOL_SHEET_TABLES] = {
    {"runs", run_fields, COUNT(run_fields), sizeof(tool_sheet_run)},
    {"devices", device_fields, COUNT(device_fields), sizeof(tool_sheet_device)},
    {"ceilings", ceiling_fields, COUNT(ceiling_fields), sizeof(tool_sheet_ceiling)},
    {"results", result_fields, COUNT(result_fields), sizeof(tool_sheet_result)},
    {"starts", start_fields, COUNT(start_fields), sizeof(tool_sheet_start)},
};

tool_sheet_run *tool_sheet_run_at(const tool_sheet *sheet, size_t index)
{
    return (tool_sheet_run *)sheet->records[TOOL_RUNS] + index;
}

tool_sheet_device *tool_sheet_device_at(const tool_sheet *sheet, size_t index)
{
    return (tool_sheet_device *)sheet->records[TOOL_DEVICES] + index;
}

tool_sheet_ceiling *tool_sheet_ceiling_at(const tool_sheet *sheet, size_t index)
{
    return (tool_sheet_ceiling *)sheet->records[TOOL_CEILINGS] + index;
}

tool_sheet_result *tool_sheet_result_at(const tool_sheet *sheet, size_t index)
{
    return (tool_sheet_result *)sheet->records[TOOL_RESULTS] + index;
}

tool_sheet_start *tool_sheet_start_at(const tool_sheet *sheet, size_t index)
{
    return (tool_sheet_start *)sheet->records[TOOL_STARTS] + index;
}

char *tool_field_text(const tool_field *field, void *record)
{
    return (char *)record + field->offset;
}

double *tool_field_number(const tool_field *field, void *record)
{
    return (double *)(void *)((char *)record + field->offset);
}

void *tool_sheet_add(tool_sheet *sheet, tool_sheet_table table)
{
    const tool_field_table *kind = &tool_field_tables[table];
    void *records = realloc(sheet->records[table], (sheet->count[table] + 1) * kind->record_bytes);
    if (!records) {
        sheet->failed = true;
        return NULL;
    }
    sheet->records[table] = records;
    void *record = (char *)records + sheet->count[table]++ * kind->record_bytes;
    memset(record, 0, kind->record_bytes);
    for (size_t index = 0; index < kind->field_count; ++index) {
        const tool_field *field = &kind->fields[index];
        if (field->kind == TOOL_FIELD_NUMBER) *tool_field_number(field, record) = NAN;
    }
    return record;
}

void tool_sheet_free(tool_sheet *sheet)
{
    for (size_t table = 0; table < TOOL_SHEET_TABLES; ++table) {
        free(sheet->records[table]);
    }
    memset(sheet, 0, sizeof *sheet);
}
