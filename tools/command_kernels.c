/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm kernels`, for developers and CI: the programs that the library can build, and their whole texts, so that
 * other compilers can be tried on them.
 *
 *     kernels --list         a line for each: source file, family, compile options
 *     kernels --source FILE  the text of cl/FILE with everything that it includes */
#include "base/trusted.h"
#include "ops/kernel_table.h"
#include "runtime/program.h"
#include "tool.h"

#include <stdio.h>

static int print_text(clxi_text *text, clx_status status, clx_error *error)
{
    if (status == CLX_OK && text->failed) status = clxi_fail_memory(error, "the text");
    if (status == CLX_OK && text->data) fwrite(text->data, 1, text->count, stdout);
    clxi_text_free(text);
    return status == CLX_OK ? TOOL_OK : tool_fail_error(NULL, error);
}

static int print_list(void)
{
    clx_error error = CLX_ERROR_INIT;
    clxi_text text = CLXI_TEXT_INIT;
    clx_status status = clxi_kernel_table_write(&text, &error);
    return print_text(&text, status, &error);
}

/* Texts need no device: a context that only says where the kernel files are is enough. */
static int print_source(const char *name)
{
    clx_error error = CLX_ERROR_INIT;
    clxi_text text = CLXI_TEXT_INIT;
    clx_context context = {.kernel_dir = clxi_environment("CLX_KERNEL_DIR")};
    clx_status status = clxi_source_assemble(&context, name, &text, &error);
    return print_text(&text, status, &error);
}

static const char help[] = "For developers: lists the programs that the library can build, one a line (source file,\n"
                           "family, compile options), or prints the text of one source with all that it includes.\n";

int tool_command_kernels(int argc, char **argv)
{
    bool list = false;
    const char *source = NULL;
    const tool_option options[] = {
        {"list", 0, TOOL_FLAG, &list, NULL, "lists the programs"},
        {"source", 0, TOOL_TEXT, &source, "FILE", "prints the text of cl/FILE"},
    };
    const tool_syntax syntax = {"kernels", "--list | --source FILE", help, options, sizeof options / sizeof *options, 0,
                                0};
    size_t operands;
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
    if (list == (source != NULL)) return tool_usage("kernels", "expected one of --list and --source");
    return list ? print_list() : print_source(source);
}
