/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk cache of compiled programs and verdicts: one file an entry, named by the key's hash. The whole key is stored
 * and compared, the payload has a checksum, files are written beside and renamed; anything odd is a miss, never an
 * error. Safe with any number of processes. The folder and its files are the user's own (base/trusted.h): others cannot
 * slip in a program. Knows no OpenCL. */
#ifndef CLXI_RUNTIME_CACHE_H
#define CLXI_RUNTIME_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLXI_CACHE_FORMAT 1

/* One entry as bytes: magic, format, sizes, checksums, key, payload. Also what blobs are made of. malloc'ed. */
bool clxi_cache_encode(const void *key, size_t key_bytes, const void *payload, size_t payload_bytes, void **entry,
                       size_t *entry_bytes);

/* Points into `entry`; false where it is damaged. `*used_bytes` is its whole length (blobs hold several in a row). */
bool clxi_cache_decode(const void *entry, size_t entry_bytes, const void **key, size_t *key_bytes, const void **payload,
                       size_t *payload_bytes, size_t *used_bytes);

/* False where the folder is there and must not be used; `*reason` is what it is, such as "writable by others". */
bool clxi_cache_usable(const char *folder, const char **reason);

/* Reads the payload of `key` from `folder`, malloc'ed. */
bool clxi_cache_load(const char *folder, const void *key, size_t key_bytes, void **payload, size_t *payload_bytes);

/* Stores it, then removes the oldest files until the folder holds at most `limit_bytes`. */
bool clxi_cache_store(const char *folder, const void *key, size_t key_bytes, const void *payload, size_t payload_bytes,
                      uint64_t limit_bytes);

#endif
