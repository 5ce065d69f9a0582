// A sum in one launch: the block that finishes last, as a counter tells, adds up what the others left.
#include <vector>

#include "check.h"

__device__ unsigned finished = 0;

template <unsigned BLOCK>
__device__ float block_sum(float value, float *shared) {
    shared[threadIdx.x] = value;
    __syncthreads();
    for (unsigned stride = BLOCK / 2; stride > 0; stride >>= 1) {
        if (threadIdx.x < stride) shared[threadIdx.x] += shared[threadIdx.x + stride];
        __syncthreads();
    }
    return shared[0];
}

template <unsigned BLOCK>
__global__ void sum(const float *in, volatile float *partial, float *out, unsigned n) {
    __shared__ float shared[BLOCK];
    __shared__ bool last;
    float mine = 0;
    for (unsigned i = blockIdx.x * BLOCK + threadIdx.x; i < n; i += BLOCK * gridDim.x) mine += in[i];
    float total = block_sum<BLOCK>(mine, shared);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = total;
        __threadfence(); // the sum is there before the count says so
        last = atomicInc(&finished, gridDim.x - 1) == gridDim.x - 1;
    }
    if (!__syncthreads_or(threadIdx.x == 0 && last)) return;
    mine = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += BLOCK) mine += partial[i];
    total = block_sum<BLOCK>(mine, shared);
    if (threadIdx.x == 0) *out = total;
}

int main() {
    const unsigned n = 6000, blocks = 9;
    std::vector<float> values(n);
    float expected = 0;
    for (unsigned i = 0; i < n; i++) expected += values[i] = static_cast<float>(i % 13) - 5;
    float *in, *partial, *out;
    CHECK(cudaMalloc(&in, n * sizeof(float)));
    CHECK(cudaMalloc(&partial, blocks * sizeof(float)));
    CHECK(cudaMalloc(&out, sizeof(float)));
    CHECK(cudaMemcpy(in, values.data(), n * sizeof(float), cudaMemcpyHostToDevice));
    // Twice: the counter wraps to 0 for the next launch.
    for (int round = 0; round < 2; round++) {
        CHECK(cudaMemset(out, 0xff, sizeof(float)));
        sum<128><<<blocks, 128>>>(in, partial, out, n);
        CHECK(cudaGetLastError());
        float result;
        CHECK(cudaMemcpy(&result, out, sizeof(float), cudaMemcpyDeviceToHost));
        EXPECT(result == expected, "round %d: %f, not %f", round, result, expected);
    }
    for (float *p : {in, partial, out}) CHECK(cudaFree(p));
    return 0;
}
