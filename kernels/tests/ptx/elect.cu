// arch: 90
// elect.sync: one lane of a mask, the same each time.
#include "../../common/ptx/warp.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int masks = 4, rounds = 3;
__device__ constexpr unsigned mask_of(int i) {
    return i == 0 ? 0xffffffffu : i == 1 ? 0x0000ff00u : i == 2 ? 0x80000001u : 0x00000010u;
}

// Which lanes are elected, by mask and round.
__global__ void elect(uint32_t *elected) {
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < masks; i++) {
            if (!(mask_of(i) >> lane & 1)) continue;
            if (i == 0 ? elect_one() : elect_one(mask_of(i))) atomicOr(&elected[(warp * rounds + round) * masks + i], 1u << lane);
        }
        __syncwarp();
    }
}

void test() {
    constexpr int warps = 3;
    Buffer<uint32_t> buffer(std::vector<uint32_t>(warps * rounds * masks));
    launch("elect", {1, warps * 32}, elect, buffer.device());
    const std::vector<uint32_t> elected = buffer.host();
    for (size_t i = 0; i < elected.size(); i++) {
        const unsigned mask = mask_of(static_cast<int>(i % masks));
        expect_equal("lanes of the mask that were elected", i, 1, static_cast<uint64_t>(__builtin_popcount(elected[i] & mask)));
        expect_equal("lanes outside of it", i, 0, elected[i] & ~mask);
        expect_equal("the same in each round and warp", i, elected[i % masks], elected[i]);
    }
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    test();
    return finish("elect");
}
