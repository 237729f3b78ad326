/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields' tables; see the header. The order is the page's. */
#include "cell/config_fields.h"

#include <stddef.h>

static const char *const norm_words[] = {"layernorm", "rmsnorm", NULL};
const char *const clxi_activation_words[] = {"softmax", "sigmoid", "none", NULL};
const char *const clxi_pre_activation_words[] = {"none", "swish", NULL};
const char *const clxi_backend_words[] = {"parallel_stabilized", "attention", "recurrent", "chunkwise", NULL};

enum { ALL_BACKENDS = ~0, ATTENTION_ONLY = 1 << CLX_BACKEND_ATTENTION };

/* clang-format off */
#define FIELD(type, name, kind, words) {#name, CLXI_CONFIG_##kind, offsetof(type, name), words, 0}
#define BACKEND_FIELD(name, kind, words, backends) \
    {#name, CLXI_CONFIG_##kind, offsetof(clx_mlstm_backend_config, name), words, (unsigned)backends}
#define END {NULL, CLXI_CONFIG_INT, 0, NULL, 0}
/* clang-format on */

const clxi_config_field clxi_cell_fields[] = {
    FIELD(clx_mlstm_cell_config, context_length, INT, NULL),
    FIELD(clx_mlstm_cell_config, embedding_dim, INT, NULL),
    FIELD(clx_mlstm_cell_config, num_heads, INT, NULL),
    FIELD(clx_mlstm_cell_config, backend, BACKEND, NULL),
    FIELD(clx_mlstm_cell_config, norm_eps, NUMBER, NULL),
    FIELD(clx_mlstm_cell_config, norm_type, WORD, norm_words),
    FIELD(clx_mlstm_cell_config, norm_type_v1, WORD, norm_words),
    FIELD(clx_mlstm_cell_config, layer_type_v1, BOOL, NULL),
    FIELD(clx_mlstm_cell_config, dtype, DTYPE, NULL),
    FIELD(clx_mlstm_cell_config, gate_dtype, DTYPE, NULL),
    FIELD(clx_mlstm_cell_config, gate_soft_cap, OPTIONAL, NULL),
    FIELD(clx_mlstm_cell_config, gate_linear_headwise, BOOL, NULL),
    FIELD(clx_mlstm_cell_config, igate_bias_init_range, RANGE, NULL),
    FIELD(clx_mlstm_cell_config, fgate_bias_init_range, RANGE, NULL),
    FIELD(clx_mlstm_cell_config, add_qk_norm, BOOL, NULL),
    FIELD(clx_mlstm_cell_config, reset_at_document_boundaries, BOOL, NULL),
    FIELD(clx_mlstm_cell_config, reset_fgate_value, NUMBER, NULL),
    FIELD(clx_mlstm_cell_config, parallel, PARALLEL, NULL),
    END,
};

const clxi_config_field clxi_backend_fields[] = {
    BACKEND_FIELD(name, WORD, clxi_backend_words, ALL_BACKENDS),
    BACKEND_FIELD(context_length, INT, NULL, ALL_BACKENDS),
    BACKEND_FIELD(activation_function, WORD, clxi_activation_words, ATTENTION_ONLY),
    BACKEND_FIELD(qk_pre_activation_function, WORD, clxi_pre_activation_words, ATTENTION_ONLY),
    BACKEND_FIELD(theta, NUMBER, NULL, ATTENTION_ONLY),
    END,
};

const clxi_config_field clxi_parallel_fields[] = {
    FIELD(clx_parallel_config, tp_size, INT, NULL),
    FIELD(clx_parallel_config, tp_rank, INT, NULL),
    END,
};

bool clxi_word_known(const char *const *words, int value)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    return value >= 0 && value < count;
}
