// Approximations within the PTX ISA's bounds, special values by its tables, and conversions to the bit.
#include "../../common/ptx/math.cuh"

#include <cmath>
#include <limits>

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
constexpr float smallest_normal = 0x1p-126f, subnormal = 0x1p-130f;

enum class Function { exp2, log2, rcp, rsqrt, tanh };

template <Function function> __global__ void apply(const float *x, float *y, int count) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    if constexpr (function == Function::exp2) y[i] = exp2_approx(x[i]);
    if constexpr (function == Function::log2) y[i] = log2_approx(x[i]);
    if constexpr (function == Function::rcp) y[i] = rcp_approx(x[i]);
    if constexpr (function == Function::rsqrt) y[i] = rsqrt_approx(x[i]);
    if constexpr (function == Function::tanh) y[i] = tanh_approx(x[i]);
}

template <Function function> std::vector<float> run(const std::vector<float> &x) {
    Buffer<float> in(x), out(x.size());
    const int count = static_cast<int>(x.size());
    launch("math", {static_cast<unsigned>((count + 127) / 128), 128}, apply<function>, in.device(), out.device(), count);
    return out.host();
}

struct Special {
    float x, y;
};

// Special values are equal to the bit, but for NaN; -0 and 0 are different.
template <Function function> void test_special(const char *what, const std::vector<Special> &table) {
    std::vector<float> x;
    for (const Special &special : table) x.push_back(special.x);
    const std::vector<float> y = run<function>(x);
    for (size_t i = 0; i < y.size(); i++) {
        if (table[i].y != table[i].y)
            expect_near(what, i, table[i].y, y[i], 0);
        else
            expect_equal(what, i, bits_of_float(table[i].y), bits_of_float(y[i]));
    }
}

// One unit in the last place of an f32 near `value`.
double ulp(double value) { return std::ldexp(1, std::max(std::ilogb(value), -126) - 23); }

// A float with a random sign, mantissa and exponent between the two.
float any(Random &random, int low, int high, bool positive) {
    const float magnitude = std::ldexp(1 + static_cast<float>(random.below(1 << 23)) / (1 << 23),
                                       low + static_cast<int>(random.below(static_cast<uint32_t>(high - low))));
    return positive || random.below(2) ? magnitude : -magnitude;
}

constexpr int samples = 4000;

void test_exp2(Random &random) {
    std::vector<float> x(samples);
    for (float &value : x) value = random.below(2) ? any(random, -30, 7, false) : (random.below(1u << 24) / 16777216.0f - 0.5f) * 250;
    for (float &value : x) value = value < -126 ? -value / 2 : value; // results below 2^-126 are in the table
    for (float &value : x) value = value >= 128 ? 127.99f : value;
    const std::vector<float> y = run<Function::exp2>(x);
    for (size_t i = 0; i < x.size(); i++) {
        const double exact = std::exp2(double{x[i]});
        expect_near("ex2", i, exact, y[i], 2.5 * ulp(exact)); // 2 ulp from the rounded value
    }
    test_special<Function::exp2>("ex2", {{-inf, 0}, {-0.0f, 1}, {0, 1}, {inf, inf}, {nan, nan}, {subnormal, 1}, {-subnormal, 1},
                                         {3, 8}, {-126, smallest_normal}, {-127.5f, 0}, {-1000, 0}, {128, inf}, {1e30f, inf}});
}

void test_log2(Random &random) {
    std::vector<float> x(samples);
    for (float &value : x) value = random.below(2) ? any(random, -126, 127, true) : any(random, -1, 1, true);
    const std::vector<float> y = run<Function::log2>(x);
    for (size_t i = 0; i < x.size(); i++) {
        const double exact = std::log2(double{x[i]});
        expect_near("lg2", i, exact, y[i], 0x1p-22 * (x[i] > 0.5 && x[i] < 2 ? 1 : std::abs(exact)));
    }
    test_special<Function::log2>("lg2", {{-inf, nan}, {-1, nan}, {-0.0f, -inf}, {0, -inf}, {inf, inf}, {nan, nan}, {subnormal, -inf},
                                         {1, 0}, {8, 3}, {smallest_normal, -126}});
}

void test_rcp(Random &random) {
    std::vector<float> x(samples);
    for (float &value : x) value = any(random, -125, 125, false);
    const std::vector<float> y = run<Function::rcp>(x);
    for (size_t i = 0; i < x.size(); i++) expect_near("rcp", i, 1 / double{x[i]}, y[i], 1.5 * ulp(1 / double{x[i]}));
    test_special<Function::rcp>("rcp", {{-inf, -0.0f}, {-0.0f, -inf}, {0, inf}, {inf, 0}, {nan, nan}, {subnormal, inf},
                                        {-subnormal, -inf}, {4, 0.25f}, {0x1p127f, 0}, {-0x1p127f, -0.0f}});
}

void test_rsqrt(Random &random) {
    std::vector<float> x(samples);
    for (float &value : x) value = any(random, -126, 127, true);
    const std::vector<float> y = run<Function::rsqrt>(x);
    for (size_t i = 0; i < x.size(); i++) {
        const double exact = 1 / std::sqrt(double{x[i]});
        expect_near("rsqrt", i, exact, y[i], exact * std::exp2(-22.9));
    }
    test_special<Function::rsqrt>("rsqrt", {{-inf, nan}, {-1, nan}, {-0.0f, -inf}, {0, inf}, {inf, 0}, {nan, nan}, {subnormal, inf},
                                            {-subnormal, -inf}, {4, 0.5f}});
}

void test_tanh(Random &random) {
    std::vector<float> x(samples);
    for (float &value : x) value = any(random, -126, 5, false);
    const std::vector<float> y = run<Function::tanh>(x);
    for (size_t i = 0; i < x.size(); i++) {
        const double exact = std::tanh(double{x[i]});
        expect_near("tanh", i, exact, y[i], std::abs(exact) * 0x1p-11);
    }
    test_special<Function::tanh>("tanh", {{-inf, -1}, {-0.0f, -0.0f}, {0, 0}, {inf, 1}, {nan, nan}, {subnormal, subnormal},
                                          {-subnormal, -subnormal}});
}

// ---- Conversions

__global__ void convert(const float *x, uint32_t *bf16, uint32_t *f16, uint32_t *tf32, int count) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    bf16[i] = pack_bf16x2(x[i], -x[i]); // the number itself in the lower half
    f16[i] = pack_f16x2(x[i], -x[i]);
    tf32[i] = round_tf32(x[i]);
}

// A format of 16 bits: sign, exponent, mantissa. `number` reads its bits as the sum that they stand for.
struct Format {
    int exponent_bits, mantissa_bits;

    uint32_t infinity() const { return ((1u << exponent_bits) - 1) << mantissa_bits; }
    double number(uint32_t magnitude) const { // infinity stands for the power of two that follows the largest number
        const int exponent = static_cast<int>(magnitude >> mantissa_bits), bias = (1 << (exponent_bits - 1)) - 1;
        const double fraction = std::ldexp(magnitude & ((1u << mantissa_bits) - 1), -mantissa_bits);
        return exponent ? std::ldexp(1 + fraction, exponent - bias) : std::ldexp(fraction, 1 - bias);
    }
    // The nearest number, found by bisection; halfway the even one.
    uint32_t nearest(float x) const {
        const uint32_t sign = std::signbit(x) ? 0x8000 : 0;
        const double magnitude = std::abs(double{x});
        if (magnitude >= number(infinity())) return sign | infinity();
        uint32_t low = 0, high = infinity();
        while (high - low > 1) {
            const uint32_t middle = (low + high) / 2;
            (number(middle) <= magnitude ? low : high) = middle;
        }
        const double below = magnitude - number(low), above = number(high) - magnitude;
        return sign | (below < above || (below == above && low % 2 == 0) ? low : high);
    }
};
constexpr Format bf16_format = {8, 7}, f16_format = {5, 10};

// tf32: halves go away from zero, in either direction.
uint32_t nearest_tf32(float x) {
    const double unit = std::ldexp(1, std::max(std::ilogb(x), -126) - 10);
    return bits_of_float(static_cast<float>(std::round(double{x} / unit) * unit));
}

void test_conversions(Random &random) {
    std::vector<float> x = {0, -0.0f, inf, -inf, nan, 65504, 65519.996f, 65520, 0x1p-24f, 0x1p-25f, 0x1.8p-25f, 0x1.fp-15f, subnormal,
                            std::numeric_limits<float>::max(), -std::numeric_limits<float>::max()};
    for (int i = 0; i < samples; i++) x.push_back(float_from_bits(static_cast<uint32_t>(random.bits())));
    for (int i = 0; i < samples; i++) {
        // Numbers of f16, and halves between two of them; numbers of bf16 likewise.
        const uint32_t bits = random.below(f16_format.infinity());
        x.push_back(static_cast<float>(f16_format.number(bits)));
        x.push_back(static_cast<float>((f16_format.number(bits) + f16_format.number(bits + 1)) / 2));
        x.push_back(float_from_bits(random.below(0x7f80) << 16 | 0x8000));
        x.push_back(-any(random, -30, 20, true));
        x.push_back(float_from_bits(random.below(0x3fbf0) << 13 | 0x1000)); // halves of tf32
    }
    const int count = static_cast<int>(x.size());
    Buffer<float> in(x);
    Buffer<uint32_t> bf16(x.size()), f16(x.size()), tf32(x.size());
    launch("cvt", {static_cast<unsigned>((count + 127) / 128), 128}, convert, in.device(), bf16.device(), f16.device(), tf32.device(),
           count);
    const std::vector<uint32_t> got_bf16 = bf16.host(), got_f16 = f16.host(), got_tf32 = tf32.host();
    for (size_t i = 0; i < x.size(); i++) {
        if (x[i] != x[i]) { // canonical, without a sign
            expect_equal("cvt.rn.bf16x2 of NaN", i, 0x7fff7fff, got_bf16[i]);
            expect_equal("cvt.rn.f16x2 of NaN", i, 0x7fff7fff, got_f16[i]);
            expect_near("cvt.rna.tf32 of NaN", i, nan, float_from_bits(got_tf32[i]), 0);
            continue;
        }
        expect_equal("cvt.rn.bf16x2", i, bf16_format.nearest(-x[i]) << 16 | bf16_format.nearest(x[i]), got_bf16[i]);
        expect_equal("cvt.rn.f16x2", i, f16_format.nearest(-x[i]) << 16 | f16_format.nearest(x[i]), got_f16[i]);
        if (std::isfinite(x[i]) && x[i] != 0)
            expect_equal("cvt.rna.tf32", i, nearest_tf32(x[i]), got_tf32[i]);
        else
            expect_equal("cvt.rna.tf32", i, bits_of_float(x[i]), got_tf32[i]);
    }
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(5);
    test_exp2(random);
    test_log2(random);
    test_rcp(random);
    test_rsqrt(random);
    test_tanh(random);
    test_conversions(random);
    return finish("math");
}
