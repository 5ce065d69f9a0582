// expect: expected a wgmma.fence before the first wgmma
// arch: 90
// The sums were set to zero, and no wgmma.fence orders that before the product.
#include "wgmma.cuh"

using namespace WW_NAMESPACE;

__global__ void mistake(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill(operands);
    Sums d = {};
    multiply(d, operands, true);
    wgmma_commit();
    wgmma_wait<0>();
    wgmma_fence_registers(d);
    out[threadIdx.x] = d[0];
}

int main() {
    run(mistake, 128);
    return 0;
}
