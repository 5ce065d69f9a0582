// expect: cudaErrorInvalidConfiguration
#include "check.h"

__global__ void nothing() {}

int main() {
    nothing<<<1, 1024>>>();
    if (cudaGetLastError() != cudaSuccess) return 0;
    nothing<<<1, dim3(32, 33)>>>();
    CHECK_LAUNCH();
    return 0;
}
