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

/* y = dropout(x), or y = residual + dropout(x) where there is a residual, for each element of `rows`: which are dropped, see
 * ww_dropout. A dropped element of x counts as 0 whatever it holds, NaN included. Its own gradient: dx = dropout(dy).
 *
 * x, residual, y: `rows` of `dtype`. The sum is rounded to `dtype` once. y may be x itself, with the same strides. */
typedef struct ww_dropout_apply_params {
    ww_rows rows;
    const void *x;
    int64_t x_strides[3];
    const void *residual; /* may be null */
    int64_t residual_strides[3];
    void *y;
    int64_t y_strides[3];
    ww_dropout dropout;
    ww_dtype dtype;
    int32_t reserved;
} ww_dropout_apply_params;
WW_STATIC_ASSERT(sizeof(ww_dropout_apply_params) == 160, "ww_dropout_apply_params");
int32_t WW_FUNCTION(dropout_apply)(const ww_dropout_apply_params *params, ww_stream stream);

/* ------------------------------------------------------------------------------------------------- embedding.cu */

/* y[b, t] = dropout(scale * table[tokens[b, t]] + positions[p]). p is position_ids[b, t], or first_position + t where there are no
 * ids. The sum is made in f32, dropped from as element ((b * T + t) * C + c) of y and rounded once. Where a token is not below
 * vocab_size, or p not below position_count, the whole row of y is NaN, whatever is dropped.
 *
 * tokens, position_ids: [B, T], rows `*_stride` apart. table: [vocab_size, C], positions: [position_count, C], both of
 * `weight_dtype`. y: [B, T, C] of `dtype`. B * T < 2^31; vocab_size and position_count <= 2^31; 1 <= C <= 2^20. Without ids
 * first_position + T <= position_count. */
typedef struct ww_embedding_params {
    int64_t batch;
    int64_t seq_len;
    int64_t columns;
    int64_t vocab_size;
    const uint32_t *tokens;
    int64_t tokens_stride;
    const void *table;
    int64_t table_stride;
    const void *positions; /* may be null: then so is position_ids */
    int64_t positions_stride;
    int64_t position_count;
    int64_t first_position;
    const uint32_t *position_ids; /* may be null */
    int64_t position_ids_stride;
    void *y;
    int64_t y_strides[2];
    ww_dropout dropout;
    float scale;
    ww_dtype dtype;
    ww_dtype weight_dtype;
    int32_t reserved;
} ww_embedding_params;
WW_STATIC_ASSERT(sizeof(ww_embedding_params) == 176, "ww_embedding_params");
int32_t WW_FUNCTION(embedding)(const ww_embedding_params *params, ww_stream stream);

/* dtable[v] += scale * sum of dropout(dy[b, t]) over all b, t whose token is v; dpositions[p] += sum of dropout(dy[b, t]) over
 * all b, t whose position is p. A token that is not below vocab_size is left out of dtable, a position that is not below
 * position_count out of dpositions.
 *
 * Rows that no token or position names are neither read nor written. The order of each sum depends on the shape and on what the
 * tokens (the ids) are, and on nothing else. dy: [B, T, C] of `dtype`. dtable: [vocab_size, C], dpositions: [position_count, C]
 * of f32. Sizes are those of ww_embedding. */
typedef struct ww_embedding_backward_params {
    int64_t batch;
    int64_t seq_len;
    int64_t columns;
    int64_t vocab_size;
    const uint32_t *tokens;
    int64_t tokens_stride;
    int64_t position_count;
    int64_t first_position;
    const uint32_t *position_ids; /* may be null */
    int64_t position_ids_stride;
    const void *dy;
    int64_t dy_strides[2];
    float *dtable;
    int64_t dtable_stride;
    float *dpositions; /* may be null */
    int64_t dpositions_stride;
    void *workspace; /* 16-byte aligned */
    int64_t workspace_bytes;
    ww_dropout dropout;
    float scale;
    ww_dtype dtype;
} ww_embedding_backward_params;
WW_STATIC_ASSERT(sizeof(ww_embedding_backward_params) == 184, "ww_embedding_backward_params");
int32_t WW_FUNCTION(embedding_backward)(const ww_embedding_backward_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; of the pointers of `params` only whether they are null is looked at. */
int64_t WW_FUNCTION(embedding_backward_workspace)(const ww_embedding_backward_params *params);

/* positions[p, 2i] = sin(p / 10000^(2i / C)), positions[p, 2i + 1] = cos of the same. positions: [rows, C] of `dtype`. Made in
 * f64 and rounded to f32, then to `dtype`: beside these roundings at most p * 2^-50 is wrong. */
typedef struct ww_sinusoidal_positions_params {
    int64_t rows;
    int64_t columns;
    void *positions;
    int64_t positions_stride;
    ww_dtype dtype;
    int32_t reserved;
} ww_sinusoidal_positions_params;
WW_STATIC_ASSERT(sizeof(ww_sinusoidal_positions_params) == 40, "ww_sinusoidal_positions_params");
int32_t WW_FUNCTION(sinusoidal_positions)(const ww_sinusoidal_positions_params *params, ww_stream stream);

/* ---------------------------------------------------------------------------------------------------- rotary.cu */

/* Pair i = 2i and 2i + 1, as in the paper and in GPT-J. */
#define WW_ROTARY_INTERLEAVED 0
/* Pair i = i and i + rotary_dim / 2, as in GPT-NeoX and LLaMA. */
#define WW_ROTARY_HALF 1

/* Turns pair i of each head's first rotary_dim elements, in place, by a = position * theta^(-2i / rotary_dim):
 *   (x, y) <- (x cos a - y sin a, x sin a + y cos a), or back, by -a, where `inverse` is not 0.
 * Token t of sequence b stands at position first_position + positions[b, t], or first_position + t without positions.
 * theta^(-2i / rotary_dim) is a double; the angle's fraction of a turn has 64 bits at every position, so cosine and sine are
 * exact but for f32's rounding up to position 2^32, and the same wherever a position stands. Elements from rotary_dim on are
 * neither read nor written.
 *
 * x: [batch, seq_len, heads, head_dim] of `dtype`, the last axis without gaps. positions: [batch, seq_len] with any strides,
 * 0 too. rotary_dim is even and at most head_dim. theta is finite and above 0. */
typedef struct ww_rotary_params {
    int64_t batch;
    int64_t seq_len;
    int64_t heads;
    int64_t head_dim;
    int64_t rotary_dim;
    void *x;
    int64_t x_strides[3];
    const uint32_t *positions; /* may be null */
    int64_t positions_strides[2];
    uint64_t first_position;
    float theta;
    int32_t layout; /* WW_ROTARY_* */
    int32_t inverse;
    ww_dtype dtype;
} ww_rotary_params;
WW_STATIC_ASSERT(sizeof(ww_rotary_params) == 120, "ww_rotary_params");
int32_t WW_FUNCTION(rotary)(const ww_rotary_params *params, ww_stream stream);

/* ----------------------------------------------------------------------------------------------------- adamw.cu */

/* norm = sqrt(sum(grads^2)), or sqrt(norm^2 + sum(grads^2)) with accumulate, of [count] elements of `dtype`. The squares are summed
 * in f64, in an order that depends on count, `dtype` and the alignment of grads alone. A NaN gives NaN, an infinity without NaN
 * infinity. norm: one f32. */
typedef struct ww_grad_norm_params {
    int64_t count;
    const void *grads;
    float *norm;
    void *workspace; /* 8-byte aligned */
    int64_t workspace_bytes;
    ww_dtype dtype;
    int32_t accumulate;
} ww_grad_norm_params;
WW_STATIC_ASSERT(sizeof(ww_grad_norm_params) == 48, "ww_grad_norm_params");
int32_t WW_FUNCTION(grad_norm)(const ww_grad_norm_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; the pointers of `params` are not looked at. */
int64_t WW_FUNCTION(grad_norm_workspace)(const ww_grad_norm_params *params);

/* What changes from step to step, in device memory: so a graph of a step can be replayed. Begins as zeros; to go on from a
 * checkpoint, as zeros but for `step`. */
typedef struct ww_adamw_state {
    uint64_t step;    /* updates so far */
    uint64_t skipped; /* steps that found a gradient which is not finite */
    double m_gain;    /* 1 / (1 - beta1^step) */
    float v_scale;    /* 1 / sqrt(1 - beta2^step) */
    float grad_scale; /* what gradients are multiplied by */
    float beta1;
    float beta2;
    float gain1; /* 1 - beta1 */
    float gain2; /* 1 - beta2 */
    int32_t skip;
    int32_t reserved[3];
} ww_adamw_state;
WW_STATIC_ASSERT(sizeof(ww_adamw_state) == 64, "ww_adamw_state");

/* Begins a step. n = |grad_scale| * norm, or 0 without a norm, is the norm of the gradient that the step is made of.
 * Where n is not finite: skip = 1, skipped += 1, and nothing else changes.
 * Else skip = 0, step += 1, grad_scale is that of the parameters, times clip / n if n > clip, and the rest follows from it.
 * Powers are taken by squaring in f64, so that all devices agree to the bit. 0 <= beta < 1. */
typedef struct ww_adamw_begin_params {
    ww_adamw_state *state; /* 16-byte aligned */
    const float *norm;     /* may be null */
    float beta1;
    float beta2;
    float grad_scale;
    float clip; /* infinity for none */
} ww_adamw_begin_params;
WW_STATIC_ASSERT(sizeof(ww_adamw_begin_params) == 32, "ww_adamw_begin_params");
int32_t WW_FUNCTION(adamw_begin)(const ww_adamw_begin_params *params, ww_stream stream);

/* Elements begin ... end - 1. */
typedef struct ww_range {
    int64_t begin;
    int64_t end;
} ww_range;
WW_STATIC_ASSERT(sizeof(ww_range) == 16, "ww_range");

/* One step of AdamW, of [count] elements each, unless state->skip is set: then nothing is written. With the values of `state`,
 * lr = lr * lr_scale, g = grad_scale * grads, and p the master copy, where there is one, else the weights in f32:
 *
 *     m = beta1 * m + gain1 * g,   v = beta2 * v + (gain2 * g) * g
 *     p = p - (((lr * m_gain) * m) / (v_scale * sqrt(v) + eps) + (lr * weight_decay) * p)
 *
 * with weight_decay in the elements of `decayed` and 0 elsewhere. Each operation is rounded to f32 by itself, but for lr * m_gain,
 * which is rounded once from f64: all devices agree to the bit. The weights are p, rounded once: to nearest, or stochastically.
 *
 * Stochastic rounding takes element i to one of the two numbers of `dtype` around p: away from zero if u, the word
 * (first + i) mod 4 of philox4x32_10(key = seed, counter = {(first + i) / 4 (low), (first + i) / 4 (high), step (low), step
 * (high)}), is at least 2^32 * (1 - f), f being the part of the way from the number nearer to zero; f is cut off to a multiple of
 * 2^-16 for a subnormal number of WW_F16, and exact otherwise. The number after the greatest finite one is infinity. A NaN is 0x7FFF. */
typedef struct ww_adamw_params {
    int64_t count;
    const ww_adamw_state *state; /* 16-byte aligned */
    void *weights;               /* of `dtype` */
    float *master;               /* may be null; is null for weights of WW_F32 */
    const void *grads;           /* of `grad_dtype` */
    float *m;
    float *v;
    const float *lr_scale;   /* one f32; may be null, for 1 */
    const ww_range *decayed; /* in the host's memory, read before the launcher returns; in ascending order, apart */
    int64_t decayed_count;
    uint64_t seed;
    uint64_t first;
    float lr;
    float eps;
    float weight_decay;
    int32_t stochastic; /* no rounding is needed for WW_F32: ignored */
    ww_dtype dtype;
    ww_dtype grad_dtype;
} ww_adamw_params;
WW_STATIC_ASSERT(sizeof(ww_adamw_params) == 120, "ww_adamw_params");
int32_t WW_FUNCTION(adamw)(const ww_adamw_params *params, ww_stream stream);

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

/* y = x, element by element. Where element_bytes is 1, 2 or 4, elements of that size are copied as they are, and the types are not
 * looked at. Where it is 0 they are converted from x_dtype to y_dtype: to the nearest number, and to the even one of two; NaN
 * stays NaN, what is too large for an f16 becomes infinite.
 *
 * x, y: [sizes[0], ... sizes[rank - 1]], with any strides of at least 0; those of y let no two elements meet. The order of the axes
 * says nothing, but speed does: the last axis should be that along which y's elements lie closest, and neighboring axes that
 * lie in one piece in both operands should be one axis. */
typedef struct ww_strided_copy_params {
    int32_t rank; /* 0 ... 6 */
    int32_t element_bytes;
    ww_dtype x_dtype;
    ww_dtype y_dtype;
    int64_t sizes[6];
    const void *x;
    int64_t x_strides[6];
    void *y;
    int64_t y_strides[6];
} ww_strided_copy_params;
WW_STATIC_ASSERT(sizeof(ww_strided_copy_params) == 176, "ww_strided_copy_params");
int32_t WW_FUNCTION(strided_copy)(const ww_strided_copy_params *params, ww_stream stream);

/* y = the lowest element_bytes (1, 2 or 4) of `bits`, in each element. y is as that of ww_strided_copy. */
typedef struct ww_strided_fill_params {
    int32_t rank; /* 0 ... 6 */
    int32_t element_bytes;
    uint32_t bits;
    int32_t reserved;
    int64_t sizes[6];
    void *y;
    int64_t y_strides[6];
} ww_strided_fill_params;
WW_STATIC_ASSERT(sizeof(ww_strided_fill_params) == 120, "ww_strided_fill_params");
int32_t WW_FUNCTION(strided_fill)(const ww_strided_fill_params *params, ww_stream stream);

/* ---------------------------------------------------------------------------------------------------- reduce.cu */

/* For each row of x: sum, mean = sum / C, sum_of_squares, min, max, max_abs = max(|x|), and non_finite, the number of elements that
 * are infinite or NaN. C is `columns`. Each output may be null.
 *
 * min, max and max_abs of a row with a NaN are NaN. Of a row without elements: sums, max_abs and non_finite are 0, mean is NaN, min
 * +inf, max -inf. Sums are f32; their order depends on rows and columns alone.
 * x: [rows, columns] of `dtype`, rows x_stride apart. Outputs: [rows]. columns < 2^32 where non_finite is asked for. */
typedef struct ww_reduce_params {
    int64_t rows;
    int64_t columns;
    const void *x;
    int64_t x_stride;
    float *sum;
    float *mean;
    float *sum_of_squares;
    float *min;
    float *max;
    float *max_abs;
    uint32_t *non_finite;
    void *workspace; /* 16-byte aligned */
    int64_t workspace_bytes;
    ww_dtype dtype;
    int32_t reserved;
} ww_reduce_params;
WW_STATIC_ASSERT(sizeof(ww_reduce_params) == 112, "ww_reduce_params");
int32_t WW_FUNCTION(reduce)(const ww_reduce_params *params, ww_stream stream);
/* The bytes that `workspace` must hold; the pointers of `params` are not looked at. */
int64_t WW_FUNCTION(reduce_workspace)(const ww_reduce_params *params);

#ifdef __cplusplus
}
#endif
#endif
