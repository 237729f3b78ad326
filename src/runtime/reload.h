/* SPDX-License-Identifier: Apache-2.0
 *
 * Instructions that a driver's OpenCL compiler refuses but its assembler takes. NVIDIA's compiler targets sm_90, while
 * Hopper's matrix instructions are of sm_90a. Its binaries are PTX, a text; so a kernel writes such an instruction
 * behind a mark that makes it a comment (cl/tile/nv_ptx.clh), whose operands the compiler fills in all the same. Here
 * the marks are taken out of the PTX, which is then loaded as a binary. The only place that edits any program. */
#ifndef CLXI_RUNTIME_RELOAD_H
#define CLXI_RUNTIME_RELOAD_H

#include "base/text.h"

/* Does a kernel's source hold marks? */
bool clxi_reload_wanted(const char *source);

/* Writes the PTX without its marks to `out`: the target becomes sm_90a, and the local array named *clx_enlarged gets the
 * bytes that the line `//@.enlarge BYTES` asks for. False, with a reason, where the text is not such a PTX. */
bool clxi_reload_edit(const char *ptx, size_t size, clxi_text *out, const char **reason);

#endif
