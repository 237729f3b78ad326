/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles as text, and the check of what such a text asks for. */
#include "ops/tile_space.h"

#include "ops/tile_family.h"
#include <stdio.h>
#include <string.h>

static const clxi_tile_space *const spaces[CLXI_FAMILY_COUNT] = {
    [CLXI_FAMILY_SIMT] = &clxi_tile_simt_space,
    [CLXI_FAMILY_CPU] = &clxi_tile_cpu_space,
    [CLXI_FAMILY_NV_WGMMA] = &clxi_tile_nv_wgmma_space,
    [CLXI_FAMILY_NV_MMA] = &clxi_tile_nv_mma_space,
};

/* What names a tile of a family without axes, which then is one of its candidates. */
static const clxi_tile_axis plain_axes[] = {
    {"items", offsetof(clxi_tile_params, items), 0, {0}},     {"rows", offsetof(clxi_tile_params, rows), 0, {0}},
    {"columns", offsetof(clxi_tile_params, columns), 0, {0}}, {"slice", offsetof(clxi_tile_params, slice), 0, {0}},
    {"stages", offsetof(clxi_tile_params, stages), 0, {0}},
};

size_t clxi_tile_axes(clxi_family family, const clxi_tile_axis **axes)
{
    *axes = spaces[family] != NULL ? spaces[family]->axes : NULL;
    return spaces[family] != NULL ? spaces[family]->axis_count : 0;
}

static size_t named_axes(clxi_family family, const clxi_tile_axis **axes)
{
    const size_t count = clxi_tile_axes(family, axes);
    if (count > 0) return count;
    *axes = plain_axes;
    return sizeof plain_axes / sizeof *plain_axes;
}

static uint32_t *number(clxi_tile_params *tile, const clxi_tile_axis *axis)
{
    return (uint32_t *)(void *)((char *)tile + axis->offset);
}

void clxi_tile_write(const clxi_tile_params *tile, clxi_text *out)
{
    const clxi_tile_axis *axes;
    const size_t count = named_axes(tile->family, &axes);
    clxi_tile_params copy = *tile;
    clxi_text_printf(out, "%s", clxi_family_name(tile->family));
    for (size_t i = 0; i < count; i++)
        clxi_text_printf(out, " %s=%u", axes[i].name, (unsigned)*number(&copy, &axes[i]));
}

static bool same_tile(const clxi_tile_params *a, const clxi_tile_params *b)
{
    const clxi_tile_axis *axes;
    const size_t count = named_axes(a->family, &axes);
    clxi_tile_params x = *a, y = *b;
    for (size_t i = 0; i < count; i++)
        if (*number(&x, &axes[i]) != *number(&y, &axes[i])) return false;
    return x.family == y.family;
}

static const char *settle_plain(const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                                clxi_tile_params *tile)
{
    clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX];
    const size_t count = clxi_tile_candidates(limits, problem, tiles, CLXI_TILE_CANDIDATES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!same_tile(&tiles[i], tile)) continue;
        *tile = tiles[i];
        return NULL;
    }
    return "the family has no such tile here";
}

static bool on_axis(const clxi_tile_axis *axis, uint32_t value)
{
    bool found = false;
    for (size_t i = 0; i < axis->count; i++)
        found = found || axis->values[i] == value;
    return found;
}

const char *clxi_tile_settle(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    const clxi_tile_space *space = spaces[tile->family];
    if (clxi_family_is_twin(tile->family) && (limits->named >> tile->family & 1) == 0)
        return "the family is for tests, and not asked for";
    if (space == NULL) return settle_plain(limits, problem, tile);
    for (size_t i = 0; i < space->axis_count; i++)
        if (!on_axis(&space->axes[i], *number(tile, &space->axes[i]))) return "a number that the family does not know";
    const char *reason = space->settle(limits, problem, tile);
    if (reason == NULL) clxi_tile_complete(tile);
    return reason;
}

/* The number behind " <name>=", up to a blank or the end; false where it is none. Moves `*text` behind it. */
static bool read_number(const char **text, const char *name, uint32_t *value)
{
    const size_t length = strlen(name);
    const char *at = *text;
    if (at[0] != ' ' || strncmp(at + 1, name, length) != 0 || at[1 + length] != '=') return false;
    at += length + 2;
    const size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > 6 || (at[digits] != ' ' && at[digits] != '\0')) return false;
    *value = 0;
    for (size_t i = 0; i < digits; i++)
        *value = *value * 10 + (uint32_t)(at[i] - '0');
    *text = at + digits;
    return true;
}

const char *clxi_tile_read(const char *text, const clxi_tile_limits *limits, const clxi_tile_problem *problem,
                           clxi_tile_params *tile)
{
    const clxi_tile_axis *axes;
    const size_t length = strcspn(text, " ");
    int family = 0;
    while (family < CLXI_FAMILY_COUNT && (strlen(clxi_family_name((clxi_family)family)) != length ||
                                          memcmp(clxi_family_name((clxi_family)family), text, length) != 0))
        family++;
    if (family == CLXI_FAMILY_COUNT) return "a family that does not exist";
    *tile = (clxi_tile_params){.family = (clxi_family)family};
    text += length;
    const size_t count = named_axes(tile->family, &axes);
    for (size_t i = 0; i < count; i++)
        if (!read_number(&text, axes[i].name, number(tile, &axes[i]))) return "not the numbers of its family";
    return *text == '\0' ? clxi_tile_settle(limits, problem, tile) : "more than the numbers of its family";
}

void clxi_tile_subject(const char *op, clx_dtype input_dtype, const clxi_tile_problem *problem,
                       char subject[CLXI_TUNING_SUBJECT_SIZE])
{
    snprintf(subject, CLXI_TUNING_SUBJECT_SIZE, "%s %s %s %llux%llu %s", op, clx_dtype_name(input_dtype),
             clx_dtype_name(problem->qkv_dtype), (unsigned long long)problem->DHQK, (unsigned long long)problem->DHV,
             problem->explicit_mask ? "mask" : "plain");
}

bool clxi_tile_tuned(clx_context *context, const char *op, clx_dtype input_dtype, const clxi_tile_limits *limits,
                     const clxi_tile_problem *problem, clxi_tile_params *tile)
{
    char subject[CLXI_TUNING_SUBJECT_SIZE], value[CLXI_TUNING_VALUE_SIZE];
    if (context->listing != NULL) return false;
    clxi_tile_subject(op, input_dtype, problem, subject);
    if (!clxi_tuning_find(context, subject, value)) return false;
    const char *reason = clxi_tile_read(value, limits, problem, tile);
    if (reason == NULL) return true;
    clxi_log_line(&context->log, CLXI_LOG_WARNING, "%s: a tuning result was passed over: '%s': %s", op, value, reason);
    return false;
}
