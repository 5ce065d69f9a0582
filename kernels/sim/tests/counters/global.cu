// Global memory: requests, sectors and the bytes that are used of them.
#include "check.h"

__global__ void copy(const float *from, float *to, int stride, int offset) {
    to[threadIdx.x] = from[threadIdx.x * stride + offset];
}

__global__ void broadcast(const float *from, float *to) { to[threadIdx.x] = from[7]; }

template <class T> __global__ void copy_wide(const T *from, T *to) { to[threadIdx.x] = from[threadIdx.x]; }

__global__ void read_twice(const float *from, float *to) {
    to[threadIdx.x] = from[threadIdx.x] + from[threadIdx.x ^ 1];
}

__global__ void add(float *sum, int *counts) {
    atomicAdd(sum, 1.0f);
    atomicAdd(counts + threadIdx.x, 1);
}

// Cost of 32 lanes that load and store one T each.
template <class T> static void check_wide(Counted &gpu, int64_t requests, int64_t sectors) {
    const T *from = gpu.allocate<T>(32);
    T *to = gpu.allocate<T>(32);
    const ww_sim_counters &c = gpu.cost([&](cudaStream_t s) { copy_wide<<<1, 32, 0, s>>>(from, to); });
    for (const ww_sim_global_traffic &traffic : {loads(c), stores(c)}) {
        EXPECT(traffic.requests, requests);
        EXPECT(traffic.sectors, sectors);
        EXPECT(traffic.bytes, 32 * int64_t(sizeof(T)));
        EXPECT(traffic.used_bytes, 32 * int64_t(sizeof(T)));
    }
}

static void check_stride(Counted &gpu, int threads, int stride, int offset, int64_t sectors, int64_t wasted) {
    const float *from = gpu.allocate<float>(32 * 32 + 32);
    float *to = gpu.allocate<float>(64);
    const ww_sim_counters &c = gpu.cost([&](cudaStream_t s) { copy<<<1, threads, 0, s>>>(from, to, stride, offset); });
    EXPECT(c.launches, 1);
    EXPECT(c.blocks, 1);
    EXPECT(c.warps, 1);
    EXPECT(loads(c).requests, 1);
    EXPECT(loads(c).bytes, 4 * threads);
    EXPECT(loads(c).used_bytes, 4 * threads);
    EXPECT(loads(c).sectors, sectors);
    EXPECT(c.distinct_sectors_read, sectors);
    EXPECT(stores(c).sectors, (threads + 7) / 8);
    EXPECT(c.line_count, wasted != 0);
    if (wasted) {
        EXPECT(c.lines[0].wasted_sectors, wasted);
        REQUIRE(std::strstr(c.lines[0].line, "global.cu:5 (copy)"));
    }
}

static void test(Counted &gpu) {
    check_stride(gpu, 32, 1, 0, 4, 0);
    check_stride(gpu, 32, 1, 1, 5, 1); // misaligned: one sector more
    check_stride(gpu, 32, 2, 0, 8, 4);
    check_stride(gpu, 32, 8, 0, 32, 28);
    check_stride(gpu, 32, 32, 0, 32, 28);
    check_stride(gpu, 8, 1, 0, 1, 0); // a part of a warp
    check_stride(gpu, 32, -1, 31, 4, 0);

    check_wide<char>(gpu, 1, 1);
    check_wide<short>(gpu, 1, 2);
    check_wide<double>(gpu, 1, 8);
    check_wide<float2>(gpu, 1, 8);
    check_wide<float4>(gpu, 1, 16);
    check_wide<float3>(gpu, 3, 3 * 12); // three accesses of 4 bytes, each of which touches all twelve sectors

    const float *from = gpu.allocate<float>(64);
    float *to = gpu.allocate<float>(64);
    const ww_sim_counters *c = &gpu.cost([&](cudaStream_t s) { broadcast<<<1, 32, 0, s>>>(from, to); });
    EXPECT(loads(*c).requests, 1);
    EXPECT(loads(*c).sectors, 1);
    EXPECT(loads(*c).bytes, 128);
    EXPECT(loads(*c).used_bytes, 4);

    c = &gpu.cost([&](cudaStream_t s) { read_twice<<<3, 64, 0, s>>>(from, to); });
    EXPECT(c->warps, 6);
    EXPECT(loads(*c).requests, 12);
    EXPECT(loads(*c).sectors, 48);
    EXPECT(c->distinct_sectors_read, 8); // each block reads the same 256 bytes
    EXPECT(c->distinct_sectors_written, 8);

    float *sum = gpu.allocate<float>(1);
    int *counts = gpu.allocate<int>(32);
    c = &gpu.cost([&](cudaStream_t s) { add<<<2, 32, 0, s>>>(sum, counts); });
    EXPECT(c->global[WW_SIM_GLOBAL_ATOMIC].requests, 4);
    EXPECT(c->global[WW_SIM_GLOBAL_ATOMIC].sectors, 2 * (1 + 4));
    EXPECT(c->global[WW_SIM_GLOBAL_ATOMIC].used_bytes, 2 * (4 + 128));
    EXPECT(loads(*c).requests, 0);
}

int main() { return run(test); }
