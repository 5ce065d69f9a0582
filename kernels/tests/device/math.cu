// Mathematical functions that the host's library lacks, arithmetic in the four roundings, and conversions that saturate.
#include <cmath>

#include "check.h"

struct Rounded {
    float add[4], mul[4], fma[4], div[4], sqrt[4], from_int[4], from_double[4];
    double dadd[4];
};

#define ALL(field, name, ...)                                                                                                      \
    r.field[0] = name##_rn(__VA_ARGS__), r.field[1] = name##_rz(__VA_ARGS__), r.field[2] = name##_ru(__VA_ARGS__),                 \
    r.field[3] = name##_rd(__VA_ARGS__)

__global__ void round_all(const float *in, Rounded *results) {
    const int i = threadIdx.x;
    const float a = in[3 * i], b = in[3 * i + 1], c = in[3 * i + 2];
    Rounded &r = results[i];
    ALL(add, __fadd, a, b);
    ALL(mul, __fmul, a, b);
    ALL(fma, __fmaf, a, b, c);
    ALL(div, __fdiv, a, b);
    ALL(sqrt, __fsqrt, fabsf(a));
    ALL(from_int, __int2float, __float_as_int(a));
    ALL(from_double, __double2float, (double)a * b);
    ALL(dadd, __dadd, (double)a, (double)b * 1e-30);
}

// Whether `got` is the float that the exact value, known as `near` plus something of the sign of `error`, rounds to.
template <class T> void check_rounding(const char *what, T near, int error, const T *got, int i) {
    const T above = std::nextafter(near, (T)INFINITY), below = std::nextafter(near, (T)-INFINITY);
    expect(what, near, got[0], i, 0);
    expect(what, error > 0 ? above : near, got[2], i, 2);
    expect(what, error < 0 ? below : near, got[3], i, 3);
    const bool too_far = near > 0 ? error < 0 : error > 0;
    expect(what, too_far ? (near > 0 ? below : above) : near, got[1], i, 1);
}

template <class T> int sign(T x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

void check_roundings() {
    constexpr int count = 256;
    float *in = managed<float>(3 * count);
    unsigned random = 2463534242u;
    for (int i = 0; i < 3 * count; i++) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        const unsigned bits = (random & 0x807FFFFF) | (117 + (random >> 23) % 20) << 23;
        std::memcpy(&in[i], &bits, 4);
    }
    Rounded *results = managed<Rounded>(count);
    round_all<<<1, count>>>(in, results);
    finish();
    for (int i = 0; i < count; i++) {
        const float a = in[3 * i], b = in[3 * i + 1], c = in[3 * i + 2];
        const Rounded &r = results[i];
        // Exact in double: exponents are within 20 of each other.
        const double sum = (double)a + b, product = (double)a * b;
        check_rounding("add", (float)sum, sign(sum - (float)sum), r.add, i);
        check_rounding("mul", (float)product, sign(product - (float)product), r.mul, i);
        check_rounding("from double", (float)product, sign(product - (float)product), r.from_double, i);
        const long double fused = (long double)product + c;
        check_rounding("fma", (float)fused, sign(fused - (float)fused), r.fma, i);
        const float quotient = (float)((double)a / b), root = (float)std::sqrt((double)std::fabs(a));
        check_rounding("div", quotient, sign((double)a - (double)quotient * b) * sign(b), r.div, i);
        check_rounding("sqrt", root, sign((double)std::fabs(a) - (double)root * root), r.sqrt, i);
        int integer;
        std::memcpy(&integer, &a, 4);
        check_rounding("from int", (float)integer, sign((double)integer - (float)integer), r.from_int, i);
        const double small = (double)b * 1e-30; // far below half a unit in the last place of a
        check_rounding("double add", (double)a, sign(small), r.dadd, i);
    }
}

struct Functions {
    double value[24];
};

template <class T> __device__ void evaluate(T x, double *y) {
    int k = 0;
    y[k++] = exp10(x), y[k++] = rsqrt(x), y[k++] = rcbrt(x), y[k++] = sinpi(x), y[k++] = cospi(x), y[k++] = erfcx(x);
    y[k++] = erfinv(x / 4), y[k++] = erfcinv(x / 2), y[k++] = normcdf(x), y[k++] = normcdfinv(x / 4);
    y[k++] = cyl_bessel_i0(x), y[k++] = cyl_bessel_i1(x);
    T s, c;
    sincos(x, &s, &c), y[k++] = s, y[k++] = c;
    sincospi(x, &s, &c), y[k++] = s, y[k++] = c;
}
__global__ void functions(Functions *f) {
    evaluate(1.25, f[0].value);
    evaluate(1.25f, f[1].value);
}

void check_functions() {
    // At 1.25, from mpmath.
    const double expected[] = {17.782794100389228, 0.89442719099991588, 0.92831776672255578, -0.70710678118654752, -0.70710678118654752,
                               0.36782291645236109, 0.28443374892172365, 0.3456171147832066,  0.89435022633314474,  -0.4887764111146695,
                               1.4304687177218297,  0.75528141834074719, 0.94898461935558621, 0.31532236239526867,  -0.70710678118654752,
                               -0.70710678118654752};
    constexpr int n = sizeof expected / sizeof expected[0];
    Functions *f = managed<Functions>(2);
    functions<<<1, 1>>>(f);
    finish();
    for (int i = 0; i < n; i++) {
        expect("double function", true, std::fabs(f[0].value[i] - expected[i]) <= 1e-15 * std::fabs(expected[i]) * 4, i);
        expect("float function", true, std::fabs(f[1].value[i] - expected[i]) <= 1e-7 * std::fabs(expected[i]) * 4, i);
    }
}

struct Converted {
    int i[4];
    unsigned u[2];
    long long l[2];
    float misc[8];
    float fast[11];
    int words[2];
    double joined;
};

__global__ void convert(Converted *c) {
    const float nan = __int_as_float(0x7FC00000);
    c->i[0] = __float2int_rn(2.5f), c->i[1] = __float2int_ru(-1e20f), c->i[2] = __float2int_rz(nan), c->i[3] = __double2int_rd(-2.5);
    c->u[0] = __float2uint_rn(-3.0f), c->u[1] = __float2uint_rz(1e20f);
    c->l[0] = __float2ll_rn(1e30f), c->l[1] = __double2ll_rz(-9.9);
    c->misc[0] = __saturatef(nan), c->misc[1] = __saturatef(7), c->misc[2] = __saturatef(-7), c->misc[3] = __saturatef(0.25f);
    c->misc[4] = __fdividef(1.0f, 4.0f), c->misc[5] = __fdividef(8.0f, 0x1p127f), c->misc[6] = norm3df(2, 3, 6);
    c->misc[7] = rnorm4df(1, 1, 1, 1);
    c->fast[0] = __expf(0), c->fast[1] = __exp10f(2), c->fast[2] = __logf(1), c->fast[3] = __log2f(8), c->fast[4] = __log10f(1000);
    c->fast[5] = __powf(3, 2), c->fast[6] = __sinf(0), c->fast[7] = ::__cosf(0), c->fast[8] = __tanf(0);
    __sincosf(0, &c->fast[9], &c->fast[10]);
    c->words[0] = __double2hiint(1.0), c->words[1] = __float_as_int(-1.0f);
    c->joined = __hiloint2double(0x40080000, 0);
}

void check_conversions() {
    Converted *c = managed<Converted>(1);
    convert<<<1, 1>>>(c);
    finish();
    const int i[] = {2, -2147483647 - 1, 0, -3};
    for (int k = 0; k < 4; k++) expect("to int", i[k], c->i[k], k);
    expect("to unsigned", 0u, c->u[0]);
    expect("to unsigned", 0xFFFFFFFFu, c->u[1]);
    expect("to long long", 0x7FFFFFFFFFFFFFFFll, c->l[0]);
    expect("to long long", -9ll, c->l[1]);
    const float misc[] = {0, 1, 0, 0.25f, 0.25f, 0, 7, 0.5f};
    for (int k = 0; k < 8; k++) expect("single values", misc[k], c->misc[k], k);
    const float fast[] = {1, 100, 0, 3, 3, 9, 0, 1, 0, 0, 1};
    for (int k = 0; k < 11; k++) expect("fast intrinsic", true, std::fabs(fast[k] - c->fast[k]) <= 1e-5f * (1 + fast[k]), k);
    expect("__double2hiint", 0x3FF00000, c->words[0]);
    expect("__float_as_int", (int)0xBF800000, c->words[1]);
    expect("__hiloint2double", 3.0, c->joined);
}

int main() {
    check_roundings();
    check_functions();
    check_conversions();
    return verdict();
}
