// C = A B^T on Hopper: A [m, k], B [n, k] and C [m, n], row by row, in bf16; sums in f32.
//
// The way that the fast public kernels go: a producer warpgroup, of which one thread works, keeps a ring of stages in shared memory
// filled by TMA; two consumer warpgroups multiply what is in them by wgmma, 64 rows of the tile each, and store their part of C
// through shared memory by TMA. A stage has two barriers: `full`, which the bytes of the copies complete, and `empty`, at which
// consumers arrive when they have read it. What lies outside of A and B, TMA fills with zeros, and of C it stores nothing.
//
// Blocks stay and take one tile after the other. In a cluster of two, they work on tiles that lie below each other: both need the
// same rows of B, so each loads half of them and multicasts it to both. A stage is then empty when the consumers of both blocks have
// read it.
//
// A test of the instructions and of the simulated GPU, not of how fast this can be. `mistakes.h` lists what it can do wrong.
#pragma once

#include "../../common/launch.cuh"
#include "../../common/ptx/barrier.cuh"
#include "../../common/ptx/bulk.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/descriptor.cuh"
#include "../../common/ptx/mbarrier.cuh"
#include "../../common/ptx/proxy.cuh"
#include "../../common/ptx/registers.cuh"
#include "../../common/ptx/shared.cuh"
#include "../../common/ptx/tma.cuh"
#include "../../common/ptx/warp.cuh"
#include "../../common/ptx/wgmma.cuh"
#include "mistakes.h"

namespace WW_NAMESPACE {

using bf16 = __nv_bfloat16;

enum class Mistake {
    none,
#define X(name, cluster, how, message) name,
    WW_MISTAKES(X)
#undef X
};

constexpr int warpgroup = 128;
constexpr int consumers = 2; // warpgroups
constexpr int threads = (1 + consumers) * warpgroup;
constexpr int stages = 4;
constexpr int rows = 64; // of a consumer's part of the tile: wgmma's m
constexpr int tile_m = consumers * rows, tile_n = 128;
constexpr int tile_k = 64;  // 128 bytes, as wide as the swizzle
constexpr int box_n = 64;   // of C: the same
constexpr int wgmma_k = 16; // of one instruction
constexpr int row_bytes = tile_k * sizeof(bf16);
constexpr int stage_bytes = (tile_m + tile_n) * row_bytes;

// The swizzle permutes chunks of 16 bytes within 8 rows of 128 bytes: all parts begin at multiples of 1024.
struct alignas(1024) Shared {
    bf16 a[stages][tile_m * tile_k];
    bf16 b[stages][tile_n * tile_k];
    bf16 c[consumers][tile_n / box_n][rows * box_n];
    uint64_t full[stages], empty[stages];
};

struct Tiles {
    int down, across; // of C
    int steps;        // of k
};

// Tells the kernel to make a mistake. On the simulated GPU only: a real one might hang, and is spared the branches.
struct Makes {
    Mistake mistake;
    __device__ __forceinline__ bool operator()(Mistake m) const {
#ifdef WW_SIM
        return mistake == m;
#else
        (void)m;
        return false;
#endif
    }
};

// Where in the ring a thread is, and the parity of the phase that it waits for there.
struct Ring {
    int stage = 0;
    unsigned parity = 0;

    __device__ __forceinline__ void advance() {
        if (++stage < stages) return;
        stage = 0;
        parity ^= 1;
    }
};

template <int cluster> __device__ __forceinline__ int first_tile() { return static_cast<int>(blockIdx.x) / cluster; }
template <int cluster> __device__ __forceinline__ int tile_step() { return static_cast<int>(gridDim.x) / cluster; }
// How many a cluster's blocks work on at once count as one. If a column of tiles has an odd number, the last is outside of C.
template <int cluster> __device__ __forceinline__ int tile_count(const Tiles &tiles) {
    return (tiles.down + cluster - 1) / cluster * tiles.across;
}
template <int cluster> __device__ __forceinline__ int row_of(int tile, const Tiles &tiles, unsigned rank) {
    return (tile / tiles.across * cluster + static_cast<int>(rank)) * tile_m;
}
__device__ __forceinline__ int column_of(int tile, const Tiles &tiles) { return tile % tiles.across * tile_n; }

// What other blocks have released is acquired from the cluster.
template <int cluster> __device__ __forceinline__ void wait_until_empty(uint64_t *barrier, unsigned parity) {
    if constexpr (cluster > 1) {
        mbarrier_wait_parity_cluster(barrier, parity);
    } else {
        mbarrier_wait_parity(barrier, parity);
    }
}

template <int cluster>
__device__ void produce(Shared &s, const CUtensorMap &map_a, const CUtensorMap &map_b, const Tiles &tiles, const Makes &makes) {
    constexpr int part = tile_n / cluster; // the rows of B that this block loads
    const unsigned rank = cluster > 1 ? cluster_rank() : 0;
    unsigned bytes = stage_bytes;
    if (makes(Mistake::few_bytes)) bytes -= part * row_bytes;
    if (makes(Mistake::many_bytes)) bytes += 16;

    Ring ring;
    for (int tile = first_tile<cluster>(); tile < tile_count<cluster>(tiles); tile += tile_step<cluster>()) {
        const int row = row_of<cluster>(tile, tiles, rank), column = column_of(tile, tiles);
        for (int step = 0; step < tiles.steps; ++step, ring.advance()) {
            // A barrier that no phase of has ended yet counts as having ended one with parity 1: at first, all stages are empty.
            const unsigned parity = makes(Mistake::empty_parity) ? ring.parity : ring.parity ^ 1;
            if (!makes(Mistake::no_empty_wait)) wait_until_empty<cluster>(&s.empty[ring.stage], parity);
            uint64_t *const full = &s.full[ring.stage];
            mbarrier_arrive_expect_tx(full, bytes);
            tma_load(s.a[ring.stage], &map_a, full, step * tile_k, row);
            if constexpr (cluster > 1) {
                const uint16_t all = (1 << cluster) - 1;
                tma_load_multicast(s.b[ring.stage] + rank * part * tile_k, &map_b, full,
                                   makes(Mistake::multicast_mask) ? static_cast<uint16_t>(1 << rank) : all, step * tile_k,
                                   column + static_cast<int>(rank) * part);
            } else {
                tma_load(s.b[ring.stage], &map_b, full, step * tile_k, column);
            }
        }
    }
}

// Consumer `part`'s sums, as bf16, to its part of C.
__device__ __forceinline__ void store(Shared &s, const CUtensorMap &map_c, const float (&sums)[tile_n / 2], int part, int row,
                                      int column, const Makes &makes) {
    const int thread = threadIdx.x % warpgroup, lane = thread % 32;
    const unsigned barrier = 1 + part;
    // The stores before must have read the buffer.
    if (thread == 0 && !makes(Mistake::no_buffer_wait)) bulk_wait_read<0>();
    barrier_sync(barrier, warpgroup);
    // sums[4 j + 2 h + i] is row 16 warp + lane / 4 + 8 h, column 8 j + 2 (lane % 4) + i. Chunk j of a row of the box lies where TMA's
    // swizzle looks for it; so the lanes' 4 bytes lie in 32 banks.
#pragma unroll
    for (int j = 0; j < tile_n / 8; ++j) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int r = thread / 32 * 16 + lane / 4 + 8 * half, chunk = (j % 8) ^ (r % 8);
            bf16 *const to = &s.c[part][j / 8][r * box_n + chunk * 8 + lane % 4 * 2];
            *reinterpret_cast<__nv_bfloat162 *>(to) = __floats2bfloat162_rn(sums[4 * j + 2 * half], sums[4 * j + 2 * half + 1]);
        }
    }
    // TMA reads by the async proxy what was written through the generic one.
    if (!makes(Mistake::no_store_fence)) fence_proxy_async_shared();
    if (!makes(Mistake::no_store_barrier)) barrier_sync(barrier, warpgroup);
    if (thread == 0) {
        for (int box = 0; box < tile_n / box_n; ++box) tma_store(&map_c, s.c[part][box], column + box * box_n, row + part * rows);
        bulk_commit();
    }
}

template <int cluster>
__device__ void consume(Shared &s, const CUtensorMap &map_c, const Tiles &tiles, int part, const Makes &makes) {
    const unsigned thread = threadIdx.x % warpgroup;
    const unsigned rank = cluster > 1 ? cluster_rank() : 0;
    // One thread tells each block of the cluster that this warpgroup has read the stage.
    const auto release = [&](int stage) {
        if (makes(Mistake::no_release)) return;
        if constexpr (cluster > 1) {
            if (thread < cluster) mbarrier_arrive_cluster(&s.empty[stage], makes(Mistake::local_release) ? rank : thread);
        } else {
            if (thread == 0) mbarrier_arrive(&s.empty[stage]);
        }
    };
    // Rows of 128 bytes, swizzled, and 1024 bytes from 8 of them to the next 8.
    const auto descriptor = [&](const bf16 *start) {
        return shared_descriptor(start, 16, makes(Mistake::descriptor_stride) ? 512 : 1024,
                                 makes(Mistake::descriptor_swizzle) ? Swizzle::bytes64 : Swizzle::bytes128);
    };

    Ring ring;
    if (makes(Mistake::full_parity)) ring.parity = 1;
    for (int tile = first_tile<cluster>(); tile < tile_count<cluster>(tiles); tile += tile_step<cluster>()) {
        float sums[tile_n / 2];
        int before = 0; // the stage whose products are under way
        for (int step = 0; step < tiles.steps; ++step, ring.advance()) {
            if (!makes(Mistake::no_full_wait)) mbarrier_wait_parity(&s.full[ring.stage], ring.parity);
            const uint64_t a = descriptor(s.a[ring.stage] + part * rows * tile_k), b = descriptor(s.b[ring.stage]);
            if (!makes(Mistake::no_wgmma_fence)) wgmma_fence();
#pragma unroll
            for (int k = 0; k < tile_k / wgmma_k; ++k) {
                const int offset = k * wgmma_k * static_cast<int>(sizeof(bf16));
                wgmma<bf16, tile_n>(sums, advance(a, offset), advance(b, offset), step > 0 || k > 0);
            }
            wgmma_commit();
            if (makes(Mistake::early_release)) release(ring.stage);
            wgmma_wait<1>();
            if (step > 0 && !makes(Mistake::early_release)) release(before);
            before = ring.stage;
        }
        if (makes(Mistake::no_last_wait)) {
            wgmma_wait<1>();
        } else {
            wgmma_wait<0>();
        }
        wgmma_fence_registers(sums);
        if (!makes(Mistake::early_release)) release(before);
        store(s, map_c, sums, part, row_of<cluster>(tile, tiles, rank), column_of(tile, tiles), makes);
    }
    // Shared memory is the block's until it ends.
    if (thread == 0 && !makes(Mistake::no_wait_at_exit)) bulk_wait_read<0>();
}

template <int cluster>
__global__ void __launch_bounds__(threads, 1) gemm(const __grid_constant__ CUtensorMap map_a, const __grid_constant__ CUtensorMap map_b,
                                                   const __grid_constant__ CUtensorMap map_c, Tiles tiles, Mistake mistake) {
    const Makes makes{mistake};
    Shared &s = *dynamic_shared<Shared>();
    if (threadIdx.x == 0) {
        unsigned releases = consumers * cluster;
        if (makes(Mistake::few_releases)) releases -= 1;
        if (makes(Mistake::many_releases)) releases += 1;
        for (int stage = 0; stage < stages; ++stage) {
            mbarrier_init(&s.full[stage], 1);
            mbarrier_init(&s.empty[stage], releases);
        }
        if (!makes(Mistake::no_init_fence)) fence_mbarrier_init();
    }
    // The barriers of all blocks are there before one arrives at them, or copies to them.
    if (cluster > 1 && !makes(Mistake::no_cluster_start)) {
        cluster_sync();
    } else {
        __syncthreads();
    }

    // 168 registers for each of 384 threads, of which the producer needs few.
    if (threadIdx.x < warpgroup) {
        set_max_registers_decrease<40>();
        if (threadIdx.x < 32 && elect_one()) produce<cluster>(s, map_a, map_b, tiles, makes);
        __syncwarp();
    } else {
        set_max_registers_increase<232>();
        consume<cluster>(s, map_c, tiles, static_cast<int>(threadIdx.x) / warpgroup - 1, makes);
    }
    // A block must not end while another one arrives at its barriers.
    if (cluster > 1 && !makes(Mistake::no_cluster_exit)) {
        __syncwarp();
        cluster_sync();
    }
}

} // namespace WW_NAMESPACE
