// Barriers of a block that not all threads reach, or that different threads mean differently; and threads that wait forever.
#include "../../common/ptx/barrier.cuh"
#include "../../common/ptx/fence.cuh"
#include <cooperative_groups.h>

#include "cases.cuh"

namespace cg = cooperative_groups;

// case: divergent_syncthreads: barrier
// The condition holds for some threads, the others go on to their end.
template <bool mistake> __global__ void divergent_syncthreads(int *out) {
    __shared__ int values[64];
    values[threadIdx.x] = threadIdx.x;
    if (!mistake) __syncthreads();
    if (threadIdx.x < 40) {
        if (mistake) __syncthreads(); // caught: divergent_syncthreads
        out[threadIdx.x] = values[39 - threadIdx.x];
    }
}
CASE(divergent_syncthreads) {
    Buffer<int> out(40);
    LAUNCH(divergent_syncthreads, ({1, 64}), out.device());
    expect_equal("out", 0, 39, out.host()[0]);
}

// case: exits_before_the_barrier: barrier
// The bounds check in front of a barrier: threads of the last block are gone before it.
template <bool mistake> __global__ void exits_before_the_barrier(const int *in, int *out, int n) {
    __shared__ int tile[64];
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (mistake && i >= n) return;
    if (i < n) tile[threadIdx.x] = in[i];
    __syncthreads(); // caught: exits_before_the_barrier
    const int from = blockIdx.x * blockDim.x + 63 - threadIdx.x;
    if (from < n) out[from] = tile[63 - threadIdx.x];
}
CASE(exits_before_the_barrier) {
    Buffer<int> in(counting<int>(100)), out(100);
    LAUNCH(exits_before_the_barrier, ({2, 64}), in.device(), out.device(), 100);
    if (!mistake) expect_bytes("out", counting<int>(100), out.host());
}

// case: different_loop_counts: barrier
// Each thread loops over its own rows, with a barrier in the loop.
template <bool mistake> __global__ void different_loop_counts(int *out, int rows) {
    __shared__ int tile[64];
    for (int row = threadIdx.x / 32; mistake ? row < rows : row < rows + 1; row += 2) {
        tile[threadIdx.x] = row;
        __syncthreads(); // caught: different_loop_counts
        if (row < rows) out[row * 32 + threadIdx.x % 32] = tile[threadIdx.x ^ 1];
        __syncthreads();
    }
}
CASE(different_loop_counts) {
    Buffer<int> out(3 * 32);
    LAUNCH(different_loop_counts, ({1, 64}), out.device(), 3);
    expect_equal("out", 95, 2, out.host()[95]);
}

// case: count_differs: where others wait in bar.sync for
template <bool mistake> __global__ void count_differs(int *out) {
    __shared__ int values[96];
    values[threadIdx.x] = threadIdx.x;
    barrier_sync(1, mistake && threadIdx.x < 32 ? 64 : 96);
    out[threadIdx.x] = values[95 - threadIdx.x];
}
CASE(count_differs) {
    Buffer<int> out(96);
    LAUNCH(count_differs, ({1, 96}), out.device());
    expect_equal("out", 0, 95, out.host()[0]);
}

// case: count_is_no_multiple_of_32: expected a multiple of 32
template <bool mistake> __global__ void count_is_no_multiple_of_32(int *out) {
    barrier_sync(1, mistake ? 48 : 64); // caught: count_is_no_multiple_of_32
    out[threadIdx.x] = 1;
}
CASE(count_is_no_multiple_of_32) {
    Buffer<int> out(64);
    LAUNCH(count_is_no_multiple_of_32, ({1, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: sixteenth_barrier: barrier 16
template <bool mistake> __global__ void sixteenth_barrier(int *out) {
    const unsigned id = 1 + blockIdx.x;
    barrier_sync(mistake ? 4 * id : id, 64); // caught: sixteenth_barrier
    out[64 * blockIdx.x + threadIdx.x] = 1;
}
CASE(sixteenth_barrier) {
    Buffer<int> out(4 * 64);
    LAUNCH(sixteenth_barrier, ({4, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: count_too_high: deadlock ... bar.sync: 64 of 96 threads are at barrier 1
template <bool mistake> __global__ void count_too_high(int *out) {
    if (threadIdx.x < 64) barrier_sync(1, mistake ? 96 : 64);
    __syncthreads();
    out[threadIdx.x] = 1;
}
CASE(count_too_high) {
    Buffer<int> out(96);
    LAUNCH(count_too_high, ({1, 96}), out.device());
    expect_all("out", 1, out.host());
}

// case: two_meanings_of_one_id: deadlock ... bar.sync: 32 of 64 threads are at barrier 1
// The first warp's arrival and the third's complete the barrier between themselves, and the second waits for both in vain.
template <bool mistake> __global__ void two_meanings_of_one_id(int *out) {
    __shared__ int values[2];
    const int warp = threadIdx.x / 32;
    const unsigned second = mistake ? 1 : 2;
    if (warp != 1) {
        if (threadIdx.x % 32 == 0) values[warp / 2] = warp;
        barrier_arrive(warp == 0 ? 1 : second, 64);
    }
    __syncthreads();
    if (warp == 1) {
        barrier_sync(1, 64);
        barrier_sync(second, 64);
        out[threadIdx.x % 32] = values[0] + values[1];
    }
}
CASE(two_meanings_of_one_id) {
    Buffer<int> out(32);
    LAUNCH(two_meanings_of_one_id, ({1, 96}), out.device());
    expect_all("out", 2, out.host());
}

// case: crossing_barriers: deadlock ... bar.sync: 32 of 64 threads are at barrier 1 ... bar.sync: 32 of 64 threads are at barrier 2
template <bool mistake> __global__ void crossing_barriers(int *out) {
    const unsigned first = mistake && threadIdx.x < 32 ? 2 : 1;
    barrier_sync(first, 64);
    barrier_sync(3 - first, 64);
    out[threadIdx.x] = 1;
}
CASE(crossing_barriers) {
    Buffer<int> out(64);
    LAUNCH(crossing_barriers, ({1, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: both_wait_for_the_other: deadlock ... at barrier 1 ... at barrier 2
// The producer waits for an empty buffer that nobody has said to be empty at the start.
template <bool mistake> __global__ void both_wait_for_the_other(int *out) {
    __shared__ int buffer[32];
    const int lane = threadIdx.x % 32;
    enum { full = 1, empty = 2 };
    if (threadIdx.x < 32) {
        for (int i = 0; i < 2; i++) {
            if (mistake || i > 0) barrier_sync(empty, 64);
            buffer[lane] = i;
            barrier_arrive(full, 64);
        }
    } else {
        for (int i = 0; i < 2; i++) {
            barrier_sync(full, 64);
            out[lane] = buffer[lane];
            if (mistake || i < 1) barrier_arrive(empty, 64);
        }
    }
}
CASE(both_wait_for_the_other) {
    Buffer<int> out(32);
    LAUNCH(both_wait_for_the_other, ({1, 64}), out.device());
    expect_all("out", 1, out.host());
}

// case: grid_barrier_behind_syncthreads: deadlock
template <bool mistake> __global__ void grid_barrier_behind_syncthreads(int *out) {
    if (mistake && blockIdx.x == 0 && threadIdx.x < 32)
        __syncthreads();
    else
        cg::this_grid().sync();
    out[64 * blockIdx.x + threadIdx.x] = 1;
}
CASE(grid_barrier_behind_syncthreads) {
    Buffer<int> out(128);
    LAUNCH(grid_barrier_behind_syncthreads, ({2, 64, 0, 1, true}), out.device());
    expect_all("out", 1, out.host());
}

// case: flag_that_nobody_sets: deadlock
template <bool mistake> __global__ void flag_that_nobody_sets(uint32_t *flag, int *out) {
    if (!mistake && threadIdx.x == 63) store_release(flag, 1u);
    if (threadIdx.x < 32)
        while (load_acquire(flag) == 0) {
        }
    out[threadIdx.x] = 1;
}
CASE(flag_that_nobody_sets) {
    setenv("WARPWEAVE_SIM_TIMEOUT", mistake ? "0.3" : "30", 1);
    Buffer<uint32_t> flag(1);
    Buffer<int> out(64);
    LAUNCH(flag_that_nobody_sets, ({1, 64}), flag.device(), out.device());
    expect_all("out", 1, out.host());
}

// case: lock_taken_twice: deadlock
// A function that takes the lock is called by one that holds it.
template <bool mistake> __global__ void lock_taken_twice(int *lock, int *out) {
    if (threadIdx.x != 0) return;
    const auto take = [=] {
        while (atomicCAS(lock, 0, 1) != 0) {
        }
        __threadfence();
    };
    take();
    if (mistake) take();
    *out = 1;
    __threadfence();
    atomicExch(lock, 0);
}
CASE(lock_taken_twice) {
    setenv("WARPWEAVE_SIM_TIMEOUT", mistake ? "0.3" : "30", 1);
    Buffer<int> lock(1), out(1);
    LAUNCH(lock_taken_twice, ({1, 32}), lock.device(), out.device());
    expect_all("out", 1, out.host());
}

// case: spin_on_plain_memory: this thread has run for
// Nothing makes the compiler, or the hardware, load a plain variable again.
template <bool mistake> __global__ void spin_on_plain_memory(uint32_t *flag, int *out) {
    if (threadIdx.x == 0) {
        if (mistake)
            while (*static_cast<volatile uint32_t *>(flag) == 0) {
            }
        else
            while (load_acquire(flag) == 0) {
            }
        *out = 1;
    }
    if (mistake) __syncthreads();
    if (threadIdx.x == 32) store_release(flag, 1u);
}
CASE(spin_on_plain_memory) {
    setenv("WARPWEAVE_SIM_TIMEOUT", mistake ? "0.3" : "30", 1);
    Buffer<uint32_t> flag(1);
    Buffer<int> out(1);
    LAUNCH(spin_on_plain_memory, ({1, 64}), flag.device(), out.device());
    expect_all("out", 1, out.host());
}
