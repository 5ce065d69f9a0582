// The kernels of the backward pass of ../norm.cu, which says what they compute and how.
#pragma once

#include "../common/philox.cuh"
#include "../common/ptx/async_copy.cuh"
#include "../common/reduce.cuh"

namespace WW_NAMESPACE {
namespace {

// What the backward pass knows of a row: its statistics, and the means of g and g * n once they are summed.
struct RowGrad {
    float mean, rstd, mean_g, mean_gn;

    __device__ __forceinline__ float n(float x) const { return __fmul_rn(x - mean, rstd); }
    // Rounded by itself, so that every path to the same sum has the same bits.
    static __device__ __forceinline__ float g(float dy, float gamma) { return __fmul_rn(dy, gamma); }

    __device__ __forceinline__ void take_means(const ww_norm_backward_params &p, const float (&sums)[2]) {
        const float count = static_cast<float>(p.columns);
        mean_g = p.kind == WW_NORM_LAYER ? sums[0] / count : 0.0f;
        mean_gn = sums[1] / count;
    }
};

__device__ __forceinline__ RowGrad row_grad(const ww_norm_backward_params &p, int64_t row) {
    return row < p.rows ? RowGrad{load(p.mean + row), load(p.rstd + row), 0.0f, 0.0f} : RowGrad{};
}

// sums += g and g * n over one vector.
template <typename T>
__device__ __forceinline__ void sum_vector(const ww_norm_backward_params &p, const RowGrad &row,
                                           const RowSlice<Pack<T>::width> &slice, int v, const Pack<T> &x, const Pack<T> &dy,
                                           float (&sums)[2]) {
    constexpr int width = Pack<T>::width;
    float input[width], grad[width], gamma[width];
    x.widen(input);
    dy.widen(grad);
    load_weights(gamma, p.gamma, p.weight_dtype, slice, v);
    slice.each(v, [&](int e) {
        const float g = RowGrad::g(grad[e], gamma[e]);
        sums[0] += g;
        sums[1] = fmaf(g, row.n(input[e]), sums[1]);
    });
}

// dx and dbranch of one vector, and its part of dgamma and dbeta. Absent elements add dy = 0 to sums that nobody reads.
template <typename T>
__device__ __forceinline__ void finish_vector(const ww_norm_backward_params &p, const Dropout &dropout, int64_t row,
                                              const RowGrad &known, const RowSlice<Pack<T>::width> &slice, int v, const Pack<T> &x,
                                              const Pack<T> &dy, const Pack<T> &residual_grad, float *dgamma, float *dbeta) {
    constexpr int width = Pack<T>::width;
    float input[width], grad[width], gamma[width], dx[width];
    x.widen(input);
    dy.widen(grad);
    load_weights(gamma, p.gamma, p.weight_dtype, slice, v);
#pragma unroll
    for (int e = 0; e < width; ++e) {
        const float n = known.n(input[e]);
        const float centered = RowGrad::g(grad[e], gamma[e]) - known.mean_g;
        dx[e] = fmaf(-n, known.mean_gn, centered);
        dgamma[e] = fmaf(grad[e], n, dgamma[e]);
        dbeta[e] += grad[e];
    }
    float residual[width];
    residual_grad.widen(residual);
#pragma unroll
    for (int e = 0; e < width; ++e) dx[e] = fmaf(known.rstd, dx[e], residual[e]);
    store_vector(static_cast<T *>(p.dx) + row * p.dx_stride, slice, v, Pack<T>::round(dx));
    if (p.dbranch != nullptr) {
        if (dropout.p != 0.0f) dropout.apply(dx, row, slice, v);
        store_vector(static_cast<T *>(p.dbranch) + row * p.dbranch_stride, slice, v, Pack<T>::round(dx));
    }
}

// Where part `part` of the sums over rows lies in the workspace, of parts x [dgamma, dbeta] x padded columns (column_sums.cuh).
__device__ __forceinline__ float *partial_sums(const ww_norm_backward_params &p, int part, int which) {
    return static_cast<float *>(p.workspace) + (int64_t{2} * part + which) * padded_columns(p.columns);
}

template <int width, int count>
__device__ __forceinline__ void store_partial_sums(const ww_norm_backward_params &p, int part, const RowSlice<width> &slice,
                                                   const float (&dgamma)[count][width], const float (&dbeta)[count][width]) {
#pragma unroll
    for (int v = 0; v < count; ++v) {
        store_partial_sum(partial_sums(p, part, 0), slice, v, dgamma[v]);
        if (p.dbeta != nullptr) store_partial_sum(partial_sums(p, part, 1), slice, v, dbeta[v]);
    }
}

// Vectors of rows ahead that wait in shared memory: one row of 8 vectors a thread, two of 4, ...
__host__ __device__ constexpr int staged_vectors(int columns_per_thread) { return columns_per_thread == 32 ? 8 : 4; }

// x, dy and residual_grad.
__host__ __device__ inline int staged_operands(const ww_norm_backward_params &p) { return p.residual_grad == nullptr ? 2 : 3; }

// Adds up `x` over the groups of lanes, then over the warps, of a block whose groups had different rows. The last warp has the sum.
template <int count> __device__ __forceinline__ void join_groups(float (&x)[count], int lanes) {
    float *joined = dynamic_shared<float>(); // [count][32]
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    for (int distance = lanes; distance < 32; distance *= 2) {
#pragma unroll
        for (int i = 0; i < count; ++i) x[i] += __shfl_xor_sync(0xFFFFFFFFu, x[i], distance);
    }
    for (int turn = 0; turn < warps; ++turn) {
        __syncthreads(); // the first one for what was in this memory before
        if (turn != warp) continue;
#pragma unroll
        for (int i = 0; i < count; ++i) {
            if (turn > 0) x[i] += joined[i * 32 + lane];
            joined[i * 32 + lane] = x[i];
        }
    }
}

// One block, or cluster, for each of the `parts`. Dynamic shared memory: [operands * staged_vectors][threads] of vectors.
template <typename T, int columns_per_thread>
__global__ void __launch_bounds__(256, 2) norm_backward(const ww_norm_backward_params p, const Dropout dropout, const RowTeam team,
                                                        const int parts, const bool aligned) {
    constexpr int width = Pack<T>::width, vectors = columns_per_thread / width;
    constexpr int stages = staged_vectors(columns_per_thread) / vectors;
    // A row's statistics are read a row ahead where registers are left. Where they are not, other warps hide the wait.
    constexpr bool reads_ahead = columns_per_thread == 8;
    __shared__ RowSlots<2> slots[2];
    cluster_begins(team);

    // Rows and groups of them are below 2^31, and no sum below reaches 2^32.
    const uint32_t part = blockIdx.x / team.blocks, rows_at_once = team.rows(blockDim.x);
    const uint32_t groups = (static_cast<uint32_t>(p.rows) + rows_at_once - 1) / rows_at_once;
    const RowSlice<width> whole{static_cast<int>(p.columns), team.thread(), team.threads(), aligned};
    const auto row_of = [&](uint32_t group) { return int64_t{group * rows_at_once + team.row()}; };
    // This thread's part of a row: none of one past the last.
    const auto slice_of = [&](int64_t row) {
        RowSlice<width> slice = whole;
        if (row >= p.rows) slice.columns = 0;
        // Here and below: or the addresses of all columns' weights, which do not depend on the row, would be kept in registers.
        forget_derived(slice.thread);
        return slice;
    };
    const int operands = staged_operands(p);
    const auto place = [&](int stage, int operand, int v) {
        return dynamic_shared<Pack<T>>() + ((stage * operands + operand) * vectors + v) * blockDim.x + threadIdx.x;
    };
    const auto staged = [&](int stage, int operand, int v) { return load_shared(place(stage, operand, v)); };
    const auto fetch_row = [&](const T *start, const RowSlice<width> &slice, int stage, int operand) {
#pragma unroll
        for (int v = 0; v < vectors; ++v) {
            if (aligned) {
                // What is absent becomes zeros, read from nowhere.
                const bool there = slice.has(v, 0);
                const T *from = there ? start + slice.first(v) : static_cast<const T *>(p.x);
                async_copy_cg(place(stage, operand, v), from, there ? 16 : 0);
            } else {
                store_shared(place(stage, operand, v), load_vector<Reads::in_place>(start, slice, v));
            }
        }
    };
    const auto fetch = [&](uint32_t group, int stage) {
        if (group < groups) {
            const int64_t row = row_of(group);
            const RowSlice<width> slice = slice_of(row);
            fetch_row(static_cast<const T *>(p.x) + row * p.x_stride, slice, stage, 0);
            fetch_row(static_cast<const T *>(p.dy) + row * p.dy_stride, slice, stage, 1);
            if (operands == 3) {
                fetch_row(static_cast<const T *>(p.residual_grad) + row * p.residual_grad_stride, slice, stage, 2);
            }
        }
        async_commit();
    };
    for (int stage = 0; stage < stages; ++stage) fetch(part + stage * parts, stage);

    float dgamma[vectors][width] = {}, dbeta[vectors][width] = {};
    RowGrad next = {};
    if (reads_ahead) next = row_grad(p, row_of(part));
    cluster_has_begun(team);
    for (uint32_t group = part, turn = 0; group < groups; group += parts, ++turn) {
        const int stage = turn % stages;
        const int64_t row = row_of(group);
        RowSlice<width> slice = slice_of(row);
        RowGrad known = reads_ahead ? next : row_grad(p, row);
        if (reads_ahead) next = row_grad(p, row_of(group + parts));
        async_wait<stages - 1>();

        float sums[2] = {};
#pragma unroll
        for (int v = 0; v < vectors; ++v) sum_vector(p, known, slice, v, staged(stage, 0, v), staged(stage, 1, v), sums);
        reduce_row<Sum>(sums, team, slots[turn % 2]);
        known.take_means(p, sums);
#pragma unroll
        for (int v = 0; v < vectors; ++v) {
            forget_derived(slice.thread);
            const Pack<T> residual_grad = operands == 3 ? staged(stage, 2, v) : Pack<T>{};
            finish_vector(p, dropout, row, known, slice, v, staged(stage, 0, v), staged(stage, 1, v), residual_grad, dgamma[v], dbeta[v]);
        }
        // Nobody else reads what this thread has staged.
        fetch(group + stages * parts, stage);
    }

    if (rows_at_once > 1) {
        float flat[2 * columns_per_thread];
        memcpy(flat, dgamma, sizeof(dgamma));
        memcpy(flat + columns_per_thread, dbeta, sizeof(dbeta));
        join_groups(flat, team.lanes);
        const bool last_warp = threadIdx.x / 32 + 1 == blockDim.x / 32;
        if (!last_warp || static_cast<int>(threadIdx.x % 32) >= team.lanes) return;
        memcpy(dgamma, flat, sizeof(dgamma));
        memcpy(dbeta, flat + columns_per_thread, sizeof(dbeta));
    }
    store_partial_sums(p, part, whole, dgamma, dbeta);
}

// Without clusters: the means of each row, to `means`. A block plays all threads of the row's cluster, in turns, and leaves the same
// sums for the same warps.
template <typename T>
__global__ void __launch_bounds__(512) norm_backward_means(const ww_norm_backward_params p, float2 *means, const int threads_per_row,
                                                            const bool aligned) {
    constexpr int vectors = 32 / Pack<T>::width;
    __shared__ RowSlots<2> slots;
    const RowTeam team{32, static_cast<int>(blockDim.x / 32), 1};
    const int64_t row = blockIdx.x;
    RowGrad known = row_grad(p, row);
    float sums[2];
    for (int thread = threadIdx.x; thread < threads_per_row; thread += blockDim.x) {
        const RowSlice<Pack<T>::width> slice{static_cast<int>(p.columns), thread, threads_per_row, aligned};
        Pack<T> x[vectors], dy[vectors];
        load_vectors(x, static_cast<const T *>(p.x) + row * p.x_stride, slice);
        load_vectors(dy, static_cast<const T *>(p.dy) + row * p.dy_stride, slice);
        sums[0] = sums[1] = 0.0f;
#pragma unroll
        for (int v = 0; v < vectors; ++v) sum_vector(p, known, slice, v, x[v], dy[v], sums);
        reduce_lanes<Sum>(sums);
        leave(sums, team, slots, thread / 32);
    }
    __syncthreads();
    gather<Sum>(sums, slots, threads_per_row / 32);
    known.take_means(p, sums);
    if (threadIdx.x == 0) store(means + row, float2{known.mean_g, known.mean_gn});
}

// Without clusters: what is left once the means are known. A thread has one vector of columns, a block row blockIdx.y of the parts.
template <typename T>
__global__ void __launch_bounds__(256) norm_backward_columns(const ww_norm_backward_params p, const Dropout dropout,
                                                             const float2 *means, const bool aligned) {
    constexpr int width = Pack<T>::width;
    const RowSlice<width> slice{static_cast<int>(p.columns), static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x),
                                static_cast<int>(gridDim.x * blockDim.x), aligned};
    float dgamma[1][width] = {}, dbeta[1][width] = {};
    for (int64_t row = blockIdx.y; row < p.rows; row += gridDim.y) {
        RowGrad known = row_grad(p, row);
        const float2 mean = load(means + row);
        known.mean_g = mean.x;
        known.mean_gn = mean.y;
        Pack<T> residual_grad = {};
        if (p.residual_grad != nullptr) {
            const T *start = static_cast<const T *>(p.residual_grad) + row * p.residual_grad_stride;
            residual_grad = load_vector<Reads::in_place>(start, slice, 0);
        }
        finish_vector(p, dropout, row, known, slice, 0, load_vector(static_cast<const T *>(p.x) + row * p.x_stride, slice, 0),
                      load_vector(static_cast<const T *>(p.dy) + row * p.dy_stride, slice, 0), residual_grad, dgamma[0], dbeta[0]);
    }
    store_partial_sums(p, blockIdx.y, slice, dgamma, dbeta);
}

} // namespace
} // namespace WW_NAMESPACE
