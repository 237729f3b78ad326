/* SPDX-License-Identifier: Apache-2.0
 *
 * XXH3, compiled in here and nowhere else. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

clxi_hash clxi_hash_bytes(const void *data, size_t size_bytes)
{
    XXH128_hash_t hash = XXH3_128bits(data, size_bytes);
    return (clxi_hash){hash.high64, hash.low64};
}
