// mbarriers: phases, counts of arrivals and of bytes, states and parities, arrivals of cp.async and of other blocks.
// arch: 90
#include "../../common/ptx/mbarrier.cuh"
#include "../../common/ptx/async_copy.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/proxy.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int threads = 64;

__device__ void init_for_block(uint64_t *bar, unsigned count) {
    if (threadIdx.x == 0) {
        mbarrier_init(bar, count);
        fence_mbarrier_init();
    }
    __syncthreads();
}

// One thread alone, whose answers are then certain. Writes a bit for each.
__global__ void answers(uint32_t *bits) {
    __shared__ uint64_t bar;
    uint32_t result = 0;
    int next = 0;
    auto note = [&](bool answer) { result |= uint32_t{answer} << next++; };
    mbarrier_init(&bar, 2);
    note(mbarrier_test_wait_parity(&bar, 1)); // yes: the phase before the first counts as complete
    note(mbarrier_test_wait_parity(&bar, 0));
    const uint64_t first = mbarrier_arrive(&bar);
    note(mbarrier_test_wait(&bar, first));
    const uint64_t again = mbarrier_arrive(&bar);
    note(mbarrier_test_wait(&bar, first)); // yes
    note(mbarrier_test_wait(&bar, again)); // yes: it was an arrival of the same phase
    note(mbarrier_test_wait_parity(&bar, 0)); // yes
    note(mbarrier_test_wait_parity(&bar, 1));
    // Two arrivals at once, in the second phase.
    const uint64_t both = mbarrier_arrive(&bar, 2);
    note(mbarrier_test_wait(&bar, both)); // yes
    note(mbarrier_test_wait_parity(&bar, 1)); // yes
    // Bytes hold the phase up; they may come in parts, and before they are expected.
    mbarrier_arrive_no_complete(&bar, 1);
    const uint64_t bytes = mbarrier_arrive_expect_tx(&bar, 48);
    note(mbarrier_test_wait(&bar, bytes));
    mbarrier_complete_tx(&bar, 16);
    note(mbarrier_test_wait(&bar, bytes));
    mbarrier_complete_tx(&bar, 32);
    note(mbarrier_test_wait(&bar, bytes)); // yes
    mbarrier_complete_tx(&bar, 64);
    mbarrier_expect_tx(&bar, 80);
    const uint64_t late = mbarrier_arrive(&bar, 2);
    note(mbarrier_test_wait(&bar, late));
    mbarrier_complete_tx(&bar, 16);
    note(mbarrier_try_wait(&bar, late)); // yes
    note(mbarrier_try_wait_parity(&bar, 1)); // yes: four phases are complete
    // From the next phase on, one arrival is enough.
    const uint64_t dropped = mbarrier_arrive_drop(&bar);
    mbarrier_arrive(&bar);
    note(mbarrier_test_wait(&bar, dropped)); // yes
    const uint64_t alone = mbarrier_arrive(&bar);
    note(mbarrier_test_wait(&bar, alone)); // yes
    // Its memory is free for another one.
    mbarrier_inval(&bar);
    mbarrier_init(&bar, 1);
    note(mbarrier_test_wait_parity(&bar, 0));
    mbarrier_wait(&bar, mbarrier_arrive(&bar));
    mbarrier_inval(&bar);
    *bits = result;
}

void test_answers() {
    Buffer<uint32_t> bits(1);
    launch("answers", {1, 1}, answers, bits.device());
    const bool expected[] = {true, false, false, true, true, true, false, true, true, false, false, true, false, true, true, true, true, false};
    for (size_t i = 0; i < sizeof expected; i++) expect_equal("answer", i, expected[i], bits.host()[0] >> i & 1);
}

// Two warps take turns: each waits until the other has written, adds to all that is there, and tells the other.
template <bool by_parity> __global__ void turns(uint32_t *sums, int rounds) {
    __shared__ uint64_t full, empty;
    __shared__ uint32_t slots[threads / 2];
    init_for_block(&full, threads / 2);
    init_for_block(&empty, threads / 2);
    const int lane = static_cast<int>(threadIdx.x) % (threads / 2);
    uint32_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        const unsigned parity = round % 2;
        if (threadIdx.x < threads / 2) {
            mbarrier_wait_parity(&empty, parity ^ 1);
            slots[lane] = 100 * round + lane;
            mbarrier_arrive(&full);
        } else {
            if (by_parity) {
                mbarrier_wait_parity(&full, parity);
            } else {
                while (!mbarrier_test_wait_parity(&full, parity)) {
                }
            }
            sum = 31 * sum + slots[(lane + round) % (threads / 2)];
            mbarrier_arrive(&empty);
        }
    }
    if (threadIdx.x >= threads / 2) sums[lane] = sum;
}

template <bool by_parity> void test_turns(const char *what) {
    const int rounds = 7;
    Buffer<uint32_t> sums(threads / 2);
    launch(what, {2, threads}, turns<by_parity>, sums.device(), rounds);
    for (int lane = 0; lane < threads / 2; lane++) {
        uint32_t sum = 0;
        for (int round = 0; round < rounds; round++) sum = 31 * sum + 100 * round + (lane + round) % (threads / 2);
        expect_equal(what, lane, sum, sums.host()[lane]);
    }
}

// All threads arrive and wait by what their arrival returned; all but one leave the barrier after the first phase.
__global__ void leaving(uint32_t *out) {
    __shared__ uint64_t bar;
    __shared__ uint32_t values[threads];
    init_for_block(&bar, threads);
    const unsigned thread = threadIdx.x;
    values[thread] = thread + 1;
    const uint64_t state = thread == 5 ? mbarrier_arrive(&bar) : mbarrier_arrive_drop(&bar);
    mbarrier_wait(&bar, state);
    out[thread] = values[(thread + 9) % threads];
    if (thread == 5) mbarrier_wait(&bar, mbarrier_arrive(&bar)); // nobody else is waited for
}

void test_leaving() {
    Buffer<uint32_t> out(threads);
    launch("leaving", {1, threads}, leaving, out.device());
    for (unsigned thread = 0; thread < threads; thread++) expect_equal("leaving", thread, (thread + 9) % threads + 1, out.host()[thread]);
}

// Each thread copies a word; the phase is complete when all copies are done. Without `noinc` each thread arrives once more.
template <bool noinc> __global__ void copies(const uint32_t *from, uint32_t *to) {
    __shared__ uint64_t bar;
    __shared__ alignas(16) uint32_t words[2 * threads];
    init_for_block(&bar, threads);
    const unsigned thread = threadIdx.x;
    async_copy_ca<4>(&words[thread], &from[thread]);
    async_commit();
    async_copy_ca<4>(&words[threads + thread], &from[threads + thread]);
    if (noinc) {
        async_mbarrier_arrive_noinc(&bar);
    } else {
        async_mbarrier_arrive(&bar);
        mbarrier_arrive(&bar);
    }
    mbarrier_wait_parity(&bar, 0);
    for (unsigned i = thread; i < 2 * threads; i += threads) to[i] = words[(i + 3) % (2 * threads)];
}

template <bool noinc> void test_copies(const char *what, Random &random) {
    std::vector<uint32_t> from(2 * threads);
    for (uint32_t &word : from) word = static_cast<uint32_t>(random.bits());
    Buffer<uint32_t> source(from), target(2 * threads);
    launch(what, {1, threads}, copies<noinc>, source.device(), target.device());
    for (size_t i = 0; i < from.size(); i++) expect_equal(what, i, from[(i + 3) % from.size()], target.host()[i]);
}

// Every thread of the cluster writes into the next block's memory and arrives there. Then it tells the block before that it has read.
__global__ void neighbors(uint32_t *received, int rounds) {
    __shared__ uint64_t full, empty;
    __shared__ uint32_t inbox[threads];
    const unsigned thread = threadIdx.x, rank = cluster_rank(), size = cluster_size();
    const unsigned next = (rank + 1) % size, before = (rank + size - 1) % size;
    if (thread == 0) {
        mbarrier_init(&full, threads + 1);
        mbarrier_init(&empty, threads);
        fence_mbarrier_init();
    }
    cluster_sync();
    uint32_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        const unsigned parity = round % 2;
        if (round > 0) mbarrier_wait_parity_cluster(&empty, parity ^ 1);
        map_shared(inbox, next)[thread] = 1000 * rank + 10 * thread + round;
        // The two halves arrive in different ways; one more arrival, with bytes that somebody else says have come.
        if (thread % 2 == 0)
            mbarrier_arrive_cluster(&full, next, 2);
        if (thread == 0) {
            mbarrier_arrive_expect_tx_cluster(&full, next, 16);
            mbarrier_complete_tx(&full, 16);
        }
        mbarrier_wait_parity_cluster(&full, parity);
        if (thread % 2 == 0) sum = 31 * sum + inbox[thread];
        mbarrier_arrive_cluster(&empty, before);
    }
    received[(blockIdx.x * threads) + thread] = sum;
    cluster_sync();
}

void test_neighbors(unsigned size) {
    const int rounds = 5;
    Buffer<uint32_t> received(2 * size * threads);
    launch("neighbors", {2 * size, threads, 0, size}, neighbors, received.device(), rounds);
    const std::vector<uint32_t> got = received.host();
    for (unsigned block = 0; block < 2 * size; block++) {
        const unsigned before = (block % size + size - 1) % size;
        for (unsigned thread = 0; thread < threads; thread++) {
            uint32_t sum = 0;
            for (int round = 0; round < rounds && thread % 2 == 0; round++) sum = 31 * sum + 1000 * before + 10 * thread + round;
            expect_equal("neighbors", block * threads + thread, sum, got[block * threads + thread]);
        }
    }
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    if (device_capability() < 90) {
        std::printf("mbarrier: skipped, needs compute capability 9.0\n");
        return 0;
    }
    Random random(5);
    test_answers();
    test_turns<true>("turns, by try_wait");
    test_turns<false>("turns, by test_wait");
    test_leaving();
    test_copies<false>("cp.async.mbarrier.arrive", random);
    test_copies<true>("cp.async.mbarrier.arrive.noinc", random);
    test_neighbors(1);
    test_neighbors(2);
    test_neighbors(4);
    return finish("mbarrier");
}
