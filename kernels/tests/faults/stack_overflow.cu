// expect: stack
// Recursion without an end.
#include "check.h"

__device__ __noinline__ int deep(volatile int *values, int n) {
    volatile int local[16];
    local[n % 16] = values[0];
    return deep(local, n + 1) + local[n % 16];
}

__global__ void recurse(int *out) { *out = deep(out, 0); }

int main() {
    int *out;
    CHECK(cudaMalloc(&out, sizeof(int)));
    recurse<<<1, 1>>>(out);
    CHECK_LAUNCH();
    return 0;
}
