// expect: illegal address: kernel write, block (2,0,0), thread (5,0,0): access to (nil)
// One thread writes where nothing is.
#include "check.h"

__global__ void write(int *out) {
    int *p = blockIdx.x == 2 && threadIdx.x == 5 ? nullptr : out + threadIdx.x;
    *p = 1;
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, 32 * sizeof(int)));
    write<<<4, 32>>>(out);
    CHECK_LAUNCH();
    return 0;
}
