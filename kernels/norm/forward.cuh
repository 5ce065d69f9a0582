// The forward kernel of ../norm.cu, which says what it computes and how.
#pragma once

#include "../common/philox.cuh"
#include "../common/ptx/shared.cuh"
#include "../common/reduce.cuh"

namespace WW_NAMESPACE {
namespace {

// A row's vectors in registers: those of one thread of the row, or, where a block without a cluster is too small for the widest
// rows, of two. Of the second one's, `shared_vectors` are in shared memory, [shared_vectors][threads of the block]; where that
// does not hold all, the others are read from memory each time.
template <typename T, int vectors, bool doubled> struct HeldRow {
    static constexpr int width = Pack<T>::width;
    Pack<T> first[vectors];
    RowSlice<width> slice;
    bool both;
    int shared_vectors;
    const ww_norm_params &p;

    // p.sum, which this thread has written, or p.x. Found anew wherever it is called: there are no registers to keep it.
    __device__ __forceinline__ const T *source(bool summed) const {
        int row = blockIdx.x; // a doubled row has a block of its own
        forget_derived(row);
        return static_cast<const T *>(summed ? p.sum : p.x) + row * (summed ? p.sum_stride : p.x_stride);
    }
    __device__ __forceinline__ Pack<T> *second(int v) const { return dynamic_shared<Pack<T>>() + v * blockDim.x + threadIdx.x; }
    __device__ __forceinline__ RowSlice<width> second_slice() const {
        RowSlice<width> other = slice;
        other.thread += blockDim.x;
        return other;
    }

    // All of a row of 16-bit elements: every GPU has the 64 KiB for that.
    __device__ __forceinline__ bool in_shared(int v) const { return sizeof(T) == 2 || v < shared_vectors; }

    __device__ __forceinline__ void read(const T *x) {
        load_vectors(first, x, slice);
        if constexpr (doubled) {
            if (!both) return;
#pragma unroll 1
            for (int v = 0; v < vectors; ++v) {
                if (in_shared(v)) store_shared(second(v), load_vector(x, second_slice(), v));
            }
        }
    }

    // Keeps what `each_vector` has changed, where it was not in a register.
    __device__ __forceinline__ void keep(int v, const Pack<T> &pack, int part) const {
        if (doubled && part == 1 && in_shared(v)) store_shared(second(v), pack);
    }

    template <typename F> __device__ __forceinline__ void each_vector(bool summed, F f) {
#pragma unroll
        for (int v = 0; v < vectors; ++v) {
            f(slice, v, first[v], 0);
            first[v].stay_packed();
        }
        if constexpr (doubled) {
            if (!both) return;
            const RowSlice<width> other = second_slice();
#pragma unroll 1
            for (int v = 0; v < vectors; ++v) {
                Pack<T> pack = in_shared(v) ? load_shared(second(v)) : load_vector<Reads::in_place>(source(summed), other, v);
                f(other, v, pack, 1);
            }
        }
    }
};

// Sums over a row of what each of its threads has: x[0], and x[1] of the second one.
template <int parts, int values>
__device__ __forceinline__ void sum_row(float (&x)[parts][values], const RowTeam &team, bool both, RowSlots<values> &slots) {
    if (parts == 2 && both) {
        const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
#pragma unroll
        for (int part = 0; part < parts; ++part) {
            reduce_lanes<Sum>(x[part]);
            leave(x[part], team, slots, warp + part * warps);
        }
        __syncthreads();
        gather<Sum>(x[0], slots, 2 * warps);
    } else {
        reduce_row<Sum>(x[0], team, slots);
    }
}

template <typename T, int columns_per_thread, int max_threads>
__global__ void __launch_bounds__(max_threads) norm_forward(const ww_norm_params p, const Dropout dropout, RowTeam team,
                                                            const int threads_per_row, const int shared_vectors,
                                                            const bool aligned) {
    constexpr int width = Pack<T>::width, vectors = columns_per_thread / width;
    constexpr bool doubled = max_threads == 1024;
    constexpr int parts = doubled ? 2 : 1;
    __shared__ RowSlots<1> slots_of_mean;
    __shared__ RowSlots<2> slots_of_squares;
    if (doubled) team.blocks = 1; // launched only where there are no clusters, of which the compiler keeps nothing then
    cluster_begins(team);

    const int64_t row = static_cast<int64_t>(blockIdx.x / team.blocks) * team.rows(blockDim.x) + team.row();
    const bool live = row < p.rows; // the last block may have more groups than rows: they go on as rows of no columns
    const RowSlice<width> slice{live ? static_cast<int>(p.columns) : 0, team.thread(), threads_per_row, aligned};
    HeldRow<T, vectors, doubled> s{{}, slice, doubled && threads_per_row > team.threads(), shared_vectors, p};
    s.read(static_cast<const T *>(p.x) + row * p.x_stride);
    if (p.residual != nullptr) {
        const T *residual = static_cast<const T *>(p.residual) + row * p.residual_stride;
        T *sum = static_cast<T *>(p.sum) + row * p.sum_stride;
        s.each_vector(false, [&](const auto &slice, int v, Pack<T> &pack, int part) {
            float branch[width], before[width];
            pack.widen(branch);
            load_vector(residual, slice, v).widen(before);
            if (dropout.p != 0.0f) dropout.apply(branch, row, slice, v);
#pragma unroll
            for (int e = 0; e < width; ++e) branch[e] += before[e];
            pack = Pack<T>::round(branch);
            s.keep(v, pack, part);
            store_vector(sum, slice, v, pack);
        });
    }

    cluster_has_begun(team);
    const float count = static_cast<float>(p.columns);
    float center = 0.0f;
    if (p.kind == WW_NORM_LAYER) {
        float total[parts][1] = {};
        s.each_vector(p.residual != nullptr, [&](const auto &, int, const Pack<T> &pack, int part) {
            float value[width];
            pack.widen(value);
#pragma unroll
            for (int e = 0; e < width; ++e) total[part][0] += value[e];
        });
        sum_row(total, team, s.both, slots_of_mean);
        center = total[0][0] / count;
    }
    float moments[parts][2] = {}; // of s - center: its sum and that of its square
    s.each_vector(p.residual != nullptr, [&](const auto &slice, int v, const Pack<T> &pack, int part) {
        float value[width];
        pack.widen(value);
        slice.each(v, [&](int e) {
            const float deviation = value[e] - center;
            moments[part][0] += deviation;
            moments[part][1] = fmaf(deviation, deviation, moments[part][1]);
        });
    });
    sum_row(moments, team, s.both, slots_of_squares);
    // By which the rounded center misses the mean. RMS norm has no mean to miss.
    const float missed = p.kind == WW_NORM_LAYER ? moments[0][0] / count : 0.0f;
    const float variance = fmaf(-missed, missed, moments[0][1] / count);
    const float rstd = 1.0f / sqrtf((variance < 0.0f ? 0.0f : variance) + p.eps); // fmaxf would turn NaN into 0
    if (live && team.thread() == 0) {
        store(p.mean + row, center + missed);
        store(p.rstd + row, rstd);
    }

    T *y = static_cast<T *>(p.y) + row * p.y_stride;
    const float shift = -missed * rstd;
    s.each_vector(p.residual != nullptr, [&](const auto &slice, int v, const Pack<T> &pack, int) {
        float value[width], gamma[width], beta[width] = {};
        pack.widen(value);
        load_weights(gamma, p.gamma, p.weight_dtype, slice, v);
        if (p.beta != nullptr) load_weights(beta, p.beta, p.weight_dtype, slice, v);
#pragma unroll
        for (int e = 0; e < width; ++e) value[e] = fmaf(fmaf(value[e] - center, rstd, shift), gamma[e], beta[e]);
        store_vector(y, slice, v, Pack<T>::round(value));
    });
}

} // namespace
} // namespace WW_NAMESPACE
