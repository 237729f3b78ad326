/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration's fields as tables, which writing and reading JSON share. */
#ifndef CLXI_CELL_CONFIG_FIELDS_H
#define CLXI_CELL_CONFIG_FIELDS_H

#include <clxlstm/cell_config.h>
#include <stdbool.h>

typedef enum clxi_config_kind {
    CLXI_CONFIG_INT,      /* int64_t */
    CLXI_CONFIG_BOOL,     /* int32_t */
    CLXI_CONFIG_NUMBER,   /* double */
    CLXI_CONFIG_DTYPE,    /* clx_dtype */
    CLXI_CONFIG_WORD,     /* an enum whose values are positions in `words` */
    CLXI_CONFIG_OPTIONAL, /* clx_optional_number */
    CLXI_CONFIG_RANGE,    /* clx_bias_init_range */
    CLXI_CONFIG_BACKEND,  /* clx_mlstm_backend_config */
    CLXI_CONFIG_PARALLEL  /* clx_parallel_config */
} clxi_config_kind;

typedef struct clxi_config_field {
    const char *name;
    clxi_config_kind kind;
    size_t offset; /* in its struct */
    const char *const *words;
    unsigned backends; /* of a backend's field: which backends have it, as bits */
} clxi_config_field;

/* Each list ends at a NULL name. */
extern const char *const clxi_backend_words[];
extern const char *const clxi_activation_words[];
extern const char *const clxi_pre_activation_words[];
extern const clxi_config_field clxi_cell_fields[];
extern const clxi_config_field clxi_backend_fields[];
extern const clxi_config_field clxi_parallel_fields[];

/* Is `value` the position of a word? */
bool clxi_word_known(const char *const *words, int value);

/* clx_mlstm_cell_config_check, but any known backend passes. */
clx_status clxi_cell_config_check_values(const clx_mlstm_cell_config *config, clx_error *error);

/* Heads of this rank's cell; the configuration is checked and num_heads is set. */
uint64_t clxi_cell_heads(const clx_mlstm_cell_config *config);

#endif
