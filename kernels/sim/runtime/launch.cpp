// Launches: what the runtime refuses, attributes of functions, occupancy.
#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "../include/cuda_launch.h"
#include "call.h"
#include "kernel_name.h"
#include "limits.h"

namespace wwsim {
namespace {

struct FunctionState {
    int max_dynamic_shared = default_shared_bytes;
    bool non_portable_cluster = false;
    int carveout = cudaSharedmemCarveoutDefault;
};

// Of kernels whose attributes were set.
struct Functions {
    std::shared_mutex mutex;
    std::unordered_map<const void *, FunctionState> states;
};

Functions &functions() {
    static Functions *const functions = new Functions;
    return *functions;
}

FunctionState state_of(const void *kernel) {
    Functions &f = functions();
    std::shared_lock lock(f.mutex);
    auto found = f.states.find(kernel);
    return found == f.states.end() ? FunctionState{} : found->second;
}

struct Attributes {
    dim3 cluster{1, 1, 1};
    bool clustered = false;
    bool cooperative = false;
};

Attributes attributes_of(const cudaLaunchConfig_t &config) {
    Attributes result;
    for (unsigned i = 0; i < config.numAttrs; i++) {
        const cudaLaunchAttribute &attribute = config.attrs[i];
        if (attribute.id == cudaLaunchAttributeClusterDimension) {
            result.cluster = {attribute.val.clusterDim.x, attribute.val.clusterDim.y, attribute.val.clusterDim.z};
            result.clustered = true;
        } else if (attribute.id == cudaLaunchAttributeCooperative) {
            result.cooperative = attribute.val.cooperative != 0;
        }
        // The others say how fast, or when at the earliest: programmatic launch may always begin as late as a plain one.
    }
    return result;
}

bool is_within(dim3 size, dim3 limit) {
    return size.x >= 1 && size.y >= 1 && size.z >= 1 && size.x <= limit.x && size.y <= limit.y && size.z <= limit.z;
}

uint64_t volume(dim3 size) { return uint64_t(size.x) * size.y * size.z; }

cudaError_t check_cluster(const Limits &limits, dim3 grid, dim3 cluster, const void *kernel) {
    if (!limits.clusters)
        return cudaErrorNotSupported;
    if (cluster.x == 0 || cluster.y == 0 || cluster.z == 0 || grid.x % cluster.x || grid.y % cluster.y || grid.z % cluster.z)
        return cudaErrorInvalidClusterSize;
    unsigned largest = !kernel || state_of(kernel).non_portable_cluster ? largest_cluster : largest_portable_cluster;
    return is_within(cluster, {largest, largest, largest}) && volume(cluster) <= largest ? cudaSuccess : cudaErrorInvalidClusterSize;
}

cudaError_t check(const Limits &limits, const cudaLaunchConfig_t &config, const Attributes &attributes, const void *kernel,
                  size_t argument_bytes) {
    if (!is_within(config.gridDim, grid_limit) || !is_within(config.blockDim, block_limit) ||
        volume(config.blockDim) > block_threads)
        return cudaErrorInvalidConfiguration;
    if (argument_bytes > largest_arguments)
        return cudaErrorInvalidValue;
    size_t allowed = size_t(limits.opt_in_shared_bytes);
    if (kernel && config.dynamicSmemBytes > default_shared_bytes)
        allowed = std::min(allowed, size_t(state_of(kernel).max_dynamic_shared));
    if (config.dynamicSmemBytes > allowed)
        return cudaErrorInvalidValue;
    if (attributes.clustered)
        if (cudaError_t error = check_cluster(limits, config.gridDim, attributes.cluster, kernel))
            return error;
    if (attributes.cooperative &&
        volume(config.gridDim) > uint64_t(limits.multiprocessors) *
                                     limits.blocks_per_multiprocessor(volume(config.blockDim), config.dynamicSmemBytes))
        return cudaErrorCooperativeLaunchTooLarge;
    return cudaSuccess;
}

} // namespace

cudaError_t enqueue_kernel(const cudaLaunchConfig_t &config, const void *kernel, const char *name, std::unique_ptr<const Body> given,
                           size_t argument_bytes) {
    // Shared by the launches of a graph.
    std::shared_ptr<const Body> body = std::move(given);
    return call_stream(config.stream, [&](Stream &stream) {
        Attributes attributes = attributes_of(config);
        const Limits &limits = limits_of(stream.gpu->options.compute_capability);
        if (cudaError_t error = check(limits, config, attributes, kernel, argument_bytes))
            return error;
        if (cudaError_t error = check_enqueue(stream))
            return error;
        const Launch launch{name ? name : kernel_name(kernel), config.gridDim, config.blockDim, attributes.cluster,
                            config.dynamicSmemBytes, attributes.cooperative, stream.gpu->options.compute_capability};
        stream.gpu->enqueue(stream, [launch, body = std::move(body)](Gpu &gpu) {
            Schedule schedule{Random(gpu.options.seed, gpu.launches++).next(), gpu.options.timing, gpu.options.watch};
            Outcome outcome = run(launch, *body, schedule, gpu.options.workers);
            if (outcome.counters)
                gpu.counters[launch.kernel] += *outcome.counters;
            return outcome;
        });
        return cudaSuccess;
    });
}

cudaError_t function_attributes(cudaFuncAttributes *attributes, const void *kernel) {
    return call([&](Gpu &gpu) {
        if (!attributes || !kernel)
            return cudaErrorInvalidDeviceFunction;
        FunctionState state = state_of(kernel);
        *attributes = {};
        attributes->maxThreadsPerBlock = block_threads;
        attributes->ptxVersion = attributes->binaryVersion = gpu.options.compute_capability;
        attributes->maxDynamicSharedSizeBytes = state.max_dynamic_shared;
        attributes->preferredShmemCarveout = state.carveout;
        attributes->nonPortableClusterSizeAllowed = state.non_portable_cluster;
        return cudaSuccess;
    });
}

cudaError_t set_function_attribute(const void *kernel, cudaFuncAttribute attribute, int value) {
    return call([&](Gpu &) {
        if (!kernel)
            return cudaErrorInvalidDeviceFunction;
        Functions &f = functions();
        std::unique_lock lock(f.mutex);
        FunctionState &state = f.states[kernel];
        switch (attribute) {
        case cudaFuncAttributeMaxDynamicSharedMemorySize:
            if (value < 0 || value > largest_opt_in_shared_bytes())
                return cudaErrorInvalidValue;
            state.max_dynamic_shared = value;
            return cudaSuccess;
        case cudaFuncAttributePreferredSharedMemoryCarveout:
            if (value < -1 || value > 100)
                return cudaErrorInvalidValue;
            state.carveout = value;
            return cudaSuccess;
        case cudaFuncAttributeNonPortableClusterSizeAllowed: state.non_portable_cluster = value != 0; return cudaSuccess;
        default: return cudaErrorInvalidValue;
        }
    });
}

cudaError_t active_blocks(int *blocks, int block_size, size_t dynamic_shared) {
    return call([&](Gpu &gpu) {
        const Limits &limits = limits_of(gpu.options.compute_capability);
        if (!blocks || block_size <= 0)
            return cudaErrorInvalidValue;
        bool fits = block_size <= int(block_threads) && dynamic_shared <= size_t(limits.opt_in_shared_bytes);
        *blocks = fits ? limits.blocks_per_multiprocessor(block_size, dynamic_shared) : 0;
        return cudaSuccess;
    });
}

cudaError_t active_clusters(int *clusters, const cudaLaunchConfig_t &config) {
    return call([&](Gpu &gpu) {
        const Limits &limits = limits_of(gpu.options.compute_capability);
        uint64_t cluster = volume(attributes_of(config).cluster);
        if (!clusters || !limits.clusters || cluster == 0 || cluster > largest_cluster)
            return cudaErrorInvalidClusterSize;
        uint64_t blocks = limits.blocks_per_multiprocessor(volume(config.blockDim), config.dynamicSmemBytes);
        *clusters = int(blocks * limits.multiprocessors / cluster);
        return cudaSuccess;
    });
}

} // namespace wwsim
