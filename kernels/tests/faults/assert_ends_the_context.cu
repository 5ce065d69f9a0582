// expect: cudaErrorAssert
// After a fault each call returns its error, and no kernel runs.
#include <cassert>

#include "check.h"

__global__ void fail() { assert(blockIdx.x > 0); }

__global__ void set(int *out) { *out = 1; }

int main() {
    int *out;
    CHECK(cudaMallocManaged(&out, sizeof(int)));
    *out = 0;
    fail<<<1, 1>>>();
    cudaError_t error = cudaDeviceSynchronize();
    set<<<1, 1>>>(out);
    cudaError_t launch = cudaGetLastError(), after = cudaDeviceSynchronize();
    if (*out != 0 || launch != error || after != error) return 0;
    CHECK(after);
    return 0;
}
