/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration of the mLSTM cell, field by field as in mLSTMCellConfig, with the same names and defaults; to JSON
 * and back; and the cell's parameters as they are before training. Nothing here touches a device. */
#ifndef CLXLSTM_CELL_CONFIG_H
#define CLXLSTM_CELL_CONFIG_H

#include <clxlstm/attention.h>
#include <clxlstm/norm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The backends by name: "parallel_stabilized" and so on. CLX_BACKEND_CHUNKWISE is a known name that is not built yet. */
typedef enum clx_mlstm_backend {
    CLX_BACKEND_PARALLEL_STABILIZED = 0,
    CLX_BACKEND_ATTENTION = 1,
    CLX_BACKEND_RECURRENT = 2,
    CLX_BACKEND_CHUNKWISE = 3
} clx_mlstm_backend;

/* A backend with its own fields (mLSTMBackendNameAndKwargs, mLSTMBackendParallelConfig, mLSTMBackendAttentionConfig).
 *
 *   name                        default CLX_BACKEND_PARALLEL_STABILIZED
 *   context_length              of every backend; -1 (default): the cell's, once assigned
 *   activation_function         of `attention`: CLX_ATTENTION_SOFTMAX (default), _SIGMOID (with a bias of
 *                               -log(context_length), of the sequence's length where that is -1) or _NONE
 *   qk_pre_activation_function  of `attention`: CLX_PRE_ACTIVATION_NONE (default) or _SWISH
 *   theta                       of `attention`: base of the rotary embedding, above 0; default 10000
 *
 * can_vmap_over_heads has no counterpart: heads are an ordinary strided dimension here. */
typedef struct clx_mlstm_backend_config {
    clx_mlstm_backend name;
    int64_t context_length;
    clx_attention_activation activation_function;
    clx_attention_pre_activation qk_pre_activation_function;
    double theta;
} clx_mlstm_backend_config;

/* The structs that are parts of the configuration have no size of their own: they are fixed for the ABI.
 *
 * A number, or None where `given` is 0. */
typedef struct clx_optional_number {
    int32_t given;
    double value;
} clx_optional_number;

/* How a gate's biases begin: None (count 0), one value for all heads (1), or evenly spaced over the heads from
 * value[0] to value[1], both included (2). */
typedef struct clx_bias_init_range {
    int32_t count;
    double value[2];
} clx_bias_init_range;

/* ParallelConfig, or None where `given` is 0: the layer's heads are split over tp_size ranks, in order. The cell of
 * rank tp_rank has num_heads / tp_size heads, its inputs and parameters have the features of these heads only. */
typedef struct clx_parallel_config {
    int32_t given;
    int64_t tp_size;
    int64_t tp_rank;
} clx_parallel_config;

/* Start from CLX_MLSTM_CELL_CONFIG_INIT and set num_heads.
 *
 *   context_length               longest sequence; -1 (default): any
 *   embedding_dim                carried for the caller's layers, -1 (default) where unset; the cell does not use it
 *   num_heads                    heads of the layer; -1 (default) is unset, which no cell is made from
 *   backend                      above
 *   norm_eps                     of the norms, 0 or more; default 1e-6
 *   norm_type                    of the norms: CLX_LAYERNORM (default) or CLX_RMSNORM
 *   norm_type_v1                 takes the place of norm_type where layer_type_v1 is set; default CLX_LAYERNORM
 *   layer_type_v1                (ours) not 0: the layer is an 'mlstm_v1'; default 0
 *   dtype                        what q, k and v are computed in; default bf16
 *   gate_dtype                   what the gate pre-activations are kept in; default f32
 *   gate_soft_cap                c > 0: pre-activations x become c tanh(x / c); default None
 *   gate_linear_headwise         not 0: a head's gates see that head's features only; default 0
 *   igate_bias_init_range        default None: normal(0, 0.1)
 *   fgate_bias_init_range        default (3, 6)
 *   add_qk_norm                  not 0: q and k are normalised over DHQK before the backend; default 0
 *   reset_at_document_boundaries  not 0: document_borders of a call set the forget gate; default 0
 *   reset_fgate_value            the pre-activation set there, not NaN; default -25
 *   parallel                     default None */
typedef struct clx_mlstm_cell_config {
    size_t struct_size;
    int64_t context_length;
    int64_t embedding_dim;
    int64_t num_heads;
    clx_mlstm_backend_config backend;
    double norm_eps;
    clx_norm_type norm_type;
    clx_norm_type norm_type_v1;
    int32_t layer_type_v1;
    clx_dtype dtype;
    clx_dtype gate_dtype;
    clx_optional_number gate_soft_cap;
    int32_t gate_linear_headwise;
    clx_bias_init_range igate_bias_init_range;
    clx_bias_init_range fgate_bias_init_range;
    int32_t add_qk_norm;
    int32_t reset_at_document_boundaries;
    double reset_fgate_value;
    clx_parallel_config parallel;
} clx_mlstm_cell_config;

/* clang-format off */
#define CLX_MLSTM_BACKEND_CONFIG_INIT {CLX_BACKEND_PARALLEL_STABILIZED, -1, CLX_ATTENTION_SOFTMAX, \
                                       CLX_PRE_ACTIVATION_NONE, 10000.0}
#define CLX_MLSTM_CELL_CONFIG_INIT {sizeof(clx_mlstm_cell_config), -1, -1, -1, CLX_MLSTM_BACKEND_CONFIG_INIT, 1e-6, \
                                    CLX_LAYERNORM, CLX_LAYERNORM, 0, CLX_BF16, CLX_F32, {0, 0.0}, 0, \
                                    {0, {0.0, 0.0}}, {2, {3.0, 6.0}}, 0, 0, -25.0, {0, 1, 0}}
/* clang-format on */

/* Checks every value. Errors, naming the field: CLX_ERR_NULL, CLX_ERR_VALUE, CLX_ERR_DTYPE, CLX_ERR_UNSUPPORTED (the
 * backend is not built yet). */
CLX_API clx_status clx_mlstm_cell_config_check(const clx_mlstm_cell_config *config, clx_error *error);

/* A backend whose context_length is -1 takes the cell's. Making a cell does it too. */
CLX_API void clx_mlstm_backend_assign_model_config_params(clx_mlstm_backend_config *backend,
                                                          const clx_mlstm_cell_config *model_config);

/* The configuration as JSON (to_dict): every field by its name; None is null, a pair is an array, dtypes have the
 * page's names ("bfloat16"), an infinite number is "inf" or "-inf". `backend` is an object of its name and fields.
 *
 *   text        out     NUL-terminated; NULL: only the size is wanted
 *   size_bytes  in/out  the room of `text`; then what the text takes with its NUL
 *
 * Errors: those of clx_mlstm_cell_config_check but for the backend; CLX_ERR_VALUE (size_bytes is too small),
 * CLX_ERR_HOST_MEMORY. */
CLX_API clx_status clx_mlstm_cell_config_to_json(const clx_mlstm_cell_config *config, char *text, size_t *size_bytes,
                                                 clx_error *error);

/* And back. A field that is left out has its default. `*out` is written on success only.
 * Errors, naming the field: CLX_ERR_NULL, CLX_ERR_FORMAT (not one JSON object; a field that is unknown, given twice or
 * of the wrong type), and those of clx_mlstm_cell_config_check. */
CLX_API clx_status clx_mlstm_cell_config_from_json(const char *text, clx_mlstm_cell_config *out, clx_error *error);

/* Where the initial parameters go, in host memory; NULL: not wanted. NH = num_heads / tp_size, of this rank.
 *
 *   igate_kernel, fgate_kernel  (gate_features, NH), or headwise (NH, 1, gate_features / NH)
 *   igate_bias, fgate_bias      (NH)
 *   outnorm_scale               (NH, DHV)
 *   q_norm_scale, k_norm_scale  (DHQK) */
typedef struct clx_mlstm_cell_initial {
    size_t struct_size;
    uint64_t gate_features;
    uint64_t DHQK;
    uint64_t DHV;
    float *igate_kernel;
    float *igate_bias;
    float *fgate_kernel;
    float *fgate_bias;
    float *outnorm_scale;
    float *q_norm_scale;
    float *k_norm_scale;
} clx_mlstm_cell_initial;

/* clang-format off */
#define CLX_MLSTM_CELL_INITIAL_INIT {sizeof(clx_mlstm_cell_initial), 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL}
/* clang-format on */

/* Parameters before training: gate kernels 0, norm weights 1, and biases by their ranges over all heads of the layer,
 * of which a rank takes its slice:
 *
 *     pair (lo, hi)   bias[n] = lo + (hi - lo) n / (num_heads - 1)      lo where there is one head
 *     value           bias[n] = value
 *     None            bias[n] = 0.1 sqrt(-2 ln u) cos(2 pi w)           a normal draw (Box and Muller)
 *
 * Draws come from Philox4x32-10 with the 64-bit `seed` as its key and (n, 0, g, 0) as its counter, g = 0 for igate and
 * 1 for fgate; its words a, b, c, d make u = (((2^32 a + b) >> 11) + 1) / 2^53 and w = ((2^32 c + d) >> 11) / 2^53. They
 * are made on the host in float64 and rounded once, so a seed gives the same biases whatever the device or the split.
 * Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
 *
 * Errors: CLX_ERR_NULL, CLX_ERR_VALUE and the others of clx_mlstm_cell_config_check; CLX_ERR_OVERFLOW. */
CLX_API clx_status clx_mlstm_cell_init(const clx_mlstm_cell_config *config, uint64_t seed,
                                       const clx_mlstm_cell_initial *initial, clx_error *error);

#ifdef __cplusplus
}
#endif
#endif
