// cp.async: sizes, zero fill, and which copies a wait makes visible.
#include "../../common/ptx/async_copy.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int lanes = 32;
constexpr unsigned char background = 0xab;

// cp.async.ca of 4, 8 and 16 bytes, then cp.async.cg.
enum class Variant { ca4, ca8, ca16, cg16 };

// Each thread copies to every other 16 bytes of shared memory, and reads `source_bytes`.
template <Variant variant> __global__ void zero_fill(const unsigned char *from, unsigned char *to, uint32_t source_bytes) {
    unsigned char *const shared = dynamic_shared<unsigned char>();
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = 0; i < 32; i++) shared[32 * thread + i] = background;
    __syncthreads();
    unsigned char *const target = shared + 32 * thread;
    const unsigned char *const source = from + 16 * thread;
    if constexpr (variant == Variant::ca4) async_copy_ca<4>(target, source, source_bytes);
    if constexpr (variant == Variant::ca8) async_copy_ca<8>(target, source, source_bytes);
    if constexpr (variant == Variant::ca16) async_copy_ca<16>(target, source, source_bytes);
    if constexpr (variant == Variant::cg16) async_copy_cg(target, source, source_bytes);
    async_wait_all(); // not committed before: wait_all does that
    __syncthreads();
    // Read another thread's, to see that the barrier publishes it.
    const int other = (thread + 7) % lanes;
    for (int i = 0; i < 32; i++) to[32 * other + i] = shared[32 * other + i];
}

template <Variant variant> void test_zero_fill(const char *what, uint32_t bytes, Random &random) {
    std::vector<unsigned char> from(16 * lanes);
    for (unsigned char &byte : from) byte = static_cast<unsigned char>(random.bits());
    Buffer<unsigned char> source(from);
    for (uint32_t source_bytes = 0; source_bytes <= bytes; source_bytes++) {
        std::vector<unsigned char> expected(32 * lanes, background);
        for (int thread = 0; thread < lanes; thread++)
            for (uint32_t i = 0; i < bytes; i++) expected[32 * thread + i] = i < source_bytes ? from[16 * thread + i] : 0;
        Buffer<unsigned char> target(32 * lanes);
        launch(what, {1, lanes, 32 * lanes}, zero_fill<variant>, source.device(), target.device(), source_bytes);
        expect_bytes(what, expected, target.host());
    }
}

// Four copies in three groups, one of them empty; waits for one after the other.
__global__ void groups(const uint32_t *from, uint32_t *to) {
    uint32_t *const shared = dynamic_shared<uint32_t>();
    const int thread = static_cast<int>(threadIdx.x);
    uint32_t *const mine = shared + 4 * thread;
    async_copy_ca<4>(&mine[0], &from[4 * thread]);
    async_copy_ca<4>(&mine[1], &from[4 * thread + 1]);
    async_commit();
    async_commit(); // empty
    async_copy_ca<4>(&mine[2], &from[4 * thread + 2]);
    async_commit();
    async_copy_ca<4>(&mine[3], &from[4 * thread + 3]);
    async_commit();
    async_wait<3>(); // the first group is done
    to[4 * thread] = mine[0];
    to[4 * thread + 1] = mine[1];
    async_wait<1>();
    to[4 * thread + 2] = mine[2];
    async_wait<0>();
    to[4 * thread + 3] = mine[3];
}

// A ring of two stages, as pipelines use it: a stage is filled again after it was read.
__global__ void ring(const uint32_t *from, uint32_t *sums, int stages) {
    uint32_t *const shared = dynamic_shared<uint32_t>();
    const int thread = static_cast<int>(threadIdx.x);
    auto fill = [&](int stage) {
        if (stage < stages) async_copy_ca<4>(&shared[stage % 2 * lanes + thread], &from[stage * lanes + thread]);
        async_commit();
    };
    fill(0);
    uint32_t sum = 0;
    for (int stage = 0; stage < stages; stage++) {
        fill(stage + 1);
        async_wait<1>();
        __syncthreads();
        sum = 31 * sum + shared[stage % 2 * lanes + (thread + stage) % lanes];
        __syncthreads();
    }
    sums[thread] = sum;
}

void test_groups(Random &random) {
    std::vector<uint32_t> from(4 * lanes);
    for (uint32_t &word : from) word = static_cast<uint32_t>(random.bits());
    Buffer<uint32_t> source(from), target(4 * lanes);
    launch("groups", {1, lanes, 16 * lanes}, groups, source.device(), target.device());
    expect_bytes("groups", from, target.host());
}

void test_ring(Random &random) {
    const int stages = 9;
    std::vector<uint32_t> from(stages * lanes), expected(lanes, 0);
    for (uint32_t &word : from) word = static_cast<uint32_t>(random.bits());
    for (int thread = 0; thread < lanes; thread++)
        for (int stage = 0; stage < stages; stage++)
            expected[thread] = 31 * expected[thread] + from[stage * lanes + (thread + stage) % lanes];
    Buffer<uint32_t> source(from), target(lanes);
    launch("ring", {1, lanes, 8 * lanes}, ring, source.device(), target.device(), stages);
    expect_bytes("ring", expected, target.host());
}

__global__ void alignment(uint32_t *remainder) { *remainder = reinterpret_cast<uintptr_t>(dynamic_shared<float>()) % 1024; }

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    Random random(2);
    test_zero_fill<Variant::ca4>("cp.async.ca 4", 4, random);
    test_zero_fill<Variant::ca8>("cp.async.ca 8", 8, random);
    test_zero_fill<Variant::ca16>("cp.async.ca 16", 16, random);
    test_zero_fill<Variant::cg16>("cp.async.cg 16", 16, random);
    test_groups(random);
    test_ring(random);
    Buffer<uint32_t> remainder(1);
    launch("dynamic_shared", {1, 1, 64}, alignment, remainder.device());
    expect_equal("alignment of dynamic_shared, modulo 1024", 0, 0, remainder.host()[0]);
    return finish("async_copy");
}
