// The forward kernels of ../embedding.cu, which says what they compute and how.
#pragma once

#include "../common/divisor.cuh"
#include "../common/philox.cuh"
#include "rows.cuh"

namespace WW_NAMESPACE {
namespace {

// Sequences whose tokens at one place a thread has in hand: their position's row is read once.
constexpr int sequences_at_once = 4;

// A team of `threads_per_row` threads has one place t of `sequences_at_once` sequences; blockIdx.y is the vector of each thread.
template <typename T>
__global__ void __launch_bounds__(row_block_threads, 2) embedding_forward(const ww_embedding_params p, const Dropout dropout,
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
    // Their rows of the table, and which of them it has.
    int64_t rows[count];
    bool known[count];
#pragma unroll
    for (int k = 0; k < count; ++k) {
        rows[k] = first + k < p.batch ? load(p.tokens + (first + k) * p.tokens_stride + t) : p.vocab_size;
        known[k] = rows[k] < p.vocab_size;
        rows[k] *= p.table_stride;
    }
    float x[count][width], shared_position[1][width] = {};
    gather_rows<Reads::once>(x, p.table, p.weight_dtype, rows, known, slice, v);
    if (p.positions != nullptr && p.position_ids == nullptr) {
        const int64_t position[1] = {(p.first_position + t) * p.positions_stride};
        gather_rows<Reads::again>(shared_position, p.positions, p.weight_dtype, position, {true}, slice, v);
    }
#pragma unroll
    for (int k = 0; k < count; ++k) {
        const int64_t b = first + k;
        if (b >= p.batch) continue;
        float position[1][width];
        memcpy(position, shared_position, sizeof(position));
        if (p.position_ids != nullptr) {
            const int64_t id = load(p.position_ids + b * p.position_ids_stride + t), row[1] = {id * p.positions_stride};
            known[k] = known[k] && id < p.position_count;
            gather_rows<Reads::again>(position, p.positions, p.weight_dtype, row, {id < p.position_count}, slice, v);
        }
        // The product is rounded by itself, so that all devices have the same bits; and -0 stays what it is where nothing is added.
#pragma unroll
        for (int e = 0; e < width; ++e) {
            x[k][e] = __fmul_rn(p.scale, x[k][e]);
            if (p.positions != nullptr) x[k][e] += position[0][e];
        }
        if (dropout.p != 0.0f) dropout.apply(x[k], b * seq_len + t, slice, v);
        if (!known[k]) {
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
