// Collectives of a warp: shuffles, votes, match, reductions, __syncwarp. Their semantics are those of PTX's shfl.sync, vote.sync,
// match.sync, redux.sync and bar.warp.sync.
#pragma once

#include <cstdint>
#include <cstring>

#include "../exec/device.h"
#include "../isa/redux.h"
#include "host_defines.h"

namespace wwsim {
inline namespace api {

constexpr int warpSize = 32;

} // namespace api

namespace detail {

// The register operands of shfl.sync: which lane (b), and the segments and the bound of the source lane (c).
uint64_t shuffle_idx(unsigned mask, uint64_t bits, unsigned b, unsigned c);
uint64_t shuffle_up(unsigned mask, uint64_t bits, unsigned b, unsigned c);
uint64_t shuffle_down(unsigned mask, uint64_t bits, unsigned b, unsigned c);
uint64_t shuffle_xor(unsigned mask, uint64_t bits, unsigned b, unsigned c);
unsigned match_any(unsigned mask, uint64_t bits);
unsigned match_all(unsigned mask, uint64_t bits, int *all_equal);

template <class T> uint64_t to_bits(T value) {
    static_assert(sizeof(T) <= 8, "one lane's operand is at most 64 bits");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    return bits;
}

template <class T> T from_bits(uint64_t bits) {
    T value;
    memcpy(static_cast<void *>(&value), &bits, sizeof(T));
    return value;
}

__forceinline__ unsigned shuffle_segments(int width) { return (unsigned)(warpSize - width) << 8; }

} // namespace detail

inline namespace api {

// For each type of an operand. A source lane outside the segment gives the caller's own value; one that takes no part in the
// shuffle, which a GPU leaves undefined, gives a value of 0xFF bytes: NaN in every float type.
#define WWSIM_SHUFFLE(T)                                                                                                           \
    __forceinline__ T __shfl_sync(unsigned mask, T value, int source_lane, int width = warpSize) {                                          \
        return detail::from_bits<T>(detail::shuffle_idx(mask, detail::to_bits(value), (unsigned)source_lane,                       \
                                                        detail::shuffle_segments(width) | 31));                                    \
    }                                                                                                                              \
    __forceinline__ T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {                                        \
        return detail::from_bits<T>(                                                                                               \
            detail::shuffle_up(mask, detail::to_bits(value), delta, detail::shuffle_segments(width)));                             \
    }                                                                                                                              \
    __forceinline__ T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize) {                                      \
        return detail::from_bits<T>(                                                                                               \
            detail::shuffle_down(mask, detail::to_bits(value), delta, detail::shuffle_segments(width) | 31));                      \
    }                                                                                                                              \
    __forceinline__ T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {                                        \
        return detail::from_bits<T>(detail::shuffle_xor(mask, detail::to_bits(value), (unsigned)lane_mask,                         \
                                                        detail::shuffle_segments(width) | 31));                                    \
    }

#define WWSIM_MATCH(T)                                                                                                             \
    __forceinline__ unsigned __match_any_sync(unsigned mask, T value) { return detail::match_any(mask, detail::to_bits(value)); }           \
    __forceinline__ unsigned __match_all_sync(unsigned mask, T value, int *all_equal) {                                                     \
        return detail::match_all(mask, detail::to_bits(value), all_equal);                                                         \
    }

#define WWSIM_EACH_LANE_TYPE(DEFINE)                                                                                               \
    DEFINE(int)                                                                                                                    \
    DEFINE(unsigned)                                                                                                               \
    DEFINE(long)                                                                                                                   \
    DEFINE(unsigned long)                                                                                                          \
    DEFINE(long long)                                                                                                              \
    DEFINE(unsigned long long)                                                                                                     \
    DEFINE(float)                                                                                                                  \
    DEFINE(double)

WWSIM_EACH_LANE_TYPE(WWSIM_SHUFFLE)
WWSIM_EACH_LANE_TYPE(WWSIM_MATCH)
#undef WWSIM_EACH_LANE_TYPE
#undef WWSIM_MATCH

unsigned __ballot_sync(unsigned mask, int predicate);
int __all_sync(unsigned mask, int predicate);
int __any_sync(unsigned mask, int predicate);

__forceinline__ unsigned __reduce_add_sync(unsigned mask, unsigned value) { return isa::redux_add("__reduce_add_sync", mask, value); }
__forceinline__ unsigned __reduce_min_sync(unsigned mask, unsigned value) { return isa::redux_min("__reduce_min_sync", mask, value); }
__forceinline__ unsigned __reduce_max_sync(unsigned mask, unsigned value) { return isa::redux_max("__reduce_max_sync", mask, value); }
__forceinline__ unsigned __reduce_and_sync(unsigned mask, unsigned value) { return isa::redux_and("__reduce_and_sync", mask, value); }
__forceinline__ unsigned __reduce_or_sync(unsigned mask, unsigned value) { return isa::redux_or("__reduce_or_sync", mask, value); }
__forceinline__ unsigned __reduce_xor_sync(unsigned mask, unsigned value) { return isa::redux_xor("__reduce_xor_sync", mask, value); }
__forceinline__ int __reduce_add_sync(unsigned mask, int value) { return isa::redux_add("__reduce_add_sync", mask, value); }
__forceinline__ int __reduce_min_sync(unsigned mask, int value) { return isa::redux_min("__reduce_min_sync", mask, value); }
__forceinline__ int __reduce_max_sync(unsigned mask, int value) { return isa::redux_max("__reduce_max_sync", mask, value); }

void __syncwarp(unsigned mask = 0xFFFFFFFF);

// Which lanes run together with the caller is for the hardware to choose, and CUDA promises only that the caller is one of them. Here
// it's always the caller alone: the smallest answer that is allowed, and the one that shows code which hopes for more.
__forceinline__ unsigned __activemask() { return 1u << lane().lane; }

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
