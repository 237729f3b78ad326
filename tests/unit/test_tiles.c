/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tiles are offered to which device, without one. */
#include "ops/tile_params.h"
#include "support/support.h"
#include <string.h>

static const clxi_tile_limits hopper = {
    .max_work_group = 1024, .local_bytes = 48 * 1024, .float_width = 1, .registers = 255, .nv_sm = 90};
static const clxi_tile_limits least = {
    .max_work_group = 32, .local_bytes = 32 * 1024, .float_width = 1, .registers = 64};
static const clxi_tile_limits cpu = {
    .is_cpu = true, .max_work_group = 4096, .local_bytes = 512 * 1024, .float_width = 8};

static const clxi_tile_limits arc = {
    .max_work_group = 1024, .local_bytes = 64 * 1024, .float_width = 1, .registers = 128, .subgroup = 8, .xmx = true};

static const clxi_tile_limits navi31 = {
    .max_work_group = 256, .local_bytes = 64 * 1024, .float_width = 1, .registers = 190, .amd_gfx = 0x1100};

/* How many of `family` are offered. */
static size_t offered(const clxi_tile_limits *limits, const clxi_tile_problem *problem, clxi_family family)
{
    clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX];
    const size_t count = clxi_tile_candidates(limits, problem, tiles, CLXI_TILE_CANDIDATES_MAX);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += tiles[i].family == family;
    return found;
}

/* Hopper has both families, best first; 16 bits without a mask are what nv_wgmma is for, up to 256 numbers of a head. */
START_TEST(matrix_units_by_problem)
{
    static const struct {
        clxi_tile_problem problem;
        size_t wgmma;
    } rows[] = {
        {{128, 256, CLX_BF16, false}, 1},
        {{128, 256, CLX_F32, false}, 0},
        {{128, 256, CLX_F16, true}, 0},
        {{512, 256, CLX_BF16, false}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_params best;
        ck_assert_uint_eq(offered(&hopper, &rows[i].problem, CLXI_FAMILY_NV_WGMMA), rows[i].wgmma);
        ck_assert_uint_ge(offered(&hopper, &rows[i].problem, CLXI_FAMILY_NV_MMA), 1);
        ck_assert_uint_eq(clxi_tile_candidates(&hopper, &rows[i].problem, &best, 1), 1);
        ck_assert_int_eq(best.family, rows[i].wgmma ? CLXI_FAMILY_NV_WGMMA : CLXI_FAMILY_NV_MMA);
    }
}
END_TEST

/* sm_75 multiplies f16, sm_80 tf32 and bf16 too; others' devices nothing of that. */
START_TEST(matrix_units_by_device)
{
    static const struct {
        uint32_t nv_sm;
        size_t f32, f16, bf16, wgmma;
    } rows[] = {{0, 0, 0, 0, 0},  {70, 0, 0, 0, 0}, {75, 0, 1, 0, 0}, {80, 1, 1, 1, 0},
                {86, 1, 1, 1, 0}, {89, 1, 1, 1, 0}, {90, 1, 1, 1, 1}, {100, 1, 1, 1, 0}};
    static const clxi_tile_problem f32 = {128, 128, CLX_F32, false}, f16 = {128, 128, CLX_F16, true},
                                   bf16 = {128, 128, CLX_BF16, false};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_limits limits = hopper;
        limits.nv_sm = rows[i].nv_sm;
        ck_assert_uint_eq(offered(&limits, &f32, CLXI_FAMILY_NV_MMA), rows[i].f32);
        ck_assert_uint_eq(offered(&limits, &f16, CLXI_FAMILY_NV_MMA), rows[i].f16);
        ck_assert_uint_eq(offered(&limits, &bf16, CLXI_FAMILY_NV_MMA), rows[i].bf16);
        ck_assert_uint_eq(offered(&limits, &bf16, CLXI_FAMILY_NV_WGMMA), rows[i].wgmma);
    }
}
END_TEST

/* What is best in f32 and where heads are wide (products in tf32, of chunks), in 16 bits, and without asynchronous copies;
 * and what of that a program is told. */
START_TEST(mma_tiles)
{
    static const struct {
        clxi_tile_problem problem;
        uint32_t nv_sm, columns, slice, dk, vector;
        const char *options;
    } rows[] = {
        {{128, 256, CLX_F32, false}, 80, 64, 128, 0, 4, " -D CLX_FAMILY=3"},
        {{257, 256, CLX_BF16, false}, 80, 64, 128, 0, 4, " -D CLX_FAMILY=3"},
        {{128, 256, CLX_BF16, false}, 80, 32, 256, 128, 8, " -D CLX_FAMILY=3"},
        {{256, 512, CLX_BF16, false}, 80, 16, 256, 256, 8, " -D CLX_FAMILY=3"},
        {{256, 512, CLX_BF16, true}, 80, 32, 128, 256, 8, " -D CLX_FAMILY=3"},
        {{256, 512, CLX_F16, false}, 80, 32, 128, 256, 8, " -D CLX_FAMILY=3"},
        {{129, 33, CLX_F16, false}, 80, 32, 64, 256, 8, " -D CLX_FAMILY=3"},
        {{128, 128, CLX_BF16, true}, 89, 64, 128, 128, 8, " -D CLX_FAMILY=3"},
        {{1, 1, CLX_F16, false}, 80, 64, 32, 16, 8, " -D CLX_FAMILY=3"},
        {{64, 64, CLX_F16, false}, 75, 64, 64, 64, 8, " -D CLX_FAMILY=3 -D CLX_TURING=1"},
        {{128, 128, CLX_F16, false}, 75, 32, 128, 128, 8, " -D CLX_FAMILY=3 -D CLX_TURING=1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX];
        clxi_tile_limits limits = hopper;
        clxi_text options = CLXI_TEXT_INIT;
        limits.nv_sm = rows[i].nv_sm;
        ck_assert_uint_ge(clxi_tile_candidates(&limits, &rows[i].problem, tiles, CLXI_TILE_CANDIDATES_MAX), 1);
        ck_assert_int_eq(tiles[0].family, CLXI_FAMILY_NV_MMA);
        ck_assert_uint_eq(tiles[0].rows, 64);
        ck_assert_uint_eq(tiles[0].items, 128);
        ck_assert_uint_eq(tiles[0].columns, rows[i].columns);
        ck_assert_uint_eq(tiles[0].slice, rows[i].slice);
        ck_assert_uint_eq(tiles[0].dk, rows[i].dk);
        ck_assert_uint_eq(tiles[0].vector, rows[i].vector);
        clxi_tile_options(&tiles[0], &options);
        ck_assert_str_eq(strstr(options.data, " -D CLX_FAMILY"), rows[i].options);
        clxi_text_free(&options);
    }
    clxi_tile_limits turing = hopper;
    turing.nv_sm = 75;
    ck_assert_uint_eq(offered(&turing, &(clxi_tile_problem){257, 64, CLX_F16, false}, CLXI_FAMILY_NV_MMA), 0);
}
END_TEST

/* Products in 16 bits, with masks or without, for sub-groups of the size that the device's programs have; whatever they are,
 * 128 rows, and of DHQK whole steps of 32. */
START_TEST(intel_matrix_engines)
{
    static const struct {
        clxi_tile_problem problem;
        uint32_t subgroup;
        size_t count;
        uint32_t columns, slice, dk;
    } rows[] = {
        {{128, 256, CLX_BF16, false}, 8, 1, 32, 128, 128}, {{128, 256, CLX_BF16, false}, 16, 1, 32, 128, 128},
        {{256, 64, CLX_F16, true}, 16, 1, 16, 64, 128},    {{1, 1, CLX_F16, false}, 8, 1, 32, 32, 32},
        {{300, 100, CLX_BF16, false}, 8, 1, 32, 128, 128}, {{200, 40, CLX_BF16, false}, 16, 1, 32, 64, 128},
        {{128, 256, CLX_F32, false}, 8, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_params best;
        clxi_tile_limits limits = arc;
        limits.subgroup = rows[i].subgroup;
        ck_assert_uint_eq(offered(&limits, &rows[i].problem, CLXI_FAMILY_INTEL_XMX), rows[i].count);
        if (rows[i].count == 0) continue;
        ck_assert_uint_eq(clxi_tile_candidates(&limits, &rows[i].problem, &best, 1), 1);
        ck_assert_int_eq(best.family, CLXI_FAMILY_INTEL_XMX);
        ck_assert_uint_eq(best.rows, 128);
        ck_assert_uint_eq(best.columns, rows[i].columns);
        ck_assert_uint_eq(best.slice, rows[i].slice);
        ck_assert_uint_eq(best.dk, rows[i].dk);
        limits.xmx = false;
        ck_assert_uint_eq(offered(&limits, &rows[i].problem, CLXI_FAMILY_INTEL_XMX), 0);
    }
}
END_TEST

/* A device's programs ask for one size of sub-groups; where they do not, either twin may. */
START_TEST(intel_twins)
{
    static const clxi_tile_problem problem = {64, 64, CLX_BF16, false};
    static const struct {
        uint32_t subgroup;
        size_t twin8, twin16;
    } rows[] = {{0, 1, 1}, {8, 1, 0}, {16, 0, 1}, {32, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_limits limits = cpu;
        limits.subgroup = rows[i].subgroup;
        limits.named = 1u << CLXI_FAMILY_INTEL_XMX_TWIN8 | 1u << CLXI_FAMILY_INTEL_XMX_TWIN16;
        ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_INTEL_XMX_TWIN8), rows[i].twin8);
        ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_INTEL_XMX_TWIN16), rows[i].twin16);
        ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_NV_MMA_TWIN), 0);
    }
}
END_TEST

/* Which of AMD's GPUs multiply how; gfx90a loses subnormal numbers, which f16 cannot spare. */
START_TEST(amd_matrix_units)
{
    static const struct {
        uint32_t gfx;
        clx_dtype dtype;
        size_t wmma, mfma;
    } rows[] = {
        {0, CLX_BF16, 0, 0},     {0x906, CLX_BF16, 0, 0},  {0x908, CLX_BF16, 0, 0},  {0x90a, CLX_BF16, 0, 1},
        {0x90a, CLX_F16, 0, 0},  {0x90c, CLX_F16, 0, 0},   {0x942, CLX_F16, 0, 1},   {0x942, CLX_F32, 0, 0},
        {0x950, CLX_BF16, 0, 1}, {0x1030, CLX_BF16, 0, 0}, {0x1100, CLX_BF16, 1, 0}, {0x1100, CLX_F32, 0, 0},
        {0x1151, CLX_F16, 1, 0}, {0x1201, CLX_F16, 1, 0},  {0x1250, CLX_F16, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_limits limits = navi31;
        const clxi_tile_problem problem = {128, 256, rows[i].dtype, false};
        limits.amd_gfx = rows[i].gfx;
        ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_AMD_WMMA), rows[i].wmma);
        ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_AMD_MFMA), rows[i].mfma);
    }
}
END_TEST

/* 128 rows in waves of either size; of DHQK and DHV whole blocks, 16 or 32, and 128 at a time at most. */
START_TEST(amd_tiles)
{
    static const struct {
        clxi_tile_problem problem;
        uint32_t gfx, tx, rm, slice, dk;
    } rows[] = {
        {{128, 256, CLX_BF16, false}, 0x1100, 2, 1, 128, 128}, {{128, 256, CLX_BF16, false}, 0x942, 4, 2, 128, 128},
        {{256, 64, CLX_F16, true}, 0x1201, 2, 1, 64, 128},     {{300, 40, CLX_BF16, false}, 0x90a, 4, 2, 64, 128},
        {{1, 1, CLX_F16, false}, 0x1100, 2, 1, 16, 16},        {{1, 1, CLX_F16, false}, 0x942, 4, 2, 32, 32},
        {{200, 100, CLX_F16, false}, 0x1100, 2, 1, 112, 112},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_params best;
        clxi_tile_limits limits = navi31;
        limits.amd_gfx = rows[i].gfx;
        ck_assert_uint_eq(clxi_tile_candidates(&limits, &rows[i].problem, &best, 1), 1);
        ck_assert_int_eq(best.family, rows[i].tx == 2 ? CLXI_FAMILY_AMD_WMMA : CLXI_FAMILY_AMD_MFMA);
        ck_assert_uint_eq(best.rows, 128);
        ck_assert_uint_eq(best.columns, 32);
        ck_assert_uint_eq(best.tx, rows[i].tx);
        ck_assert_uint_eq(best.rm, rows[i].rm);
        ck_assert_uint_eq(best.slice, rows[i].slice);
        ck_assert_uint_eq(best.dk, rows[i].dk);
    }
}
END_TEST

/* Each of three twins by its name only. */
START_TEST(amd_twins)
{
    static const clxi_tile_problem problem = {64, 64, CLX_BF16, false};
    static const clxi_family twins[] = {CLXI_FAMILY_AMD_WMMA11_TWIN, CLXI_FAMILY_AMD_WMMA12_TWIN,
                                        CLXI_FAMILY_AMD_MFMA_TWIN};
    for (size_t i = 0; i <= 3; i++) {
        clxi_tile_limits limits = cpu;
        limits.named = i < 3 ? 1u << twins[i] : 0;
        for (size_t k = 0; k < 3; k++)
            ck_assert_uint_eq(offered(&limits, &problem, twins[k]), i == k);
        ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_AMD_WMMA), 0);
    }
}
END_TEST

START_TEST(a_twin_only_where_wanted)
{
    static const clxi_tile_problem problem = {20, 24, CLX_F32, false};
    clxi_tile_limits limits = cpu;
    ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_NV_MMA_TWIN), 0);
    limits.named = 1u << CLXI_FAMILY_NV_MMA_TWIN;
    ck_assert_uint_eq(offered(&limits, &problem, CLXI_FAMILY_NV_MMA_TWIN), 1);
    ck_assert_str_eq(clxi_family_name(CLXI_FAMILY_NV_MMA_TWIN), "nv_mma_twin");
}
END_TEST

/* Whatever the head dimensions: something for everybody, in the memory that is there, and simt last. */
START_TEST(every_device_has_a_tile)
{
    static const uint64_t sizes[] = {1, 13, 64, 100, 256, 1024};
    const clxi_tile_limits *devices[] = {&hopper, &least, &cpu, &arc, &navi31};
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
        for (size_t i = 0; i < 72; i++) {
            clxi_tile_params tiles[CLXI_TILE_CANDIDATES_MAX];
            const clxi_tile_problem problem = {sizes[i / 6 % 6], sizes[i % 6], i < 36 ? CLX_F32 : CLX_BF16, false};
            const size_t count = clxi_tile_candidates(devices[d], &problem, tiles, CLXI_TILE_CANDIDATES_MAX);
            ck_assert_uint_gt(count, 0);
            ck_assert_int_eq(tiles[count - 1].family, CLXI_FAMILY_SIMT);
            for (size_t k = 0; k < count; k++) {
                if (tiles[k].family != CLXI_FAMILY_NV_WGMMA) /* has more than the device says */
                    ck_assert_uint_le(clxi_tile_local_bytes(&tiles[k]), devices[d]->local_bytes);
                ck_assert_uint_le(tiles[k].items, devices[d]->max_work_group);
                ck_assert_uint_gt(tiles[k].scan_items, 0);
                ck_assert_uint_gt(tiles[k].fit_items, 0);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tiles");
    TCase *tcase = suite_case(suite, "tiles", 10);
    tcase_add_test(tcase, matrix_units_by_problem);
    tcase_add_test(tcase, matrix_units_by_device);
    tcase_add_test(tcase, mma_tiles);
    tcase_add_test(tcase, intel_matrix_engines);
    tcase_add_test(tcase, intel_twins);
    tcase_add_test(tcase, amd_matrix_units);
    tcase_add_test(tcase, amd_tiles);
    tcase_add_test(tcase, amd_twins);
    tcase_add_test(tcase, a_twin_only_where_wanted);
    tcase_add_test(tcase, every_device_has_a_tile);
    return suite_run(suite);
}
