/* SPDX-License-Identifier: Apache-2.0
 *
 * What a configuration may say. */
#include "base/fail.h"
#include "cell/config_fields.h"
#include <math.h>

#define COUNT_LIMIT ((int64_t)1 << 53) /* JSON's numbers are exact up to here */
#define HEADS_LIMIT 65536

static clx_status check_length(const char *name, int64_t value, int64_t limit, clx_error *error)
{
    if (value == -1 || (value >= 1 && value <= limit)) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "%s: %lld, expected -1 (unset) or 1 to %lld", name, (long long)value,
                     (long long)limit);
}

static clx_status check_norm(const char *name, clx_norm_type type, clx_error *error)
{
    if (type == CLX_LAYERNORM || type == CLX_RMSNORM) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "%s: %d, expected CLX_LAYERNORM or CLX_RMSNORM", name, (int)type);
}

static clx_status check_dtype(const char *name, clx_dtype dtype, clx_error *error)
{
    if (dtype == CLX_F32 || dtype == CLX_F16 || dtype == CLX_BF16) return CLX_OK;
    return clxi_fail(error, CLX_ERR_DTYPE, "%s: %s (%d), expected f32, f16 or bf16", name, clx_dtype_name(dtype),
                     (int)dtype);
}

/* Kernels compute in f32: a number must still be one there. */
static clx_status check_positive(const char *name, double value, clx_error *error)
{
    if ((float)value > 0.0f && isfinite((float)value)) return CLX_OK;
    return clxi_fail(error, CLX_ERR_VALUE, "%s: %g, expected a finite number above 0", name, value);
}

static clx_status check_range(const char *name, const clx_bias_init_range *range, clx_error *error)
{
    if (range->count < 0 || range->count > 2)
        return clxi_fail(error, CLX_ERR_VALUE, "%s.count: %d, expected 0, 1 or 2", name, (int)range->count);
    for (int i = 0; i < range->count; i++)
        if (!isfinite((float)range->value[i]))
            return clxi_fail(error, CLX_ERR_VALUE, "%s: %g, expected a finite number", name, range->value[i]);
    return CLX_OK;
}

static clx_status check_backend(const clx_mlstm_backend_config *backend, clx_error *error)
{
    clx_status status = CLX_OK;
    if (!clxi_word_known(clxi_backend_words, (int)backend->name))
        return clxi_fail(error, CLX_ERR_VALUE, "backend.name: %d, expected a clx_mlstm_backend", (int)backend->name);
    CLXI_TRY(check_length("backend.context_length", backend->context_length, COUNT_LIMIT, error));
    if (backend->name != CLX_BACKEND_ATTENTION) return CLX_OK;
    if (!clxi_word_known(clxi_activation_words, (int)backend->activation_function))
        return clxi_fail(error, CLX_ERR_VALUE, "backend.activation_function: %d, expected softmax, sigmoid or none",
                         (int)backend->activation_function);
    if (!clxi_word_known(clxi_pre_activation_words, (int)backend->qk_pre_activation_function))
        return clxi_fail(error, CLX_ERR_VALUE, "backend.qk_pre_activation_function: %d, expected none or swish",
                         (int)backend->qk_pre_activation_function);
    CLXI_TRY(check_positive("backend.theta", backend->theta, error));
fail:
    return status;
}

static clx_status check_parallel(const clx_mlstm_cell_config *config, clx_error *error)
{
    const clx_parallel_config *p = &config->parallel;
    if (!p->given) return CLX_OK;
    if (p->tp_size < 1 || p->tp_size > HEADS_LIMIT)
        return clxi_fail(error, CLX_ERR_VALUE, "parallel.tp_size: %lld, expected 1 to %d", (long long)p->tp_size,
                         HEADS_LIMIT);
    if (p->tp_rank < 0 || p->tp_rank >= p->tp_size)
        return clxi_fail(error, CLX_ERR_VALUE, "parallel.tp_rank: %lld, expected 0 to %lld", (long long)p->tp_rank,
                         (long long)p->tp_size - 1);
    if (config->num_heads > 0 && config->num_heads % p->tp_size != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "num_heads: %lld, expected a multiple of parallel.tp_size %lld",
                         (long long)config->num_heads, (long long)p->tp_size);
    return CLX_OK;
}

clx_status clxi_cell_config_check_values(const clx_mlstm_cell_config *config, clx_error *error)
{
    clx_status status = CLX_OK;
    if (!config) return clxi_fail(error, CLX_ERR_NULL, "config: NULL, expected a clx_mlstm_cell_config");
    if (config->struct_size != sizeof *config)
        return clxi_fail(error, CLX_ERR_VALUE,
                         "config->struct_size: %zu, expected %zu (start from CLX_MLSTM_CELL_CONFIG_INIT)",
                         config->struct_size, sizeof *config);
    CLXI_TRY(check_length("context_length", config->context_length, COUNT_LIMIT, error));
    CLXI_TRY(check_length("embedding_dim", config->embedding_dim, COUNT_LIMIT, error));
    CLXI_TRY(check_length("num_heads", config->num_heads, HEADS_LIMIT, error));
    CLXI_TRY(check_backend(&config->backend, error));
    if (!(config->norm_eps >= 0.0) || !isfinite((float)config->norm_eps))
        return clxi_fail(error, CLX_ERR_VALUE, "norm_eps: %g, expected a finite number of 0 or more", config->norm_eps);
    CLXI_TRY(check_norm("norm_type", config->norm_type, error));
    CLXI_TRY(check_norm("norm_type_v1", config->norm_type_v1, error));
    CLXI_TRY(check_dtype("dtype", config->dtype, error));
    CLXI_TRY(check_dtype("gate_dtype", config->gate_dtype, error));
    if (config->gate_soft_cap.given) CLXI_TRY(check_positive("gate_soft_cap", config->gate_soft_cap.value, error));
    CLXI_TRY(check_range("igate_bias_init_range", &config->igate_bias_init_range, error));
    CLXI_TRY(check_range("fgate_bias_init_range", &config->fgate_bias_init_range, error));
    if (isnan(config->reset_fgate_value))
        return clxi_fail(error, CLX_ERR_VALUE, "reset_fgate_value: NaN, expected a number");
    CLXI_TRY(check_parallel(config, error));
fail:
    return status;
}

clx_status clx_mlstm_cell_config_check(const clx_mlstm_cell_config *config, clx_error *error)
{
    const clx_status status = clxi_cell_config_check_values(config, error);
    if (status == CLX_OK && config->backend.name == CLX_BACKEND_CHUNKWISE)
        return clxi_fail(error, CLX_ERR_UNSUPPORTED,
                         "backend: chunkwise is not built yet, expected parallel_stabilized, attention or recurrent");
    return status;
}

void clx_mlstm_backend_assign_model_config_params(clx_mlstm_backend_config *backend,
                                                  const clx_mlstm_cell_config *model_config)
{
    if (backend && model_config && backend->context_length == -1)
        backend->context_length = model_config->context_length;
}

uint64_t clxi_cell_heads(const clx_mlstm_cell_config *config)
{
    return (uint64_t)(config->num_heads / (config->parallel.given ? config->parallel.tp_size : 1));
}
