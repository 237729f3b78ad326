/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of tuning texts as such: taking them apart, putting them together. Knows no OpenCL. */
#ifndef CLXI_RUNTIME_TUNING_TEXT_H
#define CLXI_RUNTIME_TUNING_TEXT_H

#include "base/text.h"
#include <stddef.h>

enum { CLXI_TUNING_SUBJECT_SIZE = 192, CLXI_TUNING_VALUE_SIZE = 192, CLXI_TUNING_NOTE_SIZE = 256 };
enum { CLXI_TUNING_DEVICE_LENGTH = 32 }; /* hexadecimal digits of a hash */

/* A line that is whole; points into the text. */
typedef struct clxi_tuning_view {
    const char *line;
    size_t length; /* of the line, without its end */
    const char *device;
    const char *subject;
    size_t subject_length;
    const char *value;
    size_t value_length;
} clxi_tuning_view;

/* Goes to the next whole line from `*at` on; false where there is none. Others are passed over and counted. */
bool clxi_tuning_next(const char *text, size_t size_bytes, size_t *at, clxi_tuning_view *view, size_t *damaged);

/* Appends a line. Texts are cut to the sizes above, and what does not belong into them becomes "_". */
void clxi_tuning_append(const char *device, const char *subject, const char *value, const char *note, clxi_text *out);

#endif
