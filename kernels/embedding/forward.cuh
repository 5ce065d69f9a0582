// The forward kernels of ../embedding.cu, which says what they compute and how.
#pragma once

#include "../common/divisor.cuh"
#include "../common/philox.cuh"

namespace WW_NAMESPACE {
namespace {

// A block of either pass has at most so many threads: those of one row, side by side, then those of the next.
constexpr int row_block_threads = 256;

// Sequences whose tokens at one place a thread has in hand: their position's row is read once.
constexpr int sequences_at_once = 4;

// Calls f(slice) with what is known of its alignment known to the compiler, too: without a branch around each load of f, all of
// them are in flight together.
template <int width, typename F> __device__ __forceinline__ void by_alignment(RowSlice<width> slice, F f) {
    if (slice.aligned) {
        slice.aligned = true;
        f(slice);
    } else {
        slice.aligned = false;
        f(slice);
    }
}

// Vector `v` of rows `index` of a table [rows, columns] of f32 or 16 bits, in f32; 0 of what is not below `rows`.
template <Reads reads, int width, int count>
__device__ __forceinline__ void gather_rows(float (&x)[count][width], const void *table, ww_dtype dtype, int64_t stride,
                                            const uint32_t (&index)[count], uint32_t rows, const RowSlice<width> &slice, int v) {
    by_alignment(slice, [&](const RowSlice<width> &known) {
        if (dtype == WW_F32) {
#pragma unroll
            for (int k = 0; k < count; ++k) {
#pragma unroll
                for (int e = 0; e < width; ++e) x[k][e] = 0.0f;
                if (index[k] < rows) load_under<reads>(x[k], static_cast<const float *>(table) + index[k] * stride, known, v);
            }
            return;
        }
        uint16_t bits[count][width] = {};
#pragma unroll
        for (int k = 0; k < count; ++k) {
            if (index[k] < rows) load_under<reads>(bits[k], static_cast<const uint16_t *>(table) + index[k] * stride, known, v);
        }
#pragma unroll
        for (int k = 0; k < count; ++k) {
#pragma unroll
            for (int e = 0; e < width; ++e) {
                x[k][e] = __uint_as_float(static_cast<uint32_t>(bits[k][e]) << 16);
                if (dtype == WW_F16) x[k][e] = __half2float(__ushort_as_half(bits[k][e]));
            }
        }
    });
}

// A team of `threads_per_row` threads has one place t of `sequences_at_once` sequences; blockIdx.y is the vector of each thread.
template <typename T>
__global__ void __launch_bounds__(row_block_threads) embedding_forward(const ww_embedding_params p, const Dropout dropout,
                                                                       const Divisor by_seq_len, const uint32_t teams,
                                                                       const int threads_per_row, const bool aligned) {
    constexpr int width = Pack<T>::width, count = sequences_at_once;
    const int team_of_block = threadIdx.x / threads_per_row, v = blockIdx.y;
    const uint32_t team = blockIdx.x * (blockDim.x / threads_per_row) + team_of_block;
    if (team >= teams) return;
    const RowSlice<width> slice{static_cast<int>(p.columns), static_cast<int>(threadIdx.x) - team_of_block * threads_per_row,
                                threads_per_row, aligned};
    const uint32_t group = by_seq_len.divide(team), seq_len = static_cast<uint32_t>(p.seq_len), t = team - group * seq_len;
    const int64_t first = int64_t{group} * count;
    // 2^32 - 1 is no row of any table.
    uint32_t tokens[count], ids[count];
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const bool there = first + k < p.batch;
        tokens[k] = there ? load(p.tokens + (first + k) * p.tokens_stride + t) : UINT32_MAX;
        ids[k] = there && p.position_ids != nullptr ? load(p.position_ids + (first + k) * p.position_ids_stride + t) : UINT32_MAX;
    }
    const uint32_t vocab_size = static_cast<uint32_t>(p.vocab_size), position_count = static_cast<uint32_t>(p.position_count);
    float x[count][width];
    gather_rows<Reads::once>(x, p.table, p.weight_dtype, p.table_stride, tokens, vocab_size, slice, v);
    float shared_position[1][width] = {};
    if (p.positions != nullptr && p.position_ids == nullptr) {
        const uint32_t position[1] = {static_cast<uint32_t>(p.first_position) + t};
        gather_rows<Reads::again>(shared_position, p.positions, p.weight_dtype, p.positions_stride, position, position_count, slice, v);
    }
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const int64_t b = first + k;
        if (b >= p.batch) continue;
        bool stray = tokens[k] >= vocab_size;
        float position[1][width];
        memcpy(position, shared_position, sizeof(position));
        if (p.position_ids != nullptr) {
            const uint32_t id[1] = {ids[k]};
            stray |= ids[k] >= position_count;
            gather_rows<Reads::again>(position, p.positions, p.weight_dtype, p.positions_stride, id, position_count, slice, v);
        }
        // The product is rounded by itself, so that all devices have the same bits.
#pragma unroll
        for (int e = 0; e < width; ++e) x[k][e] = __fmul_rn(p.scale, x[k][e]) + position[0][e];
        if (dropout.p != 0.0f) dropout.apply(x[k], b * seq_len + t, slice, v);
        if (stray) {
#pragma unroll
            for (int e = 0; e < width; ++e) x[k][e] = __uint_as_float(0x7FFFFFFFu);
        }
        T *y = static_cast<T *>(p.y) + b * p.y_strides[0] + t * p.y_strides[1];
        store_vector(y, slice, v, Pack<T>::round(x[k]));
    }
}

constexpr int sinusoid_rows = 8; // of a block, of 32 columns each

// One column a thread, of rows that many apart. In half turns: sinpi reduces its argument exactly, and a cosine is the sine a quarter
// of a turn later.
__global__ void __launch_bounds__(32 * sinusoid_rows) embedding_sinusoids(const ww_sinusoidal_positions_params p) {
    const int64_t column = int64_t{32} * blockIdx.x + threadIdx.x;
    if (column >= p.columns) return;
    constexpr double inverse_pi = 0.318309886183790671538;
    const double even = static_cast<double>(column - column % 2), columns = static_cast<double>(p.columns);
    const double frequency = exp10(-4.0 * even / columns) * inverse_pi, phase = column % 2 == 0 ? 0.0 : 0.5;
    for (int64_t row = int64_t{sinusoid_rows} * blockIdx.y + threadIdx.y; row < p.rows; row += sinusoid_rows * gridDim.y) {
        const float value = static_cast<float>(sinpi(static_cast<double>(row) * frequency + phase));
        const int64_t at = row * p.positions_stride + column;
        if (p.dtype == WW_F32) {
            store(static_cast<float *>(p.positions) + at, value);
        } else if (p.dtype == WW_BF16) {
            store(static_cast<bf16 *>(p.positions) + at, __float2bfloat16_rn(value));
        } else {
            store(static_cast<f16 *>(p.positions) + at, __float2half_rn(value));
        }
    }
}

} // namespace
} // namespace WW_NAMESPACE
