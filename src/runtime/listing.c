/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of programs; see the header. */
#include "runtime/listing.h"

#include <string.h>

void clxi_listing_add(const clxi_listing *listing, const char *source, const char *options)
{
    clxi_text line = CLXI_TEXT_INIT;
    clxi_text_printf(&line, "%s %s %s\n", source, listing->family, options + strspn(options, " "));
    if (line.failed) {
        listing->lines->failed = true;
    } else if (listing->lines->data == NULL || strstr(listing->lines->data, line.data) == NULL) {
        clxi_text_append(listing->lines, line.data, line.count);
    }
    clxi_text_free(&line);
}
