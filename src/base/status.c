/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and texts of statuses, the error record, the version. */
#include <clxlstm/status.h>

#include <stdlib.h>
#include <string.h>

void clx_error_clear(clx_error *error)
{
    if (error == NULL) return;
    free(error->detail);
    memset(error, 0, sizeof *error);
}

const char *clx_status_name(clx_status status)
{
    switch (status) {
#define NAME_CASE(name, value, text)                                                                                   \
    case CLX_##name:                                                                                                   \
        return "CLX_" #name;
        CLX_STATUS_MAP(NAME_CASE)
#undef NAME_CASE
    }
    return "CLX_ERR_?";
}

const char *clx_status_text(clx_status status)
{
    switch (status) {
#define TEXT_CASE(name, value, text)                                                                                   \
    case CLX_##name:                                                                                                   \
        return text;
        CLX_STATUS_MAP(TEXT_CASE)
#undef TEXT_CASE
    }
    return "unknown status";
}

const char *clx_version(void)
{
    return CLX_VERSION_STRING;
}
