/* SPDX-License-Identifier: Apache-2.0
 *
 * A benchmark's report: flat tables that refer to each other by number, in memory and as JSON. The format is described in
 * docs/bench-schema.md; its fields are those of the tables in bench_fields.c, which both directions follow. Numbers that
 * do not apply or are not known are NaN here and null there. */
#ifndef CLXLSTM_TOOLS_BENCH_SHEET_H
#define CLXLSTM_TOOLS_BENCH_SHEET_H

#include "base/fail.h"
#include <stdbool.h>
#include <stddef.h>

#define TOOL_SHEET_SCHEMA "clxlstm-bench"
enum { TOOL_SHEET_VERSION = 1 };

/* One start of a program that measures. */
typedef struct tool_sheet_run {
    char generator[64];
    char version[32];
    char date[32]; /* UTC, 2026-11-28T12:00:00Z */
    char command[512];
    char system[128];
    char cpu[128];
    char governor[32]; /* of the CPU's frequency; empty where it cannot be read */
    double processors; /* that the program may use */
    double cpu_mhz;    /* the CPU's frequency at the start */
} tool_sheet_run;

typedef struct tool_sheet_device {
    double run;
    char name[128];
    char platform[128];
    char driver[128];
    char version[128]; /* OpenCL's */
    char type[16];
    double compute_units;
    double clock_mhz; /* as the driver says */
    double global_bytes;
    double local_bytes;
} tool_sheet_device;

/* What the device can do at most, by measurement. */
typedef struct tool_sheet_ceiling {
    double device;
    char name[32];
    char unit[16];  /* "FLOP/s" or "B/s" */
    double value;   /* NaN where it could not be measured */
    char note[256]; /* how it was measured, or why not */
} tool_sheet_ceiling;

/* One operator on one problem, by clxlstm or by something else ("engine"). */
typedef struct tool_sheet_result {
    double device;
    char engine[48];
    char op[32];
    char shape[96]; /* "BxNHxSxDHQKxDHV" */
    char dtype[16];
    char gates[16];
    char variant[128];
    char status[16];   /* "passed", "wrong", "failed" or "skipped" */
    char message[256]; /* why it failed or was skipped */
    double runs;
    double warmup;
    double buffer_sets;
    double median_ms, min_ms, p10_ms, p90_ms, max_ms;
    double events_ms, wall_ms; /* all calls together by either clock */
    char clock[16];            /* "agrees", "differs", "short"; empty where there is one clock only */
    double host_us, host_max_us, row_us;
    double flops;  /* useful operations of a call */
    double bytes;  /* that a call must move */
    char work[64]; /* what the speed counts, and how */
    char unit[16]; /* of the speed */
    double speed;
    char ceiling[32]; /* the name of the one that binds */
    double ceiling_percent;
    double extra_bytes, tensor_bytes;
    double judged_rows, worst_ratio, rms_ratio, rms_limit;
} tool_sheet_result;

/* From nothing to the first result, in a process of its own. */
typedef struct tool_sheet_start {
    double device;
    char op[32];
    char shape[96];
    char dtype[16];
    char caches[16]; /* "cold", "library" (the library's alone is filled) or "warm" */
    char status[16]; /* "passed" or "failed" */
    char message[256];
    double context_ms, operator_ms, call_ms, total_ms;
    double compiled, loaded;
} tool_sheet_start;

/* The tables, in the order in which each refers to those before it. */
typedef enum tool_sheet_table {
    TOOL_RUNS,
    TOOL_DEVICES,
    TOOL_CEILINGS,
    TOOL_RESULTS,
    TOOL_STARTS,
    TOOL_SHEET_TABLES
} tool_sheet_table;

typedef struct tool_sheet {
    void *records[TOOL_SHEET_TABLES];
    size_t count[TOOL_SHEET_TABLES];
    bool failed; /* memory was short */
} tool_sheet;

/* Record `index` of each table, until one is added. */
tool_sheet_run *tool_sheet_run_at(const tool_sheet *sheet, size_t index);
tool_sheet_device *tool_sheet_device_at(const tool_sheet *sheet, size_t index);
tool_sheet_ceiling *tool_sheet_ceiling_at(const tool_sheet *sheet, size_t index);
tool_sheet_result *tool_sheet_result_at(const tool_sheet *sheet, size_t index);
tool_sheet_start *tool_sheet_start_at(const tool_sheet *sheet, size_t index);

/* Appends a record whose numbers are NaN and whose texts are empty: one of the types above. NULL, and `failed`, where
 * memory is short. */
void *tool_sheet_add(tool_sheet *sheet, tool_sheet_table table);

void tool_sheet_free(tool_sheet *sheet);

/* The whole report as JSON text, malloc'ed; NULL where memory is short. */
char *tool_sheet_write(const tool_sheet *sheet);

/* Appends what a JSON file holds to a zeroed or filled report. `name` is for messages, each of one line. */
clx_status tool_sheet_read(tool_sheet *sheet, const char *path, clx_error *error);

/* Makes one record of those that describe the same device on the same host, as reports of several runs have them; of its
 * ceilings the highest of each name stays. (bench_merge.c) */
void tool_sheet_join_devices(tool_sheet *sheet);

/* B, NH, S, DHQK, DHV of a shape's text; false where it is none. */
bool tool_sheet_sizes(const char *shape, double sizes[5]);

/* Did it compute, and rightly? */
bool tool_sheet_passed(const tool_sheet_result *result);

#endif
