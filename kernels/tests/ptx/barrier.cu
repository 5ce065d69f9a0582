// bar.sync, bar.arrive, bar.red: whom they wait for, and what is seen after them.
#include "../../common/ptx/barrier.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int rounds = 6;

// Warps 0 and 1 produce, 2 and 3 consume, through one slot for each thread: barrier 1 says that it is full, barrier 2 that it is
// empty. Producers arrive at the first and wait at the second, consumers the other way round.
__global__ void produce_and_consume(const uint32_t *from, uint32_t *to) {
    __shared__ uint32_t slots[64];
    const int thread = static_cast<int>(threadIdx.x);
    for (int round = 0; round < rounds; round++) {
        if (thread < 64) {
            if (round > 0) barrier_sync(2, 128);
            slots[thread] = from[round * 64 + thread];
            barrier_arrive(1, 128);
        } else {
            barrier_sync(1, 128);
            // From a slot that the other producing warp filled.
            to[round * 64 + thread - 64] = slots[(thread - 64 + 32) % 64];
            if (round + 1 < rounds) barrier_arrive(2, 128);
        }
    }
}

// Each warp arrives at the barrier at which the other waits, before it waits itself: if arriving were waiting, neither would go on.
__global__ void crosswise(uint32_t *to) {
    __shared__ uint32_t values[64];
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
    values[thread] = 11 * static_cast<uint32_t>(thread);
    barrier_arrive(1 + warp, 64);
    barrier_sync(2 - warp, 64);
    to[thread] = values[(thread + 32) % 64];
}

// Each pair of warps meets at a barrier of its own, the pairs a different number of times.
__global__ void pairs(uint32_t *sums) {
    __shared__ uint32_t values[256];
    const int thread = static_cast<int>(threadIdx.x), pair = thread / 64;
    uint32_t sum = 0;
    for (int round = 0; round < 3 * (pair + 1); round++) {
        values[thread] = static_cast<uint32_t>(thread * (round + 1));
        barrier_sync(4 + pair, 64);
        sum += values[pair * 64 + (thread + 33) % 64];
        barrier_sync(4 + pair, 64);
    }
    sums[thread] = sum;
}

// What each thread gets from each reduction, for three predicates. Warps 1 to 3 take part.
__global__ void reductions(uint32_t *results) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < 32) return;
    const bool predicates[3] = {thread % 3 == 0, true, false};
    for (int i = 0; i < 3; i++) {
        uint32_t *const result = &results[(thread * 3 + i) * 3];
        result[0] = barrier_count(15, 96, predicates[i]);
        result[1] = barrier_all(15, 96, predicates[i]);
        result[2] = barrier_any(15, 96, predicates[i]);
    }
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    std::vector<uint32_t> from(rounds * 64), moved(rounds * 64);
    for (size_t i = 0; i < from.size(); i++) from[i] = static_cast<uint32_t>(i * i + 1);
    for (int i = 0; i < rounds * 64; i++) moved[i] = from[i / 64 * 64 + (i % 64 + 32) % 64];
    Buffer<uint32_t> source(from), target(from.size());
    launch("bar.sync and bar.arrive", {1, 128}, produce_and_consume, source.device(), target.device());
    expect_bytes("bar.sync and bar.arrive", moved, target.host());

    Buffer<uint32_t> crossed(64);
    launch("bar.arrive, crosswise", {1, 64}, crosswise, crossed.device());
    const std::vector<uint32_t> got_crossed = crossed.host();
    for (uint32_t i = 0; i < 64; i++) expect_equal("bar.arrive, crosswise", i, 11 * ((i + 32) % 64), got_crossed[i]);

    std::vector<uint32_t> expected(256, 0);
    for (int thread = 0; thread < 256; thread++)
        for (int round = 0; round < 3 * (thread / 64 + 1); round++)
            expected[thread] += static_cast<uint32_t>((thread / 64 * 64 + (thread + 33) % 64) * (round + 1));
    Buffer<uint32_t> sums(256);
    launch("bar.sync of pairs", {1, 256}, pairs, sums.device());
    expect_bytes("bar.sync of pairs", expected, sums.host());

    Buffer<uint32_t> results(128 * 9);
    launch("bar.red", {1, 128}, reductions, results.device());
    const std::vector<uint32_t> got = results.host();
    // Of the threads 32 to 127, 32 are multiples of 3.
    const uint32_t reduced[3][3] = {{32, 0, 1}, {96, 1, 1}, {0, 0, 0}};
    for (size_t i = 32 * 9; i < got.size(); i++) expect_equal("bar.red", i, reduced[i / 3 % 3][i % 3], got[i]);
    return finish("barrier");
}
