/* SPDX-License-Identifier: Apache-2.0
 *
 * A case: one call of one operator, as a safetensors file (tests/golden/README.md has the format). `__metadata__` names
 * the operator and its parameters, the tensors are its inputs and, where they are known, its expected outputs.
 *
 * Reading a case checks everything that can be checked without a device: every key is known to the operator and parses
 * whole, every tensor is known, has an allowed dtype and the shape that the others imply, and none is missing. */
#ifndef CLXI_IO_CASE_H
#define CLXI_IO_CASE_H

#include "io/safetensors.h"
#include <stdbool.h>

typedef enum clxi_op {
    CLXI_OP_MLSTM_PARALLEL,
    CLXI_OP_MLSTM_PARALLEL_GRAD,
    CLXI_OP_MLSTM_RECURRENT,
    CLXI_OP_PRECOMPUTE_FREQS,
    CLXI_OP_ROTARY,
    CLXI_OP_ATTENTION,
    CLXI_OP_MLSTM_CELL,
    /* Reserved names: a case of theirs is refused as not built yet. */
    CLXI_OP_MLSTM_CHUNKWISE,
    CLXI_OP_ATTENTION_GRAD,
    CLXI_OP_ROTARY_GRAD,
    CLXI_OP_COUNT
} clxi_op;

/* What a parameter's text must be. */
typedef enum clxi_kind {
    CLXI_KIND_BOOL,         /* true | false */
    CLXI_KIND_INT,          /* a whole number, not below the row's minimum */
    CLXI_KIND_FLOAT,        /* a number, inf and -inf included, never NaN */
    CLXI_KIND_NOT_NEGATIVE, /* a finite number >= 0 */
    CLXI_KIND_POSITIVE,     /* a finite number > 0 */
    CLXI_KIND_DTYPE,        /* f32 f16 bf16, or the seed pages' float32 float16 bfloat16 */
    CLXI_KIND_CHOICE,       /* one of the row's words */
    CLXI_KIND_RANGE         /* "3.0,6.0" | a number | none */
} clxi_kind;

/* Values of CLXI_KIND_CHOICE are positions in the row's list of words. These are the lists. */
enum { CLXI_SOFTMAX, CLXI_SIGMOID, CLXI_NO_ACTIVATION }; /* activation_function */
enum { CLXI_PRE_NONE, CLXI_PRE_SILU, CLXI_PRE_SWISH };   /* qk_pre_activation_function; the last two are one */
enum { CLXI_INTERLEAVED, CLXI_HALF };                    /* pairing */
enum { CLXI_LAYERNORM, CLXI_RMSNORM };                   /* norm_type, norm_type_v1 */
enum { CLXI_PARALLEL_STABILIZED, CLXI_ATTENTION, CLXI_RECURRENT, CLXI_CHUNKWISE }; /* backend */

/* One parameter of an operator. `fallback` is the default's text, NULL where absence means something of its own. */
typedef struct clxi_param_row {
    const char *name;
    clxi_kind kind;
    const char *fallback;
    const char *words; /* CHOICE: the words, parted by '|' */
    int64_t minimum;   /* INT */
    unsigned backends; /* fields of a cell's backend: which backends have it, as bits; else 0 */
    bool required;
} clxi_param_row;

enum { CLXI_IN_FLOAT = 1, CLXI_IN_BOOL = 2, CLXI_IN_INT = 4 }; /* dtypes that a tensor may have: F32 F16 BF16 | ... */

/* One tensor of an operator. A shape is a letter per dimension, '1' for exactly one; letters stand for the same size
 * in all tensors of a case. "BHS|BHS1" allows both. A name that ends in '#' stands for name0, name1, ... */
typedef struct clxi_tensor_row {
    const char *name;
    const char *shape;
    unsigned dtypes;
    bool optional;
    const char *match; /* the input whose dtype it must share, or NULL */
} clxi_tensor_row;

typedef struct clxi_op_row {
    const char *name;
    const clxi_tensor_row *inputs; /* each list ends at a NULL name */
    const clxi_param_row *params;
    const clxi_tensor_row *outputs; /* dtypes and match are not used here; optional: may be missing where others are */
} clxi_op_row;

extern const clxi_op_row clxi_op_rows[CLXI_OP_COUNT]; /* a reserved operator has no lists */

#define CLXI_CASE_MAX_PARAMS 40

/* A parsed parameter: the fields that its kind has. */
typedef struct clxi_value {
    bool given;      /* by the file; else it is the default, or unset where there is none */
    bool flag;       /* BOOL */
    int64_t integer; /* INT; CHOICE: the word's position */
    clx_dtype dtype; /* DTYPE; CLX_DTYPE_DEFAULT where unset */
    int count;       /* RANGE: 2, 1, or 0 for none */
    double number[2];
} clxi_value;

typedef struct clxi_case {
    clxi_op op;
    const clxi_op_row *row;
    char *label;                            /* the file's path, for messages */
    clxi_safetensors *file;                 /* owned */
    clxi_value value[CLXI_CASE_MAX_PARAMS]; /* beside row->params */
    uint64_t size[26];                      /* of the shapes' letters A..Z */
    bool bound[26];
} clxi_case;

/* Reads and checks a case. Errors: those of clxi_safetensors_read; CLX_ERR_FORMAT (no operator, an unknown one, a
 * tensor that is unknown or missing), CLX_ERR_VALUE (an unknown key, a value that does not parse), CLX_ERR_DTYPE,
 * CLX_ERR_SHAPE, CLX_ERR_UNSUPPORTED (not built yet). */
clx_status clxi_case_read(const char *path, clxi_case **out, clx_error *error);

/* The same for a file that is read already. Takes the file over, also on failure. */
clx_status clxi_case_make(const char *label, clxi_safetensors *file, clxi_case **out, clx_error *error);

void clxi_case_destroy(clxi_case *c); /* NULL is legal */

/* Parameters by name; a backend's field as "backend.theta". The name must be one of the operator's, of that kind. */
bool clxi_case_given(const clxi_case *c, const char *name);
bool clxi_case_bool(const clxi_case *c, const char *name);
int64_t clxi_case_int(const clxi_case *c, const char *name);
double clxi_case_float(const clxi_case *c, const char *name); /* of any of the three kinds of number */
clx_dtype clxi_case_dtype(const clxi_case *c, const char *name);
int clxi_case_choice(const clxi_case *c, const char *name);
const clxi_value *clxi_case_value(const clxi_case *c,
                                  const char *name); /* whatever its kind; count and number of RANGE */

/* The size a letter stands for; 0 where no tensor has it. */
uint64_t clxi_case_size(const clxi_case *c, char letter);

/* An input, or NULL where it is not given. Expected outputs: the same with "ref64.h", "ref.h", "cond.h". */
const clxi_st_tensor *clxi_case_tensor(const clxi_case *c, const char *name);

/* The dtype that q, k and v are computed in: `qkv_dtype` (a cell's `dtype`) where given, else q's own; CLX_F32 where
 * the operator has no q. */
clx_dtype clxi_case_qkv_dtype(const clxi_case *c);

/* Parses the text of one parameter; false where it does not parse whole. For case.c and its tests. */
bool clxi_value_parse(const clxi_param_row *row, const char *text, clxi_value *out);
/* "a number >= 0": what a parameter expects, for messages. */
const char *clxi_value_expects(const clxi_param_row *row, char *text, size_t room);

/* What the letters cannot say, for one operator: before the inputs are looked at, and after. */
clx_status clxi_case_check_params(clxi_case *c, clx_error *error);
clx_status clxi_case_check_inputs(clxi_case *c, clx_error *error);

#endif
