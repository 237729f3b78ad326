/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: the cell's configuration from JSON. What is read is written, and read again as the same. */
#include "fuzz.h"

#include <clxlstm/cell_config.h>
#include <string.h>

static char *write_config(const clx_mlstm_cell_config *config, size_t *size)
{
    demand(clx_mlstm_cell_config_to_json(config, NULL, size, NULL) == CLX_OK);
    char *text = malloc(*size);
    demand(text != NULL && clx_mlstm_cell_config_to_json(config, text, size, NULL) == CLX_OK);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clx_mlstm_cell_config config = CLX_MLSTM_CELL_CONFIG_INIT, again = CLX_MLSTM_CELL_CONFIG_INIT;
    clx_error error = CLX_ERROR_INIT;
    size_t first_size = 0, second_size = 0;
    char *text = malloc(size + 1);
    demand(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (clx_mlstm_cell_config_from_json(text, &config, &error) == CLX_OK) {
        char *first = write_config(&config, &first_size);
        demand(clx_mlstm_cell_config_from_json(first, &again, NULL) == CLX_OK);
        char *second = write_config(&again, &second_size);
        demand(first_size == second_size && memcmp(first, second, first_size) == 0);
        free(first);
        free(second);
    } else {
        demand(error.message[0] != '\0');
    }
    clx_error_clear(&error);
    free(text);
    return 0;
}
