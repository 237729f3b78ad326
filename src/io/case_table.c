/* SPDX-License-Identifier: Apache-2.0
 *
 * What each operator takes and gives: the table behind `run`, `check` and their error messages.
 *
 * Letters: B batch, H heads, G key/value heads, S positions (of queries), T positions of keys, K and V the head
 * dimensions DHQK and DHV. A cell's: N heads, Q = N*P and W = N*D features of q and v, X features of the gates.
 * Tables: L rows, R angles. */
#include "io/case.h"

/* clang-format off */

#define BOOLEAN(name, fallback) {name, CLXI_KIND_BOOL, fallback, NULL, 0, 0, false}
#define NUMBER(name, kind, fallback) {name, CLXI_KIND_##kind, fallback, NULL, 0, 0, false}
#define INTEGER(name, fallback, minimum) {name, CLXI_KIND_INT, fallback, NULL, minimum, 0, false}
#define REQUIRED_INTEGER(name, minimum) {name, CLXI_KIND_INT, NULL, NULL, minimum, 0, true}
#define DTYPE(name, fallback) {name, CLXI_KIND_DTYPE, fallback, NULL, 0, 0, false}
#define CHOICE(name, fallback, words) {name, CLXI_KIND_CHOICE, fallback, words, 0, 0, false}
#define RANGE(name, fallback) {name, CLXI_KIND_RANGE, fallback, NULL, 0, 0, false}
#define END_OF_PARAMS {NULL, CLXI_KIND_BOOL, NULL, NULL, 0, 0, false}
#define END_OF_TENSORS {NULL, NULL, 0, false, NULL}

#define ACTIVATIONS "softmax|sigmoid|none"
#define PRE_ACTIVATIONS "none|silu|swish"
#define NORMS "layernorm|rmsnorm"

static const clxi_tensor_row mlstm_inputs[] = {
    {"q", "BHSK", CLXI_IN_FLOAT, false, NULL},
    {"k", "BHSK", CLXI_IN_FLOAT, false, "q"},
    {"v", "BHSV", CLXI_IN_FLOAT, false, "q"},
    {"i", "BHS|BHS1", CLXI_IN_FLOAT, false, NULL},
    {"f", "BHS|BHS1", CLXI_IN_FLOAT, false, "i"},
    {"mask", "SS", CLXI_IN_BOOL, true, NULL},
    END_OF_TENSORS,
};
static const clxi_tensor_row mlstm_grad_inputs[] = {
    {"q", "BHSK", CLXI_IN_FLOAT, false, NULL},
    {"k", "BHSK", CLXI_IN_FLOAT, false, "q"},
    {"v", "BHSV", CLXI_IN_FLOAT, false, "q"},
    {"i", "BHS|BHS1", CLXI_IN_FLOAT, false, NULL},
    {"f", "BHS|BHS1", CLXI_IN_FLOAT, false, "i"},
    {"dh", "BHSV", CLXI_IN_FLOAT, false, NULL},
    {"mask", "SS", CLXI_IN_BOOL, true, NULL},
    END_OF_TENSORS,
};
static const clxi_param_row mlstm_params[] = {
    NUMBER("eps", NOT_NEGATIVE, "1e-6"),
    BOOLEAN("stabilize_rowwise", "true"),
    INTEGER("chunk_size", "0", -1),
    DTYPE("qkv_dtype", NULL),
    DTYPE("gate_dtype", NULL),
    DTYPE("out_dtype", NULL),
    END_OF_PARAMS,
};
static const clxi_tensor_row h_output[] = {
    {"h", "BHSV", 0, false, NULL},
    END_OF_TENSORS,
};
static const clxi_tensor_row mlstm_grad_outputs[] = {
    {"h", "BHSV", 0, false, NULL},
    {"dq", "BHSK", 0, false, NULL},
    {"dk", "BHSK", 0, false, NULL},
    {"dv", "BHSV", 0, false, NULL},
    {"di", "BHS|BHS1", 0, false, NULL},
    {"df", "BHS|BHS1", 0, false, NULL},
    END_OF_TENSORS,
};

static const clxi_tensor_row recurrent_inputs[] = {
    {"q", "BHSK", CLXI_IN_FLOAT, false, NULL},
    {"k", "BHSK", CLXI_IN_FLOAT, false, "q"},
    {"v", "BHSV", CLXI_IN_FLOAT, false, "q"},
    {"i", "BHS|BHS1", CLXI_IN_FLOAT, false, NULL},
    {"f", "BHS|BHS1", CLXI_IN_FLOAT, false, "i"},
    {"C0", "BHKV", CLXI_IN_FLOAT, true, NULL},
    {"n0", "BHK", CLXI_IN_FLOAT, true, "C0"},
    {"m0", "BH|BH1", CLXI_IN_FLOAT, true, "C0"},
    END_OF_TENSORS,
};
static const clxi_param_row recurrent_params[] = {
    NUMBER("eps", NOT_NEGATIVE, "1e-6"),
    DTYPE("out_dtype", NULL),
    DTYPE("state_dtype", "f32"),
    END_OF_PARAMS,
};
static const clxi_tensor_row recurrent_outputs[] = {
    {"h", "BHSV", 0, false, NULL},
    {"C", "BHKV", 0, false, NULL},
    {"n", "BHK", 0, false, NULL},
    {"m", "BH|BH1", 0, false, NULL},
    END_OF_TENSORS,
};

static const clxi_tensor_row no_inputs[] = {END_OF_TENSORS};
static const clxi_param_row freqs_params[] = {
    REQUIRED_INTEGER("feat_dim", 2),
    REQUIRED_INTEGER("max_length", 0),
    NUMBER("theta", POSITIVE, "10000"),
    INTEGER("start", "0", 0),
    END_OF_PARAMS,
};
static const clxi_tensor_row freqs_outputs[] = {
    {"sin", "LR", 0, false, NULL},
    {"cos", "LR", 0, false, NULL},
    END_OF_TENSORS,
};

static const clxi_tensor_row rotary_inputs[] = {
    {"q", "BHSK", CLXI_IN_FLOAT, false, NULL},
    {"k", "BGSK", CLXI_IN_FLOAT, false, "q"},
    {"sin", "SR", CLXI_IN_FLOAT, true, NULL},
    {"cos", "SR", CLXI_IN_FLOAT, true, "sin"},
    {"positions", "S|BS", CLXI_IN_INT, true, NULL},
    END_OF_TENSORS,
};
static const clxi_param_row rotary_params[] = {
    NUMBER("theta", POSITIVE, "10000"),
    INTEGER("start", "0", 0),
    CHOICE("pairing", "interleaved", "interleaved|half"),
    INTEGER("rotary_dim", NULL, 2),
    BOOLEAN("inverse", "false"),
    END_OF_PARAMS,
};
static const clxi_tensor_row rotary_outputs[] = {
    {"q_out", "BHSK", 0, false, NULL},
    {"k_out", "BGSK", 0, false, NULL},
    END_OF_TENSORS,
};

static const clxi_tensor_row attention_inputs[] = {
    {"q", "BHSK", CLXI_IN_FLOAT, false, NULL},
    {"k", "BGTK", CLXI_IN_FLOAT, false, "q"},
    {"v", "BGTV", CLXI_IN_FLOAT, false, "q"},
    {"mask", "ST", CLXI_IN_BOOL, true, NULL},
    END_OF_TENSORS,
};
static const clxi_param_row attention_params[] = {
    BOOLEAN("causal", NULL),
    CHOICE("activation_function", "softmax", ACTIVATIONS),
    CHOICE("qk_pre_activation_function", "none", PRE_ACTIVATIONS),
    NUMBER("theta", POSITIVE, "10000"),
    BOOLEAN("rotary", "true"),
    INTEGER("start", NULL, 0),
    INTEGER("window", NULL, 1),
    DTYPE("qkv_dtype", NULL),
    DTYPE("out_dtype", NULL),
    END_OF_PARAMS,
};

static const clxi_tensor_row cell_inputs[] = {
    {"q", "BSQ", CLXI_IN_FLOAT, false, NULL},
    {"k", "BSQ", CLXI_IN_FLOAT, false, "q"},
    {"v", "BSW", CLXI_IN_FLOAT, false, "q"},
    {"gate_input", "BSX", CLXI_IN_FLOAT, true, NULL},
    {"gate_input.#", "BS*", CLXI_IN_FLOAT, true, NULL},
    {"document_borders", "BS", CLXI_IN_BOOL, true, NULL},
    {"igate.kernel", "XN|N1Y", CLXI_IN_FLOAT, false, NULL},
    {"igate.bias", "N", CLXI_IN_FLOAT, false, NULL},
    {"fgate.kernel", "XN|N1Y", CLXI_IN_FLOAT, false, NULL},
    {"fgate.bias", "N", CLXI_IN_FLOAT, false, NULL},
    {"outnorm.scale", "ND", CLXI_IN_FLOAT, false, NULL},
    {"q_norm.scale", "P", CLXI_IN_FLOAT, true, NULL},
    {"k_norm.scale", "P", CLXI_IN_FLOAT, true, NULL},
    {"C0", "BNPD", CLXI_IN_FLOAT, true, NULL},
    {"n0", "BNP", CLXI_IN_FLOAT, true, "C0"},
    {"m0", "BN|BN1", CLXI_IN_FLOAT, true, "C0"},
    END_OF_TENSORS,
};

enum {
    ANY_BACKEND = 1 << CLXI_PARALLEL_STABILIZED | 1 << CLXI_ATTENTION | 1 << CLXI_RECURRENT,
    ATTENTION_BACKEND = 1 << CLXI_ATTENTION
};
static const clxi_param_row cell_params[] = {
    INTEGER("context_length", "-1", -1),
    INTEGER("embedding_dim", "-1", -1),
    REQUIRED_INTEGER("num_heads", 1),
    CHOICE("backend", "parallel_stabilized", "parallel_stabilized|attention|recurrent|chunkwise"),
    {"backend.context_length", CLXI_KIND_INT, "-1", NULL, -1, ANY_BACKEND, false},
    {"backend.activation_function", CLXI_KIND_CHOICE, "softmax", ACTIVATIONS, 0, ATTENTION_BACKEND, false},
    {"backend.qk_pre_activation_function", CLXI_KIND_CHOICE, "none", PRE_ACTIVATIONS, 0, ATTENTION_BACKEND, false},
    {"backend.theta", CLXI_KIND_POSITIVE, "10000", NULL, 0, ATTENTION_BACKEND, false},
    NUMBER("norm_eps", NOT_NEGATIVE, "1e-6"),
    CHOICE("norm_type", "layernorm", NORMS),
    CHOICE("norm_type_v1", "layernorm", NORMS),
    BOOLEAN("layer_type_v1", "false"),
    DTYPE("dtype", NULL),
    DTYPE("gate_dtype", "f32"),
    DTYPE("out_dtype", NULL),
    DTYPE("state_dtype", "f32"),
    NUMBER("gate_soft_cap", POSITIVE, NULL),
    BOOLEAN("gate_linear_headwise", "false"),
    RANGE("igate_bias_init_range", "none"),
    RANGE("fgate_bias_init_range", "3.0,6.0"),
    BOOLEAN("add_qk_norm", "false"),
    BOOLEAN("reset_at_document_boundaries", "false"),
    NUMBER("reset_fgate_value", FLOAT, "-25"),
    INTEGER("tp_size", "1", 1),
    INTEGER("tp_rank", "0", 0),
    END_OF_PARAMS,
};
static const clxi_tensor_row cell_outputs[] = {
    {"h", "BSW", 0, false, NULL},
    {"max_igate_preact", "1", 0, false, NULL},
    {"min_igate_preact", "1", 0, false, NULL},
    {"mean_igate_preact", "1", 0, false, NULL},
    {"max_fgate_preact", "1", 0, false, NULL},
    {"min_fgate_preact", "1", 0, false, NULL},
    {"mean_fgate_preact", "1", 0, false, NULL},
    {"igate_bias", "1", 0, false, NULL},
    {"fgate_bias", "1", 0, false, NULL},
    {"C", "BNPD", 0, true, NULL},
    {"n", "BNP", 0, true, NULL},
    {"m", "BN|BN1", 0, true, NULL},
    END_OF_TENSORS,
};

const clxi_op_row clxi_op_rows[CLXI_OP_COUNT] = {
    [CLXI_OP_MLSTM_PARALLEL] = {"mlstm_parallel", mlstm_inputs, mlstm_params, h_output},
    [CLXI_OP_MLSTM_PARALLEL_GRAD] = {"mlstm_parallel_grad", mlstm_grad_inputs, mlstm_params, mlstm_grad_outputs},
    [CLXI_OP_MLSTM_RECURRENT] = {"mlstm_recurrent", recurrent_inputs, recurrent_params, recurrent_outputs},
    [CLXI_OP_PRECOMPUTE_FREQS] = {"precompute_freqs", no_inputs, freqs_params, freqs_outputs},
    [CLXI_OP_ROTARY] = {"rotary", rotary_inputs, rotary_params, rotary_outputs},
    [CLXI_OP_ATTENTION] = {"attention", attention_inputs, attention_params, h_output},
    [CLXI_OP_MLSTM_CELL] = {"mlstm_cell", cell_inputs, cell_params, cell_outputs},
    [CLXI_OP_MLSTM_CHUNKWISE] = {"mlstm_chunkwise", NULL, NULL, NULL},
    [CLXI_OP_ATTENTION_GRAD] = {"attention_grad", NULL, NULL, NULL},
    [CLXI_OP_ROTARY_GRAD] = {"rotary_grad", NULL, NULL, NULL},
};
