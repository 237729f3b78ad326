/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters before training. */
#include "base/arith.h"
#include "base/fail.h"
#include "base/philox.h"
#include "cell/config_fields.h"
#include <math.h>

enum { IGATE = 0, FGATE = 1 };

/* Box and Muller's normal draw from four words. u lies in (0, 1], so that the logarithm is finite. */
static double normal(const clxi_philox_block *block)
{
    const uint64_t high = (uint64_t)block->word[0] << 32 | block->word[1];
    const uint64_t low = (uint64_t)block->word[2] << 32 | block->word[3];
    const double u = (double)((high >> 11) + 1) * 0x1p-53;
    const double w = (double)(low >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * w);
}

/* The bias of head n of the layer's `heads`. */
static float bias(const clx_bias_init_range *range, uint64_t n, uint64_t heads, uint64_t seed, uint32_t gate)
{
    if (range->count == 1) return (float)range->value[0];
    if (range->count == 0) {
        const clxi_philox_block counter = {{(uint32_t)n, 0, gate, 0}};
        const clxi_philox_block draw = clxi_philox(counter, seed);
        return (float)(0.1 * normal(&draw));
    }
    if (heads < 2) return (float)range->value[0];
    /* weighted ends, so that the last one is met exactly */
    const double at = (double)n / (double)(heads - 1);
    return (float)(range->value[0] * (1.0 - at) + range->value[1] * at);
}

static void fill(float *out, uint64_t count, float value)
{
    for (uint64_t i = 0; out && i < count; i++)
        out[i] = value;
}

static clx_status check_sizes(const clx_mlstm_cell_config *config, const clx_mlstm_cell_initial *initial,
                              clx_error *error)
{
    const uint64_t NH = clxi_cell_heads(config);
    uint64_t product = 0;
    if (!clxi_mul_u64(initial->gate_features, NH, &product) || product > SIZE_MAX / sizeof(float))
        return clxi_fail(error, CLX_ERR_OVERFLOW, "gate_features: %llu x %llu heads overflow",
                         (unsigned long long)initial->gate_features, (unsigned long long)NH);
    if (!clxi_mul_u64(initial->DHV, NH, &product) || product > SIZE_MAX / sizeof(float))
        return clxi_fail(error, CLX_ERR_OVERFLOW, "DHV: %llu x %llu heads overflow", (unsigned long long)initial->DHV,
                         (unsigned long long)NH);
    if (config->gate_linear_headwise && initial->gate_features % NH != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "gate_features: %llu, expected a multiple of the %llu heads",
                         (unsigned long long)initial->gate_features, (unsigned long long)NH);
    return CLX_OK;
}

clx_status clx_mlstm_cell_init(const clx_mlstm_cell_config *config, uint64_t seed,
                               const clx_mlstm_cell_initial *initial, clx_error *error)
{
    clx_status status = CLX_OK;
    if (!initial) return clxi_fail(error, CLX_ERR_NULL, "initial: NULL, expected a clx_mlstm_cell_initial");
    if (initial->struct_size != sizeof *initial)
        return clxi_fail(error, CLX_ERR_VALUE,
                         "initial->struct_size: %zu, expected %zu (start from CLX_MLSTM_CELL_INITIAL_INIT)",
                         initial->struct_size, sizeof *initial);
    CLXI_TRY(clxi_cell_config_check_values(config, error));
    if (config->num_heads < 1)
        return clxi_fail(error, CLX_ERR_VALUE, "num_heads: %lld, expected 1 or more", (long long)config->num_heads);
    CLXI_TRY(check_sizes(config, initial, error));
    const uint64_t NH = clxi_cell_heads(config), heads = (uint64_t)config->num_heads;
    const uint64_t first = config->parallel.given ? (uint64_t)config->parallel.tp_rank * NH : 0;
    /* headwise kernels (NH, 1, features / NH) have 1 / NH of the elements of dense ones */
    const uint64_t weights = initial->gate_features * (config->gate_linear_headwise ? 1 : NH);
    fill(initial->igate_kernel, weights, 0.0f);
    fill(initial->fgate_kernel, weights, 0.0f);
    fill(initial->outnorm_scale, NH * initial->DHV, 1.0f);
    fill(initial->q_norm_scale, initial->DHQK, 1.0f);
    fill(initial->k_norm_scale, initial->DHQK, 1.0f);
    for (uint64_t n = 0; n < NH; n++) {
        const uint64_t head = first + n;
        if (initial->igate_bias)
            initial->igate_bias[n] = bias(&config->igate_bias_init_range, head, heads, seed, IGATE);
        if (initial->fgate_bias)
            initial->fgate_bias[n] = bias(&config->fgate_bias_init_range, head, heads, seed, FGATE);
    }
fail:
    return status;
}
