/* SPDX-License-Identifier: Apache-2.0
 *
 * A window that draws 60 times a second while an mLSTM works through a long text on the same machine:
 *
 *     desktop [--device D] [--tokens N] [--measure SECONDS]
 *
 * Buttons, or keys: Left and Right choose the device, Return starts, Escape cancels, Q quits. With --measure it draws so
 * long without work, then so long (or until the end) with it, prints the times between frames, and ends. */
#include "desktop_draw.h"
#include "desktop_frames.h"
#include "desktop_work.h"
#define CL_TARGET_OPENCL_VERSION 120
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 960, HEIGHT = 600, DEVICES_MAX = 16, TRACE = 240 };
enum { PREVIOUS, NEXT, START, CANCEL, BUTTONS };

typedef struct desktop {
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *picture;
    work *work;
    work_view view;
    clx_device_info devices[DEVICES_MAX]; /* usable ones */
    int device_count;
    int device;
    draw_button buttons[BUTTONS];
    double trace[TRACE]; /* the last times between frames, in ms */
    uint64_t frame;
    frames idle, busy; /* while nothing is done, and while pieces are */
    double measure_s;
    bool quit;
} desktop;

static bool list_devices(desktop *d, const char *selector)
{
    static clx_device_info all[DEVICES_MAX];
    clx_error error = CLX_ERROR_INIT;
    size_t count = 0;
    if (clx_devices_list(all, sizeof *all, DEVICES_MAX, &count, &error) != CLX_OK) {
        fprintf(stderr, "desktop: %s\n", error.message);
        clx_error_clear(&error);
        return false;
    }
    for (size_t i = 0; i < count && i < DEVICES_MAX; i++) {
        if (!all[i].usable) continue;
        if (selector && !strcmp(selector, all[i].selector)) d->device = d->device_count;
        d->devices[d->device_count++] = all[i];
    }
    if (d->device_count == 0) fprintf(stderr, "desktop: no usable OpenCL device\n");
    return d->device_count > 0;
}

static bool open_window(desktop *d)
{
    if (SDL_Init(SDL_INIT_VIDEO) != 0) return false;
    d->window = SDL_CreateWindow("clxlstm", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, WIDTH, HEIGHT, 0);
    if (!d->window) return false;
    d->renderer = SDL_CreateRenderer(d->window, -1, 0);
    if (!d->renderer) return false;
    d->picture = SDL_CreateTexture(d->renderer, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STREAMING, WORK_COLUMNS,
                                   WORK_CHANNELS);
    return d->picture != NULL;
}

static void press(desktop *d, int button)
{
    if (!d->buttons[button].enabled) return;
    if (button == PREVIOUS) d->device = (d->device + d->device_count - 1) % d->device_count;
    if (button == NEXT) d->device = (d->device + 1) % d->device_count;
    if (button == START) work_start(d->work, d->devices[d->device].selector);
    if (button == CANCEL) work_cancel(d->work);
}

static void handle_events(desktop *d)
{
    static const struct {
        SDL_Keycode key;
        int button;
    } keys[] = {{SDLK_LEFT, PREVIOUS}, {SDLK_RIGHT, NEXT}, {SDLK_RETURN, START}, {SDLK_ESCAPE, CANCEL}};
    SDL_Event event;
    while (SDL_PollEvent(&event)) {
        if (event.type == SDL_QUIT) d->quit = true;
        if (event.type == SDL_KEYDOWN && event.key.keysym.sym == SDLK_q) d->quit = true;
        for (int i = 0; event.type == SDL_KEYDOWN && i < BUTTONS; i++) {
            if (event.key.keysym.sym == keys[i].key) press(d, keys[i].button);
        }
        for (int i = 0; event.type == SDL_MOUSEBUTTONDOWN && i < BUTTONS; i++) {
            if (draw_button_hit(&d->buttons[i], event.button.x, event.button.y)) press(d, i);
        }
    }
}

static void lay_out(desktop *d)
{
    const bool ended = d->view.phase != WORK_PREPARING && d->view.phase != WORK_RUNNING;
    d->buttons[PREVIOUS] = (draw_button){{24, 64, 40, 36}, "<", ended && d->device_count > 1};
    d->buttons[NEXT] = (draw_button){{640, 64, 40, 36}, ">", ended && d->device_count > 1};
    d->buttons[START] = (draw_button){{704, 64, 112, 36}, "Start", ended};
    d->buttons[CANCEL] = (draw_button){{828, 64, 112, 36}, "Cancel", !ended};
}

static void show_header(desktop *d)
{
    char line[200];
    draw_text(d->renderer, 24, 22, 3, draw_text_color, "mLSTM on a desktop");
    draw_box(d->renderer, (SDL_Rect){72, 64, 560, 36}, draw_panel);
    SDL_snprintf(line, sizeof line, "%d/%d  %.60s", d->device + 1, d->device_count, d->devices[d->device].name);
    draw_text(d->renderer, 84, 75, 2, draw_text_color, line);
    for (int i = 0; i < BUTTONS; i++)
        draw_button_show(d->renderer, &d->buttons[i]);
}

static void show_progress(desktop *d)
{
    static const char *const phases[] = {"Idle",  "Preparing (driver, kernels)", "Working", "Done", "Cancelled",
                                         "Failed"};
    const work_view *v = &d->view;
    const double share = v->tokens ? (double)v->tokens_done / (double)v->tokens : 0;
    const double rate = v->seconds > 0 ? (double)v->tokens_done / v->seconds : 0;
    char line[640];
    draw_box(d->renderer, (SDL_Rect){24, 124, 912, 28}, draw_panel);
    draw_box(d->renderer, (SDL_Rect){24, 124, (int)(912 * share), 28}, draw_accent);
    if (v->phase == WORK_FAILED)
        SDL_snprintf(line, sizeof line, "Failed: %.100s", v->message);
    else if (v->phase == WORK_RUNNING && rate > 0)
        SDL_snprintf(line, sizeof line, "%s: %llu of %llu tokens, %.0f a second, %.1f s left", phases[v->phase],
                     (unsigned long long)v->tokens_done, (unsigned long long)v->tokens, rate,
                     (double)(v->tokens - v->tokens_done) / rate);
    else
        SDL_snprintf(line, sizeof line, "%s: %llu of %llu tokens", phases[v->phase], (unsigned long long)v->tokens_done,
                     (unsigned long long)v->tokens);
    draw_text(d->renderer, 24, 164, 2, v->phase == WORK_FAILED ? draw_warn : draw_text_color, line);
}

/* Below zero blue, above it orange. */
static Uint32 shade(float x)
{
    const float strength = fminf(fabsf(x), 1.0f);
    const Uint32 bright = (Uint32)(40 + 215 * strength), faint = (Uint32)(40 + 90 * strength);
    return x < 0 ? 0xff000000u | faint / 2 << 16 | faint << 8 | bright
                 : 0xff000000u | bright << 16 | faint << 8 | faint / 2;
}

static void show_picture(desktop *d)
{
    void *pixels = NULL;
    int pitch = 0;
    draw_text(d->renderer, 24, 196, 2, draw_dim, "h of the first head, as the text is read");
    if (SDL_LockTexture(d->picture, NULL, &pixels, &pitch) == 0) {
        for (int y = 0; y < WORK_CHANNELS; y++) {
            Uint32 *row = (Uint32 *)(void *)((char *)pixels + y * pitch);
            for (int x = 0; x < WORK_COLUMNS; x++)
                row[x] = x < d->view.columns ? shade(d->view.picture[x][y]) : 0xff242832u;
        }
        SDL_UnlockTexture(d->picture);
    }
    SDL_RenderCopy(d->renderer, d->picture, NULL, &(SDL_Rect){24, 220, 912, 192});
}

static void show_summary(desktop *d, int y, const char *name, const frames *f)
{
    const frames_summary s = frames_summarise(f);
    char line[100];
    SDL_snprintf(line, sizeof line, "Frames, %s: median %.1f ms, 99%% %.1f, worst %.1f", name, s.median_ms, s.p99_ms,
                 s.worst_ms);
    draw_text(d->renderer, 24, y, 2, draw_dim, line);
}

/* The times between the last frames. */
static void show_frames(desktop *d)
{
    const SDL_Rect box = {24, 472, 912, 104};
    show_summary(d, 424, "idle", &d->idle);
    show_summary(d, 446, "working", &d->busy);
    draw_box(d->renderer, box, draw_panel);
    for (int i = 0; i < TRACE; i++) {
        const double ms = d->trace[(d->frame + (uint64_t)i) % TRACE];
        const int height = (int)fmin(ms * 2, box.h);
        draw_box(d->renderer, (SDL_Rect){box.x + i * box.w / TRACE, box.y + box.h - height, 3, height},
                 ms > 20 ? draw_warn : draw_accent);
    }
    /* what moves shows a stall to the eye */
    const double angle = (double)d->frame * 0.1;
    draw_box(d->renderer, (SDL_Rect){900 + (int)(20 * cos(angle)), 30 + (int)(20 * sin(angle)), 12, 12}, draw_accent);
}

static void draw_frame(desktop *d)
{
    SDL_SetRenderDrawColor(d->renderer, draw_background.r, draw_background.g, draw_background.b, 255);
    SDL_RenderClear(d->renderer);
    show_header(d);
    show_progress(d);
    show_picture(d);
    show_frames(d);
    SDL_RenderPresent(d->renderer);
}

static void note_frame(desktop *d, double ms)
{
    d->trace[d->frame % TRACE] = ms;
    if (d->frame++ == 0) return; /* the window has just opened */
    if (d->view.phase == WORK_RUNNING)
        frames_add(&d->busy, ms);
    else if (d->view.phase == WORK_IDLE)
        frames_add(&d->idle, ms);
}

static double now_ms(void)
{
    return 1000.0 * (double)SDL_GetPerformanceCounter() / (double)SDL_GetPerformanceFrequency();
}

/* With --measure: begins the work when the first part is over, and ends it. */
static void follow_plan(desktop *d, double since_ms)
{
    static double busy_from_ms;
    if (d->measure_s <= 0) return;
    if (d->view.phase == WORK_IDLE && since_ms > 1000 * d->measure_s) press(d, START);
    if (d->view.phase == WORK_RUNNING && busy_from_ms <= 0) busy_from_ms = since_ms;
    if (busy_from_ms > 0 && since_ms > busy_from_ms + 1000 * d->measure_s) press(d, CANCEL);
    if (d->view.phase >= WORK_DONE) d->quit = true;
}

/* A frame every sixtieth of a second; one that comes late does not hurry those behind it. */
static void run(desktop *d)
{
    const double period_ms = 1000.0 / 60.0, began_ms = now_ms();
    double last_ms = began_ms, next_ms = began_ms + period_ms;
    while (!d->quit) {
        handle_events(d);
        work_look(d->work, &d->view);
        follow_plan(d, now_ms() - began_ms);
        lay_out(d);
        draw_frame(d);
        const double spare_ms = next_ms - now_ms();
        if (spare_ms > 0) SDL_Delay((Uint32)(spare_ms + 0.5));
        const double at_ms = now_ms();
        next_ms = fmax(next_ms, at_ms - period_ms / 2) + period_ms;
        note_frame(d, at_ms - last_ms);
        last_ms = at_ms;
    }
}

static void print_frames(const char *name, const frames *f)
{
    const frames_summary s = frames_summarise(f);
    printf("%-8s %5zu frames, ms between them: median %.2f, 99th percentile %.2f, worst %.2f\n", name, s.count,
           s.median_ms, s.p99_ms, s.worst_ms);
}

/* What --measure was for; false where there is nothing to tell. */
static bool report(const desktop *d)
{
    print_frames("idle", &d->idle);
    print_frames("working", &d->busy);
    printf("work     %llu tokens in %.2f s on %s%s%s\n", (unsigned long long)d->view.tokens_done, d->view.seconds,
           d->view.device, d->view.message[0] ? ": " : "", d->view.message);
    return d->idle.count > 0 && d->busy.count > 0 && d->view.tokens_done > 0 && d->view.phase != WORK_FAILED;
}

static bool parse(int argc, char **argv, const char **selector, uint64_t *tokens, double *measure_s)
{
    for (int i = 1; i < argc; i += 2) {
        char *end = NULL;
        if (i + 1 == argc) return false;
        if (!strcmp(argv[i], "--device"))
            *selector = argv[i + 1];
        else if (!strcmp(argv[i], "--tokens"))
            *tokens = strtoull(argv[i + 1], &end, 10);
        else if (!strcmp(argv[i], "--measure"))
            *measure_s = strtod(argv[i + 1], &end);
        else
            return false;
        if (end && *end) return false;
    }
    return *tokens > 0 && *tokens < 1u << 30;
}

int main(int argc, char **argv)
{
    static desktop d;
    const char *selector = NULL;
    uint64_t tokens = 1 << 20;
    if (!parse(argc, argv, &selector, &tokens, &d.measure_s)) {
        fprintf(stderr, "usage: desktop [--device P:D] [--tokens N] [--measure SECONDS]\n");
        return 2;
    }
    if (!list_devices(&d, selector)) return 1;
    bool good = open_window(&d);
    if (!good) fprintf(stderr, "desktop: %s\n", SDL_GetError());
    d.work = work_create(tokens);
    good = good && d.work;
    if (good) run(&d);
    work_destroy(d.work);
    if (good && d.measure_s > 0) good = report(&d);
    if (d.picture) SDL_DestroyTexture(d.picture);
    if (d.renderer) SDL_DestroyRenderer(d.renderer);
    if (d.window) SDL_DestroyWindow(d.window);
    SDL_Quit();
    return good ? 0 : 1;
}
