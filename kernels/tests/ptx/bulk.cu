// Bulk copies: into shared memory, of one block, of several, and of another; back, and what a wait for a group makes certain; reductions.
// arch: 90
#include "../../common/ptx/bulk.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/proxy.cuh"

#include "check.cuh"

namespace WW_NAMESPACE {
namespace {

constexpr int threads = 64;

__device__ void init_for_cluster(uint64_t *bar, unsigned count) {
    if (threadIdx.x == 0) {
        mbarrier_init(bar, count);
        fence_mbarrier_init();
    }
    cluster_sync();
}

// A ring of stages that one thread fills, several copies to each, and all sum up.
template <CacheHint hint> __global__ void ring(const uint32_t *from, uint32_t *sums, int rounds) {
    constexpr int stages = 3, words = 2 * threads;
    uint32_t *const stage = dynamic_shared<uint32_t>();
    __shared__ uint64_t full[stages], empty[stages];
    for (int i = 0; i < stages; i++) {
        init_for_cluster(&full[i], 1);
        init_for_cluster(&empty[i], threads);
    }
    const auto fill = [&](int round) {
        const int slot = round % stages;
        mbarrier_wait_parity(&empty[slot], (round / stages % 2) ^ 1);
        mbarrier_arrive_expect_tx(&full[slot], words * sizeof(uint32_t));
        bulk_load<hint>(stage + slot * words, from + round * words, 16, &full[slot]);
        bulk_load<hint>(stage + slot * words + 4, from + round * words + 4, (words - 4) * sizeof(uint32_t), &full[slot]);
    };
    if (threadIdx.x == 0) {
        bulk_prefetch(from, words * sizeof(uint32_t));
        for (int round = 0; round < stages - 1; round++) fill(round);
    }
    uint32_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        if (threadIdx.x == 0 && round + stages - 1 < rounds) fill(round + stages - 1);
        const int slot = round % stages;
        mbarrier_wait_parity(&full[slot], round / stages % 2);
        for (int i = 0; i < words; i += threads) sum = 31 * sum + stage[slot * words + i + (threadIdx.x + round) % threads];
        mbarrier_arrive(&empty[slot]);
    }
    sums[threadIdx.x] = sum;
}

template <CacheHint hint> void test_ring(const char *what, Random &random) {
    constexpr int rounds = 8, words = 2 * threads;
    std::vector<uint32_t> from(rounds * words), expected(threads, 0);
    for (uint32_t &word : from) word = static_cast<uint32_t>(random.bits());
    for (int thread = 0; thread < threads; thread++)
        for (int round = 0; round < rounds; round++)
            for (int i = 0; i < words; i += threads)
                expected[thread] = 31 * expected[thread] + from[round * words + i + (thread + round) % threads];
    Buffer<uint32_t> source(from), sums(threads);
    launch(what, {1, threads, 3 * words * sizeof(uint32_t)}, ring<hint>, source.device(), sums.device(), rounds);
    expect_bytes(what, expected, sums.host());
}

// The first block loads for the others; each hands on to the next what it got, who writes it out.
template <CacheHint hint> __global__ void around(const uint32_t *from, uint32_t *to) {
    constexpr unsigned bytes = threads * sizeof(uint32_t);
    __shared__ alignas(16) uint32_t got[threads], inbox[threads];
    __shared__ uint64_t loaded, handed;
    const unsigned rank = cluster_rank(), size = cluster_size(), next = (rank + 1) % size;
    init_for_cluster(&loaded, 1);
    init_for_cluster(&handed, 1);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&loaded, rank == 0 ? bytes / 2 : bytes);
        mbarrier_arrive_expect_tx(&handed, bytes);
        if (rank == 0) {
            // The first half for all, the second for all but itself.
            bulk_load_multicast<hint>(got, from, bytes / 2, &loaded, static_cast<uint16_t>((1u << size) - 1));
            if (size > 1)
                bulk_load_multicast<hint>(got + threads / 2, from + threads / 2, bytes / 2, &loaded,
                                          static_cast<uint16_t>((1u << size) - 2));
        }
    }
    mbarrier_wait_parity(&loaded, 0);
    if (rank == 0 && threadIdx.x >= threads / 2) got[threadIdx.x] = threadIdx.x;
    if (threadIdx.x < threads / 2) got[threadIdx.x] += rank;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) bulk_copy_cluster(map_shared(inbox, next), got, bytes, map_shared(&handed, next));
    mbarrier_wait_parity_cluster(&handed, 0);
    to[blockIdx.x * threads + threadIdx.x] = inbox[threadIdx.x];
    cluster_sync();
}

template <CacheHint hint> void test_around(const char *what, unsigned size, Random &random) {
    std::vector<uint32_t> from(threads);
    for (uint32_t &word : from) word = static_cast<uint32_t>(random.bits());
    Buffer<uint32_t> source(from), target(size * threads);
    launch(what, {size, threads, 0, size}, around<hint>, source.device(), target.device());
    const std::vector<uint32_t> got = target.host();
    for (unsigned block = 0; block < size; block++) {
        const unsigned before = (block + size - 1) % size;
        for (unsigned i = 0; i < threads; i++) {
            const uint32_t expected = i < threads / 2 ? from[i] + before : before == 0 ? i : from[i];
            expect_equal(what, block * threads + i, expected, got[block * threads + i]);
        }
    }
}

// Stores from two buffers in turn: one is written again when the copy from it has read it.
__global__ void stores(uint32_t *to, uint32_t *again, int rounds) {
    __shared__ alignas(16) uint32_t buffers[2][threads];
    for (int round = 0; round < rounds; round++) {
        if (threadIdx.x == 0) bulk_wait_read<1>();
        __syncthreads();
        buffers[round % 2][threadIdx.x] = 100 * round + threadIdx.x;
        fence_proxy_async_shared();
        __syncthreads();
        if (threadIdx.x == 0) {
            bulk_store(to + round * threads, buffers[round % 2], sizeof buffers[0]);
            bulk_commit();
        }
    }
    if (threadIdx.x == 0) {
        bulk_wait<1>();
        for (int i = 0; i < (rounds - 1) * threads; i++) again[i] = to[i];
        bulk_store<CacheHint::evict_first>(to + rounds * threads, buffers[0], sizeof buffers[0]); // in no group yet, so not waited for
        bulk_wait<0>();
        for (int i = (rounds - 1) * threads; i < rounds * threads; i++) again[i] = to[i];
        bulk_commit();
        bulk_wait<0>();
    }
}

void test_stores() {
    constexpr int rounds = 5;
    Buffer<uint32_t> to((rounds + 1) * threads), again(rounds * threads);
    launch("stores", {1, threads}, stores, to.device(), again.device(), rounds);
    for (unsigned i = 0; i < rounds * threads; i++) {
        expect_equal("stores", i, 100 * (i / threads) + i % threads, to.host()[i]);
        expect_equal("stores, read by their thread", i, 100 * (i / threads) + i % threads, again.host()[i]);
    }
}

// Every block adds to the same memory, and to its neighbor's.
template <BulkOp op, typename T> __global__ void reduce(T *to, T *shared_to) {
    __shared__ alignas(16) T mine[threads], neighbors[threads];
    __shared__ uint64_t bar;
    init_for_cluster(&bar, 1);
    const unsigned next = (cluster_rank() + 1) % cluster_size();
    mine[threadIdx.x] = static_cast<T>(static_cast<float>(threadIdx.x % 7 + 3 * cluster_rank()));
    neighbors[threadIdx.x] = static_cast<T>(static_cast<float>(threadIdx.x % 11));
    fence_proxy_async_shared();
    cluster_sync();
    if (threadIdx.x == 0) {
        if constexpr (has_bulk_reduce_cluster<op, T>) {
            mbarrier_arrive_expect_tx(&bar, sizeof mine);
            bulk_reduce_cluster<op>(map_shared(neighbors, next), mine, sizeof mine, map_shared(&bar, next));
        }
        bulk_reduce<op>(to, mine, sizeof mine);
        bulk_commit();
        bulk_wait<0>();
    }
    if constexpr (has_bulk_reduce_cluster<op, T>) mbarrier_wait_parity_cluster(&bar, 0);
    shared_to[cluster_rank() * threads + threadIdx.x] = neighbors[threadIdx.x];
    cluster_sync();
}

// combine(there, comes) is exact, and doesn't care for the order.
template <BulkOp op, typename T, typename Combine> void test_reduce(const char *what, Combine combine) {
    constexpr unsigned blocks = 2;
    const auto number = [](unsigned n) { return static_cast<T>(static_cast<float>(n)); };
    std::vector<T> before(threads), expected, expected_shared;
    for (unsigned i = 0; i < threads; i++) before[i] = number(i % 13);
    expected = before;
    for (unsigned block = 0; block < blocks; block++)
        for (unsigned i = 0; i < threads; i++) {
            expected[i] = combine(expected[i], number(i % 7 + 3 * block));
            const T old = number(i % 11);
            expected_shared.push_back(has_bulk_reduce_cluster<op, T> ? combine(old, number(i % 7 + 3 * (1 - block))) : old);
        }
    Buffer<T> to(before), shared_to(blocks * threads);
    launch(what, {blocks, threads, 0, blocks}, reduce<op, T>, to.device(), shared_to.device());
    expect_bytes(what, expected, to.host());
    expect_bytes(what, expected_shared, shared_to.host());
}

void test_reductions() {
    const auto add = [](auto there, auto comes) { return static_cast<decltype(there)>(static_cast<float>(there) + static_cast<float>(comes)); };
    const auto lowest = [](auto there, auto comes) { return static_cast<float>(comes) < static_cast<float>(there) ? comes : there; };
    const auto highest = [](auto there, auto comes) { return static_cast<float>(comes) > static_cast<float>(there) ? comes : there; };
    test_reduce<BulkOp::add, float>("add f32", add);
    test_reduce<BulkOp::add, double>("add f64", add);
    test_reduce<BulkOp::add, __half>("add f16", add);
    test_reduce<BulkOp::add, __nv_bfloat16>("add bf16", add);
    test_reduce<BulkOp::add, uint32_t>("add u32", add);
    test_reduce<BulkOp::add, int64_t>("add s64", add);
    test_reduce<BulkOp::min, int32_t>("min s32", lowest);
    test_reduce<BulkOp::min, __half>("min f16", lowest);
    test_reduce<BulkOp::max, uint64_t>("max u64", highest);
    test_reduce<BulkOp::max, __nv_bfloat16>("max bf16", highest);
    test_reduce<BulkOp::bits_and, uint32_t>("and", [](uint32_t there, uint32_t comes) { return there & comes; });
    test_reduce<BulkOp::bits_or, uint64_t>("or", [](uint64_t there, uint64_t comes) { return there | comes; });
    test_reduce<BulkOp::bits_xor, int32_t>("xor", [](int32_t there, int32_t comes) { return there ^ comes; });
}

} // namespace
} // namespace WW_NAMESPACE

int main() {
    using namespace WW_NAMESPACE;
    if (device_capability() < 90) {
        std::printf("bulk: skipped, needs compute capability 9.0\n");
        return 0;
    }
    Random random(7);
    test_ring<CacheHint::none>("ring", random);
    test_ring<CacheHint::evict_last>("ring with a hint", random);
    for (unsigned size : {1u, 2u, 4u}) {
        test_around<CacheHint::none>("around", size, random);
        test_around<CacheHint::evict_normal>("around with a hint", size, random);
    }
    test_stores();
    test_reductions();
    return finish("bulk");
}
