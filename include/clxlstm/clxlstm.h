/* SPDX-License-Identifier: Apache-2.0
 *
 * clxlstm: xLSTM's operators on any OpenCL device. This header includes all others.
 *
 *   status.h    statuses and errors          dtype.h      element types
 *   tensor.h    views of buffers             context.h    device, cache, pool, launch
 *   mlstm.h     mLSTM, parallel form         recurrent.h  mLSTM, recurrent form
 *   rotary.h    rotary embeddings            norm.h       layernorm and rmsnorm
 *   attention.h attention, key/value cache   mask.h       kinds of masks
 *   cell.h      the mLSTM cell               cell_config.h  its configuration, initial parameters
 *   completion.h  callbacks, waiting         host_memory.h  buffers over the caller's memory
 *   dlpack.h    tensors of other libraries
 *
 * The life of a call: a context once per device; an operator once per configuration (everything slow or fallible
 * happens there); then any number of enqueues, which neither block nor compile. */
#ifndef CLXLSTM_CLXLSTM_H
#define CLXLSTM_CLXLSTM_H

#include <clxlstm/attention.h>
#include <clxlstm/cell.h>
#include <clxlstm/cell_config.h>
#include <clxlstm/completion.h>
#include <clxlstm/context.h>
#include <clxlstm/dlpack.h>
#include <clxlstm/dtype.h>
#include <clxlstm/host_memory.h>
#include <clxlstm/mask.h>
#include <clxlstm/mlstm.h>
#include <clxlstm/norm.h>
#include <clxlstm/recurrent.h>
#include <clxlstm/rotary.h>
#include <clxlstm/status.h>
#include <clxlstm/tensor.h>

#endif
