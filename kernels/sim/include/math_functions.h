// CUDA's mathematical functions. Most are the C library's, by its own names; here is what it lacks, and the intrinsics. The fast
// intrinsics (__expf, __sinf, ...) give the accurate result, which lies within their documented error.
#pragma once

#include <math.h>
#include <stdlib.h>

#include <cmath>

#include "../count/count.h"
#include "host_defines.h"
#include "integer_functions.h"

namespace wwsim {

// Some C libraries have some of these functions, in the global namespace. A template gives way to an ordinary function of the same
// parameters, so that a call is not ambiguous there.
#define WWSIM_UNLESS_IN_LIBC template <int = 0> inline

namespace detail {

double exp10(double x);
double sinpi(double x);
double cospi(double x);
double erfinv(double x);
double erfcinv(double x);
double erfcx(double x);
double normcdf(double x);
double normcdfinv(double x);
double cyl_bessel_i0(double x);
double cyl_bessel_i1(double x);
double norm(int n, const double *x);

inline double rcbrt(double x) { return 1 / std::cbrt(x); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }

} // namespace detail

inline namespace api {

// name(double), name(float), namef(float); and the operations of the special function unit that the last two take, as far as there are any.
#define WWSIM_FUNCTION_OF_1(name, ...)                                                                                             \
    WWSIM_UNLESS_IN_LIBC double name(double x) { return detail::name(x); }                                                         \
    WWSIM_UNLESS_IN_LIBC float name##f(float x) {                                                                                  \
        count::special(__VA_ARGS__);                                                                                               \
        return (float)detail::name(x);                                                                                             \
    }                                                                                                                              \
    WWSIM_UNLESS_IN_LIBC float name(float x) { return name##f(x); }
WWSIM_FUNCTION_OF_1(exp10, "ex2")
WWSIM_FUNCTION_OF_1(sinpi)
WWSIM_FUNCTION_OF_1(cospi)
WWSIM_FUNCTION_OF_1(rsqrt, "rsqrt")
WWSIM_FUNCTION_OF_1(rcbrt, "lg2", "ex2")
WWSIM_FUNCTION_OF_1(erfinv, "lg2", "rsqrt")
WWSIM_FUNCTION_OF_1(erfcinv)
WWSIM_FUNCTION_OF_1(erfcx)
WWSIM_FUNCTION_OF_1(normcdf, "ex2", "rcp")
WWSIM_FUNCTION_OF_1(normcdfinv)
WWSIM_FUNCTION_OF_1(cyl_bessel_i0)
WWSIM_FUNCTION_OF_1(cyl_bessel_i1)
#undef WWSIM_FUNCTION_OF_1

WWSIM_UNLESS_IN_LIBC void sincos(double x, double *sine, double *cosine) { *sine = std::sin(x), *cosine = std::cos(x); }
WWSIM_UNLESS_IN_LIBC void sincosf(float x, float *sine, float *cosine) { *sine = std::sin(x), *cosine = std::cos(x); }
WWSIM_UNLESS_IN_LIBC void sincos(float x, float *sine, float *cosine) { *sine = std::sin(x), *cosine = std::cos(x); }
WWSIM_UNLESS_IN_LIBC void sincospi(double x, double *sine, double *cosine) {
    *sine = detail::sinpi(x), *cosine = detail::cospi(x);
}
WWSIM_UNLESS_IN_LIBC void sincospif(float x, float *sine, float *cosine) {
    *sine = (float)detail::sinpi(x), *cosine = (float)detail::cospi(x);
}
WWSIM_UNLESS_IN_LIBC void sincospi(float x, float *sine, float *cosine) {
    *sine = (float)detail::sinpi(x), *cosine = (float)detail::cospi(x);
}
WWSIM_UNLESS_IN_LIBC float fdividef(float x, float y) { return x / y; }

// The Euclidean norm of a vector, and its reciprocal. The squares of floats neither overflow nor vanish in double.
inline double norm(int n, const double *x) { return detail::norm(n, x); }
inline double norm3d(double a, double b, double c) {
    const double x[] = {a, b, c};
    return detail::norm(3, x);
}
inline double norm4d(double a, double b, double c, double d) {
    const double x[] = {a, b, c, d};
    return detail::norm(4, x);
}
inline float normf(int n, const float *x) {
    double sum = 0;
    bool infinite = false;
    for (int i = 0; i < n; i++) sum += (double)x[i] * x[i], infinite |= std::isinf(x[i]);
    return infinite ? HUGE_VALF : (float)std::sqrt(sum);
}
inline float norm3df(float a, float b, float c) {
    const float x[] = {a, b, c};
    return normf(3, x);
}
inline float norm4df(float a, float b, float c, float d) {
    const float x[] = {a, b, c, d};
    return normf(4, x);
}
inline double rnorm(int n, const double *x) { return 1 / norm(n, x); }
inline double rnorm3d(double a, double b, double c) { return 1 / norm3d(a, b, c); }
inline double rnorm4d(double a, double b, double c, double d) { return 1 / norm4d(a, b, c, d); }
inline double rhypot(double a, double b) { return 1 / std::hypot(a, b); }
inline float rnormf(int n, const float *x) { return 1 / normf(n, x); }
inline float rnorm3df(float a, float b, float c) { return 1 / norm3df(a, b, c); }
inline float rnorm4df(float a, float b, float c, float d) { return 1 / norm4df(a, b, c, d); }
inline float rhypotf(float a, float b) { return 1 / hypotf(a, b); }

// ---- min and max: of two types, the result is the wider or the unsigned one

// clang-format off
#define WWSIM_MIN_MAX_2(R, A, B) \
    inline constexpr R min(A a, B b) { return (R)b < (R)a ? (R)b : (R)a; } \
    inline constexpr R max(A a, B b) { return (R)a < (R)b ? (R)b : (R)a; }
#define WWSIM_MIN_MAX(S, U) \
    WWSIM_MIN_MAX_2(S, S, S) WWSIM_MIN_MAX_2(U, U, U) WWSIM_MIN_MAX_2(U, S, U) WWSIM_MIN_MAX_2(U, U, S)
WWSIM_MIN_MAX(int, unsigned)
WWSIM_MIN_MAX(long, unsigned long)
WWSIM_MIN_MAX(long long, unsigned long long)
#undef WWSIM_MIN_MAX
#undef WWSIM_MIN_MAX_2
// clang-format on

inline float min(float a, float b) { return fminf(a, b); }
inline double min(double a, double b) { return ::fmin(a, b); }
inline double min(float a, double b) { return ::fmin((double)a, b); }
inline double min(double a, float b) { return ::fmin(a, (double)b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double max(double a, double b) { return ::fmax(a, b); }
inline double max(float a, double b) { return ::fmax((double)a, b); }
inline double max(double a, float b) { return ::fmax(a, (double)b); }
inline unsigned umin(unsigned a, unsigned b) { return min(a, b); }
inline unsigned umax(unsigned a, unsigned b) { return max(a, b); }
inline long long llmin(long long a, long long b) { return min(a, b); }
inline long long llmax(long long a, long long b) { return max(a, b); }
inline unsigned long long ullmin(unsigned long long a, unsigned long long b) { return min(a, b); }
inline unsigned long long ullmax(unsigned long long a, unsigned long long b) { return max(a, b); }

// ---- Fast intrinsics that no C library declares; the others are at the end of this file

// x / y, but for 2^126 < |y| < 2^128, where the hardware's reciprocal has underflowed: 0, and NaN for infinite x.
inline float __fdividef(float x, float y) {
    count::special("rcp");
    return fabsf(y) > 0x1p126f && !isinf(y) ? x * copysignf(0, y) : x / y;
}
// Clamped to [0, 1]; NaN gives 0.
inline float __saturatef(float x) { return x > 0 ? x < 1 ? x : 1 : 0; }

// ---- Arithmetic with a rounding: to nearest even (rn), to zero (rz), up (ru), down (rd). isa/rounding.cpp has the last three.

// clang-format off
#define WWSIM_DIRECTED_1(R, name, A) R name##_rz(A); R name##_ru(A); R name##_rd(A);
#define WWSIM_DIRECTED_2(R, name, A, B) R name##_rz(A, B); R name##_ru(A, B); R name##_rd(A, B);
#define WWSIM_DIRECTED_3(R, name, A, B, C) R name##_rz(A, B, C); R name##_ru(A, B, C); R name##_rd(A, B, C);
#define WWSIM_ARITHMETIC(prefix, T) \
    inline T prefix##add_rn(T a, T b) { return a + b; } \
    inline T prefix##sub_rn(T a, T b) { return a - b; } \
    inline T prefix##mul_rn(T a, T b) { return a * b; } \
    inline T prefix##div_rn(T a, T b) { return a / b; } \
    inline T prefix##rcp_rn(T a) { return 1 / a; } \
    inline T prefix##sqrt_rn(T a) { return std::sqrt(a); } \
    WWSIM_DIRECTED_2(T, prefix##add, T, T) \
    WWSIM_DIRECTED_2(T, prefix##sub, T, T) \
    WWSIM_DIRECTED_2(T, prefix##mul, T, T) \
    WWSIM_DIRECTED_2(T, prefix##div, T, T) \
    WWSIM_DIRECTED_1(T, prefix##rcp, T) \
    WWSIM_DIRECTED_1(T, prefix##sqrt, T)
WWSIM_ARITHMETIC(__f, float)
WWSIM_ARITHMETIC(__d, double)
#undef WWSIM_ARITHMETIC
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __frsqrt_rn(float x) { return (float)(1 / std::sqrt((double)x)); }
WWSIM_DIRECTED_3(float, __fmaf, float, float, float)
WWSIM_DIRECTED_3(double, __fma, double, double, double)

// ---- Conversions

inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }
inline float __ll2float_rn(long long x) { return (float)x; }
inline float __ull2float_rn(unsigned long long x) { return (float)x; }
inline double __int2double_rn(int x) { return x; }
inline double __uint2double_rn(unsigned x) { return x; }
inline double __ll2double_rn(long long x) { return (double)x; }
inline double __ull2double_rn(unsigned long long x) { return (double)x; }
inline float __double2float_rn(double x) { return (float)x; }
WWSIM_DIRECTED_1(float, __int2float, int)
WWSIM_DIRECTED_1(float, __uint2float, unsigned)
WWSIM_DIRECTED_1(float, __ll2float, long long)
WWSIM_DIRECTED_1(float, __ull2float, unsigned long long)
WWSIM_DIRECTED_1(double, __ll2double, long long)
WWSIM_DIRECTED_1(double, __ull2double, unsigned long long)
WWSIM_DIRECTED_1(float, __double2float, double)
#undef WWSIM_DIRECTED_1
#undef WWSIM_DIRECTED_2
#undef WWSIM_DIRECTED_3

} // namespace api

namespace detail {

// The integer that `x`, an integral value, stands for, clamped to the type's range. NaN: PTX ISA, cvt: 0 if both types have 32 bits or
// less, else the bit pattern of one in the highest bit.
template <class I> I clamp_to(double x, bool narrow_source) {
    constexpr int bits = 8 * sizeof(I);
    constexpr bool is_signed = (I)-1 < 0;
    constexpr I lowest = is_signed ? (I)((uint64_t)1 << (bits - 1)) : 0;
    constexpr I highest = (I) ~lowest;
    if (std::isnan(x)) return narrow_source && bits <= 32 ? 0 : (I)((uint64_t)1 << (bits - 1));
    if (x <= (double)lowest) return lowest;
    if (x >= std::ldexp(1.0, bits - is_signed)) return highest;
    return (I)x;
}

} // namespace detail

inline namespace api {

#define WWSIM_TO_INTEGER(name, F, I) \
    inline I name##_rn(F x) { return detail::clamp_to<I>(std::nearbyint((double)x), sizeof(F) <= 4); } \
    inline I name##_rz(F x) { return detail::clamp_to<I>(std::trunc((double)x), sizeof(F) <= 4); } \
    inline I name##_ru(F x) { return detail::clamp_to<I>(std::ceil((double)x), sizeof(F) <= 4); } \
    inline I name##_rd(F x) { return detail::clamp_to<I>(std::floor((double)x), sizeof(F) <= 4); }
WWSIM_TO_INTEGER(__float2int, float, int)
WWSIM_TO_INTEGER(__float2uint, float, unsigned)
WWSIM_TO_INTEGER(__float2ll, float, long long)
WWSIM_TO_INTEGER(__float2ull, float, unsigned long long)
WWSIM_TO_INTEGER(__double2int, double, int)
WWSIM_TO_INTEGER(__double2uint, double, unsigned)
WWSIM_TO_INTEGER(__double2ll, double, long long)
WWSIM_TO_INTEGER(__double2ull, double, unsigned long long)
#undef WWSIM_TO_INTEGER
// clang-format on
#undef WWSIM_UNLESS_IN_LIBC

} // namespace api

// ---- The other fast intrinsics. glibc's <math.h>, included above, declares functions of these names, most of which it doesn't have: a
// call could mean either, were it not for the macros.

namespace fast {

// Each is one operation of the special function unit or a few, and not what the C library's function is counted as.
#define WWSIM_FAST(name, function, ...)                                                                                            \
    inline float name(float x) {                                                                                                   \
        count::special(__VA_ARGS__);                                                                                               \
        return (float)function((double)x);                                                                                         \
    }
WWSIM_FAST(expf, std::exp, "ex2")
WWSIM_FAST(exp10f, detail::exp10, "ex2")
WWSIM_FAST(logf, std::log, "lg2")
WWSIM_FAST(log2f, std::log2, "lg2")
WWSIM_FAST(log10f, std::log10, "lg2")
WWSIM_FAST(sinf, std::sin, "sin")
WWSIM_FAST(cosf, std::cos, "cos")
WWSIM_FAST(tanf, std::tan, "sin", "cos", "rcp")
WWSIM_FAST(tanhf, std::tanh, "tanh")
#undef WWSIM_FAST
inline float powf(float x, float y) {
    count::special("lg2", "ex2");
    return (float)std::pow((double)x, (double)y);
}
inline void sincosf(float x, float *sine, float *cosine) { *sine = sinf(x), *cosine = cosf(x); }
inline int finitef(float x) { return std::isfinite(x); }
inline int isnanf(float x) { return std::isnan(x); }
inline int isinff(float x) { return std::isinf(x); }

} // namespace fast
} // namespace wwsim

#define __expf wwsim::fast::expf
#define __exp10f wwsim::fast::exp10f
#define __logf wwsim::fast::logf
#define __log2f wwsim::fast::log2f
#define __log10f wwsim::fast::log10f
#define __powf wwsim::fast::powf
#define __sinf wwsim::fast::sinf
#define __cosf wwsim::fast::cosf
#define __tanf wwsim::fast::tanf
#define __tanhf wwsim::fast::tanhf
#define __sincosf wwsim::fast::sincosf
#define __finitef wwsim::fast::finitef
#define __isnanf wwsim::fast::isnanf
#define __isinff wwsim::fast::isinff

using namespace wwsim::api;
