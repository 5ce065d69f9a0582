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

/* For each row with logits x, V = vocab_size, target t, and q = (1 - label_smoothing) at t, plus label_smoothing / V everywhere:
 *   lse = log(sum(exp(x))),   loss = weight * (sum(q * (lse - x)) + z_loss * lse^2),
 *   and with `gradient`, over the logits: grad_scale * device_scale * weight * ((1 + 2 * z_loss * lse) * exp(x - lse) - q).
 * Sums are over the first V columns. What the others hold, NaN included, does not matter; their gradient is 0.
 *
 * A row whose target is ignore_index, or whose weight is 0, is not read: its loss, its lse and its gradient are 0. A row with
 * another target of V or more has its true lse, and NaN as its loss and as the gradient of its first V columns.
 * NaN or +inf among a row's first V logits makes NaN of all that the row gives, and so do logits that are all -inf, but for their
 * lse, which is -inf. A logit of -inf has probability 0; where q is above 0, the loss is +inf.
 *
 * logits: [rows, columns] of `dtype`, rows logits_stride apart. targets, weights, losses, lse: [rows]. device_scale: one number.
 * 1 <= vocab_size <= columns <= 262144. 0 <= label_smoothing <= 1. A loss has the same bits with `gradient` and without. */
typedef struct ww_cross_entropy_params {
    int64_t rows;
    int64_t columns;
    int64_t vocab_size;
    void *logits; /* not written without `gradient` */
    int64_t logits_stride;
    const uint32_t *targets;
    const float *weights;      /* may be null: 1 */
    const float *device_scale; /* may be null: 1 */
    float *losses;
    float *lse; /* may be null */
    float grad_scale;
    float label_smoothing;
    float z_loss;
    uint32_t ignore_index;
    int32_t gradient;
    ww_dtype dtype;
} ww_cross_entropy_params;
WW_STATIC_ASSERT(sizeof(ww_cross_entropy_params) == 104, "ww_cross_entropy_params");
int32_t WW_FUNCTION(cross_entropy)(const ww_cross_entropy_params *params, ww_stream stream);

/* reciprocal[0] = 1 / the number of targets that are not ignore_index, or 1 where all are. targets: [count]. */
typedef struct ww_reciprocal_count_params {
    int64_t count;
    const uint32_t *targets;
    float *reciprocal;
    uint32_t ignore_index;
    int32_t reserved;
} ww_reciprocal_count_params;
WW_STATIC_ASSERT(sizeof(ww_reciprocal_count_params) == 32, "ww_reciprocal_count_params");
int32_t WW_FUNCTION(reciprocal_count)(const ww_reciprocal_count_params *params, ww_stream stream);

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
