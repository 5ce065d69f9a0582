// expect: cooperative
// Only the blocks of a cooperative launch can wait for each other.
#include <cooperative_groups.h>

#include "check.h"

__global__ void wait() { cooperative_groups::this_grid().sync(); }

int main() {
    wait<<<2, 32>>>();
    CHECK_LAUNCH();
    return 0;
}
