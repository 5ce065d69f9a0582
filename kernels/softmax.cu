// Masked softmax over rows, and its gradient in place. The contract is in include/warpweave.h.
//
//   forward    s = scale * x + bias, y = exp(s - max(s)) / sum(exp(s - max(s))) over the keys that a query sees, 0 elsewhere
//   backward   dx = scale * y * (dy - sum(y * dy)), written over dy; y = 0 gives 0
//   x, y, dy   [B, H, Tq, Tk], Tk without gaps; bias and allowed of the same shape, with any strides
//
// How the work is split. A row is held in registers from the one time that it is read until it is written, by some lanes of a
// warp, a block or a cluster, as its width asks for (common/held_rows.cuh): 32 elements in each thread as f32 scores, or four
// vectors each of y and dy as they lie in memory. The keys that a query sees through causal, window and key-length masks are one
// span. What is outside of it is written as zeros without being read, and a thread's vectors lie far apart, so that all
// threads have a like part of it. The greatest score and the sum are found in one exchange between warps: each sums
// exp(s - m) for the greatest score m of its own, and all of them join the pairs (m, sum) in the same order. That order
// depends on the width, on where a row begins between two multiples of 16 bytes, and for wide rows on the GPU's clusters.
//
// What it costs. With elements of e bytes: e read for each that is seen, and what bias and allowed have there; e written for
// each. Backward: 2 e read, e written. Where a span ends within a vector, as a causal one mostly does, the elements of that vector
// are read one by one: a sector from memory, and the same one from L1 for the others. Forward runs about 24 instructions for an element, one of them an ex2 on the special
// function unit. At the pace of its memory an H100 has time for 35 of them for a 16-bit element and for 71 for an f32. So memory
// bounds both directions.
//
// Instantiations: for each of three types the backward kernel and two forward ones, with bias or allowed and without: 9. The kind
// of mask, the bias's type and how many threads share a row are branches that all threads of a block take alike.
#include <algorithm>

#include "common/held_rows.cuh"
#include "common/ragged.cuh"
#include "common/softmax.cuh"
#include "common/status.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int64_t most_columns = 262144;

// Scores that a thread holds. Where bias or allowed are read as well, half of the registers go to that.
template <bool extras> constexpr int held_scores = extras ? 16 : 32;
template <typename T, bool extras> constexpr int forward_vectors = held_scores<extras> / Pack<T>::width;
constexpr int backward_vectors = 4;

// ---- Forward

// The keys that causal and window masks let query 0 see, counted from key 0; query i sees those i further on.
struct Diagonal {
    int64_t begin, end;
};

// The keys that a query sees, but for `allowed`, as positions in a row that begins at 0.
__device__ __forceinline__ Span seen_keys(const ww_softmax_params &p, const Diagonal &diagonal, const RowIndex &at) {
    int length = static_cast<int>(p.seq_len_k);
    if (p.key_lengths != nullptr) length = static_cast<int>(min(static_cast<uint32_t>(length), load(p.key_lengths + at.batch)));
    const int64_t first = diagonal.begin + at.query, last = diagonal.end + at.query;
    const int begin = first < 0 ? 0 : first < length ? static_cast<int>(first) : length;
    const int end = last < begin ? begin : last < length ? static_cast<int>(last) : length;
    return {begin, end};
}

__device__ __forceinline__ float widened(float x, ww_dtype) { return x; }
__device__ __forceinline__ float widened(uint16_t bits, ww_dtype dtype) {
    return dtype == WW_F16 ? __half2float(__ushort_as_half(bits)) : __uint_as_float(uint32_t{bits} << 16);
}

// s = scale * s + bias. `bias` is where position 0 has its own: floats, or the bits of a 16-bit type.
template <int width, int count, typename B>
__device__ __forceinline__ void add_bias(float (&s)[count * width], const B *bias, ww_dtype dtype, int64_t stride, float scale,
                                         Span span, uint32_t seen, int first, int step) {
    bias += first * width * stride;
#pragma unroll
    for (int k = 0; k < count; ++k, bias += step * width * stride) {
        const int v = first + k * step;
        const uint32_t bits = seen >> (k * width) & whole_vector<width>;
        if (bits != 0) {
            B elements[width];
            load_elements(elements, bias, stride, bits, is_within<width>(span.begin, span.end, v));
#pragma unroll
            for (int e = 0; e < width; ++e) s[k * width + e] = __fmaf_rn(scale, s[k * width + e], widened(elements[e], dtype));
        }
    }
}

// The scores of vectors first, first + step, ... of row `index`: -inf where a key is not seen. Returns which are, a bit for each.
template <typename T, bool extras, int held>
__device__ __forceinline__ uint32_t load_scores(float (&s)[held], const ww_softmax_params &p, const Diagonal &diagonal,
                                                const RowPlan &plan, int &index, int first) {
    constexpr int width = Pack<T>::width, count = forward_vectors<T, extras>;
    const int step = plan.row_threads;
    const RowIndex at = row_index_anew(index, plan);
    const T *x = static_cast<const T *>(p.x) + offset(at, p.x_strides);
    const int shift = plan.shifted ? misalignment(x) : 0;
    Span span = {0, 0};
    if (index < plan.rows) span = seen_keys(p, diagonal, at);
    span.begin += shift;
    span.end += shift;
    Pack<T> packs[count];
    load_span(packs, x - shift, span.begin, span.end, first, step);
    uint32_t seen = 0;
#pragma unroll
    for (int k = 0; k < count; ++k) seen |= span_bits<width>(span.begin, span.end, first + k * step) << (k * width);
    if (extras && p.allowed != nullptr) {
        const int64_t stride = p.allowed_strides[3];
        const uint8_t *allowed = p.allowed + offset(at, p.allowed_strides) + (first * width - shift) * stride;
#pragma unroll
        for (int k = 0; k < count; ++k, allowed += step * width * stride) {
            const uint32_t bits = seen >> (k * width) & whole_vector<width>;
            if (bits != 0) {
                uint8_t bytes[width];
                load_elements(bytes, allowed, stride, bits, bits == whole_vector<width>);
#pragma unroll
                for (int e = 0; e < width; ++e) {
                    if (bytes[e] == 0) seen &= ~(1u << (k * width + e));
                }
            }
        }
    }
#pragma unroll
    for (int k = 0; k < count; ++k) {
        float wide[width];
        packs[k].widen(wide);
#pragma unroll
        for (int e = 0; e < width; ++e) s[k * width + e] = wide[e];
    }
    if (!extras || p.bias == nullptr) {
        // Not to be fused with the subtraction of the greatest: where a product overflows, that is what must be subtracted.
#pragma unroll
        for (int i = 0; i < held; ++i) s[i] = __fmul_rn(p.scale, s[i]);
    } else {
        const int64_t stride = p.bias_strides[3], start = offset(at, p.bias_strides) - shift * stride;
        if (p.bias_dtype == WW_F32) {
            const float *bias = static_cast<const float *>(p.bias) + start;
            add_bias<width, count>(s, bias, p.bias_dtype, stride, p.scale, span, seen, first, step);
        } else {
            const uint16_t *bias = static_cast<const uint16_t *>(p.bias) + start;
            add_bias<width, count>(s, bias, p.bias_dtype, stride, p.scale, span, seen, first, step);
        }
    }
#pragma unroll
    for (int i = 0; i < held; ++i) s[i] = seen >> i & 1 ? s[i] : -INFINITY;
    return seen;
}

// s = exp(s - greatest).
template <int held> __device__ __forceinline__ void exponentials(float (&s)[held], float greatest) {
    const float base = base_of(greatest);
#pragma unroll
    for (int i = 0; i < held; ++i) s[i] = exp2_approx((s[i] - base) * log2_e);
}

// What exp(s - greatest) of this warp's scores is to be multiplied by: the greatest scores and sums of all the row's warps are
// joined for that.
template <int capacity>
__device__ __forceinline__ float join_warps(float greatest, float sum, const RowTeam &team, RowSlots<2, capacity> &slots) {
    float all[1] = {greatest}, total[1] = {sum};
    const int warps = team.warps * team.blocks;
    if (warps > 1) {
        leave<2>({greatest, sum}, team, slots, team.thread() / 32);
        row_barrier(team);
        for (int warp = threadIdx.x % 32; warp < warps; warp += 32) all[0] = fmaxf(all[0], slots.of_warp[0][warp]);
        reduce_lanes<Max>(all);
        total[0] = 0.0f;
        for (int warp = threadIdx.x % 32; warp < warps; warp += 32) {
            total[0] += slots.of_warp[1][warp] * rescale(slots.of_warp[0][warp], all[0]);
        }
        reduce_lanes<Sum>(total);
    }
    // 0 only where no score is above -inf.
    return total[0] == 0.0f ? 0.0f : rescale(greatest, all[0]) * rcp_approx(total[0]);
}

template <typename T, bool extras>
__global__ void __launch_bounds__(most_threads) softmax_forward(ww_softmax_params p, RowPlan plan, Diagonal diagonal) {
    constexpr int held = held_scores<extras>, width = Pack<T>::width, count = forward_vectors<T, extras>;
    __shared__ RowSlots<2, most_warps> slots;
    for_rows(plan, [&](int index) {
        float s[held], greatest[1] = {-INFINITY}, sum[1] = {0.0f}, weight = 0.0f;
        uint32_t seen = 0;
        int first = plan.team.thread();
        for (int pass = 0; pass < 2 * plan.chunks; first += next_chunk(pass++, plan)) {
            if (pass != plan.chunks) seen = load_scores<T, extras>(s, p, diagonal, plan, index, first);
            if (pass < plan.chunks) {
                const float before = greatest[0];
#pragma unroll
                for (int i = 0; i < held; ++i) greatest[0] = fmaxf(greatest[0], s[i]);
                reduce_lanes<Max>(greatest, plan.team.lanes);
                sum[0] *= rescale(before, greatest[0]);
            }
            if (pass != plan.chunks) exponentials(s, greatest[0]);
            if (pass < plan.chunks) {
#pragma unroll
                for (int i = 0; i < held; ++i) sum[0] += s[i];
                continue;
            }
            if (pass == plan.chunks) {
                reduce_lanes<Sum>(sum, plan.team.lanes);
                slots_are_free(plan, index);
                weight = join_warps(greatest[0], sum[0], plan.team, slots);
            }
            // Where a key is not seen, s is 0, and so is y, but in a row that is NaN.
            if (weight != weight) {
#pragma unroll
                for (int i = 0; i < held; ++i) s[i] = seen >> i & 1 ? s[i] * weight : 0.0f;
            } else {
#pragma unroll
                for (int i = 0; i < held; ++i) s[i] *= weight;
            }
            if (index >= plan.rows) continue;
            const RowIndex at = row_index_anew(index, plan);
            // Positions are those of x.
            const int begin = plan.shifted ? misalignment(static_cast<const T *>(p.x) + offset(at, p.x_strides)) : 0;
            const int end = begin + static_cast<int>(p.seq_len_k);
            T *row = static_cast<T *>(p.y) + offset(at, p.y_strides) - begin;
            forget_parts(row);
#pragma unroll
            for (int k = 0; k < count; ++k) {
                float y[width];
#pragma unroll
                for (int e = 0; e < width; ++e) y[e] = s[k * width + e];
                store_span(Pack<T>::round(y), row, begin, end, first + k * plan.row_threads);
            }
        }
    });
}

// ---- Backward

template <typename T> struct BackwardRow {
    // Of position 0.
    const T *y;
    T *grad;
    Span span;
};

template <typename T>
__device__ __forceinline__ BackwardRow<T> backward_row(const ww_softmax_backward_params &p, const RowPlan &plan, int &index) {
    const RowIndex at = row_index_anew(index, plan);
    T *grad = static_cast<T *>(p.grad) + offset(at, p.grad_strides);
    const int begin = plan.shifted ? misalignment(grad) : 0;
    const int end = begin + (index < plan.rows ? static_cast<int>(p.seq_len_k) : 0);
    return {static_cast<const T *>(p.y) + offset(at, p.y_strides) - begin, grad - begin, {begin, end}};
}

template <typename T>
__global__ void __launch_bounds__(most_threads) softmax_backward(ww_softmax_backward_params p, RowPlan plan) {
    constexpr int width = Pack<T>::width, count = backward_vectors;
    __shared__ RowSlots<1, most_warps> slots;
    for_rows(plan, [&](int index) {
        Pack<T> y[count], dy[count];
        float sum[1] = {0.0f};
        int first = plan.team.thread();
        for (int pass = 0; pass < 2 * plan.chunks; first += next_chunk(pass++, plan)) {
            if (pass != plan.chunks) {
                const BackwardRow<T> row = backward_row<T>(p, plan, index);
                load_span(y, row.y, row.span.begin, row.span.end, first, plan.row_threads);
                load_span(dy, static_cast<const T *>(row.grad), row.span.begin, row.span.end, first, plan.row_threads);
            }
            if (pass < plan.chunks) {
#pragma unroll
                for (int k = 0; k < count; ++k) {
                    float y_wide[width], dy_wide[width];
                    y[k].widen(y_wide);
                    dy[k].widen(dy_wide);
#pragma unroll
                    for (int e = 0; e < width; ++e) sum[0] += y_wide[e] == 0.0f ? 0.0f : y_wide[e] * dy_wide[e];
                }
                continue;
            }
            if (pass == plan.chunks) {
                slots_are_free(plan, index);
                reduce_row<Sum>(sum, plan.team, slots);
            }
            const BackwardRow<T> row = backward_row<T>(p, plan, index);
#pragma unroll
            for (int k = 0; k < count; ++k) {
                float y_wide[width], dx[width];
                y[k].widen(y_wide);
                dy[k].widen(dx);
#pragma unroll
                for (int e = 0; e < width; ++e) dx[e] = y_wide[e] == 0.0f ? 0.0f : p.scale * y_wide[e] * (dx[e] - sum[0]);
                store_span(Pack<T>::round(dx), row.grad, row.span.begin, row.span.end, first + k * plan.row_threads);
            }
        }
    });
}

// ---- Launchers

Diagonal diagonal_of(const ww_softmax_params &p, int64_t first_query) {
    // Further than any key from any query, and far from what an int64_t holds when a query is added.
    constexpr int64_t far = INT64_MAX / 4;
    const int64_t position = first_query + p.seq_len_k - p.seq_len_q;
    Diagonal diagonal = {-far, far};
    if (p.window_left >= 0) diagonal.begin = position - std::min(p.window_left, far);
    if (p.window_right >= 0) diagonal.end = position + std::min(p.window_right, far) + 1;
    if (p.causal != 0) diagonal.end = std::min(diagonal.end, position + 1);
    return diagonal;
}

} // namespace

extern "C" int32_t WW_FUNCTION(softmax)(const ww_softmax_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_softmax_params &p = *params;
    const RowShape s = {p.batch, p.heads, p.seq_len_q, p.seq_len_k};
    if (!is_shape(s)) return WW_ERROR_ARGUMENT;
    if (s.keys > most_columns || !is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    if (p.bias != nullptr && !is_dtype(p.bias_dtype)) return WW_ERROR_UNSUPPORTED;
    if (is_empty(s)) return WW_OK;
    const int64_t bytes = element_bytes(p.dtype);
    if (!is_vector(p.x, 1, bytes)) return WW_ERROR_ARGUMENT;
    if (!is_vector(p.y, 1, bytes) || !is_apart(s, p.y_strides)) return WW_ERROR_ARGUMENT;
    if (p.x == p.y && !std::equal(p.x_strides, p.x_strides + 3, p.y_strides)) return WW_ERROR_ARGUMENT;
    if (p.bias != nullptr && !is_vector(p.bias, 1, element_bytes(p.bias_dtype))) return WW_ERROR_ARGUMENT;
    if (p.key_lengths != nullptr && !is_vector(p.key_lengths, 1, 4)) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        const bool aligned = is_aligned<T>(s, p.x, p.x_strides) && is_aligned<T>(s, p.y, p.y_strides);
        return for_parts(s, [&](const RowShape &first, const RowShape &part) {
            ww_softmax_params q = p;
            q.x = moved(p.x, first, p.x_strides, bytes);
            q.y = moved(p.y, first, p.y_strides, bytes);
            q.key_lengths = p.key_lengths == nullptr ? nullptr : p.key_lengths + first.batch;
            q.allowed = moved(p.allowed, first, p.allowed_strides, 1);
            q.bias = moved(p.bias, first, p.bias_strides, element_bytes(p.bias_dtype));
            const Diagonal diagonal = diagonal_of(p, first.queries);
            if (p.bias != nullptr || p.allowed != nullptr) {
                return launch_rows<T>(softmax_forward<T, true>, q, part, forward_vectors<T, true>, aligned, stream, diagonal);
            }
            return launch_rows<T>(softmax_forward<T, false>, q, part, forward_vectors<T, false>, aligned, stream, diagonal);
        });
    });
}

extern "C" int32_t WW_FUNCTION(softmax_backward)(const ww_softmax_backward_params *params, ww_stream stream) {
    if (params == nullptr) return WW_ERROR_ARGUMENT;
    const ww_softmax_backward_params &p = *params;
    const RowShape s = {p.batch, p.heads, p.seq_len_q, p.seq_len_k};
    if (!is_shape(s)) return WW_ERROR_ARGUMENT;
    if (s.keys > most_columns || !is_dtype(p.dtype)) return WW_ERROR_UNSUPPORTED;
    if (is_empty(s)) return WW_OK;
    const int64_t bytes = element_bytes(p.dtype);
    if (!is_vector(p.y, 1, bytes)) return WW_ERROR_ARGUMENT;
    if (!is_vector(p.grad, 1, bytes) || !is_apart(s, p.grad_strides)) return WW_ERROR_ARGUMENT;
    return with_type(p.dtype, [&](auto type) {
        using T = typename decltype(type)::type;
        const bool aligned = is_aligned<T>(s, p.y, p.y_strides) && is_aligned<T>(s, p.grad, p.grad_strides);
        return for_parts(s, [&](const RowShape &first, const RowShape &part) {
            ww_softmax_backward_params q = p;
            q.y = moved(p.y, first, p.y_strides, bytes);
            q.grad = moved(p.grad, first, p.grad_strides, bytes);
            return launch_rows<T>(softmax_backward<T>, q, part, backward_vectors, aligned, stream);
        });
    });
}

} // namespace WW_NAMESPACE
