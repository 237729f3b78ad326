/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast a device copies memory: what `clxlstm bench` holds the operators against.
 *
 *     one group:   run 0: item 0 | item 1 | .. | item WG-1     run 1: item 0 | ..     .. run CLX_RUNS-1
 *
 * so that neighbours read neighbours on a GPU, and a CPU's only item goes straight on.
 * Traffic: every byte once in and once out.
 *
 *   CLX_WG      items of a group
 *   CLX_RUNS    vectors of 16 (GPU: 4) floats that an item copies
 *   CLX_WIDTH   4 or 16
 *   CLX_UNROLL  see unroll.clh */
#include "group.clh"
#include "unroll.clh"

#ifndef CLX_WG
#define CLX_WG 64
#endif
#ifndef CLX_RUNS
#define CLX_RUNS 4
#endif
#ifndef CLX_WIDTH
#define CLX_WIDTH 4
#endif

#if CLX_WIDTH == 16
typedef uint16 piece;
#else
typedef uint4 piece;
#endif

/* `pieces`: those of the whole buffer, any number. */
__kernel CLX_GROUP void ceiling_copy(const __global piece *from, __global piece *to, ulong pieces)
{
    const ulong first = get_global_id(0) / CLX_WG * (CLX_WG * CLX_RUNS) + get_local_id(0);
    UNROLL_BY_4 for (uint run = 0; run < CLX_RUNS; run++) {
        const ulong at = first + run * CLX_WG;
        if (at < pieces) to[at] = from[at];
    }
}
