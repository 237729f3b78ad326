/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm devices`: every platform and device, what clxlstm makes of it, and why one is unusable. */
#include "json.h"
#include "tool.h"

#include <clxlstm/clxlstm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The selector of the device that a call without --device would take; empty where there is none. */
static void find_default(char *selector, size_t size)
{
    clx_context *context = NULL;
    clx_device_info info;
    *selector = '\0';
    if (clx_context_create(&context, NULL, NULL) != CLX_OK) return;
    if (clx_context_device_info(context, &info, sizeof info, NULL) == CLX_OK)
        snprintf(selector, size, "%s", info.selector);
    clx_context_destroy(context);
}

static void print_bytes(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024.0 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024.0;
        ++unit;
    }
    printf("%.*f %s", value < 10.0 && unit > 0 ? 1 : 0, value, units[unit]);
}

static void print_device(const clx_device_info *info, bool is_default)
{
    printf("%-5s %s%s\n", info->selector, info->name[0] ? info->name : "no device", is_default ? "  (default)" : "");
    printf("      %s: %s%s%s\n", info->type, info->platform, info->driver[0] ? ", driver " : "", info->driver);
    if (!info->usable) {
        printf("      unusable: %s\n", info->reason);
        return;
    }
    printf("      %s; %u units at %u MHz, about %.0f GFLOP/s\n      memory ", info->version, info->compute_units,
           info->clock_mhz, info->peak_gflops);
    print_bytes(info->global_bytes);
    printf(", at most ");
    print_bytes(info->max_alloc_bytes);
    printf(" a buffer; local ");
    print_bytes(info->local_bytes);
    printf("; groups of up to %llu\n", (unsigned long long)info->max_work_group);
}

static void print_list(const clx_device_info *infos, size_t count, const char *chosen)
{
    size_t usable = 0;
    for (size_t index = 0; index < count; ++index) {
        print_device(&infos[index], infos[index].usable && !strcmp(infos[index].selector, chosen));
        usable += infos[index].usable != 0;
    }
    printf("%s%zu usable device%s\n", count ? "\n" : "", usable, usable == 1 ? "" : "s");
}

static int print_json(const clx_device_info *infos, size_t count, const char *chosen)
{
    cJSON *report = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(report, "devices");
    tool_json_text(report, "clxlstm", clx_version());
    for (size_t index = 0; index < count; ++index) {
        const clx_device_info *info = &infos[index];
        cJSON *device = cJSON_CreateObject();
        tool_json_text(device, "selector", info->selector);
        tool_json_text(device, "platform", info->platform);
        tool_json_text(device, "name", info->name);
        tool_json_text(device, "vendor", info->vendor);
        tool_json_text(device, "driver", info->driver);
        tool_json_text(device, "version", info->version);
        tool_json_text(device, "type", info->type);
        tool_json_number(device, "compute_units", info->compute_units);
        tool_json_number(device, "clock_mhz", info->clock_mhz);
        tool_json_number(device, "max_work_group", (double)info->max_work_group);
        tool_json_number(device, "local_bytes", (double)info->local_bytes);
        tool_json_number(device, "global_bytes", (double)info->global_bytes);
        tool_json_number(device, "max_alloc_bytes", (double)info->max_alloc_bytes);
        tool_json_number(device, "peak_gflops", info->peak_gflops);
        tool_json_flag(device, "default", info->usable && !strcmp(info->selector, chosen));
        tool_json_flag(device, "usable", info->usable);
        tool_json_text(device, "reason", info->reason);
        cJSON_AddItemToArray(list, device);
    }
    return tool_json_print(report);
}

int tool_command_devices(int argc, char **argv)
{
    bool json = false;
    const tool_option options[] = {{"json", 0, TOOL_FLAG, &json, NULL, "prints JSON instead of text"}};
    const tool_syntax syntax = {
        "devices",
        "[--json]",
        "Lists every platform and device with its selector for --device. Fails when none is usable.\n",
        options,
        sizeof options / sizeof *options,
        0,
        0};
    size_t operands, count = 0, usable = 0;
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;

    clx_error error = CLX_ERROR_INIT;
    if (clx_devices_list(NULL, 0, 0, &count, &error) != CLX_OK) return tool_fail_error(NULL, &error);
    clx_device_info *infos = calloc(count ? count : 1, sizeof *infos);
    if (!infos) return tool_fail("out of host memory for %zu devices", count);
    size_t room = count;
    if (clx_devices_list(infos, sizeof *infos, room, &count, &error) != CLX_OK) {
        free(infos);
        return tool_fail_error(NULL, &error);
    }
    if (count > room) count = room; /* a device has just appeared */

    char chosen[sizeof infos->selector];
    find_default(chosen, sizeof chosen);
    int result = TOOL_OK;
    if (json) {
        result = print_json(infos, count, chosen);
    } else {
        print_list(infos, count, chosen);
    }
    for (size_t index = 0; index < count; ++index) {
        usable += infos[index].usable != 0;
    }
    free(infos);
    if (!usable)
        return tool_fail("no usable OpenCL device; PoCL brings one to any CPU (Debian: apt install pocl-opencl-icd)");
    return result;
}
