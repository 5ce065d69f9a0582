// The two 16-bit float formats as bits: conversion to and from the host's types, rounded as the hardware does.
#pragma once

#include <cstdint>
#include <cstring>

namespace wwsim::detail {

enum class Round { nearest, zero, up, down };

constexpr uint16_t canonical_nan = 0x7FFF; // what every operation gives for NaN, in both formats

// `x` in the format of so many bits. Subnormal results are kept; what is too large becomes infinity or the largest finite number,
// by the rounding.
uint16_t narrow(double x, int mantissa_bits, int exponent_bits, Round round);

// a + b rounded to odd: an inexact result has a one as last bit. Rounded once more, to a format of at most 51 bits of mantissa and
// in any direction, it gives what the exact sum would have given.
double add_to_odd(double a, double b);
// The same for an integer: exact up to 53 bits.
double to_odd(long long x);
double to_odd(unsigned long long x);

inline uint32_t float_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

inline float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

struct Fp16 {
    static uint16_t narrow(double x, Round round) { return detail::narrow(x, 10, 5, round); }

    static uint16_t narrow(float x) {
        const uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
        if (magnitude > 0x7F800000) return canonical_nan;
        if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7C00); // 2^16
        if (magnitude < 0x38800000) {                                 // 2^-14: the float adder rounds to a multiple of 2^-24
            const float half = 0.5f;
            return (uint16_t)(sign | (float_bits(float_of_bits(magnitude) + half) - float_bits(half)));
        }
        return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xFFF + (magnitude >> 13 & 1)) >> 13));
    }

    static float widen(uint16_t bits) {
        const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, magnitude = bits & 0x7FFF;
        if (magnitude > 0x7C00) return float_of_bits(0x7FFFFFFF);
        if (magnitude == 0x7C00) return float_of_bits(sign | 0x7F800000);
        if (magnitude < 0x400) return float_of_bits(sign | float_bits((float)magnitude * 0x1p-24f));
        return float_of_bits(sign | ((magnitude << 13) + 0x38000000));
    }
};

struct Bf16 {
    static uint16_t narrow(double x, Round round) { return detail::narrow(x, 7, 8, round); }

    static uint16_t narrow(float x) {
        const uint32_t bits = float_bits(x);
        if ((bits & 0x7FFFFFFF) > 0x7F800000) return canonical_nan;
        return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }

    static float widen(uint16_t bits) { return float_of_bits((uint32_t)bits << 16); }
};

} // namespace wwsim::detail
