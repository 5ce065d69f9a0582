// __nv_bfloat16 and __nv_bfloat162.
#pragma once

#include "cuda_fp16.h"

namespace wwsim {
inline namespace api {

#define WWSIM_T __nv_bfloat16
#define WWSIM_T2 __nv_bfloat162
#define WWSIM_RAW __nv_bfloat16_raw
#define WWSIM_RAW2 __nv_bfloat162_raw
#define WWSIM_OTHER __half
#define WWSIM_FORMAT detail::Bf16
#define WWSIM_NAME(before, after) before##bfloat16##after
#define WWSIM_NAME2(before, after) before##bfloat162##after
#include "detail/float16_type.inc"

inline __half::__half(__nv_bfloat16 x) : __half((float)x) {}
inline __nv_bfloat16::__nv_bfloat16(__half x) : __nv_bfloat16((float)x) {}

inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 x) { return {x, x}; }

using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

} // namespace api
} // namespace wwsim

#define CUDART_INF_BF16 __ushort_as_bfloat16((unsigned short)0x7F80U)
#define CUDART_NAN_BF16 __ushort_as_bfloat16((unsigned short)0x7FFFU)
#define CUDART_MIN_DENORM_BF16 __ushort_as_bfloat16((unsigned short)0x0001U)
#define CUDART_MAX_NORMAL_BF16 __ushort_as_bfloat16((unsigned short)0x7F7FU)
#define CUDART_NEG_ZERO_BF16 __ushort_as_bfloat16((unsigned short)0x8000U)
#define CUDART_ZERO_BF16 __ushort_as_bfloat16((unsigned short)0x0000U)
#define CUDART_ONE_BF16 __ushort_as_bfloat16((unsigned short)0x3F80U)

using namespace wwsim::api;
