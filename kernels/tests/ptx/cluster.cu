// Clusters: ranks, the cluster's barrier, and shared memory of other blocks.
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/shared.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int threads = 64;

// Each block puts numbers into its shared memory, static and dynamic, reads those of the next block of its cluster, and writes to
// that of the one after.
__global__ void neighbors(uint32_t *ranks, uint32_t *read, uint32_t *received) {
    __shared__ uint32_t own[threads];
    uint32_t *const inbox = dynamic_shared<uint32_t>();
    const unsigned thread = threadIdx.x, block = blockIdx.x + gridDim.x * blockIdx.y;
    const unsigned rank = cluster_rank(), size = cluster_size();
    if (thread == 0) {
        ranks[2 * block] = rank;
        ranks[2 * block + 1] = size;
    }
    own[thread] = 1000 * block + thread;
    inbox[thread] = 0;
    cluster_sync();
    // That all have come this far is what the relaxed arrival tells, too.
    cluster_arrive_relaxed();
    cluster_wait();
    const unsigned other = (thread + 5) % threads;
    read[block * threads + thread] = *map_shared(&own[other], (rank + 1) % size);
    map_shared(inbox, (rank + 2) % size)[other] = 7000 * block + thread;
    // Between arrive and wait a thread may go on with what is its own.
    cluster_arrive();
    read[block * threads + thread] += 1;
    cluster_wait();
    received[block * threads + thread] = inbox[thread];
}

// The ISA numbers the blocks of a cluster by x first, then y.
void test(const char *what, dim3 grid, dim3 cluster) {
    const unsigned blocks = grid.x * grid.y, size = cluster.x * cluster.y;
    Buffer<uint32_t> ranks(2 * blocks), read(blocks * threads), received(blocks * threads);
    launch(what, {grid, threads, threads * sizeof(uint32_t), cluster}, neighbors, ranks.device(), read.device(), received.device());
    const std::vector<uint32_t> got_ranks = ranks.host(), got_read = read.host(), got_received = received.host();
    for (unsigned block = 0; block < blocks; block++) {
        const unsigned x = block % grid.x, y = block / grid.x;
        const unsigned rank = x % cluster.x + cluster.x * (y % cluster.y);
        auto block_of = [&](unsigned other) {
            const unsigned other_x = x / cluster.x * cluster.x + other % cluster.x;
            const unsigned other_y = y / cluster.y * cluster.y + other / cluster.x;
            return other_x + grid.x * other_y;
        };
        expect_equal(what, block, rank, got_ranks[2 * block]);
        expect_equal(what, block, size, got_ranks[2 * block + 1]);
        const unsigned next = block_of((rank + 1) % size), writer = block_of((rank + 2 * size - 2) % size);
        for (unsigned thread = 0; thread < threads; thread++) {
            const unsigned other = (thread + 5) % threads, from = (thread + threads - 5) % threads;
            expect_equal(what, thread, 1000 * next + other + 1, got_read[block * threads + thread]);
            expect_equal(what, thread, 7000 * writer + from, got_received[block * threads + thread]);
        }
    }
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    if (device_capability() < 90) {
        std::printf("cluster: skipped, needs compute capability 9.0\n");
        return 0;
    }
    test("no cluster", {3, 1}, {1, 1});
    test("cluster of 2", {4, 1}, {2, 1});
    test("cluster of 2 x 2", {4, 4}, {2, 2});
    test("cluster of 8", {8, 2}, {8, 1});
    return finish("cluster");
}
