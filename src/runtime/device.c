/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device can do. The only file that looks at vendors' names. */
#include "runtime/device.h"

#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_LOCAL_BYTES (32u * 1024u)
#define MIN_WORK_GROUP 32u

/* Marks a device as unusable; the first reason stays. */
CLXI_PRINTF(2, 3) static void refuse(clxi_caps *caps, const char *format, ...)
{
    if (!caps->usable) return;
    caps->usable = false;
    va_list args;
    va_start(args, format);
    vsnprintf(caps->reason, sizeof caps->reason, format, args);
    va_end(args);
}

static void query(clxi_caps *caps, cl_device_info what, const char *name, size_t size, void *value)
{
    cl_int code = clGetDeviceInfo(caps->device, what, size, value, NULL);
    if (code != CL_SUCCESS) refuse(caps, "%s cannot be queried: %s", name, clxi_cl_code_name(code));
}

#define QUERY(caps, what, value) query(caps, what, #what, sizeof(value), &(value))

/* A text of any length into a fixed room, cut where it is longer, without blanks around it (drivers pad names). */
static void copy_text(char *out, size_t room, const char *text)
{
    while (*text == ' ') {
        text++;
    }
    size_t count = strlen(text);
    while (count > 0 && text[count - 1] == ' ') {
        count--;
    }
    if (count >= room) count = room - 1;
    memcpy(out, text, count);
    out[count] = '\0';
}

static void query_text(clxi_caps *caps, cl_device_info what, char *out, size_t room)
{
    size_t size = 0;
    out[0] = '\0';
    cl_int code = clGetDeviceInfo(caps->device, what, 0, NULL, &size);
    char *text = code == CL_SUCCESS ? calloc(1, size + 1) : NULL;
    if (text != NULL && clGetDeviceInfo(caps->device, what, size, text, NULL) == CL_SUCCESS) {
        copy_text(out, room, text);
    } else {
        refuse(caps, "its names cannot be queried");
    }
    free(text);
}

/* Is the name among the device's extensions, whole? */
static bool has_extension(const clxi_caps *caps, const char *name)
{
    size_t size = 0;
    bool found = false;
    cl_int code = clGetDeviceInfo(caps->device, CL_DEVICE_EXTENSIONS, 0, NULL, &size);
    char *text = code == CL_SUCCESS ? calloc(1, size + 1) : NULL;
    if (text != NULL && clGetDeviceInfo(caps->device, CL_DEVICE_EXTENSIONS, size, text, NULL) == CL_SUCCESS) {
        const size_t count = strlen(name);
        for (const char *at = strstr(text, name); at != NULL && !found; at = strstr(at + count, name)) {
            found = (at == text || at[-1] == ' ') && (at[count] == ' ' || at[count] == '\0');
        }
    }
    free(text);
    return found;
}

static void query_platform_text(cl_platform_id platform, cl_platform_info what, char *out, size_t room)
{
    size_t size = 0;
    out[0] = '\0';
    cl_int code = clGetPlatformInfo(platform, what, 0, NULL, &size);
    char *text = code == CL_SUCCESS ? calloc(1, size + 1) : NULL;
    if (text != NULL && clGetPlatformInfo(platform, what, size, text, NULL) == CL_SUCCESS) copy_text(out, room, text);
    free(text);
}

/* By vendor: floats that one compute unit adds or multiplies per clock, and floats of registers that an item can have.
 * Intel's unit is an eighth of a core; its 4 KiB of registers a thread are shared by 8 items at least. */
static const struct vendor_traits {
    const char *vendor;
    double lanes;
    uint32_t registers;
} vendor_table[] = {{"nvidia", 128, 255}, {"advanced micro", 64, 190}, {"amd", 64, 190},
                    {"apple", 128, 128},  {"intel", 8, 128},           {"arm", 32, 64},
                    {"qualcomm", 64, 64}};

static struct vendor_traits traits_of(const clxi_caps *caps)
{
    for (size_t i = 0; i < sizeof vendor_table / sizeof *vendor_table; i++) {
        if (clxi_contains_nocase(caps->vendor, vendor_table[i].vendor)) return vendor_table[i];
    }
    return (struct vendor_traits){"", 8, 64};
}

static double lanes_per_unit(const clxi_caps *caps)
{
    if (caps->is_cpu) return caps->native_float_width > 0 ? (double)caps->native_float_width : 1;
    return traits_of(caps).lanes;
}

/* The smallest size of cl_intel_required_subgroup_size. More items in a sub-group leave fewer registers for each. */
static uint32_t smallest_subgroup(const clxi_caps *caps)
{
    enum { SUB_GROUP_SIZES_INTEL = 0x4108 }; /* CL_DEVICE_SUB_GROUP_SIZES_INTEL */
    size_t sizes[16];
    size_t size_bytes = 0;
    size_t smallest = 0;
    if (caps->is_cpu || !clxi_contains_nocase(caps->vendor, "intel")) return 0;
    if (clGetDeviceInfo(caps->device, SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &size_bytes) != CL_SUCCESS) return 0;
    for (size_t i = 0; i < size_bytes / sizeof *sizes; i++) {
        if (smallest == 0 || sizes[i] < smallest) smallest = sizes[i];
    }
    return (uint32_t)smallest;
}

/* Matrix engines multiply for sub-groups of 8 or of 16, which is then the smallest size. */
static bool has_xmx(const clxi_caps *caps)
{
    static const char name[] = "cl_intel_subgroup_matrix_multiply_accumulate";
    return (caps->subgroup == 8 || caps->subgroup == 16) && has_extension(caps, name);
}

/* cl_nv_device_attribute_query. */
static uint32_t compute_capability(const clxi_caps *caps)
{
    enum { MAJOR_NV = 0x4000, MINOR_NV = 0x4001 }; /* CL_DEVICE_COMPUTE_CAPABILITY_..._NV */
    cl_uint major = 0;
    cl_uint minor = 0;
    if (!clxi_contains_nocase(caps->vendor, "nvidia")) return 0;
    if (clGetDeviceInfo(caps->device, MAJOR_NV, sizeof major, &major, NULL) != CL_SUCCESS) return 0;
    if (clGetDeviceInfo(caps->device, MINOR_NV, sizeof minor, &minor, NULL) != CL_SUCCESS) return 0;
    return major * 10 + minor;
}

/* From a name such as "gfx90a:sramecc+:xnack-". 0, too, where waves are not as wide as the matrix units want them. */
static uint32_t amd_gfx(const clxi_caps *caps)
{
    enum { VENDOR_ID = 0x1002, WAVEFRONT_WIDTH = 0x4043 /* CL_DEVICE_WAVEFRONT_WIDTH_AMD */ };
    cl_uint vendor = 0;
    cl_uint width = 0;
    unsigned number = 0;
    if (caps->is_cpu || sscanf(caps->name, "gfx%x", &number) != 1) return 0;
    if (clGetDeviceInfo(caps->device, CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, NULL) != CL_SUCCESS) return 0;
    if (vendor != VENDOR_ID) return 0;
    /* whoever does not tell the width finds out by compiling */
    if (clGetDeviceInfo(caps->device, WAVEFRONT_WIDTH, sizeof width, &width, NULL) != CL_SUCCESS) return number;
    return width == (number >= 0x1000 ? 32 : 64) ? number : 0;
}

/* Sub-groups of 16 at least mean registers of 64 bytes, and there a thread may have twice as many of them. */
void clxi_caps_options(const clxi_caps *caps, clxi_text *out)
{
    if (caps->subgroup > 0) clxi_text_printf(out, " -D CLX_SUBGROUP=%u", caps->subgroup);
    if (caps->subgroup >= 16) clxi_text_printf(out, " -cl-intel-256-GRF-per-thread");
}

static double estimate_peak(const clxi_caps *caps)
{
    double clock_mhz = caps->clock_mhz > 0 ? caps->clock_mhz : 1000; /* some drivers do not say */
    return 2 * lanes_per_unit(caps) * caps->compute_units * clock_mhz * 1e-3;
}

static void query_numbers(clxi_caps *caps)
{
    cl_uint value = 0;
    size_t size = 0;
    cl_ulong bytes = 0;
    QUERY(caps, CL_DEVICE_MAX_COMPUTE_UNITS, value);
    caps->compute_units = value;
    QUERY(caps, CL_DEVICE_MAX_CLOCK_FREQUENCY, value);
    caps->clock_mhz = value;
    QUERY(caps, CL_DEVICE_ADDRESS_BITS, value);
    caps->address_bits = value;
    QUERY(caps, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, value);
    caps->native_float_width = value;
    QUERY(caps, CL_DEVICE_MAX_WORK_GROUP_SIZE, size);
    caps->max_work_group = size;
    QUERY(caps, CL_DEVICE_LOCAL_MEM_SIZE, bytes);
    caps->local_bytes = bytes;
    QUERY(caps, CL_DEVICE_GLOBAL_MEM_SIZE, bytes);
    caps->global_bytes = bytes;
    QUERY(caps, CL_DEVICE_MAX_MEM_ALLOC_SIZE, bytes);
    caps->max_alloc_bytes = bytes;
}

/* "OpenCL 1.2 ..." or later? */
static bool at_least_1_2(const char *version)
{
    int major = 0;
    int minor = 0;
    return sscanf(version, "OpenCL %d.%d", &major, &minor) == 2 && (major > 1 || (major == 1 && minor >= 2));
}

static void judge(clxi_caps *caps)
{
    cl_bool available = CL_TRUE;
    cl_bool compiler = CL_TRUE;
    cl_bool little = CL_TRUE;
    cl_device_fp_config floats = 0;
    char profile[32];
    QUERY(caps, CL_DEVICE_AVAILABLE, available);
    QUERY(caps, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    QUERY(caps, CL_DEVICE_ENDIAN_LITTLE, little);
    QUERY(caps, CL_DEVICE_SINGLE_FP_CONFIG, floats);
    query_text(caps, CL_DEVICE_PROFILE, profile, sizeof profile);
    if (!available) refuse(caps, "the device is not available");
    if (!compiler) refuse(caps, "its driver has no compiler");
    if (!little) refuse(caps, "big-endian");
    if (strcmp(profile, "FULL_PROFILE") != 0) refuse(caps, "profile %s, expected FULL_PROFILE", profile);
    if (!at_least_1_2(caps->version)) refuse(caps, "%s, expected OpenCL 1.2 or later", caps->version);
    if ((floats & CL_FP_INF_NAN) == 0) refuse(caps, "no infinities and NaNs in single precision");
    if (caps->local_bytes < MIN_LOCAL_BYTES) {
        refuse(caps, "%llu bytes of local memory, expected at least %u", (unsigned long long)caps->local_bytes,
               MIN_LOCAL_BYTES);
    }
    if (caps->max_work_group < MIN_WORK_GROUP) {
        refuse(caps, "work-groups of at most %llu, expected at least %u", (unsigned long long)caps->max_work_group,
               MIN_WORK_GROUP);
    }
    if (caps->compute_units == 0) refuse(caps, "no compute units");
    if (caps->max_alloc_bytes == 0) refuse(caps, "it allocates no memory");
}

void clxi_caps_query(cl_device_id device, clxi_caps *caps)
{
    memset(caps, 0, sizeof *caps);
    caps->device = device;
    caps->usable = true;
    QUERY(caps, CL_DEVICE_TYPE, caps->type);
    QUERY(caps, CL_DEVICE_PLATFORM, caps->platform);
    if (caps->platform != NULL) {
        query_platform_text(caps->platform, CL_PLATFORM_NAME, caps->platform_name, sizeof caps->platform_name);
        query_platform_text(caps->platform, CL_PLATFORM_VERSION, caps->platform_version, sizeof caps->platform_version);
    }
    query_text(caps, CL_DEVICE_NAME, caps->name, sizeof caps->name);
    query_text(caps, CL_DEVICE_VENDOR, caps->vendor, sizeof caps->vendor);
    query_text(caps, CL_DRIVER_VERSION, caps->driver, sizeof caps->driver);
    query_text(caps, CL_DEVICE_VERSION, caps->version, sizeof caps->version);
    query_numbers(caps);
    caps->is_cpu = (caps->type & CL_DEVICE_TYPE_CPU) != 0;
    caps->registers = traits_of(caps).registers;
    caps->subgroup = smallest_subgroup(caps);
    caps->xmx = has_xmx(caps);
    caps->amd_gfx = amd_gfx(caps);
    caps->nv_sm = compute_capability(caps);
    caps->peak_gflops = estimate_peak(caps);
    judge(caps);
}

static const char *type_name(cl_device_type type)
{
    if ((type & CL_DEVICE_TYPE_GPU) != 0) return "gpu";
    if ((type & CL_DEVICE_TYPE_CPU) != 0) return "cpu";
    if ((type & CL_DEVICE_TYPE_ACCELERATOR) != 0) return "accelerator";
    return "other";
}

static void describe(const clxi_caps *caps, clx_device_info *info)
{
    memset(info, 0, sizeof *info);
    memcpy(info->selector, caps->selector, sizeof info->selector);
    memcpy(info->platform, caps->platform_name, sizeof info->platform);
    memcpy(info->name, caps->name, sizeof info->name);
    memcpy(info->vendor, caps->vendor, sizeof info->vendor);
    memcpy(info->driver, caps->driver, sizeof info->driver);
    memcpy(info->version, caps->version, sizeof info->version);
    memcpy(info->reason, caps->reason, sizeof info->reason);
    snprintf(info->type, sizeof info->type, "%s", type_name(caps->type));
    info->compute_units = caps->compute_units;
    info->clock_mhz = caps->clock_mhz;
    info->max_work_group = caps->max_work_group;
    info->local_bytes = caps->local_bytes;
    info->global_bytes = caps->global_bytes;
    info->max_alloc_bytes = caps->max_alloc_bytes;
    info->peak_gflops = caps->peak_gflops;
    info->usable = caps->usable;
}

void clxi_caps_describe(const clxi_caps *caps, void *info, size_t info_bytes)
{
    clx_device_info whole;
    describe(caps, &whole);
    memset(info, 0, info_bytes);
    memcpy(info, &whole, info_bytes < sizeof whole ? info_bytes : sizeof whole);
}
