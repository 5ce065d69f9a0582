// Stochastic rounding from f32 to 16 bits, as `ww_adamw` in include/warpweave.h defines it: to one of the two neighbors, away from
// zero with the probability that makes the expected value that of the f32. src/cpu/stochastic.rs is the same on the CPU.
#pragma once

#include "vector.cuh"

namespace WW_NAMESPACE {

// Random bits are added below the last bit that stays, and the carry decides: `word` is uniform among 32-bit numbers.
template <typename T> __device__ __forceinline__ T round_stochastically(float x, uint32_t word) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
    uint32_t rounded;
    if constexpr (std::is_same_v<T, bf16>) {
        rounded = (magnitude + (word >> 16)) >> 16;
        if (magnitude == 0x7F800000) rounded = 0x7F80;
    } else {
        static_assert(std::is_same_v<T, f16>);
        if (magnitude < 0x38800000) {
            // Below 2^-14 numbers lie 2^-24 apart. In units of 2^-40 that is 16 bits.
            rounded = (static_cast<uint32_t>(__fmul_rn(fabsf(x), 0x1p40f)) + (word >> 16)) >> 16;
        } else {
            // 13 bits less of mantissa, and the bias of the exponent is 15 instead of 127.
            rounded = min(((magnitude + (word >> 19)) >> 13) - (112 << 10), 0x7C00u);
        }
    }
    const uint16_t result = magnitude > 0x7F800000 ? 0x7FFF : static_cast<uint16_t>(sign | rounded);
    T y;
    memcpy(static_cast<void *>(&y), &result, 2);
    return y;
}

} // namespace WW_NAMESPACE
