// Division by a number that the host knows before the launch, in a multiplication and a shift: a division takes about 20
// instructions on a GPU, which is much where each thread needs a few for a row.
//
// Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994). With 2^(k - 1) < d <= 2^k and
// m = ceil(2^(31 + k) / d), which is below 2^32, floor(n * m / 2^(31 + k)) is floor(n / d) for all n below 2^31.
#pragma once

#include "config.cuh"

namespace WW_NAMESPACE {

struct Divisor {
    uint32_t multiplier;
    uint32_t shift;

    // 1 <= divisor <= 2^31
    static Divisor of(int64_t divisor) {
        uint32_t k = 0;
        while (int64_t{1} << k < divisor) ++k;
        const uint64_t power = uint64_t{1} << (31 + k), d = static_cast<uint64_t>(divisor);
        return {static_cast<uint32_t>(power / d + (power % d != 0)), 31 + k};
    }

    // floor(n / divisor), for n below 2^31
    __device__ __forceinline__ uint32_t divide(uint32_t n) const {
        return static_cast<uint32_t>(uint64_t{n} * multiplier >> shift);
    }
};

} // namespace WW_NAMESPACE
