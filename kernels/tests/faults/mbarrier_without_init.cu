// expect: mbarrier.init comes first
// arch: 90
// Nobody waits for the thread that initializes.
#include "../../common/ptx/mbarrier.cuh"

#include "check.h"

using namespace WW_NAMESPACE;

__global__ void arrive() {
    __shared__ uint64_t bar;
    if (threadIdx.x == 63) {
        __nanosleep(1000);
        mbarrier_init(&bar, 64);
    }
    mbarrier_arrive(&bar);
    mbarrier_wait_parity(&bar, 0);
}

int main() {
    arrive<<<1, 64>>>();
    CHECK_LAUNCH();
    return 0;
}
