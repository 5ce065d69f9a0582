// CUDA's vector types, with its alignments: the size of the type where that is a power of two, at most 16, and otherwise that of an
// element. dim3 and uint3, which a launch is made of, come from exec/dim3.h.
#pragma once

#include "../exec/dim3.h"
#include "host_defines.h"

namespace wwsim {
inline namespace api {

using wwsim::dim3;
using wwsim::uint3;

// clang-format off
#define WWSIM_VECTOR_TYPES(name, element) \
    struct name##1 { element x; }; \
    struct alignas(sizeof(element) * 2) name##2 { element x, y; }; \
    WWSIM_VECTOR_TYPE_3(name, element) \
    struct alignas(sizeof(element) < 4 ? sizeof(element) * 4 : 16) name##4 { element x, y, z, w; };

#define WWSIM_VECTOR_TYPE_3(name, element) struct name##3 { element x, y, z; };
WWSIM_VECTOR_TYPES(char, signed char)
WWSIM_VECTOR_TYPES(uchar, unsigned char)
WWSIM_VECTOR_TYPES(short, short)
WWSIM_VECTOR_TYPES(ushort, unsigned short)
WWSIM_VECTOR_TYPES(int, int)
#undef WWSIM_VECTOR_TYPE_3
#define WWSIM_VECTOR_TYPE_3(name, element)
WWSIM_VECTOR_TYPES(uint, unsigned)
#undef WWSIM_VECTOR_TYPE_3
#define WWSIM_VECTOR_TYPE_3(name, element) struct name##3 { element x, y, z; };
WWSIM_VECTOR_TYPES(long, long)
WWSIM_VECTOR_TYPES(ulong, unsigned long)
WWSIM_VECTOR_TYPES(longlong, long long)
WWSIM_VECTOR_TYPES(ulonglong, unsigned long long)
WWSIM_VECTOR_TYPES(float, float)
WWSIM_VECTOR_TYPES(double, double)
#undef WWSIM_VECTOR_TYPES
#undef WWSIM_VECTOR_TYPE_3

// Since CUDA 13 the four-element vectors of 8 bytes say their alignment.
#define WWSIM_ALIGNED_VECTOR_TYPES(name, element) \
    struct alignas(16) name##4_16a { element x, y, z, w; }; \
    struct alignas(32) name##4_32a { element x, y, z, w; };
WWSIM_ALIGNED_VECTOR_TYPES(long, long)
WWSIM_ALIGNED_VECTOR_TYPES(ulong, unsigned long)
WWSIM_ALIGNED_VECTOR_TYPES(longlong, long long)
WWSIM_ALIGNED_VECTOR_TYPES(ulonglong, unsigned long long)
WWSIM_ALIGNED_VECTOR_TYPES(double, double)
#undef WWSIM_ALIGNED_VECTOR_TYPES
// clang-format on

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
