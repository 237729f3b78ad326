/* SPDX-License-Identifier: Apache-2.0
 *
 * Rectangles, text and buttons; see the header. The letters are those of stb_easy_font.h: four corners for each stroke,
 * no font file. */
#include "desktop_draw.h"

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function" /* of the header's */
#endif
#include <stb_easy_font.h>
#include <string.h>

const SDL_Color draw_background = {20, 22, 28, 255};
const SDL_Color draw_panel = {36, 40, 50, 255};
const SDL_Color draw_text_color = {226, 230, 238, 255};
const SDL_Color draw_dim = {140, 148, 164, 255};
const SDL_Color draw_accent = {76, 158, 255, 255};
const SDL_Color draw_warn = {255, 138, 76, 255};

void draw_box(SDL_Renderer *renderer, SDL_Rect box, SDL_Color color)
{
    SDL_SetRenderDrawColor(renderer, color.r, color.g, color.b, color.a);
    SDL_RenderFillRect(renderer, &box);
}

void draw_text(SDL_Renderer *renderer, int x, int y, int scale, SDL_Color color, const char *text)
{
    static struct corner {
        float x, y, z;
        unsigned char color[4];
    } corners[4 * 4096];
    char copy[256]; /* the font's function wants text that it may write to */
    SDL_snprintf(copy, sizeof copy, "%s", text);
    const int strokes = stb_easy_font_print(0, 0, copy, NULL, corners, sizeof corners);
    for (int i = 0; i < strokes; i++) {
        const struct corner *first = &corners[4 * i], *last = &corners[4 * i + 2];
        const SDL_Rect box = {x + (int)first->x * scale, y + (int)first->y * scale, (int)(last->x - first->x) * scale,
                              (int)(last->y - first->y) * scale};
        draw_box(renderer, box, color);
    }
}

void draw_button_show(SDL_Renderer *renderer, const draw_button *button)
{
    char copy[64];
    SDL_snprintf(copy, sizeof copy, "%s", button->label);
    const int width = 2 * stb_easy_font_width(copy);
    draw_box(renderer, button->box, button->enabled ? draw_accent : draw_panel);
    draw_text(renderer, button->box.x + (button->box.w - width) / 2, button->box.y + (button->box.h - 14) / 2, 2,
              button->enabled ? draw_background : draw_dim, button->label);
}

bool draw_button_hit(const draw_button *button, int x, int y)
{
    const SDL_Point at = {x, y};
    return button->enabled && SDL_PointInRect(&at, &button->box);
}
