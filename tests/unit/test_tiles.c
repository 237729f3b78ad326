/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tiles are offered to which device, without one. */
#include "ops/tile_params.h"
#include "support/support.h"

static const clxi_tile_limits hopper = {
    .max_work_group = 1024, .local_bytes = 48 * 1024, .float_width = 1, .registers = 255, .nv_sm = 90};
static const clxi_tile_limits least = {
    .max_work_group = 32, .local_bytes = 32 * 1024, .float_width = 1, .registers = 64};
static const clxi_tile_limits cpu = {
    .is_cpu = true, .max_work_group = 4096, .local_bytes = 512 * 1024, .float_width = 8};

/* Hopper has both families, best first; 16 bits without a mask are what nv_wgmma is for, up to 256 numbers of a head. */
START_TEST(matrix_units_by_problem)
{
    clxi_tile_params tiles[2];
    ck_assert_uint_eq(clxi_tile_nv_candidates(&hopper, 128, 256, true, tiles, 2), 2);
    ck_assert_int_eq(tiles[0].family, CLXI_FAMILY_NV_WGMMA);
    ck_assert_int_eq(tiles[1].family, CLXI_FAMILY_NV_MMA);
    ck_assert_uint_eq(clxi_tile_nv_candidates(&hopper, 128, 256, false, tiles, 2), 1);
    ck_assert_int_eq(tiles[0].family, CLXI_FAMILY_NV_MMA);
    ck_assert_uint_eq(clxi_tile_nv_candidates(&hopper, 512, 256, true, tiles, 2), 1);
    ck_assert_int_eq(tiles[0].family, CLXI_FAMILY_NV_MMA);
    ck_assert_uint_eq(clxi_tile_nv_candidates(&hopper, 128, 256, true, tiles, 1), 1);
}
END_TEST

/* sm_80 has mma.sync in tf32, sm_75 and others' devices have not. */
START_TEST(matrix_units_by_device)
{
    static const struct {
        uint32_t nv_sm;
        size_t count;
    } rows[] = {{0, 0}, {75, 0}, {80, 1}, {86, 1}, {89, 1}, {90, 2}, {100, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clxi_tile_params tiles[2];
        clxi_tile_limits limits = hopper;
        limits.nv_sm = rows[i].nv_sm;
        ck_assert_uint_eq(clxi_tile_nv_candidates(&limits, 128, 128, true, tiles, 2), rows[i].count);
    }
}
END_TEST

START_TEST(a_twin_only_where_wanted)
{
    clxi_tile_params tiles[2];
    clxi_tile_limits limits = cpu;
    ck_assert_uint_eq(clxi_tile_nv_candidates(&limits, 20, 24, true, tiles, 2), 0);
    limits.twins = true;
    ck_assert_uint_eq(clxi_tile_nv_candidates(&limits, 20, 24, true, tiles, 2), 1);
    ck_assert_int_eq(tiles[0].family, CLXI_FAMILY_NV_MMA_TWIN);
    ck_assert_str_eq(clxi_family_name(tiles[0].family), "nv_mma_twin");
}
END_TEST

/* Whatever the head dimensions: something for everybody, in the memory that is there, and simt last. */
START_TEST(every_device_has_a_tile)
{
    static const uint64_t sizes[] = {1, 13, 64, 100, 256, 1024};
    const clxi_tile_limits *devices[] = {&hopper, &least, &cpu};
    for (size_t d = 0; d < 3; d++) {
        for (size_t i = 0; i < 36; i++) {
            clxi_tile_params tiles[8];
            const uint64_t DHQK = sizes[i / 6], DHV = sizes[i % 6];
            const size_t count = clxi_tile_candidates(devices[d], DHQK, DHV, tiles, 8);
            ck_assert_uint_gt(count, 0);
            ck_assert_int_eq(tiles[count - 1].family, CLXI_FAMILY_SIMT);
            for (size_t k = 0; k < count; k++) {
                ck_assert_uint_le(clxi_tile_local_bytes(&tiles[k]), devices[d]->local_bytes);
                ck_assert_uint_le(tiles[k].items, devices[d]->max_work_group);
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
    tcase_add_test(tcase, a_twin_only_where_wanted);
    tcase_add_test(tcase, every_device_has_a_tile);
    return suite_run(suite);
}
