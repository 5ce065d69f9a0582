// expect: cudaErrorInvalidValue
#include "check.h"

int main() {
    int *p;
    CHECK(cudaMalloc(&p, 4));
    CHECK(cudaFree(p));
    CHECK(cudaFree(p));
    return 0;
}
