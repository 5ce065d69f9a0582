// expect: __shfl_xor_sync
// One half of the warp shuffles, the other votes, with one mask.
#include "check.h"

__global__ void mixed(int *out) {
    if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(0xffffffff, 1, 1);
    else out[threadIdx.x] = __any_sync(0xffffffff, 1);
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, 32 * sizeof(int)));
    mixed<<<1, 32>>>(out);
    CHECK_LAUNCH();
    return 0;
}
