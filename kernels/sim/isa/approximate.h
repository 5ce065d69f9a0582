// Twins of common/ptx/math.cuh: correctly rounded, but for what .ftz flushes.
#pragma once

#include <cstdint>

namespace wwsim::isa {

float ex2(float x);
float lg2(float x);
float rcp(float x);
float rsqrt(float x);
float tanh(float x);
uint32_t cvt_bf16x2(float low, float high);
uint32_t cvt_f16x2(float low, float high);
uint32_t cvt_tf32(float x);

} // namespace wwsim::isa
