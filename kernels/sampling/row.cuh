// A row of logits, read and shared out for ../sampling.cu, which says how.
#pragma once

#include "../common/ragged.cuh"
#include "../common/reduce.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int most_block_warps = 32;
constexpr int most_blocks = 8;
constexpr int most_row_warps = most_block_warps * most_blocks;
// Vectors that a thread loads at once, and keeps where its part of the row has no more.
constexpr int held_vectors = 4;

// The part of a row that one warp has: tile after tile of 32 vectors, a vector for each lane. Positions as in ragged.cuh.
template <typename T> struct RowPart {
    static constexpr int width = Pack<T>::width;
    const T *row; // position 0
    int begin, end;
    int first; // this lane's vector of the first tile
    int tiles;

    __device__ __forceinline__ RowPart(const T *logits, int columns, int warp, int tiles)
        : row(logits - misalignment(logits)), begin(misalignment(logits)), end(begin + columns),
          first(warp * tiles * 32 + static_cast<int>(threadIdx.x % 32)), tiles(tiles) {}

    __device__ __forceinline__ bool is_held() const { return tiles <= held_vectors; }
    __device__ __forceinline__ int token(int tile, int element) const { return (first + tile * 32) * width + element - begin; }

    // The vectors of tiles tile, tile + 1, ...; what lies outside of the row is -inf.
    __device__ __forceinline__ void load_tiles(Pack<T> (&x)[held_vectors], int tile) const {
        constexpr uint32_t nothing =
            std::is_same_v<T, float> ? 0xFF800000u : std::is_same_v<T, __half> ? 0xFC00FC00u : 0xFF80FF80u;
#pragma unroll
        for (int k = 0; k < held_vectors; ++k) {
            const int v = first + (tile + k) * 32;
            x[k] = Pack<T>{{nothing, nothing, nothing, nothing}};
            if ((tile + k < tiles) & is_within<width>(begin, end, v)) x[k] = load(reinterpret_cast<const Pack<T> *>(row) + v);
        }
#pragma unroll
        for (int k = 0; k < held_vectors; ++k) {
            const int v = first + (tile + k) * 32;
            if ((tile + k < tiles) & is_touched<width>(begin, end, v) & !is_within<width>(begin, end, v)) {
                T elements[width];
                memcpy(static_cast<void *>(elements), &x[k], sizeof(x[k]));
#pragma unroll
                for (int e = 0; e < width; ++e) {
                    if (v * width + e >= begin && v * width + e < end) elements[e] = load(row + v * width + e);
                }
                memcpy(&x[k], elements, sizeof(x[k]));
            }
        }
    }

    // f(tile, logits) for each tile, with this lane's vector. `x` is what was loaded last. All lanes take as many turns.
    template <typename F> __device__ __forceinline__ void each_tile(Pack<T> (&x)[held_vectors], bool first_time, F f) const {
#pragma unroll 1
        for (int tile = 0; tile < tiles; tile += held_vectors) {
            if (first_time || !is_held()) load_tiles(x, tile);
#pragma unroll
            for (int k = 0; k < held_vectors; ++k) {
                x[k].stay_packed();
                float logits[width];
                x[k].widen(logits);
                if (tile + k < tiles) f(tile + k, logits);
            }
        }
    }
};

// What the warps of a row leave for each other, block after block: in each block's shared memory all that all of them have left.
template <typename V> struct Slots {
    V of_warp[most_row_warps];

    __device__ __forceinline__ void leave(V value, const RowTeam &team, int warp) {
        const int lane = threadIdx.x % 32;
        if (lane < team.blocks) {
            V *slot = &of_warp[warp];
            if (team.blocks > 1) slot = map_shared(slot, lane);
            *slot = value;
        }
    }
};

template <typename V> __device__ __forceinline__ V warp_total(V value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, distance);
    return value;
}

__device__ __forceinline__ uint64_t warp_greatest(uint64_t value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
        const uint64_t other = __shfl_xor_sync(0xFFFFFFFFu, value, distance);
        value = other > value ? other : value;
    }
    return value;
}

// The sum over this lane and those before it.
template <typename V> __device__ __forceinline__ V warp_running(V value) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const V before = __shfl_up_sync(0xFFFFFFFFu, value, distance);
        if (lane >= distance) value += before;
    }
    return value;
}

} // namespace
} // namespace WW_NAMESPACE
