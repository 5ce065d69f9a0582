// What `#include <cuda_runtime.h>` finds when a .cu file is compiled for the simulated GPU.
#pragma once
#define __CUDA_RUNTIME_H__ // as in driver_types.h

#include "host_defines.h"
#include "vector_types.h"

#include "cuda_launch.h"
#include "cuda_runtime_api.h"
#include "device_functions.h"
#include "driver_types.h"

namespace wwsim {
inline namespace api {

// ---- Memory

template <class T> cudaError_t cudaMalloc(T **address, size_t bytes) {
    return cudaMalloc(reinterpret_cast<void **>(address), bytes);
}
template <class T> cudaError_t cudaMallocPitch(T **address, size_t *pitch, size_t width, size_t height) {
    return cudaMallocPitch(reinterpret_cast<void **>(address), pitch, width, height);
}
template <class T> cudaError_t cudaMallocManaged(T **address, size_t bytes, unsigned flags = cudaMemAttachGlobal) {
    return cudaMallocManaged(reinterpret_cast<void **>(address), bytes, flags);
}
template <class T> cudaError_t cudaMallocAsync(T **address, size_t bytes, cudaStream_t stream) {
    return cudaMallocAsync(reinterpret_cast<void **>(address), bytes, stream);
}
template <class T> cudaError_t cudaMallocHost(T **address, size_t bytes, unsigned flags = cudaHostAllocDefault) {
    return cudaMallocHost(reinterpret_cast<void **>(address), bytes, flags);
}
template <class T> cudaError_t cudaHostAlloc(T **address, size_t bytes, unsigned flags) {
    return cudaHostAlloc(reinterpret_cast<void **>(address), bytes, flags);
}
template <class T> cudaError_t cudaHostGetDevicePointer(T **device, void *host, unsigned flags) {
    return cudaHostGetDevicePointer(reinterpret_cast<void **>(device), host, flags);
}

// ---- Symbols: `__device__`, `__constant__` and `__managed__` variables

template <class T> cudaError_t cudaGetSymbolAddress(void **address, const T &symbol) {
    return symbol_address(address, &symbol, sizeof(T));
}
template <class T> cudaError_t cudaGetSymbolSize(size_t *bytes, const T &) {
    *bytes = sizeof(T);
    return cudaSuccess;
}
template <class T>
cudaError_t cudaMemcpyToSymbol(const T &symbol, const void *from, size_t bytes, size_t offset = 0,
                               cudaMemcpyKind kind = cudaMemcpyHostToDevice) {
    return copy_to_symbol(&symbol, sizeof(T), from, bytes, offset, kind, nullptr, false);
}
template <class T>
cudaError_t cudaMemcpyToSymbolAsync(const T &symbol, const void *from, size_t bytes, size_t offset = 0,
                                    cudaMemcpyKind kind = cudaMemcpyHostToDevice, cudaStream_t stream = nullptr) {
    return copy_to_symbol(&symbol, sizeof(T), from, bytes, offset, kind, stream, true);
}
template <class T>
cudaError_t cudaMemcpyFromSymbol(void *to, const T &symbol, size_t bytes, size_t offset = 0,
                                 cudaMemcpyKind kind = cudaMemcpyDeviceToHost) {
    return copy_from_symbol(to, &symbol, sizeof(T), bytes, offset, kind, nullptr, false);
}
template <class T>
cudaError_t cudaMemcpyFromSymbolAsync(void *to, const T &symbol, size_t bytes, size_t offset = 0,
                                      cudaMemcpyKind kind = cudaMemcpyDeviceToHost, cudaStream_t stream = nullptr) {
    return copy_from_symbol(to, &symbol, sizeof(T), bytes, offset, kind, stream, true);
}

// ---- Functions

template <class T> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, T *kernel) {
    return function_attributes(attributes, (const void *)kernel);
}
template <class T> cudaError_t cudaFuncSetAttribute(T *kernel, cudaFuncAttribute attribute, int value) {
    return set_function_attribute((const void *)kernel, attribute, value);
}
template <class T> cudaError_t cudaFuncSetCacheConfig(T *, cudaFuncCache) { return cudaSuccess; }

// ---- Occupancy, from threads and shared memory alone: registers are not known here

template <class T>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, T, int block_size, size_t dynamic_shared) {
    return active_blocks(blocks, block_size, dynamic_shared);
}
template <class T>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, T, int block_size, size_t dynamic_shared, unsigned) {
    return active_blocks(blocks, block_size, dynamic_shared);
}
template <class T> cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, T *, const cudaLaunchConfig_t *config) {
    return active_clusters(clusters, *config);
}

// The block size with the most resident threads, the larger of equals, and the blocks that fill the device.
template <class SharedOfBlock, class T>
cudaError_t cudaOccupancyMaxPotentialBlockSizeVariableSMem(int *grid_size, int *block_size, T, SharedOfBlock shared,
                                                           int limit = 0) {
    int multiprocessors = 0;
    cudaError_t error = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0);
    int best = 0;
    for (int size = limit > 0 && limit < 1024 ? limit : 1024; size > 0 && error == cudaSuccess; size = (size - 1) / 32 * 32) {
        int blocks = 0;
        error = active_blocks(&blocks, size, shared(size));
        if (blocks * size > best) {
            best = blocks * size;
            *block_size = size;
            *grid_size = blocks * multiprocessors;
        }
    }
    return error;
}
template <class T>
cudaError_t cudaOccupancyMaxPotentialBlockSize(int *grid_size, int *block_size, T kernel, size_t dynamic_shared = 0, int limit = 0) {
    return cudaOccupancyMaxPotentialBlockSizeVariableSMem(grid_size, block_size, kernel, [=](int) { return dynamic_shared; }, limit);
}

} // namespace api
} // namespace wwsim

using namespace wwsim::api;
