// Tiles of tensors: one thread moves a box of a tensor of 1 to 5 dimensions, which a tensor map describes, and doesn't wait for it.
// sm_90 and later; below, all of these trap.
// PTX ISA, Data Movement and Conversion Instructions: cp.async.bulk.tensor, cp.reduce.async.bulk.tensor,
// cp.async.bulk.prefetch.tensor, prefetch.tensormap.
//
// The map is a `const __grid_constant__ CUtensorMap` parameter of the kernel, or lies in constant or global memory; its host side is
// common/tensor_map.cuh. Coordinates count elements, those of neighbors first; what of the box is outside of the tensor is filled by
// loads, and left out by stores. The tile in shared memory is a multiple of 128 bytes, its rows one after the other, swizzled as the
// map says by bits of the address. How completion is told, and what bulk groups are, is in bulk.cuh.
#pragma once

#include <cuda.h>

#include "bulk.cuh"

namespace WW_NAMESPACE {

#if !defined(WW_SIM) && __CUDA_ARCH__ >= 900
// Expands `statement(modifiers, dimensions, coordinates, operands...)` for a rank, with the coordinates c[0] to c[rank - 1] as the
// operands from number `first` on.
#define WW_EACH_RANK(statement, first, modifiers)                                                                                \
    if constexpr (rank == 1) {                                                                                                   \
        statement(modifiers, "1d", WW_FROM_##first##_1, "r"(c[0]));                                                              \
    } else if constexpr (rank == 2) {                                                                                            \
        statement(modifiers, "2d", WW_FROM_##first##_2, "r"(c[0]), "r"(c[1]));                                                   \
    } else if constexpr (rank == 3) {                                                                                            \
        statement(modifiers, "3d", WW_FROM_##first##_3, "r"(c[0]), "r"(c[1]), "r"(c[2]));                                        \
    } else if constexpr (rank == 4) {                                                                                            \
        statement(modifiers, "4d", WW_FROM_##first##_4, "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]));                             \
    } else {                                                                                                                     \
        statement(modifiers, "5d", WW_FROM_##first##_5, "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]), "r"(c[4]));                  \
    }
#define WW_FROM_1_1 "{%1}"
#define WW_FROM_1_2 "{%1, %2}"
#define WW_FROM_1_3 "{%1, %2, %3}"
#define WW_FROM_1_4 "{%1, %2, %3, %4}"
#define WW_FROM_1_5 "{%1, %2, %3, %4, %5}"
#define WW_FROM_2_1 "{%2}"
#define WW_FROM_2_2 "{%2, %3}"
#define WW_FROM_2_3 "{%2, %3, %4}"
#define WW_FROM_2_4 "{%2, %3, %4, %5}"
#define WW_FROM_2_5 "{%2, %3, %4, %5, %6}"
#define WW_FROM_3_1 "{%3}"
#define WW_FROM_3_2 "{%3, %4}"
#define WW_FROM_3_3 "{%3, %4, %5}"
#define WW_FROM_3_4 "{%3, %4, %5, %6}"
#define WW_FROM_3_5 "{%3, %4, %5, %6, %7}"
#define WW_FROM_4_1 "{%4}"
#define WW_FROM_4_2 "{%4, %5}"
#define WW_FROM_4_3 "{%4, %5, %6}"
#define WW_FROM_4_4 "{%4, %5, %6, %7}"
#define WW_FROM_4_5 "{%4, %5, %6, %7, %8}"
#define WW_FROM_5_1 "{%5}"
#define WW_FROM_5_2 "{%5, %6}"
#define WW_FROM_5_3 "{%5, %6, %7}"
#define WW_FROM_5_4 "{%5, %6, %7, %8}"
#define WW_FROM_5_5 "{%5, %6, %7, %8, %9}"

#define WW_TMA_LOAD(modifiers, dimensions, coordinates, ...)                                                                     \
    asm volatile("cp.async.bulk.tensor." dimensions ".shared::cluster.global" modifiers ".mbarrier::complete_tx::bytes"          \
                 " [%0], [%1, " coordinates "], [%2];"                                                                           \
                 :                                                                                                               \
                 : "r"(shared_address(shared)), "l"(map), "r"(shared_address(bar)), __VA_ARGS__                                  \
                 : "memory")
#define WW_TMA_LOAD_HINT(modifiers, dimensions, coordinates, ...)                                                                \
    asm volatile("cp.async.bulk.tensor." dimensions ".shared::cluster.global" modifiers                               \
                 ".mbarrier::complete_tx::bytes.L2::cache_hint"                                                                  \
                 " [%0], [%1, " coordinates "], [%2], %3;"                                                                       \
                 :                                                                                                               \
                 : "r"(shared_address(shared)), "l"(map), "r"(shared_address(bar)), "l"(static_cast<uint64_t>(hint)),            \
                   __VA_ARGS__                                                                                                   \
                 : "memory")
#define WW_TMA_MULTICAST(modifiers, dimensions, coordinates, ...)                                                                \
    asm volatile("cp.async.bulk.tensor." dimensions                                                                              \
                 ".shared::cluster.global" modifiers ".mbarrier::complete_tx::bytes.multicast::cluster"                          \
                 " [%0], [%1, " coordinates "], [%2], %3;"                                                                       \
                 :                                                                                                               \
                 : "r"(shared_address(shared)), "l"(map), "r"(shared_address(bar)), "h"(block_mask), __VA_ARGS__                 \
                 : "memory")
#define WW_TMA_MULTICAST_HINT(modifiers, dimensions, coordinates, ...)                                                           \
    asm volatile("cp.async.bulk.tensor." dimensions                                                                              \
                 ".shared::cluster.global" modifiers ".mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint"           \
                 " [%0], [%1, " coordinates "], [%2], %3, %4;"                                                                   \
                 :                                                                                                               \
                 : "r"(shared_address(shared)), "l"(map), "r"(shared_address(bar)), "h"(block_mask),                             \
                   "l"(static_cast<uint64_t>(hint)), __VA_ARGS__                                                                 \
                 : "memory")
#define WW_TMA_STORE(modifiers, dimensions, coordinates, ...)                                                                    \
    asm volatile("cp.async.bulk.tensor." dimensions ".global.shared::cta" modifiers ".bulk_group [%0, " coordinates "], [%1];"   \
                 :                                                                                                               \
                 : "l"(map), "r"(shared_address(shared)), __VA_ARGS__                                                            \
                 : "memory")
#define WW_TMA_STORE_HINT(modifiers, dimensions, coordinates, ...)                                                               \
    asm volatile("cp.async.bulk.tensor." dimensions ".global.shared::cta" modifiers ".bulk_group.L2::cache_hint"                 \
                 " [%0, " coordinates "], [%1], %2;"                                                                             \
                 :                                                                                                               \
                 : "l"(map), "r"(shared_address(shared)), "l"(static_cast<uint64_t>(hint)), __VA_ARGS__                          \
                 : "memory")
#define WW_TMA_REDUCE(modifiers, dimensions, coordinates, ...)                                                                   \
    asm volatile("cp.reduce.async.bulk.tensor." dimensions ".global.shared::cta" modifiers ".bulk_group"                         \
                 " [%0, " coordinates "], [%1];"                                                                                 \
                 :                                                                                                               \
                 : "l"(map), "r"(shared_address(shared)), __VA_ARGS__                                                            \
                 : "memory")
#define WW_TMA_REDUCE_OF(op_name) WW_EACH_RANK(WW_TMA_REDUCE, 2, op_name ".tile")
#define WW_TMA_PREFETCH(modifiers, dimensions, coordinates, ...)                                                                 \
    asm volatile("cp.async.bulk.prefetch.tensor." dimensions ".L2.global" modifiers " [%0, " coordinates "];"                    \
                 :                                                                                                               \
                 : "l"(map), __VA_ARGS__                                                                                         \
                 : "memory")
#endif

template <typename... Coordinates> constexpr bool are_coordinates =
    sizeof...(Coordinates) >= 1 && sizeof...(Coordinates) <= 5 && (std::is_convertible_v<Coordinates, int> && ...);

// cp.async.bulk.tensor.shared::cluster.global: into this block's shared memory. The mbarrier gets to know of the whole box's bytes.
template <CacheHint hint = CacheHint::none, typename... Coordinates>
__device__ __forceinline__ void tma_load(void *shared, const CUtensorMap *map, uint64_t *bar, Coordinates... coordinates) {
    static_assert(are_coordinates<Coordinates...>, "1 to 5 coordinates");
    constexpr unsigned rank = sizeof...(Coordinates);
    const int c[rank] = {static_cast<int>(coordinates)...};
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::tile_load>("cp.async.bulk.tensor", shared, map, rank, c, bar, wwsim::isa::own_block);
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none) {
        WW_EACH_RANK(WW_TMA_LOAD, 3, ".tile")
    } else {
        WW_EACH_RANK(WW_TMA_LOAD_HINT, 4, "")
    }
#else
    __trap();
#endif
}

// The same into the shared memory of each block of the cluster whose bit is set, at the offset that `shared` has in this one's; each
// one's mbarrier, at the offset of `bar`, gets to know of the bytes.
template <CacheHint hint = CacheHint::none, typename... Coordinates>
__device__ __forceinline__ void tma_load_multicast(void *shared, const CUtensorMap *map, uint64_t *bar, uint16_t block_mask,
                                                   Coordinates... coordinates) {
    static_assert(are_coordinates<Coordinates...>, "1 to 5 coordinates");
    constexpr unsigned rank = sizeof...(Coordinates);
    const int c[rank] = {static_cast<int>(coordinates)...};
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::tile_load>("cp.async.bulk.tensor.multicast::cluster", shared, map, rank, c, bar, int{block_mask});
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none) {
        WW_EACH_RANK(WW_TMA_MULTICAST, 4, ".tile")
    } else {
        WW_EACH_RANK(WW_TMA_MULTICAST_HINT, 5, "")
    }
#else
    __trap();
#endif
}

// cp.async.bulk.tensor.global.shared::cta
template <CacheHint hint = CacheHint::none, typename... Coordinates>
__device__ __forceinline__ void tma_store(const CUtensorMap *map, const void *shared, Coordinates... coordinates) {
    static_assert(are_coordinates<Coordinates...>, "1 to 5 coordinates");
    constexpr unsigned rank = sizeof...(Coordinates);
    const int c[rank] = {static_cast<int>(coordinates)...};
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::tile_store>("cp.async.bulk.tensor.global", wwsim::isa::ReduceOp::none, map, rank, c, shared);
#elif __CUDA_ARCH__ >= 900
    if constexpr (hint == CacheHint::none) {
        WW_EACH_RANK(WW_TMA_STORE, 2, ".tile")
    } else {
        WW_EACH_RANK(WW_TMA_STORE_HINT, 3, "")
    }
#else
    __trap();
#endif
}

// cp.reduce.async.bulk.tensor: combines the elements of the tile with those of the tensor, each in one step, but in no order that can be
// relied on. has_bulk_reduce says which types of tensors an operation takes.
template <BulkOp op, typename... Coordinates>
__device__ __forceinline__ void tma_reduce(const CUtensorMap *map, const void *shared, Coordinates... coordinates) {
    static_assert(are_coordinates<Coordinates...>, "1 to 5 coordinates");
    constexpr unsigned rank = sizeof...(Coordinates);
    const int c[rank] = {static_cast<int>(coordinates)...};
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::tile_store>("cp.reduce.async.bulk.tensor", simulated(op), map, rank, c, shared);
#elif __CUDA_ARCH__ >= 900
    WW_EACH_OP(WW_TMA_REDUCE_OF)
#else
    __trap();
#endif
}
template <typename... Coordinates>
__device__ __forceinline__ void tma_reduce_add(const CUtensorMap *map, const void *shared, Coordinates... coordinates) {
    tma_reduce<BulkOp::add>(map, shared, coordinates...);
}
// cp.async.bulk.prefetch.tensor: a hint.
template <typename... Coordinates>
__device__ __forceinline__ void tma_prefetch(const CUtensorMap *map, Coordinates... coordinates) {
    static_assert(are_coordinates<Coordinates...>, "1 to 5 coordinates");
    constexpr unsigned rank = sizeof...(Coordinates);
    const int c[rank] = {static_cast<int>(coordinates)...};
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::tile_prefetch>("cp.async.bulk.prefetch.tensor", map, rank, c);
#elif __CUDA_ARCH__ >= 900
    WW_EACH_RANK(WW_TMA_PREFETCH, 1, "")
#else
    __trap();
#endif
}

// prefetch.tensormap: a hint.
__device__ __forceinline__ void prefetch_tensor_map(const CUtensorMap *map) {
#ifdef WW_SIM
    wwsim::isa::issue<wwsim::isa::map_prefetch>("prefetch.tensormap", map);
#elif __CUDA_ARCH__ >= 900
    asm volatile("prefetch.tensormap [%0];" : : "l"(map) : "memory");
#else
    __trap();
#endif
}

} // namespace WW_NAMESPACE
