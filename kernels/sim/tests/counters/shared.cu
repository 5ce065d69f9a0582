// Shared memory: wavefronts and bank conflicts.
#include "check.h"

// Each lane stores and loads a T of its own, `stride` elements apart.
template <class T> __global__ void strided(T *out, int stride) {
    extern __shared__ char memory[];
    T *shared = reinterpret_cast<T *>(memory);
    shared[threadIdx.x * stride] = T{};
    __syncthreads();
    out[threadIdx.x] = shared[threadIdx.x * stride];
}

// A tile is stored by rows and read by columns.
template <int pitch> __global__ void transpose(float *out) {
    __shared__ float tile[32][pitch];
    tile[threadIdx.y][threadIdx.x] = 1.0f;
    __syncthreads();
    out[threadIdx.y * 32 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

__global__ void broadcast(float *out) {
    __shared__ float value[64];
    value[threadIdx.x] = value[threadIdx.x + 32] = 2.0f;
    __syncthreads();
    out[threadIdx.x] = value[3] + value[threadIdx.x / 8 * 32 % 64]; // one word; two words of one bank
}

__global__ void add(int *out, int words) {
    __shared__ int sums[32];
    sums[threadIdx.x] = 0;
    __syncthreads();
    atomicAdd(&sums[threadIdx.x % words], 1);
    __syncthreads();
    out[threadIdx.x] = sums[threadIdx.x];
}

template <class T> static void check_strided(Counted &gpu, int stride, int64_t wavefronts, int64_t ideal) {
    T *out = gpu.allocate<T>(32);
    const ww_sim_counters &c =
        gpu.cost([&](cudaStream_t s) { strided<T><<<1, 32, 32 * stride * sizeof(T), s>>>(out, stride); });
    for (const ww_sim_shared_traffic &traffic : {shared_loads(c), shared_stores(c)}) {
        EXPECT(traffic.requests, 1);
        EXPECT(traffic.bytes, 32 * int64_t(sizeof(T)));
        EXPECT(traffic.wavefronts, wavefronts);
        EXPECT(traffic.ideal_wavefronts, ideal);
    }
}

static void test(Counted &gpu) {
    for (int odd : {1, 3, 17, 33}) check_strided<float>(gpu, odd, 1, 1);
    check_strided<float>(gpu, 2, 2, 1);
    check_strided<float>(gpu, 4, 4, 1);
    check_strided<float>(gpu, 32, 32, 1);
    check_strided<char>(gpu, 1, 1, 1); // four lanes to a word
    check_strided<short>(gpu, 1, 1, 1);
    check_strided<short>(gpu, 4, 2, 1);
    check_strided<double>(gpu, 1, 2, 2); // by half-warps
    check_strided<double>(gpu, 2, 4, 2);
    check_strided<float4>(gpu, 1, 4, 4); // by quarters
    check_strided<float4>(gpu, 2, 8, 4);
    check_strided<float4>(gpu, 8, 32, 4);
    check_strided<float4>(gpu, 9, 4, 4);

    float *out = gpu.allocate<float>(1024);
    const ww_sim_counters *c = &gpu.cost([&](cudaStream_t s) { transpose<32><<<1, dim3(32, 32), 0, s>>>(out); });
    EXPECT(shared_stores(*c).wavefronts, 32);
    EXPECT(shared_loads(*c).requests, 32);
    EXPECT(shared_loads(*c).wavefronts, 32 * 32);
    EXPECT(shared_loads(*c).ideal_wavefronts, 32);
    EXPECT(c->line_count, 1);
    EXPECT(c->lines[0].conflicts, 32 * 31);
    EXPECT(c->lines[0].wasted_sectors, 0);
    REQUIRE(std::strstr(c->lines[0].line, "shared.cu:18 (transpose<32>)"));

    c = &gpu.cost([&](cudaStream_t s) { transpose<33><<<1, dim3(32, 32), 0, s>>>(out); });
    EXPECT(shared_loads(*c).wavefronts, 32);
    EXPECT(c->line_count, 0);

    c = &gpu.cost([&](cudaStream_t s) { broadcast<<<1, 32, 0, s>>>(out); });
    EXPECT(shared_loads(*c).requests, 2);
    EXPECT(shared_loads(*c).wavefronts, 1 + 2);

    for (int words : {32, 4, 1}) {
        int *sums = gpu.allocate<int>(32);
        c = &gpu.cost([&](cudaStream_t s) { add<<<1, 32, 0, s>>>(sums, words); });
        EXPECT(c->shared[WW_SIM_SHARED_ATOMIC].requests, 1);
        EXPECT(c->shared[WW_SIM_SHARED_ATOMIC].wavefronts, 32 / words); // one after the other
        EXPECT(c->shared[WW_SIM_SHARED_ATOMIC].ideal_wavefronts, 1);
    }
}

int main() { return run(test); }
