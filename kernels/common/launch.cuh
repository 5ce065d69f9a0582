// Launching a kernel, with a cluster and dynamic shared memory where it wants them, and asking what the device can do.
#pragma once

#include "config.cuh"

namespace WW_NAMESPACE {

inline int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

struct LaunchShape {
    dim3 grid, block;
    size_t shared_bytes = 0; // dynamic
    unsigned cluster = 1;    // blocks along x that run together; grid.x is a multiple of it
};

// An attribute of the stream's device.
inline int32_t device_attribute(ww_stream stream, cudaDeviceAttr attribute, int &value) {
    int device = 0;
#if CUDART_VERSION >= 12080
    const cudaError_t status = cudaStreamGetDevice(static_cast<cudaStream_t>(stream), &device);
#else
    (void)stream; // launched on with its own device current: another one would refuse the launch
    const cudaError_t status = cudaGetDevice(&device);
#endif
    return status != cudaSuccess ? status : cudaDeviceGetAttribute(&value, attribute, device);
}

// The most dynamic shared memory that a block of the kernel can have there, beside what the kernel declares.
template <typename... Parameters>
int32_t most_shared_bytes(void (*kernel)(Parameters...), ww_stream stream, int &bytes) {
    int all = 0;
    if (const int32_t status = device_attribute(stream, cudaDevAttrMaxSharedMemoryPerBlockOptin, all)) return status;
    cudaFuncAttributes attributes;
    const cudaError_t status = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void *>(kernel));
    bytes = all - static_cast<int>(attributes.sharedSizeBytes);
    return status;
}

// Allows the kernel so much dynamic shared memory. Without asking it may have 48 KiB together with what it declares. What it is
// allowed is the same for all launches, so that one thread takes nothing from another one's launch between the two calls.
template <typename... Parameters>
int32_t allow_shared_bytes(void (*kernel)(Parameters...), ww_stream stream, size_t bytes) {
    const void *function = reinterpret_cast<const void *>(kernel);
    cudaFuncAttributes attributes;
    if (const cudaError_t status = cudaFuncGetAttributes(&attributes, function)) return status;
    if (bytes + attributes.sharedSizeBytes <= 48 * 1024) return WW_OK;
    int most = 0;
    if (const int32_t status = most_shared_bytes(kernel, stream, most)) return status;
    if (attributes.maxDynamicSharedSizeBytes == most) return WW_OK;
    return cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, most);
}

// Whether blocks of the kernel can form clusters there: on sm_90 and later, in code that was compiled for that. What a driver makes
// of PTX for an older GPU traps.
template <typename... Parameters> int32_t has_clusters(void (*kernel)(Parameters...), ww_stream stream, bool &answer) {
    answer = false;
    int supported = 0;
    const int32_t status = device_attribute(stream, cudaDevAttrClusterLaunch, supported);
    if (status != WW_OK || supported == 0) return status;
    cudaFuncAttributes attributes;
    const cudaError_t read = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void *>(kernel));
    answer = read == cudaSuccess && attributes.ptxVersion >= 90;
    return read;
}

// A launch as the runtime takes it. Points into itself.
struct LaunchConfig {
    cudaLaunchConfig_t config = {};
    cudaLaunchAttribute cluster = {};

    LaunchConfig(const LaunchShape &shape, ww_stream stream) {
        config.gridDim = shape.grid;
        config.blockDim = shape.block;
        config.dynamicSmemBytes = shape.shared_bytes;
        config.stream = static_cast<cudaStream_t>(stream);
        if (shape.cluster > 1) {
            cluster.id = cudaLaunchAttributeClusterDimension;
            cluster.val.clusterDim.x = shape.cluster;
            cluster.val.clusterDim.y = 1;
            cluster.val.clusterDim.z = 1;
            config.attrs = &cluster;
            config.numAttrs = 1;
        }
    }
    LaunchConfig(const LaunchConfig &) = delete;
};

// Enqueues a kernel: 0 or a `cudaError_t`, as launchers return it.
template <typename... Parameters, typename... Arguments>
int32_t launch(void (*kernel)(Parameters...), const LaunchShape &shape, ww_stream stream, const Arguments &...arguments) {
    if (shape.shared_bytes > 0) {
        if (const int32_t status = allow_shared_bytes(kernel, stream, shape.shared_bytes)) return status;
    }
    const LaunchConfig launch(shape, stream);
    return cudaLaunchKernelEx(&launch.config, kernel, static_cast<Parameters>(arguments)...);
}

// Whether the kernel runs there in clusters of this launch's shape. Compiled for clusters is not all: a part of a GPU (MIG), or one
// with multiprocessors that are switched off, may have too few of them side by side.
template <typename... Parameters>
int32_t fits_cluster(void (*kernel)(Parameters...), const LaunchShape &shape, ww_stream stream, bool &answer) {
    int32_t status = has_clusters(kernel, stream, answer);
    if (status != WW_OK || !answer) return status;
    if (shape.cluster > 8) { // more than the programming model promises are to be allowed
        const void *function = reinterpret_cast<const void *>(kernel);
        status = cudaFuncSetAttribute(function, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
    }
    if (status == WW_OK && shape.shared_bytes > 0) status = allow_shared_bytes(kernel, stream, shape.shared_bytes);
    if (status != WW_OK) return status;
    int clusters = 0;
    const LaunchConfig launch(shape, stream);
    answer = cudaOccupancyMaxActiveClusters(&clusters, kernel, &launch.config) == cudaSuccess && clusters > 0;
    return WW_OK;
}

} // namespace WW_NAMESPACE
