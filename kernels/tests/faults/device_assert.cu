// expect: block: [1,0,0], thread: [3,0,0] Assertion `value != 35` failed.
// As CUDA reports it: file, line, function, block, thread.
#include <cassert>

#include "check.h"

__global__ void check(int *out) {
    int value = blockIdx.x * blockDim.x + threadIdx.x;
    assert(value != 35);
    out[value] = value;
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, 64 * sizeof(int)));
    check<<<2, 32>>>(out);
    CHECK_LAUNCH();
    return 0;
}
