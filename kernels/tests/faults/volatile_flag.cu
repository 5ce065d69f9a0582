// expect: this thread has run for
// A block waits for a flag that is plain memory and that nobody sets.
#include "check.h"

__global__ void wait(volatile int *flag) {
    while (*flag == 0) {}
}

int main() {
    setenv("WARPWEAVE_SIM_TIMEOUT", "0.5", 1);
    int *flag;
    CHECK(cudaMalloc(&flag, sizeof(int)));
    CHECK(cudaMemset(flag, 0, sizeof(int)));
    wait<<<2, 32>>>(flag);
    CHECK_LAUNCH();
    return 0;
}
