/* SPDX-License-Identifier: Apache-2.0
 *
 * Problems of the mLSTM operator: inputs on the host, how they lie on the device, one call, and a verdict by the float64
 * reference. */
#ifndef TEST_SUPPORT_MLSTM_PROBLEM_H
#define TEST_SUPPORT_MLSTM_PROBLEM_H

#include "support/support.h"
#include <clxlstm/mlstm.h>

enum { MLSTM_Q, MLSTM_K, MLSTM_V, MLSTM_I, MLSTM_F, MLSTM_MASK, MLSTM_H, MLSTM_TENSORS };
enum { MLSTM_INPUTS = MLSTM_H };

/* Gate pre-activations that a test asks for. */
typedef enum mlstm_gates {
    GATES_PLAIN,       /* normal, f around 2: memory of some dozen tokens */
    GATES_KEEP,        /* f around 8: everything stays */
    GATES_DECAY,       /* f around -4: most tiles are an exact zero */
    GATES_RESETS,      /* f = -inf at position 0, at single places and twice in a row */
    GATES_IGNORE_SOME, /* i = -inf at position 0 and at a third of the others */
    GATES_IGNORE_ALL,  /* i = -inf everywhere: every row is empty */
    GATES_INFINITE,    /* f = +inf everywhere */
    GATES_HUGE,        /* f = +-1e30 and +-3e38 at some places */
    GATES_FAINT,       /* i around -100: exp(-m) overflows, h = 0 */
    GATES_SPIKES,      /* i up to 60 */
    GATES_BORDERS,     /* f = -1e9, -65504 or -25 at every eighth place: what people write for "start anew" */
    GATES_KINDS
} mlstm_gates;

/* Explicit masks. Kept elements are any byte but 0. */
typedef enum mlstm_mask {
    MASK_NONE, /* causal, no tensor */
    MASK_RANDOM,
    MASK_HOLES, /* random, every third row is empty */
    MASK_FALSE,
    MASK_UPPER, /* s >= t */
    MASK_BAND,  /* |t - s| < 5 */
    MASK_PAST,  /* s + 3 <= t: a row does not see itself */
    MASK_FULL,
    MASK_SAME_ROWS,    /* every row alike: can be stored once, with stride 0 */
    MASK_SAME_COLUMNS, /* every column alike */
    MASK_KINDS
} mlstm_mask;

/* A problem. `value` holds the inputs, dense and as their dtype stores them; [MLSTM_MASK] is NULL without a mask. */
typedef struct mlstm_problem {
    uint64_t B, NH, S;
    clx_mlstm_desc desc;
    double *value[MLSTM_INPUTS];
} mlstm_problem;

/* Random q, k, v (normal), gates and mask of a kind. `desc` decides dtypes and head dimensions; its `mask` is set to
 * what `mask` says. Every head has numbers of its own. */
void mlstm_problem_make(mlstm_problem *p, const clx_mlstm_desc *desc, uint64_t B, uint64_t NH, uint64_t S,
                        mlstm_gates gates, mlstm_mask mask, random_state *random);
void mlstm_problem_free(mlstm_problem *p);

/* The descriptor's dtype of a tensor, its rank and sizes: a dense view without a buffer. */
clx_tensor mlstm_view(const mlstm_problem *p, int tensor);

/* The index of element (b, head, t, 0) of a dense tensor. */
size_t mlstm_at(const mlstm_problem *p, int tensor, uint64_t b, uint64_t head, uint64_t t);

/* How the tensors lie: a view each, and which of the buffers it is in. */
typedef struct mlstm_layout {
    clx_tensor view[MLSTM_TENSORS];
    int buffer[MLSTM_TENSORS]; /* 0 .. MLSTM_TENSORS - 1 */
} mlstm_layout;

mlstm_layout mlstm_layout_bhsd(const mlstm_problem *p); /* (B, NH, S, D), a buffer each */
mlstm_layout mlstm_layout_bshd(const mlstm_problem *p); /* (B, S, NH, D); gates (B, S, NH) */

/* Tensors on the device. Buffers are as large as their views need, and `slack` bytes more; what no input covers is
 * 0xff, which reads as NaN. */
typedef struct mlstm_tensors {
    mlstm_layout layout; /* with buffers */
    clx_mlstm_args args; /* points into layout */
    cl_mem mem[MLSTM_TENSORS];
    unsigned char *image[MLSTM_TENSORS]; /* what was written, by buffer */
    size_t size_bytes[MLSTM_TENSORS];
} mlstm_tensors;

/* How a buffer is made from its bytes; NULL in mlstm_place: buffer_make. */
typedef cl_mem (*mlstm_buffer_fn)(size_t size_bytes, const void *bytes);

void mlstm_place(const mlstm_problem *p, const mlstm_layout *layout, mlstm_buffer_fn make, mlstm_tensors *out);
void mlstm_tensors_free(mlstm_tensors *tensors);

/* Reads h (dense), and fails unless every byte outside of it is as it was placed. */
void mlstm_fetch(mlstm_tensors *tensors, double *h);

/* Sets the elements of h to 0xff again. */
void mlstm_spoil(mlstm_tensors *tensors);

/* The operator of a problem. */
clx_mlstm *mlstm_make(const mlstm_problem *p);

/* One call on the fixture's queue with the pool's memory, to its end; h is malloc'ed. */
double *mlstm_run(clx_mlstm *op, const mlstm_problem *p, const mlstm_layout *layout, mlstm_buffer_fn make);

/* h and cond of the reference, malloc'ed. */
typedef struct mlstm_reference {
    double *h;
    double *cond;
} mlstm_reference;
mlstm_reference mlstm_refer(const mlstm_problem *p);
void mlstm_reference_free(mlstm_reference *reference);

/* Fails unless h passes the golden rule; `what` is for the message. The rule for the mean applies from 1000 elements on,
 * and not to operators with DHQK < 8: its figure is one of many rounded sums. */
void mlstm_judge(const mlstm_problem *p, const mlstm_reference *reference, const double *h, const char *what);

/* All of it: run in one layout and judge. */
void mlstm_check(clx_mlstm *op, const mlstm_problem *p, const mlstm_layout *layout, const char *what);

#endif
