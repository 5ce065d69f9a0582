// Stable radix sort, one bit a pass: votes count the zeros before each thread, first in its warp, then in its block, then over blocks.
#include <algorithm>
#include <vector>

#include "check.h"

constexpr unsigned block = 256, warps = block / 32;

// How many keys with a zero at `bit` come before this thread's in its block; `all` is how many the block has.
__device__ unsigned zeros_before(bool zero, unsigned &all) {
    __shared__ unsigned counts[warps];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    unsigned ballot = __ballot_sync(0xffffffff, zero);
    if (lane == 0) counts[warp] = __popc(ballot);
    all = __syncthreads_count(zero);
    unsigned before = __popc(ballot & ((1u << lane) - 1));
    for (unsigned w = 0; w < warp; w++) before += counts[w];
    __syncthreads();
    return before;
}

__global__ void count_zeros(const unsigned *keys, unsigned *zeros, int bit) {
    unsigned all;
    zeros_before(!(keys[blockIdx.x * block + threadIdx.x] >> bit & 1), all);
    if (threadIdx.x == 0) zeros[blockIdx.x] = all;
}

__global__ void scatter(const unsigned *in, unsigned *out, const unsigned *zeros, int bit) {
    unsigned i = blockIdx.x * block + threadIdx.x, key = in[i], all;
    bool zero = !(key >> bit & 1);
    unsigned before = zeros_before(zero, all), total = 0;
    for (unsigned b = 0; b < gridDim.x; b++) {
        if (b < blockIdx.x) before += zeros[b];
        total += zeros[b];
    }
    out[zero ? before : total + i - before] = key;
}

int main() {
    const unsigned n = 2048, blocks = n / block;
    std::vector<unsigned> keys(n), sorted(n);
    unsigned state = 1;
    for (unsigned &key : keys) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        key = state & 0xffff;
    }
    unsigned *a, *b, *zeros;
    CHECK(cudaMalloc(&a, n * sizeof(unsigned)));
    CHECK(cudaMalloc(&b, n * sizeof(unsigned)));
    CHECK(cudaMalloc(&zeros, blocks * sizeof(unsigned)));
    CHECK(cudaMemcpy(a, keys.data(), n * sizeof(unsigned), cudaMemcpyHostToDevice));
    for (int bit = 0; bit < 16; bit++) {
        count_zeros<<<blocks, block>>>(a, zeros, bit);
        scatter<<<blocks, block>>>(a, b, zeros, bit);
        std::swap(a, b);
    }
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(sorted.data(), a, n * sizeof(unsigned), cudaMemcpyDeviceToHost));
    std::sort(keys.begin(), keys.end());
    for (unsigned i = 0; i < n; i++) EXPECT(sorted[i] == keys[i], "key %u is %u, not %u", i, sorted[i], keys[i]);
    for (unsigned *p : {a, b, zeros}) CHECK(cudaFree(p));
    return 0;
}
