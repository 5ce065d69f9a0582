// arch: 90
// Cooperative groups: ranks and sizes, exchanges within tiles and coalesced groups, reductions, scans, copies, clusters, the grid.
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>

#include "check.h"

namespace cg = cooperative_groups;

struct Results {
    int rank, size, meta_rank, meta_size, sum, least, all_bits, largest_of_pair, by_function, scan, scan_by_function, exclusive;
    int up, down, across, from, ballot, any, all, match;
    float float_sum;
    int odd_size, odd_rank, odd_sum, odd_from, odd_scan, odd_meta_rank, odd_meta_size, dynamic_size, dynamic_rank;
};

struct Pair {
    int key, value;
};

__device__ Pair larger(Pair a, Pair b) { return a.key > b.key || (a.key == b.key && a.value < b.value) ? a : b; }

__device__ int added(int a, int b) { return a + b; }

template <unsigned N> __global__ void tiles(Results *results) {
    const cg::thread_block block = cg::this_thread_block();
    const cg::thread_block_tile<N> tile = cg::tiled_partition<N>(block);
    const int thread = (int)block.thread_rank();
    Results &r = results[thread];
    r.rank = (int)tile.thread_rank(), r.size = (int)tile.size();
    r.meta_rank = (int)tile.meta_group_rank(), r.meta_size = (int)tile.meta_group_size();
    r.sum = cg::reduce(tile, thread, cg::plus<int>());
    r.least = cg::reduce(tile, -thread, cg::less<int>());
    r.all_bits = cg::reduce(tile, 1 << thread % 31, cg::bit_or<int>());
    const Pair best = cg::reduce(tile, Pair{thread * 7 % 16, thread}, [](Pair a, Pair b) { return larger(a, b); });
    r.largest_of_pair = best.value;
    r.by_function = cg::reduce(tile, Pair{thread * 7 % 16, thread}, larger).value;
    r.scan_by_function = cg::inclusive_scan(tile, thread, added);
    r.float_sum = cg::reduce(tile, 1.0f / (float)(thread + 1), cg::plus<float>());
    r.scan = cg::inclusive_scan(tile, thread, cg::plus<int>());
    r.exclusive = cg::exclusive_scan(tile, thread);
    r.up = tile.shfl_up(thread, 1), r.down = tile.shfl_down(thread, 1), r.across = tile.shfl_xor(thread, N / 2);
    r.from = tile.shfl(thread, N - 1);
    r.ballot = (int)tile.ballot(thread % 3 == 0), r.any = tile.any(thread % 8 == 5), r.all = tile.all(thread < 40);
    r.match = (int)tile.match_any(thread % 4);

    const cg::coalesced_group odd = cg::binary_partition(tile, thread % 2);
    r.odd_size = (int)odd.size(), r.odd_rank = (int)odd.thread_rank();
    r.odd_meta_rank = (int)odd.meta_group_rank(), r.odd_meta_size = (int)odd.meta_group_size();
    r.odd_sum = cg::reduce(odd, thread, cg::plus<int>());
    r.odd_from = odd.shfl(thread, 0);
    r.odd_scan = cg::inclusive_scan(odd, 1);
    const cg::thread_group dynamic = cg::tiled_partition(block, N);
    dynamic.sync();
    r.dynamic_size = (int)dynamic.size(), r.dynamic_rank = (int)dynamic.thread_rank();
    cg::sync(tile);
}

template <unsigned N> void check_tiles() {
    constexpr int threads = 64, n = N;
    Results *results = managed<Results>(threads);
    tiles<N><<<1, threads>>>(results);
    finish();
    for (int thread = 0; thread < threads; thread++) {
        const Results &r = results[thread];
        const int first = thread / n * n, rank = thread % n, last = first + n - 1;
        int sum = 0, bits = 0, best = first, ballot = 0, match = 0, any = 0, all = 1, parity_sum = 0, parity_count = 0, parity_rank = 0;
        int parity_first = -1, before = 0;
        float partial[N];
        for (int other = first; other <= last; other++) {
            sum += other;
            if (other <= thread) before += other;
            bits |= 1 << other % 31;
            if (other * 7 % 16 > best * 7 % 16) best = other;
            ballot |= (other % 3 == 0) << (other - first);
            match |= (int)((unsigned)(other % 4 == thread % 4) << (other - first));
            any |= other % 8 == 5;
            all &= other < 40;
            partial[other - first] = 1.0f / (float)(other + 1);
            if (other % 2 != thread % 2) continue;
            parity_sum += other;
            parity_count++;
            parity_rank += other < thread;
            if (parity_first < 0) parity_first = other;
        }
        for (int distance = n / 2; distance > 0; distance /= 2)
            for (int k = 0; k < distance; k++) partial[k] += partial[k + distance];
        expect("thread_rank", rank, r.rank, n, thread);
        expect("size", n, r.size, n, thread);
        expect("meta_group_rank", thread / n, r.meta_rank, n, thread);
        expect("meta_group_size", threads / n, r.meta_size, n, thread);
        expect("reduce plus", sum, r.sum, n, thread);
        expect("reduce less", -last, r.least, n, thread);
        expect("reduce bit_or", bits, r.all_bits, n, thread);
        expect("reduce of a structure", best, r.largest_of_pair, n, thread);
        expect("reduce by a function", best, r.by_function, n, thread);
        expect("inclusive_scan by a function", before, r.scan_by_function, n, thread);
        expect("reduce in the order of a butterfly", partial[0], r.float_sum, n, thread);
        expect("inclusive_scan", before, r.scan, n, thread);
        expect("exclusive_scan", before - thread, r.exclusive, n, thread);
        expect("shfl_up", rank == 0 ? thread : thread - 1, r.up, n, thread);
        expect("shfl_down", rank == n - 1 ? thread : thread + 1, r.down, n, thread);
        expect("shfl_xor", thread ^ n / 2, r.across, n, thread);
        expect("shfl", last, r.from, n, thread);
        expect("ballot", ballot, r.ballot, n, thread);
        expect("any", any, r.any != 0, n, thread);
        expect("all", all, r.all != 0, n, thread);
        expect("match_any", match, r.match, n, thread);
        expect("binary_partition's size", parity_count, r.odd_size, n, thread);
        expect("binary_partition's rank", parity_rank, r.odd_rank, n, thread);
        expect("binary_partition's sum", parity_sum, r.odd_sum, n, thread);
        expect("binary_partition's first", parity_first, r.odd_from, n, thread);
        expect("binary_partition's scan", parity_rank + 1, r.odd_scan, n, thread);
        expect("dynamic tile's size", n, r.dynamic_size, n, thread);
        expect("dynamic tile's rank", rank, r.dynamic_rank, n, thread);
    }
}

__global__ void tiles_of_tiles(int *ranks) {
    const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
    const auto quarter = cg::tiled_partition<8>(warp);
    ranks[threadIdx.x] = (int)(quarter.meta_group_rank() * 100 + quarter.meta_group_size() * 10 + quarter.thread_rank());
}

// What coalesced_threads() holds is for the hardware to choose; a count by its leaders is right in any case.
__global__ void count_odd(int *counter, int *places) {
    if (threadIdx.x % 2 == 0) return;
    const cg::coalesced_group group = cg::coalesced_threads();
    int first = 0;
    if (group.thread_rank() == 0) first = atomicAdd(counter, (int)group.size());
    places[group.shfl(first, 0) + group.thread_rank()] += 1;
}

__global__ void copy(const int *in, int *out, int count) {
    alignas(16) __shared__ int first[256];
    alignas(16) __shared__ int second[256];
    const cg::thread_block block = cg::this_thread_block();
    cg::memcpy_async(block, first, in, sizeof(int) * count);
    cg::memcpy_async(block, second, in + 1, sizeof(int) * (count - 1));
    cg::wait_prior<1>(block);
    for (int i = threadIdx.x; i < count; i += blockDim.x) out[i] = first[i];
    cg::wait(block);
    for (int i = threadIdx.x; i < count - 1; i += blockDim.x) out[count + i] = second[i];
}

__global__ void in_cluster(int *out) {
    __shared__ int value;
    const cg::cluster_group cluster = cg::this_cluster();
    if (threadIdx.x == 0) value = 100 + (int)cluster.block_rank();
    cluster.sync();
    const unsigned next = (cluster.block_rank() + 1) % cluster.num_blocks();
    if (threadIdx.x == 0) out[blockIdx.x] = *cluster.map_shared_rank(&value, next) + 1000 * (int)cluster.num_blocks();
    cluster.sync();
}

__global__ void whole_grid(int *values, int *out) {
    const cg::grid_group grid = cg::this_grid();
    values[grid.thread_rank()] = (int)grid.thread_rank();
    grid.sync();
    const unsigned long long other = grid.size() - 1 - grid.thread_rank();
    out[grid.thread_rank()] = grid.is_valid() ? values[other] : -1;
}

int main() {
    check_tiles<32>();
    check_tiles<16>();
    check_tiles<4>();
    check_tiles<1>();

    int *ranks = managed<int>(64);
    tiles_of_tiles<<<1, 64>>>(ranks);
    finish();
    for (int i = 0; i < 64; i++) expect("tile of a tile", i % 32 / 8 * 100 + 40 + i % 8, ranks[i], i);

    int *counter = managed<int>(1), *places = managed<int>(64);
    count_odd<<<1, 64>>>(counter, places);
    finish();
    expect("coalesced count", 32, *counter);
    for (int i = 0; i < 64; i++) expect("coalesced places", i < 32 ? 1 : 0, places[i], i);

    int *in = managed<int>(256), *out = managed<int>(512);
    for (int i = 0; i < 256; i++) in[i] = i * i;
    copy<<<1, 64>>>(in, out, 203);
    finish();
    for (int i = 0; i < 203; i++) expect("memcpy_async", i * i, out[i], i);
    for (int i = 0; i < 202; i++) expect("memcpy_async, aligned to 4", (i + 1) * (i + 1), out[203 + i], i);

    int *values = managed<int>(256);
    void *arguments[] = {&values, &out};
    CHECK(cudaLaunchCooperativeKernel(whole_grid, dim3(4), dim3(64), arguments, 0, nullptr));
    finish();
    for (int i = 0; i < 256; i++) expect("grid sync", 255 - i, out[i], i);

    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(8);
    config.blockDim = dim3(32);
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = 4, attribute.val.clusterDim.y = 1, attribute.val.clusterDim.z = 1;
    config.attrs = &attribute;
    config.numAttrs = 1;
    CHECK(cudaLaunchKernelEx(&config, in_cluster, out));
    finish();
    for (int block = 0; block < 8; block++) expect("cluster", 4100 + (block + 1) % 4, out[block], block);
    return verdict();
}
