// half and bfloat16: conversions and arithmetic against exact integer arithmetic, special values against the rules of CUDA's headers.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

#include "check.h"

__extension__ typedef __int128 wide;

template <class T> struct Format;
template <> struct Format<__half> {
    static constexpr int mantissa = 10, exponent = 5;
    static constexpr const char *name = "half";
};
template <> struct Format<__nv_bfloat16> {
    static constexpr int mantissa = 7, exponent = 8;
    static constexpr const char *name = "bfloat16";
};
template <class T> constexpr unsigned infinity = ((1u << Format<T>::exponent) - 1) << Format<T>::mantissa;

// The value of positive bits, by the definition of the format. What would be infinity is the next power of two, where rounding turns.
template <class T> double value_of(unsigned bits) {
    const int bias = (1 << (Format<T>::exponent - 1)) - 1, field = (int)(bits >> Format<T>::mantissa);
    const unsigned fraction = bits & ((1u << Format<T>::mantissa) - 1);
    return field == 0 ? std::ldexp(fraction, 1 - bias - Format<T>::mantissa)
                      : std::ldexp(fraction + (1u << Format<T>::mantissa), field - bias - Format<T>::mantissa);
}

enum Rounding { nearest, zero, up, down, roundings };

// The bits of a number between those of `low` and low + 1, of which `side` says where: below, at or above the middle (-1, 0, 1), or
// at `low` itself (-2).
template <class T> unsigned rounded(unsigned low, int side, bool negative, Rounding rounding) {
    bool away = false;
    if (side != -2)
        away = rounding == nearest ? side > 0 || (side == 0 && low % 2) : rounding == up ? !negative : rounding == down && negative;
    return low + away + (negative ? 0x8000 : 0);
}

template <class T, class F> __global__ void widen(float *results, F f) {
    const unsigned bits = blockIdx.x * blockDim.x + threadIdx.x;
    T x;
    const unsigned short word = (unsigned short)bits;
    memcpy(static_cast<void *>(&x), &word, 2);
    results[bits] = f(x);
}

struct Narrowed {
    unsigned short of_float[roundings], of_double;
};

__device__ unsigned short bits_of(__half x) { return __half_as_ushort(x); }
__device__ unsigned short bits_of(__nv_bfloat16 x) { return __bfloat16_as_ushort(x); }

__device__ Narrowed narrow(__half, double x) {
    const float f = (float)x;
    return {{bits_of(__float2half_rn(f)), bits_of(__float2half_rz(f)), bits_of(__float2half_ru(f)), bits_of(__float2half_rd(f))},
            bits_of(__double2half(x))};
}
__device__ Narrowed narrow(__nv_bfloat16, double x) {
    const float f = (float)x;
    return {{bits_of(__float2bfloat16_rn(f)), bits_of(__float2bfloat16_rz(f)), bits_of(__float2bfloat16_ru(f)), bits_of(__float2bfloat16_rd(f))},
            bits_of(__double2bfloat16(x))};
}

template <class T> __global__ void narrow_all(const double *inputs, Narrowed *results, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) results[i] = narrow(T(), inputs[i]);
}

// Each number of the format, the middle between each two, and what lies closest to it on both sides, as float and as double.
template <class T> void check_narrowing() {
    constexpr int steps = 6, count = (int)infinity<T> * steps * 2;
    double *inputs = managed<double>(count);
    for (unsigned low = 0; low < infinity<T>; low++) {
        const double value = value_of<T>(low), middle = (value + value_of<T>(low + 1)) / 2;
        const double all[steps] = {value, middle, std::nextafterf((float)middle, 0), std::nextafterf((float)middle, INFINITY),
                                   std::nextafter(middle, 0), std::nextafter(middle, INFINITY)};
        for (int step = 0; step < steps; step++)
            for (int sign = 0; sign < 2; sign++) inputs[(low * steps + step) * 2 + sign] = sign ? -all[step] : all[step];
    }
    Narrowed *results = managed<Narrowed>(count);
    narrow_all<T><<<(count + 255) / 256, 256>>>(inputs, results, count);
    finish();
    constexpr int sides[steps] = {-2, 0, -1, 1, -1, 1};
    for (int i = 0; i < count; i++) {
        const unsigned low = (unsigned)(i / 2 / steps);
        const int step = i / 2 % steps, side = sides[step];
        const bool negative = i % 2;
        // A double's neighbor of the middle becomes the middle itself as a float.
        for (int r = 0; r < roundings; r++) {
            const Rounding rounding = (Rounding)r;
            expect(Format<T>::name, rounded<T>(low, step >= 4 ? 0 : side, negative, rounding), results[i].of_float[r], i, r);
        }
        expect(Format<T>::name, rounded<T>(low, side, negative, nearest), results[i].of_double, i, 9);
    }
}

template <class T> struct Operands {
    T a, b, c;
};
struct Arithmetic {
    unsigned short add, subtract, multiply, fma, fma_relu;
};

template <class T> __global__ void compute(const Operands<T> *operands, Arithmetic *results, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    const T a = operands[i].a, b = operands[i].b, c = operands[i].c;
    results[i] = {bits_of(__hadd_rn(a, b)), bits_of(__hsub_rn(a, b)), bits_of(__hmul_rn(a, b)), bits_of(__hfma(a, b, c)),
                  bits_of(__hfma_relu(a, b, c))};
}

template <class T> T from_bits(unsigned bits) {
    const unsigned short word = (unsigned short)bits;
    T x;
    std::memcpy(static_cast<void *>(&x), &word, 2);
    return x;
}

// The value times 2^scale, exactly.
template <class T> wide scaled(unsigned bits, int scale) {
    int exponent;
    const double fraction = std::frexp(value_of<T>(bits & 0x7FFF), &exponent);
    const wide mantissa = (wide)std::ldexp(fraction, 20);
    const int shift = exponent - 20 + scale;
    const wide magnitude = shift >= 0 ? mantissa << shift : mantissa >> -shift;
    return bits & 0x8000 ? -magnitude : magnitude;
}

// What an exact result of x / 2^scale rounds to.
template <class T> unsigned round_exact(wide x, int scale) {
    const bool negative = x < 0;
    const wide magnitude = negative ? -x : x;
    // No result comes near 2^40, and 128 bits hold what is below.
    const unsigned bias = (1u << (Format<T>::exponent - 1)) - 1, top = (bias + 40) << Format<T>::mantissa;
    unsigned low = 0, high = top < infinity<T> ? top : infinity<T>;
    if (magnitude >= scaled<T>(high, scale)) return infinity<T> + (negative ? 0x8000 : 0);
    while (high - low > 1) {
        const unsigned middle = (low + high) / 2;
        (scaled<T>(middle, scale) <= magnitude ? low : high) = middle;
    }
    const wide twice = 2 * magnitude, middle = scaled<T>(low, scale) + scaled<T>(low + 1, scale);
    return rounded<T>(low, twice == middle ? 0 : twice < middle ? -1 : 1, negative, nearest);
}

template <class T> void check_arithmetic() {
    constexpr int count = 40000, scale = 64;
    Operands<T> *operands = managed<Operands<T>>(count);
    unsigned bits[3] = {};
    unsigned long long random = 88172645463325252ull;
    for (int i = 0; i < count; i++) {
        for (unsigned &word : bits) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            word = (unsigned)(random >> 20) & 0xFFFF;
            // Exponents of -12 to 11, so that 128 bits hold every sum exactly.
            const unsigned bias = (1u << (Format<T>::exponent - 1)) - 1;
            const unsigned field = bias - 12 + (unsigned)(random >> 40) % 24;
            word = (word & (0x8000 | ((1u << Format<T>::mantissa) - 1))) | field << Format<T>::mantissa;
        }
        // A quarter of the products lie in the middle between two numbers, where a small c decides.
        if (i % 4 == 0) {
            const int m = Format<T>::mantissa, k = 1 + i / 4 % (m - 2);
            const unsigned one = ((1u << (Format<T>::exponent - 1)) - 1) << m;
            bits[0] = one | 1u << k;
            bits[1] = one | 1u << (m - 1 - k);
            bits[2] = (bits[2] & 0x8000) | (one - ((12u - i / 64 % 4) << m));
        }
        operands[i] = {from_bits<T>(bits[0]), from_bits<T>(bits[1]), from_bits<T>(bits[2])};
    }
    Arithmetic *results = managed<Arithmetic>(count);
    compute<<<(count + 127) / 128, 128>>>(operands, results, count);
    finish();
    for (int i = 0; i < count; i++) {
        unsigned short words[3];
        std::memcpy(words, &operands[i], 6);
        const wide a = scaled<T>(words[0], scale), b = scaled<T>(words[1], scale), c = scaled<T>(words[2], scale);
        const wide product = scaled<T>(words[0], scale / 2) * scaled<T>(words[1], scale / 2);
        const char *name = Format<T>::name;
        if (a + b != 0) expect(name, round_exact<T>(a + b, scale), results[i].add, i, 1);
        if (a - b != 0) expect(name, round_exact<T>(a - b, scale), results[i].subtract, i, 2);
        expect(name, round_exact<T>(product, scale), results[i].multiply, i, 3);
        if (product + c == 0) continue;
        const unsigned fma = round_exact<T>(product + c, scale);
        expect(name, fma, results[i].fma, i, 4);
        expect(name, fma & 0x8000 ? 0 : fma, results[i].fma_relu, i, 5);
    }
}

struct ToHalf {
    __device__ float operator()(__half x) const { return __half2float(x); }
};
struct ToBfloat16 {
    __device__ float operator()(__nv_bfloat16 x) const { return __bfloat162float(x); }
};

template <class T, class F> void check_widening(F f) {
    float *results = managed<float>(65536);
    widen<T><<<256, 256>>>(results, f);
    finish();
    for (unsigned bits = 0; bits < 65536; bits++) {
        const unsigned magnitude = bits & 0x7FFF;
        if (magnitude > infinity<T>) {
            expect(Format<T>::name, true, std::isnan(results[bits]), bits);
            continue;
        }
        const double value = magnitude == infinity<T> ? INFINITY : value_of<T>(magnitude);
        expect(Format<T>::name, (float)(bits & 0x8000 ? -value : value), results[bits], bits);
        expect(Format<T>::name, (bits & 0x8000) != 0, std::signbit(results[bits]), bits);
    }
}

// Comparisons, minimum and maximum of special values.
struct Special {
    bool eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, nan;
    unsigned short max, min, max_nan, min_nan, add_sat;
    int inf;
};

template <class T> __global__ void special(const T *values, Special *results) {
    const T a = values[threadIdx.x], b = values[blockIdx.x];
    results[blockIdx.x * blockDim.x + threadIdx.x] = {
        __heq(a, b),  __hne(a, b),  __hlt(a, b),  __hle(a, b),  __hgt(a, b),  __hge(a, b),        __hequ(a, b),
        __hneu(a, b), __hltu(a, b), __hleu(a, b), __hgtu(a, b), __hgeu(a, b), (bool)__hisnan(a),  bits_of(__hmax(a, b)),
        bits_of(__hmin(a, b)), bits_of(__hmax_nan(a, b)), bits_of(__hmin_nan(a, b)), bits_of(__hadd_sat(a, b)), __hisinf(a)};
}

template <class T> void check_special() {
    const unsigned one = ((1u << (Format<T>::exponent - 1)) - 1) << Format<T>::mantissa;
    const unsigned words[] = {0, 0x8000, one, one | 0x8000, one + 1, 1, 0x8001, infinity<T>, infinity<T> | 0x8000, 0x7FFF, infinity<T> - 1};
    constexpr int n = sizeof words / sizeof words[0];
    T *values = managed<T>(n);
    for (int i = 0; i < n; i++) values[i] = from_bits<T>(words[i]);
    Special *results = managed<Special>(n * n);
    special<<<n, n>>>(values, results);
    finish();
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            const Special &r = results[j * n + i];
            const unsigned a_word = words[i], b_word = words[j];
            const bool a_nan = (a_word & 0x7FFF) > infinity<T>, b_nan = (b_word & 0x7FFF) > infinity<T>, nan = a_nan || b_nan;
            // As integers, with -0 below +0.
            const int a = a_word & 0x8000 ? -1 - (int)(a_word & 0x7FFF) : (int)a_word;
            const int b = b_word & 0x8000 ? -1 - (int)(b_word & 0x7FFF) : (int)b_word;
            const bool zeros = !(a_word & 0x7FFF) && !(b_word & 0x7FFF), equal = a == b || zeros, less = a < b && !zeros;
            const char *name = Format<T>::name;
            expect(name, !nan && equal, r.eq, i, 100 + j);
            expect(name, !nan && !equal, r.ne, i, 200 + j);
            expect(name, !nan && less, r.lt, i, 300 + j);
            expect(name, !nan && (less || equal), r.le, i, 400 + j);
            expect(name, !nan && !less && !equal, r.gt, i, 500 + j);
            expect(name, !nan && !less, r.ge, i, 600 + j);
            expect(name, nan || equal, r.equ, i, 700 + j);
            expect(name, nan || !equal, r.neu, i, 800 + j);
            expect(name, nan || less, r.ltu, i, 900 + j);
            expect(name, nan || less || equal, r.leu, i, 1000 + j);
            expect(name, nan || (!less && !equal), r.gtu, i, 1100 + j);
            expect(name, nan || !less, r.geu, i, 1200 + j);
            expect(name, a_nan, r.nan, i, 1300 + j);
            expect(name, a_word == infinity<T> ? 1 : a_word == (infinity<T> | 0x8000) ? -1 : 0, r.inf, i, 1400 + j);
            const unsigned larger = a < b ? b_word : a_word, smaller = a < b ? a_word : b_word;
            expect(name, a_nan && b_nan ? 0x7FFFu : a_nan ? b_word : b_nan ? a_word : larger, r.max, i, 1500 + j);
            expect(name, a_nan && b_nan ? 0x7FFFu : a_nan ? b_word : b_nan ? a_word : smaller, r.min, i, 1600 + j);
            expect(name, nan ? 0x7FFFu : larger, r.max_nan, i, 1700 + j);
            expect(name, nan ? 0x7FFFu : smaller, r.min_nan, i, 1800 + j);
            if (nan) expect(name, 0u, r.add_sat, i, 1900 + j);
            if (a_word == one && b_word == one) expect(name, one, r.add_sat, i, 1900 + j);
        }
}

struct Integers {
    unsigned short half_rn, half_rz, bf16_rn, bf16_ru, bf16_rd;
    int half_to_int;
    long long bf16_to_ll;
};

__global__ void integers(const long long *inputs, Integers *results) {
    const long long x = inputs[threadIdx.x];
    results[threadIdx.x] = {bits_of(__int2half_rn((int)x)),   bits_of(__int2half_rz((int)x)),   bits_of(__ll2bfloat16_rn(x)),
                            bits_of(__ll2bfloat16_ru(x)),     bits_of(__ll2bfloat16_rd(x)),     __half2int_rn(__float2half(x * 0.5f)),
                            __bfloat162ll_rz(__float2bfloat16((float)x * 2))};
}

void check_integers() {
    struct {
        long long x;
        unsigned half_rn, half_rz, bf16_rn, bf16_ru, bf16_rd;
        int half_to_int;
        long long bf16_to_ll;
    } const cases[] = {
        {0, 0, 0, 0, 0, 0, 0, 0},
        {3, 0x4200, 0x4200, 0x4040, 0x4040, 0x4040, 2, 6},                // 1.5 rounds to 2
        {5, 0x4500, 0x4500, 0x40A0, 0x40A0, 0x40A0, 2, 10},               // and so does 2.5
        {2049, 0x6800, 0x6800, 0x4500, 0x4501, 0x4500, 1024, 4096},       // ties to even in half
        {2051, 0x6802, 0x6801, 0x4500, 0x4501, 0x4500, 1026, 4096},
        {65519, 0x7BFF, 0x7BFF, 0x4780, 0x4780, 0x477F, 32752, 131072},
        {65520, 0x7C00, 0x7BFF, 0x4780, 0x4780, 0x477F, 32768, 131072},   // half of the step above the largest half
        {257, 0x5C04, 0x5C04, 0x4380, 0x4381, 0x4380, 128, 512},          // ties to even in bfloat16
        {(1ll << 56) + (1ll << 48) + 1, 0x3C00, 0x3C00, 0x5B81, 0x5B81, 0x5B80, 2147483647, 1ll << 57}, // just above the middle
        {-(1ll << 56) - (1ll << 48) - 1, 0xBC00, 0xBC00, 0xDB81, 0xDB80, 0xDB81, -2147483647 - 1, -(1ll << 57)},
    };
    constexpr int n = sizeof cases / sizeof cases[0];
    long long *inputs = managed<long long>(n);
    for (int i = 0; i < n; i++) inputs[i] = cases[i].x;
    Integers *results = managed<Integers>(n);
    integers<<<1, n>>>(inputs, results);
    finish();
    for (int i = 0; i < n; i++) {
        expect("__int2half_rn", cases[i].half_rn, results[i].half_rn, i);
        expect("__int2half_rz", cases[i].half_rz, results[i].half_rz, i);
        expect("__ll2bfloat16_rn", cases[i].bf16_rn, results[i].bf16_rn, i);
        expect("__ll2bfloat16_ru", cases[i].bf16_ru, results[i].bf16_ru, i);
        expect("__ll2bfloat16_rd", cases[i].bf16_rd, results[i].bf16_rd, i);
        expect("__half2int_rn", cases[i].half_to_int, results[i].half_to_int, i);
        expect("__bfloat162ll_rz", cases[i].bf16_to_ll, results[i].bf16_to_ll, i);
    }
}

// Pairs, and the operators and implicit conversions that ordinary code uses.
__global__ void pairs(float *results) {
    const __half2 v = __floats2half2_rn(1.5f, -2.0f), w = __half2half2(__float2half(4.0f));
    const float2 sum = __half22float2(v + w);
    results[0] = sum.x;
    results[1] = sum.y;
    results[2] = __low2float(__lowhigh2highlow(v));
    results[3] = __high2float(__lows2half2(v, w));
    results[4] = __high2float(__highs2half2(v, w));
    results[5] = (float)__heq2_mask(v, __floats2half2_rn(1.5f, 2.0f));
    const __nv_bfloat162 b = __floats2bfloat162_rn(3.0f, 0.5f), c = __bfloat162bfloat162(__float2bfloat16(2.0f));
    const float2 fma = __bfloat1622float2(__hfma2(b, c, c));
    results[6] = fma.x;
    results[7] = fma.y;
    __half h = 2.0f;
    h += __half(3);
    h = -h;
    results[8] = h;
    __nv_bfloat16 x = (float)h;
    x *= x;
    results[9] = x < __nv_bfloat16(26.0f) ? (float)x : 0;
    results[10] = __half2float(hsqrt(__float2half(2.25f)));
    results[11] = __bfloat162float(hexp2(__float2bfloat16(3.0f)));
    const __half2 product = __hcmadd(__floats2half2_rn(1, 2), __floats2half2_rn(3, 4), __floats2half2_rn(10, 20));
    results[12] = __low2float(product);
    results[13] = __high2float(product);
}

int main() {
    check_widening<__half>(ToHalf());
    check_widening<__nv_bfloat16>(ToBfloat16());
    check_narrowing<__half>();
    check_narrowing<__nv_bfloat16>();
    check_arithmetic<__half>();
    check_arithmetic<__nv_bfloat16>();
    check_special<__half>();
    check_special<__nv_bfloat16>();
    check_integers();

    const float expected[] = {5.5f, 2, -2, 4, 4, 65535, 8, 3, -5, 25, 1.5f, 8, 5, 30};
    float *results = managed<float>(14);
    pairs<<<1, 1>>>(results);
    finish();
    for (int i = 0; i < 14; i++) expect("pairs", expected[i], results[i], i);
    return verdict();
}
