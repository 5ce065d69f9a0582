// expect: not all four warps of its warpgroup have issued the product
// arch: 90
// A role is given to seven of eight warps: the last warpgroup has three.
#include "wgmma.cuh"

using namespace WW_NAMESPACE;

__global__ void mistake(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill(operands);
    Sums d = {};
    if (threadIdx.x < 224) {
        wgmma_fence();
        multiply(d, operands, true);
        wgmma_commit();
        wgmma_wait<0>();
        wgmma_fence_registers(d);
    }
    out[threadIdx.x] = d[0];
}

int main() {
    run(mistake, 256);
    return 0;
}
