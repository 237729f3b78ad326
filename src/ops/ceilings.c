/* SPDX-License-Identifier: Apache-2.0
 *
 * Which kernels show what a device can do; their sizes. */
#include "ops/ceilings.h"
#include "base/arith.h"
#include "runtime/program.h"

#include <stdio.h>
#include <string.h>

enum { FMA_CHAINS = 12, GPU_ITEMS = 256, MMA_TILES = 8, WGMMA_ITEMS = 384 };

static uint32_t cpu_width(const clx_context *context)
{
    const uint32_t width = context->caps.native_float_width;
    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

static clxi_ceiling plain_ceiling(const clx_context *context)
{
    const bool cpu = context->caps.is_cpu;
    return (clxi_ceiling){.family = cpu ? CLXI_FAMILY_CPU : CLXI_FAMILY_SIMT,
                          .dtype = CLX_F32,
                          .items = cpu ? 1 : (size_t)clxi_min_u64(GPU_ITEMS, context->caps.max_work_group)};
}

static clxi_ceiling fma_ceiling(const clx_context *context)
{
    const bool cpu = context->caps.is_cpu;
    clxi_ceiling c = plain_ceiling(context);
    c.kind = CLXI_CEILING_FMA;
    c.name = "fma_f32";
    c.source = "ceiling_fma.cl";
    c.kernel = "ceiling_fma";
    c.width = cpu ? cpu_width(context) : 1;
    c.work = 2.0 * FMA_CHAINS * (double)c.width * (double)c.items;
    snprintf(c.options, sizeof c.options, "-D CLX_UNROLL=%d -D CLX_WG=%zu -D CLX_WIDTH=%u", !cpu, c.items, c.width);
    return c;
}

static clxi_ceiling copy_ceiling(const clx_context *context)
{
    const bool cpu = context->caps.is_cpu;
    clxi_ceiling c = plain_ceiling(context);
    c.kind = CLXI_CEILING_COPY;
    c.name = "copy";
    c.source = "ceiling_copy.cl";
    c.kernel = "ceiling_copy";
    c.width = cpu ? 16 : 4;
    c.runs = cpu ? 1024 : 4;
    snprintf(c.options, sizeof c.options, "-D CLX_UNROLL=%d -D CLX_WG=%zu -D CLX_WIDTH=%u -D CLX_RUNS=%u", !cpu,
             c.items, c.width, c.runs);
    return c;
}

static clxi_ceiling mma_ceiling(clx_dtype dtype, const char *name)
{
    clxi_ceiling c = {.kind = CLXI_CEILING_MMA, .family = CLXI_FAMILY_NV_MMA, .dtype = dtype, .name = name};
    c.source = "ceiling_mma.cl";
    c.kernel = "ceiling_mma";
    c.items = GPU_ITEMS;
    c.work = 2.0 * MMA_TILES * 16 * 8 * (dtype == CLX_F32 ? 8 : 16) * (double)(c.items / 32);
    snprintf(c.options, sizeof c.options, "-D CLX_UNROLL=1 -D CLX_WG=%zu -D CLX_QKV=%d", c.items, (int)dtype);
    return c;
}

static clxi_ceiling wgmma_ceiling(clx_dtype dtype, const char *name)
{
    clxi_ceiling c = {.kind = CLXI_CEILING_WGMMA, .family = CLXI_FAMILY_NV_WGMMA, .dtype = dtype, .name = name};
    c.source = "ceiling_wgmma.cl";
    c.kernel = "ceiling_wgmma";
    c.items = WGMMA_ITEMS;
    c.work = 2.0 * 3 * 64 * 256 * 64;
    snprintf(c.options, sizeof c.options, "-D CLX_UNROLL=1 -D CLX_WG=%zu -D CLX_QKV=%d", c.items, (int)dtype);
    return c;
}

size_t clxi_ceilings(const clx_context *context, clxi_ceiling out[CLXI_CEILINGS_MAX])
{
    size_t count = 0;
    out[count++] = fma_ceiling(context);
    out[count++] = copy_ceiling(context);
    if (context->caps.nv_sm >= 80) {
        out[count++] = mma_ceiling(CLX_F32, "mma_tf32");
        out[count++] = mma_ceiling(CLX_F16, "mma_f16");
        out[count++] = mma_ceiling(CLX_BF16, "mma_bf16");
    }
    if (context->caps.nv_sm == 90) {
        out[count++] = wgmma_ceiling(CLX_F16, "wgmma_f16");
        out[count++] = wgmma_ceiling(CLX_BF16, "wgmma_bf16");
    }
    return count;
}

clx_status clxi_ceilings_list(clx_context *context, clx_error *error)
{
    clx_status status = CLX_OK;
    clxi_ceiling ceilings[CLXI_CEILINGS_MAX];
    const char *only = context->listing->only;
    const size_t count = clxi_ceilings(context, ceilings);
    for (size_t i = 0; i < count && status == CLX_OK; i++) {
        cl_kernel kernel = NULL;
        if (only && strcmp(only, clxi_family_name(ceilings[i].family)) != 0) continue;
        status = clxi_kernel_get(context, ceilings[i].source, ceilings[i].options, ceilings[i].kernel, &kernel, error);
    }
    return status;
}
