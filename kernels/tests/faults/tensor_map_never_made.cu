// expect: are no tensor map: cuTensorMapEncodeTiled makes one
// arch: 90
// The map was never made.
#include "../../common/ptx/proxy.cuh"
#include "../../common/ptx/tma.cuh"

#include "check.h"

using namespace WW_NAMESPACE;

__global__ void load(const __grid_constant__ CUtensorMap map) {
    __shared__ alignas(128) float tile[32];
    __shared__ uint64_t bar;
    mbarrier_init(&bar, 1);
    fence_mbarrier_init();
    mbarrier_arrive_expect_tx(&bar, sizeof tile);
    tma_load(tile, &map, &bar, 0, 0);
    mbarrier_wait_parity(&bar, 0);
}

int main() {
    CUtensorMap map = {};
    load<<<1, 1>>>(map);
    CHECK_LAUNCH();
    return 0;
}
