// cuda::atomic and cuda::atomic_ref: messages by release and acquire between blocks, and every read-modify-write under contention.
#include <cuda/atomic>
#include <cuda/std/limits>

#include "check.h"

using Counter = cuda::atomic<int, cuda::thread_scope_device>;

__global__ void contend(int *plain, float *sum, int *results) {
    using Ref = cuda::atomic_ref<int, cuda::thread_scope_device>;
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    Ref(plain[0]).fetch_add(i, cuda::memory_order_relaxed);
    Ref(plain[1]).fetch_sub(i);
    Ref(plain[2]).fetch_max(i);
    Ref(plain[3]).fetch_min(i - 1000);
    Ref(plain[4]).fetch_or(1 << i % 31);
    Ref(plain[5]).fetch_xor(i);
    Ref counter(plain[6]);
    for (int old = counter.load(); !counter.compare_exchange_weak(old, old + 2);) {
    }
    cuda::atomic_ref<float, cuda::thread_scope_device>(*sum).fetch_add(0.5f);
    results[++Ref(plain[7]) - 1] += 1;
}

// Block 0 writes a message, then its flag; the others wait for the flag. Only in a cooperative launch do all of them surely run.
__global__ void send(int *message, Counter *flag, int *received) {
    if (blockIdx.x == 0) {
        message[0] = 42;
        flag->store(1, cuda::memory_order_release);
    } else {
        while (flag->load(cuda::memory_order_acquire) == 0) {
        }
        received[blockIdx.x] = message[0];
    }
}

int main() {
    constexpr int blocks = 8, threads = 32, count = blocks * threads;
    int *plain = managed<int>(8), *results = managed<int>(count);
    float *sum = managed<float>(1);
    contend<<<blocks, threads>>>(plain, sum, results);
    finish();
    int bits = 0, parity = 0;
    for (int i = 0; i < count; i++) {
        bits |= 1 << i % 31;
        parity ^= i;
        expect("operator++ returned each count once", 1, results[i], i);
    }
    const int expected[] = {count * (count - 1) / 2, -count * (count - 1) / 2, count - 1, -1000, bits, parity, 2 * count, count};
    for (int i = 0; i < 8; i++) expect("read-modify-write", expected[i], plain[i], i);
    expect("float", 0.5f * count, *sum);

    Counter *flag = managed<Counter>(1);
    int *received = managed<int>(4);
    void *arguments[] = {&plain, &flag, &received};
    CHECK(cudaLaunchCooperativeKernel(send, dim3(4), dim3(1), arguments, 0, nullptr));
    finish();
    for (int i = 1; i < 4; i++) expect("message", 42, received[i], i);
    static_assert(cuda::std::numeric_limits<int>::max() == 0x7FFFFFFF, "cuda::std");
    return verdict();
}
