// Races between the threads of a block: what one writes and another touches, with nothing between the two that orders them.
#include "../../common/ptx/barrier.cuh"
#include "../../common/ptx/shared.cuh"
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>

#include "cases.cuh"

namespace cg = cooperative_groups;

// Before the race: so that nothing but it is a mistake, in any order of the threads.
template <typename T> __device__ void clear(T &shared) {
    if (threadIdx.x < sizeof(T) / sizeof(int)) reinterpret_cast<int *>(&shared)[threadIdx.x] = 0;
    __syncthreads();
}

// case: load_phase_without_barrier: race
template <bool mistake> __global__ void load_phase_without_barrier(const int *in, int *out) {
    __shared__ int tile[64];
    clear(tile);
    tile[threadIdx.x] = in[threadIdx.x]; // caught: load_phase_without_barrier
    if (!mistake) __syncthreads();
    out[threadIdx.x] = tile[(threadIdx.x + 32) % 64]; // caught: load_phase_without_barrier
}
CASE(load_phase_without_barrier) {
    Buffer<int> in(counting<int>(64)), out(64);
    LAUNCH(load_phase_without_barrier, ({1, 64}), in.device(), out.device());
    if (!mistake) expect_equal("out", 0, 32, out.host()[0]);
}

// case: overwritten_before_read: race
// A loop over tiles needs a barrier at both ends of its body.
template <bool mistake> __global__ void overwritten_before_read(const int *in, int *out) {
    __shared__ int tile[64];
    int sum = 0;
    for (int t = 0; t < 3; t++) {
        tile[threadIdx.x] = in[64 * t + threadIdx.x]; // caught: overwritten_before_read
        __syncthreads();
        sum += tile[63 - threadIdx.x]; // caught: overwritten_before_read
        if (!mistake) __syncthreads();
    }
    out[threadIdx.x] = sum;
}
CASE(overwritten_before_read) {
    Buffer<int> in(std::vector<int>(192, 1)), out(64);
    LAUNCH(overwritten_before_read, ({1, 64}), in.device(), out.device());
    if (!mistake) expect_all("out", 3, out.host());
}

// case: double_buffer_with_one: race
// With two buffers one barrier an iteration is enough; with one it isn't.
template <bool mistake> __global__ void double_buffer_with_one(const int *in, int *out) {
    __shared__ int tile[2][64];
    int sum = 0;
    for (int t = 0; t < 4; t++) {
        int *const buffer = tile[mistake ? 0 : t % 2];
        buffer[threadIdx.x] = in[threadIdx.x] + t; // caught: double_buffer_with_one
        __syncthreads();
        sum += buffer[(threadIdx.x + 33) % 64]; // caught: double_buffer_with_one
    }
    out[threadIdx.x] = sum;
}
CASE(double_buffer_with_one) {
    Buffer<int> in(64), out(64);
    LAUNCH(double_buffer_with_one, ({1, 64}), in.device(), out.device());
    if (!mistake) expect_all("out", 6, out.host());
}

// case: reduction_without_last_barrier: race
// The result is read by all threads without waiting for the one that writes it last.
template <bool mistake> __global__ void reduction_without_last_barrier(int *out) {
    __shared__ int sums[128];
    sums[threadIdx.x] = 1;
    __syncthreads();
    for (int half = 64; half > 0; half /= 2) {
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half]; // caught: reduction_without_last_barrier
        if (!mistake || half > 1) __syncthreads();
    }
    out[threadIdx.x] = sums[0]; // caught: reduction_without_last_barrier
}
CASE(reduction_without_last_barrier) {
    Buffer<int> out(128);
    LAUNCH(reduction_without_last_barrier, ({1, 128}), out.device());
    if (!mistake) expect_all("out", 128, out.host());
}

// case: warp_synchronous_volatile: race
// Lanes of a warp no longer run in step: volatile alone orders nothing.
template <bool mistake> __global__ void warp_synchronous_volatile(int *out) {
    __shared__ int sums[32];
    volatile int *const v = sums;
    v[threadIdx.x] = 1;
    __syncwarp();
    for (int half = 16; half > 0; half /= 2) {
        const int other = v[(threadIdx.x + half) % 32]; // caught: warp_synchronous_volatile
        if (!mistake) __syncwarp();
        v[threadIdx.x] = v[threadIdx.x] + other; // caught: warp_synchronous_volatile
        if (!mistake) __syncwarp();
    }
    out[threadIdx.x] = v[threadIdx.x];
}
CASE(warp_synchronous_volatile) {
    Buffer<int> out(32);
    LAUNCH(warp_synchronous_volatile, ({1, 32}), out.device());
    if (!mistake) expect_all("out", 32, out.host());
}

// case: shuffle_orders_no_memory: race
// __shfl_sync moves registers. It orders no memory, __syncwarp does.
template <bool mistake> __global__ void shuffle_orders_no_memory(int *out) {
    __shared__ int values[32];
    clear(values);
    values[threadIdx.x] = threadIdx.x; // caught: shuffle_orders_no_memory
    if (!mistake) __syncwarp();
    const int from = __shfl_xor_sync(0xffffffff, static_cast<int>(threadIdx.x), 1);
    out[threadIdx.x] = values[from]; // caught: shuffle_orders_no_memory
}
CASE(shuffle_orders_no_memory) {
    Buffer<int> out(32);
    LAUNCH(shuffle_orders_no_memory, ({1, 32}), out.device());
    if (!mistake) expect_equal("out", 0, 1, out.host()[0]);
}

// case: syncwarp_of_another_half: race
// Each half of the warp waits for itself, and reads what the other wrote.
template <bool mistake> __global__ void syncwarp_of_another_half(int *out) {
    __shared__ int values[32];
    clear(values);
    values[threadIdx.x] = threadIdx.x; // caught: syncwarp_of_another_half
    __syncwarp(threadIdx.x < 16 ? 0x0000ffff : 0xffff0000);
    const int from = mistake ? threadIdx.x ^ 16 : threadIdx.x ^ 1;
    out[threadIdx.x] = values[from]; // caught: syncwarp_of_another_half
}
CASE(syncwarp_of_another_half) {
    Buffer<int> out(32);
    LAUNCH(syncwarp_of_another_half, ({1, 32}), out.device());
    if (!mistake) expect_equal("out", 0, 1, out.host()[0]);
}

// case: syncwarp_for_two_warps: race
template <bool mistake> __global__ void syncwarp_for_two_warps(int *out) {
    __shared__ int values[64];
    clear(values);
    values[threadIdx.x] = threadIdx.x; // caught: syncwarp_for_two_warps
    __syncwarp();
    out[threadIdx.x] = values[threadIdx.x ^ (mistake ? 32 : 31)]; // caught: syncwarp_for_two_warps
}
CASE(syncwarp_for_two_warps) {
    Buffer<int> out(64);
    LAUNCH(syncwarp_for_two_warps, ({1, 64}), out.device());
    if (!mistake) expect_equal("out", 0, 31, out.host()[0]);
}

// case: histogram_without_atomics: race
template <bool mistake> __global__ void histogram_without_atomics(int *out) {
    __shared__ int bins[8];
    if (threadIdx.x < 8) bins[threadIdx.x] = 0;
    __syncthreads();
    int *const bin = &bins[threadIdx.x / 2 % 8];
    if (mistake)
        *bin += 1; // caught: histogram_without_atomics
    else
        atomicAdd(bin, 1);
    __syncthreads();
    if (threadIdx.x < 8) out[threadIdx.x] = bins[threadIdx.x];
}
CASE(histogram_without_atomics) {
    Buffer<int> out(8);
    LAUNCH(histogram_without_atomics, ({1, 64}), out.device());
    if (!mistake) expect_all("out", 8, out.host());
}

// case: atomic_mixed_with_plain: race
// One thread resets what others still count up.
template <bool mistake> __global__ void atomic_mixed_with_plain(int *out) {
    __shared__ int count;
    clear(count);
    if (threadIdx.x == 63) count = 0; // caught: atomic_mixed_with_plain
    if (!mistake) __syncthreads();
    atomicAdd(&count, 1); // caught: atomic_mixed_with_plain
    __syncthreads();
    if (threadIdx.x == 0) *out = count;
}
CASE(atomic_mixed_with_plain) {
    Buffer<int> out(1);
    LAUNCH(atomic_mixed_with_plain, ({1, 64}), out.device());
    if (!mistake) expect_all("out", 64, out.host());
}

// case: transpose_in_place: race
template <bool mistake> __global__ void transpose_in_place(int *matrix) {
    const int x = threadIdx.x, y = threadIdx.y;
    const int value = matrix[8 * y + x]; // caught: transpose_in_place
    if (!mistake) __syncthreads();
    matrix[8 * x + y] = value; // caught: transpose_in_place
}
CASE(transpose_in_place) {
    Buffer<int> matrix(counting<int>(64));
    LAUNCH(transpose_in_place, ({1, dim3(8, 8)}), matrix.device());
    if (!mistake) expect_equal("matrix", 1, 8, matrix.host()[1]);
}

// case: named_barrier_for_too_few: race
// Four warps write, and the barrier lets two of them go on when two have come.
template <bool mistake> __global__ void named_barrier_for_too_few(int *out) {
    __shared__ int values[128];
    clear(values);
    values[threadIdx.x] = 1; // caught: named_barrier_for_too_few
    barrier_sync(1, mistake ? 64 : 128);
    int sum = 0;
    for (int warp = 0; warp < 4; warp++) sum += values[32 * warp + threadIdx.x % 32]; // caught: named_barrier_for_too_few
    out[threadIdx.x] = sum;
}
CASE(named_barrier_for_too_few) {
    Buffer<int> out(128);
    LAUNCH(named_barrier_for_too_few, ({1, 128}), out.device());
    if (!mistake) expect_all("out", 4, out.host());
}

// case: consumer_does_not_wait: race
// Producer and consumer with named barriers: the producer's bar.arrive says that the buffer is full, the consumer's that it is empty.
template <bool mistake> __global__ void consumer_does_not_wait(int *out) {
    __shared__ int buffer[32];
    clear(buffer);
    const int lane = threadIdx.x % 32;
    enum { full = 1, empty = 2 };
    if (threadIdx.x < 32) {
        for (int i = 0; i < 3; i++) {
            if (i > 0) barrier_sync(empty, 64);
            buffer[lane] = 10 * i + lane; // caught: consumer_does_not_wait
            barrier_arrive(full, 64);
        }
    } else {
        int sum = 0;
        for (int i = 0; i < 3; i++) {
            if (mistake)
                barrier_arrive(full, 64);
            else
                barrier_sync(full, 64);
            sum += buffer[31 - lane]; // caught: consumer_does_not_wait
            if (i < 2) barrier_arrive(empty, 64);
        }
        out[lane] = sum;
    }
}
CASE(consumer_does_not_wait) {
    Buffer<int> out(32);
    LAUNCH(consumer_does_not_wait, ({1, 64}), out.device());
    if (!mistake) expect_equal("out", 31, 30, out.host()[31]);
}

// case: same_byte_of_a_word: race
// Bytes of one word, each written by a thread of its own, are no race. One byte, written by two, is.
template <bool mistake> __global__ void same_byte_of_a_word(unsigned char *out) {
    __shared__ unsigned char bytes[64];
    bytes[mistake ? threadIdx.x / 2 : threadIdx.x] = threadIdx.x; // caught: same_byte_of_a_word
    __syncthreads();
    out[threadIdx.x] = bytes[threadIdx.x / 2];
}
CASE(same_byte_of_a_word) {
    Buffer<unsigned char> out(64);
    LAUNCH(same_byte_of_a_word, ({1, 64}), out.device());
    if (!mistake) expect_equal("out", 63, 31, out.host()[63]);
}

// case: broadcast_of_a_value_in_the_making: race
// All threads may read one address, when it is written.
template <bool mistake> __global__ void broadcast_of_a_value_in_the_making(const int *in, int *out) {
    __shared__ int scale;
    clear(scale);
    if (threadIdx.x == 0) scale = *in; // caught: broadcast_of_a_value_in_the_making
    if (!mistake) __syncthreads();
    out[threadIdx.x] = scale * *in; // caught: broadcast_of_a_value_in_the_making
}
CASE(broadcast_of_a_value_in_the_making) {
    Buffer<int> in(std::vector<int>(1, 6)), out(64);
    LAUNCH(broadcast_of_a_value_in_the_making, ({1, 64}), in.device(), out.device());
    if (!mistake) expect_all("out", 36, out.host());
}

// case: tile_group_without_sync: race
// A tile of 8 lanes reduces in registers, then one lane of each shares the sum.
template <bool mistake> __global__ void tile_group_without_sync(int *out) {
    __shared__ int sums[8];
    clear(sums);
    const auto block = cg::this_thread_block();
    const auto tile = cg::tiled_partition<8>(block);
    const int sum = cg::reduce(tile, 1, cg::plus<int>());
    if (tile.thread_rank() == 0) sums[threadIdx.x / 8] = sum; // caught: tile_group_without_sync
    if (mistake)
        tile.sync();
    else
        block.sync();
    out[threadIdx.x] = sums[7 - threadIdx.x / 8]; // caught: tile_group_without_sync
}
CASE(tile_group_without_sync) {
    Buffer<int> out(64);
    LAUNCH(tile_group_without_sync, ({1, 64}), out.device());
    if (!mistake) expect_all("out", 8, out.host());
}
