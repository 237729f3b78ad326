/* SPDX-License-Identifier: Apache-2.0
 *
 * From a source file of cl/ and rendered options to kernels: memory, then disk, then compilation. */
#ifndef CLXI_RUNTIME_PROGRAM_H
#define CLXI_RUNTIME_PROGRAM_H

#include "base/hash.h"
#include "base/text.h"
#include "runtime/context.h"

/* The text of cl/<name> with its #include "..." lines resolved (each file once) and #line directives. From
 * context->kernel_dir where set, else built in. */
clx_status clxi_source_assemble(const clx_context *context, const char *name, clxi_text *out, clx_error *error);

/* Builds (or finds) the program of cl/<source> with `options`; "-cl-std=CL1.2" and what every kernel gets are added
 * here. *out is retained for the caller. The build log, whole, is in error->detail where it fails. */
clx_status clxi_program_get(clx_context *context, const char *source, const char *options, cl_program *out,
                            clx_error *error);

/* clxi_program_get and one kernel of it, for the caller to release. */
clx_status clxi_kernel_get(clx_context *context, const char *source, const char *options, const char *name,
                           cl_kernel *out, clx_error *error);

/* The same for a kernel that only serves a trial: a compiled program is not written to the disk, since asking PoCL for
 * a binary takes as long as compiling. On PoCL it is not optimised either: it runs once on little, and takes a third of the
 * time to compile there; rusticl would take longer. */
clx_status clxi_kernel_get_once(clx_context *context, const char *source, const char *options, const char *name,
                                cl_kernel *out, clx_error *error);

/* NULL is legal. */
void clxi_kernel_release(cl_kernel kernel);

/* CL_KERNEL_WORK_GROUP_SIZE on the context's device: may a group of `items` run? */
bool clxi_kernel_fits(const clx_context *context, cl_kernel kernel, size_t items);

/* Fingerprint of everything that decides a binary: sources, options, platform, device, driver, versions. */
clx_status clxi_program_fingerprint(const clx_context *context, const char *source, const char *options, clxi_hash *out,
                                    clx_error *error);

void clxi_programs_free(clx_context *context);

#endif
