// Pi by throwing darts, with Philox 4x32-10: each thread's numbers come from its index, so the count is the same in every run.
#include <cmath>

#include "check.h"

__host__ __device__ uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; round++) {
        unsigned long long a = 0xD2511F53ull * counter.x, b = 0xCD9E8D57ull * counter.z;
        counter = {static_cast<unsigned>(b >> 32) ^ counter.y ^ key.x, static_cast<unsigned>(b),
                   static_cast<unsigned>(a >> 32) ^ counter.w ^ key.y, static_cast<unsigned>(a)};
        key.x += 0x9E3779B9;
        key.y += 0xBB67AE85;
    }
    return counter;
}

__host__ __device__ int darts_inside(unsigned index, uint2 seed) {
    uint4 words = philox({index, 0, 0, 0}, seed);
    const float scale = 1.0f / 4294967296.0f;
    float x0 = words.x * scale, y0 = words.y * scale, x1 = words.z * scale, y1 = words.w * scale;
    return (x0 * x0 + y0 * y0 <= 1) + (x1 * x1 + y1 * y1 <= 1);
}

__global__ void throw_darts(unsigned long long *inside, unsigned per_thread, uint2 seed) {
    unsigned first = (blockIdx.x * blockDim.x + threadIdx.x) * per_thread;
    int mine = 0;
    for (unsigned i = 0; i < per_thread; i++) mine += darts_inside(first + i, seed);
    mine = __reduce_add_sync(0xffffffff, mine);
    if (threadIdx.x % warpSize == 0) atomicAdd(inside, static_cast<unsigned long long>(mine));
}

int main() {
    // The known answer of Philox 4x32-10 for an all-zero counter and key.
    uint4 zero = philox({0, 0, 0, 0}, {0, 0});
    EXPECT(zero.x == 0x6627e8d5 && zero.y == 0xe169c58d && zero.z == 0xbc57ac4c && zero.w == 0x9b00dbd8, "got %08x %08x", zero.x, zero.y);

    const unsigned blocks = 8, threads = 128, per_thread = 20, calls = blocks * threads * per_thread;
    unsigned long long *device, inside, expected = 0;
    uint2 seed = {2017, 6};
    CHECK(cudaMalloc(&device, sizeof(*device)));
    CHECK(cudaMemset(device, 0, sizeof(*device)));
    throw_darts<<<blocks, threads>>>(device, per_thread, seed);
    CHECK(cudaGetLastError());
    CHECK(cudaMemcpy(&inside, device, sizeof(inside), cudaMemcpyDeviceToHost));
    // Not to the dart: nvcc may contract x*x + y*y, so one on the circle may fall to the other side.
    for (unsigned i = 0; i < calls; i++) expected += darts_inside(i, seed);
    EXPECT(inside <= expected + 2 && expected <= inside + 2, "%llu darts inside, not %llu", inside, expected);
    double pi = 4.0 * inside / (2.0 * calls);
    EXPECT(std::fabs(pi - 3.14159265) < 0.05, "pi is %f", pi);
    CHECK(cudaFree(device));
    return 0;
}
