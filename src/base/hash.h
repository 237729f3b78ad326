/* SPDX-License-Identifier: Apache-2.0
 *
 * 128-bit fingerprints (xxHash's XXH3), for file names and checksums; not for secrets. */
#ifndef CLXI_BASE_HASH_H
#define CLXI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct clxi_hash {
    uint64_t high;
    uint64_t low;
} clxi_hash;

clxi_hash clxi_hash_bytes(const void *data, size_t size_bytes);

#endif
