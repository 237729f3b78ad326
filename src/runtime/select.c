/* SPDX-License-Identifier: Apache-2.0
 *
 * All devices of all platforms, and the choice of one. */
#include "base/text.h"
#include "runtime/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLATFORM_NOT_FOUND_KHR (-1001) /* what the ICD loader says where no driver is installed */

/* One row of the list: a device, or a platform that has none (caps.device is NULL). */
typedef struct found {
    clxi_caps caps;
    cl_uint platform_index;
    cl_uint device_index;
} found;

typedef struct found_list {
    found *rows;
    size_t count;
} found_list;

static found *list_append(found_list *list)
{
    found *rows = realloc(list->rows, (list->count + 1) * sizeof *rows);
    if (rows == NULL) return NULL;
    list->rows = rows;
    found *row = &rows[list->count++];
    memset(row, 0, sizeof *row);
    return row;
}

/* Nobody has more platforms or devices than 16 bits count. */
static void name_device(found *row)
{
    snprintf(row->caps.selector, sizeof row->caps.selector, "%u:%u", (unsigned)(uint16_t)row->platform_index,
             (unsigned)(uint16_t)row->device_index);
}

static clx_status append_empty_platform(found_list *list, cl_platform_id platform, cl_uint index, cl_int code,
                                        clx_error *error)
{
    found *row = list_append(list);
    if (row == NULL) return clxi_fail_memory(error, "the list of devices");
    row->platform_index = index;
    name_device(row);
    row->caps.platform = platform;
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof row->caps.platform_name - 1, row->caps.platform_name, NULL);
    if (code == CL_SUCCESS || code == CL_DEVICE_NOT_FOUND) {
        snprintf(row->caps.reason, sizeof row->caps.reason, "the platform has no devices");
    } else {
        snprintf(row->caps.reason, sizeof row->caps.reason, "its devices cannot be listed: %s",
                 clxi_cl_code_name(code));
    }
    return CLX_OK;
}

static clx_status append_platform(found_list *list, cl_platform_id platform, cl_uint index, clx_error *error)
{
    clx_status status = CLX_OK;
    cl_uint count = 0;
    cl_device_id *devices = NULL;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count);
    if (code != CL_SUCCESS || count == 0) return append_empty_platform(list, platform, index, code, error);
    devices = calloc(count, sizeof *devices);
    if (devices == NULL) return clxi_fail_memory(error, "the list of devices");
    code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices, NULL);
    if (code != CL_SUCCESS) {
        status = append_empty_platform(list, platform, index, code, error);
        goto fail;
    }
    for (cl_uint i = 0; i < count; i++) {
        found *row = list_append(list);
        if (row == NULL) {
            status = clxi_fail_memory(error, "the list of devices");
            goto fail;
        }
        clxi_caps_query(devices[i], &row->caps);
        row->platform_index = index;
        row->device_index = i;
        name_device(row);
    }
fail:
    free(devices);
    return status;
}

/* At least one row; to be freed also on failure. */
static clx_status list_devices(found_list *list, clx_error *error)
{
    cl_uint count = 0;
    cl_platform_id *platforms = NULL;
    memset(list, 0, sizeof *list);
    clx_status status = clxi_opencl_load(error);
    if (status != CLX_OK) return status;
    cl_int code = clGetPlatformIDs(0, NULL, &count);
    if (code == PLATFORM_NOT_FOUND_KHR || (code == CL_SUCCESS && count == 0))
        return clxi_fail(error, CLX_ERR_DEVICE, "no OpenCL driver: the loader finds no platform");
    if (code != CL_SUCCESS) return clxi_fail_cl(error, code, "clGetPlatformIDs");
    platforms = calloc(count, sizeof *platforms);
    if (platforms == NULL) return clxi_fail_memory(error, "the list of platforms");
    code = clGetPlatformIDs(count, platforms, NULL);
    if (code != CL_SUCCESS) {
        status = clxi_fail_cl(error, code, "clGetPlatformIDs");
        goto fail;
    }
    for (cl_uint i = 0; i < count; i++) {
        CLXI_TRY(append_platform(list, platforms[i], i, error));
    }
fail:
    free(platforms);
    return status;
}

clx_status clx_devices_list(clx_device_info *infos, size_t info_bytes, size_t capacity, size_t *count, clx_error *error)
{
    if (count == NULL) return clxi_fail(error, CLX_ERR_NULL, "count: null");
    if (infos == NULL && capacity > 0) return clxi_fail(error, CLX_ERR_NULL, "infos: null, expected %zu", capacity);
    if (capacity > 0 && info_bytes == 0)
        return clxi_fail(error, CLX_ERR_VALUE, "info_bytes: 0, expected sizeof(clx_device_info)");
    found_list list;
    *count = 0;
    clx_status status = list_devices(&list, error);
    if (status == CLX_OK) {
        for (size_t i = 0; i < list.count && i < capacity; i++) {
            clxi_caps_describe(&list.rows[i].caps, (char *)infos + i * info_bytes, info_bytes);
        }
        *count = list.count;
    }
    free(list.rows);
    return status;
}

/* Does a row fit the selector? NULL and "" fit all. */
static bool fits(const found *row, const char *selector)
{
    unsigned platform = 0;
    unsigned device = 0;
    char rest = 0;
    if (selector == NULL || selector[0] == '\0') return true;
    if (sscanf(selector, "%u:%u%c", &platform, &device, &rest) == 2) {
        return row->platform_index == platform && row->device_index == device;
    }
    if (strcmp(selector, "gpu") == 0) return (row->caps.type & CL_DEVICE_TYPE_GPU) != 0;
    if (strcmp(selector, "cpu") == 0) return row->caps.is_cpu;
    return clxi_contains_nocase(row->caps.platform_name, selector) || clxi_contains_nocase(row->caps.name, selector) ||
           clxi_contains_nocase(row->caps.platform_version, selector); /* the only place where PoCL says "PoCL" */
}

/* GPUs before CPUs before others, then the faster one; the first of equals. */
static bool better(const clxi_caps *a, const clxi_caps *b)
{
    int rank_a = (a->type & CL_DEVICE_TYPE_GPU) != 0 ? 2 : a->is_cpu ? 1 : 0;
    int rank_b = (b->type & CL_DEVICE_TYPE_GPU) != 0 ? 2 : b->is_cpu ? 1 : 0;
    return rank_a != rank_b ? rank_a > rank_b : a->peak_gflops > b->peak_gflops;
}

/* "0:0 Some device, 1:0 Other device (unusable: why)" */
static clx_status fail_none(const found_list *list, const char *selector, clx_error *error)
{
    clxi_text there = CLXI_TEXT_INIT;
    for (size_t i = 0; i < list->count; i++) {
        const found *row = &list->rows[i];
        const char *name = row->caps.name[0] != '\0' ? row->caps.name : row->caps.platform_name;
        clxi_text_printf(&there, "%s%u:%u %s", i > 0 ? ", " : "", row->platform_index, row->device_index, name);
        if (!row->caps.usable) clxi_text_printf(&there, " (unusable: %s)", row->caps.reason);
    }
    clx_status status;
    if (selector == NULL || selector[0] == '\0') {
        status = clxi_fail(error, CLX_ERR_DEVICE, "no usable device; there are: %s", there.failed ? "?" : there.data);
    } else {
        status = clxi_fail(error, CLX_ERR_DEVICE, "selector '%s': no usable device fits; there are: %s", selector,
                           there.failed ? "?" : there.data);
    }
    clxi_text_free(&there);
    return status;
}

clx_status clxi_device_select(const char *selector, clxi_caps *caps, clx_error *error)
{
    found_list list;
    clx_status status = list_devices(&list, error);
    if (status != CLX_OK) goto fail;
    const found *best = NULL;
    for (size_t i = 0; i < list.count; i++) {
        const found *row = &list.rows[i];
        if (!row->caps.usable || !fits(row, selector)) continue;
        if (best == NULL || better(&row->caps, &best->caps)) best = row;
    }
    if (best == NULL) {
        status = fail_none(&list, selector, error);
        goto fail;
    }
    *caps = best->caps;
fail:
    free(list.rows);
    return status;
}
