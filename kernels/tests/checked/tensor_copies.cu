// TMA: tiles of tensors, loaded and stored by the asynchronous proxy.
//
// Tensors of floats, 16 columns wide, are moved in boxes of 8 rows.
// arch: 90
#include "../../common/ptx/bulk.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/mbarrier.cuh"
#include "../../common/ptx/proxy.cuh"
#include "../../common/ptx/tma.cuh"
#include "../../common/tensor_map.cuh"

#include "cases.cuh"

constexpr int rows = 8, columns = 16, threads = rows * columns;
constexpr unsigned tile_bytes = threads * sizeof(float);

struct Stage {
    alignas(128) float values[threads];
    uint64_t full, empty;
};

__device__ inline void init_for_cluster(Stage &stage, unsigned readers) {
    if (threadIdx.x == 0) {
        mbarrier_init(&stage.full, 1);
        mbarrier_init(&stage.empty, readers);
        fence_mbarrier_init();
    }
    cluster_sync();
}

static CUtensorMap map_of(float *tensor, int tensor_rows) {
    CUtensorMap map;
    const int32_t encoded = encode_matrix_map(map, tensor, tensor_rows, columns, columns, rows, columns);
    check_cuda(static_cast<cudaError_t>(encoded), "encode_matrix_map");
    return map;
}

// case: tile_read_before_wait: race | used in flight
template <bool mistake> __global__ void tile_read_before_wait(const __grid_constant__ CUtensorMap map, float *out) {
    Stage &stage = *dynamic_shared<Stage>();
    stage.values[threadIdx.x] = 0;
    fence_proxy_async_shared();
    init_for_cluster(stage, threads);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&stage.full, tile_bytes);
        tma_load(stage.values, &map, &stage.full, 0, 0); // caught: tile_read_before_wait
    }
    if (!mistake) mbarrier_wait_parity(&stage.full, 0);
    out[threadIdx.x] = stage.values[threadIdx.x]; // caught: tile_read_before_wait
    mbarrier_wait_parity(&stage.full, 0);
}
CASE(tile_read_before_wait) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(tile_read_before_wait, ({1, threads, sizeof(Stage)}), map_of(in.device(), rows), out.device());
    if (!mistake) expect_bytes("out", in.host(), out.host());
}

// case: tile_reused_by_one_of_two: race | used in flight
// Both blocks of a cluster read what one of them loads for both: the next load must wait for both.
template <bool mistake> __global__ void tile_reused_by_one_of_two(const __grid_constant__ CUtensorMap map, float *out, int tiles) {
    Stage &stage = *dynamic_shared<Stage>();
    const unsigned rank = cluster_rank();
    init_for_cluster(stage, mistake ? threads : 2 * threads);
    float sum = 0;
    for (int tile = 0; tile < tiles; tile++) {
        if (threadIdx.x == 0) mbarrier_arrive_expect_tx(&stage.full, tile_bytes);
        if (threadIdx.x == 0 && rank == 0) {
            mbarrier_wait_parity_cluster(&stage.empty, (tile + 1) % 2);
            tma_load_multicast(stage.values, &map, &stage.full, 3, 0, rows * tile); // caught: tile_reused_by_one_of_two
        }
        mbarrier_wait_parity(&stage.full, tile % 2);
        sum += stage.values[threadIdx.x];
        if (mistake ? rank == 0 : true) mbarrier_arrive_cluster(&stage.empty, 0);
    }
    out[threads * rank + threadIdx.x] = sum;
    cluster_sync();
}
CASE(tile_reused_by_one_of_two) {
    Buffer<float> in(std::vector<float>(3 * threads, 1.0f)), out(2 * threads);
    LAUNCH(tile_reused_by_one_of_two, ({2, threads, sizeof(Stage), 2}), map_of(in.device(), 3 * rows), out.device(), 3);
    if (!mistake) expect_all("out", 3.0f, out.host());
}

// case: tile_stored_without_proxy_fence: race ... no fence.proxy.async
template <bool mistake> __global__ void tile_stored_without_proxy_fence(const __grid_constant__ CUtensorMap map) {
    Stage &stage = *dynamic_shared<Stage>();
    stage.values[threadIdx.x] = threadIdx.x; // caught: tile_stored_without_proxy_fence
    if (!mistake) fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        tma_store(&map, stage.values, 0, 0); // caught: tile_stored_without_proxy_fence
        bulk_commit();
        bulk_wait_read<0>();
    }
}
CASE(tile_stored_without_proxy_fence) {
    Buffer<float> out(threads);
    LAUNCH(tile_stored_without_proxy_fence, ({1, threads, sizeof(Stage)}), map_of(out.device(), rows));
    if (!mistake) expect_bytes("out", counting<float>(threads), out.host());
}

// case: tile_changed_before_read: used in flight
// wait_group.read in a thread that has no group returns at once: each thread's groups are its own.
template <bool mistake> __global__ void tile_changed_before_read(const __grid_constant__ CUtensorMap map) {
    Stage &stage = *dynamic_shared<Stage>();
    for (int tile = 0; tile < 2; tile++) {
        stage.values[threadIdx.x] = threadIdx.x + tile; // caught: tile_changed_before_read
        fence_proxy_async_shared();
        __syncthreads();
        if (threadIdx.x == 0) {
            tma_store(&map, stage.values, 0, rows * tile); // caught: tile_changed_before_read
            bulk_commit();
        }
        if (mistake ? threadIdx.x == 32 : threadIdx.x == 0) bulk_wait_read<0>();
        __syncthreads();
    }
    if (threadIdx.x == 0) bulk_wait_read<0>();
}
CASE(tile_changed_before_read) {
    Buffer<float> out(2 * threads);
    LAUNCH(tile_changed_before_read, ({1, threads, sizeof(Stage)}), map_of(out.device(), 2 * rows));
    if (!mistake) expect_equal("out", 128, 1, static_cast<uint64_t>(out.host()[128]));
}

// case: block_ends_before_tile_is_read: ends
template <bool mistake> __global__ void block_ends_before_tile_is_read(const __grid_constant__ CUtensorMap map) {
    Stage &stage = *dynamic_shared<Stage>();
    stage.values[threadIdx.x] = threadIdx.x;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        tma_store(&map, stage.values, 0, 0);
        bulk_commit();
        if (!mistake) bulk_wait_read<0>();
    }
}
CASE(block_ends_before_tile_is_read) {
    Buffer<float> out(threads);
    LAUNCH(block_ends_before_tile_is_read, ({1, threads, sizeof(Stage)}), map_of(out.device(), rows));
    if (!mistake) expect_bytes("out", counting<float>(threads), out.host());
}

// case: part_of_tile_never_written: uninitialized memory read
// Rows outside of the tensor are not stored: what lies there may be anything.
template <bool mistake> __global__ void part_of_tile_never_written(const __grid_constant__ CUtensorMap map) {
    Stage &stage = *dynamic_shared<Stage>();
    if (threadIdx.x < threads / 2 - (mistake ? columns : 0)) stage.values[threadIdx.x] = threadIdx.x;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        tma_store(&map, stage.values, 0, 0); // caught: part_of_tile_never_written
        bulk_commit();
        bulk_wait_read<0>();
    }
}
CASE(part_of_tile_never_written) {
    Buffer<float> out(threads / 2);
    LAUNCH(part_of_tile_never_written, ({1, threads, sizeof(Stage)}), map_of(out.device(), rows / 2));
    if (!mistake) expect_bytes("out", counting<float>(threads / 2), out.host());
}

// case: tile_misaligned: misaligned address
// A tile begins at a multiple of 128 bytes in shared memory.
template <bool mistake> __global__ void tile_misaligned(const __grid_constant__ CUtensorMap map, float *out) {
    unsigned char *const shared = dynamic_shared<unsigned char>();
    Stage &stage = *reinterpret_cast<Stage *>(shared);
    float *const tile = reinterpret_cast<float *>(shared + sizeof(Stage) + (mistake ? 16 : 0));
    init_for_cluster(stage, threads);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&stage.full, tile_bytes);
        tma_load(tile, &map, &stage.full, 0, 0); // caught: tile_misaligned
    }
    mbarrier_wait_parity(&stage.full, 0);
    out[threadIdx.x] = tile[threadIdx.x];
}
CASE(tile_misaligned) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(tile_misaligned, ({1, threads, 2 * sizeof(Stage)}), map_of(in.device(), rows), out.device());
    expect_bytes("out", in.host(), out.host());
}

// case: tile_past_the_end_of_shared: illegal address ... not in shared memory
// Room for one stage was asked for, and the ring has two.
template <bool mistake> __global__ void tile_past_the_end_of_shared(const __grid_constant__ CUtensorMap map, float *out) {
    Stage *const ring = dynamic_shared<Stage>();
    init_for_cluster(ring[0], threads);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&ring[0].full, tile_bytes);
        tma_load(ring[1].values, &map, &ring[0].full, 0, 0); // caught: tile_past_the_end_of_shared
    }
    mbarrier_wait_parity(&ring[0].full, 0);
    out[threadIdx.x] = ring[1].values[threadIdx.x];
}
CASE(tile_past_the_end_of_shared) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(tile_past_the_end_of_shared, ({1, threads, (mistake ? 1 : 2) * sizeof(Stage)}), map_of(in.device(), rows), out.device());
    expect_bytes("out", in.host(), out.host());
}

// case: bytes_of_the_part_inside: mbarrier
// The last tile's rows behind the tensor's end arrive as zeros, and count.
template <bool mistake> __global__ void bytes_of_the_part_inside(const __grid_constant__ CUtensorMap map, float *out, int rows_inside) {
    Stage &stage = *dynamic_shared<Stage>();
    init_for_cluster(stage, threads);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&stage.full, mistake ? rows_inside * columns * sizeof(float) : tile_bytes);
        tma_load(stage.values, &map, &stage.full, 0, 0);
    }
    mbarrier_wait_parity(&stage.full, 0);
    out[threadIdx.x] = stage.values[threadIdx.x];
}
CASE(bytes_of_the_part_inside) {
    Buffer<float> in(std::vector<float>(5 * columns, 1.0f)), out(threads);
    LAUNCH(bytes_of_the_part_inside, ({1, threads, sizeof(Stage)}), map_of(in.device(), 5), out.device(), 5);
    std::vector<float> expected(threads, 0.0f);
    std::fill_n(expected.begin(), 5 * columns, 1.0f);
    expect_bytes("out", expected, out.host());
}

// case: neighbor_misses_its_tile: deadlock ... mbarrier
// The mask of the blocks that get the tile, built from the wrong number of blocks.
template <bool mistake> __global__ void neighbor_misses_its_tile(const __grid_constant__ CUtensorMap map, float *out) {
    Stage &stage = *dynamic_shared<Stage>();
    const unsigned rank = cluster_rank();
    init_for_cluster(stage, threads);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&stage.full, tile_bytes);
        const unsigned blocks = mistake ? cluster_size() - 1 : cluster_size();
        if (rank == 0) tma_load_multicast(stage.values, &map, &stage.full, static_cast<uint16_t>((1u << blocks) - 1), 0, 0);
    }
    mbarrier_wait_parity(&stage.full, 0);
    out[threads * rank + threadIdx.x] = stage.values[threadIdx.x];
    cluster_sync();
}
CASE(neighbor_misses_its_tile) {
    Buffer<float> in(std::vector<float>(threads, 1.0f)), out(2 * threads);
    LAUNCH(neighbor_misses_its_tile, ({2, threads, sizeof(Stage), 2}), map_of(in.device(), rows), out.device());
    expect_all("out", 1.0f, out.host());
}

// case: tile_sums_read_before_wait: used in flight
template <bool mistake> __global__ void tile_sums_read_before_wait(const __grid_constant__ CUtensorMap map, float *sums, float *out) {
    Stage &stage = *dynamic_shared<Stage>();
    stage.values[threadIdx.x] = threadIdx.x;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        tma_reduce_add(&map, stage.values, 0, 0); // caught: tile_sums_read_before_wait
        bulk_commit();
        if (mistake)
            bulk_wait_read<0>();
        else
            bulk_wait<0>();
    }
    __syncthreads();
    out[threadIdx.x] = sums[threadIdx.x]; // caught: tile_sums_read_before_wait
}
CASE(tile_sums_read_before_wait) {
    Buffer<float> sums(threads), out(threads);
    LAUNCH(tile_sums_read_before_wait, ({1, threads, sizeof(Stage)}), map_of(sums.device(), rows), sums.device(), out.device());
    if (!mistake) expect_bytes("out", counting<float>(threads), out.host());
}
