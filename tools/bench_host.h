/* SPDX-License-Identifier: Apache-2.0
 *
 * Where and when a report was made. */
#ifndef CLXLSTM_TOOLS_BENCH_HOST_H
#define CLXLSTM_TOOLS_BENCH_HOST_H

#include "bench_sheet.h"
#include <clxlstm/context.h>

/* Fills a run's record: date, machine, what can be read of its CPU. `command` is kept as it is. */
void tool_host_describe(tool_sheet_run *run);

/* The words of a command line, with blanks between. */
void tool_host_command(char *text, size_t room, int argc, char **argv);

void tool_host_device(const clx_device_info *info, size_t run, tool_sheet_device *device);

#endif
