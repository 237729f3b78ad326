/* SPDX-License-Identifier: Apache-2.0
 *
 * `clxlstm run`: computes one case and writes its outputs. */
#include "case_run.h"
#include "progress.h"
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifndef _WIN32
#include <sys/stat.h>
#endif

typedef struct request {
    const char *input, *output, *device, *variants, *layout_text;
    tool_layout layout;
    bool out_of_order;
} request;

/* Do both names mean one file? Links and "./" make different names of it. */
static bool same_file(const char *a, const char *b)
{
#ifdef _WIN32
    return _stricmp(a, b) == 0;
#else
    struct stat first, second;
    if (stat(a, &first) != 0 || stat(b, &second) != 0) return false;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
#endif
}

/* Renaming onto a device or a pipe would replace it by a file. */
static bool may_replace(const char *path)
{
#ifdef _WIN32
    (void)path;
    return true;
#else
    struct stat found;
    return stat(path, &found) != 0 || S_ISREG(found.st_mode);
#endif
}

static clx_status write_outputs(const request *wanted, const tool_call *call, clx_error *error)
{
    char time_ms[32];
    clxi_st_tensor tensors[TOOL_TENSORS_MAX];
    size_t count = 0;
    const clx_device_info *info = &call->session->info;
    for (size_t index = 0; index < call->count; ++index) {
        const tool_call_tensor *tensor = &call->tensors[index];
        if (!tensor->output) continue;
        clxi_st_tensor *out = &tensors[count++];
        out->name = tensor->name;
        out->dtype = clxi_st_from_dtype(tensor->view.dtype);
        out->rank = tensor->view.rank;
        memcpy(out->size, tensor->view.size, sizeof tensor->view.size);
        out->data = tensor->data;
    }
    snprintf(time_ms, sizeof time_ms, "%.6f", call->wall_ms);
    const clxi_st_pair pairs[] = {
        {"op", call->input->row->name}, {"clxlstm", clx_version()}, {"platform", info->platform},
        {"device", info->name},         {"driver", info->driver},   {"variant", call->variant},
        {"time_ms", time_ms},
    };
    return clxi_safetensors_write(wanted->output, pairs, sizeof pairs / sizeof *pairs, tensors, count, error);
}

/* What a start has cost: with a warm cache nothing is compiled. */
static void print_counts(const tool_call *call)
{
    clx_build_counts counts = clx_context_build_counts(call->session->context);
    fprintf(stderr,
            "clxlstm: %s on %s, variant %s, %.3f ms; programs: %" PRIu64 " compiled, %" PRIu64 " loaded, %" PRIu64
            " shared\n",
            call->input->row->name, call->session->info.name, call->variant, call->wall_ms, counts.compiled,
            counts.loaded, counts.shared);
}

static int run_case(const request *wanted)
{
    clx_status status;
    clx_error error = CLX_ERROR_INIT;
    clxi_case *input = NULL;
    tool_session session = {0};
    tool_call call = {0};
    const char *what = NULL; /* what the message is about, where it does not say so itself */
    tool_session_options options = {
        .selector = wanted->device, .variants = wanted->variants, .out_of_order = wanted->out_of_order};

    tool_progress_begin(3);
    CLXI_TRY(clxi_case_read(wanted->input, &input, &error));
    tool_progress_step(0, "starting the device");
    CLXI_TRY(tool_session_open(&session, &options, &error));
    tool_progress_step(1, input->row->name);
    what = wanted->input;
    CLXI_TRY(tool_case_run(&call, &session, input, wanted->layout, &error));
    tool_progress_step(2, "writing");
    what = NULL;
    CLXI_TRY(write_outputs(wanted, &call, &error));
    tool_progress_hide();
    if (tool_verbose) print_counts(&call);
fail:
    tool_call_free(&call);
    tool_session_close(&session);
    clxi_case_destroy(input);
    return status == CLX_OK ? TOOL_OK : tool_fail_error(what, &error);
}

static const char help[] =
    "Computes the case IN and writes its outputs under their names to OUT, which appears complete or not at all.\n"
    "The metadata of OUT says device, driver, kernel variant, time and library version.\n";

int tool_command_run(int argc, char **argv)
{
    request wanted = {.layout_text = "bhsd"};
    const tool_option options[] = {
        {"output", 'o', TOOL_TEXT, &wanted.output, "OUT", "the file to write"},
        {"device", 0, TOOL_TEXT, &wanted.device, "D",
         "gpu, cpu, P:D, or a part of a name (clxlstm devices lists them)"},
        {"variants", 0, TOOL_TEXT, &wanted.variants, "LIST", "kernel families, such as simt or !cpu"},
        {"layout", 0, TOOL_TEXT, &wanted.layout_text, "L", "order in device memory: bhsd (default) or bshd"},
        {"out-of-order", 0, TOOL_FLAG, &wanted.out_of_order, NULL, "uses an out-of-order queue"},
        {"verbose", 0, TOOL_FLAG, &tool_verbose, NULL, "log lines, build logs and build counts to standard error"},
    };
    const tool_syntax syntax = {
        "run", "IN.safetensors -o OUT.safetensors [OPTIONS]", help, options, sizeof options / sizeof *options, 1, 1};
    size_t operands;
    tool_parsed parsed = tool_parse(&syntax, argc, argv, &operands);
    if (parsed != TOOL_PARSED) return parsed == TOOL_PARSED_HELP ? TOOL_OK : TOOL_USAGE;
    wanted.input = argv[0];
    if (!wanted.output) return tool_usage("run", "-o OUT is missing");
    if (!tool_layout_parse(wanted.layout_text, &wanted.layout)) {
        return tool_usage("run", "--layout: '%s' is not bhsd or bshd", wanted.layout_text);
    }
    if (same_file(wanted.input, wanted.output)) {
        return tool_usage("run", "%s is the input and would be overwritten", wanted.output);
    }
    if (!may_replace(wanted.output)) return tool_fail("%s: exists and is not a regular file", wanted.output);
    return run_case(&wanted);
}
