/* SPDX-License-Identifier: Apache-2.0
 *
 * Every program that the library can build: the operators are created, in contexts that list their programs instead of
 * building them, for typical devices and for problems that between them take every path through the kernels. */
#include "ops/kernel_table.h"
#include "ops/ceilings.h"
#include "ops/gates.h"
#include "ops/tile_params.h"
#include "runtime/context.h"
#include <clxlstm/clxlstm.h>
#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *clxi_kernel_table_family(size_t index, bool twins)
{
    for (int f = 0; f < CLXI_FAMILY_COUNT; f++) {
        if ((twins || !clxi_family_is_twin((clxi_family)f)) && index-- == 0) return clxi_family_name((clxi_family)f);
    }
    return NULL;
}

/* Devices that between them allow every tile shape. */
static const struct device {
    bool first_only; /* of each operator only the first problem, to keep the list short */
    bool is_cpu;
    uint32_t float_width;
    uint64_t max_work_group;
    uint64_t local_bytes;
    uint32_t registers;
    uint32_t subgroup;
    uint32_t nv_sm;
    bool xmx;
    uint32_t amd_gfx;
    const char *only;  /* not NULL: programs of this family only, and of the operators that have it */
    const char *label; /* whom the programs are meant for, in the list's second column */
} devices[] = {
    {false, false, 1, 1024, 48 * 1024, 255, 0, 0, false, 0, NULL, "nvidia"},             /* NVIDIA's GPUs */
    {false, false, 1, 1024, 64 * 1024, 190, 0, 0, false, 0, NULL, "amd"},                /* AMD's GPUs */
    {false, false, 1, 1024, 48 * 1024, 255, 0, 90, false, 0, "nv_wgmma", "nv_wgmma"},    /* Hopper's matrix units */
    {false, false, 1, 1024, 48 * 1024, 255, 0, 80, false, 0, "nv_mma", "nv_mma"},        /* those of Ampere and later */
    {false, false, 1, 1024, 48 * 1024, 255, 0, 75, false, 0, "nv_mma", "nv_mma_turing"}, /* those of Turing */
    {false, false, 1, 512, 64 * 1024, 128, 8, 0, true, 0, "intel_xmx", "intel_xmx8"},    /* Intel's: Arc */
    {false, false, 1, 1024, 128 * 1024, 128, 16, 0, true, 0, "intel_xmx", "intel_xmx16"}, /* Ponte Vecchio and later */
    {false, false, 1, 256, 64 * 1024, 190, 0, 0, false, 0x1100, "amd_wmma", "amd_wmma"},  /* AMD's: gfx11, gfx12 */
    {false, false, 1, 256, 64 * 1024, 190, 0, 0, false, 0x942, "amd_mfma", "amd_mfma"},   /* CDNA2, CDNA3 */
    {true, false, 1, 32, 32 * 1024, 190, 0, 0, false, 0, NULL, "simt"},     /* the least that the library asks for */
    {false, false, 1, 512, 64 * 1024, 128, 8, 0, false, 0, NULL, "intel8"}, /* Intel's GPUs */
    {false, false, 1, 1024, 64 * 1024, 128, 16, 0, false, 0, NULL,
     "intel16"}, /* those with wide registers (Ponte Vecchio and later) */
    {false, true, 8, 4096, 512 * 1024, 0, 0, 0, false, 0, NULL, "cpu"}, /* a CPU with AVX2 */
    {true, true, 16, 4096, 512 * 1024, 0, 0, 0, false, 0, NULL, "cpu"}  /* a CPU with AVX-512 */
};

/* Here and with attention the first three are listed in every tile shape. */
static const struct mlstm_problem {
    uint64_t DHQK, DHV;
    clx_dtype input_dtype, qkv_dtype, gate_input_dtype, gate_dtype, out_dtype;
    clx_mask_kind mask;
    int32_t rowwise;
    clx_dtype state_dtype; /* CLX_DTYPE_DEFAULT: no state */
} mlstm_problems[] = {
    {128, 256, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_MASK_CAUSAL, 1, CLX_DTYPE_DEFAULT},
    {128, 256, CLX_F16, CLX_F16, CLX_F32, CLX_F32, CLX_F16, CLX_MASK_CAUSAL, 1, CLX_DTYPE_DEFAULT},
    {128, 256, CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, CLX_BF16, CLX_MASK_CAUSAL, 1, CLX_DTYPE_DEFAULT},
    {256, 512, CLX_BF16, CLX_BF16, CLX_BF16, CLX_BF16, CLX_F32, CLX_MASK_CAUSAL, 1, CLX_F32},
    {64, 64, CLX_F16, CLX_F16, CLX_F16, CLX_F16, CLX_F16, CLX_MASK_EXPLICIT, 1, CLX_DTYPE_DEFAULT},
    {64, 64, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_MASK_EXPLICIT, 0, CLX_DTYPE_DEFAULT},
    {64, 64, CLX_F32, CLX_BF16, CLX_F32, CLX_BF16, CLX_BF16, CLX_MASK_CAUSAL, 0, CLX_DTYPE_DEFAULT},
    {64, 64, CLX_F32, CLX_F16, CLX_F32, CLX_F16, CLX_F16, CLX_MASK_CAUSAL, 1, CLX_F16},
    {13, 29, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_MASK_CAUSAL, 1, CLX_DTYPE_DEFAULT}, /* no whole vectors */
};
enum { IN_EVERY_SHAPE = 3 };

static clx_status list_mlstm(clx_context *context, const struct mlstm_problem *p, clx_error *error)
{
    clx_mlstm *op = NULL;
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = p->DHQK;
    desc.DHV = p->DHV;
    desc.input_dtype = p->input_dtype;
    desc.qkv_dtype = p->qkv_dtype;
    desc.gate_input_dtype = p->gate_input_dtype;
    desc.gate_dtype = p->gate_dtype;
    desc.out_dtype = p->out_dtype;
    desc.mask = p->mask;
    desc.stabilize_rowwise = p->rowwise;
    desc.return_state = p->state_dtype != CLX_DTYPE_DEFAULT;
    desc.state_dtype = p->state_dtype;
    clx_status status = clx_mlstm_create(context, &desc, &op, error);
    clx_mlstm_destroy(op);
    return status;
}

static const struct attention_problem {
    uint64_t DHQK, DHV;
    clx_dtype input_dtype, qkv_dtype, out_dtype;
    clx_attention_activation activation_function;
    clx_attention_pre_activation qk_pre_activation_function;
    int32_t rotary;
    clx_mask_kind mask;
    uint64_t window;
} attention_problems[] = {
    {128, 128, CLX_F32, CLX_F32, CLX_F32, CLX_ATTENTION_SOFTMAX, CLX_PRE_ACTIVATION_NONE, 0, CLX_MASK_CAUSAL, 0},
    {128, 128, CLX_F16, CLX_F16, CLX_F16, CLX_ATTENTION_SOFTMAX, CLX_PRE_ACTIVATION_NONE, 0, CLX_MASK_CAUSAL, 0},
    {128, 128, CLX_BF16, CLX_BF16, CLX_BF16, CLX_ATTENTION_SOFTMAX, CLX_PRE_ACTIVATION_NONE, 0, CLX_MASK_CAUSAL, 0},
    {256, 512, CLX_BF16, CLX_BF16, CLX_F32, CLX_ATTENTION_SIGMOID, CLX_PRE_ACTIVATION_SILU, 1, CLX_MASK_CAUSAL, 256},
    {64, 64, CLX_F32, CLX_BF16, CLX_BF16, CLX_ATTENTION_NONE, CLX_PRE_ACTIVATION_NONE, 1, CLX_MASK_EXPLICIT, 0},
    {14, 29, CLX_F32, CLX_F32, CLX_F32, CLX_ATTENTION_SOFTMAX, CLX_PRE_ACTIVATION_SILU, 1, CLX_MASK_NONE, 0},
};

static clx_status list_attention(clx_context *context, const struct attention_problem *p, clx_error *error)
{
    clx_attention *op = NULL;
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = p->DHQK;
    desc.DHV = p->DHV;
    desc.input_dtype = p->input_dtype;
    desc.qkv_dtype = p->qkv_dtype;
    desc.out_dtype = p->out_dtype;
    desc.activation_function = p->activation_function;
    desc.qk_pre_activation_function = p->qk_pre_activation_function;
    desc.rotary = p->rotary;
    desc.mask = p->mask;
    desc.window = p->window;
    clx_status status = clx_attention_create(context, &desc, &op, error);
    clx_attention_destroy(op);
    return status;
}

static const struct recurrent_problem {
    uint64_t DHQK, DHV;
    clx_dtype input_dtype, qkv_dtype, gate_dtype, out_dtype, state_dtype;
} recurrent_problems[] = {
    {256, 512, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32},
    {256, 512, CLX_BF16, CLX_BF16, CLX_F32, CLX_BF16, CLX_F32},
    {128, 128, CLX_F16, CLX_F16, CLX_F16, CLX_F32, CLX_F16},
    {128, 128, CLX_F32, CLX_BF16, CLX_BF16, CLX_BF16, CLX_BF16},
    {13, 29, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32}, /* no whole vectors */
};

static clx_status list_recurrent(clx_context *context, const struct recurrent_problem *p, clx_error *error)
{
    clx_recurrent *op = NULL;
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.DHQK = p->DHQK;
    desc.DHV = p->DHV;
    desc.input_dtype = p->input_dtype;
    desc.qkv_dtype = p->qkv_dtype;
    desc.gate_input_dtype = p->gate_dtype;
    desc.out_dtype = p->out_dtype;
    desc.state_dtype = p->state_dtype;
    clx_status status = clx_recurrent_create(context, &desc, &op, error);
    clx_recurrent_destroy(op);
    return status;
}

static const struct rotary_problem {
    uint64_t D, rotary_dim;
    clx_dtype dtype, table_dtype;
    clx_rotary_pairing pairing;
    int32_t inverse;
} rotary_problems[] = {
    {128, 0, CLX_F32, CLX_F32, CLX_PAIRS_INTERLEAVED, 0},
    {128, 0, CLX_F16, CLX_F16, CLX_PAIRS_INTERLEAVED, 0},
    {128, 64, CLX_BF16, CLX_BF16, CLX_PAIRS_HALF, 0},
    {13, 6, CLX_F32, CLX_F32, CLX_PAIRS_HALF, 1}, /* partial, no whole vectors */
};

static clx_status list_rotary(clx_context *context, const struct rotary_problem *p, clx_error *error)
{
    clx_rotary *op = NULL;
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.D = p->D;
    desc.rotary_dim = p->rotary_dim;
    desc.dtype = p->dtype;
    desc.table_dtype = p->table_dtype;
    desc.pairing = p->pairing;
    desc.inverse = p->inverse;
    clx_status status = clx_rotary_create(context, &desc, &op, error);
    clx_rotary_destroy(op);
    return status;
}

static const struct norm_problem {
    uint64_t D;
    clx_norm_type type;
    clx_dtype dtype, weight_dtype, out_dtype;
} norm_problems[] = {
    {256, CLX_LAYERNORM, CLX_F32, CLX_F32, CLX_F32},       {512, CLX_RMSNORM, CLX_BF16, CLX_F32, CLX_BF16},
    {512, CLX_LAYERNORM, CLX_F16, CLX_F16, CLX_F32},       {4096, CLX_RMSNORM, CLX_F32, CLX_BF16, CLX_F16},
    {100003, CLX_LAYERNORM, CLX_BF16, CLX_BF16, CLX_BF16}, /* a row that no group holds */
    {13, CLX_RMSNORM, CLX_F32, CLX_F32, CLX_F32},          /* no whole vectors */
};

static clx_status list_norm(clx_context *context, const struct norm_problem *p, clx_error *error)
{
    clx_norm *op = NULL;
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    desc.D = p->D;
    desc.type = p->type;
    desc.dtype = p->dtype;
    desc.weight_dtype = p->weight_dtype;
    desc.out_dtype = p->out_dtype;
    clx_status status = clx_norm_create(context, &desc, &op, error);
    clx_norm_destroy(op);
    return status;
}

/* Every number of heads of a group, every dtype, one and several sources; headwise where it is plain. */
static const clxi_gates_problem gates_problems[] = {
    {8, 3, false, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f}, {8, 3, false, CLX_BF16, CLX_F32, CLX_F32, 0.0f, 0.0f},
    {8, 1, false, CLX_F16, CLX_F16, CLX_F16, 0.0f, 0.0f}, {4, 3, false, CLX_BF16, CLX_BF16, CLX_BF16, 0.0f, 0.0f},
    {2, 8, false, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f}, {1, 3, false, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f},
    {8, 3, true, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f},  {8, 2, true, CLX_BF16, CLX_F32, CLX_F32, 0.0f, 0.0f},
};

static clx_status list_gates(clx_context *context, const clxi_gates_problem *p, clx_error *error)
{
    clxi_gates *op = NULL;
    clx_status status = clxi_gates_create(context, p, &op, error);
    clxi_gates_destroy(op);
    return status;
}

static clx_status list_device(clx_context *context, const struct device *device, clxi_listing *listing,
                              clx_error *error)
{
    const bool one = device->first_only;
    clx_status status = CLX_OK;
    for (size_t i = 0; i < (one ? 1 : COUNT(mlstm_problems)); i++) {
        listing->best_only = i >= IN_EVERY_SHAPE && !device->only;
        CLXI_TRY(list_mlstm(context, &mlstm_problems[i], error));
    }
    for (size_t i = 0; i < (one ? 1 : COUNT(attention_problems)); i++) {
        listing->best_only = i >= IN_EVERY_SHAPE && !device->only;
        CLXI_TRY(list_attention(context, &attention_problems[i], error));
    }
    CLXI_TRY(clxi_ceilings_list(context, error));
    if (device->only) return status;
    for (size_t i = 0; i < (one ? 1 : COUNT(recurrent_problems)); i++) {
        CLXI_TRY(list_recurrent(context, &recurrent_problems[i], error));
    }
    for (size_t i = 0; i < (one ? 1 : COUNT(rotary_problems)); i++) {
        CLXI_TRY(list_rotary(context, &rotary_problems[i], error));
    }
    for (size_t i = 0; i < (one ? 1 : COUNT(norm_problems)); i++) {
        CLXI_TRY(list_norm(context, &norm_problems[i], error));
    }
    for (size_t i = 0; i < (one ? 1 : COUNT(gates_problems)); i++) {
        CLXI_TRY(list_gates(context, &gates_problems[i], error));
    }
fail:
    return status;
}

clx_status clxi_kernel_table_write(clxi_text *out, clx_error *error)
{
    clx_status status = CLX_OK;
    for (size_t d = 0; d < COUNT(devices) && status == CLX_OK; d++) {
        const struct device *device = &devices[d];
        clxi_listing listing = {.lines = out, .family = device->label, .only = device->only};
        clx_context context = {.launch_ms = INFINITY, .holders = 1, .listing = &listing};
        context.caps.is_cpu = device->is_cpu;
        context.caps.native_float_width = device->float_width;
        context.caps.max_work_group = device->max_work_group;
        context.caps.local_bytes = device->local_bytes;
        context.caps.registers = device->registers;
        context.caps.subgroup = device->subgroup;
        context.caps.nv_sm = device->nv_sm;
        context.caps.xmx = device->xmx;
        context.caps.amd_gfx = device->amd_gfx;
        context.caps.compute_units = 8;
        context.caps.usable = true;
        if (clxi_mutex_init(&context.mutex) != 0) return clxi_fail_memory(error, "a mutex");
        status = list_device(&context, device, &listing, error);
        clxi_mutex_destroy(&context.mutex);
    }
    return status == CLX_OK && out->failed ? clxi_fail_memory(error, "the list of programs") : status;
}
