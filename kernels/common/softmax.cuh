// What softmax and the losses over it have in common: sums of exponentials relative to the greatest score so far.
#pragma once

#include "ptx/math.cuh"

namespace WW_NAMESPACE {

constexpr float log2_e = 1.44269504f;

// What scores are subtracted from. Those of -inf alone have no greatest for that; NaN still reaches the sum.
__device__ __forceinline__ float base_of(float greatest) { return greatest == -INFINITY ? 0.0f : greatest; }

// exp(from - to), with from <= to: what turns a sum relative to `from` into one relative to `to`. Both may be infinite.
__device__ __forceinline__ float rescale(float from, float to) { return from == to ? 1.0f : exp2_approx((from - to) * log2_e); }

} // namespace WW_NAMESPACE
