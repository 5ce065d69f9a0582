// What sampling.cu compares and adds up: keys and weights of logits. src/cpu/sampling.rs takes the same steps.
#pragma once

#include "../common/config.cuh"

namespace WW_NAMESPACE {
namespace {

// ---- Keys: integers in the order of numbers, -0 and 0 alike, NaN above all.

constexpr uint32_t key_of_nothing = 0x007FFFFFu; // of -inf
constexpr uint32_t key_of_zero = 0x80000000u;
constexpr uint32_t key_of_infinity = 0xFF800000u;

__device__ __forceinline__ uint32_t key_of(float logit) {
    const uint32_t bits = __float_as_uint(logit), magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return 0xFFFFFFFFu;
    if (magnitude == 0) return key_of_zero;
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float logit_of(uint32_t key) {
    return __uint_as_float(key >= key_of_zero ? key & 0x7FFFFFFFu : ~key);
}

// The digits of 8 bits, from the highest, that differ between numbers of a type; what is below follows from the sign.
template <typename T> constexpr int key_digits = std::is_same_v<T, float> ? 4 : std::is_same_v<T, __half> ? 3 : 2;

// ---- Weights

// The weight of the greatest logit.
constexpr uint64_t whole_weight = uint64_t{1} << 40;

// floor(2^40 * exp((logit - greatest) / temperature)), in steps that each round once, as they say: the same on every machine.
struct Weights {
    float greatest; // logit, finite
    float scale;    // log2(e) / temperature

    // `logit` is not NaN and at most `greatest`.
    __device__ __forceinline__ uint64_t of(float logit) const {
        // 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits.
        constexpr float round = 12582912.0f;
        float z = __fmul_rn(__fsub_rn(logit, greatest), scale);
        z = z < -48.0f ? -48.0f : z;
        const float rounded = __fadd_rn(z, round);
        const float f = __fsub_rn(z, __fsub_rn(rounded, round));
        // 2^f for |f| <= 1/2 within 2^-22 of it: a minimax fit that is 1 at 0.
        float p = __fmaf_rn(0x1.5bba14p-10f, f, 0x1.3cea88p-7f);
        p = __fmaf_rn(p, f, 0x1.c6b752p-5f);
        p = __fmaf_rn(p, f, 0x1.ebf9bcp-3f);
        p = __fmaf_rn(p, f, 0x1.62e42ap-1f);
        p = __fmaf_rn(p, f, 1.0f);
        const uint64_t fixed = static_cast<uint32_t>(__fmul_rn(p, 0x1p24f));
        return fixed << 16 >> (__float_as_uint(round) - __float_as_uint(rounded));
    }
};

} // namespace
} // namespace WW_NAMESPACE
