/* SPDX-License-Identifier: Apache-2.0
 *
 * What tuning has found, as lines of text:
 *
 *     <checksum> <device> <subject> = <value> ; <note>
 *
 * `device` is a hash of platform, device, driver and library version; `subject` says what was tuned, `value` what is
 * best for it, and `note`, for readers, why. Operators give the first two their meaning and check every number of a
 * value: a line is a proposal, nothing more. Lines that are damaged or of another device are passed over. */
#ifndef CLXI_RUNTIME_TUNING_H
#define CLXI_RUNTIME_TUNING_H

#include "base/text.h"
#include "runtime/context.h"
#include "runtime/tuning_text.h"

/* Of the store in the cache folder, and the most that any such text may have. */
#define CLXI_TUNING_FILE "tuning.txt"
#define CLXI_TUNING_LIMIT_BYTES ((size_t)1 << 20)

/* Reads the context's file: `tuning` of its options, else that of the cache folder. A file that cannot be read, or not
 * understood, costs a log line. */
void clxi_tuning_load(clx_context *context);

/* Keeps the lines of a text that are for this device; of two for one subject the later one. `*accepted` counts them. */
clx_status clxi_tuning_add(clx_context *context, const char *text, size_t size_bytes, size_t *accepted,
                           clx_error *error);

/* The value for a subject; false where there is none. */
bool clxi_tuning_find(clx_context *context, const char *subject, char value[CLXI_TUNING_VALUE_SIZE]);

/* Appends a line for this device. What does not fit a line, or a note, is cut. */
void clxi_tuning_line(const clx_context *context, const char *subject, const char *value, const char *note,
                      clxi_text *out);

/* The whole lines of `text` and then of `more`, of any device; of two for one device and subject the later one. */
void clxi_tuning_merge(const char *text, size_t size_bytes, const char *more, size_t more_bytes, clxi_text *out);

/* The hash by which lines name the context's device; false where memory is short. */
bool clxi_tuning_device(const clx_context *context, char device[CLXI_TUNING_DEVICE_LENGTH + 1]);

/* A file of lines in the cache folder, where it is there and can be trusted; malloc'ed. */
bool clxi_tuning_read(const clx_context *context, const char *file, char **text, size_t *size_bytes);

/* Merges lines into such a file, which is replaced in one step. */
clx_status clxi_tuning_store(const clx_context *context, const char *file, const char *lines, size_t size_bytes,
                             clx_error *error);

void clxi_tunings_free(clx_context *context);

#endif
