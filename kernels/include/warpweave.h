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

/* --------------------------------------------------------------------------------------------- cross_entropy.cu */

/* --------------------------------------------------------------------------------------------------- dropout.cu */

/* ------------------------------------------------------------------------------------------------- embedding.cu */

/* ---------------------------------------------------------------------------------------------------- rotary.cu */

/* ----------------------------------------------------------------------------------------------------- adamw.cu */

/* -------------------------------------------------------------------------------------------------- sampling.cu */

/* tokens[r] is drawn from softmax(logits[r] / temperature) among the tokens that the filters keep. At temperature 0 it is the
 * greatest logit's, of equals the lowest number; nothing else is looked at then. A row that holds NaN or +inf, or nothing finite,
 * gets 2^32 - 1.
 *
 * All is integers, so that every device draws the same tokens. Token i of a row whose greatest logit is m weighs
 * w = floor(2^40 * exp((logit - m) / temperature)), the exponential made by the steps in sampling/weights.cuh: what is below
 * 2^-40 of the most probable token is never drawn. Sums are exact. The filters, in this order:
 *   top_k   the k greatest by (logit, lower number);
 *   top_p   of those, the fewest greatest whose weights' sum is at least floor(2^64 p) / 2^64 of the sum of all those;
 *   min_p   of those, where w >= min_p * 2^40.
 * The kept tokens share [0, sum) in the order of their numbers, and the one at floor(u * sum / 2^64) is taken, u being word 0
 * (high) and word 1 of philox4x32_10(key = seed, counter = {draw (low), draw (high), r (low), r (high) + 2^30}).
 *
 * logits: [rows, vocab_size] of `dtype`, rows `logits_stride` apart, which may overlap. tokens: [rows].
 * 1 <= vocab_size <= 2^23. */
typedef struct ww_sample_params {
    int64_t rows;
    int64_t vocab_size;
    const void *logits;
    int64_t logits_stride;
    uint32_t *tokens;
    uint64_t seed;
    uint64_t draw;
    int64_t top_k;     /* at least 1; vocab_size and above keep all */
    float temperature; /* finite, at least 0 */
    float top_p;       /* in (0, 1]; 1 keeps all */
    float min_p;       /* in [0, 1]; 0 keeps all */
    ww_dtype dtype;
} ww_sample_params;
WW_STATIC_ASSERT(sizeof(ww_sample_params) == 80, "ww_sample_params");
int32_t WW_FUNCTION(sample)(const ww_sample_params *params, ww_stream stream);

/* ------------------------------------------------------------------------------------------------------ copy.cu */

/* ---------------------------------------------------------------------------------------------------- reduce.cu */

#ifdef __cplusplus
}
#endif
#endif
