/* SPDX-License-Identifier: Apache-2.0
 *
 * Philox4x32-10; see the header. */
#include "base/philox.h"

enum { ROUNDS = 10 };

/* One round: the halves of two products change places and are mixed with the other words and the key. */
static clxi_philox_block turn(clxi_philox_block x, const uint32_t key[2])
{
    const uint64_t a = (uint64_t)0xd2511f53u * x.word[0];
    const uint64_t b = (uint64_t)0xcd9e8d57u * x.word[2];
    return (clxi_philox_block){{
        (uint32_t)(b >> 32) ^ x.word[1] ^ key[0],
        (uint32_t)b,
        (uint32_t)(a >> 32) ^ x.word[3] ^ key[1],
        (uint32_t)a,
    }};
}

clxi_philox_block clxi_philox(clxi_philox_block counter, uint64_t key)
{
    uint32_t round_key[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    for (int round = 0; round < ROUNDS; round++) {
        counter = turn(counter, round_key);
        round_key[0] += 0x9e3779b9u; /* Weyl sequences: the golden ratio, and sqrt(3) - 1 */
        round_key[1] += 0xbb67ae85u;
    }
    return counter;
}
