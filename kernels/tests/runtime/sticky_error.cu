// A kernel that fails is found out by whoever waits; from then on every call fails the same way, until the device is reset.
#include <cuda_runtime.h>

#include "check.h"

__global__ void trap_if(int condition) {
    if (condition)
        __trap();
}

int main() {
    void *memory;
    trap_if<<<1, 64>>>(0);
    CHECK(cudaDeviceSynchronize());
    trap_if<<<2, 64>>>(1);
    cudaError_t error = cudaDeviceSynchronize();
    EXPECT(error == cudaErrorLaunchFailure, "got %s", cudaGetErrorName(error));
    error = cudaMalloc(&memory, 16);
    EXPECT(error == cudaErrorLaunchFailure, "got %s", cudaGetErrorName(error));
    for (int i = 0; i < 2; i++) {
        error = cudaGetLastError();
        EXPECT(error == cudaErrorLaunchFailure, "got %s", cudaGetErrorName(error));
    }
    trap_if<<<1, 1>>>(0);
    error = cudaPeekAtLastError();
    EXPECT(error == cudaErrorLaunchFailure, "got %s", cudaGetErrorName(error));
    return 0;
}
