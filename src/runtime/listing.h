/* SPDX-License-Identifier: Apache-2.0
 *
 * A context that lists programs instead of building them: operators are created as for any device, but each program that
 * they ask for becomes a line of text. So the programs for devices that are not there can be had, and none be forgotten.
 * Nothing of OpenCL is called; the operators of such a context can only be destroyed. */
#ifndef CLXI_RUNTIME_LISTING_H
#define CLXI_RUNTIME_LISTING_H

#include "base/text.h"
#include <stdbool.h>

typedef struct clxi_listing {
    clxi_text *lines;   /* "<file of cl/> <family> <compile options>", each once */
    const char *family; /* what the lines say */
    bool best_only;     /* of an operator's variants only the first; otherwise all */
    const char *only;   /* of an operator's variants only those of this family; NULL: of all */
} clxi_listing;

void clxi_listing_add(const clxi_listing *listing, const char *source, const char *options);

#endif
