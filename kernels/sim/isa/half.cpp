// Narrowing to 16-bit floats, with one rounding.
#include <cmath>

#include "../include/detail/float16_format.h"

namespace wwsim::detail {

namespace {

uint64_t double_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

double with_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

} // namespace

uint16_t narrow(double x, int mantissa_bits, int exponent_bits, Round round) {
    if (std::isnan(x)) return canonical_nan;
    const bool negative = std::signbit(x);
    const uint16_t sign = negative ? 0x8000 : 0;
    const uint64_t infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
    if (std::isinf(x)) return (uint16_t)(sign | infinity);
    if (x == 0) return sign;

    // x = mantissa * 2^(exponent - 52), with 53 bits. A double's subnormals are far below all that is compared here.
    const uint64_t bits = double_bits(x);
    const int exponent = (int)(bits >> 52 & 0x7FF) - 1023;
    const uint64_t mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
    const int lowest = 2 - (1 << (exponent_bits - 1)); // the exponent of the smallest normal number and of all subnormals
    const int scale = exponent < lowest ? lowest : exponent;
    int dropped = 52 - mantissa_bits + scale - exponent;
    if (dropped > 62) dropped = 62; // far below half of the smallest number, but not zero

    uint64_t result = mantissa >> dropped;
    const uint64_t rest = mantissa & (((uint64_t)1 << dropped) - 1), half = (uint64_t)1 << (dropped - 1);
    const bool away = round == Round::nearest ? rest > half || (rest == half && result & 1)
                      : round == Round::zero  ? false
                                              : rest != 0 && (round == Round::up) != negative;
    result += away;
    // The mantissa's leading one adds 1 to the exponent's field, and so does a carry out of it.
    result += (uint64_t)(scale - lowest) << mantissa_bits;
    if (result >= infinity) {
        const bool to_infinity = round == Round::nearest || (round != Round::zero && (round == Round::up) != negative);
        result = to_infinity ? infinity : infinity - 1;
    }
    return (uint16_t)(sign | result);
}

double add_to_odd(double a, double b) {
    const double sum = a + b;
    if (!std::isfinite(sum)) return sum;
    const double b_part = sum - a, a_part = sum - b_part;
    const double error = (a - a_part) + (b - b_part); // exact: Knuth's two-sum
    const uint64_t bits = double_bits(sum);
    if (error == 0 || bits & 1) return sum;
    return with_bits((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
}

double to_odd(unsigned long long x) {
    if (x >> 53 == 0) return (double)x;
    return std::ldexp((double)(x >> 11 | ((x & 0x7FF) != 0)), 11);
}

double to_odd(long long x) { return x < 0 ? -to_odd(0 - (unsigned long long)x) : to_odd((unsigned long long)x); }

} // namespace wwsim::detail
