// make_float4 and its like.
#pragma once

#include "vector_types.h"

namespace wwsim {
inline namespace api {

// clang-format off
#define WWSIM_MAKE(name, element) \
    inline constexpr name##1 make_##name##1(element x) { return {x}; } \
    inline constexpr name##2 make_##name##2(element x, element y) { return {x, y}; } \
    inline constexpr name##3 make_##name##3(element x, element y, element z) { return {x, y, z}; } \
    inline constexpr name##4 make_##name##4(element x, element y, element z, element w) { return {x, y, z, w}; }
WWSIM_MAKE(char, signed char)
WWSIM_MAKE(uchar, unsigned char)
WWSIM_MAKE(short, short)
WWSIM_MAKE(ushort, unsigned short)
WWSIM_MAKE(int, int)
WWSIM_MAKE(uint, unsigned)
WWSIM_MAKE(long, long)
WWSIM_MAKE(ulong, unsigned long)
WWSIM_MAKE(longlong, long long)
WWSIM_MAKE(ulonglong, unsigned long long)
WWSIM_MAKE(float, float)
WWSIM_MAKE(double, double)
#undef WWSIM_MAKE

#define WWSIM_MAKE_ALIGNED(name, element) \
    inline constexpr name##4_16a make_##name##4_16a(element x, element y, element z, element w) { return {x, y, z, w}; } \
    inline constexpr name##4_32a make_##name##4_32a(element x, element y, element z, element w) { return {x, y, z, w}; }
WWSIM_MAKE_ALIGNED(long, long)
WWSIM_MAKE_ALIGNED(ulong, unsigned long)
WWSIM_MAKE_ALIGNED(longlong, long long)
WWSIM_MAKE_ALIGNED(ulonglong, unsigned long long)
WWSIM_MAKE_ALIGNED(double, double)
#undef WWSIM_MAKE_ALIGNED
// clang-format on

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
