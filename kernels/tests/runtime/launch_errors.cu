// What a launch is refused for, and that a refused launch runs nothing and leaves the device usable.
#include <cuda_runtime.h>

#include "check.h"

__global__ void count(int *runs) {
    if (threadIdx.x == 0)
        atomicAdd(runs, 1);
}
__global__ void uses_shared(int *runs) {
    extern __shared__ int memory[];
    memory[threadIdx.x] = 1;
    atomicAdd(runs, memory[threadIdx.x]);
}

static int *runs;

static cudaError_t launch(dim3 grid, dim3 block, size_t shared = 0) {
    count<<<grid, block, shared>>>(runs);
    return cudaPeekAtLastError();
}

static cudaError_t launch_cluster(dim3 grid, dim3 cluster) {
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3(32);
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = cluster.x;
    attribute.val.clusterDim.y = cluster.y;
    attribute.val.clusterDim.z = cluster.z;
    config.attrs = &attribute;
    config.numAttrs = 1;
    return cudaLaunchKernelEx(&config, count, runs);
}

int main() {
    CHECK(cudaMalloc(&runs, sizeof(int)));
    CHECK(cudaMemset(runs, 0, sizeof(int)));
    EXPECT_ERROR(launch(0, 32), cudaErrorInvalidConfiguration);
    EXPECT_ERROR(launch(1, 0), cudaErrorInvalidConfiguration);
    EXPECT_ERROR(launch(1, 1025), cudaErrorInvalidConfiguration);
    EXPECT_ERROR(launch(1, dim3(32, 32, 2)), cudaErrorInvalidConfiguration);
    EXPECT_ERROR(launch(1, dim3(1, 1, 65)), cudaErrorInvalidConfiguration);
    EXPECT_ERROR(launch(dim3(1, 65536), 32), cudaErrorInvalidConfiguration);
    EXPECT_ERROR(launch(dim3(1, 1, 65536), 32), cudaErrorInvalidConfiguration);

    int major = 0, opt_in = 0, multiprocessors = 0, resident = 0;
    CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
    CHECK(cudaDeviceGetAttribute(&opt_in, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
    EXPECT_ERROR(launch(1, 32, 48 * 1024 + 1), cudaErrorInvalidValue);
    uses_shared<<<1, 32, opt_in>>>(runs);
    EXPECT_ERROR(cudaPeekAtLastError(), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaFuncSetAttribute(uses_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, opt_in + 1), cudaErrorInvalidValue);
    CHECK(cudaFuncSetAttribute(uses_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, opt_in));
    uses_shared<<<1, 32, opt_in>>>(runs); // 32 runs
    CHECK(cudaGetLastError());
    EXPECT_ERROR(launch(1, 32, opt_in), cudaErrorInvalidValue); // another kernel's limit is its own

    CHECK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, count, 1024, 0));
    void *arguments[] = {&runs};
    EXPECT_ERROR(cudaLaunchCooperativeKernel((void *)count, dim3(multiprocessors * resident + 1), dim3(1024), arguments, 0, nullptr),
                 cudaErrorCooperativeLaunchTooLarge);
    CHECK(cudaLaunchCooperativeKernel((void *)count, dim3(4), dim3(64), arguments, 0, nullptr)); // 4 runs

    if (major >= 9) {
        EXPECT_ERROR(launch_cluster(6, 4), cudaErrorInvalidClusterSize);
        EXPECT_ERROR(launch_cluster(16, 16), cudaErrorInvalidClusterSize);
        CHECK(launch_cluster(8, 8)); // 8 runs
        CHECK(cudaFuncSetAttribute(count, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
        CHECK(launch_cluster(16, dim3(16))); // 16 runs
    }
    CHECK(launch(2, 32)); // 2 runs
    CHECK(cudaLaunchKernel((const void *)count, dim3(3), dim3(32), arguments, 0, nullptr)); // 3 runs

    int total;
    CHECK(cudaMemcpy(&total, runs, sizeof(int), cudaMemcpyDeviceToHost));
    const int expected = 32 + 4 + 2 + 3 + (major >= 9 ? 8 + 16 : 0);
    EXPECT(total == expected, "%d runs, not %d", total, expected);
    CHECK(cudaFree(runs));
    return 0;
}
