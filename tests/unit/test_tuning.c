/* SPDX-License-Identifier: Apache-2.0
 *
 * Tuning results without a device: lines of text, hostile ones above all, and what of them may become a tile. */
#include "ops/tile_space.h"
#include "runtime/tuning.h"
#include "runtime/tuning_text.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clx_context context; /* never sees OpenCL */

static void open_context(void)
{
    memset(&context, 0, sizeof context);
    snprintf(context.caps.name, sizeof context.caps.name, "a device");
    ck_assert_int_eq(clxi_mutex_init(&context.mutex), 0);
}

static void close_context(void)
{
    clxi_tunings_free(&context);
    clxi_mutex_destroy(&context.mutex);
}

static size_t add(const char *text, size_t size_bytes)
{
    size_t accepted = 99;
    expect_ok(clx_context_tuning_set(&context, text, size_bytes, &accepted, &test_error));
    return accepted;
}

START_TEST(lines_are_kept_and_given)
{
    clxi_text text = CLXI_TEXT_INIT;
    char value[CLXI_TUNING_VALUE_SIZE], out[1000];
    size_t size_bytes = 0;
    clxi_tuning_line(&context, "mlstm f32", "cpu rows=1", "a = b; \x01\xc3\xa9 and more", &text);
    clxi_tuning_line(&context, "attention f32", "cpu rows=2", "", &text);
    clxi_tuning_line(&context, "mlstm f32", "cpu rows=3", "the later one", &text);
    ck_assert(!text.failed);
    ck_assert_uint_eq(add(text.data, text.count), 3);
    ck_assert(clxi_tuning_find(&context, "mlstm f32", value));
    ck_assert_str_eq(value, "cpu rows=3");
    ck_assert(clxi_tuning_find(&context, "attention f32", value));
    ck_assert_str_eq(value, "cpu rows=2");
    ck_assert(!clxi_tuning_find(&context, "mlstm", value));
    ck_assert(!clxi_tuning_find(&context, "mlstm f32 ", value));

    expect_ok(clx_context_tuning_get(&context, NULL, &size_bytes, &test_error));
    ck_assert_uint_lt(size_bytes, sizeof out);
    size_t less = size_bytes - 1;
    expect_refused(clx_context_tuning_get(&context, out, &less, &test_error), CLX_ERR_VALUE, "size_bytes");
    expect_ok(clx_context_tuning_get(&context, out, &size_bytes, &test_error));
    clxi_tunings_free(&context);
    ck_assert_uint_eq(add(out, size_bytes), 2);
    ck_assert(clxi_tuning_find(&context, "mlstm f32", value));
    ck_assert_str_eq(value, "cpu rows=3");
    clxi_text_free(&text);
}
END_TEST

START_TEST(refusals)
{
    size_t size_bytes = 0;
    expect_refused(clx_context_tuning_get(NULL, NULL, &size_bytes, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_context_tuning_get(&context, NULL, NULL, &test_error), CLX_ERR_NULL, "size_bytes");
    expect_refused(clx_context_tuning_set(NULL, "", 0, NULL, &test_error), CLX_ERR_NULL, "context");
    expect_refused(clx_context_tuning_set(&context, NULL, 1, NULL, &test_error), CLX_ERR_NULL, "text");
    expect_refused(clx_context_tuning_set(&context, "", SIZE_MAX, NULL, &test_error), CLX_ERR_VALUE, "size_bytes");
    expect_ok(clx_context_tuning_set(&context, NULL, 0, NULL, &test_error));
}
END_TEST

/* Any change of any byte, and any end too early, costs the line. */
START_TEST(damaged_lines)
{
    clxi_text text = CLXI_TEXT_INIT;
    clxi_tuning_line(&context, "mlstm", "cpu rows=1", "why", &text);
    const size_t length = text.count - 1;
    for (size_t i = 0; i < length; i++) {
        ck_assert_uint_eq(add(text.data, i), 0);
        ck_assert_uint_eq(add(text.data + i + 1, length - i - 1), 0);
        text.data[i] ^= (char)(1 << i % 8);
        ck_assert_uint_eq(add(text.data, text.count), 0);
        text.data[i] ^= (char)(1 << i % 8);
    }
    ck_assert_uint_eq(add(text.data, length), 1); /* the end of the line may be missing */
    clxi_text_free(&text);
}
END_TEST

/* Another device, driver, or number of compute units. */
START_TEST(of_other_devices)
{
    clxi_text text = CLXI_TEXT_INIT;
    for (int i = 0; i < 3; i++) {
        open_context();
        if (i == 0) context.caps.name[0] = 'A';
        if (i == 1) context.caps.driver[0] = '2';
        if (i == 2) context.caps.compute_units = 7;
        clxi_tuning_line(&context, "mlstm", "cpu rows=1", "why", &text);
    }
    open_context();
    ck_assert_uint_eq(add(text.data, text.count), 0);
    clxi_tuning_line(&context, "mlstm", "cpu rows=1", "why", &text);
    ck_assert_uint_eq(add(text.data, text.count), 1);
    clxi_text_free(&text);
}
END_TEST

START_TEST(random_bytes)
{
    enum { SIZE = 1 << 16 };
    random_state random = random_start(17);
    char *bytes = malloc(SIZE);
    ck_assert_ptr_nonnull(bytes);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < SIZE; i++) {
            const uint64_t x = random_bits(&random);
            bytes[i] = kind == 0 ? (char)x : kind == 1 ? '\n' : "0123456789abcdef =;\n"[x % 20];
        }
        ck_assert_uint_eq(add(bytes, SIZE), 0);
    }
    free(bytes);
}
END_TEST

/* More whole lines than anybody can have meant: a bounded number is kept. */
START_TEST(too_many_lines)
{
    clxi_text text = CLXI_TEXT_INIT;
    for (int i = 0; i < 3000; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "mlstm %d", i);
        clxi_tuning_line(&context, subject, "cpu rows=1", "", &text);
    }
    ck_assert(!text.failed);
    ck_assert_uint_eq(add(text.data, text.count), 1024);
    ck_assert_uint_eq(add(text.data, text.count), 0);
    clxi_text_free(&text);
}
END_TEST

START_TEST(merging)
{
    clxi_text old = CLXI_TEXT_INIT, more = CLXI_TEXT_INIT, all = CLXI_TEXT_INIT;
    const char *a = "0123456789abcdef0123456789abcdef", *b = "0123456789abcdef0123456789abcdee";
    clxi_tuning_append(a, "one", "1", "", &old);
    clxi_tuning_append(b, "one", "2", "", &old);
    clxi_text_printf(&old, "rubbish\n");
    clxi_tuning_append(a, "two", "3", "", &old);
    clxi_tuning_append(a, "one", "4", "", &more);
    clxi_tuning_append(a, "one", "5", "", &more);
    clxi_tuning_merge(old.data, old.count, more.data, more.count, &all);
    ck_assert(!all.failed);
    clxi_tuning_view view;
    size_t damaged = 0, at = 0;
    for (int i = 0; i < 3; i++) {
        ck_assert(clxi_tuning_next(all.data, all.count, &at, &view, &damaged));
        ck_assert_int_eq(view.value[0], "235"[i]);
    }
    ck_assert(!clxi_tuning_next(all.data, all.count, &at, &view, &damaged));
    ck_assert_uint_eq(damaged, 0);
    clxi_text_free(&old);
    clxi_text_free(&more);
    clxi_text_free(&all);
}
END_TEST

static const clxi_tile_limits hopper = {
    .max_work_group = 1024, .local_bytes = 48 * 1024, .float_width = 1, .registers = 255, .nv_sm = 90};
static const clxi_tile_limits ampere = {
    .max_work_group = 1024, .local_bytes = 48 * 1024, .float_width = 1, .registers = 255, .nv_sm = 80};
static const clxi_tile_limits least = {
    .max_work_group = 32, .local_bytes = 32 * 1024, .float_width = 1, .registers = 64};
static const clxi_tile_limits cpu = {
    .is_cpu = true, .max_work_group = 4096, .local_bytes = 512 * 1024, .float_width = 8};
static const clxi_tile_limits wide_cpu = {
    .is_cpu = true, .max_work_group = 4096, .local_bytes = 1024 * 1024, .float_width = 16};
static const clxi_tile_limits *const devices[] = {&hopper, &ampere, &least, &cpu, &wide_cpu};
static const clxi_tile_problem problems[] = {
    {128, 256, CLX_BF16, false}, {128, 256, CLX_F32, false}, {13, 29, CLX_F32, true}, {64, 64, CLX_F16, false},
    {256, 512, CLX_BF16, false}, {1024, 100, CLX_F32, true}, {1, 300, CLX_F16, false}};
enum { DEVICES = sizeof devices / sizeof *devices, PROBLEMS = sizeof problems / sizeof *problems };

/* What the library itself offers may also come as a result, and is then the same tile in every number. */
START_TEST(candidates_settle)
{
    for (size_t i = 0; i < (size_t)DEVICES * PROBLEMS; i++) {
        const clxi_tile_limits *limits = devices[i / PROBLEMS];
        const clxi_tile_problem *problem = &problems[i % PROBLEMS];
        clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX], tile;
        const size_t count = clxi_tile_candidates(limits, problem, tiles, CLXI_TILE_CANDIDATES_MAX);
        for (size_t k = 0; k < count; k++) {
            clxi_text text = CLXI_TEXT_INIT, options = CLXI_TEXT_INIT, again = CLXI_TEXT_INIT;
            clxi_tile_write(&tiles[k], &text);
            const char *reason = clxi_tile_read(text.data, limits, problem, &tile);
            ck_assert_msg(reason == NULL, "%s: %s", text.data, reason);
            clxi_tile_options(&tiles[k], &options);
            clxi_tile_options(&tile, &again);
            ck_assert_str_eq(options.data, again.data);
            ck_assert_int_eq(tile.family, tiles[k].family);
            ck_assert_uint_eq(tile.rows, tiles[k].rows);
            ck_assert_uint_eq(tile.vector, tiles[k].vector);
            ck_assert_uint_eq(tile.scan_items, tiles[k].scan_items);
            ck_assert_uint_eq(tile.fit_items, tiles[k].fit_items);
            ck_assert(tile.lead == tiles[k].lead);
            clxi_text_free(&text);
            clxi_text_free(&options);
            clxi_text_free(&again);
        }
    }
}
END_TEST

/* The conditions at the top of the kernels' headers, once more. */
static bool kernels_take(const clxi_tile_params *t)
{
    const uint32_t wg = t->items, rows = t->rows;
    switch (t->family) {
    case CLXI_FAMILY_SIMT:
        return rows == wg / t->tx * t->rm && rows * t->dk / 4 / wg * 4 * wg == rows * t->dk &&
               t->columns * t->dk / 4 / wg * 4 * wg == t->columns * t->dk &&
               t->vk * t->slice / 4 / wg * 4 * wg == t->vk * t->slice && t->columns % (4 * t->tx) == 0 &&
               t->slice % (4 * t->tx) == 0 && t->rm % 4 == 0 && t->columns % t->vk == 0 && (wg & (wg - 1)) == 0;
    case CLXI_FAMILY_CPU:
        return wg == 1 && rows % 16 == 0 && rows % t->rm == 0 && t->columns % t->tx == 0 && t->slice % 16 == 0 &&
               t->rm >= 4 && t->rm <= 8 && t->rm % 2 == 0 && t->tx >= 4 && t->tx <= 8 && t->tx % 2 == 0;
    case CLXI_FAMILY_NV_WGMMA:
        return wg == 384 && rows == 128 && (t->columns == 64 || t->columns == 128) &&
               (t->slice == 64 || t->slice == 128 || (t->slice == 256 && t->columns == 64)) && t->stages >= 2 &&
               clxi_tile_local_bytes(t) <= 220 * 1024;
    case CLXI_FAMILY_NV_MMA:
        return wg == rows * 2 && (rows == 64 || rows == 128) && t->columns % 16 == 0 && t->slice % 32 == 0 &&
               (t->dk > 0 ? t->vector == 8 && t->dk <= 256 : wg % t->slice == 0 && rows == 64 && t->columns == 64);
    default:
        return false;
    }
}

/* All the tiles there are: each one that settles is one that the kernels take and the device holds. The trial's 131 rows
 * have a whole tile and a part of one. */
START_TEST(settled_tiles_are_legal)
{
    static const clxi_family families[] = {CLXI_FAMILY_SIMT, CLXI_FAMILY_CPU, CLXI_FAMILY_NV_WGMMA, CLXI_FAMILY_NV_MMA};
    const clxi_tile_axis *axes;
    for (size_t i = 0; i < (size_t)DEVICES * PROBLEMS; i++) {
        const clxi_tile_limits *limits = devices[i / PROBLEMS];
        const clxi_family family = families[_i];
        const size_t count = clxi_tile_axes(family, &axes);
        size_t number = 1, good = 0;
        for (size_t a = 0; a < count; a++)
            number *= axes[a].count;
        for (size_t n = 0; n < number; n++) {
            clxi_tile_params tile = {.family = family};
            size_t rest = n;
            for (size_t a = 0; a < count; rest /= axes[a++].count)
                *(uint32_t *)(void *)((char *)&tile + axes[a].offset) = axes[a].values[rest % axes[a].count];
            if (clxi_tile_settle(limits, &problems[i % PROBLEMS], &tile) != NULL) continue;
            good++;
            ck_assert(kernels_take(&tile));
            ck_assert_uint_le(tile.fit_items, limits->max_work_group);
            if (family != CLXI_FAMILY_NV_WGMMA) ck_assert_uint_le(clxi_tile_local_bytes(&tile), limits->local_bytes);
            ck_assert(tile.scan_items > 0 && tile.vector > 0 && tile.lead > 0);
            ck_assert_uint_le(tile.rows, 128);
            ck_assert_uint_le(tile.columns, 128);
        }
        if (family == CLXI_FAMILY_SIMT) ck_assert_uint_gt(good, 0);
    }
}
END_TEST

/* Wrong and dangerous values, and what is said of them. */
static const struct {
    const clxi_tile_limits *limits;
    const char *value;
    const char *reason;
} hostile[] = {
    {&cpu, "", "family"},
    {&cpu, "cpu", "not the numbers"},
    {&cpu, "cpu rows=48 columns=48 slice=256 tx=6 rm=6 ", "more than"},
    {&cpu, "cpu rows=48 columns=48 slice=256 tx=6 rm=6 dk=1", "more than"},
    {&cpu, "cpu columns=48 rows=48 slice=256 tx=6 rm=6", "not the numbers"},
    {&cpu, "cpu rows=48 columns=48 slice=256 tx=6", "not the numbers"},
    {&cpu, "cpu rows=0 columns=48 slice=256 tx=6 rm=6", "does not know"},
    {&cpu, "cpu rows=48 columns=48 slice=256 tx=0 rm=0", "does not know"},
    {&cpu, "cpu rows=48 columns=48 slice=256 tx=6 rm=5", "does not know"},
    {&cpu, "cpu rows=4294967344 columns=48 slice=256 tx=6 rm=6", "not the numbers"},
    {&cpu, "cpu rows=999999 columns=48 slice=256 tx=6 rm=6", "does not know"},
    {&cpu, "cpu rows=-48 columns=48 slice=256 tx=6 rm=6", "not the numbers"},
    {&cpu, "cpu rows=48x columns=48 slice=256 tx=6 rm=6", "not the numbers"},
    {&cpu, "cpu rows=0x30 columns=48 slice=256 tx=6 rm=6", "not the numbers"},
    {&cpu, "cpu rows= columns=48 slice=256 tx=6 rm=6", "not the numbers"},
    {&cpu, "CPU rows=48 columns=48 slice=256 tx=6 rm=6", "family"},
    {&cpu, "cpu rows=64 columns=48 slice=256 tx=6 rm=6", "no multiple of rm"},
    {&cpu, "cpu rows=48 columns=64 slice=256 tx=6 rm=6", "no multiple of tx"},
    {&cpu, "cpu rows=48 columns=48 slice=240 tx=6 rm=6", "wider than"},
    {&cpu, "cpu rows=128 columns=128 slice=256 tx=8 rm=8", "local memory"},
    {&hopper, "cpu rows=48 columns=48 slice=256 tx=6 rm=6", "no CPU"},
    {&hopper, "simt items=1024 tx=16 rm=4 columns=64 slice=256 dk=16 vk=8 prefetch=1", "does not know"},
    {&least, "simt items=64 tx=8 rm=4 columns=32 slice=64 dk=16 vk=8 prefetch=1", "no group"},
    {&hopper, "simt items=256 tx=4 rm=4 columns=64 slice=256 dk=16 vk=8 prefetch=1", "rows"},
    {&hopper, "simt items=64 tx=16 rm=4 columns=32 slice=64 dk=16 vk=8 prefetch=1", "cannot share its columns"},
    {&hopper, "simt items=256 tx=16 rm=4 columns=64 slice=64 dk=16 vk=8 prefetch=1", "chunks"},
    {&hopper, "simt items=32 tx=4 rm=8 columns=64 slice=256 dk=16 vk=8 prefetch=1", "registers"},
    {&hopper, "simt items=256 tx=16 rm=8 columns=128 slice=64 dk=32 vk=32 prefetch=1", "local memory"},
    {&hopper, "simt items=256 tx=16 rm=4 columns=64 slice=256 dk=16 vk=8 prefetch=2", "does not know"},
    {&hopper, "nv_wgmma columns=128 slice=256 stages=2", "registers"},
    {&hopper, "nv_wgmma columns=64 slice=256 stages=5", "does not know"},
    {&hopper, "nv_wgmma columns=128 slice=64 stages=1", "does not know"},
    {&ampere, "nv_wgmma columns=64 slice=256 stages=2", "other devices"},
    {&ampere, "nv_mma items=128 rows=64 columns=64 slice=128 stages=0", "not the numbers"},
    {&ampere, "nv_mma rows=256 columns=64 slice=128", "does not know"},
    {&ampere, "nv_mma rows=64 columns=48 slice=128", "does not know"},
    {&ampere, "nv_mma rows=64 columns=128 slice=256", "registers"},
    {&ampere, "nv_mma rows=64 columns=128 slice=64", "local memory"},
    {&cpu, "nv_mma rows=64 columns=64 slice=128", "other devices"},
    {&cpu, "nv_mma_twin items=128 rows=64 columns=64 slice=128 stages=0", "for tests"},
};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

START_TEST(hostile_values)
{
    static const clxi_tile_problem problem = {128, 256, CLX_BF16, false};
    clxi_tile_params tile;
    const char *reason = clxi_tile_read(hostile[_i].value, hostile[_i].limits, &problem, &tile);
    ck_assert_msg(reason != NULL, "'%s' was taken", hostile[_i].value);
    ck_assert_msg(strstr(reason, hostile[_i].reason) != NULL, "'%s': %s", hostile[_i].value, reason);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tuning");
    TCase *lines = suite_case(suite, "lines", 20);
    tcase_add_checked_fixture(lines, open_context, close_context);
    tcase_add_test(lines, lines_are_kept_and_given);
    tcase_add_test(lines, refusals);
    tcase_add_test(lines, damaged_lines);
    tcase_add_test(lines, of_other_devices);
    tcase_add_test(lines, random_bytes);
    tcase_add_test(lines, too_many_lines);
    tcase_add_test(lines, merging);
    TCase *tiles = suite_case(suite, "tiles", 20);
    tcase_add_test(tiles, candidates_settle);
    tcase_add_loop_test(tiles, settled_tiles_are_legal, 0, 4);
    tcase_add_loop_test(tiles, hostile_values, 0, HOSTILE);
    return suite_run(suite);
}
