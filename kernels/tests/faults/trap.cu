// expect: cudaErrorLaunchFailure
#include "check.h"

__global__ void stop() {
    if (threadIdx.x == 7) __trap();
}

int main() {
    stop<<<1, 32>>>();
    CHECK_LAUNCH();
    return 0;
}
