// What the programs with a mistake around wgmma share: operands in shared memory, all ones, and the product of a warpgroup.
#pragma once

#include "../../common/ptx/proxy.cuh"
#include "../../common/ptx/wgmma.cuh"
#include "check.h"

namespace WW_NAMESPACE {

using Sums = float[4]; // of 64 x 8

struct Operands {
    __nv_bfloat16 a[64 * 16], b[8 * 16];
};

__device__ inline void fill(Operands &operands) {
    for (unsigned i = threadIdx.x; i < sizeof(Operands) / sizeof(__nv_bfloat16); i += blockDim.x)
        (i < 64 * 16 ? operands.a[i] : operands.b[i - 64 * 16]) = __float2bfloat16(1);
    fence_proxy_async_shared();
    __syncthreads();
}

// Core matrices of 128 bytes, those along K side by side.
__device__ inline void multiply(Sums &d, const Operands &operands, bool accumulate) {
    wgmma<__nv_bfloat16, 8>(d, shared_descriptor(operands.a, 128, 256, Swizzle::none),
                            shared_descriptor(operands.b, 128, 256, Swizzle::none), accumulate);
}

// Runs one block with room for the operands, and a result for each thread.
inline void run(void (*kernel)(float *), unsigned threads) {
    void *out;
    CHECK(cudaMalloc(&out, threads * sizeof(float)));
    kernel<<<1, threads, sizeof(Operands)>>>(static_cast<float *>(out));
    CHECK_LAUNCH();
}

} // namespace WW_NAMESPACE
