// Races between blocks. Where one block waits for another, both are resident, or the one that is waited for took the earlier ticket.
#include "../../common/ptx/fence.cuh"
#include <cooperative_groups.h>
#include <cuda/atomic>

#include "cases.cuh"

namespace cg = cooperative_groups;

// case: sum_without_atomics: race
template <bool mistake> __global__ void sum_without_atomics(int *sum) {
    if (threadIdx.x != 0) return;
    if (mistake)
        *sum += 1; // caught: sum_without_atomics
    else
        atomicAdd(sum, 1);
}
CASE(sum_without_atomics) {
    Buffer<int> sum(1);
    LAUNCH(sum_without_atomics, ({4, 32}), sum.device());
    if (!mistake) expect_all("sum", 4, sum.host());
}

// case: stencil_in_place: race
// A block reads the last element of the block before, which that one overwrites.
template <bool mistake> __global__ void stencil_in_place(const int *in, int *out) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    const int left = i > 0 ? in[i - 1] : 0; // caught: stencil_in_place
    __syncthreads();
    out[i] = left; // caught: stencil_in_place
}
CASE(stencil_in_place) {
    Buffer<int> in(counting<int>(128)), out(128);
    LAUNCH(stencil_in_place, ({2, 64}), in.device(), mistake ? in.device() : out.device());
    if (!mistake) expect_equal("out", 127, 126, out.host()[127]);
}

// case: last_block_without_fence: race
// The block that finishes last adds up what all have written, after a fence on both sides of the counter.
template <bool mistake> __global__ void last_block_without_fence(int *partial, unsigned *finished, int *out) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = blockIdx.x + 1; // caught: last_block_without_fence
        if (!mistake) __threadfence();
        last = atomicInc(finished, gridDim.x - 1) == gridDim.x - 1;
        if (!mistake) __threadfence();
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        int sum = 0;
        for (unsigned i = 0; i < gridDim.x; i++) sum += partial[i]; // caught: last_block_without_fence
        *out = sum;
    }
}
CASE(last_block_without_fence) {
    Buffer<unsigned> finished(1);
    Buffer<int> out(1);
    LAUNCH(last_block_without_fence, ({8, 64}), allocate<int>(8), finished.device(), out.device());
    if (!mistake) expect_all("out", 36, out.host());
}

// case: counted_before_all_have_stored: race
// Thread 0 counts the block as finished before the others of its block have stored.
template <bool mistake> __global__ void counted_before_all_have_stored(int *partial, unsigned *finished, int *out) {
    __shared__ bool last;
    partial[blockIdx.x * blockDim.x + threadIdx.x] = 1; // caught: counted_before_all_have_stored
    if (!mistake) __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        last = atomicAdd(finished, 1) == gridDim.x - 1;
        __threadfence();
    }
    __syncthreads();
    if (!last || threadIdx.x != 0) return;
    int sum = 0;
    for (unsigned i = 0; i < gridDim.x * blockDim.x; i++) sum += partial[i]; // caught: counted_before_all_have_stored
    *out = sum;
}
CASE(counted_before_all_have_stored) {
    Buffer<unsigned> finished(1);
    Buffer<int> out(1);
    LAUNCH(counted_before_all_have_stored, ({4, 64}), allocate<int>(256), finished.device(), out.device());
    if (!mistake) expect_all("out", 256, out.host());
}

// case: stored_by_all_without_fences: race
// All threads store, each with a fence of its own, and behind the barrier one of them counts for all.
template <bool mistake> __global__ void stored_by_all_without_fences(int *partial, unsigned *finished, int *out) {
    __shared__ bool last;
    partial[blockIdx.x * blockDim.x + threadIdx.x] = 1; // caught: stored_by_all_without_fences
    if (!mistake) __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) last = atomicAdd(finished, 1) == gridDim.x - 1;
    __syncthreads();
    if (!last) return;
    __threadfence();
    int sum = 0;
    for (unsigned i = 0; i < gridDim.x; i++) sum += partial[i * blockDim.x + threadIdx.x]; // caught: stored_by_all_without_fences
    atomicAdd(out, sum);
}
CASE(stored_by_all_without_fences) {
    Buffer<unsigned> finished(1);
    Buffer<int> out(1);
    LAUNCH(stored_by_all_without_fences, ({4, 64}), allocate<int>(256), finished.device(), out.device());
    if (!mistake) expect_all("out", 256, out.host());
}

// case: lock_without_fences: race
// The lock's atomics are relaxed: without fences they don't order what it protects.
template <bool mistake> __global__ void lock_without_fences(int *lock, int *count) {
    if (threadIdx.x % 32 != 0) return;
    while (atomicCAS(lock, 0, 1) != 0) {
    }
    if (!mistake) __threadfence();
    *count += 1; // caught: lock_without_fences
    if (!mistake) __threadfence();
    atomicExch(lock, 0);
}
CASE(lock_without_fences) {
    Buffer<int> lock(1), count(1);
    LAUNCH(lock_without_fences, ({3, 64}), lock.device(), count.device());
    if (!mistake) expect_all("count", 6, count.host());
}

// case: lock_released_by_plain_store: race
template <bool mistake> __global__ void lock_released_by_plain_store(int *lock, int *count) {
    if (threadIdx.x != 0) return;
    while (atomicCAS(lock, 0, 1) != 0) { // caught: lock_released_by_plain_store
    }
    __threadfence();
    *count += 1;
    __threadfence();
    if (mistake)
        *lock = 0; // caught: lock_released_by_plain_store
    else
        atomicExch(lock, 0);
}
CASE(lock_released_by_plain_store) {
    Buffer<int> lock(1), count(1);
    LAUNCH(lock_released_by_plain_store, ({3, 32}), lock.device(), count.device());
    if (!mistake) expect_all("count", 3, count.host());
}

// case: flag_without_release: race
// One block hands data to the other: written, then a flag with release; the flag read with acquire, then the data.
template <bool mistake> __global__ void flag_without_release(int *data, uint32_t *flag, int *out) {
    if (blockIdx.x == 0) {
        data[threadIdx.x] = threadIdx.x; // caught: flag_without_release
        __syncthreads();
        if (threadIdx.x == 0) {
            if (mistake)
                atomicExch(flag, 1u);
            else
                store_release(flag, 1u);
        }
    } else {
        if (threadIdx.x == 0)
            while (load_acquire(flag) == 0) {
            }
        __syncthreads();
        out[threadIdx.x] = data[threadIdx.x]; // caught: flag_without_release
    }
}
CASE(flag_without_release) {
    Buffer<uint32_t> flag(1);
    Buffer<int> data(64), out(64);
    LAUNCH(flag_without_release, ({2, 64, 0, 1, true}), data.device(), flag.device(), out.device());
    if (!mistake) expect_bytes("out", counting<int>(64), out.host());
}

// case: flag_without_acquire: race
template <bool mistake> __global__ void flag_without_acquire(int *data, uint32_t *flag, int *out) {
    if (blockIdx.x == 0) {
        if (threadIdx.x == 0) *data = 5; // caught: flag_without_acquire
        if (threadIdx.x == 0) store_release(flag, 1u);
    } else if (threadIdx.x == 0) {
        while ((mistake ? atomicAdd(flag, 0u) : load_acquire(flag)) == 0) {
        }
        *out = *data; // caught: flag_without_acquire
    }
}
CASE(flag_without_acquire) {
    Buffer<uint32_t> flag(1);
    Buffer<int> data(1), out(1);
    LAUNCH(flag_without_acquire, ({2, 32, 0, 1, true}), data.device(), flag.device(), out.device());
    if (!mistake) expect_all("out", 5, out.host());
}

// case: volatile_flag_without_fence: race
// A volatile flag and fences are an older way to say the same.
template <bool mistake> __global__ void volatile_flag_without_fence(int *data, volatile int *flag, int *out) {
    if (threadIdx.x != 0) return;
    if (blockIdx.x == 0) {
        *data = 5; // caught: volatile_flag_without_fence
        if (!mistake) __threadfence();
        *flag = 1;
    } else {
        while (*flag == 0) __nanosleep(20);
        if (!mistake) __threadfence();
        *out = *data; // caught: volatile_flag_without_fence
    }
}
CASE(volatile_flag_without_fence) {
    Buffer<int> data(1), flag(1), out(1);
    LAUNCH(volatile_flag_without_fence, ({2, 32, 0, 1, true}), data.device(), flag.device(), out.device());
    if (!mistake) expect_all("out", 5, out.host());
}

// case: relaxed_cuda_atomic: race
template <bool mistake> __global__ void relaxed_cuda_atomic(int *data, int *flag, int *out) {
    if (threadIdx.x != 0) return;
    cuda::atomic_ref<int, cuda::thread_scope_device> ready(*flag);
    if (blockIdx.x == 0) {
        *data = 5; // caught: relaxed_cuda_atomic
        ready.store(1, mistake ? cuda::memory_order_relaxed : cuda::memory_order_release);
    } else {
        while (ready.load(cuda::memory_order_acquire) == 0) {
        }
        *out = *data; // caught: relaxed_cuda_atomic
    }
}
CASE(relaxed_cuda_atomic) {
    Buffer<int> data(1), flag(1), out(1);
    LAUNCH(relaxed_cuda_atomic, ({2, 32, 0, 1, true}), data.device(), flag.device(), out.device());
    if (!mistake) expect_all("out", 5, out.host());
}

// case: look_back_without_fence: race
// A scan over the blocks' sums: each block publishes its own, then looks back at those before it, in the order of tickets.
template <bool mistake> __global__ void look_back_without_fence(unsigned *ticket, int *sums, uint32_t *states, int *out) {
    if (threadIdx.x != 0) return;
    const unsigned tile = atomicAdd(ticket, 1u);
    sums[tile] = tile + 1; // caught: look_back_without_fence
    if (!mistake) __threadfence();
    atomicExch(&states[tile], 1u);
    int before = 0;
    for (unsigned other = 0; other < tile; other++) {
        while (atomicAdd(&states[other], 0u) == 0) {
        }
        if (!mistake) __threadfence();
        before += sums[other]; // caught: look_back_without_fence
    }
    out[tile] = before;
}
CASE(look_back_without_fence) {
    Buffer<unsigned> ticket(1);
    Buffer<uint32_t> states(6);
    Buffer<int> out(6);
    LAUNCH(look_back_without_fence, ({6, 32}), ticket.device(), allocate<int>(6), states.device(), out.device());
    if (!mistake) expect_bytes("out", {0, 1, 3, 6, 10, 15}, out.host());
}

// case: grid_phases_without_grid_sync: race
// __syncthreads is for one block. Between phases of the whole grid there must be a barrier of the grid.
template <bool mistake> __global__ void grid_phases_without_grid_sync(int *data, int *out) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;
    for (int phase = 0; phase < 2; phase++) {
        data[i] = i + phase; // caught: grid_phases_without_grid_sync
        if (mistake)
            __syncthreads();
        else
            cg::this_grid().sync();
        out[i] = data[n - 1 - i]; // caught: grid_phases_without_grid_sync
        cg::this_grid().sync();
    }
}
CASE(grid_phases_without_grid_sync) {
    Buffer<int> data(96), out(96);
    LAUNCH(grid_phases_without_grid_sync, ({3, 32, 0, 1, true}), data.device(), out.device());
    if (!mistake) expect_equal("out", 0, 96, out.host()[0]);
}

// case: counter_read_plainly: race
template <bool mistake> __global__ void counter_read_plainly(unsigned *counter, unsigned *out) {
    if (threadIdx.x != 0) return;
    atomicAdd(counter, 1u); // caught: counter_read_plainly
    if (mistake)
        out[blockIdx.x] = *counter; // caught: counter_read_plainly
    else
        out[blockIdx.x] = atomicAdd(counter, 0u);
}
CASE(counter_read_plainly) {
    Buffer<unsigned> counter(1), out(4);
    LAUNCH(counter_read_plainly, ({4, 32}), counter.device(), out.device());
    if (!mistake) expect_all("counter", 4u, counter.host());
}
