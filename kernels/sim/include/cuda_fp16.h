// half and half2.
#pragma once

#include "atomic_functions.h"
#include "detail/float16_format.h"
#include "math_functions.h"
#include "vector_types.h"
#include "warp_functions.h"

namespace wwsim {
inline namespace api {

struct __nv_bfloat16;

#define WWSIM_T __half
#define WWSIM_T2 __half2
#define WWSIM_RAW __half_raw
#define WWSIM_RAW2 __half2_raw
#define WWSIM_OTHER __nv_bfloat16
#define WWSIM_FORMAT detail::Fp16
#define WWSIM_NAME(before, after) before##half##after
#define WWSIM_NAME2(before, after) before##half2##after
#include "detail/float16_type.inc"

inline __half2 __half2half2(__half x) { return {x, x}; }

using half = __half;
using half2 = __half2;
using nv_half = __half;
using nv_half2 = __half2;
using __nv_half = __half;
using __nv_half2 = __half2;
using __nv_half_raw = __half_raw;
using __nv_half2_raw = __half2_raw;

} // namespace api
} // namespace wwsim

#define CUDART_INF_FP16 __ushort_as_half((unsigned short)0x7C00U)
#define CUDART_NAN_FP16 __ushort_as_half((unsigned short)0x7FFFU)
#define CUDART_MIN_DENORM_FP16 __ushort_as_half((unsigned short)0x0001U)
#define CUDART_MAX_NORMAL_FP16 __ushort_as_half((unsigned short)0x7BFFU)
#define CUDART_NEG_ZERO_FP16 __ushort_as_half((unsigned short)0x8000U)
#define CUDART_ZERO_FP16 __ushort_as_half((unsigned short)0x0000U)
#define CUDART_ONE_FP16 __ushort_as_half((unsigned short)0x3C00U)

using namespace wwsim::api;
