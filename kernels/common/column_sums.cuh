// Sums over the rows of a matrix, in two stages: parts of the rows are summed into a workspace, then the parts in order. No
// atomics, and the order depends on the number of rows alone.
//
// First stage: a block has 16 vectors of columns, side by side, and 16 rows at a time of one part. A part has 256 rows or more, so
// that what it writes, and what the second stage reads, is at most 1/64 of 16-bit operands, and 1/128 of f32; more parts than
// 1024 would bring no more parallelism. Second stage (`sum_parts`, which norm.cu shares): 32 columns a block.
#pragma once

#include <algorithm>

#include "divisor.cuh"
#include "elementwise.cuh"
#include "launch.cuh"
#include "vector.cuh"

namespace WW_NAMESPACE {

// 256 or 512 bytes of a row, and as many rows as make a block of 256 threads.
constexpr int strip_vectors = 16, strip_rows = 16, strip_threads = strip_vectors * strip_rows;
constexpr int64_t least_part_rows = 256, most_parts = 1024;

struct StripPlan {
    int rows, columns;
    int part_rows;
    int size1, size2; // rows are numbered as [size0, size1, size2]
    Divisor by_size1, by_size2;
    int aligned;
};

// ---- On the device

// Parts of sums lie in the workspace as [parts][sums][padded columns], all of a part's sums side by side.
__host__ __device__ constexpr int64_t padded_columns(int64_t columns) { return (columns + 15) / 16 * 16; }

// Where a column is in there: bits 2 and 3 are exchanged. A thread with 8 columns stores 16 bytes twice. In the columns' own
// order every second 16 bytes of a warp would be left out each time, a half of each sector; so two neighbors' lie side by side.
__device__ __forceinline__ int64_t partial_position(int64_t column) {
    return (column & ~int64_t{12}) | (column & 4) << 1 | (column & 8) >> 1;
}

template <int width>
__device__ __forceinline__ void store_partial_sum(float *sums, const RowSlice<width> &slice, int v, const float (&x)[width]) {
    if (slice.packed()) { // the workspace is aligned, whatever the rows are
        if (!slice.has(v, 0)) return;
#pragma unroll
        for (int e = 0; e < width; e += 4) {
            store(reinterpret_cast<float4 *>(sums + partial_position(slice.first(v) + e)), float4{x[e], x[e + 1], x[e + 2], x[e + 3]});
        }
    } else {
#pragma unroll
        for (int e = 0; e < width; ++e) {
            if (slice.has(v, e)) store(sums + partial_position(slice.column(v, e)), x[e]);
        }
    }
}

// What one thread has of a part: a vector of columns of every 16th row.
template <int width> struct Strip {
    const StripPlan &plan;
    RowSlice<width> slice;
    int row, end;

    __device__ __forceinline__ explicit Strip(const StripPlan &p)
        : plan(p), slice{p.columns, static_cast<int>(blockIdx.x * strip_vectors + threadIdx.x % strip_vectors),
                         static_cast<int>(gridDim.x * strip_vectors), p.aligned != 0},
          row(static_cast<int>(blockIdx.y) * p.part_rows + threadIdx.x / strip_vectors),
          end(min(static_cast<int>(blockIdx.y + 1) * p.part_rows, p.rows)) {}

    // The k-th row from here on, as a slice: nothing of it where there is no such row.
    __device__ __forceinline__ RowSlice<width> slice_of(int k) const {
        RowSlice<width> of_row = slice;
        if (row + k * strip_rows >= end) of_row.columns = 0;
        return of_row;
    }

    __device__ __forceinline__ int64_t offset_of(int k, const int64_t *strides) const {
        const int i = row + k * strip_rows, outer = plan.by_size2.divide(i), first = plan.by_size1.divide(outer);
        return first * strides[0] + (outer - first * plan.size1) * strides[1] + (i - outer * plan.size2) * strides[2];
    }

    // Joins what the block's threads have summed, and stores it to the workspace.
    template <int count> __device__ __forceinline__ void finish(float (&sums)[count][width], float *partials) const {
        constexpr int warps = strip_threads / 32;
        __shared__ float of_warp[warps][count * width][strip_vectors];
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
        for (int i = 0; i < count * width; ++i) {
            float &sum = sums[i / width][i % width];
            sum += __shfl_xor_sync(0xFFFFFFFFu, sum, strip_vectors);
            if (lane < strip_vectors) of_warp[warp][i][lane] = sum;
        }
        __syncthreads();
        if (threadIdx.x >= strip_vectors) return;
#pragma unroll
        for (int i = 0; i < count * width; ++i) {
            for (int other = 1; other < warps; ++other) sums[i / width][i % width] += of_warp[other][i][lane];
        }
#pragma unroll
        for (int i = 0; i < count; ++i) {
            store_partial_sum(partials + (int64_t{blockIdx.y} * count + i) * padded_columns(plan.columns), slice, 0, sums[i]);
        }
    }
};

// out = beta * out + the sum over parts, 32 columns a block: warp w adds up parts w, w + 16, ..., the first one the 16 sums. Blocks of
// row 1 do the same for the second sum of each part.
constexpr int sum_warps = 16;

struct PartSums {
    const float *partials;
    int sums, parts; // `sums` in each part
    int64_t columns;
    float *first, *second; // the latter may be null
    float beta;            // with 0, what was there is not read
};

namespace {

__global__ void __launch_bounds__(32 * sum_warps) sum_parts(const PartSums p) {
    __shared__ float of_warp[sum_warps][32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t column = int64_t{32} * blockIdx.x + lane;
    const int64_t padded = padded_columns(p.columns);
    const float *partials = p.partials + blockIdx.y * padded + partial_position(column);
    float sum = 0.0f;
    if (column < p.columns) {
#pragma unroll 4
        for (int part = warp; part < p.parts; part += sum_warps) sum += load_once(partials + part * p.sums * padded);
    }
    of_warp[warp][lane] = sum;
    __syncthreads();
    if (warp != 0 || column >= p.columns) return;
#pragma unroll
    for (int other = 1; other < sum_warps; ++other) sum += of_warp[other][lane];
    float *out = (blockIdx.y == 0 ? p.first : p.second) + column;
    store(out, p.beta == 0.0f ? sum : fmaf(p.beta, load(out), sum));
}

} // namespace

// ---- Launching

inline int32_t launch_sums(const PartSums &sums, ww_stream stream) {
    if (sums.columns == 0) return WW_OK;
    const unsigned blocks = static_cast<unsigned>(divide_up(sums.columns, 32));
    return launch(sum_parts, {dim3(blocks, sums.second == nullptr ? 1 : 2), dim3(32 * sum_warps)}, stream, sums);
}

inline int64_t count_of_rows(const ww_rows &rows) { return rows.sizes[0] * rows.sizes[1] * rows.sizes[2]; }

// Rows and columns that one launch takes.
inline bool fits_strips(const ww_rows &rows) { return count_of_rows(rows) <= most_elements && rows.columns <= most_elements; }

inline int64_t part_rows_of(int64_t rows) { return std::max(least_part_rows, divide_up(rows, most_parts)); }
inline int64_t parts_of_rows(int64_t rows) { return divide_up(rows, part_rows_of(rows)); }

// What `count` sums of each column need.
inline int64_t strips_workspace(const ww_rows &rows, int count) {
    return parts_of_rows(count_of_rows(rows)) * count * padded_columns(rows.columns) * int64_t{sizeof(float)};
}

// Launches a kernel whose blocks are strips, then the sums of what they leave in the workspace: `count` (1 or 2) times [columns], side
// by side in `out`.
template <int width, typename Params>
int32_t launch_strips(void (*kernel)(Params, StripPlan), const Params &p, const ww_rows &rows, bool aligned, int count,
                      const void *workspace, float *out, float beta, ww_stream stream) {
    const int64_t parts = parts_of_rows(count_of_rows(rows));
    if (parts > 0 && rows.columns > 0) {
        StripPlan plan = {};
        plan.rows = static_cast<int>(count_of_rows(rows));
        plan.columns = static_cast<int>(rows.columns);
        plan.part_rows = static_cast<int>(part_rows_of(plan.rows));
        plan.size1 = static_cast<int>(rows.sizes[1]);
        plan.size2 = static_cast<int>(rows.sizes[2]);
        plan.by_size1 = Divisor::of(plan.size1);
        plan.by_size2 = Divisor::of(plan.size2);
        plan.aligned = aligned && rows.columns % width == 0;
        constexpr int columns_per_block = strip_vectors * width;
        const unsigned blocks = static_cast<unsigned>(divide_up(rows.columns, columns_per_block));
        const LaunchShape shape{dim3(blocks, static_cast<unsigned>(parts)), dim3(strip_threads)};
        if (const int32_t status = launch(kernel, shape, stream, p, plan)) return status;
    }
    float *second = count == 2 ? out + rows.columns : nullptr;
    const auto *partials = static_cast<const float *>(workspace);
    return launch_sums({partials, count, static_cast<int>(parts), rows.columns, out, second, beta}, stream);
}

} // namespace WW_NAMESPACE
