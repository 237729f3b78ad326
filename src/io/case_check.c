/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold in a case beyond its operator's table: parameters that depend on each other, and sizes that are not
 * simply equal. The library checks the same again for callers who come without a file. */
#include "base/arith.h"
#include "io/case.h"
#include <stdio.h>
#include <string.h>

static void bind(clxi_case *c, char letter, uint64_t size)
{
    c->size[letter - 'A'] = size;
    c->bound[letter - 'A'] = true;
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

static clx_status check_freqs_params(clxi_case *c, clx_error *error)
{
    uint64_t rows = (uint64_t)clxi_case_int(c, "max_length"), features = (uint64_t)clxi_case_int(c, "feat_dim"), bytes;
    if (features % 2)
        return clxi_fail(error, CLX_ERR_VALUE, "%s: feat_dim = '%llu', expected an even number", c->label,
                         (unsigned long long)features);
    if (!clxi_mul_u64(rows, features, &bytes) || !clxi_mul_u64(bytes, 8, &bytes) || bytes > SIZE_MAX / 2)
        return clxi_fail(error, CLX_ERR_OVERFLOW, "%s: max_length times feat_dim overflows", c->label);
    bind(c, 'L', rows);
    bind(c, 'R', features / 2);
    return CLX_OK;
}

static clx_status check_rotary_params(clxi_case *c, clx_error *error)
{
    int64_t rotary_dim = clxi_case_int(c, "rotary_dim");
    if (rotary_dim % 2)
        return clxi_fail(error, CLX_ERR_VALUE, "%s: rotary_dim = '%lld', expected an even number", c->label,
                         (long long)rotary_dim);
    return CLX_OK;
}

static const char *const backend_names[] = {"parallel_stabilized", "attention", "recurrent", "chunkwise"};

static clx_status check_cell_params(clxi_case *c, clx_error *error)
{
    int backend = clxi_case_choice(c, "backend");
    if (backend == CLXI_CHUNKWISE)
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: backend = 'chunkwise': not built yet", c->label);
    for (int i = 0; c->row->params[i].name; i++) {
        const clxi_param_row *row = &c->row->params[i];
        if (c->value[i].given && row->backends && !(row->backends >> backend & 1))
            return clxi_fail(error, CLX_ERR_VALUE, "%s: %s: backend %s has no such field", c->label, row->name,
                             backend_names[backend]);
    }
    if (clxi_case_int(c, "tp_rank") >= clxi_case_int(c, "tp_size"))
        return clxi_fail(error, CLX_ERR_VALUE, "%s: tp_rank = '%lld', expected less than tp_size %lld", c->label,
                         (long long)clxi_case_int(c, "tp_rank"), (long long)clxi_case_int(c, "tp_size"));
    if (clxi_case_int(c, "num_heads") % clxi_case_int(c, "tp_size") != 0)
        return clxi_fail(error, CLX_ERR_VALUE, "%s: num_heads = '%lld', expected a multiple of tp_size %lld", c->label,
                         (long long)clxi_case_int(c, "num_heads"), (long long)clxi_case_int(c, "tp_size"));
    bind(c, 'N', (uint64_t)(clxi_case_int(c, "num_heads") / clxi_case_int(c, "tp_size")));
    return CLX_OK;
}

clx_status clxi_case_check_params(clxi_case *c, clx_error *error)
{
    switch (c->op) {
    case CLXI_OP_PRECOMPUTE_FREQS:
        return check_freqs_params(c, error);
    case CLXI_OP_ROTARY:
        return check_rotary_params(c, error);
    case CLXI_OP_MLSTM_CELL:
        return check_cell_params(c, error);
    default:
        return CLX_OK;
    }
}

/* ---- inputs ----------------------------------------------------------------------------------------------------- */

/* Tensors that only make sense together. */
static clx_status all_or_none(const clxi_case *c, const char *const *names, size_t count, clx_error *error)
{
    const char *given = NULL;
    for (size_t i = 0; i < count; i++)
        if (clxi_case_tensor(c, names[i])) given = names[i];
    for (size_t i = 0; i < count && given; i++)
        if (!clxi_case_tensor(c, names[i]))
            return clxi_fail(error, CLX_ERR_FORMAT, "%s: tensor '%s' is missing beside '%s'", c->label, names[i],
                             given);
    return CLX_OK;
}

static clx_status check_state(const clxi_case *c, clx_error *error)
{
    static const char *const states[] = {"C0", "n0", "m0"};
    return all_or_none(c, states, 3, error);
}

static clx_status check_rotary_inputs(clxi_case *c, clx_error *error)
{
    static const char *const tables[] = {"sin", "cos"};
    clx_status status = CLX_OK;
    uint64_t K = clxi_case_size(c, 'K');
    uint64_t rotary_dim = clxi_case_given(c, "rotary_dim") ? (uint64_t)clxi_case_int(c, "rotary_dim") : K;
    CLXI_TRY(all_or_none(c, tables, 2, error));
    if (rotary_dim > K || rotary_dim % 2)
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: rotary dimension %llu, expected an even number of at most %llu",
                         c->label, (unsigned long long)rotary_dim, (unsigned long long)K);
    if (clxi_case_tensor(c, "sin") && clxi_case_size(c, 'R') != rotary_dim / 2)
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: sin: %llu angles a row, expected %llu", c->label,
                         (unsigned long long)clxi_case_size(c, 'R'), (unsigned long long)(rotary_dim / 2));
fail:
    return status;
}

static clx_status check_attention_inputs(clxi_case *c, clx_error *error)
{
    uint64_t H = clxi_case_size(c, 'H'), G = clxi_case_size(c, 'G'), K = clxi_case_size(c, 'K');
    const clxi_st_tensor *mask = clxi_case_tensor(c, "mask");
    if (mask && clxi_case_given(c, "causal") && clxi_case_bool(c, "causal"))
        return clxi_fail(error, CLX_ERR_VALUE, "%s: mask: it replaces the causal mask, expected causal = false",
                         c->label);
    for (int i = 0; c->row->params[i].name; i++) /* the default depends on the mask: settle it here */
        if (strcmp(c->row->params[i].name, "causal") == 0 && !c->value[i].given) c->value[i].flag = mask == NULL;
    if (G == 0 ? H != 0 : H % G != 0)
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: k: %llu heads, expected a number that divides q's %llu", c->label,
                         (unsigned long long)G, (unsigned long long)H);
    if (clxi_case_bool(c, "rotary") && K % 2)
        return clxi_fail(error, CLX_ERR_SHAPE,
                         "%s: q: head dimension %llu, expected an even one for the rotary "
                         "embedding",
                         c->label, (unsigned long long)K);
    return CLX_OK;
}

/* Features that the gates see in all: q, k and v together, or what is given instead. Headwise, each tensor must divide
 * by the heads. */
static clx_status gate_features(const clxi_case *c, uint64_t *out, clx_error *error)
{
    static const char *const own[] = {"q", "k", "v"};
    uint64_t heads = clxi_case_size(c, 'N'), sum = 0;
    bool headwise = clxi_case_bool(c, "gate_linear_headwise");
    bool several = clxi_case_tensor(c, "gate_input.0") != NULL;
    bool one = clxi_case_tensor(c, "gate_input") != NULL;
    size_t numbered = 0, used = 0;
    for (size_t i = 0; i < c->file->tensor_count; i++)
        numbered += strncmp(c->file->tensors[i].name, "gate_input.", 11) == 0;
    if (one && numbered)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: gate_input: given beside gate_input.0 ...", c->label);
    for (;; used++) {
        char name[32];
        const clxi_st_tensor *tensor;
        snprintf(name, sizeof name, "gate_input.%zu", used);
        if (one)
            tensor = used < 1 ? clxi_case_tensor(c, "gate_input") : NULL;
        else if (several || numbered)
            tensor = clxi_case_tensor(c, name);
        else
            tensor = used < 3 ? clxi_case_tensor(c, own[used]) : NULL;
        if (!tensor) break;
        if (headwise && tensor->size[2] % heads)
            return clxi_fail(error, CLX_ERR_SHAPE, "%s: %s: %llu features, expected a multiple of num_heads %llu",
                             c->label, tensor->name, (unsigned long long)tensor->size[2], (unsigned long long)heads);
        if (!clxi_add_u64(sum, tensor->size[2], &sum))
            return clxi_fail(error, CLX_ERR_OVERFLOW, "%s: the gates' features overflow", c->label);
    }
    if (numbered && used != numbered)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: tensor 'gate_input.%zu' is missing", c->label, used);
    *out = sum;
    return CLX_OK;
}

static clx_status check_kernel(const clxi_case *c, const char *name, uint64_t features, clx_error *error)
{
    const clxi_st_tensor *kernel = clxi_case_tensor(c, name);
    uint64_t heads = clxi_case_size(c, 'N');
    char found[96];
    if (clxi_case_bool(c, "gate_linear_headwise")) {
        if (kernel->rank == 3 && kernel->size[2] == features / heads) return CLX_OK;
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: %s: shape %s, expected (%llu,1,%llu)", c->label, name,
                         clxi_st_shape_text(kernel, found, sizeof found), (unsigned long long)heads,
                         (unsigned long long)(features / heads));
    }
    if (kernel->rank == 2 && kernel->size[0] == features) return CLX_OK;
    return clxi_fail(error, CLX_ERR_SHAPE, "%s: %s: shape %s, expected (%llu,%llu)", c->label, name,
                     clxi_st_shape_text(kernel, found, sizeof found), (unsigned long long)features,
                     (unsigned long long)heads);
}

/* The head dimension that a letter stands for must be the heads' share of the features. */
static clx_status check_share(clxi_case *c, const char *name, char features, char dimension, clx_error *error)
{
    uint64_t heads = clxi_case_size(c, 'N'), whole = clxi_case_size(c, features);
    if (whole % heads)
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: %s: %llu features, expected a multiple of num_heads %llu", c->label,
                         name, (unsigned long long)whole, (unsigned long long)heads);
    if (c->bound[dimension - 'A'] && clxi_case_size(c, dimension) != whole / heads)
        return clxi_fail(error, CLX_ERR_SHAPE, "%s: %s: head dimension %llu, but a weight or a state has %llu",
                         c->label, name, (unsigned long long)(whole / heads),
                         (unsigned long long)clxi_case_size(c, dimension));
    bind(c, dimension, whole / heads);
    return CLX_OK;
}

static clx_status check_cell_inputs(clxi_case *c, clx_error *error)
{
    static const char *const norms[] = {"q_norm.scale", "k_norm.scale"};
    clx_status status = CLX_OK;
    uint64_t features = 0;
    bool add_qk_norm = clxi_case_bool(c, "add_qk_norm");
    CLXI_TRY(check_share(c, "q", 'Q', 'P', error));
    CLXI_TRY(check_share(c, "v", 'W', 'D', error));
    CLXI_TRY(gate_features(c, &features, error));
    CLXI_TRY(check_kernel(c, "igate.kernel", features, error));
    CLXI_TRY(check_kernel(c, "fgate.kernel", features, error));
    for (int i = 0; i < 2; i++) {
        if ((clxi_case_tensor(c, norms[i]) != NULL) == add_qk_norm) continue;
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: tensor '%s' is %s", c->label, norms[i],
                         add_qk_norm ? "missing, add_qk_norm needs it" : "given, but add_qk_norm is false");
    }
    CLXI_TRY(check_state(c, error));
    if (clxi_case_tensor(c, "C0") && clxi_case_choice(c, "backend") != CLXI_RECURRENT)
        return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: C0: backend %s does not start from a state", c->label,
                         backend_names[clxi_case_choice(c, "backend")]);
fail:
    return status;
}

clx_status clxi_case_check_inputs(clxi_case *c, clx_error *error)
{
    switch (c->op) {
    case CLXI_OP_MLSTM_RECURRENT:
        return check_state(c, error);
    case CLXI_OP_ROTARY:
        return check_rotary_inputs(c, error);
    case CLXI_OP_ATTENTION:
        return check_attention_inputs(c, error);
    case CLXI_OP_MLSTM_CELL:
        return check_cell_inputs(c, error);
    default:
        return CLX_OK;
    }
}
