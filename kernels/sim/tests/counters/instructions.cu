// Instructions that are no accesses: special functions, barriers, collectives.
#include "../../../common/ptx/math.cuh"
#include "check.h"

using namespace WW_NAMESPACE;

__global__ void special(float *x) {
    float y = x[threadIdx.x];
    y = exp2_approx(y) + rcp_approx(y + 2.0f);
    if (threadIdx.x < 4) y += __logf(y);
    y += expf(y) + sqrtf(y) + rsqrtf(y) + tanhf(y) + __sinf(y) + sinf(y) + logf(y);
    x[threadIdx.x] = y;
}

__global__ void synchronize(int *out) {
    __syncthreads();
    const int all = __syncthreads_and(threadIdx.x < 100);
    const unsigned ballot = __ballot_sync(0xffffffff, all);
    __syncwarp();
    out[threadIdx.x] = int(ballot) + __shfl_down_sync(0xffffffff, all, 1) + int(__reduce_add_sync(0xffffffff, 1u));
}

__global__ void nothing() {}

// Blocks of a cluster begin at the same time, each in a thread of the host's: none must be missed.
static void clusters(Counted &gpu) {
    cudaLaunchAttribute cluster = {};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = 8;
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = 8192;
    config.blockDim = 64;
    config.attrs = &cluster;
    config.numAttrs = 1;
    const ww_sim_counters &c = gpu.cost([&](cudaStream_t s) {
        config.stream = s;
        REQUIRE(cudaLaunchKernelEx(&config, nothing) == cudaSuccess);
    });
    EXPECT(c.blocks, 8192);
    EXPECT(c.warps, 16384);
}

static void test(Counted &gpu) {
    clusters(gpu);
    float *x = gpu.allocate<float>(64);
    const ww_sim_counters *c = &gpu.cost([&](cudaStream_t s) { special<<<1, 64, 0, s>>>(x); });
    const struct {
        const char *name;
        int64_t instructions, threads;
    } expected[] = {{"ex2", 2 * 3, 64 * 3}, {"rcp", 2 * 2, 64 * 2}, {"lg2", 1, 4}, {"rsqrt", 2 * 2, 64 * 2}, {"sin", 2, 64}, {"tanh", 0, 0}};
    for (const auto &of : expected) {
        EXPECT(instruction(*c, of.name).instructions, of.instructions);
        EXPECT(instruction(*c, of.name).threads, of.threads);
    }
    EXPECT(instruction(*c, "ex2").kind, WW_SIM_SPECIAL);

    int *out = gpu.allocate<int>(96);
    c = &gpu.cost([&](cudaStream_t s) { synchronize<<<2, 96, 0, s>>>(out); });
    EXPECT(instruction(*c, "__syncthreads").instructions, 6);
    EXPECT(instruction(*c, "__syncthreads_and").threads, 192);
    EXPECT(instruction(*c, "__syncthreads").kind, WW_SIM_BARRIER);
    for (const char *name : {"__ballot_sync", "__syncwarp", "__shfl_down_sync", "__reduce_add_sync"}) {
        EXPECT(instruction(*c, name).instructions, 6);
        EXPECT(instruction(*c, name).kind, WW_SIM_COLLECTIVE);
    }
}

int main() { return run(test); }
