// expect: cudaErrorInvalidValue
// More than 48 KiB of dynamic shared memory has to be allowed first.
#include "check.h"

__global__ void use(int *out) {
    extern __shared__ int shared[];
    shared[threadIdx.x] = threadIdx.x;
    out[threadIdx.x] = shared[threadIdx.x];
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, sizeof(int)));
    CHECK(cudaFuncSetAttribute(use, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 * 1024));
    use<<<1, 1, 64 * 1024>>>(out);
    if (cudaGetLastError() != cudaSuccess) return 0;
    use<<<1, 1, 64 * 1024 + 16>>>(out);
    CHECK_LAUNCH();
    return 0;
}
