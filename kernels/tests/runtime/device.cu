// What the device says of itself, and what follows from it.
#include <cstring>

#include <cuda_runtime.h>

#include "check.h"

__global__ void kernel(int *) {}

static int attribute(cudaDeviceAttr which) {
    int value = -1;
    CHECK(cudaDeviceGetAttribute(&value, which, 0));
    return value;
}

int main() {
    int count = 0, device = -1, version = 0;
    CHECK(cudaGetDeviceCount(&count));
    EXPECT(count >= 1, "%d devices", count);
    CHECK(cudaSetDevice(0));
    CHECK(cudaGetDevice(&device));
    EXPECT(device == 0, "device %d", device);
    EXPECT_ERROR(cudaSetDevice(-1), cudaErrorInvalidDevice);
    EXPECT_ERROR(cudaSetDevice(count), cudaErrorInvalidDevice);
    CHECK(cudaRuntimeGetVersion(&version));
    EXPECT(version >= 12000, "version %d", version);
    CHECK(cudaDriverGetVersion(&version));
    EXPECT(version >= 12000, "version %d", version);

    cudaDeviceProp p;
    CHECK(cudaGetDeviceProperties(&p, 0));
    EXPECT(std::strlen(p.name) > 0 && p.warpSize == 32 && p.maxThreadsPerBlock == 1024, "%s", p.name);
    EXPECT(p.major == attribute(cudaDevAttrComputeCapabilityMajor) && p.minor == attribute(cudaDevAttrComputeCapabilityMinor) &&
               p.multiProcessorCount == attribute(cudaDevAttrMultiProcessorCount) &&
               int(p.sharedMemPerBlockOptin) == attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) &&
               p.l2CacheSize == attribute(cudaDevAttrL2CacheSize) && p.maxGridSize[0] == attribute(cudaDevAttrMaxGridDimX) &&
               p.maxThreadsPerMultiProcessor == attribute(cudaDevAttrMaxThreadsPerMultiProcessor),
           "compute capability %d.%d", p.major, p.minor);
    EXPECT((p.major >= 9) == (attribute(cudaDevAttrClusterLaunch) == 1), "compute capability %d.%d", p.major, p.minor);
    int value;
    EXPECT_ERROR(cudaDeviceGetAttribute(&value, static_cast<cudaDeviceAttr>(99999), 0), cudaErrorInvalidValue);
    EXPECT_ERROR(cudaDeviceGetAttribute(&value, cudaDevAttrWarpSize, count), cudaErrorInvalidDevice);

    // Threads, then shared memory, limit how many blocks are resident.
    int blocks = 0, grid = 0, block = 0;
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, 1024, 0));
    EXPECT(blocks == p.maxThreadsPerMultiProcessor / 1024, "%d blocks", blocks);
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, 32, 0));
    EXPECT(blocks == attribute(cudaDevAttrMaxBlocksPerMultiprocessor), "%d blocks", blocks);
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, 128, 47 * 1024));
    EXPECT(blocks == int(p.sharedMemPerMultiprocessor / (47 * 1024 + p.reservedSharedMemPerBlock)), "%d blocks", blocks);
    CHECK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, kernel, 0, 0));
    EXPECT(block % 32 == 0 && grid * block == p.multiProcessorCount * p.maxThreadsPerMultiProcessor, "%d blocks of %d", grid, block);

    cudaFuncAttributes attributes;
    CHECK(cudaFuncGetAttributes(&attributes, kernel));
    EXPECT(attributes.maxThreadsPerBlock == 1024, "%d threads", attributes.maxThreadsPerBlock);
    CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 * 1024));
    CHECK(cudaFuncGetAttributes(&attributes, kernel));
    EXPECT(attributes.maxDynamicSharedSizeBytes == 64 * 1024, "%d bytes", attributes.maxDynamicSharedSizeBytes);
    CHECK(cudaFuncSetCacheConfig(kernel, cudaFuncCachePreferShared));

    size_t stack = 0, larger = 0;
    CHECK(cudaDeviceGetLimit(&stack, cudaLimitStackSize));
    CHECK(cudaDeviceSetLimit(cudaLimitStackSize, stack + 4096));
    CHECK(cudaDeviceGetLimit(&larger, cudaLimitStackSize));
    EXPECT(larger >= stack + 4096, "%zu and %zu bytes", stack, larger);
    EXPECT_ERROR(cudaDeviceSetLimit(static_cast<cudaLimit>(99), 0), cudaErrorUnsupportedLimit);

    EXPECT(std::strcmp(cudaGetErrorName(cudaErrorInvalidValue), "cudaErrorInvalidValue") == 0, "%s", cudaGetErrorName(cudaErrorInvalidValue));
    EXPECT(std::strcmp(cudaGetErrorString(cudaErrorLaunchFailure), "unspecified launch failure") == 0, "%s",
           cudaGetErrorString(cudaErrorLaunchFailure));
    EXPECT(std::strcmp(cudaGetErrorName(static_cast<cudaError_t>(12345)), "unrecognized error code") == 0, "%s",
           cudaGetErrorName(static_cast<cudaError_t>(12345)));
    return 0;
}
