// The activations and their derivatives in f32, for the kernels of ../activation.cu.
//
// Each is made of at most one ex2 and one rcp of the special function unit, whose errors (common/ptx/math.cuh) are a few units in
// the last place of the result: what would cost more, the rounding of large exponents, is put right. NaN passes through all
// comparisons; infinities are clamped to where the result has long been 0, or x, in f32.
#pragma once

#include "../common/config.cuh"
#include "../common/ptx/math.cuh"

namespace WW_NAMESPACE {
namespace {

// f(x), and f'(x).
struct Activated {
    float value, slope;
};

constexpr float log2_e = 1.44269502f, log2_e_rest = 1.92596303e-8f, ln_2 = 0.693147181f;

// NaN stays.
__device__ __forceinline__ float at_least(float x, float low) { return x < low ? low : x; }
__device__ __forceinline__ float at_most(float x, float high) { return x > high ? high : x; }

// 2^(exponent + rest), where `rest` is what rounding took from the exponent: 2^-18 at -87, which would be 60 units of the result's
// last place.
__device__ __forceinline__ float exp2_of_sum(float exponent, float rest) {
    const float power = exp2_approx(exponent);
    return __fmaf_rn(power, rest * ln_2, power);
}

// exp(x) for -87 <= x <= 88.
__device__ __forceinline__ float exponential(float x) {
    const float exponent = __fmul_rn(x, log2_e);
    return exp2_of_sum(exponent, __fmaf_rn(x, log2_e_rest, __fmaf_rn(x, log2_e, -exponent)));
}

// 1 / (1 + e) with e = exp(-x), and e times that, which is 1 less it without cancellation.
struct Sigmoid {
    float s, rest;
};

__device__ __forceinline__ Sigmoid sigmoid(float x) {
    const float e = exponential(-x), s = rcp_approx(1.0f + e);
    return {s, e * s};
}

// 0.5 x (1 + tanh u) = x / (1 + exp(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x^3).
struct GeluTanh {
    static __device__ __forceinline__ Activated at(float x) {
        // Beyond 10, tanh is 1 in f32; up to there exp(-2u) is finite.
        constexpr float scale = 0.797884561f, cubic = 0.044715f, limit = 10.0f;
        const float low = at_least(x, -limit), inside = at_most(low, limit), square = inside * inside;
        const float u = scale * inside * fmaf(cubic, square, 1.0f), du = scale * fmaf(3.0f * cubic, square, 1.0f);
        const Sigmoid sigma = sigmoid(2.0f * u);
        return {low * sigma.s, fmaf(2.0f * inside * du * sigma.s, sigma.rest, sigma.s)};
    }
};

// x Phi(x). The tail Phi(-a) = exp(-a^2 / 2) P(a) keeps its digits as long as f32 has any: P, which falls from 1/2 as 1/a does, is a
// polynomial in (a - 3) / (a + 3) (the form is Shepherd and Laframboise's, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x",
// Math. Comp. 36, 1981; the coefficients are a minimax fit of the relative error for a <= 13.5, which is 7e-9). With its rounding
// errors the tail is right to 5e-7 of itself.
struct Gelu {
    static __device__ __forceinline__ Activated at(float x) {
        constexpr float limit = 13.5f; // where exp(-a^2 / 2) is no longer a normal number
        constexpr float coefficients[] = {0.121513948f,    -0.206402615f,    0.123225018f,    -0.0462133139f,  0.00613218406f,
                                          0.00290470151f,  -0.000984187936f, -0.000339911261f, 0.000116044685f, 5.41549707e-05f};
        const float low = at_least(x, -limit), a = at_most(fabsf(low), limit);
        const float q = (a - 3.0f) * rcp_approx(a + 3.0f);
        float ratio = coefficients[9];
#pragma unroll
        for (int i = 8; i >= 0; --i) ratio = fmaf(ratio, q, coefficients[i]);
        constexpr float half = -0.5f * log2_e, half_rest = -0.5f * log2_e_rest;
        const float square = __fmul_rn(a, a), square_rest = __fmaf_rn(a, a, -square), exponent = __fmul_rn(square, half);
        const float rest = __fmaf_rn(square_rest, half, __fmaf_rn(square, half_rest, __fmaf_rn(square, half, -exponent)));
        const float bell = exp2_of_sum(exponent, rest);
        // Phi(-a), and the derivative Phi(-a) - a phi(a) at -a; with those at a, they sum to 1.
        const float tail = bell * ratio, slope = bell * fmaf(a, -0.398942280f, ratio);
        return {low * (x < 0.0f ? tail : 1.0f - tail), x < 0.0f ? slope : 1.0f - slope};
    }
};

// max(x, 0), with a derivative of 0 at 0.
struct Relu {
    static __device__ __forceinline__ Activated at(float x) { return {x < 0.0f ? 0.0f : x, x <= 0.0f ? 0.0f : 1.0f}; }
};

// x / (1 + exp(-x)).
struct Silu {
    static __device__ __forceinline__ Activated at(float x) {
        constexpr float limit = 87.0f; // exp(87) is finite, and so is its reciprocal
        const float low = at_least(x, -limit), inside = at_most(low, limit);
        const Sigmoid sigma = sigmoid(inside);
        return {low * sigma.s, fmaf(inside * sigma.s, sigma.rest, sigma.s)};
    }
};

// f(F{}) for the activation F of this number: a branch that all threads take alike.
template <typename Body> __device__ __forceinline__ void with_activation(int32_t kind, Body body) {
    switch (kind) {
    case WW_ACTIVATION_GELU_TANH: return body(GeluTanh{});
    case WW_ACTIVATION_GELU: return body(Gelu{});
    case WW_ACTIVATION_RELU: return body(Relu{});
    default: return body(Silu{});
    }
}

inline bool is_activation(int32_t kind) {
    return kind == WW_ACTIVATION_GELU_TANH || kind == WW_ACTIVATION_GELU || kind == WW_ACTIVATION_RELU || kind == WW_ACTIVATION_SILU;
}

} // namespace
} // namespace WW_NAMESPACE
