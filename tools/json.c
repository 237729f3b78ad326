/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports for machines. */
#include "json.h"
#include "tool.h"

#include <math.h>
#include <stdio.h>

void tool_json_text(cJSON *object, const char *name, const char *value)
{
    cJSON_AddStringToObject(object, name, value ? value : "");
}

void tool_json_flag(cJSON *object, const char *name, int value)
{
    cJSON_AddBoolToObject(object, name, value != 0);
}

void tool_json_number(cJSON *object, const char *name, double value)
{
    if (isfinite(value)) {
        cJSON_AddNumberToObject(object, name, value);
    } else {
        cJSON_AddNullToObject(object, name);
    }
}

int tool_json_print(cJSON *report)
{
    char *text = cJSON_Print(report);
    cJSON_Delete(report);
    if (!text) return tool_fail("out of host memory for the report");
    puts(text);
    cJSON_free(text);
    return TOOL_OK;
}
