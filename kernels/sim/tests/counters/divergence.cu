// Which lanes make up an instruction: branches, loops of different lengths, lanes that leave, lanes that meet in groups, and ways so long
// that the logs are cut on them.
#include "check.h"

// Half of the lanes here, the others there: an instruction each, then one of all.
__global__ void branches(float *out) {
    if (threadIdx.x % 2)
        out[threadIdx.x] = 1.0f;
    else
        out[threadIdx.x + 32] = 2.0f;
    out[threadIdx.x + 64] = 3.0f;
}

// Lane i goes around i + 1 times.
__global__ void triangle(float *out) {
    for (int i = 0; i <= int(threadIdx.x); i++) out[i * 32 + threadIdx.x] = 1.0f;
    out[threadIdx.x] = 2.0f;
}

// Three quarters of the lanes leave.
__global__ void leaving(float *out) {
    out[threadIdx.x] = 1.0f;
    if (threadIdx.x >= 8) return;
    out[threadIdx.x] = 2.0f;
    __syncwarp(0xff);
    out[threadIdx.x] = 3.0f;
}

// Groups of 8 lanes sum up on their own, as tiles of cooperative groups do.
__global__ void groups(const float *from, float *out) {
    float sum = from[threadIdx.x];
    const unsigned mask = 0xffu << threadIdx.x / 8 * 8;
    for (int step = 4; step; step /= 2) sum += __shfl_xor_sync(mask, sum, step, 8);
    out[threadIdx.x] = sum;
}

// Far more accesses than a log holds, without a point where lanes meet; every third lane makes half as many.
__global__ void long_way(const float *from, float *out, int times, bool diverges) {
    float sum = 0;
    for (int i = 0; i < times; i++)
        if (!diverges || threadIdx.x % 3 || i % 2) sum += from[i * 32 + threadIdx.x];
    out[threadIdx.x] = sum;
}

static void test(Counted &gpu) {
    float *out = gpu.allocate<float>(32 * 32);
    const ww_sim_counters *c = &gpu.cost([&](cudaStream_t s) { branches<<<2, 32, 0, s>>>(out); });
    EXPECT(stores(*c).requests, 2 * 3);
    EXPECT(stores(*c).sectors, 2 * (4 + 4 + 4));
    EXPECT(stores(*c).bytes, 2 * (64 + 64 + 128));

    c = &gpu.cost([&](cudaStream_t s) { triangle<<<1, 32, 0, s>>>(out); });
    EXPECT(stores(*c).requests, 32 + 1);
    EXPECT(stores(*c).bytes, (32 * 33 / 2 + 32) * 4);
    EXPECT(stores(*c).sectors, 8 * (1 + 2 + 3 + 4) + 4);

    c = &gpu.cost([&](cudaStream_t s) { leaving<<<1, 32, 0, s>>>(out); });
    EXPECT(stores(*c).requests, 3);
    EXPECT(stores(*c).sectors, 4 + 1 + 1);

    const float *from = gpu.allocate<float>(32 * 1000);
    c = &gpu.cost([&](cudaStream_t s) { groups<<<1, 64, 0, s>>>(from, out); });
    EXPECT(loads(*c).requests, 2);
    EXPECT(stores(*c).requests, 2);
    EXPECT(stores(*c).sectors, 8);
    EXPECT(instruction(*c, "__shfl_xor_sync").instructions, 2 * 3);
    EXPECT(instruction(*c, "__shfl_xor_sync").threads, 64 * 3);

    c = &gpu.cost([&](cudaStream_t s) { long_way<<<1, 32, 0, s>>>(from, out, 1000, false); });
    EXPECT(loads(*c).requests, 1000);
    EXPECT(loads(*c).sectors, 4 * 1000);
    c = &gpu.cost([&](cudaStream_t s) { long_way<<<1, 32, 0, s>>>(from, out, 1000, true); });
    EXPECT(loads(*c).bytes, 4 * (21 * 1000 + 11 * 500));
    EXPECT(stores(*c).requests, 1);
}

int main() { return run(test); }
