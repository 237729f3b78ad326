/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a case: operator, parameters, tensors, each against the operator's table. */
#include "io/case.h"
#include "base/text.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_ROOM = 64, VALUE_ROOM = 96, SHAPE_ROOM = 96 };

static const char *const expected_prefixes[] = {"ref64.", "ref.", "cond."};
enum { PREFIX_COUNT = sizeof expected_prefixes / sizeof *expected_prefixes };

/* ---- operator and parameters ------------------------------------------------------------------------------------ */

static clx_status find_op(clxi_case *c, clx_error *error)
{
    char shown[NAME_ROOM];
    const char *name = clxi_safetensors_metadata(c->file, "op");
    if (!name) return clxi_fail(error, CLX_ERR_FORMAT, "%s: metadata 'op' is missing: not a case", c->label);
    int op = 0;
    while (op < CLXI_OP_COUNT && strcmp(name, clxi_op_rows[op].name) != 0)
        op++;
    if (op == CLXI_OP_COUNT)
        return clxi_fail(error, CLX_ERR_FORMAT, "%s: op = '%s': no such operator", c->label,
                         clxi_st_printable(name, shown, sizeof shown));
    c->op = (clxi_op)op;
    c->row = &clxi_op_rows[op];
    if (!c->row->params) return clxi_fail(error, CLX_ERR_UNSUPPORTED, "%s: op = '%s': not built yet", c->label, name);
    return CLX_OK;
}

/* The parameter with exactly this name, else the backend's field with this bare name; -1 where there is none. */
static int find_param(const clxi_op_row *row, const char *key)
{
    static const char prefix[] = "backend.";
    for (int i = 0; row->params[i].name; i++)
        if (strcmp(row->params[i].name, key) == 0) return i;
    for (int i = 0; row->params[i].name; i++)
        if (row->params[i].backends && strcmp(row->params[i].name + sizeof prefix - 1, key) == 0) return i;
    return -1;
}

static clx_status unknown_key(const clxi_case *c, const clxi_st_pair *pair, clx_error *error)
{
    char shown[NAME_ROOM], value[VALUE_ROOM];
    clxi_text known = CLXI_TEXT_INIT;
    for (int i = 0; c->row->params[i].name; i++)
        clxi_text_printf(&known, "%s%s", i ? " " : "", c->row->params[i].name);
    clx_status status = clxi_fail(error, CLX_ERR_VALUE, "%s: %s = '%s': unknown key, %s takes %s", c->label,
                                  clxi_st_printable(pair->key, shown, sizeof shown),
                                  clxi_st_printable(pair->value, value, sizeof value), c->row->name,
                                  known.data && !known.failed ? known.data : "others");
    clxi_text_free(&known);
    return status;
}

static clx_status read_pair(clxi_case *c, const clxi_st_pair *pair, clx_error *error)
{
    char value[VALUE_ROOM], expects[VALUE_ROOM];
    static const char *const ignored[] = {"op", "note", "format"};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (strcmp(pair->key, ignored[i]) == 0) return CLX_OK;
    int index = find_param(c->row, pair->key);
    if (index < 0) return unknown_key(c, pair, error);
    const clxi_param_row *row = &c->row->params[index];
    if (c->value[index].given)
        return clxi_fail(error, CLX_ERR_VALUE, "%s: %s: given twice, as %s too", c->label, row->name, pair->key);
    if (!clxi_value_parse(row, pair->value, &c->value[index]))
        return clxi_fail(error, CLX_ERR_VALUE, "%s: %s = '%s', expected %s", c->label, pair->key,
                         clxi_st_printable(pair->value, value, sizeof value),
                         clxi_value_expects(row, expects, sizeof expects));
    c->value[index].given = true;
    return CLX_OK;
}

static clx_status read_params(clxi_case *c, clx_error *error)
{
    char expects[VALUE_ROOM];
    clx_status status = CLX_OK;
    for (int i = 0; c->row->params[i].name; i++) {
        assert(i < CLXI_CASE_MAX_PARAMS);
        const char *fallback = c->row->params[i].fallback;
        bool parsed = !fallback || clxi_value_parse(&c->row->params[i], fallback, &c->value[i]);
        assert(parsed); /* the table's own text */
        (void)parsed;
    }
    for (size_t i = 0; i < c->file->pair_count; i++)
        CLXI_TRY(read_pair(c, &c->file->pairs[i], error));
    for (int i = 0; c->row->params[i].name; i++) {
        const clxi_param_row *row = &c->row->params[i];
        if (!row->required || c->value[i].given) continue;
        status = clxi_fail(error, CLX_ERR_VALUE, "%s: %s is missing, expected %s", c->label, row->name,
                           clxi_value_expects(row, expects, sizeof expects));
        goto fail;
    }
    CLXI_TRY(clxi_case_check_params(c, error));
fail:
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

/* Does a tensor's name fit a row's, where '#' stands for a number without leading zeros? */
static bool name_fits(const char *pattern, const char *name)
{
    const char *hash = strchr(pattern, '#');
    if (!hash) return strcmp(pattern, name) == 0;
    size_t size = (size_t)(hash - pattern);
    if (strncmp(pattern, name, size) != 0) return false;
    const char *digits = name + size;
    if (*digits == '\0' || (*digits == '0' && digits[1] != '\0')) return false;
    return strspn(digits, "0123456789") == strlen(digits);
}

static const clxi_tensor_row *find_row(const clxi_tensor_row *rows, const char *name)
{
    for (; rows->name; rows++)
        if (name_fits(rows->name, name)) return rows;
    return NULL;
}

/* The name of the output that an expected tensor is for, or NULL where it is an input. */
static const char *output_name(const char *name)
{
    for (int i = 0; i < PREFIX_COUNT; i++) {
        size_t size = strlen(expected_prefixes[i]);
        if (strncmp(name, expected_prefixes[i], size) == 0) return name + size;
    }
    return NULL;
}

static clx_status unknown_tensor(const clxi_case *c, const char *name, clx_error *error)
{
    char shown[NAME_ROOM];
    bool expected = output_name(name) != NULL;
    const clxi_tensor_row *rows = expected ? c->row->outputs : c->row->inputs;
    clxi_text known = CLXI_TEXT_INIT;
    for (; rows->name; rows++)
        clxi_text_printf(&known, " %s", rows->name);
    clx_status status = clxi_fail(error, CLX_ERR_FORMAT, "%s: tensor '%s': unknown, %s %s%s", c->label,
                                  clxi_st_printable(name, shown, sizeof shown), c->row->name,
                                  expected ? "gives" : "takes", known.data && !known.failed ? known.data : " none");
    clxi_text_free(&known);
    return status;
}

static clx_status check_names(const clxi_case *c, clx_error *error)
{
    for (size_t i = 0; i < c->file->tensor_count; i++) {
        const char *name = c->file->tensors[i].name;
        const char *output = output_name(name);
        if (!find_row(output ? c->row->outputs : c->row->inputs, output ? output : name))
            return unknown_tensor(c, name, error);
    }
    return CLX_OK;
}

static unsigned dtype_class(clxi_st_dtype dtype)
{
    switch (dtype) {
    case CLXI_ST_F32:
    case CLXI_ST_F16:
    case CLXI_ST_BF16:
        return CLXI_IN_FLOAT;
    case CLXI_ST_BOOL:
        return CLXI_IN_BOOL;
    case CLXI_ST_I32:
    case CLXI_ST_I64:
        return CLXI_IN_INT;
    default:
        return 0;
    }
}

static clx_status check_dtype(const clxi_case *c, const clxi_st_tensor *tensor, const clxi_tensor_row *row,
                              clx_error *error)
{
    static const char *const names[] = {
        [CLXI_IN_FLOAT] = "F32, F16 or BF16", [CLXI_IN_BOOL] = "BOOL", [CLXI_IN_INT] = "I32 or I64"};
    const char *found = clxi_st_dtype_name(tensor->dtype);
    if (!(dtype_class(tensor->dtype) & row->dtypes))
        return clxi_fail(error, CLX_ERR_DTYPE, "%s: %s: dtype %s, expected %s", c->label, tensor->name, found,
                         names[row->dtypes]);
    const clxi_st_tensor *other = row->match ? clxi_case_tensor(c, row->match) : NULL;
    if (other && other->dtype != tensor->dtype)
        return clxi_fail(error, CLX_ERR_DTYPE, "%s: %s: dtype %s, expected %s to match %s", c->label, tensor->name,
                         found, clxi_st_dtype_name(other->dtype), row->match);
    return CLX_OK;
}

/* Does a shape fit one alternative of a pattern? '*' fits any size, an unbound letter too. */
static bool shape_fits(const clxi_case *c, const clxi_st_tensor *tensor, const char *pattern, size_t rank)
{
    if (tensor->rank != rank) return false;
    uint64_t seen[26] = {0};
    bool seen_here[26] = {false};
    for (size_t i = 0; i < rank; i++) {
        uint64_t size = tensor->size[i];
        if (pattern[i] == '*') continue;
        if (pattern[i] == '1') {
            if (size != 1) return false;
            continue;
        }
        int letter = pattern[i] - 'A';
        if (c->bound[letter] && c->size[letter] != size) return false;
        if (seen_here[letter] && seen[letter] != size) return false;
        seen[letter] = size;
        seen_here[letter] = true;
    }
    return true;
}

/* "(2,4,S,64)": the shape that a pattern's first alternative asks for; letters stand where nothing is known yet. */
static const char *expected_shape(const clxi_case *c, const char *pattern, size_t rank, char *text, size_t room)
{
    size_t used = (size_t)snprintf(text, room, "(");
    for (size_t i = 0; i < rank && used < room; i++) {
        int letter = pattern[i] - 'A';
        bool known = letter >= 0 && letter < 26 && c->bound[letter];
        const char *comma = i ? "," : "";
        used += known ? (size_t)snprintf(text + used, room - used, "%s%llu", comma, (unsigned long long)c->size[letter])
                      : (size_t)snprintf(text + used, room - used, "%s%c", comma, pattern[i]);
    }
    if (used < room) snprintf(text + used, room - used, ")");
    return text;
}

static clx_status check_shape(clxi_case *c, const clxi_st_tensor *tensor, const clxi_tensor_row *row, clx_error *error)
{
    char found[SHAPE_ROOM], expected[SHAPE_ROOM];
    for (const char *pattern = row->shape; pattern;) {
        const char *bar = strchr(pattern, '|');
        size_t rank = bar ? (size_t)(bar - pattern) : strlen(pattern);
        if (shape_fits(c, tensor, pattern, rank)) {
            for (size_t i = 0; i < rank; i++) {
                if (!isupper((unsigned char)pattern[i])) continue;
                c->size[pattern[i] - 'A'] = tensor->size[i];
                c->bound[pattern[i] - 'A'] = true;
            }
            return CLX_OK;
        }
        pattern = bar ? bar + 1 : NULL;
    }
    return clxi_fail(error, CLX_ERR_SHAPE, "%s: %s: shape %s, expected %s", c->label, tensor->name,
                     clxi_st_shape_text(tensor, found, sizeof found),
                     expected_shape(c, row->shape, strcspn(row->shape, "|"), expected, sizeof expected));
}

/* In the table's order, so that q says what the others must match. */
static clx_status check_inputs(clxi_case *c, clx_error *error)
{
    clx_status status = CLX_OK;
    for (const clxi_tensor_row *row = c->row->inputs; row->name; row++) {
        bool found = false;
        for (size_t i = 0; i < c->file->tensor_count; i++) {
            const clxi_st_tensor *tensor = &c->file->tensors[i];
            if (!name_fits(row->name, tensor->name)) continue;
            found = true;
            CLXI_TRY(check_dtype(c, tensor, row, error));
            CLXI_TRY(check_shape(c, tensor, row, error));
        }
        if (!found && !row->optional) {
            status = clxi_fail(error, CLX_ERR_FORMAT, "%s: tensor '%s' is missing, %s needs it", c->label, row->name,
                               c->row->name);
            goto fail;
        }
    }
    CLXI_TRY(clxi_case_check_inputs(c, error));
fail:
    return status;
}

static clx_status check_expected(clxi_case *c, clx_error *error)
{
    clx_status status = CLX_OK;
    for (size_t i = 0; i < c->file->tensor_count; i++) {
        const clxi_st_tensor *tensor = &c->file->tensors[i];
        const char *output = output_name(tensor->name);
        if (!output) continue;
        bool is_ref64 = strncmp(tensor->name, "ref64.", 6) == 0;
        if (is_ref64 ? tensor->dtype != CLXI_ST_F64 : dtype_class(tensor->dtype) != CLXI_IN_FLOAT) {
            status = clxi_fail(error, CLX_ERR_DTYPE, "%s: %s: dtype %s, expected %s", c->label, tensor->name,
                               clxi_st_dtype_name(tensor->dtype), is_ref64 ? "F64" : "F32, F16 or BF16");
            goto fail;
        }
        CLXI_TRY(check_shape(c, tensor, find_row(c->row->outputs, output), error));
    }
fail:
    return status;
}

/* ---- a whole case ----------------------------------------------------------------------------------------------- */

clx_status clxi_case_make(const char *label, clxi_safetensors *file, clxi_case **out, clx_error *error)
{
    clx_status status = CLX_OK;
    *out = NULL;
    clxi_case *c = calloc(1, sizeof *c);
    if (!c) {
        clxi_safetensors_destroy(file);
        return clxi_fail_memory(error, "a case");
    }
    c->file = file;
    c->label = clxi_strdup(label);
    if (!c->label) {
        status = clxi_fail_memory(error, "a case");
        goto fail;
    }
    CLXI_TRY(find_op(c, error));
    CLXI_TRY(read_params(c, error));
    CLXI_TRY(check_names(c, error));
    CLXI_TRY(check_inputs(c, error));
    CLXI_TRY(check_expected(c, error));
    *out = c;
    return CLX_OK;
fail:
    clxi_case_destroy(c);
    return status;
}

clx_status clxi_case_read(const char *path, clxi_case **out, clx_error *error)
{
    clxi_safetensors *file = NULL;
    *out = NULL;
    clx_status status = clxi_safetensors_read(path, &file, error);
    return status == CLX_OK ? clxi_case_make(path, file, out, error) : status;
}

void clxi_case_destroy(clxi_case *c)
{
    if (!c) return;
    clxi_safetensors_destroy(c->file);
    free(c->label);
    free(c);
}

/* ---- access ----------------------------------------------------------------------------------------------------- */

const clxi_value *clxi_case_value(const clxi_case *c, const char *name)
{
    static const clxi_value none;
    int index = find_param(c->row, name);
    assert(index >= 0);
    return index < 0 ? &none : &c->value[index];
}

bool clxi_case_given(const clxi_case *c, const char *name)
{
    return clxi_case_value(c, name)->given;
}

bool clxi_case_bool(const clxi_case *c, const char *name)
{
    return clxi_case_value(c, name)->flag;
}

int64_t clxi_case_int(const clxi_case *c, const char *name)
{
    return clxi_case_value(c, name)->integer;
}

double clxi_case_float(const clxi_case *c, const char *name)
{
    return clxi_case_value(c, name)->number[0];
}

clx_dtype clxi_case_dtype(const clxi_case *c, const char *name)
{
    return clxi_case_value(c, name)->dtype;
}

int clxi_case_choice(const clxi_case *c, const char *name)
{
    return (int)clxi_case_value(c, name)->integer;
}

uint64_t clxi_case_size(const clxi_case *c, char letter)
{
    return c->size[letter - 'A'];
}

const clxi_st_tensor *clxi_case_tensor(const clxi_case *c, const char *name)
{
    return clxi_safetensors_tensor(c->file, name);
}

clx_dtype clxi_case_qkv_dtype(const clxi_case *c)
{
    const char *key = c->op == CLXI_OP_MLSTM_CELL ? "dtype" : "qkv_dtype";
    int index = find_param(c->row, key);
    const clxi_st_tensor *q = clxi_case_tensor(c, "q");
    if (index >= 0 && c->value[index].dtype != CLX_DTYPE_DEFAULT) return c->value[index].dtype;
    return q ? clxi_st_to_dtype(q->dtype) : CLX_F32;
}
