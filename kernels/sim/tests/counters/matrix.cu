// What goes through wrappers: ldmatrix, stmatrix, cp.async, mma.
#include "../../../common/ptx/async_copy.cuh"
#include "../../../common/ptx/matrix.cuh"
#include "../../../common/ptx/mma.cuh"
#include "check.h"

using namespace WW_NAMESPACE;

enum class Layout { plain, padded, swizzled };

// Where chunk `chunk` of 16 bytes of row `row` of a tile with rows of 128 bytes lies.
__device__ int chunk_at(Layout layout, int row, int chunk) {
    switch (layout) {
    case Layout::plain: return row * 8 + chunk;
    case Layout::padded: return row * 9 + chunk;
    case Layout::swizzled: break;
    }
    return row * 8 + (chunk ^ row % 8);
}

// A tile of 16 rows of 64 bf16: copied in, read as fragments, written back.
__global__ void tile(const float4 *from, Layout layout) {
    __shared__ __align__(1024) float4 chunks[16 * 9];
    for (int i = threadIdx.x; i < 16 * 8; i += 32) async_copy_cg(&chunks[chunk_at(layout, i / 8, i % 8)], from + i);
    async_wait_all();
    __syncwarp();
    uint32_t r[4];
    ldmatrix(r, &chunks[chunk_at(layout, threadIdx.x % 16, threadIdx.x / 16)]);
    __syncwarp();
    stmatrix(&chunks[chunk_at(layout, threadIdx.x % 16, threadIdx.x / 16)], r);
}

__global__ void zero_fill(const float4 *from) {
    __shared__ float4 chunks[32];
    async_copy_cg(&chunks[threadIdx.x], from + threadIdx.x, threadIdx.x < 16 ? 16 : 0);
    async_wait_all();
}

__global__ void multiply(float *out, int times) {
    FragmentA<__nv_bfloat16> a{};
    FragmentB<__nv_bfloat16> b{};
    FragmentC<float> c{};
    for (int i = 0; i < times; i++) mma(c, a, b, c);
    out[threadIdx.x] = c.r[0];
}

static void check_tile(Counted &gpu, Layout layout, int64_t wavefronts) {
    const float4 *from = gpu.allocate<float4>(16 * 8);
    const ww_sim_counters &c = gpu.cost([&](cudaStream_t s) { tile<<<1, 32, 0, s>>>(from, layout); });
    EXPECT(loads(c).requests, 4);
    EXPECT(loads(c).sectors, 4 * 16);
    EXPECT(loads(c).bytes, 16 * 128);
    EXPECT(c.shared[WW_SIM_SHARED_CP_ASYNC].requests, 4);
    EXPECT(c.shared[WW_SIM_SHARED_CP_ASYNC].wavefronts, 4 * 4);
    for (int kind : {WW_SIM_SHARED_LDMATRIX, WW_SIM_SHARED_STMATRIX}) {
        EXPECT(c.shared[kind].requests, 1);
        EXPECT(c.shared[kind].bytes, 32 * 16);
        EXPECT(c.shared[kind].wavefronts, wavefronts);
        EXPECT(c.shared[kind].ideal_wavefronts, 4);
    }
}

static void test(Counted &gpu) {
    check_tile(gpu, Layout::plain, 4 * 8); // the rows of a matrix begin in one bank
    check_tile(gpu, Layout::padded, 4);
    check_tile(gpu, Layout::swizzled, 4);

    const float4 *from = gpu.allocate<float4>(32);
    const ww_sim_counters *c = &gpu.cost([&](cudaStream_t s) { zero_fill<<<1, 32, 0, s>>>(from); });
    EXPECT(loads(*c).bytes, 16 * 16); // what is filled with zeros is not read
    EXPECT(loads(*c).sectors, 8);
    EXPECT(c->shared[WW_SIM_SHARED_CP_ASYNC].bytes, 32 * 16);

    float *out = gpu.allocate<float>(64);
    c = &gpu.cost([&](cudaStream_t s) { multiply<<<3, 64, 0, s>>>(out, 5); });
    const ww_sim_instruction count = instruction(*c, "mma.m16n8k16.f32.bf16.bf16.f32");
    EXPECT(count.kind, WW_SIM_TENSOR);
    EXPECT(count.instructions, 3 * 2 * 5);
    EXPECT(count.threads, 3 * 2 * 5 * 32);
    EXPECT(count.flops, int64_t{3 * 2 * 5} * 2 * 16 * 8 * 16);
}

int main() { return run(test); }
