// expect: wgmma.m64n8k16.f32.bf16.bf16 in flight: expected a wgmma.wait_group
// arch: 90
// The wait leaves one group in flight, and there is only one.
#include "wgmma.cuh"

using namespace WW_NAMESPACE;

__global__ void mistake(float *out) {
    Operands &operands = *dynamic_shared<Operands>();
    fill(operands);
    Sums d;
    wgmma_fence();
    multiply(d, operands, false);
    wgmma_commit();
    wgmma_wait<1>();
    wgmma_fence_registers(d);
    out[threadIdx.x] = d[0];
}

int main() {
    run(mistake, 128);
    return 0;
}
