/* SPDX-License-Identifier: Apache-2.0
 *
 * The float64 reference of a case: from the tensors and parameters of a file to what src/ref/ gives for them. Used by the
 * program and by the tests. */
#ifndef CLXLSTM_TOOLS_CASE_REFERENCE_H
#define CLXLSTM_TOOLS_CASE_REFERENCE_H

#include "io/case.h"
#include <stdbool.h>

/* One output under its golden name. `cond` is NULL where the operator has none. There `rival`, if there is one, stands in
 * for what the original makes of the case: the output norm of the cell enlarges the error of a row that nearly cancels
 * before it, for everybody. */
typedef struct reference_output {
    const char *name;
    size_t count;
    double *value;
    double *cond;
    double *rival;
} reference_output;

enum { REFERENCE_MAX_OUTPUTS = 12 };

typedef struct case_reference {
    reference_output output[REFERENCE_MAX_OUTPUTS];
    size_t count;
    double shake; /* for clxi_ref_cell */
    bool failed;  /* memory was short */
} case_reference;

/* Computes every output of the case; none for an operator without a reference (the gradients). False where memory was
 * short. Free it in both cases. */
bool case_reference_make(const clxi_case *c, case_reference *out);
void case_reference_free(case_reference *reference);
const reference_output *case_reference_find(const case_reference *reference, const char *name); /* NULL: none */

/* A tensor's elements, rounded to a dtype; CLX_DTYPE_DEFAULT leaves them. NULL where the case has no such tensor, or
 * memory is short. To be freed. */
double *case_load(const clxi_case *c, const char *name, clx_dtype rounded_to);

/* A value rounded to f32, f16 or bf16; others leave it. */
double round_to(double value, clx_dtype dtype);

#endif
