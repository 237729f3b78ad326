/* SPDX-License-Identifier: Apache-2.0
 *
 * Every program that the library can build: the operators' plans for typical devices and problems, each program once. */
#include "ops/kernel_table.h"
#include "ops/gates.h"
#include "ops/mlstm_plan.h"

#include <string.h>

static const clxi_family families[] = {CLXI_FAMILY_SIMT, CLXI_FAMILY_CPU};

const char *clxi_kernel_table_family(size_t index)
{
    return index < sizeof families / sizeof *families ? clxi_family_name(families[index]) : NULL;
}

/* Devices that between them allow every tile shape. */
static const clxi_tile_limits devices[] = {
    {false, 1024, 64 * 1024, 1}, /* a GPU */
    {true, 4096, 512 * 1024, 8}, /* a CPU with AVX2 */
    {true, 4096, 512 * 1024, 16} /* a CPU with AVX-512 */
};

/* Adds a line that is not there yet. Programs for CPUs are of the family "cpu" here, whatever their tiles: what other
 * compilers should look at are programs for GPUs. */
static void add_line(clxi_text *out, const char *source, bool is_cpu, const clxi_text *options)
{
    clxi_text line = CLXI_TEXT_INIT;
    clxi_text_printf(&line, "%s %s%s\n", source, is_cpu ? "cpu" : "simt", options->data ? options->data : "");
    if (line.failed || options->failed) {
        out->failed = true;
    } else if (!out->data || !strstr(out->data, line.data)) {
        clxi_text_append(out, line.data, line.count);
    }
    clxi_text_free(&line);
}

typedef void (*options_fn)(const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem, clxi_text *out);

static void add_mlstm_program(clxi_text *out, const char *source, bool is_cpu, options_fn write,
                              const clxi_mlstm_plan *plan, const clxi_mlstm_problem *problem)
{
    clxi_text options = CLXI_TEXT_INIT;
    write(plan, problem, &options);
    add_line(out, source, is_cpu, &options);
    clxi_text_free(&options);
}

static void add_mlstm(clxi_text *out, const clxi_tile_limits *device, const clxi_mlstm_problem *problem,
                      size_t plans_wanted)
{
    clxi_mlstm_plan plans[16];
    size_t count = clxi_mlstm_plan_candidates(device, problem, plans, sizeof plans / sizeof *plans);
    for (size_t i = 0; i < count && i < plans_wanted; i++) {
        const bool is_cpu = device->is_cpu;
        add_mlstm_program(out, plans[i].forward_source, is_cpu, clxi_mlstm_forward_options, &plans[i], problem);
        add_mlstm_program(out, "mlstm_gates.cl", is_cpu, clxi_mlstm_gate_options, &plans[i], problem);
        if (problem->explicit_mask) {
            add_mlstm_program(out, "mlstm_mask.cl", is_cpu, clxi_mlstm_gate_options, &plans[i], problem);
        }
        if (problem->return_state) {
            add_mlstm_program(out, "mlstm_state.cl", is_cpu, clxi_mlstm_state_options, &plans[i], problem);
        }
    }
}

/* Problems that between them take every path through the kernels; the first three in every tile shape. */
static const clxi_mlstm_problem mlstm_problems[] = {
    {128, 256, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32, false, true, false, CLX_F32},
    {128, 256, CLX_F16, CLX_F16, CLX_F32, CLX_F32, CLX_F16, false, true, false, CLX_F32},
    {128, 256, CLX_BF16, CLX_BF16, CLX_F32, CLX_F32, CLX_BF16, false, true, false, CLX_F32},
    {256, 512, CLX_BF16, CLX_BF16, CLX_BF16, CLX_BF16, CLX_F32, false, true, true, CLX_F32},
    {64, 64, CLX_F16, CLX_F16, CLX_F16, CLX_F16, CLX_F16, true, true, true, CLX_F16},
    {64, 64, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32, true, false, true, CLX_BF16},
    {64, 64, CLX_F32, CLX_BF16, CLX_F32, CLX_BF16, CLX_BF16, false, false, false, CLX_F32},
    {64, 64, CLX_F32, CLX_F16, CLX_F32, CLX_F16, CLX_F16, false, true, false, CLX_F32},
    {13, 29, CLX_F32, CLX_F32, CLX_F32, CLX_F32, CLX_F32, false, true, false, CLX_F32}, /* divides no vector */
};
enum { PROBLEMS_IN_ALL_SHAPES = 3 };

/* Every number of heads of a group, every dtype, one and several sources; headwise where it is plain. */
static const clxi_gates_problem gates_problems[] = {
    {8, 3, false, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f}, {8, 3, false, CLX_BF16, CLX_F32, CLX_F32, 0.0f, 0.0f},
    {8, 1, false, CLX_F16, CLX_F16, CLX_F16, 0.0f, 0.0f}, {4, 3, false, CLX_BF16, CLX_BF16, CLX_BF16, 0.0f, 0.0f},
    {2, 8, false, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f}, {1, 3, false, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f},
    {8, 3, true, CLX_F32, CLX_F32, CLX_F32, 0.0f, 0.0f},  {8, 2, true, CLX_BF16, CLX_F32, CLX_F32, 0.0f, 0.0f},
};

static void add_gates(clxi_text *out, const clxi_tile_limits *device, const clxi_gates_problem *problem)
{
    for (int few = 0; few < 2; few++) {
        clxi_text options = CLXI_TEXT_INIT;
        const clxi_gates_shape shape = clxi_gates_plan(problem, device->is_cpu, device->max_work_group, few);
        clxi_gates_options(problem, &shape, &options);
        add_line(out, "gates_projection.cl", device->is_cpu, &options);
        clxi_text_free(&options);
    }
    clxi_text options = CLXI_TEXT_INIT;
    clxi_gates_statistics_options(problem, device->is_cpu ? 1 : 64, &options);
    add_line(out, "gates_statistics.cl", device->is_cpu, &options);
    clxi_text_free(&options);
}

void clxi_kernel_table_write(clxi_text *out)
{
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
        for (size_t i = 0; i < sizeof mlstm_problems / sizeof *mlstm_problems; i++) {
            add_mlstm(out, &devices[d], &mlstm_problems[i], i < PROBLEMS_IN_ALL_SHAPES ? 16 : 1);
        }
        for (size_t i = 0; i < sizeof gates_problems / sizeof *gates_problems; i++) {
            add_gates(out, &devices[d], &gates_problems[i]);
        }
    }
}
