// Copies and fills along the output's closest axis: in vectors of 16 bytes where they can be, else element by element.
#pragma once

#include "axes.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int row_threads = 256;
// Of each thread, all loaded before the first is stored: 16 KiB of a block in flight.
constexpr int row_vectors = 4;

// Rows of one launch, cut into vectors: one element each, or 16 bytes from one multiple of 16 to the next, which rows begin and end
// anywhere between.
struct RowsPlan {
    const void *x;
    void *y;
    int columns;
    int vectors; // of a row
    int total;   // of all rows
    Divisor by_vectors;
    int64_t x_stride, y_stride; // from one column to the next
    OuterAxes outer;
};

// Vectors of `width` elements; `shifted` rows may lie on one more than they fill.
inline RowsPlan plan_rows(const Operands &o, int width, bool shifted) {
    RowsPlan plan = {};
    const int last = o.rank - 1;
    plan.x = o.x;
    plan.y = o.y;
    plan.columns = static_cast<int>(o.sizes[last]);
    plan.x_stride = o.x_strides[last];
    plan.y_stride = o.y_strides[last];
    for (int axis = 0; axis < last; ++axis) plan.outer.add(o, axis);
    plan.vectors = (plan.columns + (shifted ? width - 1 : 0) + width - 1) / width;
    plan.total = plan.outer.number() * plan.vectors;
    plan.by_vectors = Divisor::of(plan.vectors);
    return plan;
}

inline LaunchShape launch_shape(const RowsPlan &plan) {
    constexpr int per_block = row_threads * row_vectors;
    return {dim3(static_cast<unsigned>((plan.total - 1) / per_block + 1)), dim3(row_threads)};
}

// Vector k of this thread: neighbors are other threads'.
__device__ __forceinline__ int row_vector(int k) { return (blockIdx.x * row_vectors + k) * row_threads + threadIdx.x; }

// The row that a vector belongs to, at the offsets of its first element, and the vector's number in it.
__device__ __forceinline__ int seek_row(const RowsPlan &plan, int vector, int64_t &x, int64_t &y) {
    x = y = 0;
    const int row = plan.by_vectors.divide(vector);
    plan.outer.seek(row, x, y);
    return vector - row * plan.vectors;
}

// Elements before the row in the vector that holds its first one.
template <int width, typename T> __host__ __device__ __forceinline__ int row_shift(const T *row) {
    return static_cast<int>(reinterpret_cast<uintptr_t>(row) / sizeof(T) % width);
}

// Each row of x lies between multiples of 16 bytes as that of y does, in elements.
template <typename X, typename Y> __global__ void __launch_bounds__(row_threads) copy_rows(RowsPlan plan) {
    constexpr int width = access_width<X, Y>;
    Elements<X, width> x[row_vectors];
    const X *from[row_vectors];
    Y *to[row_vectors];
    int begin[row_vectors], end[row_vectors]; // the vector's elements that are the row's
#pragma unroll
    for (int k = 0; k < row_vectors; ++k) {
        const int vector = row_vector(k);
        begin[k] = end[k] = 0;
        if (vector >= plan.total) continue;
        int64_t x_row, y_row;
        const int at = seek_row(plan, vector, x_row, y_row);
        from[k] = static_cast<const X *>(plan.x) + x_row;
        to[k] = static_cast<Y *>(plan.y) + y_row;
        const int column = at * width - row_shift<width>(to[k]);
        begin[k] = max(-column, 0);
        end[k] = min(plan.columns - column, width);
        from[k] += column;
        to[k] += column;
        if (end[k] - begin[k] == width) x[k] = load_once(reinterpret_cast<const Elements<X, width> *>(from[k]));
    }
#pragma unroll
    for (int k = 0; k < row_vectors; ++k) {
        if (end[k] - begin[k] == width) {
            Elements<Y, width> y;
#pragma unroll
            for (int e = 0; e < width; ++e) y.at[e] = converted<Y>(x[k].at[e]);
            store(reinterpret_cast<Elements<Y, width> *>(to[k]), y);
        } else {
#pragma unroll 1
            for (int e = begin[k]; e < end[k]; ++e) store(to[k] + e, converted<Y>(load(from[k] + e)));
        }
    }
}

// Vectors of one element; any strides.
__global__ void __launch_bounds__(row_threads) copy_elements(RowsPlan plan, Conversion conversion) {
    uint32_t bits[row_vectors];
    int64_t to[row_vectors];
#pragma unroll
    for (int k = 0; k < row_vectors; ++k) {
        if (row_vector(k) >= plan.total) continue;
        int64_t from;
        const int column = seek_row(plan, row_vector(k), from, to[k]);
        to[k] += column * plan.y_stride;
        bits[k] = load_bits(plan.x, from + column * plan.x_stride, conversion.x_bytes);
    }
#pragma unroll
    for (int k = 0; k < row_vectors; ++k) {
        if (row_vector(k) < plan.total) store_bits(plan.y, to[k], conversion.y_bytes, converted_bits(bits[k], conversion));
    }
}

// Vectors of 16 bytes of `element_bytes` each, or of one element. `word` holds as many elements as 4 bytes do.
__global__ void __launch_bounds__(row_threads) fill_rows(RowsPlan plan, uint32_t word, int element_bytes, int wide) {
#pragma unroll
    for (int k = 0; k < row_vectors; ++k) {
        if (row_vector(k) >= plan.total) continue;
        int64_t x_row, y_row;
        const int at = seek_row(plan, row_vector(k), x_row, y_row);
        if (!wide) {
            store_bits(plan.y, y_row + at * plan.y_stride, element_bytes, word);
            continue;
        }
        const int64_t row_bytes = int64_t{plan.columns} * element_bytes;
        char *row = static_cast<char *>(plan.y) + y_row * element_bytes;
        const int64_t first = int64_t{at} * 16 - static_cast<int64_t>(reinterpret_cast<uintptr_t>(row) % 16);
        if (first >= 0 && first + 16 <= row_bytes) {
            store(reinterpret_cast<uint4 *>(row + first), uint4{word, word, word, word});
        } else {
            const int64_t end = min(first + 16, row_bytes);
            for (int64_t byte = max(first, int64_t{0}); byte < end; byte += element_bytes) {
                store_bits(row + byte, 0, element_bytes, word);
            }
        }
    }
}

} // namespace
} // namespace WW_NAMESPACE
