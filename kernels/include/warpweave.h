/* The whole C ABI of the kernels: parameter structures, launchers and status codes.
 *
 * - A launcher enqueues kernels on the stream that it is given and returns. It never allocates and never synchronizes. Scratch
 *   memory comes in through the parameters; `ww_<op>_workspace` says how many bytes, or a `WW_ERROR_*`.
 * - It returns 0, a `cudaError_t` (above 0) or a `WW_ERROR_*` (below 0). It checks what would make a kernel go wrong; what
 *   users get wrong is checked, with better messages, by the Rust functions over it.
 * - All pointers are device pointers. Strides are in elements. Sizes are int64_t. A null pointer marks what is absent.
 * - What is written overlaps no other operand, but where a contract allows it. What is only read may overlap.
 * - The same sources compiled for the simulated GPU have the same functions under the name `ww_sim_<op>`.
 *
 * The Rust bindings in src/ffi are generated from this file: see docs/development.md.
 */
#ifndef WARPWEAVE_H
#define WARPWEAVE_H

#include <stdint.h>

#ifdef WW_SIM
#define WW_FUNCTION(op) ww_sim_##op
#else
#define WW_FUNCTION(op) ww_##op
#endif

#ifdef __cplusplus
#define WW_STATIC_ASSERT static_assert
extern "C" {
#else
#define WW_STATIC_ASSERT _Static_assert
#endif

/* A `cudaStream_t` of the current device, or a stream of the simulated GPU. */
typedef void *ww_stream;

#define WW_OK 0
/* A parameter that no kernel can run with: a negative size, a null pointer, a stride that is too small. */
#define WW_ERROR_ARGUMENT (-1)
/* A shape or a type that this build has no kernel for. */
#define WW_ERROR_UNSUPPORTED (-2)
/* The workspace is smaller than `ww_<op>_workspace` says. */
#define WW_ERROR_WORKSPACE (-3)

/* Types of elements. Arithmetic, statistics and sums are f32 in all of them. */
#define WW_F32 0
#define WW_BF16 1
#define WW_F16 2
typedef int32_t ww_dtype;

/* Which elements are dropped: element i of an operand, counted in row-major order, is zeroed when word i mod 4 of
 * philox4x32_10(key = seed, counter = {i / 4 (low), i / 4 (high), site (low), site (high)}), shifted right by 8 and divided
 * by 2^24, is below p; the others are scaled by 1 / (1 - p). p = 0 turns dropout off. */
typedef struct ww_dropout {
    uint64_t seed;
    uint64_t site;
    float p;
    int32_t reserved;
} ww_dropout;
WW_STATIC_ASSERT(sizeof(ww_dropout) == 24, "ww_dropout");

/* The shape of operands whose elements are visited alike: [sizes[0], sizes[1], sizes[2], columns]. Each operand has strides for
 * the first three axes; the last one lies without gaps. Which axes were one before, and which were several, makes no difference:
 * an element's number is its place in row-major order. */
typedef struct ww_rows {
    int64_t sizes[3];
    int64_t columns;
} ww_rows;
WW_STATIC_ASSERT(sizeof(ww_rows) == 32, "ww_rows");

/* ---------------------------------------------------------------------------------------------------------- norm.cu */

#define WW_NORM_LAYER 0
#define WW_NORM_RMS 1

/* s = x, or s = residual + dropout(x) where there is a residual, written to sum;
 * y = (s - mean) * rstd * gamma + beta for each row.
 *
 * Layer norm: mean = sum(s) / C, rstd = 1 / sqrt(sum((s - mean)^2) / C + eps), C being `columns`.
 * RMS norm: mean = 0, rstd = 1 / sqrt(sum(s^2) / C + eps).
 * What is normalized is s as it was rounded to `dtype`. x, residual, sum, y: [rows, columns] of `dtype`, rows `*_stride`
 * apart. gamma, beta: [columns] of `weight_dtype`. mean, rstd: [rows] of f32. 1 <= columns <= 65536. */
typedef struct ww_norm_params {
    int64_t rows;
    int64_t columns;
    const void *x;
    int64_t x_stride;
    const void *residual; /* may be null: then so is sum, and dropout.p is 0 */
    int64_t residual_stride;
    void *sum;
    int64_t sum_stride;
    void *y;
    int64_t y_stride;
    const void *gamma;
    const void *beta; /* may be null */
    float *mean;
    float *rstd;
    ww_dropout dropout;
    float eps;
    int32_t kind; /* WW_NORM_* */
    ww_dtype dtype;
    ww_dtype weight_dtype;
} ww_norm_params;
WW_STATIC_ASSERT(sizeof(ww_norm_params) == 152, "ww_norm_params");
int32_t WW_FUNCTION(norm)(const ww_norm_params *params, ww_stream stream);

/* With n = (x - mean) * rstd and g = dy * gamma, for each row:
 * dx = rstd * (g - mean(g) - n * mean(g * n)) + residual_grad, without mean(g) for RMS norm;
 * dbranch = dropout(dx), where it is asked for: the gradient of the forward pass's x, when its sum was residual + dropout(x);
 * dgamma = beta_acc * dgamma + sum over rows of dy * n; dbeta = beta_acc * dbeta + sum over rows of dy.
 *
 * x is what was normalized. dx is rounded to `dtype` once; dbranch is made from its value before that. The sums over rows
 * are taken in an order that depends on rows and columns alone. With beta_acc = 0, dgamma and dbeta are not read.
 * x, dy, residual_grad, dx, dbranch: [rows, columns] of `dtype`. gamma: [columns] of `weight_dtype`. mean, rstd: [rows] of
 * f32. dgamma, dbeta: [columns] of f32. dx may be residual_grad itself, with the same stride. */
typedef struct ww_norm_backward_params {
    int64_t rows;
    int64_t columns;
    const void *x;
    int64_t x_stride;
    const void *dy;
    int64_t dy_stride;
    const void *residual_grad; /* may be null */
    int64_t residual_grad_stride;
    void *dx;
    int64_t dx_stride;
    void *dbranch; /* may be null */
    int64_t dbranch_stride;
    const void *gamma;
    const float *mean;
    const float *rstd;
    float *dgamma;
    float *dbeta; /* may be null */
    void *workspace; /* 16-byte aligned */
    int64_t workspace_bytes;
    ww_dropout dropout;
    float beta_acc;
    int32_t kind; /* WW_NORM_* */
    ww_dtype dtype;
    ww_dtype weight_dtype;
} ww_norm_backward_params;
WW_STATIC_ASSERT(sizeof(ww_norm_backward_params) == 192, "ww_norm_backward_params");
int32_t WW_FUNCTION(norm_backward)(const ww_norm_backward_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; the pointers of `params` are not looked at. */
int64_t WW_FUNCTION(norm_backward_workspace)(const ww_norm_backward_params *params);

/* ------------------------------------------------------------------------------------------------------- softmax.cu */

/* s = scale * x + bias where the query sees the key; y = exp(s - max(s)) / sum(exp(s - max(s))) over the keys that it sees, 0
 * elsewhere. Query i of sequence b sees key j where all of these hold:
 *   j < key_lengths[b];                          causal: j <= i + Tk - Tq;
 *   window: -window_left <= j - (i + Tk - Tq) <= window_right;   allowed[b, h, i, j] != 0.
 * A row without a key that it sees is zeros, and so is one whose s is -inf at all of them. What masked elements of x and bias
 * hold, NaN included, does not matter. A key length above Tk counts as Tk.
 *
 * x, y: [B, H, Tq, Tk] of `dtype`, the last axis without gaps. bias of `bias_dtype` and allowed of bytes are broadcast by
 * strides of 0 and may have any stride on the last axis. key_lengths: [B]. A negative window side is no limit.
 * 0 <= Tk <= 262144. y may be x itself, with the same strides. */
typedef struct ww_softmax_params {
    int64_t batch;
    int64_t heads;
    int64_t seq_len_q;
    int64_t seq_len_k;
    const void *x;
    int64_t x_strides[3];
    void *y;
    int64_t y_strides[3];
    const uint32_t *key_lengths; /* may be null */
    const uint8_t *allowed;      /* may be null */
    int64_t allowed_strides[4];
    const void *bias; /* may be null */
    int64_t bias_strides[4];
    int64_t window_left;
    int64_t window_right;
    float scale;
    int32_t causal;
    ww_dtype dtype;
    ww_dtype bias_dtype;
} ww_softmax_params;
WW_STATIC_ASSERT(sizeof(ww_softmax_params) == 216, "ww_softmax_params");
int32_t WW_FUNCTION(softmax)(const ww_softmax_params *params, ww_stream stream);

/* dx = scale * y * (dy - sum(y * dy)) for each row, written over dy: the gradient of softmax at x, from its output y. A masked
 * element has y = 0 and gets 0 whatever dy holds there, NaN included. y, grad: [B, H, Tq, Tk] of `dtype`, the last axis
 * without gaps. */
typedef struct ww_softmax_backward_params {
    int64_t batch;
    int64_t heads;
    int64_t seq_len_q;
    int64_t seq_len_k;
    const void *y;
    int64_t y_strides[3];
    void *grad;
    int64_t grad_strides[3];
    float scale;
    ww_dtype dtype;
} ww_softmax_backward_params;
WW_STATIC_ASSERT(sizeof(ww_softmax_backward_params) == 104, "ww_softmax_backward_params");
int32_t WW_FUNCTION(softmax_backward)(const ww_softmax_backward_params *params, ww_stream stream);

/* ------------------------------------------------------------------------------------------------ activation.cu */

/* 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))); x Phi(x) with the normal distribution function; max(x, 0), with a derivative
 * of 0 at 0; x / (1 + exp(-x)). Results are 0 where they would be below 1e-35. */
#define WW_ACTIVATION_GELU_TANH 0
#define WW_ACTIVATION_GELU 1
#define WW_ACTIVATION_RELU 2
#define WW_ACTIVATION_SILU 3

/* y = f(x + bias). x, y: `rows` of `dtype`. bias: [columns] of `bias_dtype`. */
typedef struct ww_activation_params {
    ww_rows rows;
    const void *x;
    int64_t x_strides[3];
    const void *bias; /* may be null */
    void *y;
    int64_t y_strides[3];
    int32_t kind; /* WW_ACTIVATION_* */
    ww_dtype dtype;
    ww_dtype bias_dtype;
    int32_t reserved;
} ww_activation_params;
WW_STATIC_ASSERT(sizeof(ww_activation_params) == 120, "ww_activation_params");
int32_t WW_FUNCTION(activation)(const ww_activation_params *params, ww_stream stream);

/* dx = dy * f'(x + bias); dbias = beta * dbias + sum over rows of dx, where it is asked for.
 *
 * The sums are taken of dx before it is rounded to `dtype`, in an order that depends on the number of rows alone. With beta = 0,
 * dbias is not read. x, dy, dx: `rows` of `dtype`. bias: [columns] of `bias_dtype`. dbias: [columns] of f32. dx may be dy itself,
 * with the same strides. */
typedef struct ww_activation_backward_params {
    ww_rows rows;
    const void *x;
    int64_t x_strides[3];
    const void *bias; /* may be null */
    const void *dy;
    int64_t dy_strides[3];
    void *dx;
    int64_t dx_strides[3];
    float *dbias; /* may be null: then nothing needs a workspace */
    void *workspace; /* 16-byte aligned */
    int64_t workspace_bytes;
    float beta;
    int32_t kind; /* WW_ACTIVATION_* */
    ww_dtype dtype;
    ww_dtype bias_dtype;
} ww_activation_backward_params;
WW_STATIC_ASSERT(sizeof(ww_activation_backward_params) == 176, "ww_activation_backward_params");
int32_t WW_FUNCTION(activation_backward)(const ww_activation_backward_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; of the pointers it only matters whether dbias is null. */
int64_t WW_FUNCTION(activation_backward_workspace)(const ww_activation_backward_params *params);

/* y = f(gate) * up, where a row of x + bias is gate | up. y: [rows, columns] of `dtype`. x: [rows, 2 * columns] of `dtype`. bias:
 * [2 * columns] of `bias_dtype`. */
typedef struct ww_glu_params {
    int64_t rows;
    int64_t columns;
    const void *x;
    int64_t x_stride;
    const void *bias; /* may be null */
    void *y;
    int64_t y_stride;
    int32_t kind; /* WW_ACTIVATION_* */
    ww_dtype dtype;
    ww_dtype bias_dtype;
    int32_t reserved;
} ww_glu_params;
WW_STATIC_ASSERT(sizeof(ww_glu_params) == 72, "ww_glu_params");
int32_t WW_FUNCTION(glu)(const ww_glu_params *params, ww_stream stream);

/* dx = dy * up * f'(gate) | dy * f(gate); dbias = beta * dbias + sum over rows of dx, where it is asked for, as of
 * `ww_activation_backward`. dy: [rows, columns] of `dtype`. x, dx: [rows, 2 * columns] of `dtype`. bias: [2 * columns] of
 * `bias_dtype`. dbias: [2 * columns] of f32. */
typedef struct ww_glu_backward_params {
    int64_t rows;
    int64_t columns;
    const void *x;
    int64_t x_stride;
    const void *bias; /* may be null */
    const void *dy;
    int64_t dy_stride;
    void *dx;
    int64_t dx_stride;
    float *dbias; /* may be null: then nothing needs a workspace */
    void *workspace; /* 16-byte aligned */
    int64_t workspace_bytes;
    float beta;
    int32_t kind; /* WW_ACTIVATION_* */
    ww_dtype dtype;
    ww_dtype bias_dtype;
} ww_glu_backward_params;
WW_STATIC_ASSERT(sizeof(ww_glu_backward_params) == 112, "ww_glu_backward_params");
int32_t WW_FUNCTION(glu_backward)(const ww_glu_backward_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; of the pointers it only matters whether dbias is null. */
int64_t WW_FUNCTION(glu_backward_workspace)(const ww_glu_backward_params *params);

/* dbias = beta * dbias + sum over rows of dy, in an order that depends on the number of rows alone. With beta = 0, dbias is not
 * read. dy: [rows, columns] of `dtype`. dbias: [columns] of f32. */
typedef struct ww_bias_backward_params {
    int64_t rows;
    int64_t columns;
    const void *dy;
    int64_t dy_stride;
    float *dbias;
    void *workspace; /* 16-byte aligned */
    int64_t workspace_bytes;
    float beta;
    ww_dtype dtype;
} ww_bias_backward_params;
WW_STATIC_ASSERT(sizeof(ww_bias_backward_params) == 64, "ww_bias_backward_params");
int32_t WW_FUNCTION(bias_backward)(const ww_bias_backward_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; the pointers of `params` are not looked at. */
int64_t WW_FUNCTION(bias_backward_workspace)(const ww_bias_backward_params *params);

/* --------------------------------------------------------------------------------------------- cross_entropy.cu */

/* --------------------------------------------------------------------------------------------------- dropout.cu */

/* ------------------------------------------------------------------------------------------------- embedding.cu */

/* ---------------------------------------------------------------------------------------------------- rotary.cu */

/* ----------------------------------------------------------------------------------------------------- adamw.cu */

/* -------------------------------------------------------------------------------------------------- sampling.cu */

/* ------------------------------------------------------------------------------------------------------ copy.cu */

/* ---------------------------------------------------------------------------------------------------- reduce.cu */

#ifdef __cplusplus
}
#endif
#endif
