// expect: mask
// Lane 31 takes part in a vote whose mask doesn't name it.
#include "check.h"

__global__ void vote(unsigned *out) { out[threadIdx.x] = __ballot_sync(0x7fffffff, 1); }

int main() {
    unsigned *out;
    CHECK(cudaMalloc(&out, 32 * sizeof(unsigned)));
    vote<<<1, 32>>>(out);
    CHECK_LAUNCH();
    return 0;
}
