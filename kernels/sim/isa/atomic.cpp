#include "../include/atomic_functions.h"

#include <cmath>

namespace wwsim::detail {

namespace {

float flush(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }

} // namespace

float atomic_add_float(const float *address, float a, float b) {
    const float sum = a + b;
    if (std::fpclassify(a) != FP_SUBNORMAL && std::fpclassify(b) != FP_SUBNORMAL && std::fpclassify(sum) != FP_SUBNORMAL)
        return sum;
    return is_shared(address) ? sum : flush(flush(a) + flush(b));
}

} // namespace wwsim::detail
