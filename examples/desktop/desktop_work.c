/* SPDX-License-Identifier: Apache-2.0
 *
 * The work behind the window; see the header.
 *
 * Everything slow (finding the driver, compiling) is on the work's thread. So is the waiting, which does not spin: each
 * piece's event calls back when it is complete. Two pieces are on their way at a time: the device is never idle, and a
 * cancelled work ends after two pieces at most. */
#include "desktop_work.h"
#include <SDL.h>
#define CL_TARGET_OPENCL_VERSION 120
#include <clxlstm/clxlstm.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NH = 8, DHQK = 128, DHV = 256, PIECE = 128, TEXT = 8 * PIECE, ON_THE_WAY = 2 };
enum { Q, K, V, IGATE, FGATE, H, C, N, M, TENSORS };

struct work {
    SDL_mutex *mutex; /* guards `view` and `cancelled` */
    work_view view;
    bool cancelled;
    char selector[32];
    SDL_Thread *thread;
    SDL_sem *complete;   /* counts pieces that are */
    SDL_atomic_t broken; /* a piece ended with an error */

    clx_context *context;
    clx_recurrent *op;
    cl_command_queue queue;
    clx_tensor tensor[TENSORS];
    cl_mem workspace;
    float last[ON_THE_WAY][DHV]; /* of a piece: h of its last token and first head */
    clx_error error;
};

static bool keep_on(work *w)
{
    SDL_LockMutex(w->mutex);
    const bool on = !w->cancelled;
    SDL_UnlockMutex(w->mutex);
    return on;
}

static void enter(work *w, work_phase phase)
{
    SDL_LockMutex(w->mutex);
    w->view.phase = phase;
    if (phase == WORK_FAILED)
        SDL_snprintf(w->view.message, sizeof w->view.message, "%s",
                     w->error.message[0] ? w->error.message : "an OpenCL call failed");
    SDL_UnlockMutex(w->mutex);
}

/* A tensor in a buffer of its own: a made-up text's projections, about N(0, 1), or zeros. */
static bool upload(work *w, int which, uint32_t rank, const uint64_t *size, float scale, float shift)
{
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (size_t)size[i];
    float *data = malloc(count * sizeof *data);
    if (data == NULL) return false;
    for (size_t i = 0; i < count; i++) {
        data[i] = shift + scale * 1.6f * sinf((float)(i % 65536) * (0.73f + 0.11f * (float)which));
    }
    cl_mem mem = clCreateBuffer(clx_context_cl_context(w->context), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                count * sizeof *data, data, NULL);
    free(data);
    w->tensor[which] = clx_tensor_dense(mem, CLX_F32, rank, size);
    return mem != NULL;
}

static bool upload_all(work *w)
{
    const uint64_t qk[] = {1, NH, TEXT, DHQK}, v[] = {1, NH, TEXT, DHV}, h[] = {1, NH, PIECE, DHV};
    const uint64_t state[] = {1, NH, DHQK, DHV}, m[] = {1, NH};
    return upload(w, Q, 4, qk, 1, 0) && upload(w, K, 4, qk, 1, 0) && upload(w, V, 4, v, 1, 0) &&
           upload(w, IGATE, 3, qk, 1, 0) && upload(w, FGATE, 3, qk, 1, 3) && upload(w, H, 4, h, 0, 0) &&
           upload(w, C, 4, state, 0, 0) && upload(w, N, 3, state, 0, 0) && upload(w, M, 2, m, 0, 0);
}

static bool prepare(work *w)
{
    clx_context_options options = CLX_CONTEXT_OPTIONS_INIT;
    clx_recurrent_desc desc = CLX_RECURRENT_DESC_INIT;
    clx_device_info info;
    uint64_t size_bytes = 0;
    options.selector = w->selector[0] ? w->selector : NULL;
    desc.DHQK = DHQK, desc.DHV = DHV;
    if (clx_context_create(&w->context, &options, &w->error) != CLX_OK) return false;
    if (clx_context_device_info(w->context, &info, sizeof info, &w->error) != CLX_OK) return false;
    SDL_LockMutex(w->mutex);
    SDL_snprintf(w->view.device, sizeof w->view.device, "%s", info.name);
    SDL_UnlockMutex(w->mutex);
    if (clx_recurrent_create(w->context, &desc, &w->op, &w->error) != CLX_OK) return false;
    if (clx_recurrent_workspace_size(w->op, 1, NH, &size_bytes, &w->error) != CLX_OK) return false;
    cl_context cl = clx_context_cl_context(w->context);
    w->workspace = clCreateBuffer(cl, CL_MEM_READ_WRITE, (size_t)size_bytes, NULL, NULL);
    w->queue = clCreateCommandQueue(cl, clx_context_cl_device(w->context), 0, NULL);
    return w->workspace != NULL && w->queue != NULL && upload_all(w);
}

static void CL_CALLBACK piece_complete(cl_event event, cl_int status, void *user)
{
    work *w = user;
    (void)event;
    if (status != CL_COMPLETE) SDL_AtomicSet(&w->broken, 1);
    SDL_SemPost(w->complete);
}

/* The tokens of a piece: a view into the text, which is short and begins again. */
static clx_tensor tokens(const work *w, int which, uint64_t piece)
{
    clx_tensor part = w->tensor[which];
    part.offset += piece * 37 % (TEXT - PIECE) * (uint64_t)part.stride[2];
    part.size[2] = PIECE;
    return part;
}

/* One piece, from the state to the state in its place, and a look at what came out. */
static bool enqueue_piece(work *w, uint64_t piece)
{
    clx_recurrent_args args = CLX_RECURRENT_ARGS_INIT;
    clx_launch launch = CLX_LAUNCH_INIT;
    cl_event seen = NULL;
    const clx_tensor *t = w->tensor;
    const clx_tensor q = tokens(w, Q, piece), k = tokens(w, K, piece), v = tokens(w, V, piece);
    const clx_tensor igate = tokens(w, IGATE, piece), fgate = tokens(w, FGATE, piece);
    args.q = &q, args.k = &k, args.v = &v, args.igate = &igate, args.fgate = &fgate, args.h = &t[H];
    args.C = args.C_out = &t[C], args.n = args.n_out = &t[N], args.m = args.m_out = &t[M];
    launch.queue = w->queue;
    launch.workspace = w->workspace;
    if (clx_recurrent_enqueue(w->op, &launch, &args, &w->error) != CLX_OK) return false;
    float *last = w->last[piece % ON_THE_WAY];
    const bool enqueued = clEnqueueReadBuffer(w->queue, t[H].mem, CL_FALSE, (PIECE - 1) * DHV * sizeof *last,
                                              DHV * sizeof *last, last, 0, NULL, &seen) == CL_SUCCESS &&
                          clSetEventCallback(seen, CL_COMPLETE, piece_complete, w) == CL_SUCCESS &&
                          clFlush(w->queue) == CL_SUCCESS;
    if (seen != NULL) clReleaseEvent(seen);
    return enqueued;
}

/* The oldest piece on its way is complete. */
static void note_piece(work *w, uint64_t piece, double seconds)
{
    SDL_LockMutex(w->mutex);
    work_view *view = &w->view;
    view->tokens_done = (piece + 1) * PIECE;
    view->seconds = seconds;
    const int column = (int)(piece * PIECE * WORK_COLUMNS / view->tokens);
    for (; view->columns <= column && view->columns < WORK_COLUMNS; view->columns++)
        memcpy(view->picture[view->columns], w->last[piece % ON_THE_WAY], sizeof view->picture[0]);
    SDL_UnlockMutex(w->mutex);
}

static work_phase run(work *w)
{
    const uint64_t pieces = w->view.tokens / PIECE;
    const double began = (double)SDL_GetPerformanceCounter(), unit = (double)SDL_GetPerformanceFrequency();
    uint64_t enqueued = 0, done = 0;
    bool going = true;
    while (done < pieces) {
        going = going && keep_on(w);
        if (going && enqueued < pieces && enqueued - done < ON_THE_WAY) {
            if (!enqueue_piece(w, enqueued)) {
                clFinish(w->queue); /* what is on its way writes to `last` */
                return WORK_FAILED;
            }
            enqueued++;
            continue;
        }
        if (done == enqueued) return WORK_CANCELLED;
        SDL_SemWait(w->complete);
        if (SDL_AtomicGet(&w->broken)) {
            clFinish(w->queue);
            return WORK_FAILED;
        }
        note_piece(w, done++, ((double)SDL_GetPerformanceCounter() - began) / unit);
    }
    return WORK_DONE;
}

static void clean_up(work *w)
{
    for (int i = 0; i < TENSORS; i++) {
        if (w->tensor[i].mem) clReleaseMemObject(w->tensor[i].mem);
    }
    memset(w->tensor, 0, sizeof w->tensor);
    if (w->workspace) clReleaseMemObject(w->workspace);
    if (w->queue) clReleaseCommandQueue(w->queue);
    clx_recurrent_destroy(w->op);
    clx_context_destroy(w->context);
    clx_error_clear(&w->error);
    w->workspace = NULL, w->queue = NULL, w->op = NULL, w->context = NULL;
}

static int thread_main(void *user)
{
    work *w = user;
    work_phase phase = WORK_FAILED;
    if (prepare(w)) {
        enter(w, WORK_RUNNING);
        phase = run(w);
    }
    enter(w, phase);
    clean_up(w);
    return 0;
}

work *work_create(uint64_t tokens)
{
    work *w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->view.tokens = (tokens + PIECE - 1) / PIECE * PIECE;
    w->mutex = SDL_CreateMutex();
    if (w->mutex != NULL) return w;
    free(w);
    return NULL;
}

static void join(work *w)
{
    if (w->thread) SDL_WaitThread(w->thread, NULL);
    if (w->complete) SDL_DestroySemaphore(w->complete);
    w->thread = NULL, w->complete = NULL;
}

bool work_start(work *w, const char *selector)
{
    if (!work_ended(w)) return false;
    join(w);
    const uint64_t tokens = w->view.tokens;
    memset(&w->view, 0, sizeof w->view);
    w->view.tokens = tokens;
    w->view.phase = WORK_PREPARING;
    w->cancelled = false;
    SDL_AtomicSet(&w->broken, 0);
    SDL_snprintf(w->selector, sizeof w->selector, "%s", selector);
    w->complete = SDL_CreateSemaphore(0);
    if (w->complete) w->thread = SDL_CreateThread(thread_main, "mlstm", w);
    if (w->thread == NULL) w->view.phase = WORK_FAILED;
    return w->thread != NULL;
}

void work_cancel(work *w)
{
    SDL_LockMutex(w->mutex);
    w->cancelled = true;
    SDL_UnlockMutex(w->mutex);
}

bool work_ended(work *w)
{
    SDL_LockMutex(w->mutex);
    const bool ended = w->view.phase != WORK_PREPARING && w->view.phase != WORK_RUNNING;
    SDL_UnlockMutex(w->mutex);
    return ended;
}

void work_look(work *w, work_view *view)
{
    SDL_LockMutex(w->mutex);
    *view = w->view;
    SDL_UnlockMutex(w->mutex);
}

void work_destroy(work *w)
{
    if (w == NULL) return;
    work_cancel(w);
    join(w);
    SDL_DestroyMutex(w->mutex);
    free(w);
}
