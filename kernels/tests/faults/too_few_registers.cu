// expect: setmaxnreg.inc: for 240 registers a thread; the block has 8 left
// arch: 90
// The consumers want more registers than the producer gives up: 40 + 2 x 240 of 3 x 168.
#include "../../common/ptx/registers.cuh"
#include "check.h"

using namespace WW_NAMESPACE;

__global__ void __launch_bounds__(384, 1) greedy(int *out) {
    if (threadIdx.x < 128) {
        set_max_registers_decrease<40>();
    } else {
        set_max_registers_increase<240>();
        out[threadIdx.x] = 1;
    }
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, 384 * sizeof(int)));
    greedy<<<1, 384>>>(out);
    CHECK_LAUNCH();
    return 0;
}
