// expect: phase 0 lacks 0 of 1 arrivals and 16 bytes
// arch: 90
// More bytes are expected than come.
#include "../../common/ptx/bulk.cuh"
#include "../../common/ptx/proxy.cuh"

#include "check.h"

using namespace WW_NAMESPACE;

__global__ void load(const float *in, float *out) {
    __shared__ alignas(16) float values[32];
    __shared__ uint64_t bar;
    if (threadIdx.x == 0) {
        mbarrier_init(&bar, 1);
        fence_mbarrier_init();
        mbarrier_arrive_expect_tx(&bar, sizeof values + 16);
        bulk_load(values, in, sizeof values, &bar);
    }
    __syncthreads();
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = values[threadIdx.x];
}

int main() {
    float *memory;
    CHECK(cudaMalloc(&memory, 64 * sizeof(float)));
    CHECK(cudaMemset(memory, 0, 64 * sizeof(float)));
    load<<<1, 32>>>(memory, memory + 32);
    CHECK_LAUNCH();
    return 0;
}
