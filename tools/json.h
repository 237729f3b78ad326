/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports for machines. Building on top of a failed allocation does nothing, so only printing must be checked. */
#ifndef CLXLSTM_TOOLS_JSON_H
#define CLXLSTM_TOOLS_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

void tool_json_text(cJSON *object, const char *name, const char *value);
void tool_json_flag(cJSON *object, const char *name, int value);

/* Numbers that JSON does not have (NaN, infinity) become null. */
void tool_json_number(cJSON *object, const char *name, double value);

/* Prints the report with a newline and deletes it; a TOOL_ status. */
int tool_json_print(cJSON *report);

#endif
