// Bits of the types of floating-point numbers that tensor cores read and write.
#pragma once

#include <cstdint>

namespace wwsim::isa {

constexpr uint32_t canonical_nan = 0x7fffffffu;

inline float from_bits(uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

inline uint32_t to_bits(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

inline float from_bf16(uint32_t bits) { return from_bits(bits << 16); }

inline float from_f16(uint32_t bits) {
    // The exponent is rebased by a multiplication, which is exact and normalizes subnormal numbers too.
    const float magnitude = from_bits((bits & 0x7fff) << 13) * 0x1p112f;
    const uint32_t infinite = (bits & 0x7c00) == 0x7c00 ? 0x7f800000u : 0;
    return from_bits(to_bits(magnitude) | infinite | (bits & 0x8000) << 16);
}

// Rounded to nearest even; NaN is canonical.
inline uint32_t to_bf16(float x) {
    const uint32_t bits = to_bits(x);
    if (x != x) return 0x7fff;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

inline uint32_t to_f16(float x) {
    const uint32_t sign = to_bits(x) >> 16 & 0x8000;
    const uint32_t magnitude = to_bits(x) & 0x7fffffff;
    if (magnitude > 0x7f800000) return 0x7fff;
    if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
    if (magnitude < 0x38800000)                        // below 2^-14: adding 0.5 leaves multiples of 2^-24 in the lowest bits
        return sign | (to_bits(from_bits(magnitude) + 0.5f) - 0x3f000000);
    return sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
}

} // namespace wwsim::isa
