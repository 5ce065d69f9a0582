// Copies whose input lies closest along another axis than the output: `across` there, `along` for the output's.
#pragma once

#include "axes.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int tile_threads = 256;

// Tiles of across x along.
struct TilesPlan {
    const void *x;
    void *y;
    int across, along;   // sizes of the two axes
    int64_t x_stride;    // of x from one element of `along` to the next; 1 of `across`
    int64_t y_stride;    // of y from one element of `across` to the next; 1 of `along`
    int tiles_across, tiles_along;
    Divisor by_across, by_along; // numbers of tiles
    int warps_across;    // where warps lie side by side in a tile
    int total;           // tiles of all outer axes
    OuterAxes outer;
};

inline TilesPlan plan_tiles(const Operands &o, int across_axis, int tile_across, int tile_along) {
    TilesPlan plan = {};
    const int last = o.rank - 1;
    plan.x = o.x;
    plan.y = o.y;
    plan.across = static_cast<int>(o.sizes[across_axis]);
    plan.along = static_cast<int>(o.sizes[last]);
    plan.x_stride = o.x_strides[last];
    plan.y_stride = o.y_strides[across_axis];
    plan.tiles_across = (plan.across - 1) / tile_across + 1;
    plan.tiles_along = (plan.along - 1) / tile_along + 1;
    plan.by_across = Divisor::of(plan.tiles_across);
    plan.by_along = Divisor::of(plan.tiles_along);
    for (int axis = 0; axis < last; ++axis) {
        if (axis != across_axis) plan.outer.add(o, axis);
    }
    plan.total = plan.outer.number() * plan.tiles_across * plan.tiles_along;
    return plan;
}

// A block's tile: the offsets of both operands on the outer axes, and the tile's number on the other two.
__device__ __forceinline__ void seek_tile(const TilesPlan &plan, int64_t &x, int64_t &y, int &across, int &along) {
    x = y = 0;
    const int column = plan.by_across.divide(blockIdx.x), index = plan.by_along.divide(column);
    across = blockIdx.x - column * plan.tiles_across;
    along = column - index * plan.tiles_along;
    plan.outer.seek(index, x, y);
}

// ---- In registers: both operands' vectors are aligned and whole.

// A thread's square has so many elements a side: 16 bytes of the wider type, but of bytes 8, for it is held twice.
template <typename X, typename Y> constexpr int square_side = access_width<X, Y> < 8 ? access_width<X, Y> : 8;
// Squares of a warp: more of them side by side where elements are narrower, for 64 bytes of each row at least, 32 of bytes.
template <typename X, typename Y> constexpr int squares_across = sizeof(X) < sizeof(Y) ? 8 : 4;
template <typename X, typename Y> constexpr int squares_along = 32 / squares_across<X, Y>;

template <typename X, typename Y> __global__ void __launch_bounds__(tile_threads) copy_squares(TilesPlan plan) {
    constexpr int side = square_side<X, Y>, lanes = squares_across<X, Y>;
    int64_t x_start, y_start;
    int across, along;
    seek_tile(plan, x_start, y_start, across, along);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warp_along = warp / plan.warps_across, warp_across = warp - warp_along * plan.warps_across;
    const int warps_along = tile_threads / 32 / plan.warps_across;
    across = ((across * plan.warps_across + warp_across) * lanes + lane % lanes) * side;
    along = ((along * warps_along + warp_along) * squares_along<X, Y> + lane / lanes) * side;
    if (across >= plan.across || along >= plan.along) return;
    const X *x = static_cast<const X *>(plan.x) + x_start + along * plan.x_stride + across;
    Y *y = static_cast<Y *>(plan.y) + y_start + across * plan.y_stride + along;
    Elements<X, side> from[side];
#pragma unroll
    for (int i = 0; i < side; ++i) from[i] = load_once(reinterpret_cast<const Elements<X, side> *>(x + i * plan.x_stride));
#pragma unroll
    for (int i = 0; i < side; ++i) {
        Elements<Y, side> to;
#pragma unroll
        for (int e = 0; e < side; ++e) to.at[e] = converted<Y>(from[e].at[i]);
        store(reinterpret_cast<Elements<Y, side> *>(y + i * plan.y_stride), to);
    }
}

// ---- Through shared memory: rows begin and end anywhere.

constexpr int tile_side = 64;

__global__ void __launch_bounds__(tile_threads) copy_tiles(TilesPlan plan, Conversion conversion) {
    constexpr int warps = tile_threads / 32, rows = tile_side / warps, parts = tile_side / 32;
    // A word for each element. One more in a row, so that the 32 banks hold 32 neighbors of either axis.
    __shared__ uint32_t tile[tile_side][tile_side + 1];
    int64_t x_start, y_start;
    int across, along;
    seek_tile(plan, x_start, y_start, across, along);
    across *= tile_side;
    along *= tile_side;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    uint32_t bits[rows * parts] = {};
#pragma unroll
    for (int i = 0; i < rows * parts; ++i) {
        const int row = along + warp + i / parts * warps, column = across + lane + i % parts * 32;
        if (row < plan.along && column < plan.across) {
            bits[i] = load_bits(plan.x, x_start + row * plan.x_stride + column, conversion.x_bytes);
        }
    }
#pragma unroll
    for (int i = 0; i < rows * parts; ++i) {
        const int row = warp + i / parts * warps, column = lane + i % parts * 32;
        tile[row][column] = converted_bits(bits[i], conversion);
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < rows * parts; ++i) {
        const int row = warp + i / parts * warps, column = lane + i % parts * 32;
        const uint32_t element = tile[column][row];
        if (across + row < plan.across && along + column < plan.along) {
            const int64_t to = y_start + (across + row) * plan.y_stride + along + column;
            store_bits(plan.y, to, conversion.y_bytes, element);
        }
    }
}

} // namespace
} // namespace WW_NAMESPACE
