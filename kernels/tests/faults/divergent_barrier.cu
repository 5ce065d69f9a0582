// expect: wait in __syncthreads
// Half of each warp waits for the block, the other half for the warp.
#include "check.h"

__global__ void divergent(int *out) {
    if (threadIdx.x % 2) __syncthreads();
    else __syncwarp();
    out[threadIdx.x] = 1;
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, 64 * sizeof(int)));
    divergent<<<1, 64>>>(out);
    CHECK_LAUNCH();
    return 0;
}
