// Barriers in shared memory: counts, phases, who waits for which, and when one may be used at all.
// arch: 90
#include "../../common/ptx/async_copy.cuh"
#include "../../common/ptx/bulk.cuh"
#include "../../common/ptx/cluster.cuh"
#include "../../common/ptx/mbarrier.cuh"
#include "../../common/ptx/proxy.cuh"

#include "cases.cuh"

__device__ inline void init_for_block(uint64_t *bar, unsigned count) {
    if (threadIdx.x == 0) {
        mbarrier_init(bar, count);
        fence_mbarrier_init();
    }
    __syncthreads();
}

// case: arrivals_too_few: race
// Two warps write, the third reads what they wrote. The count lets it go on before the last of them has arrived.
template <bool mistake> __global__ void arrivals_too_few(int *out) {
    __shared__ int values[64];
    __shared__ uint64_t bar;
    init_for_block(&bar, mistake ? 40 : 64);
    if (threadIdx.x < 64) {
        values[threadIdx.x] = threadIdx.x; // caught: arrivals_too_few
        mbarrier_arrive(&bar);
    } else {
        mbarrier_wait_parity(&bar, 0);
        const int i = threadIdx.x - 64;
        out[i] = values[i] + values[63 - i]; // caught: arrivals_too_few
    }
}
CASE(arrivals_too_few) {
    Buffer<int> out(32);
    LAUNCH(arrivals_too_few, ({1, 96}), out.device());
    if (!mistake) expect_all("out", 63, out.host());
}

// case: arrives_twice: race
// One thread's second arrival stands for that of another, which has not come yet.
template <bool mistake> __global__ void arrives_twice(int *out) {
    __shared__ int values[64];
    __shared__ uint64_t bar;
    init_for_block(&bar, 64);
    if (threadIdx.x < 64) {
        values[threadIdx.x] = threadIdx.x; // caught: arrives_twice
        mbarrier_arrive(&bar);
        if (mistake && threadIdx.x % 32 == 7) mbarrier_arrive(&bar);
    } else {
        mbarrier_wait_parity(&bar, 0);
        const int i = threadIdx.x - 64;
        out[i] = values[i] + values[63 - i]; // caught: arrives_twice
    }
}
CASE(arrives_twice) {
    Buffer<int> out(32);
    LAUNCH(arrives_twice, ({1, 96}), out.device());
    if (!mistake) expect_all("out", 63, out.host());
}

// case: arrivals_too_many_expected: deadlock ... mbarrier
template <bool mistake> __global__ void arrivals_too_many_expected(int *out) {
    __shared__ uint64_t bar;
    init_for_block(&bar, mistake ? 65 : 64);
    mbarrier_wait(&bar, mbarrier_arrive(&bar));
    out[threadIdx.x] = 1;
}
CASE(arrivals_too_many_expected) {
    Buffer<int> out(64);
    LAUNCH(arrivals_too_many_expected, ({1, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: more_arrivals_than_pending: mbarrier.arrive
template <bool mistake> __global__ void more_arrivals_than_pending(int *out) {
    __shared__ uint64_t bar;
    init_for_block(&bar, 64);
    if (threadIdx.x == 0) mbarrier_arrive(&bar, mistake ? 65 : 64); // caught: more_arrivals_than_pending
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = 1;
}
CASE(more_arrivals_than_pending) {
    Buffer<int> out(64);
    LAUNCH(more_arrivals_than_pending, ({1, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: parity_of_the_phase_before: race | deadlock ... mbarrier
// On a new barrier the phase before the first counts as complete, with parity 1: this wait waits for nothing.
template <bool mistake> __global__ void parity_of_the_phase_before(int *out) {
    __shared__ int value;
    __shared__ uint64_t bar;
    if (threadIdx.x == 0) value = 0;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        value = 3;
        mbarrier_arrive(&bar);
    } else if (threadIdx.x >= 32) {
        if (mistake) mbarrier_wait_parity(&bar, 1);
        if (!mistake) mbarrier_wait_parity(&bar, 0);
        out[threadIdx.x - 32] = value;
    }
}
CASE(parity_of_the_phase_before) {
    Buffer<int> out(32);
    LAUNCH(parity_of_the_phase_before, ({1, 64}), out.device());
    if (!mistake) expect_all("out", 3, out.host());
}

// case: parity_never_flips: race | deadlock ... mbarrier
// A ring of one stage with a full and an empty barrier: the parity changes each time round.
template <bool mistake> __global__ void parity_never_flips(int *out, int rounds) {
    __shared__ int stage[32];
    __shared__ uint64_t full, empty;
    init_for_block(&full, 32);
    init_for_block(&empty, 32);
    const int lane = threadIdx.x % 32;
    int sum = 0;
    for (int i = 0; i < rounds; i++) {
        if (threadIdx.x < 32) {
            mbarrier_wait_parity(&empty, (i + 1) % 2);
            stage[lane] = i;
            mbarrier_arrive(&full);
        } else {
            mbarrier_wait_parity(&full, mistake ? 0 : i % 2);
            sum += stage[31 - lane];
            mbarrier_arrive(&empty);
        }
    }
    if (threadIdx.x >= 32) out[lane] = sum;
}
CASE(parity_never_flips) {
    Buffer<int> out(32);
    LAUNCH(parity_never_flips, ({1, 64}), out.device(), mistake ? 2 : 5);
    if (!mistake) expect_all("out", 10, out.host());
}

// case: empty_is_never_signaled: deadlock ... mbarrier
template <bool mistake> __global__ void empty_is_never_signaled(int *out) {
    __shared__ int stage[32];
    __shared__ uint64_t full, empty;
    init_for_block(&full, 32);
    init_for_block(&empty, 32);
    const int lane = threadIdx.x % 32;
    for (int i = 0; i < 3; i++) {
        if (threadIdx.x < 32) {
            mbarrier_wait_parity(&empty, (i + 1) % 2);
            stage[lane] = i;
            mbarrier_arrive(&full);
        } else {
            mbarrier_wait_parity(&full, i % 2);
            out[lane] = stage[31 - lane];
            if (!mistake) mbarrier_arrive(&empty);
        }
    }
}
CASE(empty_is_never_signaled) {
    Buffer<int> out(32);
    LAUNCH(empty_is_never_signaled, ({1, 64}), out.device());
    expect_all("out", 2, out.host());
}

// case: used_before_init: mbarrier
// Nothing holds the other threads back until thread 0 has made the barrier.
template <bool mistake> __global__ void used_before_init(int *out) {
    __shared__ uint64_t bar;
    if (threadIdx.x == 63) mbarrier_init(&bar, 64);
    if (!mistake) __syncthreads();
    mbarrier_wait(&bar, mbarrier_arrive(&bar)); // caught: used_before_init
    out[threadIdx.x] = 1;
}
CASE(used_before_init) {
    Buffer<int> out(64);
    LAUNCH(used_before_init, ({1, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: never_initialized: mbarrier
template <bool mistake> __global__ void never_initialized(int *out) {
    __shared__ uint64_t bars[2];
    init_for_block(&bars[0], 32);
    if (!mistake) init_for_block(&bars[1], 32);
    mbarrier_wait(&bars[1], mbarrier_arrive(&bars[1])); // caught: never_initialized
    out[threadIdx.x] = 1;
}
CASE(never_initialized) {
    Buffer<int> out(32);
    LAUNCH(never_initialized, ({1, 32}), out.device());
    expect_all("out", 1, out.host());
}

// case: initialized_again: mbarrier.init
template <bool mistake> __global__ void initialized_again(int *out) {
    __shared__ uint64_t bar;
    for (int tile = 0; tile < 2; tile++) {
        if (threadIdx.x == 0) {
            if (!mistake && tile > 0) mbarrier_inval(&bar);
            mbarrier_init(&bar, 32); // caught: initialized_again
        }
        __syncthreads();
        mbarrier_wait(&bar, mbarrier_arrive(&bar));
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}
CASE(initialized_again) {
    Buffer<int> out(32);
    LAUNCH(initialized_again, ({1, 32}), out.device());
    expect_all("out", 1, out.host());
}

// case: overwritten_by_data: mbarrier
// The barrier's place is part of the stage.
template <bool mistake> __global__ void overwritten_by_data(int *out) {
    __shared__ alignas(16) int stage[36];
    uint64_t *bar = reinterpret_cast<uint64_t *>(&stage[mistake ? 30 : 32]);
    init_for_block(bar, 32);
    stage[threadIdx.x] = threadIdx.x;
    __syncthreads();
    mbarrier_wait(bar, mbarrier_arrive(bar)); // caught: overwritten_by_data
    out[threadIdx.x] = stage[threadIdx.x];
}
CASE(overwritten_by_data) {
    Buffer<int> out(32);
    LAUNCH(overwritten_by_data, ({1, 32}), out.device());
    expect_bytes("out", counting<int>(32), out.host());
}

// case: mbarrier_misaligned: misaligned address
template <bool mistake> __global__ void mbarrier_misaligned(int *out) {
    __shared__ alignas(8) uint32_t words[4];
    uint64_t *bar = reinterpret_cast<uint64_t *>(&words[mistake ? 1 : 2]);
    if (threadIdx.x == 0) mbarrier_init(bar, 32); // caught: mbarrier_misaligned
    __syncthreads();
    mbarrier_wait(bar, mbarrier_arrive(bar));
    out[threadIdx.x] = 1;
}
CASE(mbarrier_misaligned) {
    Buffer<int> out(32);
    LAUNCH(mbarrier_misaligned, ({1, 32}), out.device());
    expect_all("out", 1, out.host());
}

// case: arrives_before_its_copies: used in flight
// cp.async.mbarrier.arrive counts when the thread's copies are there, mbarrier.arrive at once.
template <bool mistake> __global__ void arrives_before_its_copies(const float4 *in, float *out) {
    __shared__ float4 stage[32];
    __shared__ uint64_t bar;
    init_for_block(&bar, 32);
    if (threadIdx.x < 32) {
        async_copy_cg(&stage[threadIdx.x], &in[threadIdx.x]); // caught: arrives_before_its_copies
        if (mistake)
            mbarrier_arrive(&bar);
        else
            async_mbarrier_arrive_noinc(&bar);
    } else {
        mbarrier_wait_parity(&bar, 0);
        out[threadIdx.x - 32] = stage[63 - threadIdx.x].x; // caught: arrives_before_its_copies
    }
}
CASE(arrives_before_its_copies) {
    Buffer<float> in(counting<float>(128)), out(32);
    LAUNCH(arrives_before_its_copies, ({1, 64}), reinterpret_cast<float4 *>(in.device()), out.device());
    if (!mistake) expect_equal("out", 0, 124, static_cast<uint64_t>(out.host()[0]));
}

// case: bytes_never_expected: mbarrier
// Thread 0 arrives without saying that bytes come: the phase doesn't wait for them.
template <bool mistake> __global__ void bytes_never_expected(const float *in, float *out) {
    __shared__ alignas(16) float stage[64];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        if (mistake)
            mbarrier_arrive(&bar);
        else
            mbarrier_arrive_expect_tx(&bar, sizeof stage);
        bulk_load(stage, in, sizeof stage, &bar);
    }
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = stage[threadIdx.x];
}
CASE(bytes_never_expected) {
    Buffer<float> in(counting<float>(64)), out(64);
    LAUNCH(bytes_never_expected, ({1, 64}), in.device(), out.device());
    expect_bytes("out", in.host(), out.host());
}

// case: more_bytes_expected_than_come: deadlock ... mbarrier
// Two loads are expected, and the second is not started for the last tile.
template <bool mistake> __global__ void more_bytes_expected_than_come(const float *in, float *out) {
    __shared__ alignas(16) float stage[64];
    __shared__ uint64_t bar;
    init_for_block(&bar, 1);
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect_tx(&bar, sizeof stage);
        bulk_load(stage, in, mistake ? sizeof stage / 2 : sizeof stage, &bar);
    }
    mbarrier_wait_parity(&bar, 0);
    out[threadIdx.x] = stage[threadIdx.x];
}
CASE(more_bytes_expected_than_come) {
    Buffer<float> in(counting<float>(64)), out(64);
    LAUNCH(more_bytes_expected_than_come, ({1, 64}), in.device(), out.device());
    expect_bytes("out", in.host(), out.host());
}

// case: remote_arrive_before_the_store: race
// Block 0 hands values to block 1: through its shared memory, and then its barrier.
template <bool mistake> __global__ void remote_arrive_before_the_store(int *out) {
    __shared__ int inbox[32];
    __shared__ uint64_t bar;
    init_for_block(&bar, 32);
    cluster_sync();
    if (cluster_rank() == 0) {
        if (mistake) mbarrier_arrive_cluster(&bar, 1);
        *map_shared(&inbox[threadIdx.x], 1) = threadIdx.x; // caught: remote_arrive_before_the_store
        if (!mistake) mbarrier_arrive_cluster(&bar, 1);
    } else {
        mbarrier_wait_parity_cluster(&bar, 0);
        out[threadIdx.x] = inbox[31 - threadIdx.x]; // caught: remote_arrive_before_the_store
    }
    cluster_sync();
}
CASE(remote_arrive_before_the_store) {
    Buffer<int> out(32);
    LAUNCH(remote_arrive_before_the_store, ({2, 32, 0, 2}), out.device());
    if (!mistake) expect_equal("out", 0, 31, out.host()[0]);
}

// case: remote_init_not_awaited: mbarrier
// The neighbor's barrier exists when the neighbor has made it, which __syncthreads here doesn't tell.
template <bool mistake> __global__ void remote_init_not_awaited(int *out) {
    __shared__ uint64_t bar;
    if (mistake && cluster_rank() == 1) cluster_sync();
    init_for_block(&bar, 32);
    if (!mistake || cluster_rank() == 0) cluster_sync();
    mbarrier_arrive_cluster(&bar, cluster_rank() ^ 1); // caught: remote_init_not_awaited
    mbarrier_wait_parity_cluster(&bar, 0);
    out[32 * blockIdx.x + threadIdx.x] = 1;
    cluster_sync();
}
CASE(remote_init_not_awaited) {
    Buffer<int> out(64);
    LAUNCH(remote_init_not_awaited, ({2, 32, 0, 2}), out.device());
    expect_all("out", 1, out.host());
}
