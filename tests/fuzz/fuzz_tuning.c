/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: tuning texts, and the tiles that they propose. The first byte of an input says whether its lines get what
 * no search would find, the checksum and the name of the device. */
#include "fuzz.h"

#include "base/hash.h"
#include "ops/tile_space.h"
#include "runtime/tuning_text.h"
#include <string.h>

static char device[CLXI_TUNING_DEVICE_LENGTH + 1];

/* Every line behind this device's name and a right checksum. */
static void seal(const char *text, size_t size, clxi_text *out)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        const size_t length = end != NULL ? (size_t)(end - text) : size;
        clxi_text body = CLXI_TEXT_INIT;
        clxi_text_printf(&body, "%s ", device);
        clxi_text_append(&body, text, length);
        const clxi_hash sum = clxi_hash_bytes(body.data, body.count);
        clxi_text_printf(out, "%016llx%016llx ", (unsigned long long)sum.high, (unsigned long long)sum.low);
        clxi_text_append(out, body.data, body.count);
        clxi_text_append(out, "\n", 1);
        clxi_text_free(&body);
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
}

/* As the context names its device. */
static void learn_device(const clx_context *context)
{
    clxi_text line = CLXI_TEXT_INIT;
    clxi_tuning_line(context, "", "", "", &line);
    demand(!line.failed);
    memcpy(device, strchr(line.data, ' ') + 1, CLXI_TUNING_DEVICE_LENGTH);
    clxi_text_free(&line);
}

/* A tile that is accepted has the numbers that its family knows, and fits what it was checked against. */
static void check_tile(const char *value)
{
    static const clxi_tile_limits limits[] = {
        {false, 1024, 48 << 10, 0, 255, 0, 0, 0, false, 0},     {false, 256, 32 << 10, 0, 64, 0, 0, 0, false, 0},
        {true, 4096, 1 << 20, 8, 64, 0, 0, 0, false, 0},        {false, 1024, 227 << 10, 0, 255, 0, 90, 0, false, 0},
        {false, 32, 32 << 10, 0, 128, ~0u, 80, 0, false, 0},    {false, 1024, 64 << 10, 0, 128, 0, 0, 8, true, 0},
        {false, 256, 64 << 10, 0, 190, 0, 0, 0, false, 0x1100},
    };
    static const clxi_tile_problem problems[] = {
        {128, 256, CLX_F32, false}, {64, 64, CLX_BF16, true}, {1, 1, CLX_F16, false}, {1 << 20, 3, CLX_F32, false}};
    clxi_tile_params tile;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (size_t j = 0; j < sizeof problems / sizeof *problems; j++) {
            if (clxi_tile_read(value, &limits[i], &problems[j], &tile) != NULL) continue;
            const clxi_tile_axis *axes;
            const size_t count = clxi_tile_axes(tile.family, &axes);
            for (size_t a = 0; a < count; a++) {
                uint32_t number;
                bool known = false;
                memcpy(&number, (const char *)&tile + axes[a].offset, sizeof number);
                for (size_t v = 0; v < axes[a].count; v++)
                    known = known || axes[a].values[v] == number;
                demand(known);
            }
            demand(tile.items >= 1 && tile.items <= limits[i].max_work_group);
            demand(tile.rows >= 1 && tile.columns >= 1 && tile.slice >= 1);
            demand(clxi_tile_local_bytes(&tile) <= limits[i].local_bytes);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clx_context first, second;
    clxi_text text = CLXI_TEXT_INIT, merged = CLXI_TEXT_INIT;
    clxi_tuning_view view;
    size_t accepted = 0, again = 0, bytes = 0, at = 0, damaged = 0;
    char value[CLXI_TUNING_VALUE_SIZE];
    if (size == 0) return 0;
    blank_context_make(&first);
    blank_context_make(&second);
    if (data[0] % 2 == 1) {
        learn_device(&first);
        seal((const char *)data + 1, size - 1, &text);
    } else {
        clxi_text_append(&text, (const char *)data + 1, size - 1);
    }
    demand(clx_context_tuning_set(&first, text.data, text.count, &accepted, NULL) == CLX_OK);
    demand(clx_context_tuning_get(&first, NULL, &bytes, NULL) == CLX_OK);
    char *copy = malloc(bytes + 1);
    demand(copy != NULL && clx_context_tuning_get(&first, copy, &bytes, NULL) == CLX_OK);
    demand(clx_context_tuning_set(&second, copy, bytes, &again, NULL) == CLX_OK);
    demand(again <= accepted);
    while (clxi_tuning_next(copy, bytes, &at, &view, &damaged)) {
        memcpy(value, view.value, view.value_length);
        value[view.value_length] = '\0';
        check_tile(value);
        again--;
    }
    demand(again == 0 && damaged == 0); /* it gives what it takes, each once */
    clxi_tuning_merge(text.data, text.count, copy, bytes, &merged);
    demand(merged.count >= bytes);
    free(copy);
    clxi_text_free(&text);
    clxi_text_free(&merged);
    clxi_tunings_free(&first);
    clxi_tunings_free(&second);
    clxi_mutex_destroy(&first.mutex);
    clxi_mutex_destroy(&second.mutex);
    return 0;
}
