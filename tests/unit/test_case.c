/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases: defaults, typed values, and a refusal for every key, value and tensor that does not fit. */
#include "support/support.h"

#include "io/case.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes a case of zeros. `metadata` is "key=value;key=value", `tensors` "name:F32:1,2,3;name:...". */
static clx_status make(const char *metadata, const char *tensors, clxi_case **out)
{
    char header[8192], name[64], dtype[8], shape[64], value[128];
    size_t used = 0, offset = 0;
    int taken, quiet = 0;
    used += (size_t)sprintf(header + used, "{\"__metadata__\":{");
    for (const char *at = metadata; *at; at += taken + (at[taken] == ';')) {
        taken = 0;
        value[0] = '\0';
        ck_assert_int_ge(sscanf(at, "%63[^=]=%n%127[^;]%n", name, &taken, value, &taken), 1);
        used += (size_t)sprintf(header + used, "%s\"%s\":\"%s\"", quiet++ ? "," : "", name, value);
    }
    used += (size_t)sprintf(header + used, "}");
    for (const char *at = tensors; *at; at += taken + (at[taken] == ';')) {
        ck_assert_int_eq(sscanf(at, "%63[^:]:%7[^:]:%63[^;]%n", name, dtype, shape, &taken), 3);
        size_t bytes = strcmp(dtype, "BOOL") == 0                               ? 1
                       : strcmp(dtype, "F64") == 0 || strcmp(dtype, "I64") == 0 ? 8
                       : dtype[1] == '1' || dtype[0] == 'B'                     ? 2
                                                                                : 4;
        for (char *digits = shape; *digits; digits += strspn(digits, ","))
            bytes *= strtoul(digits, &digits, 10);
        used += (size_t)sprintf(header + used, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                                name, dtype, shape, offset, offset + bytes);
        offset += bytes;
    }
    used += (size_t)sprintf(header + used, "}");
    ck_assert_uint_lt(used, sizeof header);

    static char bytes[1 << 16]; /* the file must outlive the case */
    clxi_safetensors *file = NULL;
    memset(bytes, 0, sizeof bytes);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(used >> (8 * i));
    ck_assert_uint_lt(8 + used + offset, sizeof bytes);
    memcpy(bytes + 8, header, used);
    expect_ok(clxi_safetensors_parse("x.st", bytes, 8 + used + offset, &file, &test_error));
    return clxi_case_make("x.st", file, out, &test_error);
}

/* One good set of tensors for each operator. */
#define MLSTM "q:F32:1,2,4,8;k:F32:1,2,4,8;v:F32:1,2,4,6;i:F32:1,2,4;f:F32:1,2,4"
#define STATE ";C0:F32:1,2,8,6;n0:F32:1,2,8;m0:F32:1,2"
#define ROTARY "q:F32:1,2,4,8;k:F32:1,2,4,8"
#define ATTENTION "q:F32:1,4,3,8;k:F32:1,2,5,8;v:F32:1,2,5,6"
#define CELL_QKV "q:F32:1,4,16;k:F32:1,4,16;v:F32:1,4,8"
#define CELL_GATES(kernel)                                                                                             \
    ";igate.kernel:F32:" kernel ";igate.bias:F32:2;fgate.kernel:F32:" kernel ";fgate.bias:F32:2;outnorm.scale:F32:2,4"
#define CELL CELL_QKV CELL_GATES("40,2")
#define NORMS ";q_norm.scale:F32:8;k_norm.scale:F32:8"

typedef struct refusal {
    const char *metadata, *tensors;
    clx_status status;
    const char *text;
} refusal;

static const refusal refusals[] = {
    /* operators */
    {"", "", CLX_ERR_FORMAT, "metadata 'op' is missing"},
    {"op=", MLSTM, CLX_ERR_FORMAT, "op = '': no such operator"},
    {"op=mlstm", MLSTM, CLX_ERR_FORMAT, "op = 'mlstm': no such operator"},
    {"op=mlstm_chunkwise", MLSTM, CLX_ERR_UNSUPPORTED, "op = 'mlstm_chunkwise': not built yet"},
    {"op=attention_grad", ATTENTION, CLX_ERR_UNSUPPORTED, "not built yet"},
    {"op=rotary_grad", ROTARY, CLX_ERR_UNSUPPORTED, "not built yet"},
    /* keys */
    {"op=mlstm_parallel;epsilon=1", MLSTM, CLX_ERR_VALUE, "epsilon = '1': unknown key, mlstm_parallel takes eps"},
    {"op=mlstm_parallel;Eps=1", MLSTM, CLX_ERR_VALUE, "Eps = '1': unknown key"},
    {"op=mlstm_parallel;causal=true", MLSTM, CLX_ERR_VALUE, "causal = 'true': unknown key"},
    {"op=mlstm_parallel;?=1", MLSTM, CLX_ERR_VALUE, "? = '1': unknown key"},
    {"op=mlstm_recurrent;stabilize_rowwise=true", MLSTM, CLX_ERR_VALUE, "unknown key"},
    {"op=rotary;out_dtype=f32", ROTARY, CLX_ERR_VALUE, "unknown key"},
    {"op=attention;rotary_dim=4", ATTENTION, CLX_ERR_VALUE, "unknown key"},
    {"op=mlstm_cell;num_heads=2;backend.eps=1", CELL, CLX_ERR_VALUE, "backend.eps = '1': unknown key"},
    /* booleans */
    {"op=mlstm_parallel;stabilize_rowwise=True", MLSTM, CLX_ERR_VALUE, "stabilize_rowwise = 'True', expected true or"},
    {"op=mlstm_parallel;stabilize_rowwise=1", MLSTM, CLX_ERR_VALUE, "expected true or false"},
    {"op=mlstm_parallel;stabilize_rowwise=true ", MLSTM, CLX_ERR_VALUE, "expected true or false"},
    {"op=mlstm_parallel;stabilize_rowwise=", MLSTM, CLX_ERR_VALUE, "stabilize_rowwise = '', expected true or false"},
    /* numbers */
    {"op=mlstm_parallel;eps=", MLSTM, CLX_ERR_VALUE, "eps = '', expected a finite number >= 0"},
    {"op=mlstm_parallel;eps=-1e-6", MLSTM, CLX_ERR_VALUE, "eps = '-1e-6', expected a finite number >= 0"},
    {"op=mlstm_parallel;eps=1e-6x", MLSTM, CLX_ERR_VALUE, "eps = '1e-6x', expected"},
    {"op=mlstm_parallel;eps=1e", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=mlstm_parallel;eps= 1", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=mlstm_parallel;eps=0x1p-3", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=mlstm_parallel;eps=nan", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=mlstm_parallel;eps=inf", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=mlstm_parallel;eps=1e999", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=mlstm_parallel;eps=1,5", MLSTM, CLX_ERR_VALUE, "expected a finite number"},
    {"op=rotary;theta=0", ROTARY, CLX_ERR_VALUE, "theta = '0', expected a finite number > 0"},
    {"op=mlstm_cell;num_heads=2;gate_soft_cap=0.0", CELL, CLX_ERR_VALUE, "gate_soft_cap = '0.0', expected a finite"},
    {"op=mlstm_cell;num_heads=2;reset_fgate_value=nan", CELL, CLX_ERR_VALUE, "expected a number"},
    /* whole numbers */
    {"op=precompute_freqs;feat_dim=8", "", CLX_ERR_VALUE, "max_length is missing, expected a whole number >= 0"},
    {"op=precompute_freqs;feat_dim=8.0;max_length=4", "", CLX_ERR_VALUE, "feat_dim = '8.0', expected a whole number"},
    {"op=precompute_freqs;feat_dim=7;max_length=4", "", CLX_ERR_VALUE, "feat_dim = '7', expected an even number"},
    {"op=precompute_freqs;feat_dim=0;max_length=4", "", CLX_ERR_VALUE, "expected a whole number >= 2"},
    {"op=precompute_freqs;feat_dim=8;max_length=-1", "", CLX_ERR_VALUE, "expected a whole number >= 0"},
    {"op=precompute_freqs;feat_dim=8;max_length=+4", "", CLX_ERR_VALUE, "expected a whole number"},
    {"op=precompute_freqs;feat_dim=8;max_length=99999999999999999999", "", CLX_ERR_VALUE, "expected a whole number"},
    {"op=precompute_freqs;feat_dim=8;max_length=9000000000000000000", "", CLX_ERR_OVERFLOW, "overflows"},
    {"op=mlstm_cell;num_heads=0", CELL, CLX_ERR_VALUE, "num_heads = '0', expected a whole number >= 1"},
    {"op=mlstm_cell", CELL, CLX_ERR_VALUE, "num_heads is missing"},
    {"op=mlstm_cell;num_heads=2;tp_size=2;tp_rank=2", CELL, CLX_ERR_VALUE, "tp_rank = '2', expected less than tp_size"},
    {"op=attention;window=0", ATTENTION, CLX_ERR_VALUE, "window = '0', expected a whole number >= 1"},
    {"op=rotary;rotary_dim=3", ROTARY, CLX_ERR_VALUE, "rotary_dim = '3', expected an even number"},
    /* words, dtypes, ranges */
    {"op=attention;activation_function=Softmax", ATTENTION, CLX_ERR_VALUE, "expected one of softmax|sigmoid|none"},
    {"op=attention;activation_function=soft", ATTENTION, CLX_ERR_VALUE, "expected one of softmax|sigmoid|none"},
    {"op=attention;activation_function=softmax|none", ATTENTION, CLX_ERR_VALUE, "expected one of"},
    {"op=rotary;pairing=", ROTARY, CLX_ERR_VALUE, "expected one of interleaved|half"},
    {"op=mlstm_parallel;qkv_dtype=F32", MLSTM, CLX_ERR_VALUE, "qkv_dtype = 'F32', expected f32, f16 or bf16"},
    {"op=mlstm_parallel;out_dtype=bool", MLSTM, CLX_ERR_VALUE, "out_dtype = 'bool', expected f32, f16 or bf16"},
    {"op=mlstm_cell;num_heads=2;backend=parallel", CELL, CLX_ERR_VALUE, "expected one of parallel_stabilized|"},
    {"op=mlstm_cell;num_heads=2;backend=chunkwise", CELL, CLX_ERR_UNSUPPORTED, "backend = 'chunkwise': not built yet"},
    {"op=mlstm_cell;num_heads=2;fgate_bias_init_range=3,", CELL, CLX_ERR_VALUE, "expected a pair of numbers"},
    {"op=mlstm_cell;num_heads=2;fgate_bias_init_range=3,4,5", CELL, CLX_ERR_VALUE, "expected a pair of numbers"},
    {"op=mlstm_cell;num_heads=2;fgate_bias_init_range=None", CELL, CLX_ERR_VALUE, "expected a pair of numbers"},
    /* fields of a cell's backend */
    {"op=mlstm_cell;num_heads=2;theta=500", CELL, CLX_ERR_VALUE, "backend.theta: backend parallel_stabilized has no"},
    {"op=mlstm_cell;num_heads=2;backend=recurrent;backend.theta=5", CELL, CLX_ERR_VALUE, "backend recurrent has no"},
    {"op=mlstm_cell;num_heads=2;backend=attention;theta=5;backend.theta=5", CELL, CLX_ERR_VALUE,
     "backend.theta: given twice"},
    /* tensors: which */
    {"op=mlstm_parallel", "q:F32:1,2,4,8", CLX_ERR_FORMAT, "tensor 'k' is missing, mlstm_parallel needs it"},
    {"op=mlstm_parallel", MLSTM ";w:F32:1", CLX_ERR_FORMAT, "tensor 'w': unknown, mlstm_parallel takes q k v i f mask"},
    {"op=mlstm_parallel", MLSTM ";ref64.C:F64:1", CLX_ERR_FORMAT, "tensor 'ref64.C': unknown, mlstm_parallel gives h"},
    {"op=mlstm_parallel_grad", MLSTM, CLX_ERR_FORMAT, "tensor 'dh' is missing"},
    {"op=precompute_freqs;feat_dim=8;max_length=4", "q:F32:1", CLX_ERR_FORMAT, "unknown, precompute_freqs takes none"},
    {"op=mlstm_recurrent", MLSTM ";C0:F32:1,2,8,6", CLX_ERR_FORMAT, "tensor 'n0' is missing beside 'C0'"},
    {"op=rotary", ROTARY ";cos:F32:4,4", CLX_ERR_FORMAT, "tensor 'sin' is missing beside 'cos'"},
    {"op=mlstm_cell;num_heads=2", CELL NORMS, CLX_ERR_FORMAT, "'q_norm.scale' is given, but add_qk_norm is false"},
    {"op=mlstm_cell;num_heads=2;add_qk_norm=true", CELL, CLX_ERR_FORMAT, "'q_norm.scale' is missing, add_qk_norm"},
    {"op=mlstm_cell;num_heads=2", CELL ";gate_input.00:F32:1,4,2", CLX_ERR_FORMAT, "'gate_input.00': unknown"},
    {"op=mlstm_cell;num_heads=2", CELL ";gate_input.x:F32:1,4,2", CLX_ERR_FORMAT, "'gate_input.x': unknown"},
    {"op=mlstm_cell;num_heads=2", CELL ";gate_input.1:F32:1,4,40", CLX_ERR_FORMAT, "'gate_input.0' is missing"},
    {"op=mlstm_cell;num_heads=2", CELL ";gate_input.0:F32:1,4,40;gate_input:F32:1,4,40", CLX_ERR_FORMAT,
     "gate_input: given beside gate_input.0"},
    {"op=mlstm_cell;num_heads=2", CELL ";C0:F32:1,2,8,4;n0:F32:1,2,8;m0:F32:1,2", CLX_ERR_UNSUPPORTED,
     "C0: backend parallel_stabilized does not start from a state"},
    /* tensors: dtypes */
    {"op=mlstm_parallel", "q:F64:1,2,4,8;k:F64:1,2,4,8;v:F64:1,2,4,6;i:F32:1,2,4;f:F32:1,2,4", CLX_ERR_DTYPE,
     "q: dtype F64, expected F32, F16 or BF16"},
    {"op=mlstm_parallel", "q:F32:1,2,4,8;k:BF16:1,2,4,8;v:F32:1,2,4,6;i:F32:1,2,4;f:F32:1,2,4", CLX_ERR_DTYPE,
     "k: dtype BF16, expected F32 to match q"},
    {"op=mlstm_parallel", "q:F32:1,2,4,8;k:F32:1,2,4,8;v:F32:1,2,4,6;i:F32:1,2,4;f:F16:1,2,4", CLX_ERR_DTYPE,
     "f: dtype F16, expected F32 to match i"},
    {"op=mlstm_parallel", MLSTM ";mask:F32:4,4", CLX_ERR_DTYPE, "mask: dtype F32, expected BOOL"},
    {"op=rotary", ROTARY ";positions:F32:1,4", CLX_ERR_DTYPE, "positions: dtype F32, expected I32 or I64"},
    {"op=mlstm_parallel", MLSTM ";ref64.h:F32:1,2,4,6", CLX_ERR_DTYPE, "ref64.h: dtype F32, expected F64"},
    {"op=mlstm_parallel", MLSTM ";cond.h:BOOL:1,2,4,6", CLX_ERR_DTYPE, "cond.h: dtype BOOL, expected F32, F16"},
    /* tensors: shapes */
    {"op=mlstm_parallel", "q:F32:2,4,8;k:F32:1,2,4,8;v:F32:1,2,4,6;i:F32:1,2,4;f:F32:1,2,4", CLX_ERR_SHAPE,
     "q: shape (2,4,8), expected (B,H,S,K)"},
    {"op=mlstm_parallel", "q:F32:1,2,4,8;k:F32:1,2,5,8;v:F32:1,2,4,6;i:F32:1,2,4;f:F32:1,2,4", CLX_ERR_SHAPE,
     "k: shape (1,2,5,8), expected (1,2,4,8)"},
    {"op=mlstm_parallel", "q:F32:1,2,4,8;k:F32:1,2,4,8;v:F32:1,2,3,6;i:F32:1,2,4;f:F32:1,2,4", CLX_ERR_SHAPE,
     "v: shape (1,2,3,6), expected (1,2,4,V)"},
    {"op=mlstm_parallel", "q:F32:1,2,4,8;k:F32:1,2,4,8;v:F32:1,2,4,6;i:F32:1,2,4,2;f:F32:1,2,4", CLX_ERR_SHAPE,
     "i: shape (1,2,4,2), expected (1,2,4)"},
    {"op=mlstm_parallel", MLSTM ";mask:BOOL:4,5", CLX_ERR_SHAPE, "mask: shape (4,5), expected (4,4)"},
    {"op=mlstm_parallel", MLSTM ";ref64.h:F64:1,2,4,8", CLX_ERR_SHAPE, "ref64.h: shape (1,2,4,8), expected (1,2,4,6)"},
    {"op=mlstm_recurrent", MLSTM ";C0:F32:1,2,6,8;n0:F32:1,2,8;m0:F32:1,2", CLX_ERR_SHAPE,
     "C0: shape (1,2,6,8), expected (1,2,8,6)"},
    {"op=rotary;rotary_dim=10", ROTARY, CLX_ERR_SHAPE, "rotary dimension 10, expected an even number of at most 8"},
    {"op=rotary", "q:F32:1,2,4,7;k:F32:1,2,4,7", CLX_ERR_SHAPE, "rotary dimension 7"},
    {"op=rotary", ROTARY ";sin:F32:4,3;cos:F32:4,3", CLX_ERR_SHAPE, "sin: 3 angles a row, expected 4"},
    {"op=rotary", ROTARY ";sin:F32:5,4;cos:F32:5,4", CLX_ERR_SHAPE, "sin: shape (5,4), expected (4,R)"},
    {"op=attention", "q:F32:1,3,3,8;k:F32:1,2,5,8;v:F32:1,2,5,6", CLX_ERR_SHAPE, "k: 2 heads, expected a number that"},
    {"op=attention", "q:F32:1,2,3,7;k:F32:1,2,5,7;v:F32:1,2,5,6", CLX_ERR_SHAPE,
     "q: head dimension 7, expected an even"},
    {"op=attention", ATTENTION ";mask:BOOL:5,3", CLX_ERR_SHAPE, "mask: shape (5,3), expected (3,5)"},
    {"op=attention;causal=true", ATTENTION ";mask:BOOL:3,5", CLX_ERR_VALUE, "mask: it replaces the causal mask"},
    {"op=precompute_freqs;feat_dim=8;max_length=4", "ref64.sin:F64:4,8", CLX_ERR_SHAPE, "expected (4,4)"},
    {"op=mlstm_cell;num_heads=3", CELL_QKV CELL_GATES("40,3"), CLX_ERR_SHAPE, "igate.bias: shape (2), expected (3)"},
    {"op=mlstm_cell;num_heads=2", CELL_QKV CELL_GATES("16,2"), CLX_ERR_SHAPE,
     "igate.kernel: shape (16,2), expected (40,2)"},
    {"op=mlstm_cell;num_heads=2", CELL_QKV ";gate_input:F32:1,4,5" CELL_GATES("40,2"), CLX_ERR_SHAPE,
     "igate.kernel: shape (40,2), expected (5,2)"},
    {"op=mlstm_cell;num_heads=2;gate_linear_headwise=true", CELL, CLX_ERR_SHAPE,
     "igate.kernel: shape (40,2), expected (2,1,20)"},
    {"op=mlstm_cell;num_heads=2", CELL_QKV CELL_GATES("2,1,20"), CLX_ERR_SHAPE, "expected (40,2)"},
    {"op=mlstm_cell;num_heads=2;gate_linear_headwise=true", CELL_QKV ";gate_input:F32:1,4,5" CELL_GATES("2,1,2"),
     CLX_ERR_SHAPE, "gate_input: 5 features, expected a multiple of num_heads 2"},
    {"op=mlstm_cell;num_heads=2", "q:F32:1,4,15;k:F32:1,4,15;v:F32:1,4,8" CELL_GATES("38,2"), CLX_ERR_SHAPE,
     "q: 15 features, expected a multiple of num_heads 2"},
    {"op=mlstm_cell;num_heads=2", "q:F32:1,4,16;k:F32:1,4,16;v:F32:1,4,10" CELL_GATES("42,2"), CLX_ERR_SHAPE,
     "v: head dimension 5, but a weight or a state has 4"},
    {"op=mlstm_cell;num_heads=2;add_qk_norm=true", CELL ";q_norm.scale:F32:16;k_norm.scale:F32:16", CLX_ERR_SHAPE,
     "q: head dimension 8, but a weight or a state has 16"},
    {"op=mlstm_cell;num_heads=2", CELL ";document_borders:BOOL:4,1", CLX_ERR_SHAPE, "expected (1,4)"},
};

START_TEST(refused)
{
    const refusal *row = &refusals[_i];
    clxi_case *c = NULL;
    expect_refused(make(row->metadata, row->tensors, &c), row->status, row->text);
    ck_assert_ptr_null(c);
}
END_TEST

static clxi_case *good(const char *metadata, const char *tensors)
{
    clxi_case *c = NULL;
    expect_ok(make(metadata, tensors, &c));
    return c;
}

START_TEST(accepted)
{
    static const char *const rows[][2] = {
        {"op=mlstm_parallel;note=any thing;format=2", MLSTM},
        {"op=mlstm_parallel", "q:BF16:1,2,4,8;k:BF16:1,2,4,8;v:BF16:1,2,4,6;i:F32:1,2,4,1;f:F32:1,2,4"},
        {"op=mlstm_parallel", "q:F32:0,2,0,8;k:F32:0,2,0,8;v:F32:0,2,0,6;i:F32:0,2,0;f:F32:0,2,0"},
        {"op=mlstm_recurrent;state_dtype=f16", MLSTM STATE},
        {"op=rotary;start=5;pairing=half;rotary_dim=4;inverse=true", ROTARY ";positions:I64:1,4"},
        {"op=rotary", "q:F32:1,4,4,8;k:F32:1,2,4,8;positions:I32:4;sin:F32:4,4;cos:F32:4,4"},
        {"op=attention;window=2;start=7;rotary=false;causal=false", ATTENTION ";mask:BOOL:3,5"},
        {"op=attention;rotary=false", "q:F32:1,2,3,7;k:F32:1,2,3,7;v:F32:1,2,3,6"},
        {"op=mlstm_cell;num_heads=2;add_qk_norm=true", CELL NORMS},
        {"op=mlstm_cell;num_heads=2;gate_linear_headwise=true", CELL_QKV CELL_GATES("2,1,20")},
        {"op=mlstm_cell;num_heads=2", CELL_QKV ";gate_input.0:F32:1,4,5;gate_input.1:F32:1,4,6" CELL_GATES("11,2")},
        {"op=mlstm_cell;num_heads=2;backend=recurrent", CELL ";C0:F32:1,2,8,4;n0:F32:1,2,8;m0:F32:1,2"},
        {"op=mlstm_cell;num_heads=2;backend=attention;backend.theta=5;backend.context_length=9", CELL},
        {"op=mlstm_cell;num_heads=2;reset_fgate_value=-inf;igate_bias_init_range=-2.5", CELL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        clxi_case_destroy(good(rows[i][0], rows[i][1]));
    clxi_case_destroy(NULL);
}
END_TEST

START_TEST(defaults)
{
    clxi_case *c = good("op=mlstm_parallel", MLSTM);
    ck_assert_int_eq(c->op, CLXI_OP_MLSTM_PARALLEL);
    ck_assert(!clxi_case_given(c, "eps") && clxi_case_float(c, "eps") == 1e-6);
    ck_assert(clxi_case_bool(c, "stabilize_rowwise"));
    ck_assert_int_eq(clxi_case_dtype(c, "qkv_dtype"), CLX_DTYPE_DEFAULT);
    ck_assert_int_eq(clxi_case_qkv_dtype(c), CLX_F32);
    ck_assert_uint_eq(clxi_case_size(c, 'V'), 6);
    ck_assert_ptr_null(clxi_case_tensor(c, "mask"));
    clxi_case_destroy(c);

    c = good("op=attention", ATTENTION);
    ck_assert(clxi_case_bool(c, "causal") && clxi_case_bool(c, "rotary") && !clxi_case_given(c, "window"));
    ck_assert_int_eq(clxi_case_choice(c, "activation_function"), CLXI_SOFTMAX);
    ck_assert_double_eq(clxi_case_float(c, "theta"), 10000);
    clxi_case_destroy(c);
    c = good("op=attention", ATTENTION ";mask:BOOL:3,5"); /* the mask alone applies */
    ck_assert(!clxi_case_bool(c, "causal"));
    clxi_case_destroy(c);

    c = good("op=mlstm_cell;num_heads=2", CELL);
    ck_assert_int_eq(clxi_case_int(c, "context_length"), -1);
    ck_assert_int_eq(clxi_case_choice(c, "backend"), CLXI_PARALLEL_STABILIZED);
    ck_assert_double_eq(clxi_case_float(c, "reset_fgate_value"), -25);
    ck_assert_int_eq(clxi_case_dtype(c, "gate_dtype"), CLX_F32);
    ck_assert(!clxi_case_given(c, "gate_soft_cap"));
    const clxi_value *range = clxi_case_value(c, "fgate_bias_init_range");
    ck_assert(range->count == 2 && range->number[0] == 3 && range->number[1] == 6);
    ck_assert_int_eq(clxi_case_value(c, "igate_bias_init_range")->count, 0);
    ck_assert_uint_eq(clxi_case_size(c, 'P'), 8);
    ck_assert_uint_eq(clxi_case_size(c, 'D'), 4);
    clxi_case_destroy(c);
}
END_TEST

START_TEST(values)
{
    clxi_case *c = good("op=mlstm_parallel;eps=0.0;stabilize_rowwise=false;qkv_dtype=bfloat16;gate_dtype=f16", MLSTM);
    ck_assert(clxi_case_given(c, "eps") && clxi_case_float(c, "eps") == 0);
    ck_assert(!clxi_case_bool(c, "stabilize_rowwise"));
    ck_assert_int_eq(clxi_case_qkv_dtype(c), CLX_BF16);
    ck_assert_int_eq(clxi_case_dtype(c, "gate_dtype"), CLX_F16);
    clxi_case_destroy(c);

    c = good("op=attention;activation_function=none;qk_pre_activation_function=swish;start=3;window=7", ATTENTION);
    ck_assert_int_eq(clxi_case_choice(c, "activation_function"), CLXI_NO_ACTIVATION);
    ck_assert_int_eq(clxi_case_choice(c, "qk_pre_activation_function"), CLXI_PRE_SWISH);
    ck_assert_int_eq(clxi_case_int(c, "start"), 3);
    ck_assert_int_eq(clxi_case_int(c, "window"), 7);
    clxi_case_destroy(c);

    c = good("op=mlstm_cell;num_heads=2;backend=attention;theta=500.0;context_length=9;fgate_bias_init_range=-1.5;"
             "reset_fgate_value=-inf;igate_bias_init_range=1,2e0;dtype=f32;norm_type=rmsnorm",
             CELL);
    ck_assert_int_eq(clxi_case_choice(c, "backend"), CLXI_ATTENTION);
    ck_assert_double_eq(clxi_case_float(c, "backend.theta"), 500);
    ck_assert_int_eq(clxi_case_int(c, "context_length"), 9); /* the bare name is the cell's */
    ck_assert_int_eq(clxi_case_int(c, "backend.context_length"), -1);
    ck_assert(isinf(clxi_case_float(c, "reset_fgate_value")));
    ck_assert_int_eq(clxi_case_value(c, "fgate_bias_init_range")->count, 1);
    ck_assert_double_eq(clxi_case_value(c, "igate_bias_init_range")->number[1], 2);
    ck_assert_int_eq(clxi_case_choice(c, "norm_type"), CLXI_RMSNORM);
    ck_assert_int_eq(clxi_case_qkv_dtype(c), CLX_F32);
    clxi_case_destroy(c);
}
END_TEST

/* Each default parses, each operator has its lists, and no list is longer than what a case holds. */
START_TEST(tables)
{
    for (int op = 0; op < CLXI_OP_COUNT; op++) {
        const clxi_op_row *row = &clxi_op_rows[op];
        ck_assert_ptr_nonnull(row->name);
        if (op >= CLXI_OP_MLSTM_CHUNKWISE) continue;
        ck_assert(row->inputs && row->outputs && row->params);
        int count = 0;
        for (const clxi_param_row *param = row->params; param->name; param++, count++) {
            clxi_value value = {.given = false};
            char text[96];
            ck_assert(!param->fallback || clxi_value_parse(param, param->fallback, &value));
            ck_assert(!clxi_value_parse(param, "?", &value));
            ck_assert_str_ne(clxi_value_expects(param, text, sizeof text), "?");
        }
        ck_assert_int_le(count, CLXI_CASE_MAX_PARAMS);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("case");
    TCase *tcase = suite_case(suite, "case", 30);
    tcase_add_loop_test(tcase, refused, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tcase, accepted);
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, values);
    tcase_add_test(tcase, tables);
    return suite_run(suite);
}
