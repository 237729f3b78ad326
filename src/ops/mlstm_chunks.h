/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunkwise way through the mLSTM's parallel form (cl/mlstm_chunks.clh): when it pays, what it needs, its launches. */
#ifndef CLXI_OPS_MLSTM_CHUNKS_H
#define CLXI_OPS_MLSTM_CHUNKS_H

#include "ops/mlstm_op.h"

/* Builds the kernels, where the plan has chunks. */
clx_status clxi_mlstm_chunks_build(clx_mlstm *op, clx_error *error);

/* Tokens of a chunk for this call; 0 where every row reads every token before it. */
uint32_t clxi_mlstm_chunk(const clx_mlstm *op, const clxi_mlstm_sizes *sizes);

/* Adds what the states need to `floats` of workspace. */
clx_status clxi_mlstm_chunks_floats(const clx_mlstm *op, const clxi_mlstm_sizes *sizes, uint32_t chunk,
                                    uint64_t *floats, clx_error *error);

/* The states before the chunks, from what the gates' kernel left. */
void clxi_mlstm_chunks_run(clxi_call *call, const clx_mlstm *op, const clx_mlstm_args *args,
                           const clxi_mlstm_sizes *sizes, uint32_t chunk);

#endif
