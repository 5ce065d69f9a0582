// The kernels of the gradient's norm. ../adamw.cu says what they compute and how.
#pragma once

#include "../common/ragged.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int norm_threads = 256;
constexpr int norm_vectors = 4; // that a thread has in flight
// One wave of 4 blocks on each of 132 SMs. The same on all devices: the order of the sum must not depend on the device.
constexpr int max_norm_parts = 132 * 4;

// Over the block, in thread 0.
__device__ __forceinline__ double sum_block(double x) {
    __shared__ double of_warp[norm_threads / 32];
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) x = __dadd_rn(x, __shfl_xor_sync(0xFFFFFFFFu, x, distance));
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = x;
    __syncthreads();
    double sum = 0.0;
    if (threadIdx.x == 0) {
#pragma unroll
        for (int warp = 0; warp < norm_threads / 32; ++warp) sum = __dadd_rn(sum, of_warp[warp]);
    }
    return sum;
}

// The sum of squares of the tiles that are this block's. `shift` elements lie between a 16-byte boundary and the first one.
template <typename T>
__global__ void __launch_bounds__(norm_threads, 4) grad_norm_parts(const T *grads, int64_t count, int shift, double *parts) {
    constexpr int width = Pack<T>::width;
    constexpr int64_t tile = int64_t{norm_threads} * norm_vectors * width;
    double sums[4] = {};
    for (int64_t base = blockIdx.x * tile - shift; base < count; base += gridDim.x * tile) {
        Pack<T> packs[norm_vectors];
#pragma unroll
        for (int k = 0; k < norm_vectors; ++k) {
            const int64_t first = base + (k * norm_threads + static_cast<int>(threadIdx.x)) * width;
            packs[k] = Pack<T>{};
            if (first >= 0 && first + width <= count) packs[k] = load_once(reinterpret_cast<const Pack<T> *>(grads + first));
        }
#pragma unroll
        for (int k = 0; k < norm_vectors; ++k) {
            const int64_t first = base + (k * norm_threads + static_cast<int>(threadIdx.x)) * width;
            if (first + width > 0 && first < count && !(first >= 0 && first + width <= count)) {
                T elements[width] = {};
#pragma unroll
                for (int e = 0; e < width; ++e) {
                    if (first + e >= 0 && first + e < count) elements[e] = load(grads + first + e);
                }
                memcpy(&packs[k], elements, sizeof(packs[k]));
            }
            float x[width];
            packs[k].widen(x);
            // The square of an f32 is exact in f64, and no number of them overflows.
#pragma unroll
            for (int e = 0; e < width; ++e) sums[e % 4] = __fma_rn(double{x[e]}, double{x[e]}, sums[e % 4]);
        }
    }
    const double sum = sum_block(__dadd_rn(__dadd_rn(sums[0], sums[1]), __dadd_rn(sums[2], sums[3])));
    if (threadIdx.x == 0) store(parts + blockIdx.x, sum);
}

__global__ void __launch_bounds__(norm_threads) grad_norm_sum(const double *parts, int count, float *norm, bool accumulate) {
    double sum = 0.0;
    for (int i = threadIdx.x; i < count; i += norm_threads) sum = __dadd_rn(sum, load(parts + i));
    sum = sum_block(sum);
    if (threadIdx.x == 0) {
        const double before = accumulate ? load(norm) : 0.0;
        store(norm, static_cast<float>(__dsqrt_rn(__fma_rn(before, before, sum))));
    }
}

} // namespace
} // namespace WW_NAMESPACE
