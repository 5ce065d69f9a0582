// expect: was overwritten: its memory holds 0x0000000000000000
// arch: 90
// Shared memory is cleared after the mbarrier in it was initialized.
#include "../../common/ptx/mbarrier.cuh"

#include "check.h"

using namespace WW_NAMESPACE;

__global__ void arrive() {
    uint64_t *const words = dynamic_shared<uint64_t>();
    if (threadIdx.x == 0) mbarrier_init(words, 32);
    __syncthreads();
    words[threadIdx.x] = 0;
    __syncthreads();
    mbarrier_arrive(words);
    mbarrier_wait_parity(words, 0);
}

int main() {
    arrive<<<1, 32, 32 * sizeof(uint64_t)>>>();
    CHECK_LAUNCH();
    return 0;
}
