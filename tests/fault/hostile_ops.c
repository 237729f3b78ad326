/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators of the hostile calls: between them they have every argument of every enqueue. */
#include "hostile.h"

#include <string.h>

/* clang-format off */
static const hostile_tensor mlstm_tensors[] = {
    {"BHSK", 'x', false, false}, {"BHSK", 'x', false, false}, {"BHSV", 'x', false, false}, {"BHS", 'g', false, false},
    {"BHS", 'g', false, false}, {"BHSV", 'o', true, false}, {NULL, 0, false, false}};
static const hostile_tensor mask_tensors[] = {
    {"BHSK", 'x', false, false}, {"BHSK", 'x', false, false}, {"BHSV", 'x', false, false}, {"BHS", 'g', false, false},
    {"BHS", 'g', false, false}, {"BHSV", 'o', true, false}, {"SS", 'b', false, false}, {NULL, 0, false, false}};
static const hostile_tensor state_tensors[] = {
    {"BHSK", 'x', false, false}, {"BHSK", 'x', false, false}, {"BHSV", 'x', false, false}, {"BHS", 'g', false, false},
    {"BHS", 'g', false, false}, {"BHSV", 'o', true, false}, {"BHKV", 's', true, false}, {"BHK", 's', true, false},
    {"BH", 's', true, false}, {NULL, 0, false, false}};
static const hostile_tensor sequence_tensors[] = {
    {"BHSK", 'x', false, false}, {"BHSK", 'x', false, false}, {"BHSV", 'x', false, false}, {"BHS", 'g', false, false},
    {"BHS", 'g', false, false}, {"BHSV", 'o', true, false}, {"BHKV", 's', false, false}, {"BHK", 's', false, false},
    {"BH", 's', false, false}, {"BHKV", 's', true, false}, {"BHK", 's', true, false}, {"BH", 's', true, false},
    {NULL, 0, false, false}};
static const hostile_tensor step_tensors[] = {
    {"BHK", 'x', false, false}, {"BHK", 'x', false, false}, {"BHV", 'x', false, false}, {"BH", 'g', false, false},
    {"BH", 'g', false, false}, {"BHV", 'o', true, false}, {"BHKV", 's', false, false}, {"BHK", 's', false, false},
    {"BH", 's', false, false}, {"BHKV", 's', true, false}, {"BHK", 's', true, false}, {"BH", 's', true, false},
    {NULL, 0, false, false}};
static const hostile_tensor table_tensors[] = {
    {"LR", 't', true, false}, {"LR", 't', true, false}, {NULL, 0, false, false}};
static const hostile_tensor rotary_tensors[] = {
    {"BHSK", 'x', false, false}, {"BGSK", 'x', false, false}, {"BHSK", 'x', true, false}, {"BGSK", 'x', true, false},
    {"LR", 't', false, false}, {"LR", 't', false, false}, {"BS", 'i', false, true}, {NULL, 0, false, false}};
static const hostile_tensor attention_tensors[] = {
    {"BHSK", 'x', false, false}, {"BGTK", 'x', false, false}, {"BGTV", 'x', false, false}, {"BHSV", 'o', true, false},
    {NULL, 0, false, false}};
static const hostile_tensor attention_mask_tensors[] = {
    {"BHSK", 'x', false, false}, {"BGTK", 'x', false, false}, {"BGTV", 'x', false, false}, {"BHSV", 'o', true, false},
    {"ST", 'b', false, false}, {NULL, 0, false, false}};
static const hostile_tensor key_tensors[] = {
    {"BGSK", 'x', false, false}, {"BGSK", 'x', true, false}, {NULL, 0, false, false}};
static const hostile_tensor norm_tensors[] = {
    {"BHSK", 'x', false, false}, {"HK", 'p', false, true}, {"BHSK", 'o', true, false}, {NULL, 0, false, false}};
static const hostile_tensor cell_tensors[] = {
    {"BSF", 'x', false, false}, {"BSF", 'x', false, false}, {"BSf", 'x', false, false}, {"XH", 'p', false, false},
    {"H", 'p', false, false}, {"XH", 'p', false, false}, {"H", 'p', false, false}, {"HV", 'p', false, false},
    {"K", 'p', false, false}, {"K", 'p', false, false}, {"BSf", 'o', true, false}, {"8", 'f', true, true},
    {NULL, 0, false, false}};
static const hostile_tensor cell_state_tensors[] = {
    {"BSF", 'x', false, false}, {"BSF", 'x', false, false}, {"BSf", 'x', false, false}, {"XH", 'p', false, false},
    {"H", 'p', false, false}, {"XH", 'p', false, false}, {"H", 'p', false, false}, {"HV", 'p', false, false},
    {"K", 'p', false, false}, {"K", 'p', false, false}, {"BSf", 'o', true, false}, {"8", 'f', true, true},
    {"BHKV", 's', false, false}, {"BHK", 's', false, false}, {"BH", 's', false, false},
    {"BHKV", 's', true, false}, {"BHK", 's', true, false}, {"BH", 's', true, false}, {NULL, 0, false, false}};
static const hostile_tensor cell_inputs_tensors[] = {
    {"BSF", 'x', false, false}, {"BSF", 'x', false, false}, {"BSf", 'x', false, false}, {"XH", 'p', false, false},
    {"H", 'p', false, false}, {"XH", 'p', false, false}, {"H", 'p', false, false}, {"HV", 'p', false, false},
    {"BSY", 'g', false, false}, {"BSY", 'g', false, false}, {"BSf", 'o', true, false}, {"8", 'f', true, true},
    {"BS", 'b', false, true}, {NULL, 0, false, false}};
/* clang-format on */

/* ---- mLSTM */

static clx_status create_mlstm(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 8, desc.DHV = 12;
    return clx_mlstm_create(context, &desc, (clx_mlstm **)op, error);
}

static clx_status create_mlstm_mask(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 5, desc.DHV = 3;
    desc.input_dtype = CLX_BF16, desc.gate_input_dtype = CLX_F16, desc.out_dtype = CLX_F32;
    desc.mask = CLX_MASK_EXPLICIT;
    return clx_mlstm_create(context, &desc, (clx_mlstm **)op, error);
}

static clx_status create_mlstm_state(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_desc desc = CLX_MLSTM_DESC_INIT;
    desc.DHQK = 4, desc.DHV = 6;
    desc.return_state = 1, desc.state_dtype = CLX_BF16;
    return clx_mlstm_create(context, &desc, (clx_mlstm **)op, error);
}

static clx_status enqueue_mlstm(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                size_t wrong, clx_error *error)
{
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    (void)start;
    args.struct_size += wrong;
    args.q = t[0], args.k = t[1], args.v = t[2], args.igate = t[3], args.fgate = t[4], args.h = t[5];
    args.C = t[6], args.n = t[7], args.m = t[8];
    return clx_mlstm_enqueue(op, launch, &args, error);
}

static clx_status enqueue_mlstm_mask(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                     size_t wrong, clx_error *error)
{
    clx_mlstm_args args = CLX_MLSTM_ARGS_INIT;
    (void)start;
    args.struct_size += wrong;
    args.q = t[0], args.k = t[1], args.v = t[2], args.igate = t[3], args.fgate = t[4], args.h = t[5], args.mask = t[6];
    return clx_mlstm_enqueue(op, launch, &args, error);
}

static clx_status size_mlstm(void *op, const uint64_t *sizes, uint64_t *size_bytes, clx_error *error)
{
    return clx_mlstm_workspace_size(op, sizes[0], sizes[1], sizes[2], size_bytes, error);
}

static void destroy_mlstm(void *op)
{
    clx_mlstm_destroy(op);
}

static const char *variant_mlstm(const void *op)
{
    return clx_mlstm_variant(op);
}

/* ---- recurrent */

static clx_status create_recurrent(clx_context *context, void **op, clx_error *error)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.DHQK = 8, desc.DHV = 8;
    return clx_recurrent_create(context, &desc, (clx_recurrent **)op, error);
}

static clx_status create_recurrent_half(clx_context *context, void **op, clx_error *error)
{
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    desc.DHQK = 3, desc.DHV = 5;
    desc.input_dtype = CLX_F16, desc.gate_input_dtype = CLX_BF16, desc.state_dtype = CLX_F16;
    return clx_recurrent_create(context, &desc, (clx_recurrent **)op, error);
}

static clx_recurrent_args recurrent_args(const clx_tensor *const *t, size_t wrong)
{
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    args.struct_size += wrong;
    args.q = t[0], args.k = t[1], args.v = t[2], args.igate = t[3], args.fgate = t[4], args.h = t[5];
    args.C = t[6], args.n = t[7], args.m = t[8];
    args.C_out = t[9], args.n_out = t[10], args.m_out = t[11];
    return args;
}

static clx_status enqueue_sequence(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                   size_t wrong, clx_error *error)
{
    const clx_recurrent_args args = recurrent_args(t, wrong);
    (void)start;
    return clx_recurrent_enqueue(op, launch, &args, error);
}

static clx_status enqueue_step(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                               size_t wrong, clx_error *error)
{
    const clx_recurrent_args args = recurrent_args(t, wrong);
    (void)start;
    return clx_recurrent_step_enqueue(op, launch, &args, error);
}

static clx_status size_recurrent(void *op, const uint64_t *sizes, uint64_t *size_bytes, clx_error *error)
{
    return clx_recurrent_workspace_size(op, sizes[0], sizes[1], size_bytes, error);
}

static void destroy_recurrent(void *op)
{
    clx_recurrent_destroy(op);
}

static const char *variant_recurrent(const void *op)
{
    return clx_recurrent_variant(op);
}

/* ---- rotary */

static clx_status create_rotary(clx_context *context, void **op, clx_error *error)
{
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.D = 8;
    return clx_rotary_create(context, &desc, (clx_rotary **)op, error);
}

static clx_status create_rotary_part(clx_context *context, void **op, clx_error *error)
{
    clx_rotary_desc desc = CLX_ROTARY_DESC_INIT;
    desc.D = 7, desc.rotary_dim = 4;
    desc.dtype = CLX_BF16, desc.table_dtype = CLX_F16;
    desc.pairing = CLX_PAIRS_HALF, desc.inverse = 1;
    return clx_rotary_create(context, &desc, (clx_rotary **)op, error);
}

static clx_status enqueue_tables(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                 size_t wrong, clx_error *error)
{
    (void)wrong;
    return clx_rotary_tables_enqueue(op, launch, start, t[0], t[1], error);
}

static clx_status enqueue_rotary(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                 size_t wrong, clx_error *error)
{
    clx_rotary_args args = CLX_ROTARY_ARGS_INIT;
    args.struct_size += wrong;
    args.q = t[0], args.k = t[1], args.q_out = t[2], args.k_out = t[3];
    args.sin = t[4], args.cos = t[5], args.positions = t[6], args.start = start;
    return clx_rotary_enqueue(op, launch, &args, error);
}

static void destroy_rotary(void *op)
{
    clx_rotary_destroy(op);
}

static const char *variant_rotary(const void *op)
{
    return clx_rotary_variant(op);
}

/* ---- attention */

static clx_status create_attention(clx_context *context, void **op, clx_error *error)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = 8, desc.DHV = 4;
    return clx_attention_create(context, &desc, (clx_attention **)op, error);
}

static clx_status create_attention_mask(clx_context *context, void **op, clx_error *error)
{
    clx_attention_desc desc = CLX_ATTENTION_DESC_INIT;
    desc.DHQK = 6, desc.DHV = 5;
    desc.input_dtype = CLX_F16, desc.out_dtype = CLX_F32;
    desc.activation_function = CLX_ATTENTION_SIGMOID, desc.mask = CLX_MASK_EXPLICIT, desc.window = 3;
    desc.rotary = 0, desc.prepare_k = 0;
    return clx_attention_create(context, &desc, (clx_attention **)op, error);
}

static clx_status enqueue_attention(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                    size_t wrong, clx_error *error)
{
    clx_attention_args args = CLX_ATTENTION_ARGS_INIT;
    args.struct_size += wrong;
    args.q = t[0], args.k = t[1], args.v = t[2], args.h = t[3], args.mask = t[4];
    if (start != 0) args.start = start;
    return clx_attention_enqueue(op, launch, &args, error);
}

static clx_status enqueue_keys(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                               size_t wrong, clx_error *error)
{
    (void)wrong;
    return clx_attention_keys_enqueue(op, launch, t[0], t[1], start, error);
}

static clx_status size_attention(void *op, const uint64_t *sizes, uint64_t *size_bytes, clx_error *error)
{
    const clx_attention_sizes all = {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]};
    return clx_attention_workspace_size(op, &all, size_bytes, error);
}

static void destroy_attention(void *op)
{
    clx_attention_destroy(op);
}

static const char *variant_attention(const void *op)
{
    return clx_attention_variant(op);
}

/* ---- norm */

static clx_status create_norm(clx_context *context, void **op, clx_error *error)
{
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    desc.D = 8;
    return clx_norm_create(context, &desc, (clx_norm **)op, error);
}

static clx_status create_norm_half(clx_context *context, void **op, clx_error *error)
{
    clx_norm_desc desc = CLX_NORM_DESC_INIT;
    desc.D = 5, desc.type = CLX_RMSNORM;
    desc.dtype = CLX_F16, desc.weight_dtype = CLX_BF16, desc.out_dtype = CLX_F32;
    return clx_norm_create(context, &desc, (clx_norm **)op, error);
}

static clx_status enqueue_norm(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                               size_t wrong, clx_error *error)
{
    clx_norm_args args = CLX_NORM_ARGS_INIT;
    (void)start;
    args.struct_size += wrong;
    args.x = t[0], args.weight = t[1], args.y = t[2];
    return clx_norm_enqueue(op, launch, &args, error);
}

static void destroy_norm(void *op)
{
    clx_norm_destroy(op);
}

static const char *variant_norm(const void *op)
{
    return clx_norm_variant(op);
}

/* ---- cell */

static clx_status make_cell(clx_context *context, const clx_mlstm_cell_config *config, clx_mlstm_cell_desc *desc,
                            void **op, clx_error *error)
{
    desc->config = config;
    return clx_mlstm_cell_create(context, desc, (clx_mlstm_cell **)op, error);
}

static clx_status create_cell(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    config.num_heads = 2, config.dtype = CLX_F32, config.add_qk_norm = 1;
    desc.DHQK = 4, desc.DHV = 4;
    return make_cell(context, &config, &desc, op, error);
}

static clx_status create_cell_recurrent(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    config.num_heads = 2, config.dtype = CLX_F32, config.add_qk_norm = 1, config.context_length = 5;
    config.backend.name = CLX_BACKEND_RECURRENT;
    desc.DHQK = 4, desc.DHV = 6, desc.return_state = 1;
    return make_cell(context, &config, &desc, op, error);
}

static clx_status create_cell_inputs(clx_context *context, void **op, clx_error *error)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_mlstm_cell_desc desc = CLX_MLSTM_CELL_DESC_INIT;
    config.num_heads = 2, config.reset_at_document_boundaries = 1, config.gate_soft_cap.given = 1;
    config.gate_soft_cap.value = 15, config.backend.name = CLX_BACKEND_ATTENTION;
    desc.DHQK = 4, desc.DHV = 3, desc.gate_inputs = 2, desc.gate_input_dtype = CLX_F32;
    return make_cell(context, &config, &desc, op, error);
}

static clx_mlstm_cell_args cell_args(const clx_tensor *const *t, size_t wrong)
{
    clx_mlstm_cell_args args = CLX_MLSTM_CELL_ARGS_INIT;
    args.struct_size += wrong;
    args.q = t[0], args.k = t[1], args.v = t[2];
    args.igate_kernel = t[3], args.igate_bias = t[4], args.fgate_kernel = t[5], args.fgate_bias = t[6];
    args.outnorm_scale = t[7], args.h = t[10], args.statistics = t[11];
    return args;
}

static clx_status enqueue_cell(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                               size_t wrong, clx_error *error)
{
    clx_mlstm_cell_args args = cell_args(t, wrong);
    (void)start;
    args.q_norm_scale = t[8], args.k_norm_scale = t[9];
    args.C = t[12], args.n = t[13], args.m = t[14], args.C_out = t[15], args.n_out = t[16], args.m_out = t[17];
    return clx_mlstm_cell_enqueue(op, launch, &args, error);
}

static clx_status enqueue_cell_inputs(void *op, const clx_launch *launch, const clx_tensor *const *t, int64_t start,
                                      size_t wrong, clx_error *error)
{
    clx_mlstm_cell_args args = cell_args(t, wrong);
    (void)start;
    args.gate_input[0] = t[8], args.gate_input[1] = t[9], args.document_borders = t[12];
    return clx_mlstm_cell_enqueue(op, launch, &args, error);
}

static clx_status size_cell(void *op, const uint64_t *sizes, uint64_t *size_bytes, clx_error *error)
{
    return clx_mlstm_cell_workspace_size(op, sizes[0], sizes[1], size_bytes, error);
}

static void destroy_cell(void *op)
{
    clx_mlstm_cell_destroy(op);
}

static const char *variant_cell(const void *op)
{
    return clx_mlstm_cell_variant(op);
}

/* clang-format off */
const hostile_kind hostile_kinds[HOSTILE_KINDS] = {
    {"mlstm", mlstm_tensors, create_mlstm, enqueue_mlstm, size_mlstm, destroy_mlstm, variant_mlstm, 8, 12, 0, "x1o1g1"},
    {"mlstm mask", mask_tensors, create_mlstm_mask, enqueue_mlstm_mask, size_mlstm, destroy_mlstm, variant_mlstm, 5, 3, 0,
     "x3o1g2"},
    {"mlstm state", state_tensors, create_mlstm_state, enqueue_mlstm, size_mlstm, destroy_mlstm, variant_mlstm, 4, 6, 0,
     "x1o1g1s3"},
    {"sequence", sequence_tensors, create_recurrent, enqueue_sequence, size_recurrent, destroy_recurrent, variant_recurrent,
     8, 8, 0, "x1o1g1s1"},
    {"step", step_tensors, create_recurrent, enqueue_step, size_recurrent, destroy_recurrent, variant_recurrent, 8, 8, 0,
     "x1o1g1s1"},
    {"sequence half", sequence_tensors, create_recurrent_half, enqueue_sequence, size_recurrent, destroy_recurrent,
     variant_recurrent, 3, 5, 0, "x2o2g3s2"},
    {"step half", step_tensors, create_recurrent_half, enqueue_step, size_recurrent, destroy_recurrent, variant_recurrent,
     3, 5, 0, "x2o2g3s2"},
    {"tables", table_tensors, create_rotary, enqueue_tables, NULL, destroy_rotary, variant_rotary, 8, 0, 4, "t1"},
    {"rotary", rotary_tensors, create_rotary, enqueue_rotary, NULL, destroy_rotary, variant_rotary, 8, 0, 4, "x1t1"},
    {"rotary part", rotary_tensors, create_rotary_part, enqueue_rotary, NULL, destroy_rotary, variant_rotary, 7, 0, 2,
     "x3t2"},
    {"attention", attention_tensors, create_attention, enqueue_attention, size_attention, destroy_attention,
     variant_attention, 8, 4, 0, "x1o1"},
    {"attention mask", attention_mask_tensors, create_attention_mask, enqueue_attention, size_attention, destroy_attention,
     variant_attention, 6, 5, 0, "x2o1"},
    {"keys", key_tensors, create_attention, enqueue_keys, size_attention, destroy_attention, variant_attention, 8, 4, 0,
     "x1"},
    {"norm", norm_tensors, create_norm, enqueue_norm, NULL, destroy_norm, variant_norm, 8, 0, 0, "x1p1o1"},
    {"norm half", norm_tensors, create_norm_half, enqueue_norm, NULL, destroy_norm, variant_norm, 5, 0, 0, "x2p3o1"},
    {"cell", cell_tensors, create_cell, enqueue_cell, size_cell, destroy_cell, variant_cell, 4, 4, 0, "x1p1o1"},
    {"cell recurrent", cell_state_tensors, create_cell_recurrent, enqueue_cell, size_cell, destroy_cell, variant_cell, 4, 6,
     0, "x1p1o1s1"},
    {"cell inputs", cell_inputs_tensors, create_cell_inputs, enqueue_cell_inputs, size_cell, destroy_cell, variant_cell, 4,
     3, 0, "x3p1o3g1"},
};
/* clang-format on */
