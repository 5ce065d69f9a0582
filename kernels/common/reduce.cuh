// Sums and maxima over the threads that share a row, in an order that depends on their number alone: over the lanes of a warp by
// shuffles, then over warps through shared memory, in one barrier. The warps may lie in one block or in a cluster of blocks, which
// write to each other's shared memory; the result is the same to the bit, and the same in every thread.
#pragma once

#include "ptx/cluster.cuh"

namespace WW_NAMESPACE {

struct Sum {
    static constexpr float identity = 0.0f;
    static __device__ __forceinline__ float join(float a, float b) { return a + b; }
};
struct Max {
    static constexpr float identity = -INFINITY;
    static __device__ __forceinline__ float join(float a, float b) { return fmaxf(a, b); } // passes over NaN
};

// Warps that can share a row: as many as 8 blocks of 512 threads have.
constexpr int max_row_warps = 128;

// What a row's warps leave for each other: one value each, for `values` reductions at once. In shared memory. One that is used
// again needs a barrier between, which the reduction through another one is.
template <int values, int warps = max_row_warps> struct RowSlots {
    float of_warp[values][warps];
};

// The threads that share a row: a power of two of lanes of one warp, or whole warps of one block or of a cluster.
struct RowTeam {
    int lanes;  // 1 ... 32 of each warp
    int warps;  // of each block; 1 unless lanes is 32
    int blocks; // of the cluster

    __host__ __device__ constexpr int threads() const { return lanes * warps * blocks; }
    // Rows that one block, or one cluster, has in hand at a time.
    __host__ __device__ constexpr int rows(int block_threads) const { return warps * blocks == 1 ? block_threads / lanes : 1; }
    // Which of them is this thread's, and which of the row's threads it is.
    __device__ __forceinline__ int row() const { return warps * blocks == 1 ? threadIdx.x >> (__ffs(lanes) - 1) : 0; }
    __device__ __forceinline__ int thread() const {
        if (warps * blocks == 1) return threadIdx.x & (lanes - 1);
        return (blocks == 1 ? 0 : cluster_rank() * blockDim.x) + threadIdx.x;
    }
};

// Over `lanes` neighbors, a power of two; every lane of the warp takes part.
template <typename Op, int values> __device__ __forceinline__ void reduce_lanes(float (&x)[values], int lanes = 32) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        if (distance < lanes) {
#pragma unroll
            for (int i = 0; i < values; ++i) x[i] = Op::join(x[i], __shfl_xor_sync(0xFFFFFFFFu, x[i], distance));
        }
    }
}

// Leaves what warp `warp` of the row's threads has, reduced over its lanes, for all the others.
template <int values, int capacity>
__device__ __forceinline__ void leave(const float (&x)[values], const RowTeam &team, RowSlots<values, capacity> &slots, int warp) {
    const int lane = threadIdx.x % 32;
    if (lane < team.blocks) {
#pragma unroll
        for (int i = 0; i < values; ++i) {
            float *slot = &slots.of_warp[i][warp];
            if (team.blocks > 1) slot = map_shared(slot, lane);
            *slot = x[i];
        }
    }
}

// Waits until all have left theirs. A cluster must have begun before that: see `cluster_begins`.
__device__ __forceinline__ void row_barrier(const RowTeam &team) {
    if (team.blocks > 1) {
        cluster_sync();
    } else {
        __syncthreads();
    }
}

// Joins what `warps` warps left.
template <typename Op, int values, int capacity>
__device__ __forceinline__ void gather(float (&x)[values], const RowSlots<values, capacity> &slots, int warps) {
#pragma unroll
    for (int i = 0; i < values; ++i) x[i] = Op::identity;
    for (int warp = threadIdx.x % 32; warp < warps; warp += 32) {
#pragma unroll
        for (int i = 0; i < values; ++i) x[i] = Op::join(x[i], slots.of_warp[i][warp]);
    }
    reduce_lanes<Op>(x);
}

// Over all threads of a row. All threads of the block, or of the cluster, call it.
template <typename Op, int values, int capacity>
__device__ __forceinline__ void reduce_row(float (&x)[values], const RowTeam &team, RowSlots<values, capacity> &slots) {
    reduce_lanes<Op>(x, team.lanes);
    if (team.warps * team.blocks == 1) return;
    leave(x, team, slots, team.thread() / 32);
    row_barrier(team);
    gather<Op>(x, slots, team.warps * team.blocks);
}

// A block may write to another's shared memory once that one has begun, and must not end before others have written to its
// own. Arrive first, wait before the first reduction; after the last one nobody writes.
__device__ __forceinline__ void cluster_begins(const RowTeam &team) {
    if (team.blocks > 1) cluster_arrive();
}
__device__ __forceinline__ void cluster_has_begun(const RowTeam &team) {
    if (team.blocks > 1) cluster_wait();
}

} // namespace WW_NAMESPACE
