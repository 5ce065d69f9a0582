// Integer intrinsics: bit counting, permutation, wide multiplication, dot products, and arithmetic on the two halves or four bytes
// of a word. Also the bit casts between integers and floats.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "host_defines.h"

namespace wwsim {
inline namespace api {

// ---- Bits

inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }

inline unsigned __brev(unsigned x) {
    x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
    x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
    x = (x >> 4 & 0x0F0F0F0F) | (x & 0x0F0F0F0F) << 4;
    return __builtin_bswap32(x);
}
inline unsigned long long __brevll(unsigned long long x) {
    return (unsigned long long)__brev((unsigned)x) << 32 | __brev((unsigned)(x >> 32));
}

// Byte i of the result is byte s[4i+2:4i] of y:x.
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned s) {
    const uint64_t bytes = (uint64_t)y << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; i++)
        result |= (unsigned)(bytes >> (s >> 4 * i & 7) * 8 & 0xFF) << 8 * i;
    return result;
}

// The upper (l) or lower (r) word of hi:lo, shifted; by shift modulo 32, or by at most 32 (c).
inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned shift) {
    return (unsigned)((((uint64_t)hi << 32 | lo) << (shift & 31)) >> 32);
}
inline unsigned __funnelshift_lc(unsigned lo, unsigned hi, unsigned shift) { return shift >= 32 ? lo : __funnelshift_l(lo, hi, shift); }
inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned shift) {
    return (unsigned)(((uint64_t)hi << 32 | lo) >> (shift & 31));
}
inline unsigned __funnelshift_rc(unsigned lo, unsigned hi, unsigned shift) { return shift >= 32 ? hi : __funnelshift_r(lo, hi, shift); }

// The position of the offset-th one (counted up from base for offset > 0, down for < 0), ~0 if there is none.
inline unsigned __fns(unsigned mask, unsigned base, int offset) {
    if (offset == 0)
        return base < 32 && mask >> base & 1 ? base : ~0u;
    const int step = offset > 0 ? 1 : -1;
    int left = offset > 0 ? offset : -offset;
    for (int position = (int)base; position >= 0 && position < 32; position += step)
        if (mask >> position & 1 && --left == 0)
            return (unsigned)position;
    return ~0u;
}

// ---- Arithmetic

inline int __mulhi(int x, int y) { return (int)((int64_t)x * y >> 32); }
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((uint64_t)x * y >> 32); }
__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_unsigned;
inline long long __mul64hi(long long x, long long y) { return (long long)((wide_int)x * y >> 64); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return (unsigned long long)((wide_unsigned)x * y >> 64);
}
inline int mulhi(int x, int y) { return __mulhi(x, y); }
inline unsigned mulhi(unsigned x, unsigned y) { return __umulhi(x, y); }
inline long long mul64hi(long long x, long long y) { return __mul64hi(x, y); }
inline unsigned long long mul64hi(unsigned long long x, unsigned long long y) { return __umul64hi(x, y); }

// Of the low 24 bits.
inline int __mul24(int x, int y) {
    return (int)((unsigned)((int)((unsigned)x << 8) >> 8) * (unsigned)((int)((unsigned)y << 8) >> 8));
}
inline unsigned __umul24(unsigned x, unsigned y) { return (x & 0xFFFFFF) * (y & 0xFFFFFF); }

inline unsigned __sad(int x, int y, unsigned z) { return z + (x < y ? (unsigned)y - (unsigned)x : (unsigned)x - (unsigned)y); }
inline unsigned __usad(unsigned x, unsigned y, unsigned z) { return z + (x < y ? y - x : x - y); }

// (x + y) / 2 without overflow: rounded down (h), and up (rh).
inline int __hadd(int x, int y) { return (int)(((int64_t)x + y) >> 1); }
inline int __rhadd(int x, int y) { return (int)(((int64_t)x + y + 1) >> 1); }
inline unsigned __uhadd(unsigned x, unsigned y) { return (unsigned)(((uint64_t)x + y) >> 1); }
inline unsigned __urhadd(unsigned x, unsigned y) { return (unsigned)(((uint64_t)x + y + 1) >> 1); }

} // namespace api

namespace detail {

// Dot product of `count` bytes of a, from the first, with the words of b's type, from `offset`, added to c modulo 2^32.
template <class A, class B> unsigned dot(unsigned a, unsigned b, unsigned c, int count, int b_offset) {
    for (int i = 0; i < count; i++)
        c += (unsigned)((int64_t)(A)(a >> 8 * sizeof(A) * i) * (int64_t)(B)(b >> 8 * sizeof(B) * (i + b_offset)));
    return c;
}

} // namespace detail

inline namespace api {

inline int __dp4a(int a, int b, int c) { return (int)detail::dot<int8_t, int8_t>(a, b, c, 4, 0); }
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) { return detail::dot<uint8_t, uint8_t>(a, b, c, 4, 0); }
inline int __dp2a_lo(int a, int b, int c) { return (int)detail::dot<int16_t, int8_t>(a, b, c, 2, 0); }
inline unsigned __dp2a_lo(unsigned a, unsigned b, unsigned c) { return detail::dot<uint16_t, uint8_t>(a, b, c, 2, 0); }
inline int __dp2a_hi(int a, int b, int c) { return (int)detail::dot<int16_t, int8_t>(a, b, c, 2, 2); }
inline unsigned __dp2a_hi(unsigned a, unsigned b, unsigned c) { return detail::dot<uint16_t, uint8_t>(a, b, c, 2, 2); }

// ---- Bit casts

} // namespace api

namespace detail {

template <class To, class From> To bit_cast(From from) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size");
    To to;
    memcpy(&to, &from, sizeof(To));
    return to;
}

} // namespace detail

inline namespace api {

inline int __float_as_int(float x) { return detail::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return detail::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return detail::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return detail::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return detail::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return detail::bit_cast<double>(x); }
inline int __double2hiint(double x) { return (int)(__double_as_longlong(x) >> 32); }
inline int __double2loint(double x) { return (int)__double_as_longlong(x); }
inline double __hiloint2double(int hi, int lo) {
    return __longlong_as_double((long long)((uint64_t)(unsigned)hi << 32 | (unsigned)lo));
}

// ---- Two 16-bit or four 8-bit numbers in a word

} // namespace api

namespace detail {

// Applies f to each pair of elements, as int; the result is cut to the element's size.
template <class T, class F> unsigned per_element(unsigned a, unsigned b, F f) {
    constexpr int bits = 8 * sizeof(T);
    unsigned result = 0;
    for (int i = 0; i < 32; i += bits)
        result |= ((unsigned)f((int)(T)(a >> i), (int)(T)(b >> i)) & ((1u << bits) - 1)) << i;
    return result;
}

template <class T> int saturate(int x) {
    constexpr int low = std::is_signed<T>::value ? -(1 << (8 * sizeof(T) - 1)) : 0;
    constexpr int high = low + (int)((1u << 8 * sizeof(T)) - 1);
    return x < low ? low : x > high ? high : x;
}

} // namespace detail

inline namespace api {

// clang-format off
#define WWSIM_SIMD(name, T, expression) \
    inline unsigned name(unsigned a, unsigned b) { \
        return detail::per_element<T>(a, b, [](int x, int y) -> int { return expression; }); \
    }
#define WWSIM_SIMD_UNARY(name, T, expression) \
    inline unsigned name(unsigned a) { return detail::per_element<T>(a, 0, [](int x, int) -> int { return expression; }); }
// A comparison, as ones in all bits of an element (vcmp), and as 1 (vset).
#define WWSIM_SIMD_COMPARE(relation, n, T, expression) \
    WWSIM_SIMD(__vcmp##relation##n, T, expression ? -1 : 0) \
    WWSIM_SIMD(__vset##relation##n, T, expression ? 1 : 0)
#define WWSIM_SIMD_SUM_OF_DIFFERENCES(name, T) \
    inline unsigned name(unsigned a, unsigned b) { \
        unsigned sum = 0; \
        detail::per_element<T>(a, b, [&](int x, int y) { return sum += (unsigned)(x < y ? y - x : x - y), 0; }); \
        return sum; \
    }
#define WWSIM_SIMD_ALL(n, S, U) \
    WWSIM_SIMD(__vadd##n, U, x + y) \
    WWSIM_SIMD(__vsub##n, U, x - y) \
    WWSIM_SIMD(__vaddss##n, S, detail::saturate<S>(x + y)) \
    WWSIM_SIMD(__vaddus##n, U, detail::saturate<U>(x + y)) \
    WWSIM_SIMD(__vsubss##n, S, detail::saturate<S>(x - y)) \
    WWSIM_SIMD(__vsubus##n, U, detail::saturate<U>(x - y)) \
    WWSIM_SIMD(__vmaxs##n, S, x < y ? y : x) \
    WWSIM_SIMD(__vmaxu##n, U, x < y ? y : x) \
    WWSIM_SIMD(__vmins##n, S, y < x ? y : x) \
    WWSIM_SIMD(__vminu##n, U, y < x ? y : x) \
    WWSIM_SIMD(__vavgs##n, S, (x + y + (x + y >= 0)) >> 1) \
    WWSIM_SIMD(__vavgu##n, U, (x + y + 1) >> 1) \
    WWSIM_SIMD(__vhaddu##n, U, (x + y) >> 1) \
    WWSIM_SIMD(__vabsdiffs##n, S, x < y ? y - x : x - y) \
    WWSIM_SIMD(__vabsdiffu##n, U, x < y ? y - x : x - y) \
    WWSIM_SIMD_UNARY(__vabs##n, S, x < 0 ? -x : x) \
    WWSIM_SIMD_UNARY(__vabsss##n, S, detail::saturate<S>(x < 0 ? -x : x)) \
    WWSIM_SIMD_UNARY(__vneg##n, S, -x) \
    WWSIM_SIMD_UNARY(__vnegss##n, S, detail::saturate<S>(-x)) \
    WWSIM_SIMD_COMPARE(eq, n, U, x == y) \
    WWSIM_SIMD_COMPARE(ne, n, U, x != y) \
    WWSIM_SIMD_COMPARE(lts, n, S, x < y) \
    WWSIM_SIMD_COMPARE(les, n, S, x <= y) \
    WWSIM_SIMD_COMPARE(gts, n, S, x > y) \
    WWSIM_SIMD_COMPARE(ges, n, S, x >= y) \
    WWSIM_SIMD_COMPARE(ltu, n, U, x < y) \
    WWSIM_SIMD_COMPARE(leu, n, U, x <= y) \
    WWSIM_SIMD_COMPARE(gtu, n, U, x > y) \
    WWSIM_SIMD_COMPARE(geu, n, U, x >= y) \
    WWSIM_SIMD_SUM_OF_DIFFERENCES(__vsads##n, S) \
    WWSIM_SIMD_SUM_OF_DIFFERENCES(__vsadu##n, U)

WWSIM_SIMD_ALL(2, int16_t, uint16_t)
WWSIM_SIMD_ALL(4, int8_t, uint8_t)
#undef WWSIM_SIMD_ALL
#undef WWSIM_SIMD_SUM_OF_DIFFERENCES
#undef WWSIM_SIMD_COMPARE
#undef WWSIM_SIMD_UNARY
#undef WWSIM_SIMD
// clang-format on

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
