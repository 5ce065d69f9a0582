// expect: wait in __shfl_sync
// The mask names all lanes, and half of them are at the barrier.
#include "check.h"

__global__ void shuffle(int *out) {
    int value = threadIdx.x;
    if (threadIdx.x < 16) value = __shfl_sync(0xffffffff, value, 0);
    __syncthreads();
    out[threadIdx.x] = value;
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, 32 * sizeof(int)));
    shuffle<<<1, 32>>>(out);
    CHECK_LAUNCH();
    return 0;
}
