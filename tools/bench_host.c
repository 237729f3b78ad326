/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine says of itself: on Linux out of /proc and /sys, elsewhere less. */
#include "bench_host.h"
#include "base/trusted.h"

#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <sys/utsname.h>
#include <unistd.h>
#endif

enum { LINE_SIZE = 512 };

/* The first line of a file, without its end; false where there is none. */
static bool first_line(const char *path, char *out, size_t room)
{
    FILE *file = fopen(path, "r");
    bool read = file && fgets(out, (int)room, file) != NULL;
    if (file) fclose(file);
    if (!read) return false;
    out[strcspn(out, "\n")] = '\0';
    return true;
}

/* What stands behind the colon in the first line of /proc/cpuinfo that begins with `key`. */
static bool cpuinfo(const char *key, char *out, size_t room)
{
    char line[LINE_SIZE];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (!value || strncmp(line, key, strlen(key)) != 0) continue;
        value += strspn(value, ": \t");
        snprintf(out, room, "%.*s", (int)strcspn(value, "\n"), value);
        found = true;
    }
    if (file) fclose(file);
    return found;
}

static double cpu_mhz(void)
{
    char text[LINE_SIZE];
    if (first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", text, sizeof text)) {
        return 1e-3 * strtod(text, NULL);
    }
    return cpuinfo("cpu MHz", text, sizeof text) ? strtod(text, NULL) : (double)NAN;
}

static void describe_system(tool_sheet_run *run)
{
#ifdef _WIN32
    SYSTEM_INFO info;
    const char *cpu = clxi_environment("PROCESSOR_IDENTIFIER");
    GetSystemInfo(&info);
    run->processors = info.dwNumberOfProcessors;
    snprintf(run->system, sizeof run->system, "Windows");
    snprintf(run->cpu, sizeof run->cpu, "%s", cpu ? cpu : "");
#else
    struct utsname name;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors > 0) run->processors = (double)processors;
    if (uname(&name) == 0) {
        snprintf(run->system, sizeof run->system, "%.30s %.60s %.30s", name.sysname, name.release, name.machine);
        snprintf(run->cpu, sizeof run->cpu, "%.60s", name.machine);
    }
    if (!cpuinfo("model name", run->cpu, sizeof run->cpu)) cpuinfo("Model", run->cpu, sizeof run->cpu);
#endif
}

void tool_host_describe(tool_sheet_run *run)
{
    time_t now = time(NULL);
    struct tm *utc = gmtime(&now);
    if (utc) strftime(run->date, sizeof run->date, "%Y-%m-%dT%H:%M:%SZ", utc);
    snprintf(run->generator, sizeof run->generator, "clxlstm");
    snprintf(run->version, sizeof run->version, "%s", clx_version());
    describe_system(run);
    run->cpu_mhz = cpu_mhz();
    if (!first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", run->governor, sizeof run->governor)) {
        run->governor[0] = '\0';
    }
}

void tool_host_command(char *text, size_t room, int argc, char **argv)
{
    size_t used = (size_t)snprintf(text, room, "clxlstm");
    for (int index = 0; index < argc && used < room; ++index) {
        used += (size_t)snprintf(text + used, room - used, " %s", argv[index]);
    }
}

void tool_host_device(const clx_device_info *info, size_t run, tool_sheet_device *device)
{
    device->run = (double)run;
    snprintf(device->name, sizeof device->name, "%s", info->name);
    snprintf(device->platform, sizeof device->platform, "%s", info->platform);
    snprintf(device->driver, sizeof device->driver, "%s", info->driver);
    snprintf(device->version, sizeof device->version, "%s", info->version);
    snprintf(device->type, sizeof device->type, "%s", info->type);
    device->compute_units = info->compute_units;
    device->clock_mhz = info->clock_mhz;
    device->global_bytes = (double)info->global_bytes;
    device->local_bytes = (double)info->local_bytes;
}
