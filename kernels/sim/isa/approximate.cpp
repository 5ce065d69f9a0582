#include "approximate.h"

#include <cmath>

#include "../count/count.h"
#include "../include/detail/float16_format.h"

namespace wwsim::isa {

namespace {

using detail::float_bits;
using detail::float_of_bits;

constexpr uint32_t canonical_nan = 0x7fffffffu;

float flush(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }

// In f64 first: its error is far below f32's rounding, but for results that lie within 2^-50 of halfway between two f32.
float rounded(double y) { return y != y ? float_of_bits(canonical_nan) : static_cast<float>(y); }

} // namespace

float ex2(float x) {
    count::special("ex2");
    return flush(rounded(std::exp2(static_cast<double>(flush(x)))));
}
float lg2(float x) {
    count::special("lg2");
    return flush(rounded(std::log2(static_cast<double>(flush(x)))));
}
float rcp(float x) {
    count::special("rcp");
    return flush(rounded(1.0 / static_cast<double>(flush(x))));
}
float rsqrt(float x) {
    count::special("rsqrt");
    return flush(rounded(1.0 / std::sqrt(static_cast<double>(flush(x)))));
}
float tanh(float x) {
    count::special("tanh");
    return rounded(std::tanh(static_cast<double>(x)));
}

uint32_t cvt_bf16x2(float low, float high) { return static_cast<uint32_t>(detail::Bf16::narrow(high)) << 16 | detail::Bf16::narrow(low); }
uint32_t cvt_f16x2(float low, float high) { return static_cast<uint32_t>(detail::Fp16::narrow(high)) << 16 | detail::Fp16::narrow(low); }

uint32_t cvt_tf32(float x) {
    if (x != x) return canonical_nan;
    const uint32_t bits = float_bits(x);
    const bool infinite = (bits & 0x7fffffff) == 0x7f800000;
    return infinite ? bits : (bits + 0x1000) & ~0x1fffu; // half of the last place that stays, added to the magnitude
}

} // namespace wwsim::isa
