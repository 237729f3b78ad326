/* SPDX-License-Identifier: Apache-2.0
 *
 * Repeating calls; see the header. */
#include "case_repeat.h"
#include "base/fail.h"

#include <string.h>

/* The bits of an element, as a number. */
static unsigned long long bits_of(const tool_call_tensor *tensor, size_t element)
{
    unsigned long long bits = 0;
    const size_t bytes = clx_dtype_size_bytes(tensor->view.dtype);
    memcpy(&bits, (const char *)tensor->data + element * bytes, bytes);
    return bits;
}

static clx_status compare(const tool_call_tensor *first, const tool_call_tensor *again, uint64_t run, clx_error *error)
{
    const size_t bytes = clx_dtype_size_bytes(first->view.dtype);
    if (!again || again->size_bytes != first->size_bytes)
        return clxi_fail(error, CLX_ERR_INTERNAL, "%s: of another size in run %llu", first->name,
                         (unsigned long long)run);
    for (size_t element = 0; element < first->size_bytes / bytes; ++element) {
        const unsigned long long before = bits_of(first, element), now = bits_of(again, element);
        if (before == now) continue;
        return clxi_fail(error, CLX_ERR_INTERNAL, "%s[%zu]: bits 0x%llx in run %llu, 0x%llx in the first", first->name,
                         element, now, (unsigned long long)run, before);
    }
    return CLX_OK;
}

static clx_status run_again(const tool_call *first, uint64_t run, clx_error *error)
{
    tool_call call = {0};
    clx_status status = tool_case_run(&call, first->session, first->input, first->layout, error);
    for (size_t index = 0; status == CLX_OK && index < first->count; ++index) {
        const tool_call_tensor *tensor = &first->tensors[index];
        if (!tensor->output || tensor->size_bytes == 0) continue;
        status = compare(tensor, tool_call_find(&call, tensor->name), run, error);
    }
    tool_call_free(&call);
    return status;
}

clx_status tool_case_repeat(const tool_call *first, uint64_t count, clx_error *error)
{
    clx_status status = CLX_OK;
    for (uint64_t run = 2; status == CLX_OK && run < count + 2; ++run)
        status = run_again(first, run, error);
    return status;
}
