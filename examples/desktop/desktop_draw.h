/* SPDX-License-Identifier: Apache-2.0
 *
 * Rectangles, text and buttons of the window. */
#ifndef DESKTOP_DRAW_H
#define DESKTOP_DRAW_H

#include <SDL.h>
#include <stdbool.h>

extern const SDL_Color draw_background, draw_panel, draw_text_color, draw_dim, draw_accent, draw_warn;

void draw_box(SDL_Renderer *renderer, SDL_Rect box, SDL_Color color);

/* Text from its upper left corner on, each of its pixels `scale` wide. */
void draw_text(SDL_Renderer *renderer, int x, int y, int scale, SDL_Color color, const char *text);

typedef struct draw_button {
    SDL_Rect box;
    const char *label;
    bool enabled;
} draw_button;

void draw_button_show(SDL_Renderer *renderer, const draw_button *button);
bool draw_button_hit(const draw_button *button, int x, int y);

#endif
