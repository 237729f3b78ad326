/* SPDX-License-Identifier: Apache-2.0
 *
 * Values that code gets wrong, and descriptors made of them. */
#include "hostile.h"

#include <float.h>
#include <limits.h>
#include <math.h>

bool hostile_chance(random_state *random, uint64_t one_in)
{
    return random_below(random, one_in) == 0;
}

uint64_t hostile_u64(random_state *random)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     3,
                                     5,
                                     8,
                                     16,
                                     31,
                                     64,
                                     127,
                                     128,
                                     256,
                                     1000,
                                     2047,
                                     2048,
                                     2049,
                                     65535,
                                     65536,
                                     (uint64_t)1 << 24,
                                     INT32_MAX,
                                     (uint64_t)INT32_MAX + 1,
                                     UINT32_MAX,
                                     (uint64_t)UINT32_MAX + 1,
                                     (uint64_t)1 << 62,
                                     INT64_MAX,
                                     (uint64_t)INT64_MAX + 1,
                                     UINT64_MAX / 2 - 1,
                                     UINT64_MAX / 4,
                                     UINT64_MAX - 63,
                                     UINT64_MAX};
    switch (random_below(random, 4)) {
    case 0:
        return random_below(random, 20);
    case 1:
        return random_bits(random) >> random_below(random, 64);
    default:
        return edges[random_below(random, sizeof edges / sizeof *edges)];
    }
}

int64_t hostile_i64(random_state *random)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MIN / 2, -(INT64_C(1) << 62), INT32_MIN};
    if (hostile_chance(random, 3)) return edges[random_below(random, sizeof edges / sizeof *edges)];
    const uint64_t value = hostile_u64(random);
    return value > INT64_MAX ? -(int64_t)(value >> 1) : (int64_t)value;
}

double hostile_double(random_state *random)
{
    static const double edges[] = {0,        -0.0,      1,       -1,      1e-6,     0.5,   2,    15,       10000,
                                   INFINITY, -INFINITY, DBL_MAX, DBL_MIN, -DBL_MAX, 1e300, 4e38, 4.9e-324, 1e-50};
    if (hostile_chance(random, 8)) return nan("");
    return edges[random_below(random, sizeof edges / sizeof *edges)];
}

int hostile_enum(random_state *random)
{
    static const int edges[] = {-1, 4, 7, 100, INT_MAX, INT_MIN};
    if (hostile_chance(random, 4)) return edges[random_below(random, sizeof edges / sizeof *edges)];
    return (int)random_below(random, 4);
}

clx_dtype hostile_dtype(random_state *random)
{
    if (hostile_chance(random, 4)) return (clx_dtype)hostile_enum(random);
    return (clx_dtype)random_below(random, 4);
}

/* ---- Descriptors. Each field is left as it is more often than not, so that what lies behind its check is reached. */

static bool spoil(random_state *random)
{
    return hostile_chance(random, 4);
}

static uint64_t dimension(random_state *random)
{
    return spoil(random) ? hostile_u64(random) : 1 + random_below(random, 600);
}

static size_t struct_size(random_state *random, size_t size)
{
    return hostile_chance(random, 12) ? (size_t)hostile_u64(random) : size;
}

/* A descriptor, a place for the object and a context may each be missing. */
#define CREATE(object)                                                                                                 \
    clx_##object *op = NULL;                                                                                           \
    const bool no_out = hostile_chance(random, 100), no_desc = hostile_chance(random, 100);                            \
    if (hostile_chance(random, 100)) context = NULL;                                                                   \
    const clx_status status = clx_##object##_create(context, no_desc ? NULL : &desc, no_out ? NULL : &op, error);      \
    *made = op != NULL;                                                                                                \
    clx_##object##_destroy(op);                                                                                        \
    return status

static clx_status create_mlstm(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.struct_size = struct_size(random, desc.struct_size);
    desc.DHQK = dimension(random), desc.DHV = dimension(random);
    if (spoil(random)) desc.input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.qkv_dtype = hostile_dtype(random);
    if (spoil(random)) desc.gate_input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.gate_dtype = hostile_dtype(random);
    if (spoil(random)) desc.out_dtype = hostile_dtype(random);
    if (spoil(random)) desc.state_dtype = hostile_dtype(random);
    if (spoil(random)) desc.mask = (clx_mask_kind)hostile_enum(random);
    if (spoil(random)) desc.eps = (float)hostile_double(random);
    if (spoil(random)) desc.stabilize_rowwise = hostile_enum(random);
    if (spoil(random)) desc.return_state = hostile_enum(random);
    if (spoil(random)) desc.chunk_size = hostile_enum(random);
    CREATE(mlstm);
}

static clx_status create_recurrent(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.struct_size = struct_size(random, desc.struct_size);
    desc.DHQK = dimension(random), desc.DHV = dimension(random);
    if (spoil(random)) desc.input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.qkv_dtype = hostile_dtype(random);
    if (spoil(random)) desc.gate_input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.gate_dtype = hostile_dtype(random);
    if (spoil(random)) desc.out_dtype = hostile_dtype(random);
    if (spoil(random)) desc.state_dtype = hostile_dtype(random);
    if (spoil(random)) desc.start = (clx_recurrent_start)hostile_enum(random);
    if (spoil(random)) desc.eps = (float)hostile_double(random);
    CREATE(recurrent);
}

static clx_status create_rotary(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.struct_size = struct_size(random, desc.struct_size);
    desc.D = dimension(random);
    if (spoil(random)) desc.rotary_dim = hostile_u64(random);
    if (spoil(random)) desc.theta = hostile_double(random);
    if (spoil(random)) desc.dtype = hostile_dtype(random);
    if (spoil(random)) desc.table_dtype = hostile_dtype(random);
    if (spoil(random)) desc.pairing = (clx_rotary_pairing)hostile_enum(random);
    if (spoil(random)) desc.inverse = hostile_enum(random);
    CREATE(rotary);
}

static clx_status create_attention(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.struct_size = struct_size(random, desc.struct_size);
    desc.DHQK = dimension(random), desc.DHV = dimension(random);
    if (spoil(random)) desc.input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.qkv_dtype = hostile_dtype(random);
    if (spoil(random)) desc.out_dtype = hostile_dtype(random);
    if (spoil(random)) desc.activation_function = (clx_attention_activation)hostile_enum(random);
    if (spoil(random)) desc.qk_pre_activation_function = (clx_attention_pre_activation)hostile_enum(random);
    if (spoil(random)) desc.rotary = hostile_enum(random);
    if (spoil(random)) desc.theta = hostile_double(random);
    if (spoil(random)) desc.prepare_q = hostile_enum(random);
    if (spoil(random)) desc.prepare_k = hostile_enum(random);
    if (spoil(random)) desc.mask = (clx_mask_kind)hostile_enum(random);
    if (spoil(random)) desc.window = hostile_u64(random);
    if (spoil(random)) desc.bias_length = hostile_u64(random);
    CREATE(attention);
}

static clx_status create_norm(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    desc.struct_size = struct_size(random, desc.struct_size);
    desc.D = dimension(random);
    if (spoil(random)) desc.type = (clx_norm_type)hostile_enum(random);
    if (spoil(random)) desc.dtype = hostile_dtype(random);
    if (spoil(random)) desc.weight_dtype = hostile_dtype(random);
    if (spoil(random)) desc.out_dtype = hostile_dtype(random);
    if (spoil(random)) desc.eps = (float)hostile_double(random);
    CREATE(norm);
}

static clx_status create_mlstm_cell(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    hostile_config(random, &config);
    desc.config = hostile_chance(random, 50) ? NULL : &config;
    desc.struct_size = struct_size(random, desc.struct_size);
    desc.DHQK = dimension(random), desc.DHV = dimension(random);
    if (spoil(random)) desc.gate_inputs = (uint32_t)hostile_u64(random);
    if (spoil(random)) desc.input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.gate_input_dtype = hostile_dtype(random);
    if (spoil(random)) desc.param_dtype = hostile_dtype(random);
    if (spoil(random)) desc.out_dtype = hostile_dtype(random);
    if (spoil(random)) desc.state_dtype = hostile_dtype(random);
    if (spoil(random)) desc.return_state = hostile_enum(random);
    CREATE(mlstm_cell);
}

void hostile_config(random_state *random, clx_mlstm_cell_config *config)
{
    config->struct_size = struct_size(random, config->struct_size);
    config->num_heads = spoil(random) ? hostile_i64(random) : 1 + (int64_t)random_below(random, 16);
    if (spoil(random)) config->context_length = hostile_i64(random);
    if (spoil(random)) config->embedding_dim = hostile_i64(random);
    if (spoil(random)) config->backend.name = (clx_mlstm_backend)hostile_enum(random);
    if (spoil(random)) config->backend.context_length = hostile_i64(random);
    if (spoil(random)) config->backend.activation_function = (clx_attention_activation)hostile_enum(random);
    if (spoil(random)) config->backend.qk_pre_activation_function = (clx_attention_pre_activation)hostile_enum(random);
    if (spoil(random)) config->backend.theta = hostile_double(random);
    if (spoil(random)) config->norm_eps = hostile_double(random);
    if (spoil(random)) config->norm_type = (clx_norm_type)hostile_enum(random);
    if (spoil(random)) config->norm_type_v1 = (clx_norm_type)hostile_enum(random);
    if (spoil(random)) config->layer_type_v1 = hostile_enum(random);
    if (spoil(random)) config->dtype = hostile_dtype(random);
    if (spoil(random)) config->gate_dtype = hostile_dtype(random);
    if (spoil(random)) config->gate_soft_cap = (clx_optional_number){hostile_enum(random), hostile_double(random)};
    if (spoil(random)) config->gate_linear_headwise = hostile_enum(random);
    if (spoil(random)) config->igate_bias_init_range.count = hostile_enum(random);
    if (spoil(random)) config->igate_bias_init_range.value[0] = hostile_double(random);
    if (spoil(random)) config->fgate_bias_init_range.count = hostile_enum(random);
    if (spoil(random)) config->fgate_bias_init_range.value[1] = hostile_double(random);
    if (spoil(random)) config->add_qk_norm = hostile_enum(random);
    if (spoil(random)) config->reset_at_document_boundaries = hostile_enum(random);
    if (spoil(random)) config->reset_fgate_value = hostile_double(random);
    if (spoil(random)) {
        config->parallel.given = hostile_enum(random);
        config->parallel.tp_size = spoil(random) ? hostile_i64(random) : 1 + (int64_t)random_below(random, 4);
        config->parallel.tp_rank = spoil(random) ? hostile_i64(random) : (int64_t)random_below(random, 4);
    }
}

clx_status hostile_create(random_state *random, clx_context *context, bool *made, clx_error *error)
{
    static clx_status (*const creators[])(random_state *, clx_context *, bool *, clx_error *) = {
        create_mlstm, create_recurrent, create_rotary, create_attention, create_norm, create_mlstm_cell};
    return creators[random_below(random, sizeof creators / sizeof *creators)](random, context, made, error);
}
