// Copies by the asynchronous proxy, without a tensor map: when their bytes are there, what they see of ordinary stores, and when
// their source may be used again.
// arch: 90
#include "../../common/ptx/bulk.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/mbarrier.cuh"
#include "../../common/ptx/proxy.cuh"

#include "cases.cuh"

constexpr int threads = 64;
constexpr unsigned stage_bytes = threads * sizeof(float);

__device__ inline void init_for_block(uint64_t *bar, unsigned count) {
    if (threadIdx.x == 0) {
        mbarrier_init(bar, count);
        fence_mbarrier_init();
    }
    __syncthreads();
}

// case: bulk_read_before_wait: race | used in flight
template <bool mistake> __global__ void bulk_read_before_wait(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    stage[threadIdx.x] = 0;
    fence_proxy_async_shared();
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, stage_bytes);
        bulk_load(stage, in, stage_bytes, &bar); // caught: bulk_read_before_wait
    }
    if (!mistake) mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = stage[threadIdx.x]; // caught: bulk_read_before_wait
    if (mistake) mbarrier_wait_parity(&bar, 0);
}
CASE(bulk_read_before_wait) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(bulk_read_before_wait, ({1, threads}), in.device(), out.device());
    if (!mistake) expect_bytes("out", in.host(), out.host());
}

// case: waiting_threads_share_by_barrier: used in flight
// One thread's wait is enough if a barrier of the block follows it.
template <bool mistake> __global__ void waiting_threads_share_by_barrier(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, stage_bytes);
        bulk_load(stage, in, stage_bytes, &bar); // caught: waiting_threads_share_by_barrier
        if (!mistake) mbarrier_wait_parity(&bar, 0);
    }
    __syncthreads();
    out[threadIdx.x] = stage[threadIdx.x]; // caught: waiting_threads_share_by_barrier
    if (mistake) mbarrier_wait_parity(&bar, 0);
}
CASE(waiting_threads_share_by_barrier) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(waiting_threads_share_by_barrier, ({1, threads}), in.device(), out.device());
    if (!mistake) expect_bytes("out", in.host(), out.host());
}

// case: bulk_stage_reused: race | used in flight
// The next load into a stage may begin when all threads have read it.
template <bool mistake> __global__ void bulk_stage_reused(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t full[2], empty;
    for (uint64_t &bar : full) init_for_block(&bar, 1);
    init_for_block(&empty, threads);
    float sum = 0;
    for (int tile = 0; tile < 2; tile++) {
        if (threadIdx.x == 0) {
            if (!mistake && tile > 0) mbarrier_wait_parity(&empty, 0);
            mbarrier_arrive_expect_tx(&full[tile], stage_bytes);
            bulk_load(stage, in + tile * threads, stage_bytes, &full[tile]); // caught: bulk_stage_reused
        }
        mbarrier_wait_parity(&full[tile], 0);
        sum += stage[threadIdx.x]; // caught: bulk_stage_reused
        mbarrier_arrive(&empty);
    }
    out[threadIdx.x] = sum;
}
CASE(bulk_stage_reused) {
    Buffer<float> in(std::vector<float>(2 * threads, 1.0f)), out(threads);
    LAUNCH(bulk_stage_reused, ({1, threads}), in.device(), out.device());
    if (!mistake) expect_all("out", 2.0f, out.host());
}

// case: store_without_proxy_fence: race ... no fence.proxy.async
// What threads wrote is ordered for the asynchronous proxy by a fence, in the writers or, behind a barrier, in the thread that stores.
template <bool mistake> __global__ void store_without_proxy_fence(float *out) {
    __shared__ alignas(16) float stage[threads];
    stage[threadIdx.x] = threadIdx.x; // caught: store_without_proxy_fence
    if (!mistake && blockIdx.x == 0) fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        if (!mistake && blockIdx.x == 1) fence_proxy_async_shared();
        bulk_store(out + blockIdx.x * threads, stage, stage_bytes); // caught: store_without_proxy_fence
        bulk_commit();
        bulk_wait_read<0>();
    }
}
CASE(store_without_proxy_fence) {
    Buffer<float> out(2 * threads);
    LAUNCH(store_without_proxy_fence, ({2, threads}), out.device());
    if (!mistake) expect_equal("out", 127, 63, static_cast<uint64_t>(out.host()[127]));
}

// case: store_without_barrier: race
// Every thread fences its own store, but the thread that starts the copy doesn't wait for them.
template <bool mistake> __global__ void store_without_barrier(float *out) {
    __shared__ alignas(16) float stage[threads];
    stage[threadIdx.x] = 0;
    __syncthreads();
    stage[threadIdx.x] = threadIdx.x; // caught: store_without_barrier
    fence_proxy_async_shared();
    if (!mistake) __syncthreads();
    if (threadIdx.x == 0) {
        bulk_store(out, stage, stage_bytes); // caught: store_without_barrier
        bulk_commit();
        bulk_wait_read<0>();
    }
    __syncthreads();
}
CASE(store_without_barrier) {
    Buffer<float> out(threads);
    LAUNCH(store_without_barrier, ({1, threads}), out.device());
    if (!mistake) expect_bytes("out", counting<float>(threads), out.host());
}

// case: source_reused_before_read: used in flight
// The store reads its stage until wait_group.read says that it has.
template <bool mistake> __global__ void source_reused_before_read(float *out) {
    __shared__ alignas(16) float stage[threads];
    for (int tile = 0; tile < 2; tile++) {
        stage[threadIdx.x] = 100 * tile + threadIdx.x; // caught: source_reused_before_read
        fence_proxy_async_shared();
        __syncthreads();
        if (threadIdx.x == 0) {
            bulk_store(out + tile * threads, stage, stage_bytes); // caught: source_reused_before_read
            bulk_commit();
            bulk_wait_read<mistake ? 1 : 0>();
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) bulk_wait_read<0>();
}
CASE(source_reused_before_read) {
    Buffer<float> out(2 * threads);
    LAUNCH(source_reused_before_read, ({1, threads}), out.device());
    if (!mistake) expect_equal("out", 127, 163, static_cast<uint64_t>(out.host()[127]));
}

// case: ends_before_read: ends
// Shared memory must live until the copy out of it has been read.
template <bool mistake> __global__ void ends_before_read(float *out) {
    __shared__ alignas(16) float stage[threads];
    stage[threadIdx.x] = threadIdx.x;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        bulk_store(out, stage, stage_bytes);
        bulk_commit();
        if (!mistake) bulk_wait_read<0>();
    }
}
CASE(ends_before_read) {
    Buffer<float> out(threads);
    LAUNCH(ends_before_read, ({1, threads}), out.device());
    if (!mistake) expect_bytes("out", counting<float>(threads), out.host());
}

// case: result_read_after_source_was: used in flight
// wait_group.read says that the source has been read, wait_group that the result is there.
template <bool mistake> __global__ void result_read_after_source_was(float *scratch, float *out) {
    __shared__ alignas(16) float stage[threads];
    stage[threadIdx.x] = threadIdx.x;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        bulk_store(scratch, stage, stage_bytes); // caught: result_read_after_source_was
        bulk_commit();
        if (mistake)
            bulk_wait_read<0>();
        else
            bulk_wait<0>();
    }
    __syncthreads();
    out[threadIdx.x] = scratch[threads - 1 - threadIdx.x]; // caught: result_read_after_source_was
}
CASE(result_read_after_source_was) {
    Buffer<float> out(threads);
    LAUNCH(result_read_after_source_was, ({1, threads}), allocate<float>(threads), out.device());
    if (!mistake) expect_equal("out", 0, 63, static_cast<uint64_t>(out.host()[0]));
}

// case: cleared_without_proxy_fence: race ... no fence.proxy.async
// A stage is cleared by ordinary stores, and the load that follows may be overtaken by them.
template <bool mistake> __global__ void cleared_without_proxy_fence(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    stage[threadIdx.x] = 0; // caught: cleared_without_proxy_fence
    if (!mistake) fence_proxy_async_shared();
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, stage_bytes / 2);
        bulk_load(stage, in, stage_bytes / 2, &bar); // caught: cleared_without_proxy_fence
    }
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = stage[threadIdx.x];
}
CASE(cleared_without_proxy_fence) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(cleared_without_proxy_fence, ({1, threads}), in.device(), out.device());
    if (!mistake) expect_equal("out", 31, 31, static_cast<uint64_t>(out.host()[31]));
}

// case: global_source_without_proxy_fence: race ... no fence.proxy.async
// The same in global memory: written by the block, then loaded by a bulk copy.
template <bool mistake> __global__ void global_source_without_proxy_fence(float *scratch, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    scratch[threadIdx.x] = threadIdx.x; // caught: global_source_without_proxy_fence
    if (!mistake) fence_proxy_async_global();
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, stage_bytes);
        bulk_load(stage, scratch, stage_bytes, &bar); // caught: global_source_without_proxy_fence
    }
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = stage[threadIdx.x];
}
CASE(global_source_without_proxy_fence) {
    Buffer<float> out(threads);
    LAUNCH(global_source_without_proxy_fence, ({1, threads}), allocate<float>(threads), out.device());
    if (!mistake) expect_bytes("out", counting<float>(threads), out.host());
}

// case: bulk_misaligned: misaligned address
template <bool mistake> __global__ void bulk_misaligned(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads + 4];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, stage_bytes);
        bulk_load(stage + (mistake ? 2 : 4), in, stage_bytes, &bar); // caught: bulk_misaligned
    }
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = stage[4 + threadIdx.x];
}
CASE(bulk_misaligned) {
    Buffer<float> in(counting<float>(threads)), out(threads);
    LAUNCH(bulk_misaligned, ({1, threads}), in.device(), out.device());
    expect_bytes("out", in.host(), out.host());
}

// case: bulk_past_source_end: out of bounds
template <bool mistake> __global__ void bulk_past_source_end(const float *in, float *out, int n) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    const unsigned bytes = mistake ? stage_bytes : n * sizeof(float);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, bytes);
        bulk_load(stage, in, bytes, &bar); // caught: bulk_past_source_end
    }
    mbarrier_wait_parity(&bar, 0);
    if (threadIdx.x < n) out[threadIdx.x] = stage[threadIdx.x];
}
CASE(bulk_past_source_end) {
    Buffer<float> in(counting<float>(40)), out(40);
    LAUNCH(bulk_past_source_end, ({1, threads}), in.device(), out.device(), 40);
    expect_bytes("out", in.host(), out.host());
}

// case: multicast_to_one_block: deadlock ... mbarrier
// Each block loads one half for both; the mask names only the block that loads.
template <bool mistake> __global__ void multicast_to_one_block(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) mbarrier_arrive_expect_tx(&bar, stage_bytes);
    cluster_sync();
    const unsigned rank = cluster_rank(), half = threads / 2 * rank;
    const uint16_t mask = static_cast<uint16_t>(mistake ? 1u << rank : 3u);
    if (threadIdx.x == 0) bulk_load_multicast(stage + half, in + half, stage_bytes / 2, &bar, mask);
    mbarrier_wait_parity(&bar, 0);
    out[threads * rank + threadIdx.x] = stage[threadIdx.x];
    cluster_sync();
}
CASE(multicast_to_one_block) {
    Buffer<float> in(counting<float>(threads)), out(2 * threads);
    LAUNCH(multicast_to_one_block, ({2, threads, 0, 2}), in.device(), out.device());
    if (!mistake) expect_equal("out", 127, 63, static_cast<uint64_t>(out.host()[127]));
}

// case: multicast_outside_the_cluster: mask
template <bool mistake> __global__ void multicast_outside_the_cluster(const float *in, float *out) {
    __shared__ alignas(16) float stage[threads];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) mbarrier_arrive_expect_tx(&bar, stage_bytes);
    cluster_sync();
    if (threadIdx.x == 0 && cluster_rank() == 0)
        bulk_load_multicast(stage, in, stage_bytes, &bar, mistake ? 7 : 3); // caught: multicast_outside_the_cluster
    mbarrier_wait_parity(&bar, 0);
    out[threads * cluster_rank() + threadIdx.x] = stage[threadIdx.x];
    cluster_sync();
}
CASE(multicast_outside_the_cluster) {
    Buffer<float> in(counting<float>(threads)), out(2 * threads);
    LAUNCH(multicast_outside_the_cluster, ({2, threads, 0, 2}), in.device(), out.device());
    if (!mistake) expect_equal("out", 127, 63, static_cast<uint64_t>(out.host()[127]));
}

// case: sum_read_before_wait: used in flight
// Bulk reductions are atomic with each other; a plain read of the sum waits for them.
template <bool mistake> __global__ void sum_read_before_wait(float *sum, float *out) {
    __shared__ alignas(16) float stage[threads];
    stage[threadIdx.x] = 1;
    fence_proxy_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        bulk_reduce_add(sum, stage, stage_bytes); // caught: sum_read_before_wait
        bulk_commit();
        if (!mistake) bulk_wait<0>();
    }
    __syncthreads();
    if (gridDim.x == 1) out[threadIdx.x] = sum[threadIdx.x]; // caught: sum_read_before_wait
    if (mistake && threadIdx.x == 0) bulk_wait<0>();
}
CASE(sum_read_before_wait) {
    Buffer<float> sum(threads), out(threads);
    LAUNCH(sum_read_before_wait, ({4, threads}), sum.device(), out.device());
    expect_all("sum", 4.0f, sum.host());
    LAUNCH(sum_read_before_wait, ({1, threads}), sum.device(), out.device());
    if (!mistake) expect_all("out", 5.0f, out.host());
}
