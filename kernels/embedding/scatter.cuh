// The sums over rows of ../embedding.cu, which says what they compute and how.
#pragma once

#include "../common/divisor.cuh"
#include "../common/philox.cuh"
#include "rows.cuh"

namespace WW_NAMESPACE {
namespace {

// Columns of a thread: sums are f32, and a warp's accesses to them side by side. Of 16-bit dy that is 8 bytes an access, of which the
// warp's are side by side as well; with 8 columns each access to the sums would use the half of every sector.
constexpr int sum_width = 4;
// Rows read at a time, so that their loads are in flight together.
constexpr int rows_at_once = 4;
constexpr int join_warps = 8;

// Row `row(i)` of dy is to be added to row `key(i)` of the target, for all i < count. Equal keys stand side by side.
struct List {
    uint32_t count;
    uint32_t limit;             // keys that are not below it, at the end, are left out
    const uint32_t *keys, *rows; // sorted; or null: the rows of position 0, of all sequences, then those of position 1, ...
    uint32_t first_position, batch, seq_len;
    Divisor by_batch;

    __device__ __forceinline__ uint32_t key(uint32_t i) const {
        return keys != nullptr ? load(keys + i) : first_position + by_batch.divide(i);
    }
    __device__ __forceinline__ uint32_t row(uint32_t i) const {
        if (keys != nullptr) return load(rows + i);
        const uint32_t t = by_batch.divide(i);
        return (i - t * batch) * seq_len + t;
    }
};

// target[key] += scale * sum of the rows of dy with this key, the list cut into chunks of `chunk` rows.
struct Scatter {
    List list;
    uint32_t chunk, chunks;
    const void *dy;
    ww_dtype dtype;
    int64_t dy_strides[2];
    uint32_t seq_len;
    Divisor by_seq_len;
    float *target;
    int64_t target_stride;
    int columns;
    float scale;
    // [chunks][2][columns]: of the run of equal keys that began before the chunk, and of the one that goes on after it. One that does
    // both is the first.
    float *partials;

    __device__ __forceinline__ float *partial(uint32_t chunk, bool goes_on) const {
        return partials + (int64_t{chunk} * 2 + goes_on) * columns;
    }
};

// A team of `threads_per_row` threads has one chunk; blockIdx.y is the vector of each thread.
__global__ void __launch_bounds__(row_block_threads) embedding_scatter(const Scatter s, const Dropout dropout,
                                                                       const int threads_per_row, const bool aligned) {
    constexpr int count = rows_at_once;
    const int team = threadIdx.x / threads_per_row, v = blockIdx.y;
    const uint32_t chunk = blockIdx.x * (blockDim.x / threads_per_row) + team;
    if (chunk >= s.chunks) return;
    const RowSlice<sum_width> slice{s.columns, static_cast<int>(threadIdx.x) - team * threads_per_row, threads_per_row, aligned};
    const uint32_t begin = chunk * s.chunk, end = min(begin + s.chunk, s.list.count);
    const uint32_t first_key = s.list.key(begin), last_key = s.list.key(end - 1);
    const bool began_before = begin > 0 && s.list.key(begin - 1) == first_key;
    const bool goes_on = end < s.list.count && s.list.key(end) == last_key;
    float sum[sum_width] = {};
    for (uint32_t i = begin; i < end; i += count) {
        uint32_t key[count + 1], row[count];
        int64_t offset[count];
        bool there[count];
#pragma unroll
        for (int k = 0; k <= count; ++k) key[k] = i + k < end ? s.list.key(i + k) : UINT32_MAX;
#pragma unroll
        for (int k = 0; k < count; ++k) {
            there[k] = key[k] < s.list.limit;
            row[k] = there[k] ? s.list.row(i + k) : 0;
            const uint32_t b = s.by_seq_len.divide(row[k]), t = row[k] - b * s.seq_len;
            offset[k] = b * s.dy_strides[0] + t * s.dy_strides[1];
        }
        const auto ends = [&](int k) { return there[k] && key[k] != key[k + 1]; };
        const auto in_parts = [&](int k) {
            return (began_before && key[k] == first_key) || (goes_on && key[k] == last_key);
        };
        float x[count][sum_width], before[count][sum_width];
        by_alignment(slice, [&](const RowSlice<sum_width> &known) {
#pragma unroll
            for (int k = 0; k < count; ++k) {
                const float *target = s.target + key[k] * s.target_stride;
                if (ends(k) && !in_parts(k)) load_under<Reads::in_place>(before[k], target, known, v);
            }
        });
        gather_rows<Reads::once>(x, s.dy, s.dtype, offset, there, slice, v);
#pragma unroll
        for (int k = 0; k < count; ++k) {
            if (!there[k]) continue;
            if (dropout.p != 0.0f) dropout.apply(x[k], row[k], slice, v);
#pragma unroll
            for (int e = 0; e < sum_width; ++e) sum[e] += x[k][e];
            if (!ends(k)) continue;
            if (in_parts(k)) {
                store_floats(s.partial(chunk, !(began_before && key[k] == first_key)), slice, v, sum);
            } else {
#pragma unroll
                for (int e = 0; e < sum_width; ++e) sum[e] = fmaf(s.scale, sum[e], before[k][e]);
                store_floats(s.target + key[k] * s.target_stride, slice, v, sum);
            }
#pragma unroll
            for (int e = 0; e < sum_width; ++e) sum[e] = 0.0f;
        }
    }
}

// Block (c, v) adds up the parts of the run that begins in chunk c and goes on after it, if there is one; of 128 columns. Warp w
// takes parts w, w + 8, ..., then warp 0 the eight sums.
__global__ void __launch_bounds__(32 * join_warps) embedding_join(const Scatter s, const bool aligned) {
    __shared__ float of_warp[join_warps][sum_width][32];
    const uint32_t chunk = blockIdx.x, begin = chunk * s.chunk, end = begin + s.chunk, key = s.list.key(end - 1);
    if (key >= s.list.limit || s.list.key(end) != key) return;
    if (begin > 0 && s.list.key(begin - 1) == key) return;
    // How many chunks begin with it: those right after this one.
    uint32_t after = 0;
    for (int found = blockDim.x; found == static_cast<int>(blockDim.x); after += found) {
        const uint32_t other = chunk + 1 + after + threadIdx.x;
        found = __syncthreads_count(other < s.chunks && s.list.key(other * s.chunk) == key);
    }
    const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const RowSlice<sum_width> slice{s.columns, static_cast<int>(lane), 32, aligned};
    float sum[sum_width] = {};
#pragma unroll 4
    for (uint32_t part = warp; part <= after; part += join_warps) {
        float x[sum_width];
        load_under<Reads::once>(x, static_cast<const float *>(s.partial(chunk + part, part == 0)), slice, blockIdx.y);
#pragma unroll
        for (int e = 0; e < sum_width; ++e) sum[e] += x[e];
    }
#pragma unroll
    for (int e = 0; e < sum_width; ++e) of_warp[warp][e][lane] = sum[e];
    __syncthreads();
    if (warp != 0) return;
    const uint32_t warps = min(after + 1, static_cast<uint32_t>(join_warps));
    for (uint32_t other = 1; other < warps; ++other) {
#pragma unroll
        for (int e = 0; e < sum_width; ++e) sum[e] += of_warp[other][e][lane];
    }
    float *target = s.target + key * s.target_stride, before[sum_width];
    load_under<Reads::in_place>(before, static_cast<const float *>(target), slice, blockIdx.y);
#pragma unroll
    for (int e = 0; e < sum_width; ++e) sum[e] = fmaf(s.scale, sum[e], before[e]);
    store_floats(target, slice, blockIdx.y, sum);
}

} // namespace
} // namespace WW_NAMESPACE
