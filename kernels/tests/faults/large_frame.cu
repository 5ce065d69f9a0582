// expect: stack overflow
// A local array that is larger than the stack, of which only what lies past the guard page is touched.
#include "check.h"

__global__ void fill(int *out, int n) {
    volatile int values[20000];
    values[n] = n;
    *out = values[n];
}

int main() {
    int *out;
    CHECK(cudaMalloc(&out, sizeof(int)));
    fill<<<1, 32>>>(out, 0);
    CHECK_LAUNCH();
    return 0;
}
