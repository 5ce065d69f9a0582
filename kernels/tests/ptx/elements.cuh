// The elements that tensor cores multiply, as bits and as numbers, by definition of their formats and not by the toolkit's conversions.
#pragma once

#include <cmath>
#include <limits>

#include "../../common/ptx/mma.cuh"
#include "check.cuh"

namespace WW_NAMESPACE {

template <typename T> struct Type;
template <> struct Type<__nv_bfloat16> {
    static constexpr int mantissa = 7;
    static uint32_t bits(float x) { return bits_of_float(x) >> 16; } // for numbers that are exact in bf16
    static double number(uint32_t bits) { return float_from_bits(bits << 16); }
    static constexpr int per_register = 2;
};
template <> struct Type<__half> {
    static constexpr int mantissa = 10;
    static double number(uint32_t bits) {
        const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
        const double sign = bits >> 15 ? -1 : 1;
        if (exponent == 31) return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * INFINITY;
        return sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
    }
    static uint32_t bits(float x) { // for numbers that are exact in f16
        const uint32_t sign = std::signbit(x) ? 0x8000 : 0;
        const float magnitude = std::abs(x);
        if (magnitude != magnitude) return 0x7fff;
        if (std::isinf(magnitude)) return sign | 0x7c00;
        if (magnitude < 0x1p-14f) return sign | static_cast<uint32_t>(std::ldexp(magnitude, 24));
        const int exponent = std::ilogb(magnitude);
        // The leading one of the mantissa adds the last unit of the exponent.
        return sign | ((static_cast<uint32_t>(exponent + 14) << 10) + static_cast<uint32_t>(std::ldexp(magnitude, 10 - exponent)));
    }
    static constexpr int per_register = 2;
};
template <> struct Type<tf32> {
    static constexpr int mantissa = 10;
    static uint32_t bits(float x) { return bits_of_float(x); }
    static double number(uint32_t bits) { return float_from_bits(bits & 0xffffe000u); } // the upper 19 bits
    static constexpr int per_register = 1;
};

} // namespace WW_NAMESPACE
